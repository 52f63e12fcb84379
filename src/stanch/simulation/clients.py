"""Client software: the user agents of a shop's customers and of those who attack it.

Templates follow the forms that browsers publish (MDN, "User-Agent"); versions follow the year.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from stanch.simulation.draws import (
    DAY_US,
    Floats,
    Generator,
    Ints,
    choose,
    draw_between,
    draw_zipf_weights,
    mix,
    mix_below,
)

_WEBKIT: Final = "AppleWebKit/537.36 (KHTML, like Gecko)"
_SAFARI: Final = "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/{s}.{p}"
_ANDROID: Final = "(Linux; Android {a}; {m})"
_IPHONE: Final = "(iPhone; CPU iPhone OS {s}_{p} like Mac OS X)"
#: (class, template); {v} the browser's major version, {m} a phone's model, {o} a system version.
_BROWSERS: Final = (
    ("desktop", f"Mozilla/5.0 (Windows NT {{w}}; Win64; x64) {_WEBKIT} Chrome/{{v}}.0.{{b}}.0 Safari/537.36"),
    ("desktop", "Mozilla/5.0 (Windows NT {w}; WOW64; rv:{v}.0) Gecko/20100101 Firefox/{v}.0"),
    ("desktop", f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_{{o}}_{{p}}) {_SAFARI} Safari/605.1.15"),
    ("mobile", f"Mozilla/5.0 {_ANDROID} {_WEBKIT} Chrome/{{v}}.0.{{b}}.{{p}} Mobile Safari/537.36"),
    ("mobile", f"Mozilla/5.0 {_IPHONE} {_SAFARI} Mobile/15E148 Safari/604.1"),
    ("mobile", f"Mozilla/5.0 {_ANDROID} {_WEBKIT} Version/4.0 Chrome/{{v}}.0.0.0 Chat/{{s}}.{{o}}"),
    ("app", "{shop}/{s}.{o}.{p} (Android {a}; {m})"),
    ("app", "{shop}/{s}.{o}.{p} (iPhone; iOS {s}.{p}; Scale/3.00)"),
)
_TOOLS: Final = (
    "python-requests/2.{p}.1",
    "Go-http-client/1.1",
    "okhttp/3.{o}.{p}",
    "curl/7.{v}.0",
    f"Mozilla/5.0 (X11; Linux x86_64) {_WEBKIT} HeadlessChrome/{{v}}.0.{{b}}.0 Safari/537.36",
    "Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 5.1; Trident/4.0)",
)
N_VERSIONS: Final = 8


@dataclass(frozen=True)
class Clients:
    """Every client that appears in one incident."""

    #: Text of each client; customers' ones first, `N_VERSIONS` successive versions side by side.
    agents: pl.Series
    ja4: pl.Series
    #: Of each customers' family (a run of versions): class 0 desktop, 1 mobile, 2 app; and share.
    family_class: Ints
    family_share: Floats
    #: First index that belongs to tools.
    first_tool: int
    #: Span of one version, and the moment at which version 2 of each family is new.
    roll_us: int
    start_us: int

    def choose_families(self, rng: Generator, classes: Ints) -> Ints:
        """A family of the wanted class for each device."""
        families = np.zeros(len(classes), dtype=np.int64)
        for wanted in range(3):
            rows = np.flatnonzero(classes == wanted)
            share = np.where(self.family_class == wanted, self.family_share, 0.0)
            families[rows] = choose(rng, len(rows), share)
        return families

    def current(self, family: Ints, lag: Ints, time_us: Ints) -> Ints:
        """Client of a device of `family` that updates `lag` versions late, at this time.

        Families bring out their versions on different days.
        """
        phase = mix_below(self.roll_us, family, 101)
        age = (time_us - self.start_us + phase) // self.roll_us + 3
        return np.asarray(family * N_VERSIONS + np.clip(age - lag, 0, N_VERSIONS - 1))


def make_clients(rng: Generator, shop: str, year: int, start_us: int) -> Clients:
    """The clients of a shop's year, a few dozen to a few hundred families."""
    app_share, mobile_share = draw_between(rng, (0.0, 0.5)), draw_between(rng, (0.25, 0.85))
    texts: list[str] = []
    classes: list[int] = []
    n_families = int(rng.integers(40, 220))
    kinds = rng.permutation(np.arange(n_families) % len(_BROWSERS))
    for kind in kinds.tolist():
        name, template = _BROWSERS[kind]
        classes.append(("desktop", "mobile", "app").index(name))
        parts = _draw_parts(rng, shop, year)
        texts += [template.format(**_age(parts, step)) for step in range(N_VERSIONS)]
    tools = [t.format(**_draw_parts(rng, shop, year)) for t in _TOOLS for _ in range(6)]
    family_class = np.array(classes, dtype=np.int64)
    share = draw_zipf_weights(rng, n_families, float(rng.uniform(0.6, 1.3)))
    wanted = np.array([(1 - mobile_share) * (1 - app_share), mobile_share * (1 - app_share), app_share])
    for each in range(3):
        rows = family_class == each
        share[rows] *= wanted[each] / max(share[rows].sum(), 1e-12)
    n_stacks = np.concatenate([np.repeat(kinds, N_VERSIONS), 20 + np.repeat(np.arange(len(_TOOLS)), 6)])
    return Clients(
        agents=pl.Series(texts + tools, dtype=pl.String),
        ja4=_make_ja4(n_stacks, int(rng.integers(1, 2**31))),
        family_class=family_class,
        family_share=share,
        first_tool=len(texts),
        roll_us=int(rng.integers(20, 60)) * DAY_US,
        start_us=start_us,
    )


def choose_attack_clients(rng: Generator, clients: Clients, style: str, n: int) -> Ints:
    """A client for each of `n` attack attempts (or addresses), by the tool's style.

    `copied`: one common client; `stale`: one of years ago; `tool`: a script's own; `rotating`: a
    list of many, most of them old; `perfect`: as the customers' are spread.
    """
    n_families = len(clients.family_class)
    if style == "copied":
        best = np.argsort(clients.family_share)[-4:]
        return np.full(n, int(rng.choice(best)) * N_VERSIONS + 3)
    if style == "stale":
        return np.full(n, int(rng.integers(n_families)) * N_VERSIONS)
    if style == "tool":
        return np.full(n, int(rng.integers(clients.first_tool, clients.agents.len())))
    if style == "rotating":
        pool = rng.integers(clients.first_tool, size=int(rng.integers(20, 200)))
        return np.asarray(pool[rng.integers(len(pool), size=n)])
    families = choose(rng, n, clients.family_share)
    return families * N_VERSIONS + np.clip(3 - rng.poisson(0.4, size=n), 0, None)


def choose_current_clients(rng: Generator, clients: Clients, machine: Ints, time_us: Ints) -> Ints:
    """For each attempt the client of its machine, as common and as up to date as the customers' are."""
    n_machines = int(machine.max()) + 1
    family = choose(rng, n_machines, clients.family_share)
    lag = np.minimum(rng.poisson(0.5, size=n_machines), 5)
    return clients.current(family[machine], lag[machine], time_us)


def _make_ja4(stacks: Ints, salt: int) -> pl.Series:
    """A TLS fingerprint per TLS stack, in the form of FoxIO's JA4 (a_b_c)."""
    first = (mix(stacks, salt) % np.uint64(16**6)).tolist()
    second = (mix(stacks, salt + 1) % np.uint64(16**6)).tolist()
    rows = zip(stacks.tolist(), first, second, strict=True)
    made = [f"t13d15{10 + s % 7:02d}h2_{a:06x}{s:06x}_{b:06x}{s:06x}" for s, a, b in rows]
    return pl.Series(made, dtype=pl.String)


def _draw_parts(rng: Generator, shop: str, year: int) -> dict[str, str | int]:
    months = (year - 2015) * 12
    model = f"{pick_letters(rng, 2)}-{pick_letters(rng, 1)}{int(rng.integers(100, 999))}"
    return {
        "shop": shop,
        "v": 38 + int(months * 0.72) + int(rng.integers(0, 4)),
        "b": 2200 + months * 30 + int(rng.integers(0, 90)),
        "w": "10.0" if year > 2017 or rng.random() < 0.1 else "6.1",
        "o": int(rng.integers(1, 16)),
        "p": int(rng.integers(0, 7)),
        "s": 8 + (year - 2015) + int(rng.integers(0, 2)),
        "a": 5 + max(0, year - 2015) - int(rng.integers(0, 3)) if year > 2016 else 4,
        "m": model,
    }


def _age(parts: dict[str, str | int], step: int) -> dict[str, str | int]:
    """The same device `step` versions on; the first two versions lie years back."""
    aged = dict(parts)
    shift = step - 3 if step > 1 else -12 + 3 * step
    aged["v"] = int(parts["v"]) + shift
    aged["o"] = max(0, int(parts["o"]) + step)
    aged["b"] = int(parts["b"]) + 85 * shift
    return aged


def pick_letters(rng: Generator, n: int) -> str:
    """`n` capital letters."""
    return "".join("ABCDEFGHIJKLMNOPQRSTUVWXYZ"[i] for i in rng.integers(26, size=n))
