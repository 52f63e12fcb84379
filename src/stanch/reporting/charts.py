"""The time line as inline SVG: drawn by Vega-Lite, coloured by the page's own style sheet.

Colours are stand-ins that `_STYLED` turns into CSS variables, so one drawing serves light, dark
and print; what the chart says is also told by its caption and its table twin, so the drawing
itself is hidden from screen readers.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, Final, Literal

import altair as alt
import polars as pl
import vl_convert
from markupsafe import Markup

from stanch.reporting.catalogue import Catalogue
from stanch.reporting.cells import show_text
from stanch.reporting.timeline import DAY_US, MINUTE_US, Lane, Span, Timeline

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
    "#a0000a": "unlogged",
}
_COLOUR: Final = {name: stand_in for stand_in, name in _STYLED.items()}

#: Edges of bands: broken where something is not known.
_DASHES: Final[dict[str, list[int]]] = {"leak": [], "gap": [], "unlogged": [3, 3]}

#: Plot width in px: beside the margins of a desktop page, and of a phone 360 px wide.
WIDTHS: Final = {"wide": 860, "narrow": 262}
_AXIS_PX: Final = 44
_NARROW_PX: Final = 400
#: Height of the name of one marked day.
_MARK_PX: Final = 15
#: Room above the highest value, for the names of attacks.
_HEADROOM: Final = 1.12
#: What is not covered by the login log is marked from this part of the time line on.
LEAST_UNLOGGED: Final = 25
#: The shortest month: steps of months are at least so long.
MONTH_US: Final = 28 * DAY_US
_TICK_STEPS_US: Final = tuple(m * MINUTE_US for m in (5, 10, 15, 30, 60, 120, 180, 360, 720)) + tuple(
    d * DAY_US for d in (1, 2, 4, 7, 14)
)
_TICK_MONTHS: Final = (1, 2, 3, 6, 12, 24, 60, 120, 600)
_UNITS: Final = (
    ("week", 7 * DAY_US),
    ("day", DAY_US),
    ("hour", 60 * MINUTE_US),
    ("minute", MINUTE_US),
)


def draw_timeline(timeline: Timeline, texts: Catalogue) -> dict[str, Markup]:
    """The chart once per width in `WIDTHS`."""
    return {name: _draw(timeline, texts, width) for name, width in WIDTHS.items()}


def _draw(timeline: Timeline, texts: Catalogue, width: int) -> Markup:
    panels: list[tuple[list[Any], int, str]] = []
    if _has(timeline.attempts, "ordinary") or _has(timeline.attempts, "attack"):
        title = texts.text("chart.attempts", bin=describe_width(timeline.attempts_bin_us, texts))
        panels.append((_layer_attempts(timeline), 150, title))
    events_bin = describe_width(timeline.events_bin_us, texts)
    form = "chart.exposures" if width > _NARROW_PX else "chart.exposures_short"
    for lane in timeline.lanes:
        source = texts.source(lane.source, lambda name: show_text(name, 32))
        panels.append((_layer_lane(lane, timeline), 84, texts.text(form, source=source, bin=events_bin)))
    if _has(timeline.complaints, "n"):
        title = texts.text("chart.complaints", bin=events_bin)
        room = _MARK_PX * len(_join_marks(timeline.marks))
        panels.append((_layer_complaints(timeline, texts), 84 + room, title))
    drawn = []
    for i, (layers, height, title) in enumerate(panels):
        x = _axis_x(timeline.span, texts, width, labels=i == len(panels) - 1)
        drawn.append(
            alt.layer(*[c.encode(x=x) for c in layers]).properties(
                width=width, height=height, title=alt.TitleParams(title, limit=width + _AXIS_PX)
            )
        )
    chart = alt.vconcat(*drawn, spacing=16).configure(**_config())
    svg = vl_convert.vegalite_to_svg(chart.to_dict(), vl_version=_VEGA_LITE, allowed_base_urls=[])
    return _adopt(svg)


def describe_width(bin_us: int, texts: Catalogue) -> str:
    """`3 hours` in the language of the page."""
    for unit, size in _UNITS:
        if bin_us % size == 0:
            return texts.text(f"unit.{unit}", n=texts.number(bin_us // size))
    return texts.text("unit.minute", n=texts.number(bin_us / MINUTE_US))


def describe_length(length_us: int, texts: Catalogue) -> str:
    """A time that need not be exact, in the unit that a person would take: `4 days`, `15 hours`."""
    unit, size = next((u for u in _UNITS[1:] if length_us >= 2 * u[1]), ("minute", MINUTE_US))
    return texts.text(f"length.{unit}", n=texts.number(length_us / size))


def _layer_attempts(timeline: Timeline) -> list[Any]:
    """Attack at the bottom, where its height can be read, ordinary use stacked upon it."""
    top = timeline.attempts.select(
        "time_us", pl.col("attack"), (pl.col("attack") + pl.col("ordinary")).alias("top")
    )
    rows = _step_rows(top, timeline.span, ["attack", "top"])
    base = alt.Chart(alt.InlineData(values=rows))
    height = max(*top["top"], 1.0)
    ordinary = base.mark_area(interpolate="step-after", color=_COLOUR["ordinary"], line=False).encode(
        y=_axis_y("top", height * _HEADROOM), y2=alt.Y2("attack")
    )
    attack = base.mark_area(interpolate="step-after", color=_COLOUR["attack"]).encode(
        y=_axis_y("attack", height * _HEADROOM)
    )
    silent = [*_layer_unlogged(timeline), *_bands(timeline.gaps, timeline.span, "gap")]
    return [*silent, ordinary, attack, *_layer_campaigns(timeline.campaigns, height)]


def _layer_unlogged(timeline: Timeline) -> list[Any]:
    """Where no log says how many attempts there were: before the first and after the last."""
    if timeline.logged is None:
        return []
    start, end = timeline.logged.start_us, timeline.logged.end_us
    spans = [Span(timeline.span.start_us, start), Span(end, timeline.span.end_us)]
    least = (timeline.span.end_us - timeline.span.start_us) // LEAST_UNLOGGED
    return _bands([s for s in spans if s.end_us - s.start_us > least], timeline.span, "unlogged")


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


def _layer_lane(lane: Lane, timeline: Timeline) -> list[Any]:
    bars = _bars(lane.seen, timeline.events_bin_us, "exposure")
    if lane.window is None:
        return [bars]
    # A leak of a moment is drawn as wide as one bar, or it would not be seen.
    start, end = lane.window.start_us, max(lane.window.end_us, lane.window.start_us + timeline.events_bin_us)
    return [*_bands([Span(start, end)], timeline.span, "leak"), bars]


def _layer_complaints(timeline: Timeline, texts: Catalogue) -> list[Any]:
    """Bars, and above them the days on which it could have been known, each name on a line of its own."""
    marks = _join_marks(timeline.marks)
    room = 1 + _MARK_PX * len(marks) / 84
    layers = [_bars(timeline.complaints, timeline.events_bin_us, "complaint", room)]
    middle = (timeline.span.start_us + timeline.span.end_us) / 2
    for i, (end_us, names) in enumerate(marks):
        told = texts.text("page.comma").join(texts.text(f"chart.mark_{name}") for name in names)
        base = alt.Chart(alt.InlineData(values=[{"x": end_us / 1e3, "name": told}]))
        # A name stands where there is more room for it.
        side: Literal["left", "right"] = "left" if end_us < middle else "right"
        layers += [
            base.mark_rule(color=_COLOUR["ink"], strokeDash=[4, 3]).encode(
                y=alt.value(_MARK_PX * i), y2=alt.value("height")
            ),
            base.mark_text(
                color=_COLOUR["ink"], align=side, baseline="top", dx=4 if side == "left" else -4, fontSize=11
            ).encode(y=alt.value(_MARK_PX * i), text="name:N"),
        ]
    return layers


def _join_marks(marks: list[Span]) -> list[tuple[int, list[str]]]:
    """Each day once, with the names of all that is marked on it."""
    days: dict[int, list[str]] = {}
    for mark in marks:
        days.setdefault(mark.end_us, []).append(mark.name)
    return list(days.items())


def _bands(spans: list[Span], within: Span, colour: str) -> list[Any]:
    rows = [
        {"x": max(s.start_us, within.start_us) / 1e3, "x2": min(s.end_us, within.end_us) / 1e3}
        for s in spans
        if s.start_us < within.end_us and s.end_us > within.start_us
    ]
    if not rows:
        return []
    edge = _COLOUR["exposure" if colour == "leak" else "muted"]
    return [
        alt.Chart(alt.InlineData(values=rows))
        .mark_rect(color=_COLOUR[colour], stroke=edge, strokeWidth=0.8, strokeDash=_DASHES[colour])
        .encode(x2="x2:Q")
    ]


def _bars(frame: pl.DataFrame, bin_us: int, colour: str, room: float = 1.0) -> Any:
    rows = [
        {"x": time / 1e3, "x2": (time + 0.86 * bin_us) / 1e3, "n": n}
        for time, n in frame.select("time_us", "n").iter_rows()
        if n
    ]
    height = max(*frame["n"], 1) * _HEADROOM * room
    return (
        alt.Chart(alt.InlineData(values=rows))
        .mark_rect(color=_COLOUR[colour])
        .encode(x2="x2:Q", y=_axis_y("n", height), y2=alt.datum(0))
    )


def _axis_x(span: Span, texts: Catalogue, width: int, *, labels: bool) -> alt.X:
    values, step = choose_ticks(span, max(4, width // 90))
    pattern = texts.text("chart.time" if step < DAY_US else "chart.day" if step < MONTH_US else "chart.month")
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
    """Round times within `span`, at most `max_ticks` or one more, and the (least) step between them."""
    length = span.end_us - span.start_us
    step = next((s for s in _TICK_STEPS_US if length <= s * max_ticks), None)
    if step is None:
        months = next((m for m in _TICK_MONTHS if length <= m * MONTH_US * max_ticks), _TICK_MONTHS[-1])
        return _list_months(span, months), months * MONTH_US
    # Days are counted from the span's own first midnight, so that a step of a week starts there.
    whole = min(step, DAY_US)
    return list(range(-(-span.start_us // whole) * whole, span.end_us + 1, step)), step


def _list_months(span: Span, step: int) -> list[int]:
    """The first of every `step`-th month, counted from January."""
    start = datetime.fromtimestamp(span.start_us / 1e6, UTC)
    ticks = []
    month = (start.year * 12 + start.month - 1) // step * step
    while (tick := _begin_month(month)) <= span.end_us:
        ticks += [tick] if tick >= span.start_us else []
        month += step
    return ticks


def _begin_month(month: int) -> int:
    moment = datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC)
    return round(moment.timestamp()) * 1_000_000


def _axis_y(name: str, top: float) -> alt.Y:
    axis = alt.Axis(
        title=None,
        tickCount=3,
        # Half a complaint is none: marks between whole numbers go without a label.
        labelExpr="datum.value % 1 ? '' : format(datum.value, datum.value < 1e6 ? ',' : '~s')",
        minExtent=_AXIS_PX,
        maxExtent=_AXIS_PX,
        grid=True,
        domain=False,
    )
    return alt.Y(f"{name}:Q", axis=axis, scale=alt.Scale(domain=[0, top], nice=False))


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
