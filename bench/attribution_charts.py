"""Two pictures: how posteriors turned out, and recall by number of complaints."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import altair as alt
import vl_convert

from cells import find_interval
from roc import shorten

_VEGA_LITE: Final = "6.4"
_STANCH: Final = "#1b5e9b"
_COLOURS: Final = (_STANCH, "#b3541e", "#7a4fa3", "#3d8b57")
_SHAPES: Final = ("circle", "square", "triangle-up", "diamond")

Counts = tuple[int, int]


def draw_calibration(bins: list[tuple[float, int, int]], path: Path) -> None:
    """Mean posterior of each bin (mean, true, all) against the share that leaked, with 90 % intervals."""
    rows = []
    for mean, k, n in bins:
        low, high = find_interval(k, n)
        rows.append({"p": mean, "share": k / n, "low": low, "high": high, "n": n})
    base = alt.Chart(alt.InlineData(values=rows))
    x = alt.X(
        "p:Q",
        scale=alt.Scale(domain=[0, 1]),
        axis=alt.Axis(format="%", title="posterior", labelFlush=False),
    )
    scale = alt.Scale(domain=[0, 1])
    y = alt.Y("share:Q", scale=scale, axis=alt.Axis(format="%", title="share that leaked"))
    ends = [{"p": 0, "share": 0}, {"p": 1, "share": 1}]
    diagonal = alt.Chart(alt.InlineData(values=ends)).mark_line(color="#999999", strokeDash=[4, 4])
    bars = base.mark_rule(color=_STANCH, strokeWidth=1.5).encode(x=x, y=alt.Y("low:Q"), y2="high:Q")
    points = base.mark_point(filled=True, size=70, color=_STANCH, opacity=1).encode(x=x, y=y)
    layers = alt.layer(diagonal.encode(x=x, y=y), bars, points).properties(width=320, height=320)
    _write(layers, path)


def draw_recall(by_method: dict[str, list[tuple[str, Counts]]], path: Path) -> None:
    """Share of true sources named, by the number of complaints from them, a mark per method."""
    rows: list[dict[str, Any]] = []
    for method, classes in by_method.items():
        for label, (k, n) in classes:
            if n:
                low, high = find_interval(k, n)
                rows.append({"method": method, "class": label, "share": k / n, "low": low, "high": high})
    labels = [label for label, _ in next(iter(by_method.values()))]
    methods = list(by_method)
    base = alt.Chart(alt.InlineData(values=rows))
    axis = alt.Axis(title="complaints from the source", labelAngle=0)
    x = alt.X("class:N", sort=labels, scale=alt.Scale(paddingInner=0.4), axis=axis)
    offset = alt.XOffset("method:N", sort=methods)
    y = alt.Y("share:Q", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format="%", title="named"))
    legend = alt.Legend(title=None, orient="top", columns=2, columnPadding=24, symbolSize=80, labelLimit=400)
    colour = alt.Color("method:N", scale=alt.Scale(domain=methods, range=list(_COLOURS)), legend=legend)
    shape = alt.Shape("method:N", scale=alt.Scale(domain=methods, range=list(_SHAPES)), legend=legend)
    bars = base.mark_rule(strokeWidth=1.5).encode(
        x=x, xOffset=offset, y=alt.Y("low:Q"), y2="high:Q", color=colour
    )
    points = base.mark_point(filled=True, size=70, opacity=1).encode(
        x=x, xOffset=offset, y=y, color=colour, shape=shape
    )
    _write(alt.layer(bars, points).properties(width=460, height=280), path)


def _write(chart: alt.LayerChart | alt.FacetChart, path: Path) -> None:
    whole = chart.properties(background="white").configure_view(stroke="#cccccc")
    whole = whole.configure_axis(gridColor="#e6e6e6", domain=False)
    svg = vl_convert.vegalite_to_svg(whole.to_dict(), vl_version=_VEGA_LITE, allowed_base_urls=[])
    path.write_text(shorten(svg), encoding="utf-8", newline="\n")
