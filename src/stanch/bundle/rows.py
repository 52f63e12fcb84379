"""The rows behind each statement, with the file and line of the input that each was read from.

They show people as the outputs do: what these mask or leave out (sessions, phones, texts of reports, names
that the shop does not have) stands in no row.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from stanch.engine import Engine
from stanch.findings import Findings
from stanch.reporting.cells import mask_name, neutralise_cells, write_csv
from stanch.reporting.evidence import label_accounts
from stanch.reporting.people import LEAST_LISTED, format_times
from stanch.reporting.warnings import split_group
from stanch.tracing import TracingSettings

FOLDER: Final = "rows"
COMPLAINTS: Final = f"{FOLDER}/complaints.csv"
FALLEN_LOGINS: Final = f"{FOLDER}/fallen-logins.csv"
FALLEN_ORDERS: Final = f"{FOLDER}/fallen-orders.csv"

_REPORTS: Final = """
SELECT c.file_id, f.path AS file, c.line, c.complaint, c.received_us, c.contacted_us, c."order", c.account,
  c.known_fields, c.loss, c.currency, c.region
FROM complaints c JOIN input_files f ON f.file_id = c.file_id ORDER BY c.file_id, c.line
"""
_READ: Final = 'SELECT file_id, line, "column" FROM heard ORDER BY file_id, line, "column"'
_OWNERS: Final = "SELECT DISTINCT account FROM known_orders WHERE account IS NOT NULL"
_VICTIMS: Final = "SELECT complaint, received_us FROM victims"
#: Orders that the caller may have known, as tracing takes them: the one cited, else those of the account.
_SEEN: Final = """
WITH known AS (
  SELECT v.complaint, v.received_us, v.contacted_us, v.known_fields, k."order", k.time_us
  FROM victims v JOIN known_orders k ON k."order" = v."order"
  UNION ALL
  SELECT v.complaint, v.received_us, v.contacted_us, v.known_fields, k."order", k.time_us
  FROM victims v JOIN known_orders k ON k.account = v.account
  LEFT JOIN known_orders c ON c."order" = v."order"
  WHERE c."order" IS NULL AND k.time_us < coalesce(v.contacted_us, v.received_us)
)
SELECT a.number, n.complaint, n.received_us, n.contacted_us, n.known_fields, n."order",
  n.time_us AS placed_us, e.source, e.first_us, e.last_us, e.fields AS shown_fields, e.weight
FROM known n JOIN exposures e ON e."order" = n."order" JOIN bundle_sources a ON a.source = e.source
WHERE e.first_us < coalesce(n.contacted_us - $margin_us, n.received_us - $unknown_us)
ORDER BY a.number, n.received_us, n.complaint, n."order", e.source
"""
_LOOKS: Final = """
SELECT a.file_id, f.path AS file, a.line, a.time_us, a.actor, a.actor_kind, a.channel, a."order", k.account,
  a.fields, a.ip
FROM accesses a JOIN input_files f ON f.file_id = a.file_id JOIN bundle_orders b ON b."order" = a."order"
LEFT JOIN known_orders k ON k."order" = a."order"
"""
_FALLEN: Final = "SELECT account, campaign FROM fallen_accounts WHERE p_compromised >= $least"
_LOGINS: Final = """
SELECT f.path AS file, a.line, a.time_us, a.ip, n.label AS account, a.outcome, a.p_attack, a.campaign
FROM attempts a JOIN bundle_fallen v ON v.account = a.account JOIN input_files f ON f.file_id = a.file_id
JOIN account_labels n ON n.account_id = a.account_id
WHERE a.campaign = v.campaign OR (a.outcome = 'success' AND a.p_attack >= $least)
ORDER BY n.label, a.time_us, a.file_id, a.line
"""
_OPENED: Final = """
SELECT k.account, v.campaign, e."order", k.time_us AS placed_us, e.first_us, e.last_us, e.fields, e.weight
FROM bundle_fallen v JOIN known_orders k ON k.account = v.account
JOIN exposures e ON e."order" = k."order" AND e.source = 'campaign:' || v.campaign
ORDER BY k.account, e.first_us, e."order"
"""
_ACCUSED: Final = (
    "SELECT source FROM sources WHERE verdict IN ('named', 'possible') ORDER BY posterior DESC, source"
)


@dataclass(frozen=True, slots=True)
class Rows:
    """How many rows stand in each file (`rows/…`), and which files are about which source."""

    n: dict[str, int]
    of_source: dict[str, list[str]]


def write_rows(
    out: Path,
    answer: Path,
    findings: Findings,
    engine: Engine,
    settings: TracingSettings,
    *,
    with_channel: bool,
) -> Rows:
    """Write all of them into `out`/rows; `answer` is the folder of the run's outputs.

    `with_channel`: pages may hold what else was made a pseudonym, so their names are left out then.
    """
    (out / FOLDER).mkdir()
    rows = Rows({}, {})
    paths = {"file_id": range(len(findings.inputs)), "path": [given.path for given in findings.inputs]}
    engine.put("input_files", pl.DataFrame(paths, schema={"file_id": pl.Int32, "path": pl.String}))
    for name, frame in _list_frames(findings, engine, settings, rows, with_channel=with_channel):
        write_csv(out / name, _tell_times(frame))
        rows.n[name] = frame.height
    for campaign in findings.campaigns:
        name = f"{FOLDER}/campaign-{campaign.id}.csv"
        rows.n[name] = _write_campaign(answer / "evidence.parquet", out / name, campaign.id)
    engine.drop("input_files", "bundle_sources", "bundle_orders", "bundle_fallen", "account_labels")
    return rows


def _list_frames(
    findings: Findings, engine: Engine, settings: TracingSettings, rows: Rows, *, with_channel: bool
) -> Iterator[tuple[str, pl.DataFrame]]:
    if engine.has("complaints"):
        yield COMPLAINTS, _list_complaints(engine)
    if engine.has("sources") and engine.has("exposures") and engine.has("victims"):
        sources = engine.fetch(_ACCUSED)["source"].to_list()
        seen = _fetch_seen(engine, sources, settings)
        looks = _fetch_looks(engine, seen)
        for number, source in enumerate(sources, start=1):
            name = f"{FOLDER}/source-{number}.csv"
            rows.of_source[source] = [name]
            of_source = seen.filter(pl.col("number") == number).drop("number")
            yield name, of_source
            if looks is not None:
                name = f"{FOLDER}/source-{number}-accesses.csv"
                rows.of_source[source].append(name)
                left_out = ["file_id", "account"] + ([] if with_channel else ["channel"])
                yield name, _pick_looks(looks, of_source, engine).drop(left_out)
    if engine.has("fallen_accounts") and engine.has("attempts"):
        engine.put("bundle_fallen", engine.fetch(_FALLEN, {"least": LEAST_LISTED}))
        label_accounts(engine)
        yield FALLEN_LOGINS, engine.fetch(_LOGINS, {"least": LEAST_LISTED})
        if engine.has("exposures"):
            yield FALLEN_ORDERS, engine.fetch(_OPENED)


def _list_complaints(engine: Engine) -> pl.DataFrame:
    """Every report; `counted`: the first of its victim, which the counts are about.

    Where texts were read, `read` lists the columns that were filled from them.

    A name that placed no order is not known to be an account, and is masked.
    """
    reports = engine.fetch(_REPORTS)
    known = set(engine.fetch(_OWNERS)["account"])
    accounts = [a if a is None or a in known else mask_name(a) for a in reports["account"]]
    reports = reports.with_columns(pl.Series("account", accounts, pl.String))
    if engine.has("heard"):
        read = engine.fetch(_READ).group_by("file_id", "line", maintain_order=True)
        told = read.agg(pl.col("column").str.join("|").alias("read"))
        reports = reports.join(told, on=["file_id", "line"], how="left", maintain_order="left")
    victims = engine.fetch(_VICTIMS).unique().with_columns(counted=pl.lit(value=True))
    keys = ["complaint", "received_us"]
    counted = reports.join(victims, on=keys, how="left", maintain_order="left")
    first = pl.struct(keys).is_first_distinct()
    counted = counted.drop("file_id")
    return counted.with_columns(pl.col("counted").fill_null(value=False) & first)


def _fetch_seen(engine: Engine, sources: list[str], settings: TracingSettings) -> pl.DataFrame:
    """One row per accused source, complaint and order that the source saw in time."""
    members = [(number, member) for number, s in enumerate(sources, start=1) for member in split_group(s)]
    schema = {"number": pl.Int64, "source": pl.String}
    engine.put("bundle_sources", pl.DataFrame(members, schema=schema, orient="row"))
    return engine.fetch(
        _SEEN,
        {
            "margin_us": settings.margin_minutes * 60_000_000,
            "unknown_us": settings.unknown_contact_hours * 3_600_000_000,
        },
    )


def _fetch_looks(engine: Engine, seen: pl.DataFrame) -> pl.DataFrame | None:
    """Every access to an order that any accused source saw, None where no log was given."""
    if not engine.has("accesses"):
        return None
    engine.put("bundle_orders", seen.select("order").unique())
    return engine.fetch(_LOOKS).sort("time_us", "file_id", "line")


def _pick_looks(looks: pl.DataFrame, seen: pl.DataFrame, engine: Engine) -> pl.DataFrame:
    """The accesses to the orders in `seen` by their sources, up to the last that mattered."""
    pairs = seen.group_by("source", "order").agg(pl.col("last_us").max(), pl.col("first_us").min())
    parts = pairs.with_columns(
        kind=pl.col("source").str.extract(r"^(\w+):", 1), name=pl.col("source").str.replace(r"^\w+:", "")
    )
    found = looks.join(parts, on="order", how="inner", maintain_order="left")
    signed_in = (pl.col("actor_kind") == pl.col("kind")) & (pl.col("actor") == pl.col("name"))
    page = (pl.col("actor_kind") == "anonymous") & (pl.col("kind") == "endpoint")
    owner = (pl.col("actor_kind") == "customer") & (pl.col("kind") == "campaign")
    by_source = (
        signed_in
        | (page & (pl.coalesce("channel", "actor") == pl.col("name")))
        | (owner & (pl.col("actor") == pl.col("account")))
    )
    in_time = pl.col("time_us").is_between(pl.col("first_us"), pl.col("last_us"))
    return found.filter(by_source & in_time).select(looks.columns)


def _write_campaign(evidence: Path, path: Path, campaign: str) -> int:
    """Every attempt of one campaign with the addends of its log-odds; how many."""
    attempts = pl.scan_parquet(evidence).filter(pl.col("campaign") == campaign)
    names = [name for name in attempts.collect_schema().names() if not name.startswith("lv_")]
    moment = pl.from_epoch("time_us", time_unit="us").dt.strftime("%Y-%m-%dT%H:%M:%SZ").alias("time_us")
    rows = neutralise_cells(attempts.select(names).with_columns(moment).rename({"time_us": "time"}))
    rows.sink_csv(path, float_precision=6, float_scientific=False)
    return int(attempts.select(pl.len()).collect().item())


def _tell_times(frame: pl.DataFrame) -> pl.DataFrame:
    """`frame` with `NAME_us` as RFC 3339 under NAME."""
    times = [name for name in frame.columns if name.endswith("_us")]
    told = frame.with_columns(format_times(frame[name]).alias(name) for name in times)
    return told.rename({name: name.removesuffix("_us") for name in times})
