"""Records of incidents -> who was named by which method, and how often that was right."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from results import Record
from rivals import RIVALS

#: Complaints from a source: least and most of each class.
CLASSES: Final = ((1, 3), (4, 7), (8, 15), (16, 10**9))
#: Wrong names that the best threshold of a rival may lead to, of all incidents.
MOST_WRONG: Final = 0.01


@dataclass(frozen=True)
class Naming:
    """What one method said about one incident."""

    record: Record
    #: The true sources named, and how many others.
    right: frozenset[str]
    n_wrong: int

    @property
    def true(self) -> dict[str, int]:
        """Complaints from each source that leaked and that logs show."""
        return {source: n for source, n in self.record["true"].items() if source != "unlogged"}


Namings = list[Naming]
#: Which of a ranking (score and true source or None, best first) are named.
Rule = Callable[[Record, list[tuple[float, str | None]]], list[str | None]]


def list_namings(records: Iterable[Record]) -> Namings:
    """Those of Stanch."""
    return [
        Naming(each, frozenset(each["stanch"]["right"]), len(each["stanch"]["wrong"])) for each in records
    ]


def apply_rule(records: Iterable[Record], rival: str, rule: Rule) -> Namings:
    """Those of a rival that names by this rule."""
    namings = []
    for record in records:
        named = rule(record, [(score, true) for score, true in record["rivals"][rival]])
        right = frozenset(source for source in named if source is not None)
        namings.append(Naming(record, right, sum(source is None for source in named)))
    return namings


def name_first(_: Record, ranking: list[tuple[float, str | None]]) -> list[str | None]:
    """Somebody always, whatever the score."""
    return [true for _, true in ranking[:1]]


def name_by_itself(rival: str) -> Rule:
    """All that reach the rival's own threshold, of the first in its ranking."""

    def rule(record: Record, ranking: list[tuple[float, str | None]]) -> list[str | None]:
        least = RIVALS[rival].threshold(record["n_sources"])
        return [true for score, true in ranking if score >= least]

    return rule


def name_first_above(least: float) -> Rule:
    """The first, if its score is above."""

    def rule(_: Record, ranking: list[tuple[float, str | None]]) -> list[str | None]:
        return [true for score, true in ranking[:1] if score > least]

    return rule


def find_best_threshold(records: list[Record], rival: str) -> float:
    """The lowest for the first of a ranking at which wrong names stay within `MOST_WRONG` of these incidents.

    It is chosen after the fact, on the incidents that it is then measured on: a favour.
    """
    firsts = [record["rivals"][rival][0] for record in records if record["rivals"][rival]]
    allowed = int(MOST_WRONG * len(records))
    wrong = sorted((score for score, true in firsts if true is None), reverse=True)
    return float(wrong[allowed]) if len(wrong) > allowed else float("-inf")


def count_wrong(namings: Namings) -> tuple[int, int]:
    """Incidents in which anybody was named wrongly, of all."""
    return sum(naming.n_wrong > 0 for naming in namings), len(namings)


def count_precise(namings: Namings) -> tuple[int, int]:
    """Names that were right, of all names."""
    right = sum(len(naming.right) for naming in namings)
    return right, right + sum(naming.n_wrong for naming in namings)


def count_found(namings: Namings, least: int, most: int = 10**9) -> tuple[int, int]:
    """True sources that were named, of those from which so many complaints stem."""
    wanted = [
        source in naming.right
        for naming in namings
        for source, n in naming.true.items()
        if least <= n <= most
    ]
    return sum(wanted), len(wanted)


def count_silent(namings: Namings) -> tuple[int, int]:
    """Incidents in which nobody was named, of those without a logged source."""
    silent = [not naming.n_wrong for naming in namings if not naming.true]
    return sum(silent), len(silent)
