"""The command line `glia`: `main` declares every command; the modules beside it do the work."""
