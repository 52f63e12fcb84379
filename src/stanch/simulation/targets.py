"""What an attacker tries: lists of names, the few that open, the order of tries."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from stanch.simulation.attempts import CHALLENGED, DENIED, FAILURE, SUCCESS, UNKNOWN_ACCOUNT, Attempts
from stanch.simulation.draws import Generator, Ints, draw_between
from stanch.simulation.names import make_account_names, misspell
from stanch.simulation.shop import Shop


@dataclass(frozen=True)
class ListMix:
    """What a list holds beside customers' accounts."""

    #: Of all names: unknown to the shop.
    p_unknown: float
    #: Of these: a slip away from a customer's name, and closed accounts.
    p_near: float = 0.0
    p_retired: float = 0.0


def draw_targets(rng: Generator, shop: Shop, n_targets: int, mix: ListMix, now_us: int) -> tuple[Ints, Ints]:
    """A list in random order, and the accounts on it that the shop had at `now_us`."""
    there = np.flatnonzero(shop.customers.registered_us <= now_us)
    n_known = min(round(n_targets * (1 - mix.p_unknown)), len(there))
    known = rng.choice(there, size=n_known, replace=False)
    # A list cleaned to accounts that exist cannot be longer than the shop is large.
    n_unknown = n_targets - n_known if mix.p_unknown > 0 else 0
    return rng.permutation(np.concatenate([known, _draw_unknown(rng, shop, n_unknown, mix)])), known


def _draw_unknown(rng: Generator, shop: Shop, n: int, mix: ListMix) -> Ints:
    """Names that the shop does not have: strangers, near misses, and retired accounts of its own."""
    if n <= 0:
        return np.zeros(0, dtype=np.int64)
    retired = shop.margins.retired
    n_retired = min(round(mix.p_retired * n), len(retired))
    n_near = min(round(mix.p_near * n), n - n_retired)
    near = misspell(rng, shop.names[0].gather(rng.integers(len(shop.customers), size=n_near)).to_list())
    near_at = shop.find_or_add(pl.Series(near, dtype=pl.String))
    # A slip that hits another customer is dropped: it would be tried as an account that exists.
    near_at = near_at[near_at >= len(shop.customers)]
    n_strange = n - n_retired - len(near_at)
    strange = make_account_names(rng, n_strange, _mix_schemes(rng, shop), shop.all_names())
    return np.concatenate(
        [near_at, rng.choice(retired, size=n_retired, replace=False), shop.add_names(strange)]
    )


def _mix_schemes(rng: Generator, shop: Shop) -> dict[str, float]:
    """A list from elsewhere holds the shop's kinds of names, half the time with mail addresses among them."""
    other = draw_between(rng, (0.0, 0.4)) if rng.random() < 0.5 else 0.0
    mixed = {scheme: (1 - other) * share for scheme, share in shop.schemes.items()}
    mixed["mail"] = mixed.get("mail", 0.0) + other
    return mixed


def order_list(rng: Generator, targets: Ints, n: int) -> Ints:
    """`n` tries of a list: everybody once, then round by round those with more passwords."""
    rounds = [np.arange(len(targets))]
    left = n - len(targets)
    while left > 0:
        rounds.append(rng.choice(len(targets), size=min(left, len(targets)), replace=False))
        left -= len(rounds[-1])
    return np.asarray(targets[np.concatenate(rounds)[:n]])


def order_guesses(rng: Generator, targets: Ints, n: int) -> Ints:
    """`n` tries of few names, several worked on side by side."""
    shares = rng.dirichlet(np.full(len(targets), 2.0))
    order = np.repeat(np.arange(len(targets)), rng.multinomial(n, shares))
    return np.asarray(targets[order[np.argsort(np.arange(n) + rng.exponential(n / len(targets), n))]])


def decide_outcomes(rng: Generator, account: Ints, opening: Ints) -> Ints:
    """Each opening account opens at one of its tries; everything else fails."""
    outcome = np.full(len(account), FAILURE, dtype=np.int64)
    tries = rng.permutation(np.flatnonzero(np.isin(account, opening)))
    _, first = np.unique(account[tries], return_index=True)
    outcome[tries[first]] = SUCCESS
    return outcome


def mix_in_own(rng: Generator, shop: Shop, tried: tuple[Ints, Ints], share: float) -> tuple[Ints, Ints, Ints]:
    """Accounts and outcomes with good logins to the attacker's own accounts among them; and these."""
    account, outcome = tried
    n_own = max(1, round(len(account) * share / (1 - share)))
    n_accounts = int(rng.integers(2, 40))
    own = shop.add_names(make_account_names(rng, n_accounts, shop.schemes, shop.all_names()))
    at = np.sort(rng.integers(len(account) + 1, size=n_own))
    account = np.insert(account, at, own[rng.integers(len(own), size=n_own)])
    return account, np.insert(outcome, at, SUCCESS), own


def turn_away(rng: Generator, outcome: Ints, machine: Ints, share: float) -> Ints:
    """Outcomes, where a share of the attempts is refused before the password is looked at.

    Some machines are refused nearly always, others hardly ever; 28 of 48 refusals are final (status 403)
    and 20 ask to wait (429), as in a published hour of stuffing.
    """
    if share <= 0:
        return outcome
    p_machine = rng.beta(0.6 * share, 0.6 * (1 - share), size=int(machine.max()) + 1)
    refused = rng.random(len(outcome)) < p_machine[machine]
    answer = np.where(rng.random(len(outcome)) < 28 / 48, DENIED, CHALLENGED)
    return np.where(refused, answer, outcome)


def mark_unknown(attempts: Attempts, known: Ints) -> Attempts:
    """Failures at names that the shop does not have end as `unknown_account`."""
    strange = ~np.isin(attempts.account, known) & (attempts.outcome == FAILURE)
    return attempts.replace(outcome=np.where(strange, UNKNOWN_ACCOUNT, attempts.outcome))
