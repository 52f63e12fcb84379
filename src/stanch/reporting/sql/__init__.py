"""SQL of what is written row by row."""
