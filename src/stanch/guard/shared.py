"""Counters that several guards share, on a Valkey or Redis server.

The server holds the very tables that `memory.py` holds in a file, cut into pieces: a set of eight records, an
hour of minutes, a saved state. So what they take is bounded by construction, a flood of addresses never seen
before included, and counting is defined once: `Tally` runs here, on copies of the pieces that it needs.

What was changed is written if nobody has written since the copies were taken; else they are taken anew and
the counting is done again (optimistic concurrency control: Kung and Robinson, ACM TODS 6, 1981). So no race
loses a count. One thread does this for all who ask in this process, for all that has piled up at once: two
round trips serve them together.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import logging
import queue
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stanch.errors import StoreError
from stanch.guard.counters import CountersGoneError, Kind, Seen
from stanch.guard.keys import Keys
from stanch.guard.memory import HEAD_BYTES, Tally, list_common, place_hour, place_saved, plan_tables
from stanch.guard.tables import Table, count_set_bytes

LOG: Final = logging.getLogger("stanch.guard")

_DAY_S: Final = 86_400
#: How long the server keeps a piece that nobody writes to: what it holds has faded by then.
_KEPT_S: Final = {
    "habits": 400 * _DAY_S, "regulars": 35 * _DAY_S, "tries": 3 * _DAY_S, "crowds": 3 * _DAY_S,
    "kinds": 90 * _DAY_S, "spent": 3_600, "saved": 90 * _DAY_S, "hour": 2 * _DAY_S,
}  # fmt: skip
#: Operations served by the same two round trips; more would keep the first of them waiting.
_MOST_AT_ONCE: Final = 128
#: No so many operations touch more pieces.
_MOST_PIECES: Final = 4_096
#: Sets of each table that tell how full it is.
_SAMPLE: Final = 128
#: Whoever was overtaken tries again after less than this, by chance, so that two do not get into step.
_CONFLICT_S: Final = 0.002
#: Counts kept while the server cannot be written to; beyond them the oldest are lost.
_MOST_WAITING: Final = 20_000
#: After a failure the server is tried again after so many seconds, then after twice as many.
_FIRST_PAUSE_S, _LAST_PAUSE_S = 0.1, 2.0
_WRITE: Final = f"""
if (redis.call('GET', KEYS[1]) or '0') ~= ARGV[1] then return 0 end
for i = 2, #KEYS do redis.call('SET', KEYS[i], ARGV[2 * i - 2], 'EX', ARGV[2 * i - 1]) end
redis.call('INCR', KEYS[1])
redis.call('EXPIRE', KEYS[1], {400 * _DAY_S})
return 1
"""

#: A kind of piece, and its number or name.
Piece = tuple[str, int | str]


class _Operation(NamedTuple):
    """Something to be counted or asked: a function of a `Tally` that has these pieces."""

    pieces: Sequence[Piece]
    run: Callable[[Tally], Any]
    writes: bool
    #: Gets the answer; None where nobody waits for it.
    told: Future[Any] | asyncio.Future[Any] | None


class SharedCounters:
    """Counters on the server at `url` (`valkey://`, `redis://`, `unix://`; with TLS `valkeys://`, `rediss://`).

    A round trip that takes longer than `timeout_s` counts as a failure. Guards whose `secret` differs hash
    differently and cannot share.

    Raises:
        StoreError: the driver is missing, the address makes no sense, the server cannot be reached, or guards
            with another secret use it.
    """

    def __init__(self, url: str, *, customers: int, recent: int, timeout_s: float, secret: bytes) -> None:
        self._client, self._errors, self._refusals = _connect(url, timeout_s)
        plan = plan_tables(customers, recent)
        layout = hashlib.sha256(repr(plan).encode()).hexdigest()[:8]
        # In braces, so that a cluster keeps all of it in one place.
        self._prefix = f"{{stanch:{layout}}}:"
        self._write = self._client.register_script(_WRITE)
        self._sizes = {name: count_set_bytes(record) for name, (_, record) in plan.items()}
        self._memory = bytearray(HEAD_BYTES + _MOST_PIECES * max(self._sizes.values()))
        self._bases: dict[str, dict[Any, int]] = {name: {} for name in plan}
        self.tables = {name: Table(self._memory, self._bases[name], *plan[name]) for name in plan}
        self._tally = Tally(self._memory, self.tables)
        self._common = tuple(self._find("kinds", key) for key in list_common())
        #: Why the server cannot be used now; empty if it can.
        self.problem = ""
        #: Counts lost because it could not be used for too long.
        self.n_lost = 0
        self._is_gone = False
        self._unwritten: deque[_Operation] = deque()
        self._asked: queue.SimpleQueue[_Operation | None] = queue.SimpleQueue()
        self._check_secret(hashlib.sha256(b"stanch counters" + secret).hexdigest()[:16])
        self._worker = threading.Thread(target=self._work, name="stanch-counters", daemon=True)
        self._worker.start()

    # --- what is asked; each as in `Counters`, and each may find the server gone

    def look(self, keys: Keys, time_s: int) -> Seen:
        """What the past says; changes nothing.

        Raises:
            CountersGoneError: the server cannot be used.
        """
        return self._ask(self._list_pieces(keys), lambda tally: tally.look(keys, time_s))  # type: ignore[no-any-return]

    async def look_soon(self, keys: Keys, time_s: int) -> Seen:
        """As `look`, without holding up the event loop."""
        return await self._ask_soon(self._list_pieces(keys), lambda tally: tally.look(keys, time_s))  # type: ignore[no-any-return]

    def note(self, keys: Keys, time_s: int, seen: Seen, **how: Any) -> None:
        """Count an attempt: soon, but before anything is answered that this process asks later."""
        pieces = (*self._list_pieces(keys), ("hour", time_s // 3600 % 24))
        self._submit(_Operation(pieces, lambda tally: tally.note(keys, time_s, seen, **how), True, None))

    def forget(self, keys: Keys, **how: Any) -> None:
        """Take back the habit that a success made."""
        self._submit(_Operation(self._list_pieces(keys), lambda tally: tally.forget(keys, **how), True, None))

    def site(self, time_s: int) -> Kind:
        """Counts of the whole site."""
        return self._ask(self._common, lambda tally: tally.site(time_s), writes=True)  # type: ignore[no-any-return]

    def minutes(self, time_s: int, n: int) -> NDArray[np.int64]:
        """Attempts by cell in each of the last minutes."""
        hours = [("hour", hour) for hour in range(24)]
        return self._ask(hours, lambda tally: tally.minutes(time_s, n))  # type: ignore[no-any-return]

    def load(self, name: str) -> bytes:
        """What was saved under a name."""
        return self._ask([("saved", name)], lambda tally: tally.load(name))  # type: ignore[no-any-return]

    def save(self, name: str, data: bytes) -> None:
        """Keep some bytes under a name."""
        self._submit(_Operation([("saved", name)], lambda tally: tally.save(name, data), True, None))

    def update(self, name: str, change: Callable[[bytes], bytes]) -> bytes:
        """Change what was saved under a name."""
        return self._ask([("saved", name)], lambda tally: tally.update(name, change), writes=True)  # type: ignore[no-any-return]

    async def update_soon(self, name: str, change: Callable[[bytes], bytes]) -> bytes:
        """As `update`, without holding up the event loop."""
        return await self._ask_soon([("saved", name)], lambda tally: tally.update(name, change), writes=True)  # type: ignore[no-any-return]

    async def spend_soon(self, key: int, made_s: int, now_s: int, valid_s: int) -> bool:
        """Use what serves once."""
        found = self._find("spent", key)
        return await self._ask_soon([found], lambda t: t.spend(key, made_s, now_s, valid_s), writes=True)  # type: ignore[no-any-return]

    def fill(self) -> dict[str, float]:
        """Share of each table in use, by a sample."""
        chosen = {
            name: random.sample(range(table.n_sets), min(_SAMPLE, table.n_sets))
            for name, table in self.tables.items()
        }
        return self._ask(  # type: ignore[no-any-return]
            [(name, number) for name, numbers in chosen.items() for number in numbers],
            lambda tally: {name: tally.tables[name].fill(numbers) for name, numbers in chosen.items()},
        )

    def flush(self) -> None:
        """Wait until all that was noted is written."""
        self._ask([], lambda _: None, writes=True)

    def close(self) -> None:
        """Write what is not written yet, if the server is there."""
        self._asked.put(None)
        self._worker.join()
        self._client.close()

    def _find(self, name: str, key: int) -> Piece:
        return name, key >> self.tables[name].shift

    def _list_pieces(self, keys: Keys) -> tuple[Piece, ...]:
        """All that `look` or `note` may touch, but for the minutes."""
        find = self._find
        return (
            find("habits", keys.account), find("tries", keys.account),
            find("crowds", keys.host), find("crowds", keys.net),
            find("regulars", keys.host), find("regulars", keys.net),
            find("kinds", keys.client), find("kinds", keys.place), *self._common,
        )  # fmt: skip

    def _ask(self, pieces: Sequence[Piece], run: Callable[[Tally], Any], *, writes: bool = False) -> Any:
        told: Future[Any] = Future()
        self._submit(_Operation(pieces, run, writes, told))
        return told.result()

    async def _ask_soon(
        self, pieces: Sequence[Piece], run: Callable[[Tally], Any], *, writes: bool = False
    ) -> Any:
        told: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._submit(_Operation(pieces, run, writes, told))
        return await told

    def _submit(self, operation: _Operation) -> None:
        if self._is_gone and operation.told is not None:
            raise CountersGoneError(self.problem)
        self._asked.put(operation)

    def _check_secret(self, mark: str) -> None:
        try:
            self._client.set(f"{self._prefix}secret", mark, nx=True)
            found = self._client.get(f"{self._prefix}secret")
        except self._errors as error:
            raise StoreError(
                f"the counters' server cannot be reached or used ({type(error).__name__})", hint=_URL_HINT
            ) from None
        if found != mark.encode():
            raise StoreError(
                "the counters' server is used by guards with another key",
                hint="copy service.key from their data folder, or use another database of that server",
            )

    # --- the thread

    def _work(self) -> None:
        is_closing, pause_s = False, 0.0
        while not is_closing or self._unwritten:
            operations, is_closing = self._collect(is_closing, pause_s)
            try:
                pause_s = self._serve(operations)
            except self._errors as error:
                self._note_gone(operations, error)
                if is_closing or self._await_server():
                    return
                pause_s = 0.0
            if is_closing and pause_s == _LAST_PAUSE_S:
                return

    def _collect(self, is_closing: bool, pause_s: float) -> tuple[list[_Operation], bool]:
        """What has been asked, waiting for it if nothing else is to be done."""
        operations: list[_Operation] = []
        wait_s = None if not self._unwritten else pause_s
        while not is_closing and len(operations) < _MOST_AT_ONCE:
            try:
                operation = self._asked.get(not operations and wait_s != 0, wait_s)
            except queue.Empty:
                break
            if operation is None:
                is_closing = True
            else:
                operations.append(operation)
        return operations, is_closing

    def _serve(self, operations: list[_Operation]) -> float:
        """Answer and count all at once; how many seconds to wait before what is unwritten is tried again."""
        n_old = min(len(self._unwritten), _MOST_AT_ONCE)
        if n_old < len(self._unwritten):
            self._keep(operations)
            operations = [operation for operation in operations if not operation.writes]
        operations = [*itertools.islice(self._unwritten, n_old), *operations]
        copies = self._fetch({piece for operation in operations for piece in operation.pieces})
        unsaved = list(self._tally.unsaved)
        answers = [(operation, operation.run(self._tally)) for operation in operations]
        _tell((operation.told, answer) for operation, answer in answers if not operation.writes)
        try:
            is_written = self._write_back(*copies)
        except self._refusals as error:
            # A replica, or a server without memory or disk: what is known can still be asked.
            self._tally.unsaved = unsaved
            self._say(f"it takes no counts ({type(error).__name__})")
            self._keep(operations[n_old:])
            self._give_up_answers()
            return _LAST_PAUSE_S
        self._say("")
        if not is_written:
            self._tally.unsaved = unsaved
            self._keep(operations[n_old:])
            return random.uniform(0, _CONFLICT_S)  # noqa: S311
        for _ in range(n_old):
            self._unwritten.popleft()
        _tell((operation.told, answer) for operation, answer in answers if operation.writes)
        return 0.0

    def _fetch(self, pieces: set[Piece]) -> tuple[bytes, list[tuple[str, Piece, int, bytes]]]:
        """Copy pieces from the server; the version it was in, and name, place and content of each."""
        for bases in self._bases.values():
            bases.clear()
        names = [f"{self._prefix}{kind}:{number}" for kind, number in pieces]
        version, *contents = self._client.mget([f"{self._prefix}version", *names])
        copies, at = [], HEAD_BYTES
        for name, piece, found in zip(names, pieces, contents, strict=True):
            kind, number = piece
            if kind == "hour":
                begin, size = place_hour(int(number))
            elif kind == "saved":
                begin, size = place_saved(str(number))
            else:
                begin, size = at, self._sizes[kind]
                self._bases[kind][number] = at
                at += size
            content = found if found is not None and len(found) == size else bytes(size)
            self._memory[begin : begin + size] = content
            copies.append((name, piece, begin, content))
        return version or b"0", copies

    def _write_back(self, version: bytes, copies: list[tuple[str, Piece, int, bytes]]) -> bool:
        """Write what has changed; False if somebody else has written meanwhile."""
        keys: list[str] = [f"{self._prefix}version"]
        told: list[bytes | bytearray | int] = [version]
        for name, (kind, _), begin, content in copies:
            now = self._memory[begin : begin + len(content)]
            if now != content:
                keys.append(name)
                told += [bytes(now), _KEPT_S[kind]]
        return len(keys) == 1 or bool(self._write(keys, told))

    def _keep(self, operations: list[_Operation]) -> None:
        """Have counts wait for the server, the oldest giving way."""
        self._unwritten.extend(operation for operation in operations if operation.writes)
        while len(self._unwritten) > _MOST_WAITING:
            self._unwritten.popleft()
            self.n_lost += 1

    def _give_up_answers(self) -> None:
        """Nobody is to wait for an answer as long as the server may be gone."""
        _tell((operation.told, CountersGoneError(self.problem)) for operation in self._unwritten)
        self._unwritten = deque(operation for operation in self._unwritten if operation.told is None)

    def _note_gone(self, operations: list[_Operation], error: Exception) -> None:
        self._say(f"it cannot be reached ({type(error).__name__})")
        self._is_gone = True
        _tell((operation.told, CountersGoneError(self.problem)) for operation in operations)
        self._keep(operations)
        self._give_up_answers()

    def _await_server(self) -> bool:
        """Try until the server is back; True if the counters are closed first."""
        pause_s = _FIRST_PAUSE_S
        while True:
            until = time.monotonic() + pause_s
            while (left_s := until - time.monotonic()) > 0:
                try:
                    operation = self._asked.get(timeout=left_s)
                except queue.Empty:
                    break
                if operation is None:
                    return True
                self._keep([operation])
                _tell([(operation.told, CountersGoneError(self.problem))])
            try:
                self._fetch(set())
            except self._errors:
                pause_s = min(2 * pause_s, _LAST_PAUSE_S)
            else:
                self._give_up_answers()
                self._is_gone = False
                self._say("")
                return False

    def _say(self, problem: str) -> None:
        if problem and not self.problem:
            LOG.error("the counters' server: %s", problem)
        elif self.problem and not problem:
            LOG.warning("the counters' server is back; %d counts were lost", self.n_lost)
        self.problem = problem


_URL_HINT: Final = "STANCH_COUNTERS_URL is valkey://HOST:PORT/DATABASE, redis://… or unix://PATH"


def _connect(url: str, timeout_s: float) -> tuple[Any, tuple[type[Exception], ...], type[Exception]]:
    """A client that waits for nothing longer than `timeout_s`; its errors, and those the server tells."""
    try:
        import valkey
        from valkey.backoff import NoBackoff
        from valkey.retry import Retry
    except ImportError:
        raise StoreError(
            "the driver for Valkey and Redis is not installed", hint="pip install 'stanch[valkey]'"
        ) from None
    # A connection that was closed while nobody used it is no failure yet.
    retry = Retry(NoBackoff(), 1, (valkey.ConnectionError,))
    try:
        client = valkey.Valkey.from_url(
            url, socket_timeout=timeout_s, socket_connect_timeout=timeout_s, retry=retry
        )
    except ValueError:
        # The text may hold a password, so it is not shown.
        raise StoreError("the address of the counters' server cannot be understood", hint=_URL_HINT) from None
    return client, (valkey.ValkeyError, OSError), valkey.ResponseError


def _tell(answers: Iterable[tuple[Future[Any] | asyncio.Future[Any] | None, Any]]) -> None:
    """Hand out answers; errors are raised where they were waited for."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Any], Any]]] = {}
    for told, answer in answers:
        if isinstance(told, asyncio.Future):
            by_loop.setdefault(told.get_loop(), []).append((told, answer))
        elif told is not None:
            _settle([(told, answer)])
    for loop, waiting in by_loop.items():
        if not loop.is_closed():
            loop.call_soon_threadsafe(_settle, waiting)


def _settle(answers: Iterable[tuple[Future[Any] | asyncio.Future[Any], Any]]) -> None:
    for told, answer in answers:
        # Whoever waited may have gone, or has been told already.
        if not told.done():
            if isinstance(answer, Exception):
                told.set_exception(answer)
            else:
                told.set_result(answer)
