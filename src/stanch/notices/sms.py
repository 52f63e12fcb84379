"""How long a short message is, and which of several wordings fits.

Characters and septets follow 3GPP TS 23.038 (GSM 7 bit default alphabet, its extension table with two
septets a character, UCS-2), segments 3GPP TS 23.040, 9.2.3.24.1: a message of one segment holds 160 septets
or 70 UCS-2 code units, one of several 153 or 67 in each, for the header that joins them takes six octets.
A character is never torn: what no longer fits goes whole into the next segment.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

#: 3GPP TS 23.038, 6.2.1. The escape to the extension table is no character.
_BASIC: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
#: 3GPP TS 23.038, 6.2.1.1.
_EXTENSION: Final = frozenset("\f^{}\\[~]|€")
_GSM_SINGLE, _GSM_JOINED = 160, 153
_UCS2_SINGLE, _UCS2_JOINED = 70, 67


@dataclass(frozen=True, slots=True)
class SmsLength:
    """Length of a text as a short message."""

    alphabet: Literal["GSM-7", "UCS-2"]
    #: Septets (GSM-7) or 16-bit code units (UCS-2).
    units: int
    segments: int


def measure_sms(text: str) -> SmsLength:
    """How many segments `text` takes; an empty text takes one."""
    if all(char in _BASIC or char in _EXTENSION for char in text):
        return _measure("GSM-7", [2 if char in _EXTENSION else 1 for char in text])
    return _measure("UCS-2", [2 if ord(char) > 0xFFFF else 1 for char in text])


def choose_wording(wordings: Iterable[str]) -> str:
    """The first of `wordings` that fits into one segment, or else the shortest in segments and units."""
    candidates = list(wordings)
    fitting = (text for text in candidates if measure_sms(text).segments == 1)
    return next(fitting, None) or min(
        candidates, key=lambda t: (measure_sms(t).segments, measure_sms(t).units)
    )


def _measure(alphabet: Literal["GSM-7", "UCS-2"], widths: list[int]) -> SmsLength:
    single, joined = (_GSM_SINGLE, _GSM_JOINED) if alphabet == "GSM-7" else (_UCS2_SINGLE, _UCS2_JOINED)
    units = sum(widths)
    if units <= single:
        return SmsLength(alphabet, units, 1)
    segments, room = 1, joined
    for width in widths:
        if width > room:
            segments, room = segments + 1, joined
        room -= width
    return SmsLength(alphabet, units, segments)
