"""Training, one file per stage."""
