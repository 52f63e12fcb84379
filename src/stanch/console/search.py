"""One search over everything that a person may see: incidents, notes, tasks, complaints, decisions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from stanch.cases.searching import KINDS, Hit, Kind, search
from stanch.console.complaint_reading import caught_up
from stanch.console.pages import EVERYBODY, PAGE_SIZE, WORKERS, Page, Paged, Slice, Visit

#: Words that are looked for at most, and what those who only read about incidents do not find.
_MOST_WORDS: Final = 8
_WORKERS_ONLY: Final[frozenset[Kind]] = frozenset({"complaint", "decision"})
#: Signs of a text before the first word found in it, and in all.
_BEFORE: Final = 80
_SHOWN: Final = 300


class SearchQuery(Paged, frozen=True, kw_only=True):
    """What to look for."""

    text: Annotated[str, Meta(description="Words that all have to be there.", max_length=200)] = ""
    kind: Annotated[Kind | Literal[""], Meta(description="In what.")] = ""


class Found(Struct, frozen=True):
    """One text that fits. `path` leads to it."""

    kind: Kind
    path: str
    incident: int
    at_us: int
    text: str


class SearchPage(Struct, frozen=True):
    """What was found, the newest first."""

    found: Slice[Found]
    #: How much in what.
    counts: Mapping[Kind, int]
    words: Sequence[str]


def load_search(visit: Visit, query: SearchQuery) -> SearchPage:
    """Everything in which all words stand, of what the person may see."""
    words = query.text.split()[:_MOST_WORDS]
    kinds = [kind for kind in KINDS if visit.may(WORKERS) or kind not in _WORKERS_ONLY]
    with caught_up(visit) as (now, _):
        hits, counts = search(now.connection, words, kinds, query.offset, PAGE_SIZE)
        if query.kind:
            chosen = [query.kind] if query.kind in kinds else []
            hits, _ = search(now.connection, words, chosen, query.offset, PAGE_SIZE)
    n = sum(counts.values()) if not query.kind else counts.get(query.kind, 0)
    rows = [Found(hit.kind, _find_path(hit), hit.incident, hit.at_us, _cut(hit.text, words)) for hit in hits]
    return SearchPage(Slice(rows, n, query.page), counts, words)


def _find_path(hit: Hit) -> str:
    if hit.kind == "complaint":
        return f"/console/complaints/{hit.id}"
    if hit.kind == "decision":
        return "/console/decisions"
    part = {"note": f"#note-{hit.id}", "task": "#tasks", "pin": "#pins", "history": "#history"}
    return f"/console/incidents/{hit.incident}{part.get(hit.kind, '')}"


def _cut(text: str, words: Sequence[str]) -> str:
    """The part of `text` around the first of `words` in it."""
    folded = text.lower()
    at = min((place for word in words if (place := folded.find(word.lower())) >= 0), default=0)
    start = max(0, at - _BEFORE)
    end = start + _SHOWN
    return ("…" if start else "") + text[start:end] + ("…" if end < len(text) else "")


SEARCH: Final = Page(
    "/search", "search", EVERYBODY, SearchQuery, SearchPage, load_search, "",
    # What people wrote may name somebody, and so may what they look for.
    look=lambda visit, answer: visit.name_reference("search", " ".join(answer.words)),
)  # fmt: skip
PAGES: Final = (SEARCH,)
