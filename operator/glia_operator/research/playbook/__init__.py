"""The brain that needs no model: rules that read the profile, hypotheses in words, policies built from small parts."""
