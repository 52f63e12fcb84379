"""What the evidence says of an incident: the answer first, then panels that follow one stretch of time."""

from __future__ import annotations

from typing import Annotated, Any, Final, TypeVar

from msgspec import Meta, Struct

from stanch.cases.decisions import list_kept
from stanch.console.answering import Told, read_told
from stanch.console.evidence import TABLES, Evidence, Listing, is_investigated, open_evidence
from stanch.console.investigating import FileRow, RunRow, find_run, list_files
from stanch.console.pages import Slice, Visit
from stanch.console.window import Window, Windowed, choose_window
from stanch.findings import CampaignKind, Findings, Interval
from stanch.reporting.timeline import parse_time

Row = TypeVar("Row", bound=Struct)
#: Rows of a panel; what is longer has pages.
PANEL: Final = 8
_MAX_DECISIONS: Final = 8
_LIKELY: Final = 0.2
#: Outputs that can be handed out.
DOWNLOADS: Final = (
    "report.html", "reset.csv", "warn.csv", "blocklist.txt", "challenge.txt", "sources.csv", "findings.json",
)  # fmt: skip
_Page = Annotated[int, Meta(description="Which page of a panel.", ge=1, le=1_000_000)]


class CaseQuery(Windowed, frozen=True, kw_only=True):
    """The stretch of time, and the page of each panel."""

    fallen: _Page = 1
    exposures: _Page = 1
    reports: _Page = 1


class CampaignRow(Struct, frozen=True):
    """One campaign."""

    id: str
    kind: CampaignKind
    start_us: int | None
    end_us: int | None
    attempts: int
    addresses: int
    accounts: int
    compromised: Interval
    success_rate: float
    why: tuple[str, ...]


class FallenRow(Struct, frozen=True):
    """One account that likely fell, as a pseudonym."""

    account: str
    p_compromised: float
    campaign: str | None
    first_success_us: int | None
    ip: str | None
    orders_exposed: int


class ExposureRow(Struct, frozen=True):
    """One source, and the orders that it came to know in the stretch of time."""

    source: str
    orders: int
    first_us: int | None
    last_us: int | None
    posterior: float | None
    verdict: str | None


class ReportRow(Struct, frozen=True):
    """One complaint, its victim as pseudonyms."""

    received_us: int
    complaint: str
    order: str | None
    account: str | None
    contacted_us: int | None
    known_fields: str | None
    loss: float | None
    currency: str | None
    region: str | None
    counted: bool


class DecisionRow(Struct, frozen=True):
    """One decision of the guard or of a person since the incident was opened."""

    value: str
    kind: str
    why: str
    start_us: int
    until_us: int
    simulated: bool
    undone_us: int | None


class Counts(Struct, frozen=True):
    """What happened in the stretch of time."""

    attempts: int
    attack: float
    accesses: int
    orders: int
    complaints: int


class Case(Struct, frozen=True):
    """All of it. `window` is the stretch of time that everything below it follows."""

    told: Told
    false_accusation_rate: float | None
    start_us: int
    end_us: int
    window: Window
    counts: Counts
    campaigns: tuple[CampaignRow, ...]
    fallen: Slice[FallenRow]
    exposures: Slice[ExposureRow]
    reports: Slice[ReportRow]
    #: Region and number of complaints, most first.
    regions: tuple[tuple[str, int], ...]
    downloads: tuple[str, ...]


class CaseParts(Struct, frozen=True):
    """What the page of an incident shows beside what people wrote."""

    run: RunRow | None
    case: Case | None
    #: Files of evidence that were handed in.
    files: tuple[FileRow, ...]
    decisions: tuple[DecisionRow, ...]


def load_parts(visit: Visit, number: int, opened_us: int, query: CaseQuery) -> CaseParts:
    """What there is; no case before the first run has come to its end."""
    run = find_run(visit, number)
    case = None
    if is_investigated(visit.service, number):
        with open_evidence(visit.service, number) as evidence:
            case = load_case(visit, evidence, query)
    return CaseParts(run, case, list_files(visit, number), _list_decisions(visit, opened_us))


def load_case(visit: Visit, evidence: Evidence, query: CaseQuery) -> Case:
    """The answer and the panels."""
    findings, summary = evidence.findings, evidence.summary
    window = choose_window(visit, query, summary.start_us, summary.end_us)
    told = read_told(evidence.folder / TABLES, visit.lang)
    return Case(
        told=told,
        false_accusation_rate=findings.attribution.false_accusation_rate,
        start_us=summary.start_us,
        end_us=summary.end_us,
        window=window,
        counts=_count(evidence, window),
        campaigns=_list_campaigns(findings, told, window),
        fallen=_cut_fallen(evidence, window, query.fallen),
        exposures=_cut_exposures(evidence, window, query.exposures),
        reports=_cut_reports(evidence, window, query.reports),
        regions=_list_regions(evidence, window),
        downloads=tuple(name for name in DOWNLOADS if (evidence.out / name).exists()),
    )


_COUNTED: Final = """
SELECT CAST(coalesce(sum(attempts), 0) AS BIGINT) AS attempts, coalesce(sum(attack), 0.0) AS attack,
  CAST(coalesce(sum(accesses), 0) AS BIGINT) AS accesses, CAST(coalesce(sum(orders), 0) AS BIGINT) AS orders,
  CAST(coalesce(sum(complaints), 0) AS BIGINT) AS complaints
FROM bins WHERE bin_us + $bin_us > $from_us AND bin_us < $until_us
"""
#: The time line counts by bins, so do the numbers above the panels: they are those that the chart shows.
_REGIONS: Final = """
SELECT coalesce(region, '') AS region, count(*) AS n FROM complaints
WHERE counted AND received_us >= $from_us AND received_us < $until_us
GROUP BY 1 ORDER BY n DESC, region LIMIT 8
"""
_BY_SOURCE: Final = """
(SELECT e.source, count(*) AS orders, min(e.first_us) AS first_us, max(e.first_us) AS last_us,
  max(s.posterior) AS posterior, min(s.verdict) AS verdict
FROM exposures AS e LEFT JOIN sources AS s ON s.source = e.source
WHERE e.first_us >= $from_us AND e.first_us < $until_us GROUP BY e.source) AS known
"""


def _count(evidence: Evidence, window: Window) -> Counts:
    row = evidence.fetch(_COUNTED, **window.params, bin_us=evidence.summary.bin_us).row(0, named=True)
    return Counts(**row)


def _list_campaigns(findings: Findings, told: Told, window: Window) -> tuple[CampaignRow, ...]:
    why = {one.id: one.why for one in told.campaigns}
    rows = [
        CampaignRow(
            c.id,
            c.kind,
            parse_time(c.start),
            parse_time(c.end),
            c.attempts,
            c.addresses,
            c.accounts,
            c.compromised,
            c.success_rate,
            why.get(c.id, ()),
        )
        for c in findings.campaigns
    ]
    return tuple(
        row
        for row in rows
        if not window.is_chosen
        or ((row.start_us or 0) < window.until_us and (row.end_us or 0) >= window.from_us)
    )


def _cut_fallen(evidence: Evidence, window: Window, page: int) -> Slice[FallenRow]:
    where, params = "p_compromised >= $least", {"least": _LIKELY}
    if window.is_chosen:
        where += " AND first_success_us >= $from_us AND first_success_us < $until_us"
        params |= window.params  # type: ignore[arg-type]
    columns = "account, p_compromised, campaign, first_success_us, ip, orders_exposed"
    return _read(FallenRow, evidence.cut(Listing("accounts", columns, where, params=params), page, PANEL))


def _cut_exposures(evidence: Evidence, window: Window, page: int) -> Slice[ExposureRow]:
    if not window.is_chosen and evidence.summary.rows["sources"]:
        # Counted when the sources were ranked: millions of exposures are not gone through for each look.
        columns = (
            "source, exposed AS orders, CAST(NULL AS BIGINT) AS first_us, CAST(NULL AS BIGINT) AS last_us,"
            " posterior, verdict"
        )
        return _read(ExposureRow, evidence.cut(Listing("sources", columns, "exposed > 0"), page, PANEL))
    order = "coalesce(posterior, -1) DESC, orders DESC, source"
    listing = Listing(_BY_SOURCE, where="orders > 0", order=order, params=window.params)
    return _read(ExposureRow, evidence.cut(listing, page, PANEL))


def _cut_reports(evidence: Evidence, window: Window, page: int) -> Slice[ReportRow]:
    columns = ", ".join(f'"{name}"' for name in ReportRow.__struct_fields__)
    where = "received_us >= $from_us AND received_us < $until_us"
    listing = Listing("complaints", columns, where, "received_us DESC, file, line", window.params)
    return _read(ReportRow, evidence.cut(listing, page, PANEL))


def _list_regions(evidence: Evidence, window: Window) -> tuple[tuple[str, int], ...]:
    found = evidence.fetch(_REGIONS, **window.params)
    return tuple((str(region), int(n)) for region, n in found.iter_rows())


def _list_decisions(visit: Visit, opened_us: int) -> tuple[DecisionRow, ...]:
    kept = [one for one in list_kept(visit.connection, opened_us) if one.start_us >= opened_us]
    newest = sorted(kept, key=lambda one: -one.start_us)[:_MAX_DECISIONS]
    return tuple(
        DecisionRow(one.value, one.kind, one.why, one.start_us, one.until_us, one.simulated, one.undone_us)
        for one in newest
    )


def _read(kind: type[Row], found: Slice[dict[str, Any]]) -> Slice[Row]:
    return Slice(tuple(kind(**row) for row in found.rows), found.n, found.page)
