"""Reports -> victims: one row per person, however often they reported."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import polars as pl

from stanch.evidence.tables import FIELDS

#: A report so long after a victim's last one is a new incident.
NEAR_US: Final = 30 * 86_400_000_000

VICTIMS: Final = {
    "complaint": pl.String,
    "order": pl.String,
    "account": pl.String,
    "phone": pl.String,
    "received_us": pl.Int64,
    "contacted_us": pl.Int64,
    "known_fields": pl.String,
    "region": pl.String,
}
#: What one victim lost in one currency; `at` is the victim's row.
LOSSES: Final = {"at": pl.Int64, "currency": pl.String, "loss": pl.Float64}


def fold_duplicates(reports: pl.DataFrame, owners: dict[str, str]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Fold reports of one victim into the first of them; the victims, and what they lost.

    Two reports are one victim's if they share the complaint's number, order, account (or the
    account that the order belongs to, by `owners`) or phone, and lie at most `NEAR_US` apart; a report that
    shares the phone with one and the order with another makes all three one victim's. What the first
    report leaves open is filled from the later ones, and fields known are united. Victims have the columns
    of `VICTIMS`, and `reports` (the numbers of all their complaints, the first first), and come in order of
    `received_us`, `complaint`; losses those of `LOSSES`, one row per
    victim and currency: of reports in one currency the largest counts, and one without a currency is
    in that of the victim's others if there is a single one.
    """
    by = ["received_us", "complaint", *(name for name in VICTIMS if name not in ("received_us", "complaint"))]
    rows = reports.select(*VICTIMS, "loss", "currency").sort([*by, "loss", "currency"], nulls_last=True)
    victims: list[_Victim] = []
    latest: dict[tuple[str, str], _Victim] = {}
    for row in rows.iter_rows(named=True):
        keys = _list_keys(row, owners)
        known = {id(found): found for k in keys if k in latest and (found := latest[k].find()).is_near(row)}
        first, *others = sorted(known.values(), key=lambda v: v.n) or [_Victim(len(victims))]
        if not known:
            victims.append(first)
        for other in others:
            first.unite(other)
        first.report(row)
        latest.update(dict.fromkeys(keys, first))
    kept = [victim for victim in victims if victim.same_as is None]
    lost = [(at, *loss) for at, victim in enumerate(kept) for loss in _settle(victim.losses).items()]
    cells = pl.DataFrame([victim.cells for victim in kept], schema=VICTIMS)
    reports_of = pl.Series("reports", [list(victim.reports) for victim in kept], pl.List(pl.String))
    return cells.with_columns(reports_of), pl.DataFrame(lost, schema=LOSSES, orient="row")


@dataclass(slots=True)
class _Victim:
    """One person as far as the reports show."""

    n: int
    cells: dict[str, Any] = field(default_factory=dict)
    losses: dict[str | None, float] = field(default_factory=dict)
    #: Numbers of the complaints, in order of their time; the values mean nothing.
    reports: dict[str, None] = field(default_factory=dict)
    last_us: int = 0
    #: The earlier victim that a later report showed to be the same person.
    same_as: _Victim | None = None

    def find(self) -> _Victim:
        """Who this is by now."""
        while self.same_as is not None:
            self = self.same_as  # noqa: PLW0642
        return self

    def is_near(self, row: dict[str, Any]) -> bool:
        return bool(row["received_us"] - self.last_us <= NEAR_US)

    def report(self, row: dict[str, Any]) -> None:
        """Take in one report."""
        if self.cells:
            _merge(self.cells, row)
        else:
            self.cells = {name: row[name] for name in VICTIMS}
        self.last_us = max(self.last_us, row["received_us"])
        self.reports[row["complaint"]] = None
        if row["loss"]:
            self._lose(row["currency"], row["loss"])

    def unite(self, other: _Victim) -> None:
        """Take in what `other` reported."""
        other.same_as = self
        _merge(self.cells, other.cells)
        self.last_us = max(self.last_us, other.last_us)
        self.reports |= other.reports
        for currency, loss in other.losses.items():
            self._lose(currency, loss)

    def _lose(self, currency: str | None, loss: float) -> None:
        self.losses[currency] = max(loss, self.losses.get(currency, 0.0))


def _settle(losses: dict[str | None, float]) -> dict[str | None, float]:
    """One victim's losses per currency, what came without a currency counted to the only other."""
    if None in losses and len(losses) == 2:
        (currency,) = losses.keys() - {None}
        return {currency: max(losses.values())}
    return losses


def _list_keys(row: dict[str, Any], owners: dict[str, str]) -> list[tuple[str, str]]:
    account = row["account"] or owners.get(row["order"] or "")
    keys = [
        ("complaint", row["complaint"]),
        ("order", row["order"]),
        ("account", account),
        ("phone", row["phone"]),
    ]
    return [(kind, value) for kind, value in keys if value]


def _merge(victim: dict[str, Any], row: dict[str, Any]) -> None:
    for name in ("order", "account", "phone", "contacted_us", "region"):
        if victim[name] is None:
            victim[name] = row[name]
    if row["known_fields"] is not None:
        known = set((victim["known_fields"] or "").split("|")) | set(row["known_fields"].split("|"))
        victim["known_fields"] = "|".join(f for f in FIELDS if f in known)
