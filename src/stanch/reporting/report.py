"""The page `report.html`: what is on it, filled into one template.

Self-contained: no script, no network; its Content-Security-Policy allows nothing but its own style
sheet, by hash. Every text from evidence passes `show_text` and Jinja's escaping.
"""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from importlib.resources import files
from typing import Any, Final

from jinja2 import Template
from markupsafe import Markup

from stanch.engine import Engine
from stanch.findings import Findings, Interval
from stanch.reporting.actions import list_actions
from stanch.reporting.answer import build_answer, pick_pointed, show_moment, tell_point
from stanch.reporting.catalogue import Catalogue
from stanch.reporting.cells import show_text
from stanch.reporting.heard import build_heard
from stanch.reporting.lists import Lists
from stanch.reporting.people import LEAST_RESET
from stanch.reporting.sections import (
    build_chart,
    build_complaints,
    build_early,
    build_limits,
    build_sources,
    list_costs,
)
from stanch.reporting.sources import count_exposed
from stanch.reporting.templates import open_templates

_MAX_ACCOUNTS: Final = 20
_MAX_CAMPAIGNS: Final = 8
_MAX_INPUTS: Final = 40
_MAX_PATH: Final = 96
#: As the reader of logs without years says it.
_ASSUMED: Final = re.compile(r"The time stamps have no year; (.{4,60}?) was taken")


def render_report(findings: Findings, engine: Engine, lists: Lists, bin_us: int, texts: Catalogue) -> str:
    """The whole page as HTML text."""
    template, style = _load_template()
    chart, gaps = build_chart(findings, engine, bin_us, texts)
    limits = build_limits(findings, gaps, texts)
    inputs = {given.table for given in findings.inputs}
    exposed = count_exposed(engine, pick_pointed(findings.attribution))
    paths = shorten_paths([given.path for given in findings.inputs])
    return template.render(
        t=texts.html,
        n=texts.number,
        share=texts.share,
        chance=texts.chance,
        texts=texts,
        say=lambda sentence: say(texts, sentence),
        show=show_markup,
        when=lambda text: show_moment(texts, text),
        span=lambda interval: show_interval(texts, interval),
        shares=lambda interval: show_shares(texts, interval),
        style=Markup(style),  # noqa: S704  (our own)
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        findings=findings,
        given=inputs,
        answer=build_answer(findings, lists.sources, texts, exposed),
        actions=list_actions(findings, lists, limits.n, texts),
        assumed_years=list_assumed_years(findings),
        chart=chart,
        sources=build_sources(findings, engine, lists.sources, texts),
        campaigns=findings.campaigns[:_MAX_CAMPAIGNS],
        costs=list_costs(lists.addresses.costs),
        accounts=lists.accounts.sort(
            ["orders_exposed", "p_compromised", "account"], descending=[True, True, False]
        )
        .head(_MAX_ACCOUNTS)
        .to_dicts(),
        n_accounts=lists.accounts.height,
        n_resets=lists.resets.height,
        least_reset=LEAST_RESET,
        complaints=build_complaints(findings.complaints),
        early=build_early(findings.early, texts),
        heard=build_heard(findings.heard or None, texts),
        limits=limits,
        inputs=findings.inputs[:_MAX_INPUTS],
        paths=paths,
        file_notes=list_file_notes(findings, paths, texts),
    )


def list_file_notes(findings: Findings, paths: list[str], texts: Catalogue) -> list[tuple[Markup, list[str]]]:
    """What a reader must know about the files: each file, and its notes."""
    noted = [(path, given.notes) for path, given in zip(paths, findings.inputs, strict=True) if given.notes]
    return [
        (show_markup(path, _MAX_PATH), [tell_point(note, texts) for note in notes])
        for path, notes in noted[:_MAX_INPUTS]
    ]


def list_assumed_years(findings: Findings) -> list[str]:
    """Years that no log states, so that somebody had to assume them."""
    found = [_ASSUMED.match(note) for given in findings.inputs for note in given.notes]
    return list(dict.fromkeys(match[1] for match in found if match))


def shorten_paths(paths: list[str]) -> list[str]:
    """`paths` without the folders that they have in common."""
    folders = [path.replace("\\", "/").split("/") for path in paths]
    n = 0
    while folders and all(len(parts) > n + 1 and parts[n] == folders[0][n] for parts in folders):
        n += 1
    return ["/".join(parts[n:]) for parts in folders]


def say(texts: Catalogue, sentence: str) -> str:
    """A stage's sentence in the page's language, invisible characters spelled out."""
    return show_text(texts.sentence(sentence), 600)


def show_markup(name: str | None, limit: int = 72) -> Markup:
    """An identifier from evidence, kept from changing the direction of the text around it."""
    return Markup("<bdi>{}</bdi>").format(show_text(name or "", limit))


def show_interval(texts: Catalogue, interval: Interval) -> Markup:
    """Mean with its 90 % interval, if that is more than one number."""
    if texts.number(interval.low) == texts.number(interval.high):
        return Markup("{}").format(texts.number(interval.mean))
    parts: dict[str, Any] = {
        "mean": texts.number(interval.mean),
        "low": texts.number(interval.low),
        "high": texts.number(interval.high),
    }
    return texts.html("page.interval", **parts)


def show_shares(texts: Catalogue, interval: Interval) -> Markup:
    """A share with its 90 % interval."""
    mean, low, high = (texts.share(share) for share in (interval.mean, interval.low, interval.high))
    return (
        Markup("{}").format(mean)
        if low == high
        else texts.html("page.interval", mean=mean, low=low, high=high)
    )


@cache
def _load_template() -> tuple[Template, str]:
    environment = open_templates("stanch.reporting")
    style = files("stanch.reporting").joinpath("page", "report.css").read_text(encoding="utf-8")
    return environment.get_template("report.html.j2"), style
