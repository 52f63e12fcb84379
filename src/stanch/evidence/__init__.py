"""The four tables of evidence: columns, checks, rejects, pseudonyms. Imports no other stage."""
