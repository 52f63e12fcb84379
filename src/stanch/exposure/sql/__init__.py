"""SQL steps from accesses to exposures."""
