"""What the texts of complaints tell: the part of the page, and the file that marks what was read."""

from __future__ import annotations

from typing import Any, Final

import polars as pl

from stanch.engine import Engine
from stanch.findings import Heard, HeardScript
from stanch.reporting.catalogue import Catalogue
from stanch.reporting.cells import show_text

FILE: Final = "heard.csv"
_MAX_SCRIPTS: Final = 8
_MAX_WORDS: Final = 8
_HEARD: Final = 'SELECT complaint, "column", value, confidence FROM heard ORDER BY file_id, line, "column"'


def list_heard(engine: Engine) -> pl.DataFrame | None:
    """One row per value that was read instead of given, None where nothing was read."""
    return engine.fetch(_HEARD) if engine.has("heard") else None


def build_heard(heard: Heard | None, texts: Catalogue) -> dict[str, Any] | None:
    """Scripts, what callers said and asked for, and how much of the columns was read; None where none was."""
    if heard is None:
        return None
    n = heard.texts
    lists = {
        "kinds": _list_shares(heard.kinds, "scam", n, texts),
        "pretexts": _list_shares(heard.pretexts, "pretext", n, texts),
        "asked": _list_shares(heard.asked, "asked", n, texts),
    }
    return {
        "n": n,
        "scripts": [_describe(script, texts) for script in heard.scripts[:_MAX_SCRIPTS]],
        "n_more": max(0, len(heard.scripts) - _MAX_SCRIPTS),
        "lists": [(name, rows) for name, rows in lists.items() if rows],
        "read": [
            (
                texts.text(f"column.{name}"),
                column.rows,
                texts.share(column.confidence),
                texts.share(column.least),
            )
            for name, column in heard.read.items()
        ],
        "n_losses": heard.read["loss"].rows if "loss" in heard.read else 0,
        "file": FILE,
    }


def _list_shares(
    counts: dict[str, int], group: str, n: int, texts: Catalogue
) -> list[tuple[str, int, float]]:
    """What, in how many reports, and its bar."""
    return [
        (texts.text(f"{group}.{word}"), count, round(100 * count / n, 1))
        for word, count in list(counts.items())[:_MAX_WORDS]
    ]


def _describe(script: HeardScript, texts: Catalogue) -> dict[str, Any]:
    known = [texts.text(f"field.{field}") for field in script.known_fields]
    return {
        "id": show_text(script.id),
        "name": show_text(script.name[texts.lang], 200),
        "n": script.count,
        "first": script.first,
        "last": script.last,
        "noticed": script.noticed,
        "known": texts.text("page.comma").join(known) or "–",
    }
