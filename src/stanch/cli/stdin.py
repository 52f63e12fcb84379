"""Standard input as a file of the command line."""

from __future__ import annotations

from typing import Final

#: How a lone `-` comes through the parser, which would take it for an option.
STDIN_PATH: Final = "/dev/stdin"
