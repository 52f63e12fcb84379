"""A shop: its calendar, habits, surroundings and customers; what does not change between logins."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import polars as pl

from stanch.simulation.clients import Clients, make_clients, pick_letters
from stanch.simulation.customers import CustomerPlan, Customers, draw_customers
from stanch.simulation.draws import Bounds, Floats, Generator, Ints, draw_between, draw_count, pick
from stanch.simulation.margins import Margins, draw_margins
from stanch.simulation.names import REGIONS, make_account_names
from stanch.simulation.networks import Networks
from stanch.simulation.rhythm import Calendar, draw_week, make_calendar, spread_over

#: Zone -> language of complaints, home country, currency.
ZONES: Final = {
    "Asia/Shanghai": ("zh", "CN", "CNY"),
    "Asia/Singapore": ("en", "SG", "SGD"),
    "Europe/London": ("en", "GB", "GBP"),
    "Europe/Berlin": ("en", "DE", "EUR"),
    "America/Chicago": ("en", "US", "USD"),
}
#: Chance that a shop's log has each optional column.
_OPTIONAL_COLUMNS: Final = {
    "user_agent": 0.95,
    "ja4": 0.25,
    "device": 0.35,
    "session": 0.8,
    "country": 0.45,
    "asn": 0.45,
    "path": 0.3,
}


@dataclass(frozen=True)
class ShopPlan:
    """What a case fixes about its shop; everything else is the seed's."""

    users: Bounds = (8_000, 30_000)
    days: Bounds = (18, 40)
    #: Logins per user and day.
    rate: Bounds = (0.05, 0.2)
    zones: tuple[str, ...] = tuple(ZONES)
    start: tuple[int, int, int] | None = None
    #: Level at the end of the span against its start.
    growth: Bounds = (0.95, 1.4)
    #: Days of orders before the logins begin, and orders per user over all.
    history_days: int = 60
    orders_per_user: Bounds = (0.9, 1.5)
    #: Chance of each limit of the login page (lock on accounts, limit on addresses).
    p_defended: float = 0.2
    #: Chance that the access log was kept for less time than the orders.
    p_short_log: float = 0.3


@dataclass(frozen=True)
class Habits:
    """Shares and styles that differ from shop to shop."""

    #: Chance of a wrong password at a try, by kind of customer (`customers.KINDS`).
    p_wrong: tuple[float, float, float, float]
    #: Of sessions: with a slip in the name, a forgotten password, a name the shop does not know,
    #: away from home, without a device mark.
    p_name_slip: float
    p_forgotten: float
    p_no_account: float
    p_away: float
    p_no_device: float
    #: Accounts behind one address of a mobile carrier (RFC 6269 speaks of hundreds).
    carrier_accounts: float
    p_ipv6: float
    #: Customers whose script polls with good credentials.
    n_bots: int
    #: Failures per account and attempts per address in an hour that the page bears; 0 is no limit.
    account_limit: int
    address_limit: int
    session_stem: str
    time_style: str
    #: Optional columns of the login log; whether it tells unknown accounts from wrong passwords.
    columns: frozenset[str]
    knows_accounts: bool


@dataclass
class Shop:
    """A shop. Only `names`, `partners` and `networks` grow while an incident is made."""

    plan: ShopPlan
    calendar: Calendar
    language: str
    currency: str
    country: str
    week: Floats
    #: Busyness of each hour of the span.
    hourly: Floats
    habits: Habits
    clients: Clients
    networks: Networks
    customers: Customers
    homes: Ints
    carriers: Ints
    campuses: Ints
    #: Days for which a line keeps its address, by network.
    lease_days: Floats
    regions: tuple[str, ...]
    schemes: dict[str, float]
    salt: int
    margins: Margins
    #: Names by account index: customers first, then retired accounts, attackers' ones and
    #: names unknown here.
    names: list[pl.Series] = field(default_factory=list)
    #: Names of partners' accounts that exist beside the customers'.
    partners: list[Ints] = field(default_factory=list)

    def add_names(self, names: pl.Series) -> Ints:
        """Take in more names; returns their indices."""
        first = sum(part.len() for part in self.names)
        self.names.append(names)
        return np.arange(first, first + names.len(), dtype=np.int64)

    def find_or_add(self, names: pl.Series) -> Ints:
        """Indices of names of which some may by chance be customers' or retired ones; the rest are added."""
        known = pl.concat(self.names[:2]).to_frame("name").with_row_index("at")
        found = names.to_frame("name").join(known, on="name", how="left", maintain_order="left")["at"]
        new = found.is_null().to_numpy()
        at = found.fill_null(0).cast(pl.Int64).to_numpy().copy()
        at[new] = self.add_names(names.filter(pl.Series(new)))
        return np.asarray(at, dtype=np.int64)

    def list_known(self) -> Ints:
        """Names that are answered as a wrong password is: customers', partners', some shops' closed ones."""
        retired = self.margins.retired if self.margins.knows_retired else self.margins.retired[:0]
        return np.concatenate([np.arange(len(self.customers)), retired, *self.partners])

    def all_names(self) -> pl.Series:
        """Every name by its index."""
        return pl.concat(self.names)

    def count_exits(self) -> Ints:
        """Public addresses of each network if it were a carrier of the shop's customers."""
        behind = np.bincount(self.customers.carrier, minlength=self.networks.count)
        return np.maximum(1, (behind / self.habits.carrier_accounts).astype(np.int64))

    def count_lines(self) -> Ints:
        """Customers whose home line is in each network."""
        return np.bincount(self.customers.home, minlength=self.networks.count)


def make_shop(rng: Generator, plan: ShopPlan, scale: float) -> Shop:
    """Draw a shop from its plan; `scale` multiplies its customers."""
    n_users = max(60, round(draw_count(rng, plan.users) * scale))
    zone = pick(rng, plan.zones)
    language, country, currency = ZONES[zone]
    date = plan.start or (int(rng.integers(2018, 2026)), int(rng.integers(1, 12)), int(rng.integers(1, 28)))
    calendar = make_calendar(zone, date, draw_count(rng, plan.days))
    week, growth = draw_week(rng), draw_between(rng, plan.growth)
    noise = np.exp(rng.normal(0, draw_between(rng, (0.02, 0.12)), calendar.n_days))
    networks = Networks(rng)
    homes = networks.add([country] * int(rng.integers(4, 12)))
    carriers = networks.add([country] * int(rng.integers(2, 5)))
    # A large shop reaches more schools, not larger ones.
    campuses = networks.add([country] * round(int(rng.integers(2, 10)) * max(1.0, n_users / 30_000)))
    clients = make_clients(rng, _draw_brand(rng), date[0], calendar.start_us)
    people = CustomerPlan(
        n_users, plan.rate, growth, calendar, clients, homes, carriers, campuses, len(REGIONS[language])
    )
    habits, customers = _draw_habits(rng, plan, n_users), draw_customers(rng, people)
    leases = _draw_leases(rng, networks.count)
    regions = tuple(str(r) for r in rng.permutation(REGIONS[language]))
    schemes, salt = _draw_schemes(rng), int(rng.integers(2**31))
    names, retired = _draw_names(rng, n_users, schemes)
    return Shop(
        plan=plan, calendar=calendar, language=language, currency=currency, country=country, week=week,
        hourly=spread_over(calendar, week, growth, noise), habits=habits, clients=clients, networks=networks,
        customers=customers, homes=homes, carriers=carriers, campuses=campuses, lease_days=leases,
        regions=regions, schemes=schemes, salt=salt,
        margins=draw_margins(rng, networks, n_users, retired.len()), names=[names, retired],
    )  # fmt: skip


def _draw_names(rng: Generator, n: int, schemes: dict[str, float]) -> tuple[pl.Series, pl.Series]:
    """Names of the customers, and of accounts that were closed before the span."""
    names = make_account_names(rng, n, schemes, pl.Series([], dtype=pl.String))
    n_retired = round(n * draw_between(rng, (0.02, 0.12)))
    return names, make_account_names(rng, n_retired, schemes, names)


def _draw_brand(rng: Generator) -> str:
    return pick_letters(rng, 1) + pick_letters(rng, 5).lower() + "Shop"


def _draw_leases(rng: Generator, n_networks: int) -> Floats:
    """Redialled daily, kept for weeks, or as good as fixed."""
    return rng.choice([1.0, 3.0, 7.0, 30.0, 365.0], size=n_networks, p=[0.25, 0.15, 0.2, 0.2, 0.2])


def _draw_schemes(rng: Generator) -> dict[str, float]:
    """One naming scheme that most accounts follow, and a share of others."""
    schemes = [str(s) for s in rng.permutation(["mail", "phone", "user", "number"])]
    main = draw_between(rng, (0.55, 1.0))
    return {schemes[0]: main, schemes[1]: (1 - main) * 0.7, schemes[2]: (1 - main) * 0.3}


def _draw_habits(rng: Generator, plan: ShopPlan, n_users: int) -> Habits:
    wrong = tuple(draw_between(rng, b) for b in ((0.001, 0.006), (0.02, 0.09), (0.1, 0.25), (0.15, 0.35)))
    columns = frozenset(name for name, share in _OPTIONAL_COLUMNS.items() if rng.random() < share)
    locks, limits = rng.random(2) < plan.p_defended
    return Habits(
        p_wrong=(wrong[0], wrong[1], wrong[2], wrong[3]),
        p_name_slip=draw_between(rng, (0.003, 0.025)),
        p_forgotten=draw_between(rng, (0.004, 0.02)),
        p_no_account=draw_between(rng, (0.003, 0.03)),
        p_away=draw_between(rng, (0.01, 0.05)),
        p_no_device=draw_between(rng, (0.05, 0.35)),
        carrier_accounts=draw_between(rng, (80, 500)),
        p_ipv6=draw_between(rng, (0.0, 0.5)) if rng.random() < 0.7 else 0.0,
        n_bots=int(rng.poisson(n_users / 5000)),
        account_limit=int(rng.integers(5, 11)) if locks else 0,
        address_limit=int(rng.integers(60, 600)) if limits else 0,
        session_stem=pick(rng, ("", "s", "sess-")),
        time_style=pick(rng, ("z_ms", "z_s", "offset_s", "offset_ms", "unix")),
        columns=columns,
        knows_accounts=bool(rng.random() < 0.75),
    )
