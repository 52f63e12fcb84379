"""Complaints that came in are read once, beside the requests: a page that lists them reads no text.

A few are read at once by whoever asks first. More are read by a process of its own at low priority, so that
logins are judged meanwhile as ever; so are the scam scripts, which need all texts.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from multiprocessing import get_context
from typing import Any, Final
from weakref import WeakKeyDictionary

import msgspec

from stanch.cases.complaint_reports import (
    Unread,
    add_reports,
    count_reports,
    find_unread,
    iterate_told,
    read_segment,
    store_scripts,
)
from stanch.cases.database import Connection, Database
from stanch.complaints.digest import digest_rows, read_gist, restore
from stanch.complaints.scripts import follow_scripts
from stanch.complaints.summary import describe_scripts
from stanch.console.pages import Visit
from stanch.errors import StanchError
from stanch.service.state import Service

_LOG: Final = logging.getLogger(__name__)
#: Complaints that whoever asks waits for (a tenth of a second), and complaints whose scripts they wait for.
_AT_ONCE: Final = 50
_SCRIPTS_AT_ONCE: Final = 300
#: Complaints read at a time; each time is one short transaction.
_CHUNK: Final = 200
#: Scripts are followed anew at most so often, and for no more than so small a part of the time.
_LEAST_WAIT_S: Final = 30.0
_PART: Final = 20
#: What hashes orders, accounts and phones; the same for incidents' evidence, so that they join.
_PURPOSE: Final = "people of incidents"

#: Complaints as `iterate_told` gives them.
Told = tuple[int, str, str, str, str]
Run = Callable[..., Any]


@dataclass(slots=True)
class _State:
    """How far the reading of one database is."""

    #: Held while complaints are read, and while scripts are followed.
    reading: threading.Lock = field(default_factory=threading.Lock)
    following: threading.Lock = field(default_factory=threading.Lock)
    #: What the scripts were made of, when that was done (monotonic seconds), and how long it took.
    scripts_of: tuple[int, ...] = ()
    done_s: float = -1e9
    took_s: float = 0.0


_STATES: Final[WeakKeyDictionary[Database, _State]] = WeakKeyDictionary()


def find_key(service: Service) -> bytes:
    """The key under which orders, accounts and phones are hashed."""
    return service.secrets.derive(_PURPOSE)


@contextmanager
def caught_up(visit: Visit) -> Iterator[tuple[Visit, int]]:
    """See that what came in is read: the visit as it sees that, and how many are still being read."""
    database = visit.service.database
    with database.read() as connection:
        n = _catch_up(visit.service, connection)
    # The visit's own connection may see the database as it was before.
    with database.read() as connection:
        yield replace(visit, connection=connection), n


def _catch_up(service: Service, connection: Connection) -> int:
    state = _STATES.setdefault(service.database, _State())
    unread = find_unread(connection)
    n = sum(one.n for one in unread)
    if n and state.reading.acquire(blocking=False):
        start(n <= _AT_ONCE, state.reading, lambda run: _read(service, unread, run))
        n = n if n > _AT_ONCE else 0
    n_told = count_reports(connection)[0]
    is_few = n_told <= _SCRIPTS_AT_ONCE
    wait_s = max(0.0 if is_few else _LEAST_WAIT_S, _PART * state.took_s)
    if not n and time.monotonic() - state.done_s > wait_s and state.following.acquire(blocking=False):
        start(is_few, state.following, lambda run: _follow(service, state, run))
    return n


def start(is_small: bool, lock: threading.Lock, work: Callable[[Run], None]) -> None:
    """Do small work here, other work beside and in a process of its own; `lock` is held until then."""

    def go() -> None:
        try:
            if is_small:
                work(lambda call, *given: call(*given))
                return
            with ProcessPoolExecutor(1, get_context("spawn"), os.nice, (10,)) as pool:
                work(lambda call, *given: pool.submit(call, *given).result())
        except (StanchError, BrokenProcessPool):
            _LOG.exception("complaints could not be read; the next visit tries again")
        finally:
            lock.release()

    if is_small:
        go()
    else:
        threading.Thread(target=go, daemon=True).start()


def _read(service: Service, unread: Sequence[Unread], run: Run) -> None:
    key = find_key(service)
    for segment in unread:
        first = segment.first
        with service.database.read() as connection:
            rows = read_segment(connection, segment)
        for at in range(0, len(rows), _CHUNK):
            digests = run(digest_rows, rows[at : at + _CHUNK], service.settings.zone, key)
            part = msgspec.structs.replace(segment, first=first + at, again=segment.again and at == 0)
            service.database.write(partial(add_reports, unread=part, digests=digests))


def _follow(service: Service, state: _State, run: Run) -> None:
    began_s = time.monotonic()
    with service.database.read() as connection:
        counts = count_reports(connection)
        if counts == state.scripts_of:
            return
        told = list(iterate_told(connection))
    contents, labels = run(follow, told)
    service.database.write(lambda c: store_scripts(c, contents, labels))
    state.scripts_of, state.done_s = counts, time.monotonic()
    state.took_s = state.done_s - began_s


def follow(told: Sequence[Told]) -> tuple[dict[int, str], dict[int, int]]:
    """Scripts as they were noticed: number -> description as JSON, and id of a complaint -> number."""
    if not told:
        return {}, {}
    parts = [restore(kind, read_gist(gist), text) for _, _, kind, gist, text in told]
    days = [date.fromisoformat(day) for _, day, *_ in told]
    followed = follow_scripts(parts, days)
    scripts = describe_scripts(
        followed.labels, [part.reading for part in parts], days, [text for *_, text in told]
    )
    labels = followed.labels.tolist()
    numbers = {one[0]: label + 1 for one, label in zip(told, labels, strict=True) if label >= 0}
    return {int(script.id[1:]): msgspec.json.encode(script).decode() for script in scripts}, numbers
