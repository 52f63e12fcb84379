"""What is said to people: one plain line, whatever the input holds."""

from __future__ import annotations

import sys


def say(message: str) -> None:
    """Print one line on standard error."""
    print(clean(message), file=sys.stderr)  # noqa: T201


def clean(text: str) -> str:
    """`text` as one line; characters that steer a terminal (or cannot be shown) become U+FFFD."""
    line = " ".join(text.split())
    shown = "".join(c if c.isprintable() else "\ufffd" for c in line)
    return shown.encode("utf-8", "replace").decode("utf-8")
