"""Network number and country of addresses, out of databases that the user supplies.

The files are of the MaxMind DB format (https://maxmind.github.io/MaxMind-DB/), whoever made them: GeoLite2
or GeoIP2 (ASN, ISP, Country, City, Enterprise), DB-IP, IPinfo. None is shipped and none is fetched.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final

import maxminddb
import polars as pl

from stanch.engine import Engine, load_step
from stanch.errors import UsageError
from stanch.findings import Input

#: So many records are looked at to tell what a database knows.
_PROBED: Final = 2_000
_ASN: Final = re.compile(r"(?:AS)?(\d{1,10})", re.ASCII | re.IGNORECASE)
_COUNTRY: Final = re.compile(r"[A-Z]{2}", re.ASCII)

_MISSING: Final = "SELECT DISTINCT ip FROM logins WHERE asn IS NULL OR country IS NULL"
_WRITTEN_AS: Final = "SELECT 1 AS one FROM logins WHERE asn LIKE 'AS%' LIMIT 1"


@dataclass(frozen=True, slots=True)
class GeoDatabase:
    """One open database; `knows` is which of `asn` and `country` it can tell."""

    path: str
    kind: str
    built: str
    knows: frozenset[str]
    reader: maxminddb.Reader


def open_databases(paths: Iterable[Path]) -> tuple[GeoDatabase, ...]:
    """Open every database.

    Raises:
        UsageError: one is missing, cannot be read, or is no MaxMind DB.
    """
    return tuple(_open(path) for path in paths)


def locate_logins(engine: Engine, databases: Sequence[GeoDatabase]) -> list[Input]:
    """Fill `asn` and `country` of `logins` where they are empty; each address is looked up once.

    Of several databases the first that knows an address's network or country is believed. Returns what
    was read of each: its rows are the addresses that it told something new of.

    Raises:
        UsageError: a database turns out to be broken.
    """
    addresses = engine.fetch(_MISSING)["ip"].sort()
    prefix = "AS" if engine.fetch(_WRITTEN_AS).height else ""
    asns: dict[str, str] = {}
    countries: dict[str, str] = {}
    inputs = []
    for database in databases:
        n_told = _look_up(database, addresses, asns, countries, prefix) if database.knows else 0
        inputs.append(_describe(database, n_told))
    engine.put("located", _tabulate(asns, countries))
    engine.run(load_step("stanch.readers", "located_logins", "logins"))
    engine.drop("located")
    return inputs


def _open(path: Path) -> GeoDatabase:
    try:
        if path.is_dir():
            raise IsADirectoryError(21, "is a folder")
        reader = maxminddb.open_database(path)
        about = reader.metadata()
        knows = frozenset(_find_known(record for _, record in islice(_iterate(reader), _PROBED)))
    except OSError as error:
        raise UsageError(
            f"--geo: cannot be read: {error.strerror or error}", file=str(path), hint="name an .mmdb file"
        ) from error
    except (maxminddb.InvalidDatabaseError, ValueError, UnicodeDecodeError) as error:
        raise _tell_broken(str(path)) from error
    built = datetime.fromtimestamp(about.build_epoch, UTC).date().isoformat()
    return GeoDatabase(str(path), about.database_type, built, knows, reader)


def _iterate(reader: maxminddb.Reader) -> Iterator[tuple[object, Any]]:
    yield from reader


def _tell_broken(path: str) -> UsageError:
    return UsageError(
        "--geo: is no MaxMind database, or a broken one",
        file=path,
        hint="unpack it if it is compressed, or get it anew",
    )


def _find_known(records: Iterable[Any]) -> set[str]:
    known: set[str] = set()
    for record in records:
        asn, country = _find_asn(record), _find_country(record)
        known |= {name for name, value in (("asn", asn), ("country", country)) if value}
        if len(known) == 2:
            break
    return known


def _look_up(
    database: GeoDatabase, addresses: pl.Series, asns: dict[str, str], countries: dict[str, str], prefix: str
) -> int:
    """Add what `database` knows and others did not; return of how many addresses."""
    n_told = 0
    for ip, record in _get_records(database, addresses):
        asn = _find_asn(record) if ip not in asns else None
        country = _find_country(record) if ip not in countries else None
        if asn:
            asns[ip] = prefix + asn
        if country:
            countries[ip] = country
        n_told += bool(asn or country)
    return n_told


def _tabulate(asns: dict[str, str], countries: dict[str, str]) -> pl.DataFrame:
    """Grain: one row per address of which anything is known."""
    known = sorted(asns.keys() | countries.keys())
    return pl.DataFrame(
        {"ip": known, "asn": [asns.get(ip) for ip in known], "country": [countries.get(ip) for ip in known]},
        schema={"ip": pl.String, "asn": pl.String, "country": pl.String},
    )


def _get_records(database: GeoDatabase, addresses: pl.Series) -> Iterator[tuple[str, Any]]:
    has_v6 = database.reader.metadata().ip_version == 6
    try:
        for ip in addresses:
            if has_v6 or ":" not in ip:
                yield ip, database.reader.get(ip)
    except (maxminddb.InvalidDatabaseError, UnicodeDecodeError) as error:
        raise _tell_broken(database.path) from error


def _find_asn(record: Any) -> str | None:
    """The number of the autonomous system, in digits: MaxMind's ASN, ISP and Enterprise, IPinfo, DB-IP."""
    if not isinstance(record, dict):
        return None
    traits = record.get("traits")
    for place in (record, traits if isinstance(traits, dict) else {}):
        for key in ("autonomous_system_number", "asn", "as_number"):
            if found := _ASN.fullmatch(str(place.get(key, ""))):
                return found[1]
    return None


def _find_country(record: Any) -> str | None:
    """The ISO code of the country: MaxMind's `country.iso_code`, or a plain code as IPinfo writes it."""
    if not isinstance(record, dict):
        return None
    country = record.get("country")
    code = country.get("iso_code") if isinstance(country, dict) else record.get("country_code", country)
    return code if isinstance(code, str) and _COUNTRY.fullmatch(code) else None


def _describe(database: GeoDatabase, n_told: int) -> Input:
    with open(database.path, "rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    return Input(
        "geo",
        database.path,
        sha256,
        n_told,
        0,
        "mmdb",
        notes=[_NOTES[database.knows].format(kind=database.kind, day=database.built)],
    )


_NOTES: Final = {
    frozenset(): "{kind} of {day} knows neither network numbers nor countries and was not used",
    frozenset({"asn"}): "{kind} of {day}, fills in the network numbers of logins",
    frozenset({"country"}): "{kind} of {day}, fills in the countries of logins",
    frozenset({"asn", "country"}): "{kind} of {day}, fills in the network numbers and countries of logins",
}
