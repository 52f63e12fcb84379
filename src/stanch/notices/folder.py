"""The finished investigation as documents in which every figure has an address.

| pointer | what stands there |
|---|---|
| `findings.json#/complaints/count` | JSON Pointer (RFC 6901) |
| `shop.toml#/phone` | the same in the shop's facts |
| `warn.csv#rows` | number of rows |
| `warn.csv#rows?priority=1` | number of rows whose column has that value |
| `sources.csv#/staff:agent07/exposed` | cell: first column, then name of the column |
| `warn.csv#sha256` | SHA-256 of the file |
"""

from __future__ import annotations

import hashlib
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


@dataclass(frozen=True, slots=True)
class Documents:
    """Everything that a draft may quote."""

    path: Path
    findings: Findings
    shop: Shop
    tables: dict[str, pl.DataFrame]
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


def open_documents(path: Path, shop: Path | None) -> Documents:
    """Open the `--out` of an investigation and the shop's facts.

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
    trees = {"findings.json": msgspec.json.decode(raw), SHOP: msgspec.json.decode(msgspec.json.encode(facts))}
    return Documents(path, findings, facts, tables, trees)


def escape(token: str) -> str:
    """`token` as a part of a pointer (RFC 6901, 3)."""
    return token.replace("~", "~0").replace("/", "~1")


def _walk(tree: Any, place: str) -> Any:
    for token in place.split("/")[1:]:
        tree = tree[int(token)] if isinstance(tree, list) else tree[_unescape(token)]
    return tree


def _unescape(token: str) -> str:
    return token.replace("~1", "/").replace("~0", "~")
