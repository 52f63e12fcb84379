"""Reports -> victims: one row per person, however often they reported."""

from __future__ import annotations

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
    "loss": pl.Float64,
    "currency": pl.String,
    "region": pl.String,
}


def fold_duplicates(reports: pl.DataFrame, owners: dict[str, str]) -> pl.DataFrame:
    """Fold reports of one victim into the first of them.

    Two reports are one victim's if they share the complaint's number, order, account (or the
    account that the order belongs to, by `owners`) or phone, and lie at most `NEAR_US` apart. What the first
    report leaves open is filled from the later ones; fields known are united, and the largest loss counts.
    Rows keep the columns of `VICTIMS` and come in order of `received_us`, `complaint`.
    """
    by = ["received_us", "complaint", *(name for name in VICTIMS if name not in ("received_us", "complaint"))]
    rows = reports.select(*VICTIMS).sort(by, nulls_last=True)
    victims: list[dict[str, Any]] = []
    last_us: list[int] = []
    latest: dict[tuple[str, str], int] = {}
    for row in rows.iter_rows(named=True):
        keys = _list_keys(row, owners)
        at = next(
            (latest[k] for k in keys if k in latest and row["received_us"] - last_us[latest[k]] <= NEAR_US),
            None,
        )
        if at is None:
            at = len(victims)
            victims.append(dict(row))
            last_us.append(row["received_us"])
        else:
            _merge(victims[at], row)
            last_us[at] = row["received_us"]
        latest.update(dict.fromkeys(keys, at))
    return pl.DataFrame(victims, schema=VICTIMS)


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
    if row["loss"] is not None and row["loss"] > (victim["loss"] or 0.0):
        victim["loss"], victim["currency"] = row["loss"], row["currency"]
