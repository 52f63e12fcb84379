"""What was planted, in the shape of `truth.json`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np
import polars as pl

from stanch.simulation.attacks import Attack
from stanch.simulation.attempts import SUCCESS, Attempts
from stanch.simulation.draws import Ints
from stanch.simulation.leaks import Leaked
from stanch.simulation.shop import Shop

SCHEMA: Final = 1
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Planted:
    """Everything that the truth is told from."""

    case: str
    seed: int
    #: The login log as written.
    logins: Attempts
    attacks: list[Attack]
    leaks: list[Leaked]
    #: Numbers of the complaints as written, and the index of the leak behind each (-1 none).
    complaints: pl.Series
    leak_of: pl.Series


def tell_truth(shop: Shop, planted: Planted) -> dict[str, Any]:
    """The content of `truth.json`; rows are 1-based data rows of `logins.csv`."""
    return {
        **tell_attacks(shop, planted),
        "leak": _tell_leak(planted),
        "complaints_from_leak": planted.complaints.filter(planted.leak_of >= 0).to_list(),
        "complaints_by_source": {
            leak.source: planted.complaints.filter(planted.leak_of == i).to_list()
            for i, leak in enumerate(planted.leaks)
        },
    }


def tell_attacks(shop: Shop, planted: Planted) -> dict[str, Any]:
    """The part of the truth that is about logins."""
    rows = {f"c{i + 1}": np.flatnonzero(planted.logins.campaign == i) for i in range(len(planted.attacks))}
    campaigns = [
        _tell_campaign(shop, name, attack, planted.logins.take(rows[name]))
        for name, attack in zip(rows, planted.attacks, strict=True)
    ]
    return {
        "schema": SCHEMA,
        "case": planted.case,
        "seed": planted.seed,
        "zone": shop.calendar.zone,
        "campaigns": campaigns,
        "attack_rows": {name: (found + 1).tolist() for name, found in rows.items()},
        **_tell_successes(planted, rows),
    }


def _tell_leak(planted: Planted) -> dict[str, Any]:
    """The sources that leaked. An attack that led to no call did not leak as far as anybody can know."""
    called = set(planted.leak_of.to_list())
    leaks = [leak for i, leak in enumerate(planted.leaks) if i in called or leak.kind != "campaign"]
    spans = [leak.span_us for leak in leaks if len(leak.order)]
    return {
        "kind": leaks[0].kind if leaks else "none",
        "kinds": [leak.kind for leak in leaks],
        "sources": [leak.source for leak in leaks],
        "start": _format_utc(min(first for first, _ in spans)) if spans else "",
        "end": _format_utc(max(last for _, last in spans)) if spans else "",
        "exposed": {leak.source: len(leak.order) for leak in leaks},
    }


def _tell_campaign(shop: Shop, name: str, attack: Attack, rows: Attempts) -> dict[str, Any]:
    names = shop.all_names()
    fallen = rows.take((rows.outcome == SUCCESS) & ~np.isin(rows.account, attack.own)).account
    times: Ints = rows.time_us
    return {
        "id": name,
        "kind": attack.plan.kind,
        "start": _format_utc(int(times[0])) if len(rows) else "",
        "end": _format_utc(int(times[-1])) if len(rows) else "",
        "attempts": len(rows),
        "addresses": np.unique(np.stack([rows.high, rows.low]), axis=1).shape[1],
        "accounts": len(np.unique(rows.account)),
        "compromised": sorted(names.gather(np.unique(fallen)).to_list()),
        "own_accounts": sorted(names.gather(attack.own).to_list()),
    }


def _tell_successes(planted: Planted, rows: dict[str, Ints]) -> dict[str, dict[str, list[int]]]:
    """Each campaign's successes as rows (1-based), in three lists of which none overlap.

    `first_success_rows` holds one row per account that fell, `return_rows` the later successes there,
    `own_rows` good logins to accounts that the attacker registered himself.
    """
    told: dict[str, dict[str, list[int]]] = {"first_success_rows": {}, "return_rows": {}, "own_rows": {}}
    for (name, found), attack in zip(rows.items(), planted.attacks, strict=True):
        opened = found[planted.logins.outcome[found] == SUCCESS]
        is_own = np.isin(planted.logins.account[opened], attack.own)
        fallen = opened[~is_own]
        _, at = np.unique(planted.logins.account[fallen], return_index=True)
        first = np.sort(fallen[at])
        told["first_success_rows"][name] = (first + 1).tolist()
        told["return_rows"][name] = (np.setdiff1d(fallen, first) + 1).tolist()
        told["own_rows"][name] = (opened[is_own] + 1).tolist()
    return told


def _format_utc(time_us: int) -> str:
    moment = _EPOCH + timedelta(microseconds=time_us)
    return moment.replace(microsecond=0).isoformat().replace("+00:00", "Z")
