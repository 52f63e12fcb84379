"""Findings -> report, lists and files."""

from __future__ import annotations

from stanch.reporting.folder import prepare_out
from stanch.reporting.outputs import write_outputs

__all__ = ["prepare_out", "write_outputs"]
