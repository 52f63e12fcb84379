"""What an investigation found, in words of both languages: told once, when its run ends."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import msgspec
import polars as pl
from markupsafe import Markup
from msgspec import Struct

from stanch.engine import Engine
from stanch.findings import Findings
from stanch.reporting.actions import list_actions
from stanch.reporting.addresses import COSTS_SCHEMA, AddressLists
from stanch.reporting.answer import build_answer, choose_case, pick_pointed, tell_point
from stanch.reporting.catalogue import Catalogue, Lang, load_catalogue
from stanch.reporting.lists import Lists
from stanch.reporting.people import ACCOUNTS_SCHEMA
from stanch.reporting.sections import build_limits, build_sources
from stanch.reporting.sources import count_exposed, list_sources

LANGS: Final[tuple[Lang, ...]] = ("en", "zh")


class FigureTold(Struct, frozen=True):
    """One number that a manager asks for; `value` empty: not examined."""

    name: str
    value: str
    note: str


class SourceTold(Struct, frozen=True):
    """One possible source, and what speaks for and against it."""

    source: str
    name: str
    posterior: float
    verdict: str
    exposed: int | None
    victims: int | None
    #: Odds against nobody's having leaked, in words and as the power of ten.
    weight: str
    factor: str
    window: str
    why_for: tuple[str, ...]
    why_against: tuple[str, ...]


class CampaignTold(Struct, frozen=True):
    """What speaks for a campaign's being one."""

    id: str
    why: tuple[str, ...]


class Told(Struct, frozen=True):
    """The answer in one language; names in it are pseudonyms."""

    case: str
    tone: str
    badge: str
    headline: str
    certainty: tuple[str, ...]
    figures: tuple[FigureTold, ...]
    actions: tuple[str, ...]
    why: tuple[str, ...]
    #: Sources that matter, and all that are listed.
    cards: tuple[SourceTold, ...]
    sources: tuple[SourceTold, ...]
    cleared: tuple[str, ...]
    n_cleared: int
    settle: tuple[str, ...]
    campaigns: tuple[CampaignTold, ...]
    not_examined: tuple[str, ...]
    coverage: tuple[str, ...]


def tell_case(findings: Findings, engine: Engine, out: Path, lang: Lang, zone: str) -> Told:
    """Put it into words; `engine` has the tables of the stages, `out` the outputs."""
    texts = load_catalogue(lang, zone=zone)
    lists = _read_lists(out, engine)
    answer = build_answer(
        findings, lists.sources, texts, count_exposed(engine, pick_pointed(findings.attribution))
    )
    sources = build_sources(findings, engine, lists.sources, texts)
    limits = build_limits(findings, [], texts)
    return Told(
        case=choose_case(findings),
        tone=answer.tone,
        badge=answer.badge,
        headline=_plain(answer.headline),
        certainty=_plain_all(answer.certainty),
        figures=tuple(FigureTold(f.name, _plain(f.value), _plain(f.note)) for f in answer.figures),
        actions=_plain_all(list_actions(findings, lists, limits.n, texts)),
        why=tuple(sources["why"]),
        cards=tuple(map(_tell_source, sources["cards"])),
        sources=tuple(map(_tell_source, sources["rows"])),
        cleared=_plain_all(sources["cleared"]),
        n_cleared=sources["n_cleared"],
        settle=tuple(sources["settle"]),
        campaigns=tuple(CampaignTold(c.id, _tell_points(c.why, texts)) for c in findings.campaigns),
        not_examined=tuple(limits.not_examined),
        coverage=tuple(limits.coverage),
    )


def write_told(findings: Findings, engine: Engine, out: Path, folder: Path, zone: str) -> None:
    """Write `told.LANG.json` into `folder` for each language."""
    for lang in LANGS:
        told = tell_case(findings, engine, out, lang, zone)
        (folder / f"told.{lang}.json").write_bytes(msgspec.json.encode(told))


def read_told(folder: Path, lang: Lang) -> Told:
    """What `write_told` wrote."""
    return msgspec.json.decode((folder / f"told.{lang}.json").read_bytes(), type=Told)


def _read_lists(out: Path, engine: Engine) -> Lists:
    block, challenge = (
        (out / name).read_text("utf-8").split() for name in ("blocklist.txt", "challenge.txt")
    )
    texts = {"infer_schema": False}
    resets = pl.read_csv(out / "reset.csv", **texts)  # type: ignore[arg-type]
    warnings = pl.read_csv(out / "warn.csv", **texts)  # type: ignore[arg-type]
    return Lists(
        accounts=pl.DataFrame(schema=ACCOUNTS_SCHEMA),
        resets=resets,
        warnings=warnings.with_columns(pl.col("priority").cast(pl.Int64)),
        sources=list_sources(engine),
        addresses=AddressLists(block, challenge, pl.DataFrame(schema=COSTS_SCHEMA)),
    )


def _tell_source(row: dict[str, Any]) -> SourceTold:
    return SourceTold(
        row["source"],
        _plain(row["name"]),
        row["posterior"],
        row["verdict"],
        row["exposed"],
        row["victims"],
        row["weight"],
        row["factor"],
        _plain(row["window"]),
        tuple(row["for"]),
        tuple(row["against"]),
    )


def _tell_points(sentences: list[str], texts: Catalogue) -> tuple[str, ...]:
    return tuple(tell_point(sentence, texts) for sentence in sentences)


def _plain(text: Markup | None) -> str:
    return text.striptags() if text is not None else ""


def _plain_all(texts: list[Markup]) -> tuple[str, ...]:
    return tuple(map(_plain, texts))
