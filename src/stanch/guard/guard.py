"""The guard: one attempt in, one answer out; what came of it back in; now and then a look at the whole."""

from __future__ import annotations

import asyncio
import ipaddress
import math
from collections import OrderedDict, deque
from typing import Final

from msgspec import Struct

from stanch.guard.attempts import Action, Answer, Attempt, Reason
from stanch.guard.budget import Budget
from stanch.guard.counters import NO_KIND, Counters, CountersGoneError, Seen
from stanch.guard.decisions import Decision
from stanch.guard.drift import Drift
from stanch.guard.features import AT_HOME, BLOCKS, list_levels
from stanch.guard.keys import KeyMaker, Keys
from stanch.guard.reasons import list_reasons, load_texts
from stanch.guard.scorecard import Scorecard, probability
from stanch.guard.settings import GuardSettings
from stanch.guard.wave import Wave

_SECOND_US: Final = 1_000_000
#: When a login by a stranger is looked at again, in seconds after it.
_LOOKS_S: Final = (600, 3_600, 21_600, 86_400)
#: Log-odds more than a challenge needs: several looks at one login find more that is chance.
_LATE: Final = 1.0
#: Log-odds from which a login is all but surely an attack's.
_SUSPECT: Final = 3.0
#: `Seen.again` of an account that had such a login within a week.
_OPENED: Final = 4
#: ... or one that was held an attack's at all.
_SUSPECTED: Final = (4, 5)
_MOST_LATE: Final = 50_000
_MOST_PER_SWEEP: Final = 5_000
#: … and so many before others have their turn.
_MOST_AT_ONCE: Final = 64
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
    """One guard. Not for several threads at once."""

    def __init__(
        self, counters: Counters, scorecard: Scorecard, settings: GuardSettings, secret: bytes
    ) -> None:
        self._counters = counters
        self._keys = KeyMaker(secret)
        self._wave = Wave(counters)
        self._budget = Budget(counters, settings.budget)
        self._drift = Drift(counters)
        self._challenge = self._base_challenge = self._deny = math.inf
        self._late: list[deque[tuple[int, Context]]] = [deque(maxlen=_MOST_LATE) for _ in _LOOKS_S]
        self._foul: OrderedDict[int, Context] = OrderedDict()
        self._decided: dict[str, int] = {}
        self.use(scorecard, settings)

    def assess(self, attempt: Attempt) -> Assessment:
        """What to do about an attempt, before its password is checked.

        Raises:
            AddressError: the address is none.
        """
        keys = self._keys.make(attempt)
        return self._weigh(attempt, keys, self._counters.look(keys, attempt.time_us // _SECOND_US))

    async def assess_soon(self, attempt: Attempt) -> Assessment:
        """As `assess`, without holding up the event loop while a counters' server is asked.

        While that is gone the answer is the one that the settings name, and the attempt is not counted.
        """
        keys = self._keys.make(attempt)
        try:
            seen = await self._counters.look_soon(keys, attempt.time_us // _SECOND_US)
        except CountersGoneError:
            return self._give_up(attempt, keys)
        return self._weigh(attempt, keys, seen)

    def _weigh(self, attempt: Attempt, keys: Keys, seen: Seen) -> Assessment:
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
        context = Context(
            attempt.time_us // _SECOND_US, attempt.ip, attempt.account, keys, levels, log_odds, action,
            habit, seen.again, seen.pending, seen.n_now, seen.bad_now, seen.n_regular, known, leaked,
        )  # fmt: skip
        return Assessment(self._answer(action, log_odds, levels), context)

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
        seen = _recall(context)
        if outcome == "unknown" or not context.levels:
            return self._answer("allow", context.log_odds, ())
        success = outcome == "success"
        adds = self.scorecard.success if success else self.scorecard.refused
        log_odds = context.log_odds + adds[context.habit]
        p = probability(log_odds)
        cold = context.habit not in AT_HOME
        # A challenge that was only simulated has proved nothing.
        proven = context.action == "allow" or "challenge" in self.settings.enforce
        good = success and p < 0.5 and proven
        self._counters.note(
            context.keys,
            context.time_s,
            seen,
            success=success,
            cold=cold,
            p=p,
            good=good,
            sure=context.log_odds >= _SUSPECT,
        )
        self._budget.note(context.log_odds, 1 - p, success=success, again=context.again in _SUSPECTED)
        if not self._wave.alarm:
            self._drift.note(context.levels, 1 - p)
        if not success:
            if p >= _SURE and context.n_now >= _FOUL_FROM and context.bad_now >= 0.8 * context.n_now:
                self._foul[context.keys.host] = context
                if len(self._foul) > _MOST_DECISIONS:
                    self._foul.popitem(last=False)
            return self._answer("allow", log_odds, ())
        # Whoever did what was asked is not thrown out for what was known then; late looks remain.
        is_strange = context.log_odds >= self._challenge and not context.known and not context.passed
        if is_strange and p >= self.scorecard.reset:
            return self._answer("reset", log_odds, context.levels)
        if cold and not context.known:
            self._late[0].append((context.time_s + _LOOKS_S[0], context))
        return self._answer("allow", log_odds, ())

    def sweep(self, now_us: int) -> Sweep:
        """Look at the whole; every few seconds."""
        now_s = now_us // _SECOND_US
        self._look_at_site(now_s)
        resets = []
        while late := self._take_late(now_s, _MOST_PER_SWEEP):
            resets += self._look_again([(stage, c, self._counters.look(c.keys, now_s)) for stage, c in late])
        return self._sum_up(now_us, resets)

    async def sweep_soon(self, now_us: int) -> Sweep:
        """As `sweep`, letting others have their turn.

        Raises:
            CountersGoneError: the counts lie on a server that cannot be used.
        """
        now_s, left, resets = now_us // _SECOND_US, _MOST_PER_SWEEP, []
        self._look_at_site(now_s)
        while late := self._take_late(now_s, min(left, _MOST_AT_ONCE)):
            try:
                seen = await asyncio.gather(*(self._counters.look_soon(c.keys, now_s) for _, c in late))
            except CountersGoneError:
                for stage, context in reversed(late):
                    self._late[stage].appendleft((now_s, context))
                raise
            resets += self._look_again([(*found, past) for found, past in zip(late, seen, strict=True)])
            left -= len(late)
            await asyncio.sleep(0)
        return self._sum_up(now_us, resets)

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
            self._tell_misfit(block, drift, usual) if drift > usual else "",
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

    def _tell_misfit(self, block: str, drift: float, usual: float) -> str:
        return load_texts(self.settings.lang)["misfit"].format(
            block=block, percent=round(100 * drift), usual=round(100 * usual)
        )

    def _set_threshold(self) -> None:
        self._challenge = max(self._base_challenge, self._budget.threshold)

    def _answer(self, action: Action, log_odds: float, levels: tuple[int, ...]) -> Answer:
        reasons = () if action == "allow" else list_reasons(self.scorecard, levels, self.settings.lang)
        return Answer(action, probability(log_odds), reasons, action not in self.settings.enforce)

    def _take_late(self, now_s: int, most: int) -> list[tuple[int, Context]]:
        """Logins of strangers whose time has come to be looked at again, and for which time."""
        taken: list[tuple[int, Context]] = []
        for stage, queue in enumerate(self._late):
            # Further ahead than this it was put there by a clock that was wrong.
            latest_s = now_s + _LOOKS_S[stage] + 3_600
            while queue and not now_s < queue[0][0] <= latest_s and len(taken) < most:
                taken.append((stage, queue.popleft()[1]))
        return taken

    def _look_again(self, late: list[tuple[int, Context, Seen]]) -> list[Reset]:
        """Score logins of strangers anew by what came after them."""
        resets = []
        for stage, context, seen in late:
            found = self._score_late(context, seen)
            if found is not None:
                resets.append(found)
            elif stage + 1 < len(_LOOKS_S) and _LOOKS_S[stage + 1] <= 3600 * self.settings.late_hours:
                self._late[stage + 1].append((context.time_s + _LOOKS_S[stage + 1], context))
        return resets

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
        reasons = list_reasons(self.scorecard, levels, self.settings.lang)
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
