"""The stage on one page: from accesses, orders and fallen accounts to exposures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import polars as pl

from stanch.engine import Engine, load_step
from stanch.exposure.coverage import describe_coverage, list_not_examined
from stanch.exposure.settings import ExposureSettings
from stanch.progress import Progress

_SQL: Final = "stanch.exposure.sql"
_DAY_US: Final = 86_400_000_000

_ORDERS: Final = {"order": pl.String, "account": pl.String, "time_us": pl.Int64, "region": pl.String}
_LOOKS: Final = {
    "source": pl.String,
    "order": pl.String,
    "time_us": pl.Int64,
    "fields": pl.String,
    "weight": pl.Float64,
}
_FALLEN: Final = {
    "account": pl.String,
    "p_compromised": pl.Float64,
    "campaign": pl.String,
    "first_success_us": pl.Int64,
    "ip": pl.String,
}


#: Columns of accesses by which those who looked are told together, and how units of each are called.
_UNITS: Final = {"team": "team", "branch": "branch", "vendor": "vendor", "device": "device", "ip": "address"}
_MEMBERS: Final = {"actor": pl.String, "actor_kind": pl.String, "word": pl.String, "name": pl.String}
#: A unit of whose orders one member saw this share is that member: its name must not be taken from it.
_MOST_OF_ONE: Final = 0.75


@dataclass(frozen=True, slots=True)
class ExposureResult:
    """What a reader must know about the exposures, one plain sentence each."""

    #: Where logs start late, have gaps, or disagree about the time.
    coverage: list[str]
    #: Which logs and kinds of actors are missing.
    not_examined: list[str]


def find_exposures(
    engine: Engine, settings: ExposureSettings, progress: Progress, zone: str = "UTC"
) -> ExposureResult:
    """Find who could have known which order, from `accesses`, `orders`, `fallen_accounts` as given.

    Teams, branches, vendors, devices and addresses that several share are sources too, by columns of
    `accesses` and by `actor_groups`.

    Makes `exposures` (one row per source and order: `first_us`, `last_us`, `fields`, `weight`) and
    `known_orders` (one row per order of any table: `account` or NULL, `time_us`, `region`).
    `weight` is the chance that the source really saw the order: `p_compromised` for fallen
    accounts, less for what was only listed beside an order that staff opened, 1 for all others. Days are
    told in `zone`.
    """
    with progress.task("Finding exposures", 4, unit="steps") as task:
        _gather_orders(engine)
        task.advance(1)
        _gather_attack(engine)
        _gather_looks(engine, settings)
        _gather_histories(engine, settings)
        _gather_units(engine)
        task.advance(1)
        engine.run(load_step(_SQL, "exposures"))
        task.advance(1)
        result = ExposureResult(describe_coverage(engine, zone), list_not_examined(engine))
        task.advance(1)
    engine.drop(
        "order_owners",
        "order_finds",
        "exposure_looks",
        "exposure_reach",
        "exposure_histories",
        "exposure_units",
        "exposure_members",
        "exposure_fallen",
        "exposure_places",
    )
    return result


def _gather_orders(engine: Engine) -> None:
    if engine.has("orders"):
        engine.run(load_step(_SQL, "owners_of_orders", "order_owners"))
    else:
        engine.put("order_owners", pl.DataFrame(schema=_ORDERS))
    if engine.has("accesses"):
        engine.run(load_step(_SQL, "owners_of_accesses", "order_finds"))
    else:
        engine.put("order_finds", pl.DataFrame(schema=_ORDERS))
    engine.run(load_step(_SQL, "known_orders"))


def _gather_attack(engine: Engine) -> None:
    fallen = pl.DataFrame(schema=_FALLEN)
    if engine.has("fallen_accounts"):
        fallen = engine.fetch(
            "SELECT account, p_compromised, campaign, first_success_us, ip FROM fallen_accounts"
        )
        fallen = fallen.filter(pl.col("campaign").is_not_null(), pl.col("account").is_not_null())
    engine.put("exposure_fallen", fallen)
    places = pl.DataFrame(schema={"ip": pl.String})
    if engine.has("address_risk"):
        places = engine.fetch(
            "SELECT DISTINCT ip FROM address_risk WHERE attack > genuine AND ip IS NOT NULL"
        )
    engine.put("exposure_places", places)


def _gather_looks(engine: Engine, settings: ExposureSettings) -> None:
    if engine.has("accesses"):
        engine.run(load_step(_SQL, "exposure_looks", other_place=settings.other_place_weight))
    else:
        engine.put("exposure_looks", pl.DataFrame(schema=_LOOKS))
    engine.run(
        load_step(
            _SQL,
            "exposure_reach",
            unseen=settings.unseen_weight if _shows_customers(engine) else 1.0,
            after_us=settings.after_fall_days * _DAY_US,
            before_us=settings.before_fall_days * _DAY_US,
        )
    )


def _gather_histories(engine: Engine, settings: ExposureSettings) -> None:
    if settings.history_weight == 0:
        engine.put("exposure_histories", pl.DataFrame(schema=_LOOKS))
        return
    back_us = settings.history_days * _DAY_US
    engine.run(load_step(_SQL, "exposure_histories", weight=settings.history_weight, back_us=back_us))


def _gather_units(engine: Engine) -> None:
    members = _list_members(engine)
    if not engine.has("accesses") or not (members.height or _has_units(engine)):
        engine.put("exposure_units", pl.DataFrame(schema=_LOOKS))
        return
    engine.put("exposure_members", members)
    engine.run(load_step(_SQL, "exposure_units", most_of_one=_MOST_OF_ONE))


def _list_members(engine: Engine) -> pl.DataFrame:
    """Who belongs to which unit by `actor_groups`: one row per actor and unit."""
    if not engine.has("actor_groups"):
        return pl.DataFrame(schema=_MEMBERS)
    given = engine.fetch("SELECT actor, actor_kind, team, branch, vendor, device FROM actor_groups")
    long = given.unpivot(index=["actor", "actor_kind"], variable_name="word", value_name="name")
    return long.drop_nulls("name").unique().select(*_MEMBERS)


def _has_units(engine: Engine) -> bool:
    """Whether two who are no customers looked from one place, or any column says who belongs together."""
    counts = ", ".join(f"count({name}) AS {name}" for name in _UNITS)
    asked = f"SELECT {counts} FROM accesses WHERE actor_kind IN ('staff', 'partner', 'service')"  # noqa: S608
    return any(engine.fetch(asked).row(0))


def _shows_customers(engine: Engine) -> bool:
    if not engine.has("accesses"):
        return False
    return engine.fetch("SELECT 1 AS one FROM accesses WHERE actor_kind = 'customer' LIMIT 1").height > 0
