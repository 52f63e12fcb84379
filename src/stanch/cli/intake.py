"""`stanch complaints import`: files and mailboxes -> one table of complaints."""

from __future__ import annotations

import fcntl
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter

from stanch.cli.messages import say
from stanch.cli.progress import show_progress
from stanch.errors import UsageError
from stanch.evidence.rejects import RejectLog
from stanch.evidence.tables import COMPLAINTS
from stanch.evidence.times import check_zone
from stanch.intake import Brought, SourceSettings, import_files, load_sources, save_sources
from stanch.intake.store import Store
from stanch.readers.encodings import check_encoding


def run_import(
    *files: Annotated[str, Parameter(help="Tables (CSV, JSON Lines, Excel, Parquet) and mails (mbox, eml).")],
    out: Annotated[Path, Parameter(help="The table of complaints, added to.", metavar="FILE.jsonl")],
    source: Annotated[str, Parameter(help="Where these come from, such as hotline.", metavar="NAME")],
    map: Annotated[
        tuple[str, ...],
        Parameter(
            help="Which of their columns is ours, or none (COLUMN=); remembered; may be repeated.",
            metavar="COLUMN=THEIRS",
            negative=(),
            show_default=False,
        ),
    ] = (),
    zone: Annotated[str | None, Parameter(help="Zone of times without an offset.", metavar="TZ")] = None,
    encoding: Annotated[str | None, Parameter(help="Encoding of tables.", metavar="NAME")] = None,
    currency: Annotated[
        str | None, Parameter(help="Currency of losses without a sign of one.", metavar="CODE")
    ] = None,
    order_pattern: Annotated[
        str | None, Parameter(help="What an order number in a mail looks like.", metavar="REGEX")
    ] = None,
    sources: Annotated[
        Path | None,
        Parameter(help="Where all this is remembered; by default beside the table.", metavar="FILE.json"),
    ] = None,
    quiet: Annotated[
        bool, Parameter(help="No progress, no closing lines.", negative=(), show_default=False)
    ] = False,
) -> int:
    """Add complaints to a table, each once, however often its file is imported.

    Columns are guessed from their headers in English and Chinese, shown, and remembered for the source,
    as is every option given once:

        stanch complaints import calls.xlsx --source hotline --zone Asia/Shanghai --out complaints.jsonl
        stanch complaints import inbox.mbox --source mail --out complaints.jsonl
    """
    if not files:
        raise UsageError("no file given", hint="name tables, mailboxes or mails")
    if not re.fullmatch(r"[\w.-]{1,40}", source):
        raise UsageError(f"--source {source}: not a short name", hint="such as hotline, shop-mail, app")
    memory = sources or out.with_name(f"{out.stem}.sources.json")
    known = load_sources(memory)
    given = {"zone": zone, "encoding": encoding, "currency": currency, "order_pattern": order_pattern}
    settings = msgspec.structs.replace(
        known.get(source, SourceSettings(source)),
        **{name: value for name, value in given.items() if value is not None},
    )
    settings = msgspec.structs.replace(settings, columns=settings.columns | _parse_map(map))
    _check(settings)
    refused = out.with_name(f"{out.stem}.rejects.jsonl")
    with _hold(refused):
        store = Store(out)
        with RejectLog(refused) as rejects, show_progress(quiet=quiet) as progress:
            brought, found = import_files(files, settings, store, rejects, progress)
        store.save()
        save_sources(memory, load_sources(memory) | {source: found})
    if not quiet:
        _say_result(brought, store, out)
    return 0


@contextmanager
def _hold(path: Path) -> Iterator[None]:
    """Keep other imports out of the same table while this one reads and replaces it.

    Raises:
        UsageError: another one is at it, or nothing can be written there.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        file = path.open("ab")
    except OSError as error:
        raise UsageError(f"cannot be written: {error.strerror}", file=str(path)) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UsageError("another import is writing there", file=str(path), hint="wait for it") from error
        yield


def _parse_map(pairs: tuple[str, ...]) -> dict[str, str]:
    columns: dict[str, str] = {}
    for pair in pairs:
        column, equals, theirs = pair.partition("=")
        column = column.removeprefix("complaints.")
        if not equals or column not in COMPLAINTS.column_names:
            raise UsageError(
                f"--map {pair}: not of the form COLUMN=THEIR_COLUMN",
                hint=f"known: {' '.join(COMPLAINTS.column_names)}",
            )
        columns[column] = theirs
    return columns


def _check(settings: SourceSettings) -> None:
    check_zone(settings.zone)
    if settings.encoding:
        check_encoding(settings.encoding)
    try:
        re.compile(settings.order_pattern)
    except re.error as error:
        raise UsageError(f"--order-pattern is no regular expression: {error}") from error


def _say_result(brought: Brought, store: Store, out: Path) -> None:
    for file, guess in brought.guesses.items():
        told = ", ".join(f"{column} ← {theirs}" for column, theirs in guess.columns.items())
        left = f"; not read: {', '.join(guess.left[:12])}" if guess.left else ""
        say(f"{file}: {told or 'no column was recognised'}{left} (--map COLUMN=THEIRS corrects it)")
    counts = {"new": store.n_new, "changed": store.n_changed, "there already": store.n_same}
    told = ", ".join(f"{n:,} {name}" for name, n in counts.items())
    say(f"{brought.n_rows:,} complaints read: {told}; {len(store.rows):,} in {out}")
    if brought.n_attachments:
        say(f"{brought.n_attachments:,} attachments were refused and are listed among the rejects")
    if brought.n_forwarded:
        say(f"{brought.n_forwarded:,} mails were forwarded without a word; what they forward was read")
    if brought.n_rejects:
        say(f"{brought.n_rejects:,} rejected: {out.with_name(f'{out.stem}.rejects.jsonl')}")
