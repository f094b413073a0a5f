"""`make paper`: what the paper reports beside what this project measures, in docs/results.md."""
