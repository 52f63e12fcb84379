"""The finished investigation as documents in which every figure has an address.

| pointer | what stands there |
|---|---|
| `findings.json#/complaints/count` | JSON Pointer (RFC 6901) |
| `shop.toml#/phone` | the same in the shop's facts |
| `warn.csv#rows` | number of rows |
| `warn.csv#rows?priority=1` | number of rows whose column has that value |
| `sources.csv#/staff:agent07/exposed` | cell: first column, then name of the column |
| `read.jsonl#/pretexts/refund` | number of complaints whose field is, or holds, that word |
| `warn.csv#sha256` | SHA-256 of the file |
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec
import polars as pl

from stanch.errors import UsageError
from stanch.findings import Findings
from stanch.notices.shop import Shop, load_shop
from stanch.reporting.cells import show_text

_TABLES: Final = ("warn.csv", "reset.csv", "accounts.csv", "sources.csv")
#: Files that the police annex lists beside the inputs.
OUTPUTS: Final = ("findings.json", "report.html", *_TABLES, "blocklist.txt", "challenge.txt")
SHOP: Final = "shop.toml"
READ: Final = "read.jsonl"
_LISTED: Final = ("kind", "claimed_identity", "pretexts", "asked", "known_fields")


class _Read(msgspec.Struct):
    """What of one object of `read.jsonl` is counted here."""

    kind: str | None = None
    claimed_identity: str | None = None
    pretexts: list[str] | None = None
    asked: list[str] | None = None
    known_fields: list[str] | None = None


@dataclass(frozen=True, slots=True)
class Documents:
    """Everything that a draft may quote."""

    path: Path
    findings: Findings
    shop: Shop
    tables: dict[str, pl.DataFrame]
    #: Field of the complaints read -> word -> complaints; empty without `--read`.
    story: dict[str, Counter[str]] = field(default_factory=dict)
    n_read: int = 0
    _trees: dict[str, Any] = field(default_factory=dict)

    def resolve(self, pointer: str) -> Any:
        """The value at `pointer`.

        Raises:
            KeyError: nothing stands there.
        """
        name, hash_sign, place = pointer.partition("#")
        if not hash_sign:
            raise KeyError(pointer)
        if place == "sha256":
            return hashlib.sha256((self.path / name).read_bytes()).hexdigest()
        if name in self.tables:
            return self._resolve_row(name, place)
        if name == READ:
            return self._resolve_story(place)
        try:
            return _walk(self._trees[name], place)
        except (LookupError, ValueError, TypeError) as error:
            raise KeyError(pointer) from error

    def has(self, pointer: str) -> bool:
        """Whether anything stands at `pointer`."""
        try:
            self.resolve(pointer)
        except KeyError:
            return False
        return True

    def count(self, pointer: str) -> int:
        """The number at `pointer`."""
        return int(self.resolve(pointer))

    def _resolve_row(self, name: str, place: str) -> Any:
        table = self.tables[name]
        if place == "rows":
            return table.height
        if place.startswith("rows?"):
            column, _, value = place.removeprefix("rows?").partition("=")
            return table.filter(pl.col(column) == value).height
        _, key, column = place.split("/", 2)
        found = table.filter(pl.col(table.columns[0]) == _unescape(key))
        if found.is_empty():
            raise KeyError(f"{name}#{place}")
        return found[column][0]

    def _resolve_story(self, place: str) -> int:
        if place == "rows":
            return self.n_read
        _, name, word = place.split("/", 2)
        return self.story.get(name, Counter())[_unescape(word)]


def open_documents(path: Path, shop: Path | None, read: Path | None) -> Documents:
    """Open the `--out` of an investigation, the shop's facts and what complaints were read to say.

    Raises:
        UsageError: no finished investigation lies there, or one of its files cannot be read.
        SettingsError: the facts cannot be used.
    """
    shown = show_text(str(path), 200)
    try:
        missing = [name for name in ("findings.json", *_TABLES) if not (path / name).is_file()]
        if missing:
            raise UsageError(
                f"holds no {missing[0]}", file=shown, hint="name the --out of stanch investigate"
            )
        raw = (path / "findings.json").read_bytes()
        findings = msgspec.json.decode(raw, type=Findings)
        tables = {name: pl.read_csv(path / name, infer_schema=False) for name in _TABLES}
    except (OSError, msgspec.MsgspecError, pl.exceptions.PolarsError) as error:
        raise UsageError(
            "the investigation cannot be read", file=shown, hint="run stanch investigate again"
        ) from error
    facts = load_shop(shop)
    story, n_read = _count_story(read)
    trees = {"findings.json": msgspec.json.decode(raw), SHOP: msgspec.json.decode(msgspec.json.encode(facts))}
    return Documents(path, findings, facts, tables, story, n_read, trees)


def escape(token: str) -> str:
    """`token` as a part of a pointer (RFC 6901, 3)."""
    return token.replace("~", "~0").replace("/", "~1")


def _count_story(path: Path | None) -> tuple[dict[str, Counter[str]], int]:
    counts: dict[str, Counter[str]] = {name: Counter() for name in _LISTED}
    if path is None:
        return counts, 0
    try:
        lines = [line for line in path.read_bytes().split(b"\n") if line.strip()]
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", file=str(path)) from error
    for number, line in enumerate(lines, start=1):
        try:
            row = msgspec.json.decode(line, type=_Read)
        except msgspec.MsgspecError as error:
            raise UsageError(f"is no line of read.jsonl: {error}", file=str(path), line=number) from error
        for name in _LISTED:
            found = getattr(row, name)
            counts[name].update({found} if isinstance(found, str) else set(found or ()))
    return counts, len(lines)


def _walk(tree: Any, place: str) -> Any:
    for token in place.split("/")[1:]:
        tree = tree[int(token)] if isinstance(tree, list) else tree[_unescape(token)]
    return tree


def _unescape(token: str) -> str:
    return token.replace("~1", "/").replace("~0", "~")
