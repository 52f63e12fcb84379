"""Rules that people use against password attacks, run over a log that lies there complete.

Each rule is what its maker ships, not what an expert could tune. Two things are asked of it. `hit`: what
it does to an attempt while the log runs, that is whether it refuses it or flags it; the attempt that sets
a rule off counts as hit. `seen`: hit, or counted towards an alarm, which is what somebody reading the
alarm afterwards would know; it flatters the rules, since Stanch too judges afterwards.

*Refused* is every outcome but `success` and `unknown`. What an address sends while it is banned would
never have reached the login, so it counts towards nothing.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

SECOND_US: Final = 1_000_000
MINUTE_US: Final = 60 * SECOND_US
HOUR_US: Final = 60 * MINUTE_US
DAY_US: Final = 24 * HOUR_US
FOR_EVER: Final = 2**62


@dataclass(frozen=True)
class LoginLog:
    """A login log, row by row in order of time."""

    time_us: Ints
    #: Number of the address.
    address: Ints
    #: Name of the account; null where the log has none.
    account: pl.Series
    refused: Flags

    def __len__(self) -> int:
        return len(self.time_us)


@dataclass(frozen=True)
class Marks:
    """What a rule does to each row of a log, and how often it goes off."""

    hit: Flags
    seen: Flags
    n_alarms: int


class Ban(NamedTuple):
    """One alarm about one address: refusals `first` to `last` of it count, `last` sets it off."""

    first: int
    last: int
    until_us: int


Rule = Callable[[LoginLog], Marks]


def make_log(time_us: Ints, ip: pl.Series, account: pl.Series, outcome: pl.Series) -> LoginLog:
    """A log out of columns whose rows are in order of time."""
    assert (np.diff(time_us) >= 0).all(), "rows are not in order of time"
    refused = ~outcome.is_in(["success", "unknown"]).to_numpy()
    return LoginLog(time_us, ip.rank("dense").cast(pl.Int64).to_numpy(), account, refused)


def apply_fail2ban(log: LoginLog) -> Marks:
    """fail2ban's default jail: 5 failures of an address in 10 minutes, banned for 10 minutes.

    `maxretry = 5`, `findtime = 600`, `bantime = 600` in [DEFAULT] of `config/jail.conf`
    (https://github.com/fail2ban/fail2ban); the window slides, as that file says.
    """
    return _apply_bans(log, 5, _ban_as_fail2ban)


def _ban_as_fail2ban(times: Ints) -> Iterator[Ban]:
    sets_off = np.flatnonzero(times[4:] - times[:-4] <= 600 * SECOND_US)
    start = 0
    while (k := int(np.searchsorted(sets_off, start))) < len(sets_off):
        first = int(sets_off[k])
        until_us = int(times[first + 4]) + 600 * SECOND_US
        yield Ban(first, first + 4, until_us)
        start = int(np.searchsorted(times, until_us))


def apply_crowdsec(log: LoginLog) -> Marks:
    """CrowdSec's rule for failed logins and 401: a bucket of 5 that leaks 1 in 10 s; banned for 4 hours.

    `capacity: 5`, `leakspeed: 10s`, `groupby: evt.Meta.source_ip` in
    `scenarios/crowdsecurity/http-generic-bf.yaml` (https://github.com/crowdsecurity/hub); `duration: 4h`
    in `config/profiles.yaml` (https://github.com/crowdsecurity/crowdsec). The bucket overflows with the
    event that finds it full: six at once, or seven within 20 s, and so on.
    """
    return _apply_bans(log, 6, _ban_as_crowdsec)


def _ban_as_crowdsec(times: Ints, capacity: int = 5, leak_us: int = 10 * SECOND_US) -> Iterator[Ban]:
    at = times.tolist()
    i = first = 0
    # When the bucket will be empty, each event pouring in one `leak_us`.
    empty_us = -FOR_EVER
    while i < len(at):
        if at[i] >= empty_us:
            first, empty_us = i, at[i]
        if empty_us + leak_us > at[i] + capacity * leak_us:
            until_us = at[i] + 4 * HOUR_US
            yield Ban(first, i, until_us)
            i, empty_us = bisect_left(at, until_us, i), -FOR_EVER
        else:
            i, empty_us = i + 1, empty_us + leak_us


def apply_axes(log: LoginLog) -> Marks:
    """django-axes: 3 failures of an address, locked out for ever.

    `AXES_FAILURE_LIMIT` 3, `AXES_COOLOFF_TIME` None, `AXES_LOCKOUT_PARAMETERS` the address,
    `AXES_RESET_ON_SUCCESS` False in `axes/conf.py` and `docs/4_configuration.rst`
    (https://github.com/jazzband/django-axes).
    """
    return _apply_bans(log, 3, lambda times: iter([Ban(0, 2, FOR_EVER)]))


def apply_atp(log: LoginLog) -> Marks:
    """AWS WAF account takeover prevention: more than 10 failed logins of an address in 10 minutes.

    Rule `VolumetricIpFailedLoginResponseHigh`, on by default; it acts on new requests for as long as the
    rate is too high, successes among them
    (https://docs.aws.amazon.com/waf/latest/developerguide/aws-managed-rule-groups-atp.html). The rules on
    stolen credentials and on browser sessions need what no login log has.
    """
    return _apply_bans(log, 11, _ban_as_atp)


def _ban_as_atp(times: Ints, limit: int = 10, window_us: int = 10 * MINUTE_US) -> Iterator[Ban]:
    at = times.tolist()
    passed: list[int] = []
    i = 0
    while i < len(at):
        passed.append(i)
        first = passed[-1 - limit] if len(passed) > limit else -1
        if first >= 0 and at[i] - at[first] < window_us:
            until_us = at[first] + window_us
            yield Ban(first, i, until_us)
            i = max(bisect_left(at, until_us, i), i + 1)
        else:
            i += 1


def _apply_bans(log: LoginLog, least: int, find_bans: Callable[[Ints], Iterator[Ban]]) -> Marks:
    """Ask `find_bans` about the refusals of every address that has at least `least` of them."""
    hit, seen = np.zeros(len(log), dtype=bool), np.zeros(len(log), dtype=bool)
    n_alarms = 0
    for rows in _group_rows(log, least):
        times = log.time_us[rows]
        refusals = np.flatnonzero(log.refused[rows])
        for ban in find_bans(times[refusals]):
            n_alarms += 1
            banned = rows[refusals[ban.last] : np.searchsorted(times, ban.until_us)]
            hit[banned] = hit[rows[refusals[ban.last]]] = True
            seen[rows[refusals[ban.first : ban.last + 1]]] = True
    return Marks(hit, seen | hit, n_alarms)


def _group_rows(log: LoginLog, least: int) -> Iterator[Ints]:
    """The rows of each address with at least `least` refusals, in order of time."""
    n_refused = np.bincount(log.address, weights=log.refused)
    worth = np.flatnonzero(n_refused[log.address] >= least)
    worth = worth[np.argsort(log.address[worth], kind="stable")]
    if len(worth):
        yield from np.split(worth, np.flatnonzero(np.diff(log.address[worth])) + 1)


def apply_elastic(log: LoginLog) -> Marks:
    """Elastic's spray rule over many sources: a quarter of an hour with many refusals, anywhere.

    At least 25 refusals of at least 8 users from at least 5 addresses, at most 5 per user and at least
    one user per address, in `rules/integrations/okta/credential_access_okta_password_spray_multi_source.toml`
    (https://github.com/elastic/detection-rules). It is an alert that lists users and addresses. Hit is
    every refusal in that quarter, and whatever else the listed addresses sent in it: that is what the
    rule's own guide has an analyst look at.
    """
    bucket = log.time_us // (15 * MINUTE_US)
    refusals = pl.DataFrame({"bucket": bucket, "address": log.address, "account": log.account})
    refusals = refusals.filter(pl.Series(log.refused))
    counted = refusals.group_by("bucket").agg(
        n=pl.len(), users=pl.col("account").drop_nulls().n_unique(), sources=pl.col("address").n_unique()
    )
    alarms = counted.filter(
        (pl.col("n") >= 25)
        & (pl.col("users") >= 8)
        & (pl.col("sources") >= 5)
        & (pl.col("n") <= 5 * pl.col("users"))
        & (pl.col("users") >= pl.col("sources"))
    )
    listed = refusals.join(alarms, on="bucket", how="semi").select("bucket", "address").unique()
    rows = pl.DataFrame({"bucket": bucket, "address": log.address}).with_row_index("row")
    hit = np.zeros(len(log), dtype=bool)
    hit[rows.join(listed, on=["bucket", "address"], how="semi")["row"].to_numpy()] = True
    return Marks(hit, hit, len(alarms))


def apply_arana(log: LoginLog) -> Marks:
    """Araña's first filter: addresses with more than 7 requests in a day, over 80 % of them failed.

    `NR > 7 and FF > 0.8` in `ip_feature_table/filtering.py` (https://github.com/islamazhar/Arana-Public),
    Islam et al., *Araña: Discovering and characterizing password guessing attacks in practice*, USENIX
    Security 2023. The later filters need the university's own second factor and networks. Days are UTC.
    """
    days = pl.DataFrame({"address": log.address, "day": log.time_us // DAY_US, "refused": log.refused})
    judged = days.with_columns(
        hit=(pl.len().over("address", "day") > 7) & (pl.col("refused").mean().over("address", "day") > 0.8)
    )
    hit = judged["hit"].to_numpy()
    return Marks(hit, hit, judged.filter("hit").select("address", "day").n_unique())


#: Every rule by the name that tables show.
RULES: Final[dict[str, Rule]] = {
    "fail2ban": apply_fail2ban,
    "CrowdSec": apply_crowdsec,
    "django-axes": apply_axes,
    "AWS ATP": apply_atp,
    "Elastic": apply_elastic,
    "Araña": apply_arana,
}
