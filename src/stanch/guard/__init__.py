"""The guard: one attempt to log in -> one answer, live, from the past alone."""
