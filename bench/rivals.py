"""Three published ways to name the source, as their papers give them, on the exposures that Stanch sees.

All rank sources by a score. None of them knows times: a source counts as having seen a victim's order if it
did before the contact (before the report, where the contact is not dated). A victim without an order
stands for the newest order of the account before the contact. Exposures that are unlikely to be
real (`LEAST_WEIGHT`) are left out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.stats import binom

from stanch.engine import Engine

Floats: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.int64]

LEAST_WEIGHT: Final = 0.1

_VICTIMS: Final = """
WITH linked AS (
  SELECT v.complaint, coalesce(v.contacted_us, v.received_us) AS at_us, k."order",
    row_number() OVER (PARTITION BY v.complaint ORDER BY k.time_us DESC, k."order") AS place
  FROM victims v
  JOIN known_orders k ON k."order" = v."order" OR (v."order" IS NULL AND k.account = v.account
    AND k.time_us < coalesce(v.contacted_us, v.received_us))
)
SELECT complaint, at_us, "order" FROM linked WHERE place = 1 ORDER BY complaint
"""


@dataclass(frozen=True)
class Evidence:
    """Who saw what, as the three methods need it."""

    sources: list[str]
    #: Orders that each source saw at any time, and all orders.
    n_seen: Floats
    n_orders: int
    #: Victims that can be linked to an order, and pairs of such a victim and a source that saw its order.
    n_victims: int
    victim: Ints
    source: Ints


def read_evidence(engine: Engine) -> Evidence:
    """From the tables `exposures`, `known_orders` and `victims`."""
    exposures = engine.fetch('SELECT source, "order", first_us, weight FROM exposures')
    exposures = exposures.filter(pl.col("weight") >= LEAST_WEIGHT)
    seen = exposures["source"].value_counts().sort("source")
    victims = engine.fetch(_VICTIMS).with_row_index("victim")
    pairs = victims.join(exposures, on="order").filter(pl.col("first_us") < pl.col("at_us"))
    number = {name: i for i, name in enumerate(seen["source"].to_list())}
    source = [number[name] for name in pairs["source"].to_list()]
    return Evidence(
        list(number),
        seen["count"].cast(pl.Float64).to_numpy(),
        engine.count("known_orders"),
        len(victims),
        pairs["victim"].cast(pl.Int64).to_numpy(),
        np.array(source, dtype=np.int64),
    )


def rank_by_common_point(evidence: Evidence) -> Floats:
    """Minus log10 of the chance that a source saw so many of the victims' orders by coincidence.

    Each source alone against its share of all orders, by the binomial distribution: what card companies
    do to find the common point of purchase.
    """
    hits = np.bincount(evidence.source, minlength=len(evidence.sources))
    share = np.minimum(evidence.n_seen / max(evidence.n_orders, 1), 1 - 1e-9)
    return np.asarray(-binom.logsf(hits - 1, evidence.n_victims, share) / np.log(10))


#: Orders without complaint that every source is taken to have shown in addition.
PSEUDO_ORDERS: Final = 100.0
_MOST_ROUNDS: Final = 500


def rank_by_breach_radar(evidence: Evidence, pseudo_orders: float = PSEUDO_ORDERS) -> Floats:
    """Probability of being compromised, by the alternating algorithm of BreachRadar.

    Araujo, Almeida, Ferreira, Silva, Bizarro: BreachRadar: Automatic Detection of Points-of-Compromise, SDM
    2017 (arXiv 2009.11751); steps as in claim 1 of the authors' patent US 10,749,892 B2. A card is an
    order here, a location a source, a card with fraud an order complained about. Each such card spreads
    one unit of blame over its locations, at first evenly (by transactions, of which there is one
    each); a location's score is the blame that it gets over the number of its cards; then blame is
    spread in proportion to the scores, until they stand still. `pseudo_orders` is added to the number of
    cards: without it whoever saw a single order that was complained about scores 1.
    """
    n = len(evidence.sources)
    score = np.ones(n)
    for _ in range(_MOST_ROUNDS):
        pull = score[evidence.source]
        whole = np.bincount(evidence.victim, pull, minlength=evidence.n_victims)
        blame = np.bincount(evidence.source, pull / np.maximum(whole[evidence.victim], 1e-300), minlength=n)
        new = blame / (evidence.n_seen + pseudo_orders)
        if np.abs(new - score).max(initial=0.0) < 1e-9:
            return np.asarray(new)
        score = new
    return np.asarray(score)


#: Chance that a leaked object was had by other means. The paper shows its figures for several.
P_GUESSED: Final = 0.5


def rank_by_guilt(evidence: Evidence, p_guessed: float = P_GUESSED) -> Floats:
    """Minus log10 of the chance of innocence, 1 - Pr{G_i | S}.

    Papadimitriou, Garcia-Molina: Data Leakage Detection, IEEE TKDE 23 (1), 2011, section 4: with V_t the
    agents who hold object t of the leaked set S, Pr{G_i | S} = 1 - prod over t in S and R_i of
    (1 - (1 - p) / |V_t|). Objects are orders complained about, agents are sources.
    """
    holders = np.bincount(evidence.victim, minlength=evidence.n_victims)[evidence.victim]
    logs = np.log10(1 - (1 - p_guessed) / holders)
    return np.asarray(-np.bincount(evidence.source, logs, minlength=len(evidence.sources)))


@dataclass(frozen=True)
class Rival:
    """A method and the score from which on it names by itself."""

    rank: Callable[[Evidence], Floats]
    #: From the number of sources.
    threshold: Callable[[int], float]


RIVALS: Final[dict[str, Rival]] = {
    # One false name in a hundred incidents, were the sources independent (Bonferroni).
    "common point": Rival(rank_by_common_point, lambda n_sources: float(np.log10(100 * max(n_sources, 1)))),
    # A probability that is more likely than not.
    "BreachRadar": Rival(rank_by_breach_radar, lambda _: 0.5),
    # Guilty with 0.95, the posterior from which on Stanch may name.
    "guilt": Rival(rank_by_guilt, lambda _: float(np.log10(20))),
}
