"""What is kept of an investigation beside its outputs: tables sorted as pages ask for them."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec
import polars as pl
from msgspec import Struct

from stanch.engine import Engine, load_step
from stanch.evidence.tables import TABLES
from stanch.findings import Findings
from stanch.reporting.evidence import label_accounts
from stanch.reporting.people import count_exposed_orders
from stanch.reporting.timeline import choose_bin
from stanch.reporting.warnings import split_group

_SQL: Final = "stanch.console.kept"
#: In the order in which they are made: some are made from others.
KEPT: Final = (
    "attempts", "accounts", "addresses", "accesses", "orders", "exposures", "complaints", "sources", "bins",
)  # fmt: skip
SUMMARY: Final = "summary.json"
NAMES: Final = "names.parquet"
#: Bins that the time line is kept in at most: a page shows a twentieth of it, or the whole in fewer.
_MAX_BINS: Final = 20_000
_MINUTE_US: Final = 60_000_000
#: Networks are told as what one customer is usually given (RIPE-690 for IPv6) or shares with few (IPv4).
_NETWORK_BITS: Final = {4: 24, 6: 48}

_BLOCKS: Final = ("behaviour", "address", "network", "standing", "client", "place", "target")
#: Tables that a stage makes only where it had evidence: column -> SQL type.
_MADE: Final[Mapping[str, Mapping[str, str]]] = {
    "attempts": {
        "file_id": "INTEGER", "line": "BIGINT", "time_us": "BIGINT", "ip": "VARCHAR", "account": "VARCHAR",
        "outcome": "VARCHAR", "log_odds": "DOUBLE", "p_attack": "DOUBLE", "campaign": "VARCHAR",
        "account_id": "BIGINT", "pattern": "BIGINT", "attack": "INTEGER", "prior": "DOUBLE",
        "origin": "INTEGER", "ev_sequel": "DOUBLE", "lv_sequel": "INTEGER",
    },
    "pattern_addends": {"attack": "INTEGER", "pattern": "BIGINT"}
    | {f"ev_{name}": "DOUBLE" for name in _BLOCKS} | {f"lv_{name}": "INTEGER" for name in _BLOCKS},
    "level_names": {"block": "VARCHAR", "level": "INTEGER", "name": "VARCHAR"},
    "fallen_accounts": {
        "account": "VARCHAR", "p_compromised": "DOUBLE", "campaign": "VARCHAR", "first_success_us": "BIGINT",
        "ip": "VARCHAR",
    },
    "victims": {
        "complaint": "VARCHAR", "order": "VARCHAR", "account": "VARCHAR", "received_us": "BIGINT",
    },
    "sources": {
        "source": "VARCHAR", "posterior": "DOUBLE", "exposed": "BIGINT", "victims": "BIGINT",
        "log10_bayes_factor": "DOUBLE", "leak_start_us": "BIGINT", "leak_end_us": "BIGINT",
        "verdict": "VARCHAR", "why_for": "VARCHAR", "why_against": "VARCHAR",
    },
}  # fmt: skip
_SPANS: Final = """
SELECT min(time_us) AS start_us, max(time_us) AS end_us FROM (
  SELECT min(time_us) AS time_us FROM logins UNION ALL SELECT max(time_us) FROM logins
  UNION ALL SELECT min(time_us) FROM accesses UNION ALL SELECT max(time_us) FROM accesses
  UNION ALL SELECT min(time_us) FROM orders UNION ALL SELECT max(time_us) FROM orders
  UNION ALL SELECT min(received_us) FROM complaints UNION ALL SELECT max(received_us) FROM complaints
) AS spans
"""
_KNOWN: Final = """
SELECT account AS ref, 'account' AS kind FROM kept_accounts
UNION ALL SELECT "order", 'order' FROM kept_orders
UNION ALL SELECT DISTINCT actor, actor_kind FROM kept_accesses
WHERE actor_kind NOT IN ('customer', 'anonymous')
"""


class Summary(Struct, frozen=True):
    """What a page needs to know before it asks for rows. Moments are microseconds since 1970-01-01 UTC."""

    start_us: int
    end_us: int
    #: Width of the bins of table `bins`.
    bin_us: int
    #: Table -> number of rows.
    rows: dict[str, int]


def keep_evidence(engine: Engine, findings: Findings, names: Mapping[str, str], folder: Path) -> Summary:
    """Write all of `KEPT`, `names.parquet` and `summary.json` into `folder`, from what the stages left.

    `names` maps pseudonyms to names; only those of accounts, orders and actors that the shop has are kept.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _fill_missing(engine)
    start_us, end_us = (int(value or 0) for value in engine.fetch(_SPANS).row(0))
    bin_us = choose_bin(end_us - start_us + 1, _MAX_BINS, _MINUTE_US)
    _prepare(engine, findings)
    rows = {}
    for table in KEPT:
        step = load_step(_SQL, table, f"kept_{table}", **({"bin_us": bin_us} if table == "bins" else {}))
        path = folder / f"{table}.parquet"
        engine.write_parquet(step.sql, path, step.params)
        engine.view_parquet(step.output, path)
        rows[table] = engine.count(step.output)
    _keep_names(engine, names, folder / NAMES)
    summary = Summary(start_us, end_us, bin_us, rows)
    (folder / SUMMARY).write_bytes(msgspec.json.encode(summary))
    return summary


def _fill_missing(engine: Engine) -> None:
    """Empty tables where there was no evidence, so that every step can run."""
    schemas = {**{name: table.stored_schema for name, table in TABLES.items()}, **_MADE}
    for name, schema in schemas.items():
        if not engine.has(name):
            engine.create(name, schema)


def _prepare(engine: Engine, findings: Findings) -> None:
    """What the steps need beside the tables of the stages."""
    paths = {"file_id": range(len(findings.inputs)), "path": [given.path for given in findings.inputs]}
    engine.put("input_files", pl.DataFrame(paths, schema={"file_id": pl.Int32, "path": pl.String}))
    label_accounts(engine)
    seen = engine.fetch("SELECT DISTINCT ip FROM logins WHERE ip IS NOT NULL ORDER BY ip")["ip"]
    networks = pl.Series("network", [find_network(ip) for ip in seen], pl.String)
    engine.put("kept_networks", pl.DataFrame([seen.alias("ip"), networks]))
    accused = [
        member
        for name, verdict in engine.fetch("SELECT source, verdict FROM sources").iter_rows()
        if verdict in ("named", "possible")
        for member in split_group(name)
    ]
    engine.put("kept_accused", pl.DataFrame({"source": sorted(set(accused))}, schema={"source": pl.String}))
    engine.put("kept_exposed", count_exposed_orders(engine))


def find_network(ip: str) -> str:
    """The network that an address is shown with."""
    address = ipaddress.ip_address(ip)
    return str(ipaddress.ip_network((address, _NETWORK_BITS[address.version]), strict=False))


def _keep_names(engine: Engine, names: Mapping[str, str], path: Path) -> None:
    """`ref`, `kind`, `name`: who is behind a pseudonym."""
    known = engine.fetch(_KNOWN).filter(pl.col("ref").is_in(list(names)))
    told = pl.Series("name", [names[ref] for ref in known["ref"]], pl.String)
    known.with_columns(told).sort("ref", "kind").write_parquet(path)
