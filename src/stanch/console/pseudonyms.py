"""Pseudonyms of evidence as people read them."""

from __future__ import annotations

import re
from typing import Final

_REF: Final = re.compile(r"(?<![0-9A-Za-z])([0-9a-f]{8})[0-9a-f]{16}(?![0-9A-Za-z])")


def shorten(text: str) -> str:
    """`text` with each pseudonym in it cut to its first 8 digits, by which people tell them apart."""
    return _REF.sub(r"\1", text)
