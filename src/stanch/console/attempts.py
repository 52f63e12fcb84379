"""Attempts: an incident's attempts to log in, by who, whence, with what and when; each explained."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct

from stanch.console.evidence import Evidence, Listing
from stanch.console.exploring import (
    Case,
    EvidenceQuery,
    Filters,
    Ref,
    find_case,
    list_cases,
    open_case,
)
from stanch.console.pages import WORKERS, MissingError, Page, Slice, Visit
from stanch.console.window import Window, choose_window
from stanch.errors import UsageError
from stanch.explain import Folder, open_folder
from stanch.explain.facts import tell_levels, tell_weight
from stanch.explain.weigh import Addend, Level
from stanch.reporting.catalogue import Catalogue, load_catalogue
from stanch.service.pulse import Beat
from stanch.stuffing.levels import ADDENDS

_COLUMNS: Final = "time_us, id, file, line, ip, network, account, outcome, campaign, p_attack, client, place"
_ORDERS: Final = {"time": "", "attack": "p_attack DESC, time_us, id"}
_BARS: Final = 60
_MOST_TOP: Final = 6
_Text = Annotated[str, Meta(max_length=200)]
Outcome = Literal["success", "failure", "unknown_account", "challenged", "denied", "unknown"]


class AttemptsQuery(EvidenceQuery, frozen=True, kw_only=True):
    """Which attempts."""

    account: Ref = ""
    ip: Annotated[str, Meta(description="How the address begins.", max_length=64)] = ""
    network: _Text = ""
    client: _Text = ""
    place: _Text = ""
    campaign: _Text = ""
    outcome: Outcome | Literal[""] = ""
    least: Annotated[float, Meta(description="Probability of attack, at least.", ge=0, le=1)] = 0.0
    by: Annotated[
        Literal["time", "attack"], Meta(description="In order of time, or most suspicious first.")
    ] = "time"
    id: Annotated[int, Meta(description="One attempt, explained.", ge=1, le=10**15)] | None = None


class AttemptRow(Struct, frozen=True):
    """One attempt; the account is a pseudonym, None for a name that the shop has not."""

    id: int
    time_us: int
    file: str
    line: int
    ip: str
    network: str | None
    account: str | None
    outcome: str
    campaign: str | None
    p_attack: float
    client: str | None
    place: str | None


class Told(Struct, frozen=True):
    """One addend in nats, and in words."""

    name: str
    title: str
    addend: float
    weight: str
    facts: tuple[str, ...]


class Explained(Struct, frozen=True):
    """Why one attempt is, or is not, held for an attack; heaviest first."""

    attempt: AttemptRow
    log_odds: float
    user_agent: str | None
    addends: tuple[Told, ...]


class Top(Struct, frozen=True):
    """What many of the attempts have in common."""

    by: Literal["network", "client", "place"]
    value: str
    n: int
    #: Expected number of an attack's.
    attack: float


class Attempts(Struct, frozen=True):
    """A part of the list; `incident` is empty where none was investigated."""

    incident: Case | None
    choices: tuple[Case, ...]
    attempts: Slice[AttemptRow]
    #: Expected number of an attack's among all that fit.
    attack: float = 0.0
    window: Window | None = None
    #: Those that fit, over time.
    bars: tuple[Beat, ...] = ()
    tops: tuple[Top, ...] = ()
    explained: Explained | None = None


def load_attempts(visit: Visit, query: AttemptsQuery) -> Attempts:
    """Newest evidence unless an incident is named; filtered, counted and cut in the engine."""
    case, choices = find_case(visit, query), list_cases(visit)
    if case is None:
        return Attempts(None, choices, Slice((), 0, query.page))
    with open_case(visit, case) as evidence:
        summary = evidence.summary
        window = choose_window(visit, query, summary.start_us, summary.end_us)
        filters = _make_filters(visit, query, window)
        listing = Listing("attempts", _COLUMNS, filters.where, _ORDERS[query.by], filters.params)
        found = evidence.cut(listing, query.page)
        bars = _draw(evidence, filters, window)
        return Attempts(
            case,
            choices,
            Slice(tuple(AttemptRow(**row) for row in found.rows), found.n, found.page),
            sum(bar.attack for bar in bars),
            window,
            bars,
            tuple(_list_tops(evidence, filters)),
            None if query.id is None else _explain(visit, evidence, query.id),
        )


def _make_filters(visit: Visit, query: AttemptsQuery, window: Window) -> Filters:
    filters = Filters()
    if window.is_chosen:
        filters.add("time_us >= $from_us AND time_us < $until_us", **window.params)
    filters.refer(visit.service, "account", query.account)
    if query.ip.strip():
        filters.add("starts_with(ip, $ip)", ip=query.ip.strip())
    for column in ("network", "client", "place", "campaign", "outcome"):
        filters.equal(column, getattr(query, column))
    if query.least:
        filters.add("p_attack >= $least", least=query.least)
    return filters


def _draw(evidence: Evidence, filters: Filters, window: Window) -> tuple[Beat, ...]:
    width_us = max(1, -(-(window.until_us - window.from_us) // _BARS))
    rows = evidence.fetch(
        "SELECT (time_us - $start_us) // $width_us AS bar, count(*) AS n, sum(p_attack) AS attack"  # noqa: S608
        f" FROM attempts WHERE {filters.where} GROUP BY bar",
        **filters.params, start_us=window.from_us, width_us=width_us,
    )  # fmt: skip
    bars = [Beat(window.from_us + n * width_us) for n in range(_BARS)]
    for bar, n, attack in rows.iter_rows():
        if 0 <= bar < _BARS:
            bars[bar].attempts, bars[bar].attack = n, float(attack)
    return tuple(bars)


def _list_tops(evidence: Evidence, filters: Filters) -> list[Top]:
    tops: list[Top] = []
    columns: tuple[Literal["network", "client", "place"], ...] = ("network", "client", "place")
    for column in columns:
        rows = evidence.fetch(
            f"SELECT {column}, count(*) AS n, sum(p_attack) AS attack FROM attempts"  # noqa: S608
            f" WHERE {filters.where} AND {column} IS NOT NULL AND {column} <> ''"
            f" GROUP BY {column} ORDER BY attack DESC, n DESC, {column} LIMIT {_MOST_TOP}",
            **filters.params,
        )
        tops += [Top(column, value, n, float(attack)) for value, n, attack in rows.iter_rows()]
    return tops


def _explain(visit: Visit, evidence: Evidence, number: int) -> Explained:
    rows = evidence.fetch("SELECT * FROM attempts WHERE id = $id", id=number).to_dicts()
    if not rows:
        raise MissingError
    row = rows[0]
    try:
        folder = open_folder(evidence.out)
    except UsageError:
        folder = None
    texts = load_catalogue(visit.lang, "stanch.explain")
    told = [_tell(row, name, folder, texts) for name in ADDENDS]
    attempt = AttemptRow(**{name: row[name] for name in AttemptRow.__struct_fields__})
    addends = tuple(sorted(told, key=lambda one: -abs(one.addend)))
    return Explained(attempt, row["log_odds"], row["user_agent"], addends)


def _tell(row: dict[str, Any], name: str, folder: Folder | None, texts: Catalogue) -> Told:
    weight = float(row[f"ev_{name}"] or 0.0)
    code, title = row[f"lv_{name}"], texts.text(f"addend.{name}")
    levels = (
        [Level(code, 1.0, row[name] if name in ("client", "place") else None)] if code is not None else []
    )
    addend = Addend(name, weight, levels if weight else [])
    facts = tell_levels(addend, folder, texts) if folder is not None else []
    return Told(name, title, weight, tell_weight(addend, texts), tuple(facts))


def _name_look(visit: Visit, answer: Attempts) -> str:
    if answer.explained is not None and answer.explained.attempt.account is not None:
        return visit.name_reference("pseudonym", answer.explained.attempt.account)
    return "" if answer.incident is None else f"incident:{answer.incident.number}"


ATTEMPTS: Final = Page(
    "/attempts", "attempts", WORKERS, AttemptsQuery, Attempts, load_attempts, "attempts", _name_look
)
PAGES: Final = (ATTEMPTS,)
