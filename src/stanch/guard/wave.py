"""The site-wide test, live: is more refused to strangers than what is known of this shop's peace explains?

As in `docs/method/stuffing.md`: in peace (cold refusals / warm refusals) / (cold successes / warm
successes) stays near a constant of the shop, kappa. Here over windows that end now, from 5 minutes to a
day. A refusal that somebody follows up from there within 20 minutes is taken back. Kappa, and how far the
windows stray from it, are learnt from the stream itself, a window that strays far counting as one that
strays 1.5 deviations (Huber 1964), so that an attack hardly teaches and a shop's own habit is learnt in the
end. Kappa drifts while a guard gets to know the customers, so a young guard's memory is short.
"""

from __future__ import annotations

import math
from typing import Final

import msgspec
import numpy as np
from msgspec import Struct

from stanch.guard.counters import NO_KIND, Counters, Kind

_WINDOWS: Final = (5, 10, 30, 60, 180, 720, 1440)
#: Number of the window of an hour.
_HOUR: Final = 3
_DEVIATIONS: Final = 5.0
_SPREAD: Final = 0.25
_SPREAD_OF_KINDS: Final = 1.0
_LEAST_EXCESS: Final = 10.0
_LEAST_EXCESS_OF_KIND: Final = 10.0
_SHRINK: Final = 30.0
_USUAL_DISPERSION: Final = 3.0
_WINSOR: Final = 2.5
#: Where a guard has just begun everybody is a stranger, and few of them fail.
_LEAST_KAPPA: Final = 0.4
_MOST_KAPPA: Final = 6.0
_KAPPA_STRENGTH: Final = 10.0
#: Memory of kappa in minutes: a quarter of the guard's age, at least and at most this.
_MEMORY_MIN: Final = (0.25 * 1440, 14 * 1440)
#: A guard younger than this has nothing to compare with.
_SILENT_MIN: Final = 60
#: No more is forgotten at a step, however far the clock jumps.
_MOST_AT_ONCE_MIN: Final = 1440
#: How many cold refusals the ordinary mix of kinds is worth against that of an attack.
_MIX_STRENGTH: Final = 20.0
#: Attempts of strangers that all kinds together are worth where little is known of them.
_UNSEEN_SHARE: Final = 0.002
_UNSEEN_STRENGTH: Final = 50.0


class Null(Struct):
    """How the refusals of one window behave in peace: sums over time, fading."""

    seen: float = 0.0
    predicted: float = 0.0
    squares: float = 0.0
    n: float = 0.0

    @property
    def kappa(self) -> float:
        """Refusals seen over those predicted with kappa 1, drawn to 1."""
        kappa = (self.seen + _KAPPA_STRENGTH) / (self.predicted + _KAPPA_STRENGTH)
        return min(max(kappa, _LEAST_KAPPA), _MOST_KAPPA)

    @property
    def dispersion(self) -> float:
        """Variance over mean; at least 1."""
        return max((self.squares + 10 * _USUAL_DISPERSION) / (self.n + 10), 1.0)


class State(Struct):
    """What the test has learnt, kept over restarts."""

    nulls: list[Null]
    minute: int = 0
    first_minute: int = 0
    since_s: int = 0
    until_s: int = 0


def predict_refusals(cells: tuple[float, ...], whole: tuple[float, ...]) -> float:
    """Cold refusals that people would make with kappa 1, given the other three counts of a window.

    Both ratios are drawn to those of `whole` where the window holds few attempts (gamma-Poisson).
    """
    _, warm_refused, cold_success, warm_success = cells
    _, whole_refused, whole_cold, whole_warm = whole
    people = max(cold_success + warm_success + warm_refused, 0.0)
    failing = (whole_refused + 2) / (whole_cold + whole_warm + whole_refused + 20)
    strangers = (whole_cold + 2) / (whole_warm + 4)
    rate = (warm_refused + _SHRINK * failing) / (people + _SHRINK)
    odds = (cold_success + _SHRINK * strangers) / (warm_success + _SHRINK)
    return rate * people * odds


class Wave:
    """The test's state in one guard."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._load()
        #: Share of attack among the attempts of strangers, as far as it is beyond doubt.
        self.share = 0.0
        self._excess = 0.0
        self._site = NO_KIND
        self._expected = (0.0, 0.0)

    @property
    def alarm(self) -> bool:
        """Whether there is an attack somewhere on the site."""
        return self.share > 0

    def _load(self) -> None:
        """What was learnt so far, by whichever guard: each minute teaches once."""
        saved = self._counters.load("wave")
        self.state = msgspec.msgpack.decode(saved, type=State) if saved else State([Null() for _ in _WINDOWS])

    def sweep(self, time_s: int) -> None:
        """Look at all windows that end now."""
        self._load()
        self._site = self._counters.site(time_s)
        minutes = self._counters.minutes(time_s, _WINDOWS[-1])
        whole = tuple(self._site.day)
        learn = min(time_s // 60 - self.state.minute, _MOST_AT_ONCE_MIN)
        if learn < -60:
            # The clock was wrong when this was saved.
            self.state.minute, self.state.until_s = time_s // 60, 0
        self.state.first_minute = min(self.state.first_minute or time_s // 60, time_s // 60)
        age = time_s // 60 - self.state.first_minute
        memory = min(max(age / 4, _MEMORY_MIN[0]), _MEMORY_MIN[1])
        fade = math.exp(-learn / memory) if learn > 0 else 1.0
        sums = np.cumsum(np.add.reduceat(minutes[::-1], (0, *_WINDOWS[:-1])), axis=0).tolist()
        share, excess, late = 0.0, 0.0, (0.0, 0.0)
        for null, width, cells in zip(self.state.nulls, _WINDOWS, sums, strict=True):
            observed = max(cells[0], 0.0)
            predicted = predict_refusals(cells, whole)
            # A long window learns its own late.
            mean = max(null.kappa, self.state.nulls[_HOUR].kappa) * predicted
            variance = null.dispersion * (mean + 1)
            spread = _SPREAD * min(max((width / 60) ** -0.25, 0.3), 1.0)
            deviation = math.sqrt(variance + (spread * mean) ** 2)
            z = (observed - mean) / deviation
            still = observed - late[0] < 1 or late[0] > late[1] + math.sqrt(late[1] + 1)
            if (
                age >= _SILENT_MIN
                and z > _DEVIATIONS
                and observed - mean > _LEAST_EXCESS
                and (width <= 10 or still)
            ):
                n = observed + max(cells[2], 0.0)
                share = max(share, (observed - mean) / n)
                excess = max(excess, observed - mean)
            if width <= 60:
                late = (observed, mean)
            if learn > 0:
                told = min(observed, mean + _WINSOR * deviation)
                weight = learn / width
                null.seen = null.seen * fade + told * weight
                null.predicted = null.predicted * fade + predicted * weight
                if mean > 1:
                    null.squares = null.squares * fade + weight * min((told - mean) ** 2 / mean, 100.0)
                    null.n = null.n * fade + weight
        if learn > 0:
            self.state.minute = time_s // 60
        self.share, self._excess = share, excess
        if share:
            if time_s > self.state.until_s + 3600:
                self.state.since_s = time_s
            self.state.until_s = time_s
        kappa = self.state.nulls[2].kappa, self.state.nulls[-1].kappa
        self._expected = (
            kappa[0] * predict_refusals(self._site.soon, whole),
            kappa[1] * predict_refusals(self._site.day, whole),
        )
        self._counters.save("wave", msgspec.msgpack.encode(self.state))

    def tell(self, client: Kind, place: Kind) -> tuple[int, int, int]:
        """Levels of the blocks `wave`, `client` and `place` for an attempt of a stranger."""
        site, best = self._site, (0, 0, 0)
        q_client, q_place = self._share(client), self._share(place)
        for window, cells, of_client, of_place in (
            (0, site.soon, client.soon[0], place.soon[0]),
            (1, site.day, client.day[0], place.day[0]),
        ):
            expected = self._expected[window]
            x_client, x_place = of_client - q_client * expected, of_place - q_place * expected
            excess = self._excess
            if x_client > excess and self._is_odd(x_client, q_client * expected):
                excess = x_client
            if x_place > excess and self._is_odd(x_place, q_place * expected):
                excess = x_place
            if not excess:
                continue
            r_client = _compare(q_client, x_client, excess) if client.n else 0.0
            r_place = _compare(q_place, x_place, excess) if place.n else 0.0
            n = max(cells[0] + cells[2], excess, 1.0)
            share = min(max(self.share, excess / n) if not window else excess / n, 0.995)
            odds = math.log(share / (1 - share)) + r_client + r_place
            levels = (
                1 + min(max(int(odds * 2 + 12), 0), 38),
                min(max(int(r_client + 4), 0), 10) + 1,
                min(max(int(r_place + 4), 0), 10) + 1,
            )
            best = max(best, levels)
        return best

    def _share(self, kind: Kind) -> float:
        """A kind's share of ordinary strangers."""
        if not kind.n:
            return 0.0
        return (kind.cold + _UNSEEN_STRENGTH * _UNSEEN_SHARE) / (self._site.cold + _UNSEEN_STRENGTH)

    def _is_odd(self, excess: float, mean: float) -> bool:
        if excess < _LEAST_EXCESS_OF_KIND:
            return False
        variance = self.state.nulls[2].dispersion * (mean + 1) + (_SPREAD_OF_KINDS * mean) ** 2
        return excess > _DEVIATIONS * math.sqrt(variance)


def _compare(share: float, excess: float, whole: float) -> float:
    """Log of a kind's share of the attack over that of ordinary strangers."""
    attack = (max(excess, 0.0) + _MIX_STRENGTH * share) / (max(whole, excess, 0.0) + _MIX_STRENGTH)
    return math.log(attack / share)
