"""Names of accounts, orders and regions. All made up: no name or number belongs to anybody.

Mail addresses end in `.example` (RFC 2606, section 2). Phone numbers start with 12, which China's
numbering plan gives to no mobile network.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from stanch.simulation.draws import Generator, Ints, choose, draw_zipf_weights

SCHEMES: Final = ("mail", "phone", "user", "number")
_SYLLABLES: Final = tuple(
    a + b
    for a in ("b", "d", "f", "g", "h", "k", "l", "m", "n", "p", "r", "s", "t", "v", "w", "x", "z")
    for b in ("a", "e", "i", "o", "u", "ai", "an", "en", "ing", "uo")
)
_PROVIDERS: Final = (
    "mail.example",
    "post.example",
    "inbox.example",
    "web.example",
    "kontor.example",
    "qmail.example",
)
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"
_DIGITS: Final = "0123456789"

REGIONS: Final = {
    "zh": (
        "Guangdong", "Zhejiang", "Jiangsu", "Shandong", "Shanghai", "Beijing", "Sichuan", "Hubei", "Fujian",
        "Henan", "Hunan", "Liaoning", "Anhui", "Shaanxi", "Hebei", "Chongqing", "Jiangxi", "Tianjin",
        "Guangxi", "Yunnan",
    ),
    "en": (
        "North", "North East", "North West", "Midlands", "East", "Capital", "South", "South East",
        "South West", "Isles", "Lakes", "Highlands", "Coast", "Valley",
    ),
}  # fmt: skip


def make_account_names(
    rng: Generator, n: int, mix_of_schemes: dict[str, float], taken: pl.Series
) -> pl.Series:
    """`n` different names, none of them in `taken`, by the shop's mix of naming schemes."""
    names = pl.Series([], dtype=pl.String)
    while names.len() < n:
        n_more = int((n - names.len()) * 1.2) + 16
        made = _make_candidates(rng, n_more, mix_of_schemes)
        names = pl.concat([names, made]).unique(maintain_order=True)
        names = names.filter(~names.is_in(taken.implode()))
    return names.head(n)


def misspell(rng: Generator, names: list[str]) -> list[str]:
    """Each name with one slip of a finger: a character lost, doubled, swapped or hit beside."""
    kinds = rng.integers(4, size=len(names))
    places = rng.random(len(names))
    letters = rng.integers(26, size=len(names))
    return [
        _slip(*each) for each in zip(names, kinds.tolist(), places.tolist(), letters.tolist(), strict=True)
    ]


def misplace(rng: Generator, names: list[str]) -> list[str]:
    """Each name with its mail provider mistaken or left out; what is no mail address with a slip."""
    slipped = misspell(rng, names)
    kinds = rng.integers(len(_PROVIDERS) + 2, size=len(names))
    made = []
    for name, slip, kind in zip(names, slipped, kinds.tolist(), strict=True):
        local, at, provider = name.partition("@")
        other = _PROVIDERS[kind] if kind < len(_PROVIDERS) else ""
        made.append((f"{local}@{other}" if other else local) if at and other != provider else slip)
    return made


def make_order_numbers(rng: Generator, days: Ints, style: str) -> pl.Series:
    """Numbers for orders in order of time; `days` is each order's date as YYYYMMDD.

    `dated` and `counter` can be guessed by counting; `random` cannot.
    """
    n = len(days)
    if style == "random":
        made = pl.Series(rng.choice(900_000_000_000, size=n, replace=False) + 100_000_000_000)
        return "R" + made.cast(pl.String)
    steps = 1 + (rng.random(n) < 0.1) * rng.integers(1, 4, size=n)
    numbers = pl.Series(np.cumsum(steps) + int(rng.integers(10_000, 800_000))).cast(pl.String)
    if style == "counter":
        return "SO" + numbers.str.zfill(8)
    return pl.Series(days).cast(pl.String) + numbers.str.zfill(7)


def _make_candidates(rng: Generator, n: int, mix_of_schemes: dict[str, float]) -> pl.Series:
    kinds = choose(rng, n, [mix_of_schemes.get(scheme, 0.0) for scheme in SCHEMES])
    made = [_MAKERS[scheme](rng, int((kinds == k).sum())) for k, scheme in enumerate(SCHEMES)]
    rows = np.argsort(np.argsort(kinds, kind="stable"), kind="stable")
    return pl.concat(made).gather(rows)


def _make_words(rng: Generator, n: int, n_syllables: int) -> pl.Series:
    syllables = pl.Series(_SYLLABLES)
    weights = draw_zipf_weights(rng, len(_SYLLABLES), 0.5)
    made = syllables.gather(choose(rng, n, weights))
    for _ in range(n_syllables - 1):
        made = made + syllables.gather(choose(rng, n, weights))
    return made


def _make_users(rng: Generator, n: int) -> pl.Series:
    years = pl.Series(rng.integers(0, 10_000, size=n)).cast(pl.String)
    joints = pl.Series(["", "", ".", "_"]).gather(rng.integers(4, size=n))
    return _make_words(rng, n, 2) + joints + _make_words(rng, n, 1) + years


def _make_mails(rng: Generator, n: int) -> pl.Series:
    providers = pl.Series(_PROVIDERS).gather(choose(rng, n, [40, 25, 15, 10, 6, 4]))
    return _make_users(rng, n) + "@" + providers


def _make_phones(rng: Generator, n: int) -> pl.Series:
    return "12" + pl.Series(rng.integers(0, 10**9, size=n)).cast(pl.String).str.zfill(9)


def _make_numbers(rng: Generator, n: int) -> pl.Series:
    # Customer numbers carry check digits in most shops: one slip rarely hits another customer.
    return "K" + pl.Series(rng.integers(0, 10**8, size=n)).cast(pl.String).str.zfill(8)


_MAKERS: Final = {"mail": _make_mails, "phone": _make_phones, "user": _make_users, "number": _make_numbers}


def make_phones(rng: Generator, n: int) -> pl.Series:
    """Phone numbers of customers, repeats possible but rare."""
    return _make_phones(rng, n)


def _slip(name: str, kind: int, place: float, letter: int) -> str:
    local = name.split("@", maxsplit=1)[0]
    at = int(place * len(local))
    if kind == 0 and len(local) > 2:
        return name[:at] + name[at + 1 :]
    if kind == 1:
        return name[:at] + name[at] + name[at:]
    if kind == 2 and at + 1 < len(local) and name[at] != name[at + 1]:
        return name[:at] + name[at + 1] + name[at] + name[at + 2 :]
    others = _DIGITS if name[at].isdigit() else _LETTERS
    beside = others[(others.find(name[at]) + 1 + letter % (len(others) - 1)) % len(others)]
    return name[:at] + beside + name[at + 1 :]
