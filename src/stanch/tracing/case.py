"""The case as arrays: orders, exposures and victims by number instead of by name."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from stanch.engine import Engine
from stanch.evidence.tables import FIELDS
from stanch.tracing.settings import TracingSettings

#: Of any width: exposures may be many.
Ints: TypeAlias = npt.NDArray[np.signedinteger]
Floats: TypeAlias = npt.NDArray[np.float64]
Numbers: TypeAlias = npt.NDArray[np.number]
Flags: TypeAlias = npt.NDArray[np.bool_]

#: Set of fields whose members are not known: nothing can be excluded.
UNKNOWN: Final = 0
#: Callers prefer fresh orders: at this age an order is half as likely to be the one they know.
_HALF_LIFE_US: Final = 30 * 86_400_000_000

#: Later than anything: nothing is left out.
NEVER_US: Final = (1 << 62) - 1

_ORDERS: Final = 'SELECT "order", account, time_us, region FROM known_orders\
 WHERE "order" IS NOT NULL AND time_us <= $until_us'
_EXPOSED: Final = 'SELECT "order", CAST(NULL AS VARCHAR) AS account, min(first_us) AS time_us,\
 CAST(NULL AS VARCHAR) AS region FROM exposures WHERE first_us <= $until_us GROUP BY "order"'
_NAMES: Final = {
    "case_sources": "SELECT DISTINCT source FROM exposures",
    "case_fields": "SELECT DISTINCT fields FROM exposures WHERE fields IS NOT NULL",
}
_EXPOSURES: Final = """
SELECT s.at AS source_at, o.at AS order_at, e.first_us, f.at AS fields_at, e.weight
FROM exposures e
JOIN case_orders o ON o."order" = e."order"
JOIN case_sources s ON s.source = e.source
LEFT JOIN case_fields f ON f.fields = e.fields
WHERE e.first_us <= $until_us
"""
_VICTIMS: Final = (
    'SELECT complaint, "order", account, received_us, contacted_us, known_fields, region FROM victims'
    " WHERE received_us <= $until_us"
)


@dataclass(frozen=True, slots=True)
class Orders:
    """One row per order, in order of time and then of name."""

    time_us: Ints
    #: Index into the sorted regions; -1 where unknown.
    region: Ints
    n_regions: int
    #: Orders of an account, as ranges into `of_account`; -1 where the account is unknown.
    account: Ints
    account_start: Ints
    of_account: Ints

    def __len__(self) -> int:
        return len(self.time_us)


@dataclass(frozen=True, slots=True)
class Exposures:
    """One row per source and order, in order of `order` and then `source`."""

    sources: list[str]
    source: Ints
    order: Ints
    first_us: Ints
    #: Set of the fields seen, one bit per field; `UNKNOWN` where not logged.
    fields: Ints
    weight: Floats
    #: Rows of order i: `start[i]` up to `start[i + 1]`.
    start: Ints
    #: Row numbers in order of `source` and then `order`; those of source j: see `rows_of`.
    by_source: Ints
    source_start: Ints

    def rows_of(self, source: int) -> Ints:
        """Numbers of the rows of one source, in order of `order`."""
        return self.by_source[self.source_start[source] : self.source_start[source + 1]]


@dataclass(frozen=True, slots=True)
class Victims:
    """One row per victim that can be linked to an order, in order of complaint numbers.

    Candidates are the orders the caller may have known: the one cited, else those of the account
    placed before the contact, recent ones more likely. Row by row in `candidate`, `of_victim`, `share`.
    """

    #: A source must have seen the order before this.
    before_us: Ints
    #: Time of contact, or of the report where that is unknown.
    contact_us: Ints
    fields: Ints
    candidate: Ints
    of_victim: Ints
    share: Floats
    #: All victims, those without any known order included.
    n_all: int

    def __len__(self) -> int:
        return len(self.before_us)


@dataclass(frozen=True, slots=True)
class Case:
    """Everything that tracing looks at."""

    orders: Orders
    exposures: Exposures
    victims: Victims


def load_case(engine: Engine, settings: TracingSettings, until_us: int = NEVER_US) -> Case:
    """Number the rows of `known_orders`, `exposures` and `victims`, independent of their order.

    Only what was known at the time `until_us` counts: orders placed, looks and complaints received by then.
    """
    until = {"until_us": until_us}
    rows = engine.fetch(_ORDERS if engine.has("known_orders") else _EXPOSED, until)
    rows = rows.unique("order").sort("time_us", "order").with_row_index("at")
    names = rows.select("order", pl.col("at").cast(pl.Int64))
    exposures = _number_exposures(engine, names, until)
    orders = _borrow_regions(_number_orders(rows), exposures)
    accounts = rows.select("account", pl.Series("account_at", orders.account)).drop_nulls().unique("account")
    victims = _link_victims(engine.fetch(_VICTIMS, until), names, accounts, orders, settings)
    return Case(orders, exposures, victims)


def read_fields(fields: pl.Series) -> Ints:
    """`a|b` -> set with one bit per field; `UNKNOWN` for null."""
    sets = [
        UNKNOWN if text is None else sum(1 << FIELDS.index(f) for f in text.split("|") if f in FIELDS)
        for text in fields.to_list()
    ]
    return np.array(sets, dtype=np.int64)


def expand_ranges(start: Ints, stop: Ints) -> tuple[Ints, Ints]:
    """Row by row of ranges: the index of the range, and each number inside it."""
    sizes = stop - start
    of = np.repeat(np.arange(len(start)), sizes)
    offsets = np.arange(len(of)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return of, start[of] + offsets


def _number_orders(rows: pl.DataFrame) -> Orders:
    region, n_regions = _number(rows["region"])
    account, n_accounts = _number(rows["account"])
    known = np.flatnonzero(account >= 0)
    of_account = known[np.argsort(account[known], kind="stable")]
    start = np.searchsorted(account[of_account], np.arange(n_accounts + 1))
    times = rows["time_us"].to_numpy().astype(np.int64)
    return Orders(times, region, n_regions, account, start.astype(np.int64), of_account.astype(np.int64))


def _number(names: pl.Series) -> tuple[Ints, int]:
    """Position of each name among the sorted distinct ones, -1 for null; how many there are."""
    distinct = names.drop_nulls().unique().sort()
    if distinct.is_empty():
        return np.full(len(names), -1, dtype=np.int64), 0
    codes = names.replace_strict(distinct, np.arange(len(distinct)), default=-1, return_dtype=pl.Int64)
    return codes.to_numpy().astype(np.int64), len(distinct)


def _borrow_regions(orders: Orders, exposures: Exposures) -> Orders:
    """Orders without a region count as of the area of the partner that saw them, the one who saw fewest.

    A courier or warehouse alone serves its area; without this, a talkative area would look like its leak.
    """
    partner = np.array([s.startswith("partner:") for s in exposures.sources], dtype=np.bool_)
    size = np.bincount(exposures.source, minlength=len(exposures.sources))
    lacking = np.flatnonzero((orders.region[exposures.order] < 0) & partner[exposures.source])
    rows = lacking[np.lexsort((exposures.source[lacking], size[exposures.source[lacking]]))]
    order, first = np.unique(exposures.order[rows], return_index=True)
    region = orders.region.copy()
    region[order] = orders.n_regions + exposures.source[rows[first]]
    known, place = np.unique(region, return_inverse=True)
    n_unknown = int(known[0] < 0) if len(known) else 0
    return replace(orders, region=place.astype(np.int64) - n_unknown, n_regions=len(known) - n_unknown)


def _number_exposures(engine: Engine, names: pl.DataFrame, until: dict[str, int]) -> Exposures:
    engine.put("case_orders", names)
    lists: dict[str, pl.Series] = {}
    for table, sql in _NAMES.items():
        lists[table] = engine.fetch(sql).to_series().sort()
        engine.put(table, lists[table].to_frame().with_row_index("at"))
    rows = engine.fetch(_EXPOSURES, until)
    engine.drop("case_orders", *_NAMES)
    kept = rows["source_at"].unique().sort()
    sources = lists["case_sources"].gather(kept).to_list()
    place = np.zeros(len(lists["case_sources"]), dtype=np.int32)
    place[kept.to_numpy()] = np.arange(len(kept))
    source = place[rows["source_at"].to_numpy()]
    order = rows["order_at"].to_numpy().astype(np.int32)
    sets = np.append(read_fields(lists["case_fields"]), UNKNOWN).astype(np.int16)
    fields = sets[rows["fields_at"].fill_null(-1).to_numpy()]
    first_us, weight = rows["first_us"].to_numpy(), np.clip(rows["weight"].to_numpy(), 0.0, 1.0)
    del rows
    by = np.argsort(order.astype(np.int64) * max(len(sources), 1) + source)
    source, order = source[by], order[by]
    return Exposures(
        sources,
        source,
        order,
        first_us[by],
        fields[by],
        weight[by],
        _find_starts(order, names.height),
        np.argsort(source, kind="stable").astype(np.int32),
        np.concatenate([[0], np.cumsum(np.bincount(source, minlength=len(sources)))]).astype(np.int64),
    )


def _find_starts(order: Ints, n_orders: int) -> Ints:
    counts = np.bincount(order, minlength=n_orders)
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def _link_victims(
    rows: pl.DataFrame, names: pl.DataFrame, accounts: pl.DataFrame, orders: Orders, settings: TracingSettings
) -> Victims:
    rows = rows.join(names, on="order", how="left").join(accounts, on="account", how="left")
    rows = rows.sort("complaint", "received_us", "order", "account", nulls_last=True)
    contact = rows["contacted_us"].fill_null(rows["received_us"]).to_numpy().astype(np.int64, copy=True)
    margin = np.where(
        rows["contacted_us"].is_not_null().to_numpy(),
        settings.margin_minutes * 60_000_000,
        settings.unknown_contact_hours * 3_600_000_000,
    )
    cited = rows["at"].cast(pl.Int64).fill_null(-1).to_numpy()
    account = rows["account_at"].fill_null(-1).to_numpy()
    # A contact before its order was placed is a clock's error: it came no earlier than the order.
    knows = np.flatnonzero(cited >= 0)
    contact[knows] = np.maximum(contact[knows], orders.time_us[cited[knows]])
    candidates = [
        _list_candidates(int(o), int(a), int(t), orders)
        for o, a, t in zip(cited, account, contact, strict=True)
    ]
    linked = np.array([len(c) > 0 for c in candidates], dtype=np.bool_)
    kept = [c for c in candidates if len(c)]
    sizes = np.array([len(c) for c in kept], dtype=np.int64)
    return Victims(
        (contact - margin)[linked],
        contact[linked],
        read_fields(rows["known_fields"])[linked],
        np.concatenate([np.zeros(0, dtype=np.int64), *kept]),
        np.repeat(np.arange(len(kept)), sizes),
        _share_among(kept, contact[linked], orders),
        rows.height,
    )


def _list_candidates(order: int, account: int, contact_us: int, orders: Orders) -> Ints:
    if order >= 0:
        return np.array([order], dtype=np.int64)
    if account < 0:
        return np.zeros(0, dtype=np.int64)
    own = orders.of_account[orders.account_start[account] : orders.account_start[account + 1]]
    return own[orders.time_us[own] < contact_us]


def _share_among(candidates: list[Ints], contact_us: Ints, orders: Orders) -> Floats:
    """Chance of each candidate, halved with every `_HALF_LIFE_US` of age; they sum to 1 per victim."""
    shares = []
    for own, at_us in zip(candidates, contact_us.tolist(), strict=True):
        weight = np.exp2(-np.maximum(at_us - orders.time_us[own], 0) / _HALF_LIFE_US)
        shares.append(np.maximum(weight, 1e-9) / np.maximum(weight, 1e-9).sum())
    return np.concatenate([np.zeros(0), *shares])
