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

    Makes `exposures` (one row per source and order: `first_us`, `last_us`, `fields`, `weight`) and
    `known_orders` (one row per order of any table: `account` or NULL, `time_us`, `region`).
    `weight` is the chance that the source really saw the order: `p_compromised` for fallen
    accounts, 1 for all others. Days are told in `zone`.
    """
    with progress.task("Finding exposures", 4, unit="steps") as task:
        _gather_orders(engine)
        task.advance(1)
        _gather_attack(engine)
        _gather_looks(engine, settings)
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


def _shows_customers(engine: Engine) -> bool:
    if not engine.has("accesses"):
        return False
    return engine.fetch("SELECT 1 AS one FROM accesses WHERE actor_kind = 'customer' LIMIT 1").height > 0
