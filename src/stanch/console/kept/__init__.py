"""The tables that are kept of an investigation, so that its pages are fast: one SQL file a table."""
