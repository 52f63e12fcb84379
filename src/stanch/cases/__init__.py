"""What the service keeps: one database for keys, evidence taken in, and those who are signed in."""
