"""The page `report.html`: what is on it, filled into one template.

Self-contained: no script, no network; its Content-Security-Policy allows nothing but its own style
sheet, by hash. Every text from evidence passes `show_text` and Jinja's escaping.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from stanch.engine import Engine
from stanch.findings import Findings, Interval
from stanch.reporting.actions import list_actions
from stanch.reporting.answer import build_answer
from stanch.reporting.catalogue import Catalogue
from stanch.reporting.cells import show_text
from stanch.reporting.lists import Lists
from stanch.reporting.people import LEAST_RESET
from stanch.reporting.sections import build_chart, build_complaints, build_limits, build_sources, show_moment

_MAX_ACCOUNTS: Final = 20
_MAX_CAMPAIGNS: Final = 8
_MAX_INPUTS: Final = 40


def render_report(findings: Findings, engine: Engine, lists: Lists, bin_us: int, texts: Catalogue) -> str:
    """The whole page as HTML text."""
    template, style = _load_template()
    chart, gaps = build_chart(findings, engine, bin_us, texts)
    limits = build_limits(findings, gaps, texts)
    inputs = {given.table for given in findings.inputs}
    return template.render(
        t=texts.html,
        n=texts.number,
        share=texts.share,
        chance=texts.chance,
        texts=texts,
        say=lambda sentence: say(texts, sentence),
        show=show_markup,
        when=show_moment,
        span=lambda interval: show_interval(texts, interval),
        style=Markup(style),  # noqa: S704  (our own)
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        findings=findings,
        given=inputs,
        answer=build_answer(findings, lists.sources, texts),
        actions=list_actions(findings, lists, len(limits.points), texts),
        chart=chart,
        sources=build_sources(findings, engine, lists.sources, texts),
        campaigns=findings.campaigns[:_MAX_CAMPAIGNS],
        accounts=lists.accounts.head(_MAX_ACCOUNTS).to_dicts(),
        n_accounts=lists.accounts.height,
        n_resets=lists.resets.height,
        least_reset=LEAST_RESET,
        complaints=build_complaints(findings.complaints),
        limits=limits,
        inputs=findings.inputs[:_MAX_INPUTS],
        file_notes=list_file_notes(findings, texts),
    )


def list_file_notes(findings: Findings, texts: Catalogue) -> list[str]:
    """What a reader must know about the files, with the file's name."""
    notes = [(given.path, note) for given in findings.inputs for note in given.notes]
    return [f"{show_text(path)}: {say(texts, note)}" for path, note in notes[:_MAX_INPUTS]]


def say(texts: Catalogue, sentence: str) -> str:
    """A stage's sentence in the page's language, invisible characters spelled out."""
    return show_text(texts.sentence(sentence), 600)


def show_markup(name: str | None, limit: int = 72) -> Markup:
    """An identifier from evidence, kept from changing the direction of the text around it."""
    return Markup("<bdi>{}</bdi>").format(show_text(name or "", limit))


def show_interval(texts: Catalogue, interval: Interval) -> Markup:
    """Mean with its 90 % interval."""
    parts: dict[str, Any] = {
        "mean": texts.number(interval.mean),
        "low": texts.number(interval.low),
        "high": texts.number(interval.high),
    }
    return texts.html("page.interval", **parts)


@cache
def _load_template() -> tuple[Template, str]:
    environment = Environment(
        loader=PackageLoader("stanch.reporting", "page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = files("stanch.reporting").joinpath("page", "report.css").read_text(encoding="utf-8")
    return environment.get_template("report.html.j2"), style
