"""Erase evidence past its retention, or of one person, wherever it is stored."""

from stanch.purge.files import Files, find_files
from stanch.purge.run import Purge, Purged, purge

__all__ = ["Files", "Purge", "Purged", "find_files", "purge"]
