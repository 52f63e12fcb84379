"""The answer in one sentence, how certain it is, and the four figures beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import polars as pl
from markupsafe import Markup

from stanch.findings import Attribution, Findings, Interval
from stanch.reporting.catalogue import Catalogue
from stanch.reporting.cells import show_text

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


def build_answer(findings: Findings, sources: pl.DataFrame, texts: Catalogue) -> Answer:
    """Choose the case that the findings are and put it in words."""
    case = choose_case(findings)
    headline, certainty = _SAY[case](findings, texts)
    told = {f"campaign:{campaign.id}" for campaign in findings.campaigns} <= set(findings.attribution.sources)
    if case in ("named", "undetermined", "unlogged", "no_leak") and not told:
        fell = texts.number(sum_fallen(findings).mean)
        certainty.append(texts.html("certainty.campaigns_too", n=len(findings.campaigns), fell=fell))
    return Answer(
        _TONES[case], texts.text(f"badge.{case}"), headline, certainty, _figures(findings, sources, texts)
    )


def choose_case(findings: Findings) -> str:
    """`named`, `undetermined`, `unlogged`, `no_leak`, `attack`, `nothing` or `not_examined`.

    Where no leak shows (or none was looked for), an attack on the logins is the news.
    """
    verdict = findings.attribution.verdict
    without_leak = verdict == "not_examined" or (verdict == "no_leak" and not findings.complaints.count)
    if without_leak and findings.campaigns:
        return "attack"
    if verdict != "not_examined":
        return verdict
    return "nothing" if findings.logins.attempts else "not_examined"


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


def _say_named(findings: Findings, texts: Catalogue) -> tuple[Markup, list[Markup]]:
    found = findings.attribution
    names = texts.html("page.comma").join(name_source(texts, s) for s in found.sources)
    kinds = {_find_kind(source) for source in found.sources}
    form = "_campaign" if kinds == {"campaign"} else "_several" if len(found.sources) > 1 else ""
    posteriors = [found.posterior[s] for s in found.sources if s in found.posterior]
    told = {
        "p": texts.chance(min(posteriors, default=LEAST_NAMED)),
        "explained": texts.number(found.complaints_explained),
        "n": texts.number(findings.complaints.count),
    }
    if found.false_accusation_rate is None:
        lines = [texts.html("certainty.named_no_rate", **told)]
    else:
        lines = [texts.html("certainty.named", rate=texts.chance(found.false_accusation_rate), **told)]
    lines += [texts.html(f"certainty.named_{kind}") for kind in sorted(kinds - {"campaign"})]
    return texts.html(f"headline.named{form}", source=names), lines


def _find_kind(source: str) -> str:
    kind = source.removeprefix("group:").partition(":")[0]
    return "partner" if kind == "service" else kind


def _say_undetermined(findings: Findings, texts: Catalogue) -> tuple[Markup, list[Markup]]:
    likeliest = pick_likeliest(findings.attribution)
    none = findings.attribution.posterior.get("none", 1.0)
    headline = texts.html("headline.undetermined" if none < 0.05 else "headline.undetermined_bare")
    if likeliest is None or likeliest[1] < LEAST_POINTED:
        return headline, [texts.html("certainty.undetermined_none")]
    source, p = likeliest
    key = "certainty.undetermined_rate" if p >= LEAST_NAMED else "certainty.undetermined"
    return headline, [texts.html(key, source=name_source(texts, source), p=texts.chance(p))]


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
    untraced = texts.html(
        "certainty.attack_untraced" if findings.complaints.count else "certainty.attack_alone"
    )
    if fallen.mean < _HARDLY_ANY:
        told = texts.html("certainty.attack_none_fell", n=high)
        return texts.html("headline.attack_none_fell"), [told, untraced]
    headline = texts.html("headline.attack", n=texts.number(fallen.mean))
    return headline, [texts.html("certainty.attack", low=low, high=high), untraced]


def _say_nothing(findings: Findings, texts: Catalogue) -> tuple[Markup, list[Markup]]:
    told = [texts.html("certainty.nothing", n=texts.number(findings.logins.attempts))]
    if not any(given.table == "complaints" for given in findings.inputs):
        told.append(texts.html("certainty.nothing_complaints"))
    return texts.html("headline.nothing"), told


def _say_not_examined(findings: Findings, texts: Catalogue) -> tuple[Markup, list[Markup]]:
    return texts.html("headline.not_examined"), [texts.html("certainty.not_examined")]


_SAY: Final = {
    "named": _say_named,
    "undetermined": _say_undetermined,
    "unlogged": _say_unlogged,
    "no_leak": _say_no_leak,
    "attack": _say_attack,
    "nothing": _say_nothing,
    "not_examined": _say_not_examined,
}


def _figures(findings: Findings, sources: pl.DataFrame, texts: Catalogue) -> list[Figure]:
    given = {read.table for read in findings.inputs}
    attack = findings.logins.attack_attempts
    fallen = sum_fallen(findings)
    campaigns = len(findings.campaigns)
    figures = [
        Figure(
            texts.text("figure.attempts"),
            _count(attack.mean, texts) if "logins" in given else None,
            texts.html("figure.attempts_of", n=texts.number(findings.logins.attempts)),
        ),
        Figure(
            texts.text("figure.fallen"),
            _count(fallen.mean, texts) if "logins" in given else None,
            texts.html("figure.fallen_of", n=campaigns) if campaigns else None,
        ),
        _figure_exposed(findings, sources, texts),
    ]
    return [*figures, _figure_complaints(findings, "complaints" in given, texts)]


def _count(value: float, texts: Catalogue) -> Markup:
    return Markup("{}").format(texts.number(value))


def _figure_exposed(findings: Findings, sources: pl.DataFrame, texts: Catalogue) -> Figure:
    """Orders that the named source saw, else the likeliest one if it is likely enough to be pointed at."""
    name = texts.text("figure.exposed")
    likeliest = pick_likeliest(findings.attribution)
    chosen = findings.attribution.sources[:1]
    if not chosen and likeliest and likeliest[1] >= LEAST_POINTED:
        chosen = [likeliest[0]]
    rows = sources.filter(pl.col("source").is_in(chosen))
    if rows.is_empty():
        return Figure(name, None if sources.is_empty() else Markup("–"))
    note = texts.html("figure.exposed_by", source=name_source(texts, rows["source"][0]))
    return Figure(name, _count(rows["exposed"][0] or 0, texts), note)


def _figure_complaints(findings: Findings, given: bool, texts: Catalogue) -> Figure:
    counts = findings.complaints
    if not given:
        return Figure(texts.text("figure.complaints"), None)
    losses = [f"{show_text(c, 8)} {texts.number(x)}" for c, x in sorted(counts.loss_total.items()) if x]
    note = texts.html("figure.loss", total=texts.text("page.comma").join(losses[:2])) if losses else None
    return Figure(texts.text("figure.complaints"), _count(counts.count, texts), note)
