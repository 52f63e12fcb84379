"""What each script is: its name in words, its days, what was told and asked, and an example without
people."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache
from importlib import resources
from typing import Final
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
from numpy.typing import NDArray

from stanch.complaints.masking import mask_text
from stanch.complaints.reading import Reading
from stanch.complaints.reading.kinds import POLICE_CLASSES
from stanch.complaints.reading.read import DEFAULT_ZONE
from stanch.complaints.scripts import MIN_SIZE

_EXAMPLE: Final = 400


class Script(msgspec.Struct, kw_only=True):
    """One script; the grain of `scripts.json`."""

    id: str
    #: `en` and `zh`.
    name: dict[str, str]
    kind: str
    #: Class of the Chinese police's statistics, where one fits.
    police_class: str | None
    count: int
    #: Days in the complaints' zones.
    first: str
    last: str
    #: Day of the third complaint: when the script could first be noticed.
    noticed: str
    by_day: dict[str, int]
    #: Share of its complaints that say so, at least one in five.
    pretexts: dict[str, float]
    asked: dict[str, float]
    known_fields: dict[str, float]
    n_phones: int
    n_links: int
    #: The most typical text, masked.
    example: str


def find_day(received_us: int, zone: str | None, reading: Reading) -> date:
    """Day of a report in `zone`, or in that of its language."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=received_us)
    return moment.astimezone(ZoneInfo(zone or DEFAULT_ZONE[reading.language])).date()


def describe_scripts(
    labels: NDArray[np.int64], readings: Sequence[Reading], days: Sequence[date], texts: Sequence[str]
) -> list[Script]:
    """Every script of `find_scripts`, all sequences in the same order."""
    members: dict[int, list[int]] = {}
    for at, label in enumerate(labels.tolist()):
        if label >= 0:
            members.setdefault(label, []).append(at)
    return [
        _describe_script(
            label + 1, [readings[at] for at in group], [days[at] for at in group], [texts[at] for at in group]
        )
        for label, group in sorted(members.items())
    ]


def _describe_script(
    number: int, readings: Sequence[Reading], days: Sequence[date], texts: Sequence[str]
) -> Script:
    kinds = Counter(r.kind for r in readings)
    kind = max(kinds, key=lambda k: (kinds[k], k))
    ordered = sorted(days)
    shares = {
        name: _share([getattr(r, name) for r in readings]) for name in ("pretexts", "asked", "known_fields")
    }
    return Script(
        id=f"s{number}",
        name={language: name_script(readings, language) for language in ("en", "zh")},
        kind=kind,
        police_class=POLICE_CLASSES.get(kind),
        count=len(readings),
        first=ordered[0].isoformat(),
        last=ordered[-1].isoformat(),
        noticed=ordered[min(MIN_SIZE, len(ordered)) - 1].isoformat(),
        by_day={day.isoformat(): n for day, n in sorted(Counter(days).items())},
        **shares,
        n_phones=len({p for r in readings for p in r.scam_phones}),
        n_links=len({u for r in readings for u in r.scam_urls}),
        example=mask_text(_pick_example(readings, texts, shares))[:_EXAMPLE],
    )


def name_script(readings: Sequence[Reading], language: str) -> str:
    """A script in words, by some of its complaints."""
    kinds = Counter(r.kind for r in readings)
    who = Counter(r.claimed_identity for r in readings if r.claimed_identity)
    shares = {name: _share([getattr(r, name) for r in readings]) for name in ("pretexts", "asked")}
    kind = max(kinds, key=lambda k: (kinds[k], k))
    return _name(kind, who.most_common(1)[0][0] if who else None, shares, language)


def _share(words: Sequence[Sequence[str]]) -> dict[str, float]:
    counts = Counter(word for found in words for word in found)
    shares = {word: round(n / len(words), 3) for word, n in counts.most_common()}
    return {word: share for word, share in shares.items() if share >= 0.2}


def _pick_example(
    readings: Sequence[Reading], texts: Sequence[str], shares: dict[str, dict[str, float]]
) -> str:
    """The text that says most of what the script's complaints say; the shorter where two do."""

    def weigh(at: int) -> tuple[float, int]:
        told = [*readings[at].pretexts, *readings[at].asked]
        usual = shares["pretexts"] | shares["asked"]
        return sum(usual.get(word, -0.2) for word in told), -len(texts[at])

    return texts[max(range(len(texts)), key=weigh)]


@cache
def _load_names() -> dict[str, dict[str, dict[str, str]]]:
    return tomllib.loads(resources.files("stanch.complaints").joinpath("names.toml").read_text("utf-8"))


def name_kind(kind: str, language: str) -> str:
    """A kind in words; one that is none of the contract's stands as it is."""
    known = _load_names()["kind"].get(kind)
    return known[language] if known else kind


def list_words(language: str) -> dict[str, dict[str, str]]:
    """What words are called: of `kind`, `claimed_identity`, `pretexts` and `asked`, by column."""
    return {
        column: {word: told[language] for word, told in words.items()}
        for column, words in _load_names().items()
    }


def _name(kind: str, who: str | None, shares: dict[str, dict[str, float]], language: str) -> str:
    """For instance `Fake customer service (the platform): membership to cancel; asks to share the screen`."""
    names = _load_names()
    told = [names["pretexts"][w][language] for w, s in shares["pretexts"].items() if s >= 0.4][:2]
    asked = [names["asked"][w][language] for w, s in shares["asked"].items() if s >= 0.4][:2]
    head = names["kind"][kind][language]
    if who and kind in ("fake_customer_service", "phishing", "other_fraud") and who != "other":
        by = names["claimed_identity"][who][language]
        head = f"{head} ({by})" if language == "en" else f"{head}（{by}）"
    if language == "en":
        return (
            head
            + (f": {', '.join(told)}" if told else "")
            + (f"; asks for {', '.join(asked)}" if asked else "")
        )
    return head + (f"：{'、'.join(told)}" if told else "") + (f"；要求{'、'.join(asked)}" if asked else "")
