"""What to do now, most pressing first, each with its number and its file."""

from __future__ import annotations

import polars as pl
from markupsafe import Markup

from stanch.findings import Findings
from stanch.reporting.answer import choose_case, name_source
from stanch.reporting.catalogue import Catalogue
from stanch.reporting.cells import show_text
from stanch.reporting.lists import Lists


def list_actions(findings: Findings, lists: Lists, n_limits: int, texts: Catalogue) -> list[Markup]:
    """The steps in order; one calm sentence where there is none."""
    case = choose_case(findings)
    steps = _stop_source(findings, case, texts)
    now = lists.warnings.filter(pl.col("priority") == 1).height
    warn = "warn" if now else "warn_later"
    for key, n in (("reset", lists.resets.height), (warn, lists.warnings.height)):
        if n:
            steps.append(texts.html(f"action.{key}", **_tell(texts, n), now=texts.number(now)))
    for key, n in (("block", len(lists.addresses.block)), ("challenge", len(lists.addresses.challenge))):
        if n:
            steps.append(texts.html(f"action.{key}", **_tell(texts, n)))
    if case in ("named", "unlogged", "undetermined") or lists.resets.height:
        steps.append(texts.html("action.notify"))
    if not steps:
        steps.append(texts.html("action.none"))
    if n_limits:
        steps.append(texts.html("action.logs", **_tell(texts, n_limits)))
    return steps


def _tell(texts: Catalogue, n: int) -> dict[str, str]:
    return {"n": texts.number(n)}


def _stop_source(findings: Findings, case: str, texts: Catalogue) -> list[Markup]:
    found = findings.attribution
    if case == "named":
        return [_stop_one(source, texts) for source in found.sources]
    if case == "unlogged":
        return [texts.html("action.unlogged")]
    if case == "undetermined":
        if not found.would_settle:
            return [texts.html("action.undetermined_bare")]
        wanted = [show_text(texts.sentence(what), 600) for what in found.would_settle]
        return [texts.html("action.undetermined", what=texts.text("page.sentence_gap").join(wanted))]
    return []


def _stop_one(source: str, texts: Catalogue) -> Markup:
    kind = source.removeprefix("group:").partition(":")[0]
    return texts.html(f"action.{'partner' if kind == 'service' else kind}", source=name_source(texts, source))
