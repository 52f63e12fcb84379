"""The answer in one sentence, how certain it is, and the four figures beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import polars as pl
from markupsafe import Markup

from stanch.findings import Attribution, Findings, Interval
from stanch.reporting.catalogue import Catalogue
from stanch.reporting.cells import show_text
from stanch.reporting.sources import Exposed

#: A source is named at this posterior or more.
LEAST_NAMED: Final = 0.95

#: A source less likely than this is not pointed at in the first lines.
LEAST_POINTED: Final = 0.2

#: Fewer fallen accounts than this, as an expectation, is told as "hardly any".
_HARDLY_ANY: Final = 0.5

#: Colour of the answer's edge.
_TONES: Final = {
    "named": "alarm",
    "attack": "alarm",
    "undetermined": "caution",
    "unlogged": "caution",
    "no_leak": "calm",
    "nothing": "calm",
    "untold": "caution",
    "not_examined": "plain",
}


@dataclass(frozen=True, slots=True)
class Figure:
    """One number that a manager asks for; `value` None: not examined."""

    name: str
    value: Markup | None
    note: Markup | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """The top of the page."""

    tone: str
    badge: str
    headline: Markup
    certainty: list[Markup]
    figures: list[Figure]


def build_answer(
    findings: Findings, sources: pl.DataFrame, texts: Catalogue, exposed: Exposed | None = None
) -> Answer:
    """Choose the case that the findings are and put it in words.

    `exposed`: the orders that the sources of `pick_pointed` saw.
    """
    case = choose_case(findings)
    headline, certainty = _SAY[case](findings, texts)
    if case == "named":
        certainty.insert(1, _say_when(findings, sources, texts))
    told = {f"campaign:{campaign.id}" for campaign in findings.campaigns} <= set(findings.attribution.sources)
    if case in ("named", "undetermined", "unlogged", "no_leak") and not told:
        fell = texts.number(sum_fallen(findings).mean)
        certainty.append(texts.html("certainty.campaigns_too", n=len(findings.campaigns), fell=fell))
    if findings.logins.not_examined and case != "untold":
        certainty.append(texts.html("certainty.logins_untold"))
    certainty = [line for line in certainty if line]
    figures = _figures(findings, exposed, texts)
    return Answer(_TONES[case], texts.text(f"badge.{case}"), headline, certainty, figures)


def choose_case(findings: Findings) -> str:
    """`named`, `undetermined`, `unlogged`, `no_leak`, `attack`, `nothing`, `untold` or `not_examined`.

    Where no leak shows (or none was looked for), an attack on the logins is the news. `untold`: there
    are logins, but an attack would not show in them.
    """
    verdict = findings.attribution.verdict
    without_leak = verdict == "not_examined" or (verdict == "no_leak" and not findings.complaints.count)
    if without_leak and findings.campaigns:
        return "attack"
    if verdict != "not_examined":
        return verdict
    if findings.logins.not_examined and not findings.complaints.count:
        return "untold"
    return "nothing" if findings.logins.attempts and not findings.logins.not_examined else "not_examined"


def sum_fallen(findings: Findings) -> Interval:
    """Accounts fallen over all campaigns; the bounds added up cover at least 90 %."""
    fallen = [campaign.compromised for campaign in findings.campaigns]
    return Interval(sum(i.mean for i in fallen), sum(i.low for i in fallen), sum(i.high for i in fallen))


def name_source(texts: Catalogue, source: str) -> Markup:
    """A source in words, what comes from evidence set apart."""
    return Markup(texts.source(source, lambda name: Markup("<bdi>{}</bdi>").format(show_text(name))))  # noqa: S704


def pick_likeliest(attribution: Attribution) -> tuple[str, float] | None:
    """The logged source with the highest posterior."""
    real = [(p, s) for s, p in attribution.posterior.items() if s not in ("none", "unlogged")]
    if not real:
        return None
    p, source = min(real, key=lambda pair: (-pair[0], pair[1]))
    return source, p


def pick_pointed(attribution: Attribution) -> list[str]:
    """The named sources, else the likeliest one if it is likely enough to be pointed at."""
    likeliest = pick_likeliest(attribution)
    if attribution.sources or likeliest is None or likeliest[1] < LEAST_POINTED:
        return attribution.sources
    return [likeliest[0]]


def tell_point(sentence: str, texts: Catalogue) -> str:
    """A stage's sentence as one point of a list: with a capital."""
    told = show_text(texts.sentence(sentence), 600)
    return told[:1].upper() + told[1:]


def show_span(texts: Catalogue, start: str, end: str) -> Markup:
    """`between 2015-04-11 03:20 and 2015-04-12 08:00`, or `around` one moment."""
    first, last = show_moment(texts, start), show_moment(texts, end)
    if first == last:
        return texts.html("page.around", start=first)
    return texts.html("page.between", start=first, end=last)


def show_moment(texts: Catalogue, text: str | None) -> Markup:
    """RFC 3339 in UTC -> `2015-04-11 03:20` by the report's clock, never broken over lines."""
    return Markup("<time>{}</time>").format(texts.clock.moment(text or ""))


def _say_when(findings: Findings, sources: pl.DataFrame, texts: Catalogue) -> Markup:
    """When each named source leaked, for an attack when it ran."""
    spans = {f"campaign:{c.id}": (c.start, c.end) for c in findings.campaigns}
    for source, start, end in sources.select("source", "leak_start", "leak_end").iter_rows():
        if start and end:
            spans.setdefault(source, (start, end))
    known = [(s, show_span(texts, *spans[s])) for s in findings.attribution.sources if s in spans]
    if len(known) == 1:
        attack = known[0][0].startswith("campaign:")
        return texts.html("certainty.when_attack" if attack else "certainty.when", span=known[0][1])
    told = [texts.html("certainty.when_each", source=name_source(texts, s), span=span) for s, span in known]
    return (
        texts.html("certainty.when_several", spans=texts.html("page.list_and").join(told))
        if told
        else Markup()
    )


def _say_named(findings: Findings, texts: Catalogue) -> tuple[Markup, list[Markup]]:
    found = findings.attribution
    names = join_and([name_source(texts, s) for s in found.sources], texts)
    kinds = {_find_kind(source) for source in found.sources}
    form = "_campaign" if kinds == {"campaign"} else "_several" if len(found.sources) > 1 else ""
    posteriors = [found.posterior[s] for s in found.sources if s in found.posterior]
    told = {
        "p": texts.chance(min(posteriors, default=LEAST_NAMED)),
        "explained": texts.number(found.complaints_explained),
        "n": texts.number(findings.complaints.count),
    }
    several = "_several" if len(found.sources) > 1 else ""
    lines = [texts.html(f"certainty.named{several}", **told)]
    if found.false_accusation_rate is not None:
        rate = texts.chance(found.false_accusation_rate)
        lines[0] += texts.html("page.sentence_gap") + texts.html("certainty.named_rate", rate=rate)
    people = kinds & {"staff", "customer", "partner"}
    if len(people) > 1 or (people and several):
        lines.append(texts.html("certainty.named_mixed"))
    else:
        lines += [texts.html(f"certainty.named_{kind}") for kind in sorted(people)]
    if "unit" in kinds:
        lines.append(texts.html("certainty.named_unit"))
    if "endpoint" in kinds:
        lines.append(texts.html("certainty.named_endpoint"))
    return texts.html(f"headline.named{form}", source=names), lines


def join_and(parts: list[Markup], texts: Catalogue) -> Markup:
    """`a, b and c`."""
    most, last = parts[:-1], parts[-1:]
    joined = texts.html("page.comma").join(most)
    return texts.html("page.and").join([joined, *last]) if most else Markup("").join(last)


def _find_kind(source: str) -> str:
    kind = source.removeprefix("group:").partition(":")[0]
    return "partner" if kind == "service" else kind


def _say_undetermined(findings: Findings, texts: Catalogue) -> tuple[Markup, list[Markup]]:
    found = findings.attribution
    likeliest = pick_likeliest(found)
    none = found.posterior.get("none")
    leaked = none is not None and none < 0.05
    headline = texts.html("headline.undetermined" if leaked else "headline.undetermined_bare")
    lines = []
    if none is not None and not leaked:
        n = texts.number(findings.complaints.count)
        lines.append(texts.html("certainty.undetermined_chance", n=n, p=texts.chance(none)))
    if likeliest is None or likeliest[1] < LEAST_POINTED:
        lines.append(texts.html("certainty.undetermined_none"))
    else:
        source, p = likeliest
        key = "certainty.undetermined_rate" if p >= LEAST_NAMED else "certainty.undetermined"
        lines.append(texts.html(key, source=name_source(texts, source), p=texts.chance(p)))
    return headline, lines


def _say_unlogged(findings: Findings, texts: Catalogue) -> tuple[Markup, list[Markup]]:
    return texts.html("headline.unlogged"), [_say_with(findings, texts, "unlogged")]


def _say_no_leak(findings: Findings, texts: Catalogue) -> tuple[Markup, list[Markup]]:
    if not findings.complaints.count:
        return texts.html("headline.no_complaints"), [texts.html("certainty.no_complaints")]
    return texts.html("headline.no_leak"), [_say_with(findings, texts, "no_leak", of="none")]


def _say_with(findings: Findings, texts: Catalogue, key: str, of: str = "unlogged") -> Markup:
    n = texts.number(findings.complaints.count)
    p = findings.attribution.posterior.get(of)
    if p is None:
        return texts.html(f"certainty.{key}_bare", n=n)
    return texts.html(f"certainty.{key}", p=texts.chance(p), n=n)


def _say_attack(findings: Findings, texts: Catalogue) -> tuple[Markup, list[Markup]]:
    fallen = sum_fallen(findings)
    low, high = texts.number(fallen.low), texts.number(fallen.high)
    if high == "0":
        headline, told = texts.html("headline.attack_failed"), texts.html("certainty.attack_failed")
    elif fallen.mean < _HARDLY_ANY:
        headline = texts.html("headline.attack_none_fell")
        told = texts.html("certainty.attack_none_fell", n=high)
    else:
        headline = texts.html("headline.attack", n=texts.number(fallen.mean))
        told = texts.html("certainty.attack", low=low, high=high)
    return headline, [_say_when_attacked(findings, texts), told, _say_untraced(findings, texts)]


def _say_when_attacked(findings: Findings, texts: Catalogue) -> Markup:
    """From when to when; of several attacks, from the beginning of the first to the end of the last."""
    start = min(campaign.start for campaign in findings.campaigns)
    end = max(campaign.end for campaign in findings.campaigns)
    n = len(findings.campaigns)
    key = "certainty.when_attack" if n == 1 else "certainty.when_attacks"
    return texts.html(key, span=show_span(texts, start, end), n=texts.number(n))


def _say_untraced(findings: Findings, texts: Catalogue) -> Markup:
    return texts.html("certainty.attack_untraced" if findings.complaints.count else "certainty.attack_alone")


def _say_nothing(findings: Findings, texts: Catalogue) -> tuple[Markup, list[Markup]]:
    told = [texts.html("certainty.nothing", n=texts.number(findings.logins.attempts))]
    if not any(given.table == "complaints" for given in findings.inputs):
        told.append(texts.html("certainty.nothing_complaints"))
    elif findings.complaints.count:
        told.append(texts.html("certainty.nothing_untraced"))
    return texts.html("headline.nothing"), told


def _say_untold(findings: Findings, texts: Catalogue) -> tuple[Markup, list[Markup]]:
    return texts.html("headline.untold"), [
        texts.html("page.whole", sentence=tell_point(findings.logins.not_examined, texts))
    ]


def _say_not_examined(findings: Findings, texts: Catalogue) -> tuple[Markup, list[Markup]]:
    if n := findings.complaints.count:
        told = texts.html("headline.complaints_only", n=texts.number(n))
        return told, [texts.html("certainty.complaints_only")]
    return texts.html("headline.not_examined"), [texts.html("certainty.not_examined")]


_SAY: Final = {
    "named": _say_named,
    "undetermined": _say_undetermined,
    "unlogged": _say_unlogged,
    "no_leak": _say_no_leak,
    "attack": _say_attack,
    "nothing": _say_nothing,
    "untold": _say_untold,
    "not_examined": _say_not_examined,
}


def _figures(findings: Findings, exposed: Exposed | None, texts: Catalogue) -> list[Figure]:
    given = {read.table for read in findings.inputs}
    examined = "logins" in given and not findings.logins.not_examined
    attack = findings.logins.attack_attempts
    fallen = sum_fallen(findings)
    campaigns = len(findings.campaigns)
    attempts = texts.html(
        "figure.attempts_of",
        range=show_range(texts, attack) if campaigns else "",
        n=texts.number(findings.logins.attempts),
    )
    opened = texts.html("figure.fallen_of", range=show_range(texts, fallen), n=campaigns)
    return [
        Figure(texts.text("figure.attempts"), _count(attack.mean, texts), attempts)
        if examined
        else Figure(texts.text("figure.attempts"), None),
        Figure(texts.text("figure.fallen"), _count(fallen.mean, texts), opened if campaigns else None)
        if examined
        else Figure(texts.text("figure.fallen"), None),
        _figure_exposed(findings, exposed, texts),
        _figure_complaints(findings, "complaints" in given, texts),
    ]


def show_range(texts: Catalogue, interval: Interval) -> Markup:
    """The 90 % interval in brackets, with a gap after it; empty where it is one number."""
    low, high = texts.number(interval.low), texts.number(interval.high)
    return texts.html("page.range", low=low, high=high) if low != high else Markup()


def _count(value: float, texts: Catalogue) -> Markup:
    return Markup("{}").format(texts.number(value))


def _figure_exposed(findings: Findings, exposed: Exposed | None, texts: Catalogue) -> Figure:
    """Orders that the sources pointed at saw while they leaked."""
    name = texts.text("figure.exposed")
    pointed = pick_pointed(findings.attribution)
    if exposed is None or not pointed:
        if not findings.attribution.posterior:
            return Figure(name, None)
        return Figure(name, Markup("–"), texts.html("figure.exposed_none"))
    source = join_and([name_source(texts, s) for s in pointed], texts)
    note = texts.html("figure.exposed_by", source=source)
    if exposed.leaked < exposed.seen:
        note = texts.html("figure.exposed_of", source=source, n=texts.number(exposed.seen))
    return Figure(name, _count(exposed.leaked, texts), note)


def _figure_complaints(findings: Findings, given: bool, texts: Catalogue) -> Figure:
    counts = findings.complaints
    if not given:
        return Figure(texts.text("figure.complaints"), None)
    losses = [f"{show_text(c, 8)} {texts.number(x)}" for c, x in sorted(counts.loss_total.items()) if x]
    note = texts.html("figure.loss", total=texts.text("page.comma").join(losses[:2])) if losses else None
    return Figure(texts.text("figure.complaints"), _count(counts.count, texts), note)
