"""The guard: one attempt in, one answer out; what came of it back in; now and then a look at the whole."""

from __future__ import annotations

import asyncio
import ipaddress
import math
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Final

from msgspec import Struct

from stanch.guard.attempts import Action, Answer, Attempt, Reason
from stanch.guard.budget import Budget
from stanch.guard.counters import NO_KIND, Counters, CountersGoneError, Seen
from stanch.guard.decisions import Decision
from stanch.guard.drift import Drift
from stanch.guard.features import AT_HOME, BLOCKS, list_levels
from stanch.guard.keys import KeyMaker, Keys
from stanch.guard.late import LOOKS_S, LateLooks, Look, plan_look
from stanch.guard.reasons import list_reasons, load_texts, tell_misfit
from stanch.guard.scorecard import Scorecard, probability
from stanch.guard.settings import GuardSettings
from stanch.guard.wave import Wave

_SECOND_US: Final = 1_000_000
#: A row so much older than the guard's time is judged as of now and not counted; a login takes no longer.
_OLD_S: Final = 3_600
#: No row moves the guard's time further past the wall clock.
_SKEW_S: Final = 60
#: Log-odds more than a challenge needs: several looks at one login find more that is chance.
_LATE: Final = 1.0
#: Log-odds from which a login is all but surely an attack's.
_SUSPECT: Final = 3.0
#: `Seen.again` of an account that had such a login within a week.
_OPENED: Final = 4
#: ... or one that was held an attack's at all.
_SUSPECTED: Final = (4, 5)
#: Late looks taken at once.
_MOST_AT_ONCE: Final = 5_000
#: A host needs so many other accounts, none of them let in, and so sure an attack, for a decision.
_FOUL_FROM: Final = 10
_SURE: Final = 0.99
_MOST_DECISIONS: Final = 20_000


class Context(Struct, array_like=True, frozen=True):
    """All that `settle` needs of an attempt; handed out encrypted, so that the guard keeps none."""

    time_s: int
    ip: str
    account: str
    keys: Keys
    levels: tuple[int, ...]
    #: Log-odds of attack before the password was checked.
    log_odds: float
    action: Action
    #: What `note` has to know of the look: habit, again, whether a refusal was pending.
    habit: int
    again: int
    pending: bool
    #: Other accounts at the address lately, those never let in, those that come regularly.
    n_now: int
    bad_now: int
    n_regular: int
    #: The device is known for the account.
    known: bool
    #: Name and password are on the list of leaked credentials.
    leaked: bool
    #: A challenge was passed for it.
    passed: bool = False
    #: It came too late to be counted.
    is_old: bool = False

    @property
    def score(self) -> float:
        """Probability of attack before the password was checked."""
        return probability(self.log_odds)


class Assessment(Struct, frozen=True):
    """The answer, and the context that comes back with the outcome."""

    answer: Answer
    context: Context


class Reset(Struct, frozen=True):
    """A login that was let in and later turned out to look like an attack's: revoke password and sessions."""

    account: str
    score: float
    reasons: tuple[Reason, ...]
    context: Context
    simulated: bool


class Sweep(Struct, frozen=True):
    """What a look at the whole brought."""

    time_us: int
    decisions: tuple[Decision, ...] = ()
    resets: tuple[Reset, ...] = ()
    #: Share of attack among the attempts of strangers on the site.
    level: float = 0.0
    #: Whether there is an attack on the site, and when it was first seen.
    alarm: bool = False
    since_us: int = 0
    #: Probability that an attempt needs to be challenged.
    threshold: float = 1.0
    #: Share of genuine logins challenged lately, as far as known.
    spent: float = 0.0
    #: How far the scorecard's calm hours are from this shop's, 0 to 1 (total variation); in words if too far.
    drift: float = 0.0
    misfit: str = ""


class Guard:
    """One guard. Not for several threads at once.

    Its time is the latest that a row or a look at the whole has told, kept over restarts. With a wall clock
    (`now_us`) nothing moves it more than a minute past that, and a look at the whole sets back one that is.
    """

    def __init__(
        self,
        counters: Counters,
        scorecard: Scorecard,
        settings: GuardSettings,
        secret: bytes,
        now_us: Callable[[], int] | None = None,
    ) -> None:
        self._counters = counters
        self._keys = KeyMaker(secret)
        self._wave = Wave(counters)
        self._budget = Budget(counters, settings.budget)
        self._drift = Drift(counters)
        self._challenge = self._base_challenge = self._deny = math.inf
        self._now_us = now_us
        self._time_s = self._wave.state.minute * 60
        #: Rows that came too late to be counted.
        self.n_old = 0
        #: Logins of strangers that are to be looked at again; whoever runs the guard may keep them elsewhere.
        self.late = LateLooks()
        self._foul: OrderedDict[int, Context] = OrderedDict()
        self._decided: dict[str, int] = {}
        self.use(scorecard, settings)

    def assess(self, attempt: Attempt) -> Assessment:
        """What to do about an attempt, before its password is checked.

        Raises:
            AddressError: the address is none.
        """
        keys = self._keys.make(attempt)
        time_s = self._place(attempt.time_us // _SECOND_US)
        return self._weigh(attempt, keys, time_s, self._counters.look(keys, time_s))

    async def assess_soon(self, attempt: Attempt) -> Assessment:
        """As `assess`, without holding up the event loop while a counters' server is asked.

        While that is gone the answer is the one that the settings name, and the attempt is not counted.
        """
        keys = self._keys.make(attempt)
        time_s = self._place(attempt.time_us // _SECOND_US)
        try:
            seen = await self._counters.look_soon(keys, time_s)
        except CountersGoneError:
            return self._give_up(attempt, keys)
        return self._weigh(attempt, keys, time_s, seen)

    def _place(self, time_s: int) -> int:
        """The second as of which a row is judged: its own, but neither long past nor ahead."""
        if time_s > self._time_s:
            self._time_s = max(self._time_s, self._cap(time_s))
        elif time_s >= self._time_s - _OLD_S:
            return time_s
        return self._time_s

    def _cap(self, time_s: int) -> int:
        """`time_s`, or the latest that the guard's time may be."""
        return time_s if self._now_us is None else min(time_s, self._now_us() // _SECOND_US + _SKEW_S)

    def _set_time(self, now_us: int) -> int:
        """The guard's time at a look at the whole."""
        self._time_s = self._cap(max(self._time_s, now_us // _SECOND_US))
        return self._time_s

    def _weigh(self, attempt: Attempt, keys: Keys, time_s: int, seen: Seen) -> Assessment:
        habit = seen.habit
        wave = (0, 0, 0) if habit in AT_HOME else self._wave.tell(seen.client, seen.place)
        levels = list_levels(seen, wave)
        leaked = bool(attempt.leaked)
        log_odds = self._score(levels, leaked)
        known = attempt.device_known or (habit > 3 and (habit - 1) % 3 == 2)
        action: Action = "allow"
        if log_odds >= self._challenge and not known:
            action = "deny" if log_odds >= self._deny and _is_foul(seen) else "challenge"
        elif seen.again == _OPENED and habit not in AT_HOME and not known and self.settings.budget:
            # Whoever opened the account may come back from anywhere; its owner comes from home.
            action = "challenge"
        is_old = attempt.time_us // _SECOND_US < time_s - _OLD_S
        self.n_old += is_old
        context = Context(
            time_s, attempt.ip, attempt.account, keys, levels, log_odds, action, habit, seen.again,
            seen.pending, seen.n_now, seen.bad_now, seen.n_regular, known, leaked, is_old=is_old,
        )  # fmt: skip
        return Assessment(self._answer(action, log_odds, levels, leaked=leaked), context)

    def _score(self, levels: tuple[int, ...], leaked: bool) -> float:
        """Log-odds of attack before the password is checked; levels below 0 say nothing."""
        log_odds = self.scorecard.base
        for table, level in zip(self._tables, levels, strict=True):
            if level >= 0:
                log_odds += table[level]
        return log_odds + self.scorecard.leaked if leaked else log_odds

    def _give_up(self, attempt: Attempt, keys: Keys) -> Assessment:
        """Without counts: known devices pass, for the others the operator has chosen."""
        known, base = attempt.device_known, self.scorecard.base
        action: Action = "allow" if known else self.settings.on_unavailable
        context = Context(
            attempt.time_us // _SECOND_US, attempt.ip, attempt.account, keys, (), base, action,
            0, 0, False, 0, 0, 0, known, bool(attempt.leaked),
        )  # fmt: skip
        why = Reason("unavailable", load_texts(self.settings.lang)["unavailable"])
        return Assessment(
            Answer(action, probability(base), (why,), action not in self.settings.enforce), context
        )

    def settle(self, context: Context, outcome: str) -> Answer:
        """Count how an attempt ended; "reset" for a success that looks like an attack's.

        `outcome` is a word of the column of `logins`.
        """
        if outcome == "unknown" or not context.levels:
            return self._answer("allow", context.log_odds, ())
        success = outcome == "success"
        adds = self.scorecard.success if success else self.scorecard.refused
        log_odds = context.log_odds + adds[context.habit]
        p = probability(log_odds)
        if not context.is_old:
            self._count(context, p, success=success)
        # Whoever did what was asked is not thrown out for what was known then; late looks remain.
        is_strange = context.log_odds >= self._challenge and not context.known and not context.passed
        if success and is_strange and p >= self.scorecard.reset:
            return self._answer("reset", log_odds, context.levels, leaked=context.leaked)
        if success and context.habit not in AT_HOME and not context.known and not context.is_old:
            self.late.add(plan_look(context, 0))
        return self._answer("allow", log_odds, ())

    def _count(self, context: Context, p: float, *, success: bool) -> None:
        """Count an attempt that was an attack's with probability `p`."""
        cold = context.habit not in AT_HOME
        # A challenge that was only simulated has proved nothing.
        proven = context.action == "allow" or "challenge" in self.settings.enforce
        good = success and p < 0.5 and proven
        self._counters.note(
            context.keys,
            # However late the end is told: what is older would set counts back.
            max(context.time_s, self._time_s - _OLD_S),
            _recall(context),
            success=success,
            cold=cold,
            p=p,
            good=good,
            sure=context.log_odds >= _SUSPECT,
        )
        self._budget.note(context.log_odds, 1 - p, success=success, again=context.again in _SUSPECTED)
        if not self._wave.alarm:
            self._drift.note(context.levels, 1 - p)
        is_foul = context.n_now >= _FOUL_FROM and context.bad_now >= 0.8 * context.n_now
        if not success and p >= _SURE and is_foul:
            self._foul[context.keys.host] = context
            if len(self._foul) > _MOST_DECISIONS:
                self._foul.popitem(last=False)

    def sweep(self, now_us: int) -> Sweep:
        """Look at the whole; every few seconds."""
        now_s = self._set_time(now_us)
        self._look_at_site(now_s)
        resets = []
        while looks := self.late.take(now_s, _MOST_AT_ONCE):
            for look in looks:
                found = self._look_again(look, self._counters.look(look.context.keys, now_s))
                if isinstance(found, Reset):
                    resets.append(found)
                elif found is not None:
                    self.late.add(found)
        return self._sum_up(now_us, resets)

    async def sweep_soon(self, now_us: int) -> Sweep:
        """As `sweep`, for a guard whose late looks wait elsewhere: see `look_again_soon`.

        Raises:
            CountersGoneError: the counts lie on a server that cannot be used.
        """
        self._look_at_site(self._set_time(now_us))
        return self._sum_up(now_us, [])

    async def look_again_soon(self, looks: Sequence[Look]) -> list[Reset | Look | None]:
        """What comes of each look that is due: a reset, a further look, or nothing any more.

        Raises:
            CountersGoneError: the counts lie on a server that cannot be used.
        """
        now_s = self._time_s
        seen = await asyncio.gather(*(self._counters.look_soon(look.context.keys, now_s) for look in looks))
        return [self._look_again(look, past) for look, past in zip(looks, seen, strict=True)]

    def _look_at_site(self, now_s: int) -> None:
        self._wave.sweep(now_s)
        self._budget.sweep(now_s)
        self._drift.sweep(now_s, self.scorecard)
        self._set_threshold()

    def _sum_up(self, now_us: int, resets: list[Reset]) -> Sweep:
        block, drift, usual = self._drift.worst
        return Sweep(
            now_us,
            tuple(self._decide(now_us)),
            tuple(resets),
            self._wave.share,
            self._wave.alarm,
            self._wave.state.since_s * _SECOND_US if self._wave.alarm else 0,
            probability(self._challenge),
            self._budget.spent(self._challenge),
            drift,
            tell_misfit(block, drift, usual, self.settings.lang),
        )

    @property
    def alarm(self) -> bool:
        """Whether an attack on the whole site is seen."""
        return self._wave.alarm

    def use(self, scorecard: Scorecard, settings: GuardSettings) -> None:
        """Go on with another scorecard and other settings; what was counted stays, as do its sizes."""
        self.scorecard, self.settings = scorecard, settings
        self._tables = tuple(scorecard.addends[name] for name in BLOCKS)
        self._deny = math.log(scorecard.deny / (1 - scorecard.deny))
        self._base_challenge = math.log(scorecard.challenge / (1 - scorecard.challenge))
        self._budget.share = settings.budget
        self._set_threshold()

    def fill(self) -> dict[str, float]:
        """Share of each table of the counters that is in use."""
        try:
            return self._counters.fill()
        except CountersGoneError:
            return {}

    @property
    def problem(self) -> str:
        """Why the counters cannot be used now; empty if they can."""
        return self._counters.problem

    def close(self) -> None:
        """Write what is not written yet."""
        self._counters.close()

    def _set_threshold(self) -> None:
        self._challenge = max(self._base_challenge, self._budget.threshold)

    def _answer(
        self, action: Action, log_odds: float, levels: tuple[int, ...], *, leaked: bool = False
    ) -> Answer:
        reasons: tuple[Reason, ...] = ()
        if action != "allow":
            reasons = list_reasons(self.scorecard, levels, self.settings.lang, leaked=leaked)
        return Answer(action, probability(log_odds), reasons, action not in self.settings.enforce)

    def _look_again(self, look: Look, seen: Seen) -> Reset | Look | None:
        """Score the login of a stranger anew by what came after it."""
        found = self._score_late(look.context, seen)
        if found is not None:
            return found
        stage = look.stage + 1
        if stage < len(LOOKS_S) and LOOKS_S[stage] <= 3600 * self.settings.late_hours:
            return plan_look(look.context, stage)
        return None

    def _score_late(self, context: Context, seen: Seen) -> Reset | None:
        # What is asked of the account stays as it was: by now the login itself is a habit.
        wave = self._wave.tell(seen.client, seen.place)
        levels = list_levels(seen, wave)
        behaviour, target = context.levels[0], context.levels[4]
        levels = (behaviour, *levels[1:4], target, *levels[5:])
        log_odds = self._score(levels, context.leaked)
        if log_odds < self._challenge + _LATE:
            return None
        self._counters.forget(context.keys, sure=log_odds >= _SUSPECT)
        self._budget.note(log_odds, 1 - probability(log_odds + self.scorecard.success[context.habit]))
        reasons = list_reasons(self.scorecard, levels, self.settings.lang, leaked=context.leaked)
        return Reset(
            context.account, probability(log_odds), reasons, context, "reset" not in self.settings.enforce
        )

    def _decide(self, now_us: int) -> list[Decision]:
        """Decisions about addresses that attacked since the last look."""
        now_s = now_us // _SECOND_US
        latest_s = now_s + self.settings.ban_s
        for value in [value for value, until in self._decided.items() if not now_s < until <= latest_s]:
            del self._decided[value]
        made = []
        while self._foul:
            _, context = self._foul.popitem(last=False)
            is_v6 = ":" in context.ip
            value = _name_site(context.ip) if is_v6 else context.ip
            if value in self._decided or len(self._decided) >= _MOST_DECISIONS:
                continue
            self._decided[value] = now_s + self.settings.ban_s
            shared = context.n_regular > 0
            made.append(
                Decision(
                    value,
                    "range" if is_v6 else "ip",
                    "captcha" if shared else "ban",
                    "stanch/many-accounts",
                    load_texts(self.settings.lang)["accounts"].format(bad=context.bad_now, n=context.n_now),
                    now_us,
                    now_us + self.settings.ban_s * _SECOND_US,
                    "ban" not in self.settings.enforce,
                )
            )
        return made


def _is_foul(seen: Seen) -> bool:
    """Whether an address tried many accounts, lets hardly any in, and has no customers of its own."""
    return seen.n_now >= _FOUL_FROM and seen.bad_now >= 0.9 * seen.n_now and not seen.n_regular


def _recall(context: Context) -> Seen:
    return Seen(context.habit, context.again, context.pending, 0, 0, 0, 0, 0, 0, 0, 0, 0, NO_KIND, NO_KIND)


def _name_site(ip: str) -> str:
    """The /64 of an IPv6 address."""
    return str(ipaddress.ip_network(f"{ip}/64", strict=False))
