"""A complaint's words -> what happened: when, by whom, which story, what was asked, what was lost."""

from stanch.complaints.reading.read import Reader, Reading, Report, read_report

__all__ = ["Reader", "Reading", "Report", "read_report"]
