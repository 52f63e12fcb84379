"""Which attempts are asked about: those of a campaign, an account, an address, or one line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import polars as pl

from stanch.errors import UsageError
from stanch.evidence.addresses import canonical_address
from stanch.explain.folder import Folder
from stanch.reporting.cells import show_text

SelectionKind = Literal["campaign", "account", "ip", "line"]


@dataclass(frozen=True, slots=True)
class Selection:
    """Some attempts of a folder, at least one, and what they have in common."""

    kind: SelectionKind
    name: str
    attempts: pl.LazyFrame


def select_attempts(folder: Folder, kind: SelectionKind, name: str) -> Selection:
    """The attempts of `folder` that `name` means.

    Raises:
        UsageError: there are none; says what to try instead.
    """
    return _SELECT[kind](folder, name)


def _select_campaign(folder: Folder, name: str) -> Selection:
    known = [campaign.id for campaign in folder.findings.campaigns]
    if name not in known:
        raise UsageError(
            f"there is no campaign {show_text(name)}",
            hint=f"known: {' '.join(known)}" if known else "no campaign was found in this run",
        )
    # A campaign may be most of a log, so it is not taken into memory as a whole.
    return Selection("campaign", name, folder.evidence.filter(pl.col("campaign") == name))


def _select_account(folder: Folder, name: str) -> Selection:
    found = folder.evidence.filter(pl.col("account") == name, pl.col("stranger").is_null()).collect()
    if found.is_empty():
        raise UsageError(
            "nobody tried an account of that name which the shop is known to have",
            hint="names that never got in and placed no order are kept masked: ask with --ip or --line;"
            " after --pseudonymise accounts are known by their hash",
        )
    return Selection("account", name, found.lazy())


def _select_address(folder: Folder, name: str) -> Selection:
    address = canonical_address(name.strip())
    if address is None:
        raise UsageError(f"--ip {show_text(name)}: not an IPv4 or IPv6 address", hint="give one address")
    found = folder.evidence.filter(pl.col("ip") == address).collect()
    if found.is_empty():
        raise UsageError(f"no attempt came from {address}", hint="the whole address is compared, not a part")
    return Selection("ip", address, found.lazy())


def _select_line(folder: Folder, name: str) -> Selection:
    file, colon, number = name.rpartition(":")
    if not colon or not number.isascii() or not number.isdigit() or len(number) > 18:
        raise UsageError(
            f"--line {show_text(name)}: not of the form FILE:N", hint="N is the data row, from 1, no header"
        )
    known = [given.path for given in folder.findings.inputs if given.table == "logins"]
    meant = [path for path in known if path == file or path.endswith(f"/{file}")]
    if len(set(meant)) != 1:
        told = "is not one of the files of logins" if not meant else "means more than one file"
        raise UsageError(
            f"--line: {show_text(file)} {told}", hint=f"known: {' '.join(show_text(path) for path in known)}"
        )
    found = folder.evidence.filter(pl.col("line") == int(number), pl.col("file") == meant[0]).collect()
    if found.is_empty():
        raise UsageError(
            f"no login attempt was read from line {int(number)}",
            file=show_text(meant[0], 200),
            hint="rows that could not be read are in rejects.jsonl",
        )
    return Selection("line", f"{meant[0]}:{int(number)}", found.lazy())


_SELECT: Final[dict[SelectionKind, Callable[[Folder, str], Selection]]] = {
    "campaign": _select_campaign,
    "account": _select_account,
    "ip": _select_address,
    "line": _select_line,
}
