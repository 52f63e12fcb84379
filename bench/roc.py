"""ROC curves of all families in one picture, with every rule as a point."""

from __future__ import annotations

import re
import statistics
from pathlib import Path
from typing import Any, Final

import altair as alt
import vl_convert

from cells import summarise
from measuring import ROC_RATES
from results import Record

_VEGA_LITE: Final = "6.4"
#: Rules that hit no genuine attempt stand at the left edge.
_LEAST_RATE: Final = 1e-5
_COLUMNS: Final = 4
_STANCH: Final = "#1b5e9b"
_SHAPES: Final = {
    "Stanch": ("circle", _STANCH),
    "fail2ban": ("square", "#b3541e"),
    "CrowdSec": ("triangle-up", "#7a4fa3"),
    "django-axes": ("diamond", "#3d8b57"),
    "AWS ATP": ("cross", "#c2185b"),
    "Elastic": ("triangle-down", "#8a6d00"),
    "Araña": ("triangle-right", "#444444"),
}


def draw_roc(families: dict[str, list[Record]], path: Path) -> None:
    """Write the picture as SVG: a panel per family, the median curve and the range over its seeds."""
    rows = [row for family, records in families.items() for row in _tabulate(family, records)]
    base = alt.Chart(alt.InlineData(values=rows))
    x = alt.X(
        "x:Q",
        scale=alt.Scale(type="log", domain=[_LEAST_RATE, 1]),
        axis=alt.Axis(values=[1e-4, 1e-2, 1], format="~%", title=None, grid=True),
    )
    y = alt.Y(
        "y:Q", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(values=[0, 0.5, 1], format="%", title=None)
    )
    names = list(_SHAPES)
    shape = alt.Shape(
        "method:N",
        scale=alt.Scale(domain=names, range=[_SHAPES[name][0] for name in names]),
        legend=alt.Legend(title=None, orient="top", columns=len(names), symbolSize=80),
    )
    colour = alt.Color("method:N", scale=alt.Scale(domain=names, range=[_SHAPES[name][1] for name in names]))
    curve = base.transform_filter("datum.what == 'curve'")
    band = curve.mark_area(color=_STANCH, opacity=0.18).encode(x=x, y=y, y2="low:Q")
    line = curve.mark_line(color=_STANCH, strokeWidth=1.6, clip=True).encode(x=x, y=alt.Y("middle:Q"))
    points = base.transform_filter("datum.what == 'point'")
    marks = points.mark_point(filled=True, size=55, opacity=0.95).encode(x=x, y=y, shape=shape, color=colour)
    panels = alt.layer(band, line, marks).properties(width=170, height=120)
    facet = alt.Facet("family:N", sort=list(families), header=alt.Header(title=None, labelFontWeight=600))
    chart = panels.facet(facet, columns=_COLUMNS, spacing=14).properties(background="white")
    chart = chart.configure_view(stroke="#cccccc").configure_axis(gridColor="#e6e6e6", domain=False)
    svg = vl_convert.vegalite_to_svg(chart.to_dict(), vl_version=_VEGA_LITE, allowed_base_urls=[])
    path.write_text(shorten(svg), encoding="utf-8", newline="\n")


def _tabulate(family: str, records: list[Record]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for i, rate in enumerate(ROC_RATES):
        found = summarise(record["stanch"]["roc"][i] for record in records)
        if found is not None:
            middle, low, high = (round(value, 4) for value in found)
            rows.append(
                {"family": family, "what": "curve", "x": rate, "middle": middle, "low": low, "y": high}
            )
    for method in _SHAPES:
        scores = [record["methods"][method] for record in records]
        x, y = (statistics.median(score[name] for score in scores) for name in ("genuine", "caught"))
        rows.append(
            {
                "family": family,
                "what": "point",
                "method": method,
                "x": max(round(x, 7), _LEAST_RATE),
                "y": round(y, 4),
            }
        )
    return rows


def shorten(svg: str) -> str:
    """Without what only screen readers of a live chart need, and with shorter numbers."""
    svg = re.sub(r' (?:role|aria-[a-z]+|class|pointer-events|xmlns:xlink)="[^"]*"', "", svg)
    return re.sub(r"\d+\.\d{3,}", lambda number: f"{float(number[0]):.2f}", svg) + "\n"
