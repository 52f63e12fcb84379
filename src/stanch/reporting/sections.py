"""What the sections of the page show, cut to what a person reads."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import polars as pl
from markupsafe import Markup

from stanch.engine import Engine
from stanch.findings import ComplaintCounts, Findings, format_time
from stanch.reporting.answer import name_source
from stanch.reporting.catalogue import Catalogue
from stanch.reporting.cells import show_text
from stanch.reporting.charts import describe_width, draw_timeline, format_day
from stanch.reporting.timeline import Span, Timeline, build_timeline, tabulate

_MAX_CARDS: Final = 5
_MAX_SOURCES: Final = 12
_MAX_CLEARED: Final = 30
_MAX_REGIONS: Final = 20
_MAX_REASONS: Final = 8
_MAX_POINTS: Final = 40
_MAX_SPANS: Final = 6
#: Sources less likely than this are told in the table alone.
_LEAST_CARD: Final = 0.01

#: Beyond this, a power of ten says nothing more.
_LARGEST_POWER: Final = 20
_SUPERSCRIPT: Final = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")

_REASONS: Final = "SELECT source, why_for, why_against FROM sources ORDER BY source"


@dataclass(frozen=True, slots=True)
class Chart:
    """The time line, drawn and as a table."""

    drawings: dict[str, Markup]
    caption: Markup
    legend: list[tuple[str, Markup]]
    rows: list[dict[str, Any]]
    has_attempts: bool
    has_exposures: bool
    has_complaints: bool


@dataclass(frozen=True, slots=True)
class Limits:
    """What could not be seen."""

    not_examined: list[str]
    coverage: list[str]
    gaps: list[Markup]

    @property
    def points(self) -> list[str]:
        """All of them."""
        return [*self.not_examined, *self.coverage, *self.gaps]


def build_chart(
    findings: Findings, engine: Engine, bin_us: int, texts: Catalogue
) -> tuple[Chart | None, list[Span]]:
    """The chart, None where nothing has a time; and the gaps of the login log."""
    timeline = build_timeline(findings, engine, bin_us)
    if timeline is None:
        return None, []
    rows = [row | {"time": format_day(row["time_us"])} for row in tabulate(timeline).to_dicts()]
    chart = Chart(
        drawings=draw_timeline(timeline, texts),
        caption=_caption(timeline, texts),
        legend=_legend(timeline, texts),
        rows=rows,
        has_attempts=engine.has("attempt_bins"),
        has_exposures=bool(timeline.exposures["n"].sum()),
        has_complaints=bool(timeline.complaints["n"].sum()),
    )
    return chart, timeline.gaps


def _caption(timeline: Timeline, texts: Catalogue) -> Markup:
    joint = texts.html("page.list_and")
    parts = [texts.html("chart.caption")]
    if timeline.campaigns:
        spans = [
            texts.html("chart.campaign_span", **_tell_span(span)) for span in timeline.campaigns[:_MAX_SPANS]
        ]
        parts.append(texts.html("chart.caption_campaigns", campaigns=joint.join(spans)))
    if timeline.leak:
        parts.append(texts.html("chart.caption_leak", **_tell_span(timeline.leak)))
    if timeline.is_cut:
        parts.append(texts.html("chart.caption_cut", **_tell_span(timeline.span)))
    if timeline.gaps:
        spans = [texts.html("chart.gap_span", **_tell_span(span)) for span in timeline.gaps[:_MAX_SPANS]]
        parts.append(texts.html("chart.caption_gap", gaps=joint.join(spans)))
    return texts.html("page.sentence_gap").join(parts)


def _tell_span(span: Span) -> dict[str, object]:
    start, end = (show_moment(format_time(time_us)) for time_us in (span.start_us, span.end_us))
    return {"id": show_text(span.name), "start": start, "end": end}


def _legend(timeline: Timeline, texts: Catalogue) -> list[tuple[str, Markup]]:
    legend: list[tuple[str, Markup]] = []
    if timeline.attempts["ordinary"].sum():
        legend.append(("ordinary", texts.html("chart.ordinary")))
    if timeline.campaigns:
        legend.append(("attack", texts.html("chart.attack")))
    if timeline.exposures["n"].sum():
        names = texts.html("page.comma").join(name_source(texts, lead) for lead in timeline.leads[:3])
        legend.append(("exposure", texts.html("chart.exposure", source=names)))
    if timeline.leak:
        legend.append(("leak", texts.html("chart.leak")))
    if timeline.complaints["n"].sum():
        legend.append(("complaint", texts.html("chart.complaint")))
    if timeline.gaps:
        legend.append(("gap", texts.html("chart.gap")))
    return legend


def build_sources(
    findings: Findings, engine: Engine, sources: pl.DataFrame, texts: Catalogue
) -> dict[str, Any]:
    """Cards for the sources that matter, a table of the likeliest, and who is cleared."""
    reasons: dict[str, tuple[list[str], list[str]]] = {}
    if engine.has("sources"):
        for source, why_for, why_against in engine.fetch(_REASONS).iter_rows():
            reasons[source] = (split_reasons(why_for, texts), split_reasons(why_against, texts))
    rows = [_describe_source(row, reasons, texts) for row in sources.head(_MAX_SOURCES).to_dicts()]
    cards = [row for row in rows if _matters(row)][:_MAX_CARDS]
    cards = cards or rows[:2]
    found = findings.attribution
    told = {reason for card in cards for reason in (*card["for"], *card["against"])}
    why = [show_text(texts.sentence(sentence), 600) for sentence in found.why[:_MAX_REASONS]]
    return {
        "cards": cards,
        "rows": rows,
        "n": sources.height,
        "cleared": [name_source(texts, source) for source in found.cleared[:_MAX_CLEARED]],
        "n_cleared": len(found.cleared),
        "why": [sentence for sentence in why if sentence not in told],
        "settle": [show_text(texts.sentence(what), 600) for what in found.would_settle[:_MAX_REASONS]],
        "false_rate": found.false_accusation_rate,
    }


def _matters(row: dict[str, Any]) -> bool:
    likely = bool(row["posterior"] >= _LEAST_CARD)
    return row["verdict"] == "named" or (row["verdict"] != "cleared" and likely)


def split_reasons(text: str | None, texts: Catalogue) -> list[str]:
    """A source's reasons, one a line in the table, in the page's language."""
    lines = [line.strip() for line in (text or "").split("\n")]
    return [show_text(texts.sentence(line), 600) for line in lines if line][:_MAX_REASONS]


def _describe_source(
    row: dict[str, Any], reasons: dict[str, tuple[list[str], list[str]]], texts: Catalogue
) -> dict[str, Any]:
    why_for, why_against = reasons.get(row["source"], ([], []))
    return row | {
        "name": name_source(texts, row["source"]),
        "factor": _write_factor(row["log10_bayes_factor"]),
        "weight": describe_weight(row["log10_bayes_factor"], texts),
        "for": why_for,
        "against": why_against,
        "percent": round(100 * row["posterior"], 1),
        "hypothesis": row["source"] in ("none", "unlogged"),
    }


def describe_weight(log10_factor: float | None, texts: Catalogue) -> str:
    """A Bayes factor as odds: `about 18 to 1 for it`, from a thousand on as a power of ten."""
    if log10_factor is None or not math.isfinite(log10_factor):
        return "–"
    size = abs(log10_factor)
    if size < 0.15:
        return texts.text("sources.weight_even")
    key = "sources.weight_for" if log10_factor > 0 else "sources.weight_against"
    if size < 3:
        return texts.text(key, odds=texts.number(10**size))
    told = f"10{str(min(round(size), _LARGEST_POWER)).translate(_SUPERSCRIPT)}"
    return texts.text(key, odds=texts.text("share.over", share=told) if size > _LARGEST_POWER else told)


def _write_factor(log10_factor: float | None) -> str:
    if log10_factor is None or not math.isfinite(log10_factor):
        return "–"
    return f"{log10_factor:.1f}".replace("-", "−")


def build_complaints(counts: ComplaintCounts) -> dict[str, Any]:
    """Losses per currency and regions, largest first, with the widths of their bars."""
    regions = sorted(counts.by_region.items(), key=lambda pair: (-pair[1], pair[0]))
    most = regions[0][1] if regions else 1
    return {
        "losses": [
            (show_text(currency, 12), total, counts.loss_max.get(currency, 0.0))
            for currency, total in sorted(counts.loss_total.items())
        ],
        "regions": [(name, count, round(100 * count / most, 1)) for name, count in regions[:_MAX_REGIONS]],
        "n_other": max(0, len(regions) - _MAX_REGIONS),
        "other": sum(count for _, count in regions[_MAX_REGIONS:]),
    }


def build_limits(findings: Findings, gaps: list[Span], texts: Catalogue) -> Limits:
    """Everything that was not seen, each sentence once."""
    missing = dict.fromkeys([*findings.not_examined, *findings.attribution.not_examined])
    coverage = dict.fromkeys([*findings.attribution.coverage, *findings.notes])
    return Limits(
        [show_text(texts.sentence(what), 600) for what in missing][:_MAX_POINTS],
        [show_text(texts.sentence(what), 600) for what in coverage][:_MAX_POINTS],
        [
            texts.html(
                "limits.gap",
                **_tell_span(gap),
                width=describe_width(gap.end_us - gap.start_us, texts).strip(),
            )
            for gap in gaps[:_MAX_POINTS]
        ],
    )


def show_moment(text: str | None) -> Markup:
    """RFC 3339 in UTC -> `2015-04-11 03:20`, never broken over lines."""
    return Markup("<time>{}</time>").format((text or "")[:16].replace("T", " "))
