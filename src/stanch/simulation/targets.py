"""What an attacker tries: lists of names, the few that open, the order of tries."""

from __future__ import annotations

import numpy as np
import polars as pl

from stanch.simulation.attempts import FAILURE, SUCCESS, UNKNOWN_ACCOUNT, Attempts
from stanch.simulation.draws import Generator, Ints, draw_between
from stanch.simulation.names import make_account_names, misspell
from stanch.simulation.shop import Shop


def draw_targets(
    rng: Generator, shop: Shop, n_targets: int, p_unknown: float, now_us: int
) -> tuple[Ints, Ints]:
    """A list in random order, and the accounts on it that the shop had at `now_us`."""
    there = np.flatnonzero(shop.customers.registered_us <= now_us)
    n_known = min(round(n_targets * (1 - p_unknown)), len(there))
    known = rng.choice(there, size=n_known, replace=False)
    # A list cleaned to accounts that exist cannot be longer than the shop is large.
    n_unknown = n_targets - n_known if p_unknown > 0 else 0
    return rng.permutation(np.concatenate([known, _draw_unknown(rng, shop, n_unknown)])), known


def _draw_unknown(rng: Generator, shop: Shop, n: int) -> Ints:
    """Names that the shop does not have: strangers, and some retired or misspelt accounts of its own."""
    if n <= 0:
        return np.zeros(0, dtype=np.int64)
    n_near = round(draw_between(rng, (0.0, 0.06)) * n)
    near = misspell(rng, shop.names[0].gather(rng.integers(len(shop.customers), size=n_near)).to_list())
    strange = make_account_names(rng, n - n_near, _mix_schemes(rng, shop), shop.all_names())
    return shop.add_names(pl.concat([pl.Series(near, dtype=pl.String), strange]))


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


def mark_unknown(attempts: Attempts, known: Ints) -> Attempts:
    """Failures at names that the shop does not have end as `unknown_account`."""
    strange = ~np.isin(attempts.account, known) & (attempts.outcome == FAILURE)
    return attempts.replace(outcome=np.where(strange, UNKNOWN_ACCOUNT, attempts.outcome))
