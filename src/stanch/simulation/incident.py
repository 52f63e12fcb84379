"""One incident: a case, a seed and a scale in, four tables and the truth out."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from stanch.errors import UsageError
from stanch.progress import Progress, SilentProgress
from stanch.simulation.attacks import Attack, come_back, make_attack
from stanch.simulation.attempts import SUCCESS, Attempts, join_attempts, truncate_times, write_logins
from stanch.simulation.cases import CASES, Case
from stanch.simulation.defences import apply_defences
from stanch.simulation.desk import write_complaints
from stanch.simulation.draws import Generator, draw_between
from stanch.simulation.events import EVENTS
from stanch.simulation.handling import look_up_complaints, make_ordinary_views
from stanch.simulation.leaks import (
    Leaked,
    Scene,
    collect_leaked,
    make_leak,
    overwork_staff,
    read_as_attacker,
)
from stanch.simulation.marginal_sessions import make_marginal_attempts
from stanch.simulation.orders import make_orders, write_orders
from stanch.simulation.scams import Calls, make_calls
from stanch.simulation.sessions import make_ordinary_attempts
from stanch.simulation.shop import Shop, make_shop
from stanch.simulation.targets import mark_unknown
from stanch.simulation.team import make_team
from stanch.simulation.truth import Planted, tell_attacks, tell_truth
from stanch.simulation.views import Views, join_views, truncate_views, write_accesses

_PARTS: Final = ("shop", "logins", "orders", "complaints", "margins", "desk")


@dataclass(frozen=True)
class Incident:
    """What a shop would have kept, and what really happened."""

    #: The four evidence tables in the contract's columns and text formats, in order of time.
    tables: dict[str, pl.DataFrame]
    #: What was planted; `attack_rows` are 1-based rows of the logins table.
    truth: dict[str, Any]


def simulate(
    case: str | Case, seed: int, *, scale: float = 1.0, progress: Progress | None = None
) -> Incident:
    """Make one incident. Equal case, seed and scale give equal tables.

    Raises:
        UsageError: there is no such case, or the scale or the seed is out of range.
    """
    plan = _find_case(case, seed, scale)
    rngs = _split_streams(plan, seed)
    with (progress or SilentProgress()).task("simulate", total=4, unit="parts") as task:
        shop = make_shop(rngs["shop"], plan.shop, scale)
        task.advance(1, "logins")
        logins, attacks = _make_logins(rngs, shop, plan)
        task.advance(1, "orders and accesses")
        scene, leaks = _make_accesses(rngs["orders"], shop, plan, logins, attacks)
        says_fields = bool(rngs["orders"].random() < 0.9)
        task.advance(1, "complaints")
        calls = make_calls(rngs["complaints"], shop, scene.orders, leaks, plan.scam, scale=scale)
        if rngs["desk"].random() < plan.p_look_up:
            scene = _add_look_ups(rngs["desk"], scene, calls)
        scam = plan.scam
        complaints, leak_of = write_complaints(
            rngs["complaints"], shop, scene.orders, calls, council=scam.council, bare=scam.bare
        )
        tables = {
            "logins": write_logins(shop, logins),
            "accesses": write_accesses(shop, scene.orders, scene.team, scene.views, says_fields=says_fields),
            "orders": write_orders(shop, scene.orders),
            "complaints": complaints,
        }
        planted = Planted(plan.name, seed, logins, attacks, leaks, complaints["complaint"], leak_of)
        task.advance(1)
    return Incident(tables, tell_truth(shop, planted))


def simulate_logins(case: str | Case, seed: int, *, scale: float = 1.0) -> Incident:
    """Only the login log of the incident that `simulate` makes, row for row, and what was planted in it.

    The truth lacks what is said about leaks and complaints.

    Raises:
        UsageError: there is no such case, or the scale or the seed is out of range.
    """
    plan = _find_case(case, seed, scale)
    rngs = _split_streams(plan, seed)
    shop = make_shop(rngs["shop"], plan.shop, scale)
    logins, attacks = _make_logins(rngs, shop, plan)
    nothing = pl.Series([], dtype=pl.String)
    planted = Planted(plan.name, seed, logins, attacks, [], nothing, nothing)
    return Incident({"logins": write_logins(shop, logins)}, tell_attacks(shop, planted))


def write_incident(incident: Incident, out: Path) -> None:
    """Write `logins.csv`, `accesses.csv`, `orders.csv`, `complaints.csv` and `truth.json` into `out`.

    Raises:
        UsageError: the folder cannot be made or written.
    """
    text = json.dumps(incident.truth, ensure_ascii=False, indent=1, sort_keys=True)
    try:
        out.mkdir(parents=True, exist_ok=True)
        # The truth first: it says whose the others are.
        (out / "truth.json").write_text(text + "\n", encoding="utf-8")
        for name, table in incident.tables.items():
            table.write_csv(out / f"{name}.csv")
    except OSError as error:
        raise UsageError(f"cannot write the incident: {error.strerror or error}", file=str(out)) from error


def _find_case(case: str | Case, seed: int, scale: float) -> Case:
    if isinstance(case, str) and case not in CASES:
        raise UsageError(f"there is no case {case!r}", hint=f"one of {', '.join(CASES)}")
    if scale <= 0 or seed < 0:
        raise UsageError(f"scale {scale} and seed {seed}: neither may be negative, nor scale 0")
    return CASES[case] if isinstance(case, str) else case


def _split_streams(plan: Case, seed: int) -> dict[str, Generator]:
    """A stream for each part, so that a change of one leaves the draws of the others."""
    streams = np.random.SeedSequence([seed, zlib.crc32(plan.name.encode())]).spawn(len(_PARTS))
    return {name: np.random.default_rng(stream) for name, stream in zip(_PARTS, streams, strict=True)}


def _make_logins(rngs: dict[str, Generator], shop: Shop, plan: Case) -> tuple[Attempts, list[Attack]]:
    """The login log in order of its written times, and what was planted in it."""
    rng = rngs["logins"]
    ordinary = make_ordinary_attempts(rng, shop)
    marginal = make_marginal_attempts(rngs["margins"], shop, len(ordinary))
    ordinary = join_attempts([ordinary, marginal])
    for event in plan.events:
        ordinary = EVENTS[event](rng, shop, ordinary)
    attacks = [make_attack(rng, shop, attack, i, len(ordinary)) for i, attack in enumerate(plan.attacks)]
    known = np.concatenate([shop.list_known(), *(a.own for a in attacks)])
    logins = _write_in_time(
        shop, mark_unknown(join_attempts([ordinary, *(a.attempts for a in attacks)]), known)
    )
    logins = apply_defences(shop, logins)
    # Only what the shop let through can be used again.
    opened = [logins.take((logins.campaign == i) & (logins.outcome == SUCCESS)) for i in range(len(attacks))]
    returns = [come_back(rng, shop, attack, found) for attack, found in zip(attacks, opened, strict=True)]
    return _write_in_time(shop, join_attempts([logins, *returns])), attacks


def _write_in_time(shop: Shop, logins: Attempts) -> Attempts:
    """Within the span, times as precise as the log writes them, in order of these."""
    calendar = shop.calendar
    inside = logins.take((logins.time_us >= calendar.start_us) & (logins.time_us < calendar.end_us))
    cut = inside.replace(time_us=truncate_times(inside.time_us, shop.habits.time_style))
    return cut.take(np.argsort(cut.time_us, kind="stable"))


def _make_accesses(
    rng: Generator, shop: Shop, plan: Case, logins: Attempts, attacks: list[Attack]
) -> tuple[Scene, list[Leaked]]:
    """Orders, the whole access log, and what got out of it."""
    orders = make_orders(rng, shop)
    team = make_team(rng, shop, len(orders), plan.team)
    end_us = shop.calendar.end_us
    # However short an access log is kept, here it never begins amid a leak.
    start_us = orders.calendar.start_us
    if rng.random() < shop.plan.p_short_log:
        start_us += int((shop.calendar.start_us - start_us) * draw_between(rng, (0.2, 1.0)))
    ordinary = join_views(make_ordinary_views(rng, shop, orders, team, logins), start_us, end_us)
    scene = Scene(shop, orders, team, ordinary)
    parts: list[Views] = [ordinary]
    leaks: list[Leaked] = []
    for i, attack in enumerate(attacks):
        seen = read_as_attacker(rng, scene, attack, logins.take(logins.campaign == i))
        seen = join_views([seen], start_us, end_us)
        parts.append(seen)
        leaks.append(collect_leaked("campaign", f"campaign:c{i + 1}", [seen]))
    for leak in plan.leaks:
        extra, leaked = make_leak(rng, scene, leak, frozenset(each.source for each in leaks))
        parts += extra
        leaks.append(leaked)
    if rng.random() < plan.p_overwork:
        parts.append(overwork_staff(rng, scene))
    views = truncate_views(join_views(parts, start_us, end_us), shop.habits.time_style)
    return Scene(shop, orders, team, views), leaks


def _add_look_ups(rng: Generator, scene: Scene, calls: Calls) -> Scene:
    """The same scene with the desk's looks at the orders that it hears complaints about."""
    looks = look_up_complaints(
        rng, scene.team, scene.orders, calls.order, (calls.contacted_us, calls.received_us)
    )
    start_us, end_us = scene.orders.calendar.start_us, scene.shop.calendar.end_us
    views = join_views([scene.views, looks], start_us, end_us)
    return replace(scene, views=truncate_views(views, scene.shop.habits.time_style))
