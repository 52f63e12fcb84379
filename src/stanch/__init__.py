"""Stanch: find where an online shop's order data leaks, stop it, and say so with evidence."""

__version__ = "0.1.0"
