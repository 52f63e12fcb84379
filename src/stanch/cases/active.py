"""Decisions in force, in memory: what holds for an address, and what changed since somebody asked last.

A value may have several decisions at once. What is published about it is one: the strongest in force that
is not simulated, a ban before a captcha, then the longest. So a bouncer is told that a value is free again
only when nothing about it is left, and never finds it among the new and the ended at once.
"""

from __future__ import annotations

import heapq
import ipaddress
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

from stanch.cases.decisions import KeptDecision, Network

#: So long after its end a value is still told to whoever starts afresh, and changes can be caught up with.
RETENTION_US: Final = 24 * 3_600_000_000
#: An answer may get lost, and two servers see a change at different moments: this much is told again.
OVERLAP_US: Final = 2_000_000
#: The log is shortened only when it has grown by this much.
_TRIM_EVERY: Final = 4_096
#: Changes remembered at most; who knows less is told everything.
MAX_CHANGES: Final = 200_000


class Changes(NamedTuple):
    """What a bouncer is told."""

    new: list[KeptDecision]
    ended: list[KeptDecision]


class ActiveDecisions:
    """The decisions of one store. Not for several threads at once.

    `is_allowed` says of a network whether any of it is on an allow-list of the operator's; decisions of
    kind `allow` count beside it.
    """

    def __init__(self, is_allowed: Callable[[Network], bool] = lambda _: False) -> None:
        self.version = 0
        self._is_allowed = is_allowed
        self._live: dict[str, dict[int, KeptDecision]] = {}
        self._networks: dict[str, Network] = {}
        self._published: dict[str, KeptDecision] = {}
        self._ended: dict[str, KeptDecision] = {}
        self._allows: dict[str, Network] = {}
        #: (version, length of prefix) -> first address as a number -> value; single addresses are not here.
        self._ranges: dict[tuple[int, int], dict[int, str]] = {}
        self._ends: list[tuple[int, int, str]] = []
        self._log_us: list[int] = []
        self._log: list[str] = []
        self._complete_from_us = 0
        self._clock_us = 0

    def __len__(self) -> int:
        return len(self._published)

    def count(self) -> dict[tuple[str, bool], int]:
        """Decisions in force by kind and whether they are simulated."""
        counts: dict[tuple[str, bool], int] = {}
        for decisions in self._live.values():
            for decision in decisions.values():
                key = (decision.kind, decision.simulated)
                counts[key] = counts.get(key, 0) + 1
        return counts

    def load(self, kept: Iterable[KeptDecision], now_us: int) -> None:
        """Take over a whole store, with what changed in it within `RETENTION_US`."""
        moments: dict[str, int] = {}
        for decision in kept:
            self._note(decision)
            ended_us = decision.end_us
            moment = ended_us if decision.changed_us < ended_us <= now_us else decision.changed_us
            moments[decision.value] = max(moments.get(decision.value, 0), moment)
        self._clock_us = max(now_us, *moments.values()) if moments else now_us
        self._complete_from_us = now_us - RETENTION_US
        self._expire(now_us, record=False)
        allowed_us = max((moments[value] for value in self._allows), default=0)
        for value, moment in moments.items():
            self._publish(value, record=False)
            covered = self._find_best(value)
            if covered is not None and value not in self._published:
                # Whoever was told it before the allow came has to be told that it is over.
                self._ended[value] = covered
                moments[value] = max(moment, allowed_us)
        known = {
            value: us for value, us in moments.items() if value in self._published or value in self._ended
        }
        for value, moment in sorted(known.items(), key=lambda item: item[1]):
            self._log_us.append(moment)
            self._log.append(value)

    def apply(self, changes: Iterable[KeptDecision], now_us: int) -> None:
        """Take over what changed in the store."""
        self._advance(now_us)
        touched: dict[str, None] = {}
        for decision in changes:
            self._note(decision)
            touched[decision.value] = None
        self._expire(now_us, record=True)
        for value in touched:
            self._publish(value, record=True)

    def expire(self, now_us: int) -> None:
        """Let go of what has ended by now."""
        self._advance(now_us)
        self._expire(now_us, record=True)

    def refresh_allowed(self, now_us: int) -> None:
        """Look again at everything, after an allow-list changed."""
        self._advance(now_us)
        for value in list(self._live):
            self._publish(value, record=True)

    def allows(self, ip: str) -> bool:
        """Whether a person decided that an address is let alone."""
        if not self._allows:
            return False
        address = ipaddress.ip_address(ip)
        return any(address in n for n in self._allows.values() if n.version == address.version)

    def find(self, ip: str) -> KeptDecision | None:
        """The strongest decision about an address that is enforced; if there is none, that is simulated."""
        values = [ip] if ip in self._live else []
        if self._ranges:
            values += self._find_ranges(ip)
        if not values:
            return None
        enforced = [self._published[value] for value in values if value in self._published]
        simulated = (d for v in values for d in self._live[v].values() if d.simulated)
        return max(enforced or simulated, key=_rank, default=None)

    def has(self, value: str, scenario: str, simulated: bool) -> bool:
        """Whether a rule's decision about a value is in force."""
        live = self._live.get(value, {}).values()
        return any(d.scenario == scenario and d.simulated == simulated for d in live)

    def covering(self, ip: str) -> Iterator[KeptDecision]:
        """What is published about an address and the networks that hold it."""
        for value in [ip, *(self._find_ranges(ip) if self._ranges else ())]:
            if value in self._published:
                yield self._published[value]

    def within(self, network: Network) -> Iterator[KeptDecision]:
        """What is published about a network, its parts, and the networks that hold it."""
        for value, decision in self._published.items():
            other = self._networks[value]
            if other.version == network.version and other.overlaps(network):
                yield decision

    def published(self) -> Iterable[KeptDecision]:
        """All that bouncers are to act on."""
        return self._published.values()

    def since(self, told_us: int | None) -> Changes:
        """What to tell somebody who knows all up to `told_us`; everything if that is not known or too old."""
        if told_us is None or not self._complete_from_us <= told_us <= self._clock_us + OVERLAP_US:
            return Changes(list(self._published.values()), list(self._ended.values()))
        begin = bisect_right(self._log_us, told_us - OVERLAP_US)
        values = dict.fromkeys(self._log[begin:])
        new = [self._published[value] for value in values if value in self._published]
        return Changes(new, [self._ended[value] for value in values if value in self._ended])

    @property
    def clock_us(self) -> int:
        """The moment up to which somebody who asks now knows everything. Never goes back."""
        return self._clock_us

    def _advance(self, now_us: int) -> None:
        self._clock_us = max(self._clock_us, now_us)

    def _find_ranges(self, ip: str) -> list[str]:
        address = ipaddress.ip_address(ip)
        number, bits = int(address), address.max_prefixlen
        found = []
        for (version, length), values in self._ranges.items():
            if version == address.version:
                value = values.get(number >> (bits - length))
                if value is not None:
                    found.append(value)
        return found

    def _note(self, decision: KeptDecision) -> None:
        """Keep a decision, or what has become of it."""
        self.version = max(self.version, decision.version)
        value = decision.value
        live = self._live.get(value)
        if live is None:
            live = self._live[value] = {}
            network = self._networks[value] = ipaddress.ip_network(value)
            if decision.scope == "range":
                place = int(network.network_address) >> (network.max_prefixlen - network.prefixlen)
                self._ranges.setdefault((network.version, network.prefixlen), {})[place] = value
        live[decision.id] = decision
        heapq.heappush(self._ends, (decision.end_us, decision.id, value))
        if decision.kind == "allow":
            self._allows[value] = self._networks[value]

    def _expire(self, now_us: int, *, record: bool) -> None:
        touched: dict[str, None] = {}
        was_allow = False
        while self._ends and self._ends[0][0] <= now_us:
            _, number, value = heapq.heappop(self._ends)
            decision = self._live.get(value, {}).get(number)
            if decision is None or decision.end_us > now_us:
                continue
            del self._live[value][number]
            if record and value in self._published:
                # Firewalls let a shorter one run out although a longer one was told meanwhile: tell it anew.
                self._record(value)
            was_allow |= decision.kind == "allow"
            if not record and decision.kind != "allow" and not decision.simulated:
                self._ended[value] = decision
            touched[value] = None
        if was_allow:
            self._allows = {v: n for v, n in self._allows.items() if self._holds_allow(v)}
        for value in touched if not was_allow else [*touched, *self._live]:
            self._publish(value, record=record)
        self._trim(now_us)

    def _holds_allow(self, value: str) -> bool:
        return any(decision.kind == "allow" for decision in self._live.get(value, {}).values())

    def _publish(self, value: str, *, record: bool) -> None:
        """Settle what is told about a value, and note the moment if that has changed."""
        live = self._live.get(value, {})
        if record and self._holds_allow(value):
            # What an allow covers has to go, whatever its value.
            for other in [v for v, d in self._published.items() if v != value and self.is_off_limits(v)]:
                self._settle(other, None, record=True)
        best = self._find_best(value)
        if best is not None and self.is_off_limits(value):
            best = None
        self._settle(value, best, record=record)
        if not live:
            self._live.pop(value, None)
            self._drop_network(value)

    def _find_best(self, value: str) -> KeptDecision | None:
        """The strongest decision in force about a value that is to be enforced, allowed or not."""
        live = self._live.get(value, {}).values()
        return max((d for d in live if not d.simulated and d.kind != "allow"), key=_rank, default=None)

    def _settle(self, value: str, best: KeptDecision | None, *, record: bool) -> None:
        before = self._published.get(value)
        if best is None:
            if before is None:
                return
            del self._published[value]
            self._ended[value] = before
        else:
            if before is not None and (before.kind, before.end_us) == (best.kind, best.end_us):
                return
            self._published[value] = best
            self._ended.pop(value, None)
        if record:
            self._record(value)

    def _record(self, value: str) -> None:
        self._log_us.append(self._clock_us)
        self._log.append(value)

    def is_off_limits(self, value: str) -> bool:
        """Whether a decision about a value would hit somebody who is let alone."""
        network = self._networks.get(value) or ipaddress.ip_network(value)
        if self._allows and any(
            a.version == network.version and a.overlaps(network) for a in self._allows.values()
        ):
            return True
        return self._is_allowed(network)

    def _drop_network(self, value: str) -> None:
        network = self._networks.pop(value, None)
        if network is None or network.prefixlen == network.max_prefixlen:
            return
        values = self._ranges[network.version, network.prefixlen]
        values.pop(int(network.network_address) >> (network.max_prefixlen - network.prefixlen), None)
        if not values:
            del self._ranges[network.version, network.prefixlen]

    def _trim(self, now_us: int) -> None:
        """Forget changes past their time, or beyond what memory is meant for, a block at once."""
        n_old = bisect_right(self._log_us, now_us - RETENTION_US)
        if len(self._log) > MAX_CHANGES:
            n_old = max(n_old, len(self._log) - MAX_CHANGES // 2)
        if n_old < _TRIM_EVERY:
            return
        self._complete_from_us = max(self._complete_from_us, self._log_us[n_old - 1] + OVERLAP_US)
        del self._log_us[:n_old], self._log[:n_old]
        remembered = set(self._log)
        self._ended = {value: d for value, d in self._ended.items() if value in remembered}


def _rank(decision: KeptDecision) -> tuple[bool, int]:
    return decision.kind == "ban", decision.end_us
