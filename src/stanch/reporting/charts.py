"""The time line as inline SVG: drawn by Vega-Lite, coloured by the page's own style sheet.

Colours are stand-ins that `_STYLED` turns into CSS variables, so one drawing serves light, dark
and print; what the chart says is also told by its caption and its table twin, so the drawing
itself is hidden from screen readers.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, Final

import altair as alt
import polars as pl
import vl_convert
from markupsafe import Markup

from stanch.reporting.catalogue import Catalogue
from stanch.reporting.timeline import DAY_US, MINUTE_US, Span, Timeline

_VEGA_LITE: Final = "6.4"

_STYLED: Final = {
    "#a00001": "attack",
    "#a00002": "ordinary",
    "#a00003": "exposure",
    "#a00004": "complaint",
    "#a00005": "gap",
    "#a00006": "line",
    "#a00007": "muted",
    "#a00008": "ink",
    "#a00009": "leak",
}
_COLOUR: Final = {name: stand_in for stand_in, name in _STYLED.items()}

#: Plot width in px: beside the margins of a desktop page, and of a phone 360 px wide.
WIDTHS: Final = {"wide": 860, "narrow": 262}
_AXIS_PX: Final = 44
_TICK_STEPS_US: Final = tuple(m * MINUTE_US for m in (5, 10, 15, 30, 60, 120, 180, 360, 720)) + tuple(
    d * DAY_US for d in (1, 2, 4, 7, 14, 28, 56, 91, 182, 364, 728, 1820, 3640)
)


def draw_timeline(timeline: Timeline, texts: Catalogue) -> dict[str, Markup]:
    """The chart once per width in `WIDTHS`."""
    return {name: _draw(timeline, texts, width) for name, width in WIDTHS.items()}


def _draw(timeline: Timeline, texts: Catalogue, width: int) -> Markup:
    panels: list[Any] = []
    if _has(timeline.attempts, "ordinary") or _has(timeline.attempts, "attack"):
        panels.append((_layer_attempts(timeline), 150, "chart.attempts", timeline.attempts_bin_us))
    if _has(timeline.exposures, "n"):
        panels.append((_layer_exposures(timeline), 84, "chart.exposures", timeline.events_bin_us))
    if _has(timeline.complaints, "n"):
        panels.append((_layer_complaints(timeline), 84, "chart.complaints", timeline.events_bin_us))
    drawn = []
    for i, (layers, height, key, bin_us) in enumerate(panels):
        last = i == len(panels) - 1
        x = _axis_x(timeline.span, texts, width, labels=last)
        title = texts.text(key, bin=describe_width(bin_us, texts))
        drawn.append(
            alt.layer(*[c.encode(x=x) for c in layers]).properties(width=width, height=height, title=title)
        )
    chart = alt.vconcat(*drawn, spacing=16).configure(**_config())
    svg = vl_convert.vegalite_to_svg(chart.to_dict(), vl_version=_VEGA_LITE, allowed_base_urls=[])
    return _adopt(svg)


def describe_width(bin_us: int, texts: Catalogue) -> str:
    """`3 hours` in the language of the page."""
    for unit, size in (
        ("week", 7 * DAY_US),
        ("day", DAY_US),
        ("hour", 60 * MINUTE_US),
        ("minute", MINUTE_US),
    ):
        if bin_us % size == 0:
            return texts.text(f"unit.{unit}", n=bin_us // size)
    return texts.text("unit.minute", n=round(bin_us / MINUTE_US))


def _layer_attempts(timeline: Timeline) -> list[Any]:
    """Attack at the bottom, where its height can be read, ordinary use stacked upon it."""
    top = timeline.attempts.select(
        "time_us", pl.col("attack"), (pl.col("attack") + pl.col("ordinary")).alias("top")
    )
    rows = _step_rows(top, timeline.span, ["attack", "top"])
    base = alt.Chart(alt.InlineData(values=rows))
    ordinary = base.mark_area(interpolate="step-after", color=_COLOUR["ordinary"], line=False).encode(
        y=_axis_y("top"), y2=alt.Y2("attack")
    )
    attack = base.mark_area(interpolate="step-after", color=_COLOUR["attack"]).encode(y=_axis_y("attack"))
    height = max(*top["top"], 1.0)
    return [*_layer_gaps(timeline), ordinary, attack, *_layer_campaigns(timeline.campaigns, height)]


def _layer_campaigns(campaigns: list[Span], height: float) -> list[Any]:
    """A bracket with the name above each campaign; only the first few, so that names do not overlap."""
    rows = [
        {"x": s.start_us / 1e3, "x2": s.end_us / 1e3, "y": height * 1.07, "name": s.name}
        for s in campaigns[:6]
    ]
    if not rows:
        return []
    base = alt.Chart(alt.InlineData(values=rows))
    rule = base.mark_rule(color=_COLOUR["attack"], strokeWidth=2).encode(x2="x2:Q", y=alt.Y("y:Q"))
    name = base.mark_text(color=_COLOUR["ink"], align="left", baseline="bottom", dy=-3, fontSize=11).encode(
        y=alt.Y("y:Q"), text="name:N"
    )
    return [rule, name]


def _layer_exposures(timeline: Timeline) -> list[Any]:
    bars = _bars(timeline.exposures, timeline.events_bin_us, "exposure")
    if timeline.leak is None:
        return [*_layer_gaps(timeline), bars]
    band = _bands([timeline.leak], timeline.span, "leak", 1.0)
    return [*_layer_gaps(timeline), *band, bars]


def _layer_complaints(timeline: Timeline) -> list[Any]:
    return [_bars(timeline.complaints, timeline.events_bin_us, "complaint")]


def _layer_gaps(timeline: Timeline) -> list[Any]:
    return _bands(timeline.gaps, timeline.span, "gap", 1.0)


def _bands(spans: list[Span], within: Span, colour: str, opacity: float) -> list[Any]:
    rows = [
        {"x": max(s.start_us, within.start_us) / 1e3, "x2": min(s.end_us, within.end_us) / 1e3}
        for s in spans
        if s.start_us < within.end_us and s.end_us > within.start_us
    ]
    if not rows:
        return []
    return [
        alt.Chart(alt.InlineData(values=rows))
        .mark_rect(color=_COLOUR[colour], opacity=opacity)
        .encode(x2="x2:Q")
    ]


def _bars(frame: pl.DataFrame, bin_us: int, colour: str) -> Any:
    rows = [
        {"x": time / 1e3, "x2": (time + 0.86 * bin_us) / 1e3, "n": n}
        for time, n in frame.select("time_us", "n").iter_rows()
        if n
    ]
    return (
        alt.Chart(alt.InlineData(values=rows))
        .mark_rect(color=_COLOUR[colour])
        .encode(x2="x2:Q", y=_axis_y("n"), y2=alt.datum(0))
    )


def _axis_x(span: Span, texts: Catalogue, width: int, *, labels: bool) -> alt.X:
    values, step = choose_ticks(span, max(4, width // 90))
    pattern = texts.text(
        "chart.time" if step < DAY_US else "chart.day" if step < 28 * DAY_US else "chart.month"
    )
    axis = alt.Axis(
        values=[v / 1e3 for v in values],
        labelExpr=f"utcFormat(datum.value, '{pattern}')",
        labels=labels,
        ticks=labels,
        title=None,
        grid=True,
        labelFlush=True,
    )
    scale = alt.Scale(domain=[span.start_us / 1e3, span.end_us / 1e3], nice=False, zero=False)
    return alt.X("x:Q", scale=scale, axis=axis)


def choose_ticks(span: Span, max_ticks: int) -> tuple[list[int], int]:
    """Round times within `span`, at most `max_ticks`, and the step between them."""
    length = span.end_us - span.start_us
    step = next((s for s in _TICK_STEPS_US if length <= s * max_ticks), length)
    first = -(-span.start_us // step) * step
    if step >= DAY_US:
        # Days are counted from the span's own first midnight, so that a step of a week starts there.
        first = -(-span.start_us // DAY_US) * DAY_US
    return list(range(first, span.end_us + 1, step)), step


def _axis_y(name: str) -> alt.Y:
    axis = alt.Axis(
        title=None,
        tickCount=3,
        # Half a complaint is none: marks between whole numbers go without a label.
        labelExpr="datum.value % 1 ? '' : format(datum.value, '~s')",
        minExtent=_AXIS_PX,
        maxExtent=_AXIS_PX,
        grid=True,
        domain=False,
    )
    return alt.Y(f"{name}:Q", axis=axis, scale=alt.Scale(zero=True, nice=True))


def _step_rows(frame: pl.DataFrame, span: Span, names: list[str]) -> list[dict[str, float]]:
    rows = [
        {"x": row["time_us"] / 1e3} | {name: round(row[name], 2) for name in names}
        for row in frame.iter_rows(named=True)
    ]
    return [*rows, rows[-1] | {"x": span.end_us / 1e3}] if rows else []


def _has(frame: pl.DataFrame, column: str) -> bool:
    return bool((frame[column] > 0).any())


def _config() -> dict[str, Any]:
    return {
        "background": "transparent",
        "aria": False,
        "padding": 4,
        "view": alt.ViewConfig(stroke=None),
        "axis": alt.AxisConfig(
            labelColor=_COLOUR["muted"],
            labelFontSize=11,
            tickColor=_COLOUR["line"],
            gridColor=_COLOUR["line"],
            domainColor=_COLOUR["line"],
        ),
        "title": alt.TitleConfig(
            anchor="start", frame="bounds", color=_COLOUR["ink"], fontSize=12.5, fontWeight=600, offset=8
        ),
    }


def _adopt(svg: str) -> Markup:
    """Make Vega's drawing part of the page: its colours, its fonts, scaled to the page's width."""
    for stand_in, name in _STYLED.items():
        svg = svg.replace(f'"{stand_in}"', f'"var(--{name})"')
    svg = re.sub(r' font-family="[^"]*"', "", svg)
    svg = re.sub(r' (?:role|aria-[a-z]+|class|pointer-events|xmlns:xlink|version)="[^"]*"', "", svg)
    return Markup(svg.replace("<svg ", '<svg aria-hidden="true" focusable="false" ', 1))  # noqa: S704


def format_day(time_us: int) -> str:
    """`2015-04-11`, or with the time where it is not midnight."""
    moment = datetime.fromtimestamp(time_us / 1e6, UTC)
    return f"{moment:%Y-%m-%d}" if time_us % DAY_US == 0 else f"{moment:%Y-%m-%d %H:%M}"
