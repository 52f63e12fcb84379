"""Files and mailboxes as desks keep them -> one table of complaints, each report in it once."""

from __future__ import annotations

from stanch.intake.bring import Brought, import_files
from stanch.intake.sources import SourceSettings, load_sources, save_sources

__all__ = ["Brought", "SourceSettings", "import_files", "load_sources", "save_sources"]
