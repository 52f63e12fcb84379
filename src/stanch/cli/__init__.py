"""The command line: one file per verb."""

from stanch.cli.app import main

__all__ = ["main"]
