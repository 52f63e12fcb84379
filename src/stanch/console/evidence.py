"""The evidence of one incident, as its investigation left it: opened for one visit, paged in the engine."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import msgspec
import polars as pl

from stanch.cases.investigations import find_newest
from stanch.console.keeping import KEPT, NAMES, SUMMARY, Summary
from stanch.console.pages import PAGE_SIZE, MissingError, Slice, Visit
from stanch.engine import Engine, EngineSettings, Value, open_engine
from stanch.errors import EngineError
from stanch.evidence.pseudonyms import Pseudonymiser
from stanch.findings import Findings
from stanch.service.state import Service

#: Below the folder of an incident.
OUT: Final = "answer"
TABLES: Final = "tables"
_PURPOSE: Final = "people of incidents"
#: A page asks little at once: what needs more memory than this goes to disk.
_ENGINE: Final = EngineSettings(memory_limit_mb=1_000, threads=2)
#: As `kept/*.sql` sorts them.
_SORTED: Final[Mapping[str, str]] = {
    "attempts": "time_us, id",
    "accounts": "p_compromised DESC, orders_exposed DESC, account",
    "addresses": "attack DESC, ip",
    "accesses": "time_us, file, line",
    "orders": '"order"',
    "exposures": '"order", first_us, source',
    "complaints": "received_us, file, line",
    "sources": "posterior DESC, source",
    "bins": "bin_us",
}
_REF: Final = re.compile(r"[0-9a-f]{6,24}")


@dataclass(frozen=True, slots=True)
class Listing:
    """A list that is cut in the engine; `where` and `order` are SQL of ours, values are `$name` parameters.

    Without an `order` rows come as the table is sorted.
    """

    table: str
    columns: str = "*"
    where: str = "TRUE"
    order: str = ""
    params: Mapping[str, Value] = field(default_factory=dict)


class Evidence:
    """What an investigation left; used from one thread, while `open_evidence` is open."""

    def __init__(self, number: int, folder: Path, engine: Engine) -> None:
        self.number = number
        self.folder = folder
        self._engine = engine
        for table in KEPT:
            engine.view_parquet(table, folder / TABLES / f"{table}.parquet")

    @property
    def out(self) -> Path:
        """The folder of the outputs: `report.html`, `reset.csv` and so on."""
        return self.folder / OUT

    @cached_property
    def findings(self) -> Findings:
        """The content of `findings.json`."""
        return msgspec.json.decode((self.out / "findings.json").read_bytes(), type=Findings)

    @cached_property
    def summary(self) -> Summary:
        """Span, and how many rows each table has."""
        return msgspec.json.decode((self.folder / TABLES / SUMMARY).read_bytes(), type=Summary)

    def fetch(self, sql: str, /, **params: Value) -> pl.DataFrame:
        """Answer a SELECT over the tables of `KEPT`; `$name` are parameters."""
        return self._engine.fetch(sql, params)

    def cut(self, listing: Listing, page: int, size: int = PAGE_SIZE) -> Slice[dict[str, Any]]:
        """One page of a list, and how many rows it has in all."""
        params = dict(listing.params)
        if listing.where == "TRUE":
            n = self.summary.rows[listing.table]
        else:
            counted = f"SELECT count(*) AS n FROM {listing.table} WHERE {listing.where}"  # noqa: S608
            n = int(self._engine.fetch(counted, params).item())
        rows = self._engine.fetch(
            f"SELECT {listing.columns} FROM {listing.table} WHERE {listing.where}"  # noqa: S608
            f" ORDER BY {listing.order or _SORTED[listing.table]} LIMIT {size} OFFSET {(page - 1) * size}",
            params,
        )
        return Slice(rows.to_dicts(), n, page)


def find_folder(service: Service, number: int) -> Path:
    """Where everything of an incident lies that is too large for the database; it may be missing."""
    return service.data_dir / "incidents" / str(number)


@contextmanager
def open_evidence(service: Service, number: int) -> Iterator[Evidence]:
    """The evidence of an incident.

    Raises:
        MissingError: nothing has been investigated there, or not to its end.
    """
    folder = find_folder(service, number)
    if not is_investigated(service, number):
        raise MissingError
    with closing(open_engine("duckdb", _ENGINE)) as engine:
        try:
            evidence = Evidence(number, folder, engine)
        except EngineError:
            if is_investigated(service, number):
                raise
            raise MissingError from None  # it was removed meanwhile
        yield evidence


def is_investigated(service: Service, number: int) -> bool:
    """Whether there is evidence to open."""
    return (find_folder(service, number) / TABLES / SUMMARY).exists()


def newest_case(visit: Visit) -> int | None:
    """The incident that was investigated last, of those whose evidence is there."""
    found = find_newest(visit.connection)
    return next((number for number in found if is_investigated(visit.service, number)), None)


def find_key(service: Service) -> bytes:
    """The key of the pseudonyms."""
    return service.secrets.derive(_PURPOSE)


def find_refs(service: Service, text: str) -> tuple[str, ...]:
    """What somebody typed, as the pseudonyms that it may be or begin: a name, or a part of a pseudonym.

    Compare by `starts_with(account, $ref)`; the name's own pseudonym has all 24 digits.
    """
    text = text.strip()
    hashed = [Pseudonymiser(key).hash(text) for key in service.secrets.derive_all(_PURPOSE)]
    return (*hashed, *([text] if _REF.fullmatch(text) else ()))


def read_name(folder: Path, ref: str) -> list[tuple[str, str]]:
    """Kind and name of who is behind a pseudonym; empty where it is not known."""
    names = pl.scan_parquet(folder / TABLES / NAMES).filter(pl.col("ref") == ref)
    return list(names.select("kind", "name").collect().iter_rows())
