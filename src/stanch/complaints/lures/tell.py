"""A verdict in words, and as the JSON line of `stanch lures check`."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from stanch.complaints.lures.judge import Verdict
from stanch.complaints.wording import Lang, load_wording

PACKAGE: Final = "stanch.complaints.lures"


def tell_reasons(verdict: Verdict, lang: Lang) -> list[str]:
    """One plain sentence for each reason; what is shown of the link has its dots made harmless."""
    texts = load_wording(PACKAGE, lang)
    return [
        texts[f"reason.{reason.code}"].format(shown=reason.shown.replace(".", "[.]"))
        for reason in verdict.reasons
    ]


def encode_verdict(verdict: Verdict, lang: Lang) -> bytes:
    """One JSON object on one line: `url`, `lookalike`, `score`, `reasons` (codes), `why` (sentences)."""
    row: dict[str, Any] = {
        "url": verdict.url,
        "lookalike": verdict.lookalike,
        "score": verdict.score,
        "reasons": list(dict.fromkeys(reason.code for reason in verdict.reasons)),
        "why": tell_reasons(verdict, lang),
    }
    return msgspec.json.encode(row) + b"\n"
