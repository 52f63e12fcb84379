"""Complaints -> counts, duplicates, the council's figures."""

from stanch.complaints.count import count_complaints

__all__ = ["count_complaints"]
