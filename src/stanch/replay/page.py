"""The page and the table of a replay, in English and Chinese."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Any, Final

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from numpy.typing import NDArray

from stanch.guard.rehearse import ACTIONS
from stanch.guard.settings import GuardSettings
from stanch.replay.tally import Tally

_WIDTH: Final = 900
_HEIGHT: Final = 160
KINDS: Final = (*ACTIONS, "late")


@cache
def load_texts(lang: str) -> dict[str, str]:
    """The texts of "en" or "zh"."""
    return tomllib.loads(files("stanch.replay").joinpath(f"texts/{lang}.toml").read_text("utf-8"))


def render_table(tally: Tally, lang: str) -> str:
    """The counts as plain lines for a terminal."""
    texts = load_texts(lang)
    lines = [f"{texts['attempts']:>12} {texts['let_in']:>12}  {texts['action']}"]
    for kind, n, let_in in zip(KINDS, tally.attempts, tally.successes, strict=True):
        lines.append(f"{n:>12,} {let_in:>12,}  {texts[kind]}")
    lines.append(texts["share"].format(percent=_percent(tally.share)))
    lines += [tell_wave(tally, i, texts) for i in range(len(tally.waves))] or [texts["no_wave"]]
    lines.append(texts["decisions"].format(n=f"{tally.n_decisions:,}"))
    return "\n".join(lines)


def tell_wave(tally: Tally, number: int, texts: dict[str, str]) -> str:
    """One wave in a sentence."""
    wave = tally.waves[number]
    # The share of attack is an estimate, which is never all.
    key = "wave" if wave.level <= 0.999 else "wave_over"
    return texts[key].format(
        start=_moment(wave.start_us), end=_moment(wave.end_us), percent=_percent(min(wave.level, 0.999))
    )


def render_page(tally: Tally, settings: GuardSettings, lang: str) -> str:
    """A self-contained page: what would have happened, over time, and what it would have cost."""
    texts = load_texts(lang)
    environment = Environment(
        loader=PackageLoader("stanch.replay", "page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    rows = [
        (kind, texts[kind], f"{n:,}", f"{let_in:,}")
        for kind, n, let_in in zip(KINDS, tally.attempts, tally.successes, strict=True)
    ]
    acted = tally.by_bin[:, 1:]
    return environment.get_template("replay.html.j2").render(
        lang=lang,
        t=texts,
        n=f"{tally.n:,}",
        rows=rows,
        share=texts["share"].format(percent=_percent(tally.share)),
        budget=texts["budget"].format(percent=_percent(settings.budget)),
        waves=[tell_wave(tally, i, texts) for i in range(len(tally.waves))],
        decisions=texts["decisions"].format(n=f"{tally.n_decisions:,}"),
        misfit=tally.misfit,
        width=_WIDTH,
        height=_HEIGHT,
        bin=texts["bin"].format(width=_tell_width(tally.bin_us, texts)),
        charts=[
            _chart(texts["chart_all"], [("allow", tally.by_bin[:, 0]), ("acted", acted.sum(axis=1))], tally),
            _chart(texts["chart_acted"], [(kind, acted[:, i]) for i, kind in enumerate(KINDS[1:])], tally),
            _chart(texts["chart_refused"], [("refused", tally.refused_by_bin)], tally),
        ],
    )


def _chart(title: str, parts: Sequence[tuple[str, NDArray[np.int64]]], tally: Tally) -> dict[str, Any]:
    """Stacked bars over time as rectangles of an SVG; waves as bands behind them."""
    n = len(tally.starts_us)
    total = np.sum([values for _, values in parts], axis=0) if n else np.zeros(0)
    top = float(total.max(initial=0)) or 1.0
    step = _WIDTH / max(n, 1)
    bars, below = [], np.zeros(n)
    for kind, values in parts:
        for i in np.flatnonzero(values):
            height = float(values[i]) / top * _HEIGHT
            bars.append(
                (
                    kind,
                    round(i * step, 2),
                    round(_HEIGHT - below[i] - height, 2),
                    round(max(step - 0.4, 0.6), 2),
                    round(height, 2),
                )
            )
            below[i] += height
    ticks = [
        (round(i * step, 1), _moment(int(tally.starts_us[i]))[5:])
        for i in sorted({round(k * (n - 1) / 4) for k in range(4)} if n else set())
    ]
    first = int(tally.starts_us[0]) if n else 0
    bands = [
        (
            round((wave.start_us - first) / tally.bin_us * step, 2),
            round(max((wave.end_us - wave.start_us) / tally.bin_us * step, 2.0), 2),
        )
        for wave in tally.waves
    ]
    return {"title": title, "top": f"{int(top):,}", "bars": bars, "ticks": ticks, "bands": bands}


def _tell_width(bin_us: int, texts: dict[str, str]) -> str:
    minutes = bin_us // 60_000_000
    return texts["hours"].format(n=minutes // 60) if minutes % 60 == 0 else texts["minutes"].format(n=minutes)


def _moment(time_us: int) -> str:
    return datetime.fromtimestamp(time_us / 1e6, UTC).strftime("%Y-%m-%d %H:%M")


def _percent(share: float) -> str:
    return f"{100 * share:.2f}"
