"""What to do now, most pressing first, each with its number and its file."""

from __future__ import annotations

from typing import Final

import polars as pl
from markupsafe import Markup

from stanch.findings import Findings
from stanch.reporting.answer import choose_case, name_source
from stanch.reporting.catalogue import Catalogue
from stanch.reporting.cells import show_text
from stanch.reporting.lists import Lists

#: An attack from more addresses than this, with fewer attempts from each, is not stopped by blocking.
_MANY: Final = 100
_FEW_EACH: Final = 3


def list_actions(findings: Findings, lists: Lists, n_limits: int, texts: Catalogue) -> list[Markup]:
    """The steps in order; one calm sentence where there is none."""
    case = choose_case(findings)
    traceless = findings.complaints.count > 0 and findings.attribution.verdict == "not_examined"
    steps = [texts.html("action.fetch")] if traceless else _stop_source(findings, case, lists, texts)
    if traceless or case in ("undetermined", "unlogged"):
        steps.append(texts.html("action.preserve"))
    now = lists.warnings.filter(pl.col("priority") == 1).height
    warn = "warn" if now else "warn_later"
    for key, n in (("reset", lists.resets.height), (warn, lists.warnings.height)):
        if n:
            steps.append(texts.html(f"action.{key}", **_tell(texts, n), now=texts.number(now)))
    steps += _treat_addresses(findings, lists, texts)
    if traceless or case in ("named", "unlogged", "undetermined") or lists.resets.height:
        steps.append(texts.html("action.notify"))
    if findings.logins.not_examined:
        steps.append(texts.html("action.outcomes"))
    if not steps:
        steps.append(texts.html("action.none"))
    if n_limits:
        steps.append(texts.html("action.logs", **_tell(texts, n_limits)))
    return steps


def _treat_addresses(findings: Findings, lists: Lists, texts: Catalogue) -> list[Markup]:
    """Whom to block and whom to challenge; where addresses are used once, blocking them stops nothing."""
    attempts = sum(campaign.attempts for campaign in findings.campaigns)
    addresses = sum(campaign.addresses for campaign in findings.campaigns)
    if addresses > _MANY and attempts < _FEW_EACH * addresses:
        each = f"{attempts / addresses:.1f}"
        key = "action.block_useless_once" if each == "1.0" else "action.block_useless"
        return [texts.html(key, n=texts.number(addresses), each=each)]
    counts = (("block", len(lists.addresses.block)), ("challenge", len(lists.addresses.challenge)))
    return [texts.html(f"action.{key}", **_tell(texts, n)) for key, n in counts if n]


def _tell(texts: Catalogue, n: int) -> dict[str, str]:
    return {"n": texts.number(n)}


def _stop_source(findings: Findings, case: str, lists: Lists, texts: Catalogue) -> list[Markup]:
    found = findings.attribution
    if case == "named":
        return [_stop_one(source, lists, texts) for source in found.sources]
    if case == "unlogged":
        return [texts.html("action.unlogged")]
    if case == "undetermined":
        if not found.would_settle:
            return [texts.html("action.undetermined_bare")]
        wanted = [show_text(texts.sentence(what), 600) for what in found.would_settle]
        return [texts.html("action.undetermined", what=texts.text("page.sentence_gap").join(wanted))]
    return []


def _stop_one(source: str, lists: Lists, texts: Catalogue) -> Markup:
    kind = source.removeprefix("group:").partition(":")[0]
    if kind == "campaign" and not lists.resets.height:
        kind = "campaign_bare"
    return texts.html(f"action.{'partner' if kind == 'service' else kind}", source=name_source(texts, source))
