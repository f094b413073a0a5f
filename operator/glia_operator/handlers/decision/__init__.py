"""What is decided: pure functions on frozen values."""
