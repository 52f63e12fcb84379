"""The building blocks: names, addresses, rhythm, limits."""

from __future__ import annotations

import ipaddress

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from stanch.simulation.attempts import DENIED, FAILURE, SUCCESS, format_times, make_attempts, truncate_times
from stanch.simulation.defences import apply_defences
from stanch.simulation.draws import HOUR_US, choose, draw_by_quantiles
from stanch.simulation.names import SCHEMES, make_account_names, make_order_numbers, misspell
from stanch.simulation.networks import Networks, format_addresses
from stanch.simulation.rhythm import draw_times, make_calendar, move_into_week
from stanch.simulation.shop import ShopPlan, make_shop

SEEDS = st.integers(0, 2**32 - 1)


@given(SEEDS, st.text("abcdefgh0123", min_size=4, max_size=12))
def test_a_slip_is_one_typing_error_away(seed: int, name: str) -> None:
    (slipped,) = misspell(np.random.default_rng(seed), [name])
    assert slipped != name
    shorter, longer = sorted((name, slipped), key=len)
    if len(shorter) < len(longer):
        assert any(longer[:i] + longer[i + 1 :] == shorter for i in range(len(longer)))
    else:
        differing = [i for i in range(len(name)) if name[i] != slipped[i]]
        swapped = len(differing) == 2 and sorted(name) == sorted(slipped)
        assert len(differing) == 1 or (swapped and differing[1] == differing[0] + 1)


@given(SEEDS, st.sampled_from(SCHEMES))
@settings(max_examples=30)
def test_names_are_different_and_new(seed: int, scheme: str) -> None:
    rng = np.random.default_rng(seed)
    taken = make_account_names(rng, 40, {scheme: 1.0}, pl.Series([], dtype=pl.String))
    more = make_account_names(rng, 60, {scheme: 0.7, "user": 0.3}, taken)
    assert more.n_unique() == 60
    assert not more.is_in(taken.implode()).any()


@given(SEEDS, st.sampled_from(["dated", "counter", "random"]))
def test_order_numbers_are_unique_and_counted_ones_rise(seed: int, style: str) -> None:
    days = np.sort(np.random.default_rng(seed).integers(20150101, 20150131, size=300))
    numbers = make_order_numbers(np.random.default_rng(seed), days, style)
    assert numbers.n_unique() == 300
    assert style == "random" or numbers.is_sorted()


@given(SEEDS)
@settings(max_examples=20)
def test_addresses_are_public_and_canonical(seed: int) -> None:
    rng = np.random.default_rng(seed)
    networks = Networks(rng)
    network = networks.add(["CN"] * 5)[rng.integers(5, size=20)]
    v4 = networks.make_v4(network, rng.integers(0, 65_536, size=20))
    v6 = networks.make_v6(
        network, rng.integers(0, 2**32, size=20), rng.integers(0, 2**63, size=20).astype(np.uint64)
    )
    for places, version in ((v4, 4), (v6, 6)):
        for text in format_addresses(pl.Series(places.high), pl.Series(places.low)).to_list():
            address = ipaddress.ip_address(text)
            assert address.version == version
            assert str(address) == text
            assert address.is_global


@given(SEEDS)
@settings(max_examples=5)
def test_slots_of_a_network_do_not_collide(seed: int) -> None:
    networks = Networks(np.random.default_rng(seed))
    network = np.repeat(networks.add(["DE"]), 65_536)
    assert len(np.unique(networks.make_v4(network, np.arange(65_536)).low)) == 65_536


@given(SEEDS, st.sampled_from(["Asia/Shanghai", "Europe/London", "America/Chicago"]))
@settings(max_examples=20)
def test_times_stay_in_their_hours(seed: int, zone: str) -> None:
    rng = np.random.default_rng(seed)
    calendar = make_calendar(zone, (2021, 3, 1), 35)  # clocks change within it in London and Chicago
    hourly = rng.random(calendar.n_days * 24) * (rng.random(calendar.n_days * 24) < 0.3)
    hourly[0] = 1.0
    times = draw_times(rng, 200, hourly, calendar.start_us)
    assert (hourly[(times - calendar.start_us) // HOUR_US] > 0).all()
    open_hours = np.array([9, 10, 33, 160])
    moved = move_into_week(rng, times, calendar, open_hours)
    inside = moved < calendar.end_us
    assert (moved >= times).all()
    assert np.isin(calendar.hour_of_week[(moved[inside] - calendar.start_us) // HOUR_US], open_hours).all()


@given(SEEDS, st.sampled_from(["z_ms", "z_s", "offset_s", "offset_ms", "unix"]))
def test_written_times_mean_the_moment(seed: int, style: str) -> None:
    moments = np.random.default_rng(seed).integers(1_400_000_000_000_000, 1_700_000_000_000_000, size=20)
    cut = truncate_times(moments, style)
    written = format_times(cut, style, "Asia/Shanghai")
    if style == "unix":
        read = (written.cast(pl.Decimal(20, 3)) * 1_000_000).cast(pl.Int64)
    else:
        read = written.str.to_datetime("%+", time_unit="us", time_zone="UTC").cast(pl.Int64)
    assert read.to_list() == cut.tolist()


def test_choices_follow_their_weights() -> None:
    made = choose(np.random.default_rng(1), 100_000, [0.0, 1.0, 3.0])
    assert np.allclose(np.bincount(made, minlength=3) / 100_000, [0, 0.25, 0.75], atol=0.01)


def test_draws_have_the_quantiles_asked_for() -> None:
    made = draw_by_quantiles(np.random.default_rng(1), 100_000, (0, 0.5, 1), (1, 10, 1000))
    assert np.allclose(np.quantile(made, [0.25, 0.5, 0.75]), [10**0.5, 10, 100], rtol=0.05)


def test_a_limit_on_addresses_denies_what_is_over_it() -> None:
    shop = next(s for s in (_make_shop(seed) for seed in range(100)) if s.habits.address_limit)
    limit, n = shop.habits.address_limit, shop.habits.address_limit + 30
    network = shop.networks.add(["US"])
    times = shop.calendar.start_us + np.arange(n) * 1_000_000
    places = shop.networks.make_v4(np.repeat(network, n), np.zeros(n, dtype=np.int64))
    account = np.arange(n) % 50
    outcome = np.where(np.arange(n) % 3 == 0, SUCCESS, FAILURE)
    tried = make_attempts(times, places, account, outcome, np.zeros(n, dtype=np.int64))
    let = apply_defences(shop, tried)
    assert (let.outcome[:limit] != DENIED).all()
    assert (let.outcome[limit:] == DENIED).all()
    assert ((let.session >= 0) == (let.outcome == SUCCESS)).all()


def _make_shop(seed: int):  # type: ignore[no-untyped-def]
    return make_shop(np.random.default_rng(seed), ShopPlan(), 0.01)
