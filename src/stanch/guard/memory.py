"""Counters in this process: tables of fixed size in a memory-mapped file.

`MAP_SHARED` pages belong to the system, not to the process: `kill -9` loses nothing. After a power cut the
file is as the system last wrote it, seconds before.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from stanch.guard.counters import FADES_S, KNOWN_DEVICE, NEAR_S, NO_KIND, OWN_FROM, SUSPECT_S, Kind, Seen
from stanch.guard.keys import Keys
from stanch.guard.tables import Table, count_bytes, count_set_bytes, open_memory

#: Tags of 6 networks, 3 places, 4 devices, 1 family that let the account in, each with its first tick; the
#: first tick of all, the last day.
_HABIT: Final = "14H14H2H"
_HELD: Final = ((0, 6), (6, 9), (9, 13), (13, 14))
#: Second, tags of network, place and device, got in, pending; tries from this network; a day's start and the
#: networks that failed; of the last login held an attack's its second, and whether that was almost sure.
_TRY: Final = "I3H2BHIQIB"
#: An hour, who was refused and let in during it and the one before; a day, who was refused then and before.
_CROWD: Final = "I4QI2Q"
#: A week, who was let in during it and the one before, who comes regularly.
_REGULARS: Final = "I3Q"
#: Second; cells of half an hour, of a day; genuine strangers, genuine, all.
_KIND: Final = "I11f"
_KINDS: Final = 1 << 16
#: Second in which a puzzle or pass that was used was made.
_SPENT: Final = "I"
_SPENT_KEPT: Final = 1 << 17
_MAGIC: Final = b"stanch counters 1\n"
_HEADER: Final = 4096 * 16
_SLOT: Final = 8192
_MINUTES: Final = 1440
_CELLS: Final = struct.Struct("<I4i")
#: Where the tables begin.
HEAD_BYTES: Final = _HEADER + _MINUTES * _CELLS.size
#: Sets of each table that tell how full it is.
_SAMPLE: Final = 512
#: What is dated further ahead was written while the clock was wrong, and counts as of now or not at all; less
#: comes from events that arrive out of order.
_AHEAD_S: Final = 3_600
#: Habits are dated in ticks of 20 minutes; one that is two ticks old is older than `NEAR_S`.
_TICK_S: Final = NEAR_S
_SITE: Final = 0x5354414E43485F31
_CLIENT, _PLACE = range(2)
_NAMES: Final = ("budget", "wave", "drift", "waits")

#: Expected number of distinct accounts behind so many bits of 64 (linear counting, Whang et al., ACM TODS
#: 15, 1990).
_DISTINCT: Final = [round(-64 * math.log1p(-k / 64)) if k < 64 else 300 for k in range(65)]


class Tally:
    """The counting itself. Its state is `memory`: minutes and what is saved at the head, then `tables`."""

    def __init__(self, memory: Any, tables: Mapping[str, Table]) -> None:
        self._memory = memory
        self.tables = tables
        self._habits, self._regulars = tables["habits"], tables["regulars"]
        self._tries, self._crowds, self._kinds = tables["tries"], tables["crowds"], tables["kinds"]
        #: Of the whole site since the last look: cells, genuine strangers, genuine.
        self.unsaved = [0.0] * 6

    # --- before the password is checked

    def look(self, keys: Keys, time_s: int) -> Seen:
        """What the past says; changes nothing."""
        habit = self._find_habit(keys, time_s)
        again, pending, elsewhere, tries = self._find_tries(keys, time_s)
        if habit in KNOWN_DEVICE:
            return Seen(habit, again, pending, elsewhere, tries, 0, 0, 0, 0, 0, 0, 0, NO_KIND, NO_KIND)
        others = ~(1 << (keys.account & 63))
        now, now_bad, ever, ever_bad, regular = self._count(keys.host, time_s, others)
        _, _, net, net_bad, _ = self._count(keys.net, time_s, others)
        return Seen(
            habit,
            again,
            pending,
            elsewhere,
            tries,
            _DISTINCT[now.bit_count()],
            _DISTINCT[now_bad.bit_count()],
            _DISTINCT[ever.bit_count()],
            _DISTINCT[ever_bad.bit_count()],
            _DISTINCT[regular.bit_count()],
            _DISTINCT[(net & ~ever).bit_count()],
            _DISTINCT[(net_bad & ~ever).bit_count()],
            self._find_kind(_CLIENT, keys.client, time_s),
            self._find_kind(_PLACE, keys.place, time_s),
        )

    def _find_habit(self, keys: Keys, time_s: int) -> int:
        record = self._habits.get(keys.account)
        tick = time_s // _TICK_S & 0xFFFF
        if record is None or not record[28] or (tick - record[28]) & 0xFFFF <= 1:
            return 0
        device = 0
        if keys.device and _is_held(record, 9, 13, keys.device, tick):
            device = 2
        elif keys.family and _is_held(record, 13, 14, keys.family, tick):
            device = 1
        if _is_held(record, 0, 6, keys.net, tick):
            return 10 + device
        if _is_held(record, 6, 9, keys.place, tick):
            return 4 + device
        return 1 + device

    def _find_tries(self, keys: Keys, time_s: int) -> tuple[int, bool, int, int]:
        record = self._tries.get(keys.account)
        if record is None:
            return 0, False, 0, 0
        second, last_net, last_place, last_device, got_in, pending, n, day, failed, *suspect = record
        net, device = _tag(keys.net), _tag(keys.device)
        same_net = last_net == net
        here = same_net or (last_device == device and last_place == _tag(keys.place))
        again = 0
        if abs(time_s - second) <= NEAR_S:
            again = (2 if got_in else 1) if here else 3
        followed = bool(pending) and again in (1, 2)
        if suspect[0] and abs(time_s - suspect[0]) <= SUSPECT_S:
            again = 4 if suspect[1] else 5
        if not failed or abs(time_s - day) > 86_400:
            return again, followed, 0, n if same_net else 0
        return again, followed, (failed & ~(1 << (keys.net & 63))).bit_count(), n if same_net else 0

    def _count(self, key: int, time_s: int, others: int) -> tuple[int, int, int, int, int]:
        """Bits of accounts but one at an address or network: lately, of them bad; ever, bad; regular."""
        let_in = regular = 0
        record = self._regulars.get(key)
        if record is not None:
            _, week, before, regular = record
            let_in = (week | before) & others
            regular &= others
        record = self._crowds.get(key)
        if record is None or record[0] > time_s // 3600 + 1:
            return 0, 0, let_in, 0, regular
        hour, bad, bad_before, good, good_before, day, bad_day, bad_day_before = record
        age = time_s // 3600 - hour
        if age == 1:
            bad_before, good_before, bad, good = bad, good, 0, 0
        elif age > 1:
            bad_before = good_before = bad = good = 0
        age = time_s // 86_400 - day
        if age == 1:
            bad_day_before, bad_day = bad_day, 0
        elif age > 1:
            bad_day = bad_day_before = 0
        fine = good | good_before
        bad = (bad | bad_before) & others
        let_in |= fine & others
        refused = (bad_day | bad_day_before) & others
        return bad | (fine & others), bad & ~let_in, let_in | refused, refused & ~let_in, regular

    def _find_kind(self, block: int, key: int, time_s: int) -> Kind:
        if not key:
            return NO_KIND
        record = self._kinds.get(key)
        if record is None or record[11] < OWN_FROM:
            record = self._kinds.get(_name_class(block, record[11] if record else 0))
            if record is None:
                return NO_KIND
        return _fade(record, time_s)

    # --- after

    def note(
        self,
        keys: Keys,
        time_s: int,
        seen: Seen,
        *,
        success: bool,
        cold: bool,
        p: float,
        good: bool,
        sure: bool,
    ) -> None:
        """Count an attempt whose end is known."""
        stays = not success and cold and seen.again not in (1, 2)
        followed = seen.pending
        self._note_try(keys, time_s, success=success, pending=stays, suspect=success and not good, sure=sure)
        bit = 1 << (keys.account & 63)
        self._note_crowd(keys.host, time_s, bit, success=success)
        if success:
            if good:
                self._note_habit(keys, time_s)
                self._note_regular(keys.host, time_s, bit, seen.habit >= 10)
                self._note_regular(keys.net, time_s, bit, seen.habit >= 10)
        else:
            self._note_crowd(keys.net, time_s, bit, success=False)
        cells = _list_cells(success=success, cold=cold, stays=stays, followed=followed)
        strangers = 1 - p if cold else 0.0
        for i, n in enumerate((*cells, strangers, 1 - p)):
            self.unsaved[i] += n
        self._add_minute(time_s, cells)
        if cold or not success:
            for block, key in ((_CLIENT, keys.client), (_PLACE, keys.place)):
                if key:
                    before = self._add_kind(key, time_s, cells, strangers, 1 - p)
                    if before < OWN_FROM:
                        self._add_kind(_name_class(block, before), time_s, cells, strangers, 1 - p)

    def _note_try(
        self, keys: Keys, time_s: int, *, success: bool, pending: bool, suspect: bool, sure: bool
    ) -> None:
        record = self._tries.get(keys.account)
        net, device = _tag(keys.net), _tag(keys.device)
        n, day, failed, suspected = 1, time_s, 0, [0, 0]
        if record is not None:
            _, last_net, _, _, _, _, last_n, last_day, last_failed, *suspected = record
            if last_net == net:
                n = min(last_n + 1, 0xFFFF)
            if abs(time_s - last_day) <= 86_400:
                day, failed = last_day, last_failed
        if not success:
            failed |= 1 << (keys.net & 63)
        # Only what is sure itself renews a suspicion or lifts it: else an owner would never be rid of it.
        if suspect and (sure or not suspected[0] or abs(time_s - suspected[0]) > SUSPECT_S):
            suspected = [time_s, sure]
        self._tries.put(
            keys.account, time_s,
            time_s, net, _tag(keys.place), device, success, pending, n, day, failed, *suspected,
        )  # fmt: skip

    def _note_crowd(self, key: int, time_s: int, bit: int, *, success: bool) -> None:
        record = self._crowds.get(key)
        hour, day = time_s // 3600, time_s // 86_400
        if record is None or record[0] > hour + 1:
            at, bad, bad_before, good, good_before, on, bad_day, bad_day_before = hour, 0, 0, 0, 0, day, 0, 0
        else:
            at, bad, bad_before, good, good_before, on, bad_day, bad_day_before = record
            if hour > at:
                bad_before, good_before = (bad, good) if hour == at + 1 else (0, 0)
                at, bad, good = hour, 0, 0
            if day > on:
                bad_day_before, on, bad_day = (bad_day if day == on + 1 else 0), day, 0
        if success:
            good |= bit
        else:
            bad |= bit
            bad_day |= bit
        self._crowds.put(key, time_s, at, bad, bad_before, good, good_before, on, bad_day, bad_day_before)

    def _note_regular(self, key: int, time_s: int, bit: int, known: bool) -> None:
        record = self._regulars.get(key)
        week = time_s // 604_800
        at, now, before, regular = record if record is not None else (week, 0, 0, 0)
        at = min(at, week + 1)
        if week > at:
            # Who has not come for two weeks is regular no more.
            regular &= now | before
            before, now, at = (now if week == at + 1 else 0), 0, week
        elif now & bit and (regular & bit or not known):
            return
        self._regulars.put(key, time_s, at, now | bit, before, regular | bit if known else regular)

    def _note_habit(self, keys: Keys, time_s: int) -> None:
        record = self._habits.get(keys.account)
        day = time_s // 86_400 & 0xFFFF
        tags = (_tag(keys.net), _tag(keys.place), _tag(keys.device), _tag(keys.family))
        if record is None:
            fields = [0] * 30
        elif record[29] == day and (record[0], record[6], record[9], record[13]) == tags:
            return
        else:
            fields = list(record)
        tick = time_s // _TICK_S & 0xFFFF or 1
        for (first, last), tag in zip(_HELD, tags, strict=True):
            if tag:
                _hold(fields, first, last, tag, tick)
        fields[28] = fields[28] or tick
        fields[29] = day
        self._habits.put(keys.account, time_s, *fields)

    def forget(self, keys: Keys, *, sure: bool) -> None:
        """Take back the habit that a login made, and hold it an attack's."""
        net, device = _tag(keys.net), _tag(keys.device)
        record = self._habits.get(keys.account)
        if record is not None:
            fields = list(record)
            for first, last, tag in ((0, 6, net), (9, 13, device)):
                for i in range(first, last):
                    if fields[i] == tag:
                        fields[i] = fields[i + 14] = 0
            self._habits.put(keys.account, 0, *fields)
        record = self._tries.get(keys.account)
        if record is not None:
            self._tries.put(keys.account, record[0], *record[:-2], record[0], sure)

    def _add_kind(self, key: int, time_s: int, cells: Sequence[float], cold: float, genuine: float) -> float:
        """Add to a kind; returns how many attempts it had before."""
        table = self._kinds
        record = table.get(key)
        if record is None:
            table.put(key, 1, time_s, *cells, *cells, cold, genuine, 1.0)
            return 0.0
        kind = _fade(record, time_s)
        a, b, c, d = kind.soon
        e, f, g, h = kind.day
        p, q, r, s = cells
        table.put(
            key, int(kind.genuine + e + g),
            time_s if record[0] > time_s + _AHEAD_S else max(time_s, record[0]),
            a + p, b + q, c + r, d + s, e + p, f + q, g + r, h + s,
            kind.cold + cold, kind.genuine + genuine, kind.n + 1,
        )  # fmt: skip
        return kind.n

    def _add_minute(self, time_s: int, cells: Sequence[int]) -> None:
        minute = time_s // 60
        offset = _HEADER + minute % _MINUTES * _CELLS.size
        at, a, b, c, d = _CELLS.unpack_from(self._memory, offset)
        if at != minute:
            a = b = c = d = 0
        p, q, r, s = cells
        _CELLS.pack_into(self._memory, offset, minute, a + p, b + q, c + r, d + s)

    # --- the whole

    def site(self, time_s: int) -> Kind:
        """Counts of the whole site."""
        a, b, c, d, cold, genuine = self.unsaved
        self.unsaved = [0.0] * 6
        self._add_kind(_SITE, time_s, (a, b, c, d), cold, genuine)
        record = self._kinds.get(_SITE)
        return NO_KIND if record is None else _fade(record, time_s)

    def minutes(self, time_s: int, n: int) -> NDArray[np.int64]:
        """Attempts by minute and cell."""
        first = time_s // 60 - n + 1
        ring = np.frombuffer(self._memory, np.int32, 5 * _MINUTES, _HEADER).reshape(_MINUTES, 5)
        at = first % _MINUTES
        found = np.concatenate((ring[at : at + n], ring[: max(at + n - _MINUTES, 0)])).astype(np.int64)
        seen: NDArray[np.int64] = found[:, 1:] * (found[:, :1] == np.arange(first, first + n)[:, None])
        return seen

    def load(self, name: str) -> bytes:
        """What was saved under a name; empty if nothing."""
        offset = _SLOT * (1 + _NAMES.index(name))
        size = struct.unpack_from("<I", self._memory, offset)[0]
        return bytes(self._memory[offset + 4 : offset + 4 + size])

    def save(self, name: str, data: bytes) -> None:
        """Keep some bytes under a name."""
        offset = _SLOT * (1 + _NAMES.index(name))
        assert len(data) <= _SLOT - 4
        self._memory[offset + 4 : offset + 4 + len(data)] = data
        struct.pack_into("<I", self._memory, offset, len(data))

    def update(self, name: str, change: Callable[[bytes], bytes]) -> bytes:
        """Change what was saved under a name."""
        data = change(self.load(name))
        self.save(name, data)
        return data

    def spend(self, key: int, made_s: int, now_s: int, valid_s: int) -> bool:
        """Use what serves once."""
        table = self.tables["spent"]
        if table.get(key) is not None or table.least(key) >= now_s - valid_s:
            return False
        table.put(key, made_s, made_s)
        return True


class MemoryCounters(Tally):
    """Counters of one process; `path` None: in memory only.

    Raises:
        StoreError: the file cannot be made.
    """

    #: Nothing can go wrong once it is open.
    problem = ""
    _read_only = False

    def __init__(self, path: Path | None, *, customers: int, recent: int) -> None:
        plan = plan_tables(customers, recent)
        ranges, at = {}, HEAD_BYTES
        for name, (n, record) in plan.items():
            end = at + count_bytes(n, record)
            ranges[name] = range(at, end, count_set_bytes(record))
            at = end
        self.n_bytes = at
        memory = open_memory(path, at, _MAGIC + repr(plan).encode(), read_only=self._read_only)
        super().__init__(memory, {name: Table(memory, ranges[name], *plan[name]) for name in plan})

    async def look_soon(self, keys: Keys, time_s: int) -> Seen:
        """As `look`."""
        return self.look(keys, time_s)

    async def update_soon(self, name: str, change: Callable[[bytes], bytes]) -> bytes:
        """As `update`."""
        return self.update(name, change)

    async def spend_soon(self, key: int, made_s: int, now_s: int, valid_s: int) -> bool:
        """As `spend`."""
        return self.spend(key, made_s, now_s, valid_s)

    def fill(self) -> dict[str, float]:
        """Share of each table in use, from a sample."""
        return {
            name: table.fill(range(0, table.n_sets, max(1, table.n_sets // _SAMPLE)))
            for name, table in self.tables.items()
        }

    def close(self) -> None:
        """Write what is not written yet."""
        self._memory.flush()


class StoredCounters(MemoryCounters):
    """Counters in a file that is there, to be read only; a `StoreError` if its tables have other sizes."""

    _read_only = True


def list_common() -> list[int]:
    """Keys of what every attempt may count for: the site, and the classes of rare clients and places."""
    return [_SITE, *(_name_class(block, n) for block in (_CLIENT, _PLACE) for n in (0, 1, 4, 10))]


def place_hour(hour: int) -> tuple[int, int]:
    """Where the minutes of an hour of the day lie, and their bytes."""
    return _HEADER + hour * 60 * _CELLS.size, 60 * _CELLS.size


def place_saved(name: str) -> tuple[int, int]:
    """Where the bytes under a name lie, and how many there may be."""
    return _SLOT * (1 + _NAMES.index(name)), _SLOT


def measure_bytes(customers: int, recent: int) -> int:
    """Size of the file of `MemoryCounters`."""
    return HEAD_BYTES + sum(count_bytes(n, record) for n, record in plan_tables(customers, recent).values())


def plan_tables(customers: int, recent: int) -> dict[str, tuple[int, str]]:
    """Records and their format by table, for so many accounts with a habit and so many lately tried."""
    return {
        "habits": (customers, _HABIT),
        "regulars": (customers, _REGULARS),
        "tries": (recent, _TRY),
        "crowds": (recent, _CROWD),
        "kinds": (_KINDS, _KIND),
        "spent": (_SPENT_KEPT, _SPENT),
    }


def _list_cells(*, success: bool, cold: bool, stays: bool, followed: bool) -> tuple[int, int, int, int]:
    """What an attempt adds to each cell; a stranger's refusal that he follows up is taken back."""
    if success:
        return -followed, int(followed), int(cold), int(not cold)
    return int(stays) - followed, int(not cold), 0, 0


def _tag(key: int) -> int:
    return (key >> 8 & 0xFFFF) or 1 if key else 0


def _is_held(record: Sequence[int], first: int, last: int, key: int, tick: int) -> bool:
    tag, slots = _tag(key), record[first:last]
    if tag not in slots:
        return False
    return (tick - record[14 + first + slots.index(tag)]) & 0xFFFF > 1


def _hold(fields: list[int], first: int, last: int, tag: int, tick: int) -> None:
    """Put a tag in front of its slots, keeping its first tick; the last one falls out."""
    slots = fields[first:last]
    i = slots.index(tag) if tag in slots else len(slots) - 1
    if fields[first + i] == tag:
        tick = fields[14 + first + i]
    fields[first + 1 : first + i + 1] = fields[first : first + i]
    fields[15 + first : 15 + first + i] = fields[14 + first : 14 + first + i]
    fields[first], fields[14 + first] = tag, tick


def _name_class(block: int, n: float) -> int:
    """The key under which rare clients and places of one order of magnitude are counted together."""
    rarity = 0 if n < 1 else 1 if n <= 3 else 2 if n <= 9 else 3
    return 0x9E3779B97F4A7C15 * (4 * block + rarity + 1) & 0xFFFFFFFFFFFFFFFF


def _fade(record: Sequence[float], time_s: int) -> Kind:
    at, a, b, c, d, e, f, g, h, cold, genuine, n = record
    age = time_s - at
    if age > 0:
        soon, day, weeks = FADES_S
        x, y, z = math.exp(-age / soon), math.exp(-age / day), math.exp(-age / weeks)
        return Kind((a * x, b * x, c * x, d * x), (e * y, f * y, g * y, h * y), cold * z, genuine * z, n)
    return Kind((a, b, c, d), (e, f, g, h), cold, genuine, n)
