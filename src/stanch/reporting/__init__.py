"""Findings -> report, lists and files."""

from __future__ import annotations

from stanch.reporting.folder import open_rejects, prepare_out, replace_answer
from stanch.reporting.outputs import write_outputs

__all__ = ["open_rejects", "prepare_out", "replace_answer", "write_outputs"]
