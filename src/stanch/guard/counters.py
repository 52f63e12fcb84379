"""What is counted, as the guard sees it: one look before the password is checked, one note after.

A backend may lie in this process (`memory.py`) or on a server. What is known of good customers is written by
successes only and never makes room for what failures write.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final, NamedTuple, Protocol

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from stanch.errors import StoreError
from stanch.guard.keys import Keys

#: How soon after a failure a person tries again, at the latest.
NEAR_S: Final = 20 * 60
#: How long a login that was held an attack's is remembered against strangers: long enough for a new password.
SUSPECT_S: Final = 7 * 86_400
#: A client or place needs so many attempts to be judged for itself; rarer ones are counted together.
OWN_FROM: Final = 20
#: Time constants of the two fading windows and of the long memory of a kind, in seconds.
FADES_S: Final = (30 * 60.0, 86_400.0, 14 * 86_400.0)
#: Cells of a kind's and the site's counts.
COLD_REFUSED, WARM_REFUSED, COLD_SUCCESS, WARM_SUCCESS = range(4)


class CountersGoneError(StoreError):
    """The counts lie on a server that cannot be used now."""


def tell_fade(before_s: int, time_s: int, over_s: float) -> float:
    """What is left of sums of `before_s` (0: there were none) that fade by e in `over_s` seconds.

    No more than a day's fading at a step, however far the clock jumps; nor does it wait for a clock that
    was ahead.
    """
    age = min(time_s - before_s, 86_400) if before_s else 0
    return math.exp(-age / over_s) if age > 0 else 1.0


class Kind(NamedTuple):
    """A client, a place or the whole site: attempts by cell, fading with each of `FADES_S`."""

    #: Within about half an hour: cold refused, warm refused, cold let in, warm let in.
    soon: tuple[float, float, float, float]
    #: The same within about a day.
    day: tuple[float, float, float, float]
    #: Genuine attempts by strangers, and all genuine ones, within about two weeks.
    cold: float
    genuine: float
    #: All attempts ever.
    n: float


#: Habits with the device in a place or network of the account's: nothing else needs to be asked.
KNOWN_DEVICE: Final = frozenset((6, 12))
NO_KIND: Final = Kind((0.0,) * 4, (0.0,) * 4, 0.0, 0.0, 0.0)


class Seen(Struct, frozen=True, gc=False):
    """What the past says about an attempt, its own account left out where others are counted."""

    #: 0 the account was never let in; else 1 + 3 x place + device as in `stuffing_context.sql`, place being 0
    #: elsewhere, 1 this place, 3 this network.
    habit: int
    #: Who tried the account within 20 minutes: 0 nobody, 1 from here, 2 from here and got in, 3 from
    #: elsewhere; 4 within a week a login to it was all but surely an attack's, 5 it was held one.
    again: int
    #: The try before was a stranger's refusal that nobody has followed up yet.
    pending: bool
    #: Networks elsewhere that failed on the account within a day; tries on it from this network.
    n_bad_elsewhere: int
    n_tries: int
    #: Other accounts at the address in this hour and the one before, and those of them never let in there.
    n_now: int
    bad_now: int
    #: The same over days.
    n_ever: int
    bad_ever: int
    #: Other accounts that use the address regularly.
    n_regular: int
    #: Accounts elsewhere in its network, and those of them never let in there.
    n_beside: int
    bad_beside: int
    client: Kind
    place: Kind


class Counters(Protocol):
    """Counts of attempts. Times are seconds since 1970."""

    @property
    def problem(self) -> str:
        """Why they cannot be read or written now; empty if they can."""

    def look(self, keys: Keys, time_s: int) -> Seen:
        """What the past says; changes nothing."""

    async def look_soon(self, keys: Keys, time_s: int) -> Seen:
        """As `look`, without holding up the event loop.

        Raises:
            CountersGoneError: the counts lie on a server that cannot be used.
        """

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
        """Count an attempt whose end is known.

        `seen` is what `look` said of it (of it, only habit, again and pending count), `cold` whether it
        came from where its account is not at home, `p` the probability of attack; `good`: a success that
        makes a habit; one that makes none is remembered against the account's strangers, as an attack's for
        `sure` or not.
        """

    def forget(self, keys: Keys, *, sure: bool) -> None:
        """Take back the habit that a success made: it was an attack's, for `sure` or not."""

    def site(self, time_s: int) -> Kind:
        """Counts of the whole site."""

    def minutes(self, time_s: int, n: int) -> NDArray[np.int64]:
        """Attempts in each of the last `n` minutes (at most a day), this one last, by cell."""

    def load(self, name: str) -> bytes:
        """What was saved under a name; empty if nothing."""

    def save(self, name: str, data: bytes) -> None:
        """Keep some bytes (at most 8,000) under a name."""

    def update(self, name: str, change: Callable[[bytes], bytes]) -> bytes:
        """Replace what was saved under a name by what `change` makes of it, as one step; the new bytes.

        `change` may be called more than once.

        Raises:
            CountersGoneError: the counts lie on a server that cannot be used.
        """

    async def update_soon(self, name: str, change: Callable[[bytes], bytes]) -> bytes:
        """As `update`, without holding up the event loop."""

    async def spend_soon(self, key: int, made_s: int, now_s: int, valid_s: int) -> bool:
        """Whether `key`, made then, was not used before; from now on it was.

        False also where so many were used lately that it cannot be told.

        Raises:
            CountersGoneError: the counts lie on a server that cannot be used.
        """

    def fill(self) -> dict[str, float]:
        """Share of each table in use, from a sample; empty where nothing is of fixed size."""

    def close(self) -> None:
        """Write what is not written yet."""
