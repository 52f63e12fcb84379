"""The register of claims: a file of changes, one JSON line each, that is only ever added to.

What a claim is now follows from its changes, so the register and its history cannot disagree. Each change
says who made it, when and why.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct

from stanch.errors import EvidenceError, UsageError

State = Literal["claimed", "verified", "rejected", "duplicate", "paid"]
STATES: Final[tuple[State, ...]] = ("claimed", "verified", "rejected", "duplicate", "paid")
Amounts = Mapping[str, Decimal]


class Change(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One line of the file."""

    at: str
    by: str
    why: str
    claim: str
    #: The state after the change.
    state: State
    #: By currency: what is claimed, what of it is verified, or all that was paid so far, after the state.
    amounts: dict[str, Decimal] = msgspec.field(default_factory=dict)
    #: Of a duplicate, the claim that it repeats.
    of: str = ""
    region: str = ""
    received: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """One claim as it stands."""

    claim: str
    state: State = "claimed"
    claimed: Amounts = field(default_factory=dict)
    verified: Amounts = field(default_factory=dict)
    paid: Amounts = field(default_factory=dict)
    of: str = ""
    region: str = ""
    received: str = ""


class Register:
    """All claims, with their changes in order. Make one with `open_register`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.claims: dict[str, Claim] = {}
        self.changes: list[Change] = []

    def apply(self, change: Change) -> Claim:
        """Check a change and make it, in memory; `save` writes it.

        Raises:
            UsageError: who or why is missing, or the change contradicts the claim as it stands.
        """
        if not change.by.strip() or not change.why.strip():
            raise UsageError("a change needs who made it and why", hint="--by and --why")
        for currency, amount in change.amounts.items():
            _check_amount(currency, amount)
        claim = self._find(change)
        after = _CHANGES[change.state](self, claim, change)
        self.claims[change.claim] = after
        self.changes.append(change)
        return after

    def list_history(self, claim: str) -> list[Change]:
        """The changes of one claim, the first first."""
        return [change for change in self.changes if change.claim == claim]

    def _find(self, change: Change) -> Claim:
        known = self.claims.get(change.claim)
        if known is not None:
            return known
        if change.state != "claimed":
            raise UsageError(f"there is no claim {change.claim}", hint="import complaints first")
        return Claim(change.claim)


def _claim(_: Register, claim: Claim, change: Change) -> Claim:
    """A new claim, one whose amount is corrected, or one that is opened again."""
    if claim.paid:
        raise UsageError(f"claim {claim.claim} was paid already: it cannot be opened again")
    return replace(
        claim,
        state="claimed",
        claimed=change.amounts or claim.claimed,
        verified={},
        of="",
        region=change.region or claim.region,
        received=change.received or claim.received,
    )


def _verify(_: Register, claim: Claim, change: Change) -> Claim:
    amounts = change.amounts or claim.claimed
    _check_within(claim.claim, amounts, claim.claimed, "claimed")
    _check_within(claim.claim, claim.paid, amounts, "verified")
    return replace(claim, state="paid" if claim.paid else "verified", verified=amounts, of="")


def _reject(_: Register, claim: Claim, change: Change) -> Claim:
    if claim.paid:
        raise UsageError(f"claim {claim.claim} was paid already: it cannot be rejected")
    return replace(claim, state="rejected", verified={}, of="")


def _repeat(register: Register, claim: Claim, change: Change) -> Claim:
    target = register.claims.get(change.of)
    if target is None or change.of == claim.claim or target.state == "duplicate":
        raise UsageError(f"claim {claim.claim} cannot repeat {change.of or 'nothing'}", hint="--of CLAIM")
    if claim.paid:
        raise UsageError(f"claim {claim.claim} was paid already: it cannot be a duplicate")
    if any(other.of == claim.claim for other in register.claims.values()):
        raise UsageError(
            f"claim {claim.claim} has duplicates of its own", hint="turn them to the other first"
        )
    return replace(claim, state="duplicate", verified={}, of=change.of)


def _pay(_: Register, claim: Claim, change: Change) -> Claim:
    if claim.state not in ("verified", "paid"):
        raise UsageError(f"claim {claim.claim} is {claim.state}: only what is verified is paid")
    amounts = change.amounts or claim.verified
    _check_within(claim.claim, amounts, claim.verified, "verified")
    return replace(claim, state="paid", paid=amounts)


_CHANGES: Final = {
    "claimed": _claim,
    "verified": _verify,
    "rejected": _reject,
    "duplicate": _repeat,
    "paid": _pay,
}


def _check_amount(currency: str, amount: Decimal) -> None:
    if not (currency.isascii() and currency.isalpha() and currency.isupper() and len(currency) == 3):
        raise UsageError(f"{currency}: not a currency", hint="ISO 4217, such as CNY; XXX if unknown")
    if not amount.is_finite() or amount < 0 or amount >= Decimal(10) ** 15:
        raise UsageError(f"{amount}: not an amount of money")
    if amount != amount.quantize(Decimal("0.01")):
        raise UsageError(f"{amount}: finer than a hundredth")


def _check_within(claim: str, amounts: Amounts, most: Amounts, what: str) -> None:
    for currency, amount in amounts.items():
        if amount > most.get(currency, Decimal(0)):
            raise UsageError(f"claim {claim}: {amount} {currency} is more than is {what}")


@contextmanager
def open_register(path: Path, *, write: bool = False) -> Iterator[Register]:
    """The register in `path`; with `write`, changes made within are saved at the end, all or none.

    Others who write wait until then.

    Raises:
        EvidenceError: the file is no register, or a line of it contradicts those before.
    """
    if not write and not path.exists():
        raise UsageError(f"{path}: there is no such register", hint="claims import makes one")
    with path.open("a+b" if write else "rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX if write else fcntl.LOCK_SH)
        file.seek(0)
        register = _replay(path, file.read())
        n_old = len(register.changes)
        yield register
        new = register.changes[n_old:]
        if write and new:
            file.write(b"".join(msgspec.json.encode(change) + b"\n" for change in new))
            file.flush()
            os.fsync(file.fileno())


def _replay(path: Path, raw: bytes) -> Register:
    register = Register(path)
    for number, line in enumerate(raw.splitlines(), start=1):
        try:
            register.apply(msgspec.json.decode(line, type=Change))
        except (msgspec.DecodeError, UsageError) as error:
            raise EvidenceError(f"not a change of claims: {error}", file=str(path), line=number) from error
    return register


@dataclass(frozen=True, slots=True)
class Author:
    """Who changes the register, why, and when."""

    by: str
    why: str
    at: datetime

    def write(self, claim: str, state: State, **more: Any) -> Change:
        """A change of one claim."""
        at = self.at.isoformat(timespec="seconds")
        return Change(at=at, by=self.by, why=self.why, claim=claim, state=state, **more)
