"""What the sections of the page show, cut to what a person reads."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import msgspec
import polars as pl
from markupsafe import Markup

from stanch.engine import Engine
from stanch.findings import ComplaintCounts, Early, Findings, format_time
from stanch.reporting.addresses import sum_costs
from stanch.reporting.answer import name_source, show_moment, tell_point
from stanch.reporting.catalogue import Catalogue
from stanch.reporting.cells import show_text
from stanch.reporting.charts import LEAST_UNLOGGED, describe_length, draw_timeline, format_day
from stanch.reporting.timeline import Span, Timeline, build_timeline, tabulate

_MAX_CARDS: Final = 5
_MAX_SOURCES: Final = 12
_MAX_CLEARED: Final = 30
_MAX_KEPT: Final = 30
_MAX_REGIONS: Final = 10
_MAX_REASONS: Final = 8
_MAX_POINTS: Final = 40
_MAX_ENTRIES: Final = 8
_MAX_SPANS: Final = 5
#: Sources less likely than this are told in the table alone.
_LEAST_CARD: Final = 0.05
#: Evidence weaker than this (log10 of a Bayes factor) says nothing: the probability is the prior's.
_SAYS_NOTHING: Final = 0.05

#: Below this odds are told as a number, beyond it as a power of ten, which in the end says nothing more.
_LEAST_POWER: Final = 6
_LARGEST_POWER: Final = 20
_SUPERSCRIPT: Final = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")

_REASONS: Final = "SELECT source, why_for, why_against FROM sources ORDER BY source"


@dataclass(frozen=True, slots=True)
class Chart:
    """The time line, drawn and as a table."""

    drawings: dict[str, Markup]
    caption: Markup
    legend: list[tuple[str, Markup]]
    #: What attempts outside attacks are called.
    ordinary: Markup
    rows: list[dict[str, Any]]
    has_attempts: bool
    lanes: list[Markup]
    has_complaints: bool


@dataclass(frozen=True, slots=True)
class Limits:
    """What could not be seen."""

    not_examined: list[str]
    coverage: list[str]
    gaps: list[Markup]
    n_gaps: int

    @property
    def n(self) -> int:
        """How many in all."""
        return len(self.not_examined) + len(self.coverage) + self.n_gaps


def build_chart(
    findings: Findings, engine: Engine, bin_us: int, texts: Catalogue
) -> tuple[Chart | None, list[Span]]:
    """The chart, None where nothing has a time; and the gaps of the login log."""
    timeline = build_timeline(findings, engine, bin_us, texts.clock)
    if timeline is None:
        return None, []
    rows = [row | {"time": format_day(row["time_us"])} for row in tabulate(timeline).to_dicts()]
    ordinary = texts.html("chart.unexamined" if findings.logins.not_examined else "chart.ordinary")
    chart = Chart(
        drawings=draw_timeline(timeline, texts),
        caption=_caption(timeline, texts),
        legend=_legend(timeline, ordinary, texts),
        ordinary=ordinary,
        rows=rows,
        has_attempts=engine.has("attempt_bins"),
        lanes=[
            texts.html("chart.seen_by", source=name_source(texts, lane.source)) for lane in timeline.lanes
        ],
        has_complaints=bool(timeline.complaints["n"].sum()),
    )
    return chart, timeline.gaps


def _caption(timeline: Timeline, texts: Catalogue) -> Markup:
    joint = texts.html("page.list_and")
    parts = [texts.html("chart.caption", zone=texts.clock.zone)]
    if timeline.campaigns:
        spans = [
            texts.html("chart.campaign_span", **_tell_span(span)) for span in timeline.campaigns[:_MAX_SPANS]
        ]
        parts.append(texts.html("chart.caption_campaigns", campaigns=joint.join(spans)))
    leaks = [
        texts.html(
            "chart.leak_span", source=name_source(texts, lane.source), span=_join_span(lane.window, texts)
        )
        for lane in timeline.lanes
        if lane.window
    ]
    if leaks:
        parts.append(texts.html("chart.caption_leak", spans=joint.join(leaks)))
    if timeline.is_cut:
        parts.append(texts.html("chart.caption_cut", **_tell_span(timeline.span)))
    return texts.html("page.sentence_gap").join(parts)


def _tell_span(span: Span) -> dict[str, object]:
    start, end = (_show_wall(time_us) for time_us in (span.start_us, span.end_us))
    return {"id": show_text(span.name), "start": start, "end": end}


def _join_span(span: Span, texts: Catalogue) -> Markup:
    told = _tell_span(span)
    return texts.html("page.around" if told["start"] == told["end"] else "page.between", **told)


def _show_wall(time_us: int) -> Markup:
    """A time of the wall clock, as `show_moment` writes it."""
    return Markup("<time>{}</time>").format(format_time(time_us)[:16].replace("T", " "))


def _legend(timeline: Timeline, ordinary: Markup, texts: Catalogue) -> list[tuple[str, Markup]]:
    start, end, _ = timeline.logged or timeline.span
    least = (timeline.span.end_us - timeline.span.start_us) // LEAST_UNLOGGED
    shown = {
        "ordinary": timeline.attempts["ordinary"].sum() > 0,
        "attack": bool(timeline.campaigns),
        "exposure": bool(timeline.lanes),
        "leak": any(lane.window for lane in timeline.lanes),
        "complaint": timeline.complaints["n"].sum() > 0,
        "gap": bool(timeline.gaps),
        "unlogged": start - timeline.span.start_us > least or timeline.span.end_us - end > least,
    }
    names = {name: texts.html(f"chart.{name}") for name in shown} | {"ordinary": ordinary}
    return [(name, names[name]) for name, is_shown in shown.items() if is_shown]


def build_sources(
    findings: Findings, engine: Engine, sources: pl.DataFrame, texts: Catalogue
) -> dict[str, Any]:
    """Cards for the sources that matter, a table of the likeliest, and who is cleared."""
    reasons: dict[str, tuple[list[str], list[str]]] = {}
    if engine.has("sources"):
        for source, why_for, why_against in engine.fetch(_REASONS).iter_rows():
            reasons[source] = (split_reasons(why_for, texts), split_reasons(why_against, texts))
    rows = [_describe_source(row, reasons, texts) for row in choose_rows(sources).to_dicts()]
    cards = [row for row in rows if _matters(row)][:_MAX_CARDS]
    cards = cards or rows[:2]
    found = findings.attribution
    told = {reason for card in cards for reason in (*card["for"], *card["against"])}
    why = [tell_point(sentence, texts) for sentence in found.why[:_MAX_REASONS]]
    return {
        "cards": cards,
        "rows": rows,
        "n": sources.height,
        "cleared": [name_source(texts, source) for source in found.cleared[:_MAX_CLEARED]],
        "n_cleared": len(found.cleared),
        "why": [sentence for sentence in why if sentence not in told],
        "untouched": any(row["untouched"] for row in rows),
        "settle": [tell_point(what, texts) for what in found.would_settle[:_MAX_REASONS]],
        "false_rate": found.false_accusation_rate,
    }


def choose_rows(sources: pl.DataFrame) -> pl.DataFrame:
    """The likeliest, and beyond them every rival that is not cleared, `none` and `unlogged`."""
    place = pl.int_range(pl.len())
    rival = (pl.col("verdict") != "cleared") | pl.col("source").is_in(["none", "unlogged"])
    kept = sources.filter((place < _MAX_SOURCES) | rival)
    is_hypothesis = pl.col("source").is_in(["none", "unlogged"])
    return kept.filter((pl.int_range(pl.len()) < _MAX_KEPT) | is_hypothesis)


def _matters(row: dict[str, Any]) -> bool:
    likely = bool(row["posterior"] >= _LEAST_CARD)
    return row["verdict"] == "named" or (row["verdict"] != "cleared" and likely)


def split_reasons(text: str | None, texts: Catalogue) -> list[str]:
    """A source's reasons, one a line in the table, in the page's language."""
    lines = [line.strip() for line in (text or "").split("\n")]
    return [tell_point(line, texts) for line in lines if line][:_MAX_REASONS]


def _describe_source(
    row: dict[str, Any], reasons: dict[str, tuple[list[str], list[str]]], texts: Catalogue
) -> dict[str, Any]:
    why_for, why_against = reasons.get(row["source"], ([], []))
    hypothesis = row["source"] in ("none", "unlogged")
    return row | {
        "name": name_source(texts, row["source"]),
        "factor": _write_factor(row["log10_bayes_factor"]),
        "weight": describe_weight(row["log10_bayes_factor"], texts),
        "for": why_for,
        "against": why_against,
        "percent": round(100 * row["posterior"], 1),
        "hypothesis": hypothesis,
        "untouched": not hypothesis and abs(row["log10_bayes_factor"] or 0.0) < _SAYS_NOTHING,
        "window": _show_window(row["leak_start"], row["leak_end"], texts),
    }


def _show_window(start: str | None, end: str | None, texts: Catalogue) -> Markup | None:
    if not start:
        return None
    first, last = show_moment(texts, start), show_moment(texts, end)
    if first == last:
        return texts.html("page.around", start=first)
    return Markup('<span class="nobreak">{} –</span> {}').format(first, last)


def describe_weight(log10_factor: float | None, texts: Catalogue) -> str:
    """A Bayes factor as odds: `18 to 1 for it`, `about 40,000 to 1`, from a million on a power of ten."""
    if log10_factor is None or not math.isfinite(log10_factor):
        return "–"
    size = abs(log10_factor)
    if size < 0.15:
        return texts.text("sources.weight_even")
    key = "sources.weight_for" if log10_factor > 0 else "sources.weight_against"
    if size < 3:
        return texts.text(key, odds=texts.number(10**size))
    if size < _LEAST_POWER:
        return texts.text(key, odds=texts.text("share.about", share=texts.number(float(f"{10**size:.0e}"))))
    told = f"10{str(min(int(size), _LARGEST_POWER)).translate(_SUPERSCRIPT)}"
    return texts.text(key, odds=texts.text("share.over", share=told))


def _write_factor(log10_factor: float | None) -> str:
    if log10_factor is None or not math.isfinite(log10_factor):
        return "–"
    return f"{log10_factor:.1f}".replace("-0.0", "0.0").replace("-", "−")


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


def build_early(early: Early | None, texts: Catalogue) -> dict[str, Any] | None:
    """Rows of the table of days, and what is to be said of them; None where no complaint came."""
    if early is None or not (early.alarm or early.named or early.acted):
        return None
    days = {
        "alarm": (early.alarm, early.alarm_complaints),
        "named": (early.named, early.named_complaints),
        "acted": (early.acted, early.acted_complaints),
    }
    rows = [
        (texts.html(f"early.{name}"), day, n) for name, (day, n) in days.items() if day or name != "named"
    ]
    told = texts.html("early.untold")
    if early.acted and early.alarm:
        late = (date.fromisoformat(early.acted) - date.fromisoformat(early.alarm)).days
        key = "early.later" if late > 0 else "early.not_later"
        more = texts.number(early.acted_complaints - early.alarm_complaints)
        told = texts.html(key, n=late, more=more)
    elif early.acted:
        told = texts.html("early.no_alarm")
    rate, usual = (f"{value:g}" for value in (early.false_alarms_per_year, early.usual_per_month))
    return {"rows": rows, "told": told, "note": texts.html("early.note", rate=rate, usual=usual)}


def list_costs(costs: pl.DataFrame) -> list[dict[str, Any]]:
    """Rows of the table of addresses: each list as a whole, and the entries that stop or hit most."""
    rows, sums = [], sum_costs(costs)
    for name, by in (("block", "attack_attempts"), ("challenge", "genuine_logins")):
        entries = costs.filter(pl.col("list") == name)
        if entries.height:
            rows.append({"total": True, "list": name} | msgspec.to_builtins(sums[name]))
            shown = entries.sort(by, "entry", descending=[True, False]).head(_MAX_ENTRIES)
            rows += [{"total": False} | row for row in shown.to_dicts()]
    return rows


def build_limits(findings: Findings, gaps: list[Span], texts: Catalogue) -> Limits:
    """Everything that was not seen, each sentence once."""
    missing = dict.fromkeys([*findings.not_examined, *findings.attribution.not_examined])
    coverage = dict.fromkeys([*findings.attribution.coverage, *findings.notes])
    return Limits(
        [tell_point(what, texts) for what in missing][:_MAX_POINTS],
        [tell_point(what, texts) for what in coverage][:_MAX_POINTS],
        _tell_gaps(gaps, texts),
        len(gaps),
    )


def _tell_gaps(gaps: list[Span], texts: Catalogue) -> list[Markup]:
    """The longest few, in order of time, and how many more."""
    longest = sorted(gaps, key=lambda gap: (gap.start_us - gap.end_us, gap.start_us))[:_MAX_SPANS]
    told = [
        texts.html(
            "limits.gap", **_tell_span(gap), length=describe_length(gap.end_us - gap.start_us, texts).strip()
        )
        for gap in sorted(longest)
    ]
    n_more = len(gaps) - len(longest)
    return [*told, texts.html("limits.gap_more", n=texts.number(n_more))] if n_more else told
