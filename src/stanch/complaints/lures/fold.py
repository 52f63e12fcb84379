"""What a name looks like to a reader: letters that look alike become one.

The skeleton follows Unicode Technical Standard 39, section 4 (confusables), narrowed to what resembles
ASCII, and goes further than it where names are concerned: `0` is read as `o`, `1` as `l`, `rn` as `m`.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import Final

from confusable_homoglyphs import confusables

_LOOKS: Final = str.maketrans("0134578i|", "oleastbll")


def fold_letters(text: str) -> str:
    """`text` in lower case with every letter that resembles an ASCII letter replaced by it."""
    if text.isascii():
        return text.lower()
    plain = unicodedata.normalize("NFKC", text).casefold()
    table = _homoglyphs()
    folded = "".join(table.get(sign, sign) for sign in plain)
    parts = unicodedata.normalize("NFD", folded)
    bare = "".join(sign for sign in parts if not unicodedata.combining(sign))
    return unicodedata.normalize("NFC", "".join(table.get(sign, sign) for sign in bare))


def list_readings(label: str) -> list[str]:
    """`label`, folded already, and as it reads where two letters pass for one."""
    paired = label.replace("rn", "m").replace("vv", "w")
    return [label] if paired == label else [label, paired]


def make_skeleton(text: str) -> str:
    """`text` sign for sign with digits as the letters that they are read as, and `i` as `l`."""
    return text.translate(_LOOKS)


@cache
def _homoglyphs() -> dict[str, str]:
    """Sign -> the ASCII letter or digit that it is confusable with."""
    table: dict[str, str] = {}
    for sign, likes in confusables.confusables_data.items():
        if len(sign) != 1 or sign.isascii():
            continue
        ascii_likes = sorted(
            like["c"].lower() for like in likes if like["c"].isascii() and like["c"].isalnum()
        )
        if ascii_likes:
            # Letters before digits: `о` is confusable with both `o` and, through `O`, `0`.
            table.setdefault(sign.casefold() if len(sign.casefold()) == 1 else sign, ascii_likes[-1])
    return table
