"""What the stages conclude: the shapes of `findings.json`, shared by all and computing nothing.

Field for field section by section these are the published format, so a stage that fills one in is
already writing the report. Intervals are 90 %. Times are RFC 3339 in UTC, or empty where there
is none.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType, field

CampaignKind = Literal["stuffing", "spraying", "guessing", "enumeration"]
AttributionVerdict = Literal["named", "undetermined", "unlogged", "no_leak", "not_examined"]
SourceVerdict = Literal["named", "possible", "cleared", "undetermined"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def format_time(time_us: int | None) -> str:
    """Microseconds since 1970 UTC as RFC 3339 to the second, `""` for None."""
    if time_us is None:
        return ""
    moment = _EPOCH + timedelta(microseconds=int(time_us))
    return moment.replace(microsecond=0).isoformat().replace("+00:00", "Z")


def format_percent(share: float) -> str:
    """A share as percent to a tenth, without the sign; what is not quite all or none is not rounded to it."""
    if 0 < share < 0.001:
        return "under 0.1"
    if 0.999 < share < 1:
        return "over 99.9"
    return f"{100 * share:.1f}".removesuffix(".0")


class Interval(Struct, frozen=True):
    """An estimate with its 90 % interval."""

    mean: float = 0.0
    low: float = 0.0
    high: float = 0.0


class Run(Struct, frozen=True):
    """How these findings were made; the only part that differs between equal runs."""

    version: str = ""
    started: str = ""
    seconds: float = 0.0
    engine: str = "duckdb"
    seed: int = 0


class Input(Struct, frozen=True):
    """One file that was read as one table."""

    table: str
    path: str
    sha256: str
    rows: int
    rejects: int
    format: str = ""
    encoding: str = ""
    #: What a reader of the report must know about this file, one plain sentence each.
    notes: list[str] = field(default_factory=list)


class Period(Struct, frozen=True):
    """First and last time in the evidence."""

    start: str = ""
    end: str = ""


class Logins(Struct, frozen=True):
    """How many attempts there were and how many of them belong to an attack."""

    attempts: int = 0
    attack_attempts: Interval = Interval()
    #: Why they could not be examined for an attack, and what to give, in one plain sentence; empty
    #: where they were.
    not_examined: str = ""


class Tool(Struct, frozen=True):
    """Client software of a campaign: TLS fingerprint and User-Agent as logged."""

    client: str
    #: Share of the campaign's attempts, and of all others, that show it.
    share: float
    usual: float


class Campaign(Struct, frozen=True):
    """One attack: attempts that one operator plausibly made with one list."""

    id: str
    kind: CampaignKind
    start: str
    end: str
    attempts: int
    addresses: int
    accounts: int
    compromised: Interval
    success_rate: float
    why: list[str]
    #: Clients that made at least one in twenty of its attempts, most used first.
    tools: list[Tool] = field(default_factory=list)
    #: Accounts opened per attempt.
    opened_share: Interval = Interval()
    #: Share of the accounts tried that the shop has, or why that cannot be told.
    existing_share: Interval | None = None
    existing_unknown: str = ""
    #: Accounts on the attacker's list, tried or not, or why that cannot be told.
    list_size: Interval | None = None
    list_size_unknown: str = ""
    #: Other campaign -> share of this one's accounts that it tried as well.
    overlap: dict[str, float] = field(default_factory=dict)


class ComplaintCounts(Struct, frozen=True):
    """The figures a consumer council would publish; one victim reporting twice counts once."""

    count: int = 0
    first: str = ""
    last: str = ""
    loss_total: dict[str, float] = field(default_factory=dict)
    loss_max: dict[str, float] = field(default_factory=dict)
    by_region: dict[str, int] = field(default_factory=dict)
    by_day: dict[str, int] = field(default_factory=dict)
    #: Rows that repeat an earlier victim's report, left out of all counts above.
    duplicates: int = 0
    #: What callers knew already -> victims who tell so, most frequent first.
    known_fields: dict[str, int] = field(default_factory=dict)


class HeardColumn(Struct, frozen=True):
    """A column of the complaints that was filled from their texts."""

    rows: int
    #: Mean and least of the values' confidences, 0 to 1.
    confidence: float
    least: float


class HeardScript(Struct, frozen=True):
    """Complaints that tell one story."""

    id: str
    #: In words, `en` and `zh`.
    name: dict[str, str]
    kind: str
    #: Reports; one victim may have made several.
    count: int
    #: Days in the report's zone; `noticed`: of the third complaint.
    first: str
    last: str
    noticed: str
    #: Share of its complaints that tell so, at least one in five.
    pretexts: dict[str, float]
    asked: dict[str, float]
    known_fields: dict[str, float]


class Heard(Struct, frozen=True):
    """What the texts of the complaints tell, read by rules; counts are of reports, most frequent first."""

    #: Complaints that have a text.
    texts: int
    kinds: dict[str, int]
    claimed_identities: dict[str, int]
    pretexts: dict[str, int]
    asked: dict[str, int]
    #: Column of the complaints -> how much of it was read instead of given.
    read: dict[str, HeardColumn]
    scripts: list[HeardScript]


class Settling(Struct, frozen=True):
    """One thing to do that would tell who leaked."""

    action: Literal["complaints", "split", "canary", "order_numbers", "fields"]
    #: In one plain sentence.
    what: str
    #: About whom; empty: whoever it was.
    sources: list[str]
    #: Expected number of further complaints that name their order; None: not known.
    complaints_needed: int | None = None
    #: Expected time at the pace of the complaints so far; None: not known.
    days: float | None = None
    #: Orders to plant with each of the sources.
    orders: int | None = None


class Attribution(Struct, frozen=True):
    """Which source explains the complaints, how sure, and who is cleared."""

    verdict: AttributionVerdict = "not_examined"
    sources: list[str] = field(default_factory=list)
    posterior: dict[str, float] = field(default_factory=dict)
    complaints_explained: int = 0
    why: list[str] = field(default_factory=list)
    cleared: list[str] = field(default_factory=list)
    not_examined: list[str] = field(default_factory=list)
    coverage: list[str] = field(default_factory=list)
    #: Share of simulations without a logged leak in which any source reaches evidence this strong.
    false_accusation_rate: float | None = None
    #: What evidence would settle an undetermined question.
    would_settle: list[str] = field(default_factory=list)
    #: The same with its numbers, what is quickest first.
    settle: list[Settling] = field(default_factory=list)


class Early(Struct, frozen=True):
    """How early it could have been known; days are those of the report's zone, empty where there is none."""

    #: What the alarm is set to: mean number of false alarms, and what is usual without a leak.
    false_alarms_per_year: float
    usual_per_month: float
    #: Day at whose end complaints were above their usual level, and how many had come by then.
    alarm: str = ""
    alarm_complaints: int = 0
    #: Day at whose end a source of the answer would first have been named, and how many had come by then.
    named: str = ""
    named_complaints: int = 0
    #: Day on which the shop acted, as it said itself, and how many had come by then.
    acted: str = ""
    acted_complaints: int = 0


class ListCost(Struct, frozen=True):
    """What a list of addresses would have stopped and hit over the whole log: expected numbers."""

    entries: int = 0
    attack_attempts: float = 0.0
    genuine_logins: float = 0.0
    #: An account hit at two entries counts twice; None where the log names none.
    genuine_accounts: float | None = None


class Findings(Struct, frozen=True):
    """The content of `findings.json`."""

    schema: int
    run: Run
    inputs: list[Input]
    period: Period
    logins: Logins
    campaigns: list[Campaign]
    complaints: ComplaintCounts
    attribution: Attribution
    #: Parts of the question for which no evidence was given, one plain sentence each.
    not_examined: list[str] = field(default_factory=list)
    #: What was done to the evidence as a whole before it was used, one plain sentence each.
    notes: list[str] = field(default_factory=list)
    #: `block` and `challenge`: the cost of `blocklist.txt` and `challenge.txt`.
    lists: dict[str, ListCost] = field(default_factory=dict)
    #: None where no complaints were given.
    early: Early | None = None
    #: Left out where no complaint has a text.
    heard: Heard | UnsetType = UNSET


def encode_findings(findings: Findings) -> bytes:
    """UTF-8 JSON, indented, ending in a newline; equal findings give equal bytes."""
    return msgspec.json.format(msgspec.json.encode(findings), indent=2) + b"\n"
