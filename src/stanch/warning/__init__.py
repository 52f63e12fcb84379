"""Notices and the shop's addresses -> warnings planned, simulated, and sent once a person confirms."""
