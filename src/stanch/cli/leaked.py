"""`stanch leaked`: lists of leaked credentials, compiled so that they can be asked and not read."""

from __future__ import annotations

import io
import os
import secrets
import sys
import time
from itertools import islice
from pathlib import Path
from typing import Annotated, Final, Literal, TypeAlias

from cyclopts import App, Parameter

from stanch.cli.messages import say
from stanch.errors import EvidenceError, UsageError
from stanch.guard.leaked import LeakedFilter
from stanch.guard.leaked.filter import write_filter
from stanch.guard.leaked.lists import Kind, read_keys, tell_kind
from stanch.guard.leaked.spool import Spool

app = App(name="leaked", help="Compile lists of leaked credentials, and ask them.")

KeyFile: TypeAlias = Annotated[
    Path, Parameter(name="--key", help="Key that the shop has, too; made if missing.", metavar="FILE")
]
_FORMATS: Final[dict[str, Kind]] = {
    "hashes": "hashes",
    "account:hash": "pairs of hashes",
    "account:password": "pairs of passwords",
}


@app.command(name="build")
def run_build(
    *files: Annotated[
        Path, Parameter(help="Lists: hashes as Have I Been Pwned has them, or pairs.", metavar="FILE…")
    ],
    out: Annotated[Path, Parameter(help="The compiled list.", metavar="FILE")],
    key: KeyFile = Path("leaked.key"),
    format: Annotated[
        Literal["auto", "hashes", "account:hash", "account:password"],
        Parameter(help="What a line is; told from each file's first lines unless said."),
    ] = "auto",
) -> int:
    """Compile lists into a file that the guard asks by keyed hashes.

    Neither passwords nor accounts nor their hashes can be got out of it. The shop needs the key to ask.

        stanch leaked build pwnedpasswords.txt --out leaked.filter
    """
    if not files:
        raise UsageError("no list is given", hint="stanch leaked build FILE… --out leaked.filter")
    started = time.monotonic()
    secret = load_key(key, make=True)
    with Spool(out.parent) as spool:
        n_read = sum(_read(path, format, secret, spool) for path in files)
        if not n_read:
            raise EvidenceError("no line of it is of a list of leaked credentials", file=str(files[0]))
        n_shards, shards = spool.finish()
        n_keys = write_filter(out, shards, n_shards)
    size = out.stat().st_size
    say(
        f"{n_keys:,} credentials in {out}: {size / 1e6:,.1f} MB, {8 * size / max(n_keys, 1):.1f} bits each,"
        f" in {time.monotonic() - started:.0f} s; wrongly on the list: 1 in 65,536"
    )
    say("Erase the lists themselves now, unless you need them: they are the danger.")
    return 0


@app.command(name="check")
def run_check(
    compiled: Annotated[Path, Parameter(help="The compiled list.", metavar="FILE")],
    *hashes: Annotated[
        str,
        Parameter(help="SHA-1 or NTLM hashes, or ACCOUNT:HASH; - reads them, one a line.", metavar="HASH…"),
    ],
    key: KeyFile = Path("leaked.key"),
) -> int:
    """Say for each hash whether the list holds it. Passwords themselves are not taken.

    stanch leaked check leaked.filter 21BD12DC183F740EE76F27B78EB39C8AD972A757
    """
    secret = load_key(key, make=False)
    known = LeakedFilter.open(compiled)
    given = [line.strip() for line in sys.stdin] if hashes in (("-",), ("/dev/stdin",)) else hashes
    for text in given:
        print("leaked" if known.holds([_hash(text, secret)]) else "not on the list")  # noqa: T201
    return 0


def load_key(path: Path, *, make: bool) -> bytes:
    """The key in `path`, in hexadecimal; made and kept to its owner if there is none and `make` says so.

    Raises:
        UsageError: there is none, or it is no key.
    """
    if make and not path.exists():
        descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(32) + "\n")
        say(f"made the key {path}: the shop needs a copy of it, nobody else")
    try:
        key = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", file=str(path), hint="--key") from error
    except ValueError as error:
        raise UsageError("is no key in hexadecimal", file=str(path), hint="--key") from error
    if len(key) < 16:
        raise UsageError("is too short for a key", file=str(path), hint="--key")
    return key


def _read(path: Path, format: str, key: bytes, spool: Spool) -> int:
    try:
        with path.open("rb") as file:
            kind = _FORMATS.get(format) or tell_kind(islice(file, 1_000))
            file.seek(0)
            n_read, n_refused = read_keys(file, kind, key, spool.add)
    except OSError as error:
        raise EvidenceError(f"cannot be read: {error.strerror}", file=str(path)) from error
    refused = f"; {n_refused:,} lines are none of that and were left out" if n_refused else ""
    say(f"{path}: {kind}, {n_read:,} lines{refused}")
    return n_read


def _hash(text: str, key: bytes) -> int:
    """The key of one hash or pair, read as a line of a list is."""
    found: list[int] = []
    kind: Kind = "pairs of hashes" if ":" in text else "hashes"
    read_keys(io.BytesIO(text.encode()), kind, key, found.append)
    if len(found) != 1:
        raise UsageError("this is neither a SHA-1 nor an NTLM hash, nor ACCOUNT:HASH")
    return found[0]
