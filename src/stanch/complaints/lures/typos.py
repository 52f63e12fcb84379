"""Misspellings that a reader overlooks or a typist makes: one slip each, two in long names.

The kinds are those of Wang et al. 2006 (SRUTI, "Strider Typo-Patrol", section 2): a letter left out,
doubled, swapped with its neighbour, hit beside the key, put in, or one vowel for another. A letter replaced
by any other is left out: `paypal` is not `paypay`.
"""

from __future__ import annotations

from typing import Final

_ROWS: Final = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_LETTERS: Final = "".join(sorted("".join(_ROWS)))
#: Shorter names have neighbours that are words or other names.
SHORTEST: Final = 4
_SHORTEST_FOR_KEYS: Final = 6
#: Names so long stay recognisable, and alone, with two slips.
SHORTEST_FOR_TWO: Final = 11


def list_typos(name: str) -> frozenset[str]:
    """Spellings of `name` (ASCII letters) with one slip; the first letter is right, as lures keep it so."""
    if len(name) < SHORTEST:
        return frozenset({name + name[-1]}) if len(name) == SHORTEST - 1 else frozenset()
    inner = range(1, len(name) - 1)
    found = {name[:i] + name[i + 1] + name[i] + name[i + 2 :] for i in inner}
    found |= {name[: i + 1] + name[i:] for i in range(len(name))}
    if len(name) > SHORTEST:
        found |= {name[:i] + name[i + 1 :] for i in inner}
    if len(name) >= _SHORTEST_FOR_KEYS:
        found |= {
            name[:i] + key + name[i + 1 :] for i in range(1, len(name)) for key in _CONFUSED.get(name[i], "")
        }
        found |= {name[:i] + letter + name[i:] for i in range(1, len(name)) for letter in _LETTERS}
    return frozenset(found - {name, name + "s"})


def find_near(name: str, text: str, slips: int) -> tuple[int, int] | None:
    """(start, end) of the part of `text` nearest to `name`, at most `slips` edits away; None if none is.

    Sellers 1980 (J. Algorithms 1, 359-373): edit distance to every substring at once.
    """
    if len(text) < len(name) - slips:
        return None
    costs = [(i, 0) for i in range(len(name) + 1)]
    best: tuple[int, int, int] | None = None
    for end, sign in enumerate(text, start=1):
        row = [(0, end)]
        for i, letter in enumerate(name, start=1):
            same = (costs[i - 1][0] + (sign != letter), costs[i - 1][1])
            row.append(min(same, (costs[i][0] + 1, costs[i][1]), (row[i - 1][0] + 1, row[i - 1][1])))
        costs = row
        if costs[-1][0] <= slips and (best is None or costs[-1][0] < best[0]):
            best = (costs[-1][0], costs[-1][1], end)
    return best and (best[1], best[2])


def _list_neighbours(key: str) -> str:
    """Letters on keys that touch `key` on a QWERTY keyboard."""
    row = next(i for i, keys in enumerate(_ROWS) if key in keys)
    at = _ROWS[row].index(key)
    beside = _ROWS[row][max(at - 1, 0) : at] + _ROWS[row][at + 1 : at + 2]
    above = _ROWS[row - 1][at : at + 2] if row else ""
    below = _ROWS[row + 1][max(at - 1, 0) : at + 1] if row + 1 < len(_ROWS) else ""
    return beside + above + below


_VOWELS: Final = "aeiou"
_CONFUSED: Final = {
    key: _list_neighbours(key) + (_VOWELS.replace(key, "") if key in _VOWELS else "") for key in _LETTERS
}
