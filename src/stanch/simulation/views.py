"""Rows of the access log while they are made."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
import polars as pl

from stanch.simulation.attempts import Attempts, format_numbers, format_times, truncate_times
from stanch.simulation.draws import Flags, Ints, Words
from stanch.simulation.networks import Addresses, format_addresses
from stanch.simulation.orders import Orders
from stanch.simulation.shop import Shop
from stanch.simulation.team import ALL_FIELDS, FIELD_BIT, Team


@dataclass(frozen=True)
class Views:
    """Looks at orders row by row."""

    time_us: Ints
    #: Index into the team; -1 is a customer, then `account` says which.
    actor: Ints
    account: Ints
    order: Ints
    #: Set of visible fields.
    fields: Ints
    #: Index of the actor whose channel was used, -1 for the customer's page.
    channel: Ints
    high: Words
    low: Words
    session: Ints

    def __len__(self) -> int:
        return len(self.time_us)

    def take(self, rows: Ints | Flags) -> Views:
        """These rows, in this order."""
        return Views(*(getattr(self, f.name)[rows] for f in fields(self)))

    def move(self, addresses: Addresses) -> Views:
        """The same looks from other addresses."""
        return replace(self, high=addresses.high, low=addresses.low)


def make_views(team: Team, time_us: Ints, actor: Ints, order: Ints, channel: Ints | None = None) -> Views:
    """Looks of actors of the team, each seeing what it usually sees."""
    none = np.full(len(time_us), -1, dtype=np.int64)
    return Views(
        time_us=time_us,
        actor=actor,
        account=none,
        order=order,
        fields=np.array(team.sees, dtype=np.int64)[actor],
        channel=actor if channel is None else channel,
        high=np.zeros(len(time_us), dtype=np.uint64),
        low=np.array(team.addresses, dtype=np.uint64)[actor],
        session=none,
    )


def make_customer_views(order: Ints, time_us: Ints, visible: int, origin: Attempts) -> Views:
    """Looks of customers' accounts in the sessions that `origin` opened, row by row."""
    none = np.full(len(order), -1, dtype=np.int64)
    return Views(
        time_us=time_us,
        actor=none,
        account=origin.account,
        order=order,
        fields=np.full(len(order), visible, dtype=np.int64),
        channel=none,
        high=origin.high,
        low=origin.low,
        session=origin.session,
    )


def join_views(parts: list[Views], start_us: int, end_us: int) -> Views:
    """All looks within the log's span, in order of time."""
    whole = Views(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Views)))
    by_time = np.argsort(whole.time_us, kind="stable")
    times = whole.time_us[by_time]
    return whole.take(by_time[(times >= start_us) & (times < end_us)])


def truncate_views(views: Views, style: str) -> Views:
    """Looks with times as precise as the log writes them, in order of these."""
    cut = replace(views, time_us=truncate_times(views.time_us, style))
    return cut.take(np.argsort(cut.time_us, kind="stable"))


def write_accesses(
    shop: Shop, orders: Orders, team: Team, views: Views, *, says_fields: bool
) -> pl.DataFrame:
    """The access log in the contract's columns."""
    by_customer = views.actor < 0
    actor = pl.Series(team.names).gather(np.maximum(views.actor, 0))
    account = shop.all_names().gather(np.maximum(views.account, 0))
    # The customer comes last in these lists, where index -1 finds it.
    kinds, channels = [*team.kinds, "customer"], [*team.channels, "account-page"]
    made = pl.DataFrame(
        {
            "time": format_times(views.time_us, shop.habits.time_style, shop.calendar.zone),
            "actor": account.zip_with(pl.Series(by_customer), actor),
            "actor_kind": pl.Series(kinds).gather(views.actor % len(kinds)),
            "order": orders.numbers.gather(views.order),
            "channel": pl.Series(channels).gather(views.channel % len(channels)),
            "fields": format_fields(views.fields),
            "ip": format_addresses(pl.Series(views.high), pl.Series(views.low)),
            "session": format_numbers(views.session, shop.habits.session_stem),
        }
    )
    if "session" not in shop.habits.columns:
        made = made.drop("session")
    return made if says_fields else made.drop("fields")


def format_fields(sets: Ints) -> pl.Series:
    """Sets of fields as `a|b`; null for the empty set."""
    texts = [
        "|".join(name for name, bit in FIELD_BIT.items() if each & bit) or None
        for each in range(ALL_FIELDS + 1)
    ]
    return pl.Series(texts, dtype=pl.String).gather(sets)
