"""Stanch over HTTP: what shops, log shippers and people send in, and whether the service is well."""
