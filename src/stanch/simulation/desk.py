"""How reported calls end up in the shop's table of complaints: gaps, duplicates, losses, words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from stanch.evidence.tables import COMPLAINTS
from stanch.simulation.attempts import format_times
from stanch.simulation.draws import DAY_US, HOUR_US, Flags, Floats, Generator, draw_between
from stanch.simulation.names import make_phones
from stanch.simulation.orders import Orders
from stanch.simulation.scams import Calls
from stanch.simulation.shop import Shop
from stanch.simulation.texts import tell_story
from stanch.simulation.views import format_fields

#: What a consumer council published on the wave of 2015: 23 complaints with losses of about
#: 120,000 yuan in all, the largest 18,373.
COUNCIL_COMPLAINTS: Final = 23
COUNCIL_TOTAL: Final = 120_000.0
COUNCIL_LARGEST: Final = 18_373.0
#: Rough worth of one unit of a currency in yuan, to keep losses of all shops alike.
_IN_YUAN: Final = {"CNY": 1.0, "SGD": 5.2, "GBP": 9.0, "EUR": 7.7, "USD": 7.0}


@dataclass(frozen=True)
class Desk:
    """How this shop's complaint desk fills in its form: chance of each cell."""

    p_order: float
    p_account: float
    p_contacted: float
    p_fields: float
    p_text: float
    p_loss: float
    #: Chance that a victim reports again.
    p_twice: float
    id_stem: str


def draw_desk(rng: Generator, *, bare: bool) -> Desk:
    """Habits of one shop's desk; a bare one writes down hardly anything."""
    return Desk(
        p_order=draw_between(rng, (0.1, 0.5) if bare else (0.5, 0.97)),
        p_account=draw_between(rng, (0.5, 1.0)),
        p_contacted=draw_between(rng, (0.0, 0.4) if bare else (0.65, 0.97)),
        p_fields=draw_between(rng, (0.0, 0.4) if bare else (0.7, 0.98)),
        p_text=draw_between(rng, (0.4, 1.0)),
        p_loss=draw_between(rng, (0.08, 0.3)),
        p_twice=draw_between(rng, (0.02, 0.12)),
        id_stem="C" if rng.random() < 0.5 else "HL-",
    )


def write_complaints(
    rng: Generator, shop: Shop, orders: Orders, calls: Calls, *, council: bool, bare: bool
) -> tuple[pl.DataFrame, pl.Series]:
    """The table of complaints, and for each of its rows the index of its leak (-1 none)."""
    desk = draw_desk(rng, bare=bare)
    loss, channel = _draw_losses(rng, shop, len(calls), desk, council=council)
    first = _write_first(rng, shop, orders, calls, desk, loss=loss, channel=channel)
    again = _write_again(rng, shop, orders, first.filter(pl.Series(rng.random(len(first)) < desk.p_twice)))
    rows = pl.concat([first, again.filter(pl.col("received_us") < shop.calendar.end_us)])
    rows = rows.sort("received_us", maintain_order=True)
    numbers = pl.int_range(1, len(rows) + 1, eager=True).cast(pl.String).str.zfill(5)
    style, zone = shop.habits.time_style, shop.calendar.zone
    contacted = format_times(rows["contacted_us"].fill_null(0).to_numpy(), style, zone)
    table = rows.with_columns(
        complaint=desk.id_stem + numbers,
        received=format_times(rows["received_us"].to_numpy(), style, zone),
        contacted=contacted.set(rows["contacted_us"].is_null(), None),
    )
    return table.select(COMPLAINTS.column_names), rows["leak"]


def _write_first(
    rng: Generator,
    shop: Shop,
    orders: Orders,
    calls: Calls,
    desk: Desk,
    *,
    loss: pl.Series,
    channel: pl.Series,
) -> pl.DataFrame:
    """Each reported call as its first report; times still in microseconds."""
    n = len(calls)
    by_order = rng.random(n) < desk.p_order
    by_account = np.where(by_order, rng.random(n) < 0.4, rng.random(n) < desk.p_account)
    account = shop.all_names().gather(orders.account[calls.order])
    # Where accounts are phone numbers, that is the phone that rang.
    phone = account.zip_with(account.str.contains("^12[0-9]{9}$"), make_phones(rng, n))
    told = rng.random(n) < desk.p_fields
    return pl.DataFrame(
        {
            "row": calls.order,
            "leak": calls.leak,
            "received_us": calls.received_us,
            "order": _only(orders.numbers.gather(calls.order), by_order),
            "account": _only(account, by_account),
            "phone": _only(phone, ~(by_order | by_account) | (rng.random(n) < 0.5)),
            "contacted_us": _only(pl.Series(calls.contacted_us), rng.random(n) < desk.p_contacted),
            "known_fields": format_fields(np.where(told, calls.cited, 0)),
            "loss": loss,
            "currency": _only(pl.Series([shop.currency] * n, dtype=pl.String), loss.is_not_null().to_numpy()),
            "region": pl.Series(shop.regions).gather(orders.region[calls.order]),
            "channel": channel,
            "text": _tell_all(rng, shop, calls, loss, desk),
            "scam_phone": _only(make_phones(rng, n), rng.random(n) < 0.5),
            "scam_url": _only(_make_links(rng, n), rng.random(n) < 0.15),
        }
    )


def _write_again(rng: Generator, shop: Shop, orders: Orders, first: pl.DataFrame) -> pl.DataFrame:
    """The same victims report once more, elsewhere and with less care."""
    n = len(first)
    wait = (rng.exponential(1.5, n) * DAY_US).astype(np.int64) + HOUR_US
    account = shop.all_names().gather(orders.account[first["row"].to_numpy()])
    return first.with_columns(
        received_us=first["received_us"] + pl.Series(wait),
        order=_only(first["order"], rng.random(n) < 0.7),
        account=account,
        contacted_us=_only(first["contacted_us"], rng.random(n) < 0.5),
        channel=pl.Series(["police", "hotline", "mail"]).gather(rng.integers(3, size=n)),
        text=pl.Series([None] * n, dtype=pl.String),
    )


def _tell_all(rng: Generator, shop: Shop, calls: Calls, loss: pl.Series, desk: Desk) -> pl.Series:
    cited = [text.split("|") if text else [] for text in format_fields(calls.cited).to_list()]
    texts = [
        tell_story(rng, shop.language, known, lost, shop.currency) if rng.random() < desk.p_text else None
        for known, lost in zip(cited, loss.to_list(), strict=True)
    ]
    return pl.Series(texts, dtype=pl.String)


def _draw_losses(
    rng: Generator, shop: Shop, n: int, desk: Desk, *, council: bool
) -> tuple[pl.Series, pl.Series]:
    """Money lost (null: none or not said) and the way each complaint came in."""
    amount = np.minimum(np.exp(rng.normal(np.log(3000), 1.0, n)), COUNCIL_LARGEST) / _IN_YUAN[shop.currency]
    lost = rng.random(n) < desk.p_loss
    channel = pl.Series(["hotline", "app", "mail", "shop", "police"]).gather(rng.integers(5, size=n))
    if council and n > 2:
        rows = np.sort(rng.choice(n, size=min(COUNCIL_COMPLAINTS, n), replace=False))
        amount[rows] = _share_out(rng, len(rows))
        lost = np.isin(np.arange(n), rows)
        channel = channel.set(pl.Series(lost), "council")
    return _only(pl.Series(amount).round(0 if shop.currency == "CNY" else 2), lost), channel


def _share_out(rng: Generator, n: int) -> Floats:
    """`n` amounts of which one is the council's largest; with all 23 of them, its total."""
    amounts = np.exp(rng.normal(0, 0.9, n))
    top = int(amounts.argmax())
    rest = np.arange(n) != top
    left = min(COUNCIL_TOTAL - COUNCIL_LARGEST, 0.8 * COUNCIL_LARGEST * (n - 1))
    for _ in range(50):
        amounts[rest] = np.minimum(amounts[rest] * left / amounts[rest].sum(), 0.95 * COUNCIL_LARGEST)
    amounts[top] = COUNCIL_LARGEST
    return np.asarray(np.round(amounts))


def _make_links(rng: Generator, n: int) -> pl.Series:
    """Links that lead nowhere (RFC 2606)."""
    words = pl.Series(["refund", "service", "order-help", "claims", "vip-cancel"]).gather(
        rng.integers(5, size=n)
    )
    return "http://" + words + "-" + pl.Series(rng.integers(10, 999, size=n)).cast(pl.String) + ".example/t"


def _only(values: pl.Series, where: Flags) -> pl.Series:
    return values.set(pl.Series(~where), None)
