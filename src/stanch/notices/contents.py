"""What the required elements of the notices say: one function per element, out of figures and gaps.

Each takes a page's ledger and gives paragraphs (`Markup`), lists of points and tables. What the evidence does
not carry is a gap; what is undetermined is said to be so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

from markupsafe import Markup

from stanch.notices.figures import Ledger
from stanch.notices.folder import OUTPUTS, escape
from stanch.reporting.cells import show_text

_MOST: Final = 10
_FINDINGS: Final = "findings.json#"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a heading."""

    columns: list[str]
    rows: list[list[Markup]]


Block: TypeAlias = "Markup | list[Markup] | Table"


def tell_times(ledger: Ledger) -> list[Block]:
    """When the shop became aware, and the 72 hours of GDPR Art. 33(1)."""
    aware = ledger.moment("shop.toml#/aware") if ledger.documents.shop.aware else ledger.gap("aware")
    return [
        ledger.texts.html("time.aware", moment=aware),
        ledger.texts.html("time.deadline_gdpr", moment=ledger.deadline(72)),
        ledger.texts.html("time.delay", gap=ledger.gap("delay")),
    ]


def tell_cac_clock(ledger: Ledger) -> list[Block]:
    """The four hours of Art. 4 of China's measures on reporting cybersecurity incidents (2025)."""
    aware = ledger.moment("shop.toml#/aware") if ledger.documents.shop.aware else ledger.gap("aware")
    return [
        ledger.texts.html("time.aware", moment=aware),
        ledger.texts.html("time.deadline_cac", moment=ledger.deadline(4)),
        ledger.texts.html("time.level", gap=ledger.gap("level")),
    ]


def tell_high_risk(ledger: Ledger) -> list[Block]:
    """Whether GDPR Art. 34(1) and (3) ask for a communication: a person says so."""
    return [ledger.texts.html("time.high_risk", gap=ledger.gap("high_risk"))]


def tell_harm(ledger: Ledger) -> list[Block]:
    """The exception of PIPL Art. 57(2): a person says whether it holds."""
    return [ledger.texts.html("time.harm", gap=ledger.gap("harm"))]


def tell_nature(ledger: Ledger) -> list[Block]:
    """What happened, as a regulator needs it."""
    return [
        ledger.texts.html("nature.kind_confidentiality"),
        *tell_source(ledger),
        *tell_attacks(ledger),
        *tell_complaints(ledger),
        *_tell_period(ledger),
    ]


def tell_nature_plainly(ledger: Ledger) -> list[Block]:
    """The same for customers (GDPR Art. 34(2), plain language): no accounts, no probabilities."""
    texts, findings = ledger.texts, ledger.documents.findings
    found = findings.attribution
    blocks: list[Block] = [texts.html("consumer.what")]
    if found.verdict == "named" and all(name.startswith("campaign:") for name in found.sources):
        for i, campaign in enumerate(findings.campaigns):
            if f"campaign:{campaign.id}" in found.sources:
                blocks.append(_tell_fallen(ledger, i))
    elif found.verdict == "named":
        blocks.append(texts.html("nature.named_plain", source=_name_kinds(ledger)))
    else:
        blocks += tell_source(ledger)
    return blocks + tell_complaints(ledger)


def tell_source(ledger: Ledger) -> list[Block]:
    """Which source leaked, how sure; or that this is not determined."""
    texts, found = ledger.texts, ledger.documents.findings.attribution
    if found.verdict == "named":
        return [
            texts.html(
                "nature.named",
                source=ledger.source(f"{_FINDINGS}/attribution/sources/{i}", name),
                p=ledger.chance(f"{_FINDINGS}/attribution/posterior/{escape(name)}"),
                n=_count_of(ledger, name, "victims", "explained"),
                count=ledger.number(f"{_FINDINGS}/complaints/count"),
            )
            for i, name in enumerate(found.sources)
        ]
    gap = {"gap": ledger.gap("duty")} if found.verdict == "no_leak" else {}
    blocks: list[Block] = [texts.html(f"nature.{found.verdict}", **gap)]
    return blocks if found.verdict == "no_leak" else [*blocks, ledger.gap("cause")]


def tell_attacks(ledger: Ledger) -> list[Block]:
    """The campaigns found among the sign-ins."""
    findings = ledger.documents.findings
    if not findings.campaigns:
        given = any(read.table == "logins" for read in findings.inputs)
        examined = given and not findings.logins.not_examined
        key = "no_campaign" if examined else "logins_not_examined"
        return [ledger.texts.html(f"nature.{key}")]
    blocks: list[Block] = []
    for i in range(min(len(findings.campaigns), _MOST)):
        at = f"{_FINDINGS}/campaigns/{i}"
        told = {name: ledger.number(f"{at}/{name}") for name in ("attempts", "accounts", "addresses")}
        times = {name: ledger.moment(f"{at}/{name}") for name in ("start", "end")}
        told["compromised"] = ledger.interval(f"{at}/compromised")
        kind = ledger.texts.html(f"attack.{findings.campaigns[i].kind}")
        blocks.append(
            ledger.texts.html("nature.campaign", kind=kind, id=ledger.name(f"{at}/id"), **told, **times)
        )
    return blocks


def tell_complaints(ledger: Ledger) -> list[Block]:
    """How many reported a scam contact, and when."""
    if not ledger.documents.findings.complaints.count:
        return [ledger.texts.html("nature.no_complaints")]
    at = f"{_FINDINGS}/complaints"
    return [
        ledger.texts.html(
            "nature.complaints",
            count=ledger.number(f"{at}/count"),
            first=ledger.moment(f"{at}/first"),
            last=ledger.moment(f"{at}/last"),
        )
    ]


def tell_subjects(ledger: Ledger) -> list[Block]:
    """Categories and approximate number of people."""
    texts = ledger.texts
    if not ledger.documents.count("warn.csv#rows"):
        return [
            texts.html("subjects.categories"),
            texts.html("subjects.warn_none", gap=ledger.gap("subjects")),
        ]
    told = texts.html("subjects.warn", n=ledger.number("warn.csv#rows"))
    blocks: list[Block] = [texts.html("subjects.categories"), told]
    if ledger.documents.count("reset.csv#rows"):
        blocks.append(texts.html("subjects.reset", reset=ledger.number("reset.csv#rows")))
    blocks.append(texts.html("subjects.approximate"))
    if regions := list(ledger.documents.findings.complaints.by_region)[:_MOST]:
        listed = [
            _count(ledger, name, f"{_FINDINGS}/complaints/by_region/{escape(name)}") for name in regions
        ]
        blocks.append(texts.html("subjects.regions", list=join(ledger, listed)))
    return blocks


def tell_records(ledger: Ledger) -> list[Block]:
    """Categories and approximate number of records."""
    texts, found = ledger.texts, ledger.documents.findings.attribution
    blocks: list[Block] = [
        texts.html(
            "records.orders",
            source=ledger.source(f"{_FINDINGS}/attribution/sources/{i}", name),
            n=_count_of(ledger, name, "exposed", "records"),
        )
        for i, name in enumerate(found.sources)
    ]
    blocks = blocks or [texts.html("records.unknown", gap=ledger.gap("records"))]
    return [*blocks, *tell_categories(ledger), texts.html("records.no_passwords")]


def tell_categories(ledger: Ledger) -> list[Block]:
    """Which data: what the shop says, and what callers already knew."""
    blocks: list[Block] = [
        ledger.texts.html("records.categories", list=join(ledger, ledger.facts("data_categories")))
    ]
    if knew := _list_known(ledger):
        blocks.append(ledger.texts.html("records.callers_knew", list=join(ledger, knew)))
    return blocks


def tell_contact(ledger: Ledger) -> list[Block]:
    """Where more can be learnt."""
    facts = {name: ledger.fact(f"contact_{name}") for name in ("name", "email", "phone")}
    shop = {name: ledger.fact(name) for name in ("phone", "site")}
    return [ledger.texts.html("contact.person", **facts), ledger.texts.html("contact.shop", **shop)]


def tell_consequences(ledger: Ledger) -> list[Block]:
    """What may follow, and what has followed."""
    return [*tell_dangers(ledger), *tell_losses(ledger, "consequences")]


def tell_dangers(ledger: Ledger) -> list[Block]:
    """What may follow."""
    blocks: list[Block] = [ledger.texts.html("consequences.calls")]
    if ledger.documents.count("reset.csv#rows"):
        blocks.append(ledger.texts.html("consequences.reuse"))
    return blocks


def tell_losses(ledger: Ledger, where: str) -> list[Block]:
    """Total and largest loss of each currency."""
    counted = ledger.documents.findings.complaints
    if not counted.count:
        return []
    if not counted.loss_total:
        return [ledger.texts.html("consequences.no_losses")]
    total, most = (
        join(ledger, [ledger.money(f"{_FINDINGS}/complaints/{name}/{escape(c)}") for c in losses])
        for name, losses in (("loss_total", counted.loss_total), ("loss_max", counted.loss_max))
    )
    return [ledger.texts.html(f"{where}.losses", total=total, max=most)]


def state_duty(ledger: Ledger) -> list[Block]:
    """What Art. 29(2) of China's consumer law asks of the business."""
    return [ledger.texts.html("consumer.duty")]


def tell_measures(ledger: Ledger) -> list[Block]:
    """Taken and planned, as the shop says."""
    texts = ledger.texts
    taken, planned = ledger.facts("measures_taken"), ledger.facts("measures_planned")
    return [texts.html("measures.taken"), taken, texts.html("measures.planned"), planned]


def tell_proposals(ledger: Ledger) -> list[Block]:
    """What the lists of the investigation propose; nobody has done it for that alone."""
    texts = ledger.texts
    proposed: list[Markup] = []
    if ledger.documents.count("reset.csv#rows"):
        proposed.append(texts.html("measures.reset", n=ledger.number("reset.csv#rows")))
    if ledger.documents.count("warn.csv#rows"):
        now = ledger.number("warn.csv#rows?priority=1")
        proposed.append(texts.html("measures.warn", n=ledger.number("warn.csv#rows"), now=now))
    lists = ledger.documents.findings.lists
    if {"block", "challenge"} <= lists.keys() and (lists["block"].entries or lists["challenge"].entries):
        n, m = (ledger.number(f"{_FINDINGS}/lists/{name}/entries") for name in ("block", "challenge"))
        proposed.append(texts.html("measures.block", n=n, m=m))
    return [texts.html("measures.proposed"), proposed] if proposed else []


def introduce_self_protection(ledger: Ledger) -> list[Block]:
    """A line before it, where it has no heading of its own."""
    return [ledger.texts.html("measures.people")]


def tell_self_protection(ledger: Ledger) -> list[Block]:
    """What people can do to reduce the harm."""
    steps = ["do_reset"] if ledger.documents.count("reset.csv#rows") else []
    return [[ledger.texts.html(f"measures.{step}") for step in (*steps, "do_hang_up", "do_codes", "do_paid")]]


def tell_open(ledger: Ledger) -> list[Block]:
    """What is not known yet: what would settle it, what was not examined, where logs end."""
    findings = ledger.documents.findings
    lists = (
        ("attribution/would_settle", findings.attribution.would_settle),
        ("attribution/not_examined", findings.attribution.not_examined),
        ("not_examined", findings.not_examined),
    )
    points = _list_sentences(ledger, lists)
    limits = _list_sentences(ledger, (("attribution/coverage", findings.attribution.coverage),))
    blocks: list[Block] = [ledger.texts.html("open.intro"), points] if points else []
    blocks += [ledger.texts.html("open.limits"), limits] if limits else []
    return blocks or [ledger.texts.html("open.none")]


def tell_documentation(ledger: Ledger) -> list[Block]:
    """Where the facts are kept (GDPR Art. 33(5))."""
    return [ledger.texts.html("documentation.files", sha=ledger.name("findings.json#sha256"))]


def tell_victims(ledger: Ledger) -> list[Block]:
    """Reports, losses, and victims by region."""
    texts, counted = ledger.texts, ledger.documents.findings.complaints
    if not counted.count:
        return [texts.html("nature.no_complaints")]
    at = f"{_FINDINGS}/complaints"
    told = {name: ledger.number(f"{at}/{name}") for name in ("count", "duplicates")}
    times = {name: ledger.moment(f"{at}/{name}") for name in ("first", "last")}
    blocks: list[Block] = [texts.html("police.calls", **told, **times), *tell_losses(ledger, "police")]
    if counted.by_region:
        rows = [
            [Markup("{}").format(show_text(name)), ledger.number(f"{at}/by_region/{escape(name)}")]
            for name in counted.by_region
        ]
        blocks.append(Table([texts.text("police.region"), texts.text("police.victims")], rows))
    return blocks


def tell_callers(ledger: Ledger) -> list[Block]:
    """What the complaints say of the callers, counted."""
    texts = ledger.texts
    heard, knew = ledger.documents.findings.heard, _list_known(ledger)
    points = [texts.html("police.knew", list=join(ledger, knew))] if knew else []
    if not heard:
        return [texts.html("police.callers_none"), *([points] if points else [])]
    told = (("said", "pretexts", "pretext", heard.pretexts), ("asked", "asked", "ask", heard.asked))
    for key, name, kind, counts in told:
        if words := _list_words(ledger, kind, counts, f"heard/{name}"):
            points.append(texts.html(f"police.{key}", list=join(ledger, words)))
    return [texts.html("police.callers", n=ledger.number(f"{_FINDINGS}/heard/texts")), points]


def tell_reasons(ledger: Ledger) -> list[Block]:
    """The verdict with its reasons, its error rate and who is cleared."""
    texts, found = ledger.texts, ledger.documents.findings.attribution
    blocks = tell_source(ledger)
    if reasons := _list_sentences(ledger, (("attribution/why", found.why),)):
        blocks += [texts.html("police.why"), reasons]
    if found.false_accusation_rate is not None:
        rate = ledger.chance(f"{_FINDINGS}/attribution/false_accusation_rate")
        blocks.append(texts.html("police.error_rate", p=rate))
    if found.cleared:
        names = [
            ledger.source(f"{_FINDINGS}/attribution/cleared/{i}", name)
            for i, name in enumerate(found.cleared[:_MOST])
        ]
        blocks += [texts.html("police.cleared"), names]
    return blocks


def list_evidence(ledger: Ledger) -> list[Block]:
    """Every file examined and made, with its SHA-256."""
    texts = ledger.texts
    columns = [texts.text(f"police.{name}") for name in ("file", "table", "rows", "rejects")]
    inputs = [
        [
            ledger.file(f"{_FINDINGS}/inputs/{i}/path"),
            texts.html(f"table.{given.table}") if f"table.{given.table}" in texts else Markup(""),
            ledger.number(f"{_FINDINGS}/inputs/{i}/rows"),
            ledger.number(f"{_FINDINGS}/inputs/{i}/rejects"),
            ledger.name(f"{_FINDINGS}/inputs/{i}/sha256"),
        ]
        for i, given in enumerate(ledger.documents.findings.inputs)
    ]
    made = [
        [Markup("{}").format(name), ledger.name(f"{name}#sha256")]
        for name in OUTPUTS
        if (ledger.documents.path / name).exists()
    ]
    return [
        texts.html("police.inputs"),
        Table([*columns, "SHA-256"], inputs),
        texts.html("police.outputs"),
        Table([texts.text("police.file"), "SHA-256"], made),
        texts.html("police.chain", gap=ledger.gap("handler")),
    ]


def tell_left_out(ledger: Ledger) -> list[Block]:
    """What the annex does not hold, and why."""
    texts = ledger.texts
    return [[texts.html(f"police.{name}") for name in ("left_numbers", "left_people", "addresses")]]


def tell_offence(ledger: Ledger) -> list[Block]:
    """How the police classify it; and the period examined."""
    return [ledger.texts.html("police.offence", gap=ledger.gap("offence")), *_tell_period(ledger)]


def sign(ledger: Ledger) -> list[Block]:
    """Room for a signature."""
    return [ledger.gap("signature")]


def join(ledger: Ledger, parts: list[Markup]) -> Markup:
    """`parts` as a list within a sentence."""
    return ledger.texts.html("list.comma").join(parts)


def _count_of(ledger: Ledger, source: str, column: str, gap: str) -> Markup:
    """A count of sources.csv; a gap where the table does not have the source."""
    pointer = f"sources.csv#/{escape(source)}/{column}"
    return ledger.number(pointer) if ledger.documents.has(pointer) else ledger.gap(gap)


def _tell_fallen(ledger: Ledger, i: int) -> Markup:
    at = f"{_FINDINGS}/campaigns/{i}"
    return ledger.texts.html(
        "nature.accounts_taken",
        compromised=ledger.interval(f"{at}/compromised"),
        start=ledger.moment(f"{at}/start"),
        end=ledger.moment(f"{at}/end"),
    )


def _tell_period(ledger: Ledger) -> list[Block]:
    if not ledger.documents.findings.period.start:
        return []
    times = {name: ledger.moment(f"{_FINDINGS}/period/{name}") for name in ("start", "end")}
    return [ledger.texts.html("nature.period", **times)]


def _name_kinds(ledger: Ledger) -> Markup:
    """The named sources as customers are told: their kind alone, since a name could point at a person."""
    kinds = dict.fromkeys(
        name.removeprefix("group:").partition(":")[0]
        for name in ledger.documents.findings.attribution.sources
    )
    return join(ledger, [ledger.texts.html(f"kind.{kind}") for kind in kinds])


def _list_sentences(ledger: Ledger, lists: tuple[tuple[str, list[str]], ...]) -> list[Markup]:
    return [
        ledger.sentence(f"{_FINDINGS}/{where}/{i}")
        for where, sentences in lists
        for i in range(min(len(sentences), 2 * _MOST))
    ]


def _list_known(ledger: Ledger) -> list[Markup]:
    """What callers already knew, each with the number of victims who tell so."""
    counts = ledger.documents.findings.complaints.known_fields
    return _list_words(ledger, "field", counts, "complaints/known_fields")


def _list_words(ledger: Ledger, kind: str, counts: dict[str, int], where: str) -> list[Markup]:
    """Words counted at `where` of the findings, in their order there, each with its count."""
    return [
        _count(ledger, ledger.texts.text(f"{kind}.{word}"), f"{_FINDINGS}/{where}/{escape(word)}")
        for word in counts
        if f"{kind}.{word}" in ledger.texts
    ]


def _count(ledger: Ledger, what: str, pointer: str) -> Markup:
    return ledger.texts.html("police.count", what=show_text(what), n=ledger.number(pointer))
