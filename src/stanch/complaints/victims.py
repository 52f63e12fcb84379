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
    "region": pl.String,
}
#: What one victim lost in one currency; `at` is the victim's row.
LOSSES: Final = {"at": pl.Int64, "currency": pl.String, "loss": pl.Float64}


def fold_duplicates(reports: pl.DataFrame, owners: dict[str, str]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Fold reports of one victim into the first of them; the victims, and what they lost.

    Two reports are one victim's if they share the complaint's number, order, account (or the
    account that the order belongs to, by `owners`) or phone, and lie at most `NEAR_US` apart. What the first
    report leaves open is filled from the later ones, and fields known are united. Victims have the columns
    of `VICTIMS` and come in order of `received_us`, `complaint`; losses those of `LOSSES`, one row per
    victim and currency: of reports in one currency the largest counts, and one without a currency is
    in that of the victim's others if there is a single one.
    """
    by = ["received_us", "complaint", *(name for name in VICTIMS if name not in ("received_us", "complaint"))]
    rows = reports.select(*VICTIMS, "loss", "currency").sort([*by, "loss", "currency"], nulls_last=True)
    victims: list[dict[str, Any]] = []
    losses: list[dict[str | None, float]] = []
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
            victims.append({name: row[name] for name in VICTIMS})
            losses.append({})
            last_us.append(row["received_us"])
        else:
            _merge(victims[at], row)
            last_us[at] = row["received_us"]
        latest.update(dict.fromkeys(keys, at))
        if row["loss"]:
            losses[at][row["currency"]] = max(row["loss"], losses[at].get(row["currency"], 0.0))
    lost = [(at, currency, loss) for at, of in enumerate(losses) for currency, loss in _settle(of).items()]
    return pl.DataFrame(victims, schema=VICTIMS), pl.DataFrame(lost, schema=LOSSES, orient="row")


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
