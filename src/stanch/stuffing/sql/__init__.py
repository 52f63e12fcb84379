"""The SQL steps of this stage, one SELECT a file."""
