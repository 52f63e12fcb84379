"""Figures of each campaign, the last look whether it is an attack at all, its kind and reasons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from stanch.engine import Engine, load_step
from stanch.findings import CampaignKind, Tool
from stanch.stuffing.reasons import Reason
from stanch.stuffing.settings import StuffingSettings

_SQL: Final = "stanch.stuffing.sql"
#: Mean log-odds, at least, of a campaign's refusals without the evidence that they are refusals of strangers.
_LEAST_APART: Final = 0.0
#: Fewer attempts on a handful of accounts are somebody who forgot, and so are more on one or two from a
#: few networks at a pace of fingers: attempts in all, and in an hour.
_LEAST_GUESSING: Final = 50
_MOST_BY_HAND: Final = 300
_MOST_BY_HAND_PER_BIN: Final = 150
#: ... and in an hour if many of them are typing errors.
_MOST_TYPED_PER_BIN: Final = 360
#: Networks that one person tries from: with several devices, with one alone.
_MOST_PLACES: Final = 5
_MOST_PLACES_OF_DEVICE: Final = 10
#: People who at the same time try what their passwords might be.
_MOST_PEOPLE: Final = 5
#: ... who cannot get in and try again and again, from one address each.
_MOST_KEPT_OUT: Final = 20
#: A check looks in every ten seconds at most; whoever tries an account more often than that guesses.
_MOST_BY_CHECK_PER_HOUR: Final = 360


@dataclass(frozen=True, slots=True)
class Measures:
    """One campaign in figures, as the tables `stuffing_campaign_*` hold them."""

    number: int
    figures: dict[str, Any]
    #: Client software that made one in twenty of its attempts or more, the most used first.
    tools: tuple[Tool, ...] = ()

    def __getitem__(self, name: str) -> int:
        return int(self.figures[name])

    @property
    def tells_clients(self) -> bool:
        """Whether the log names client software."""
        return any(tool.client for tool in self.tools)

    def share(self, name: str) -> float:
        """Share of the campaign's attempts that `name` counts."""
        return self[name] / max(self["attempts"], 1)


def measure_campaigns(engine: Engine) -> list[Measures]:
    """Figures of all campaigns in `stuffing_links`, by number."""
    for name in ("marked", "campaign_totals", "campaign_targets", "campaign_machines", "campaign_person"):
        engine.run(load_step(_SQL, f"stuffing_{name}"))
    frame = engine.fetch(
        "SELECT t.*, g.hammered, g.hammered_accounts, g.revisited, g.sum_of_gaps, g.sum_of_squared_gaps,"
        " g.most_per_account, g.most_per_address, g.one_try_addresses, g.shared_addresses, g.shared_clients,"
        " g.busiest_bin, g.busiest_bin_all, g.n_bins, g.sum_of_squares,"
        " m.timed, m.odd, m.coded, m.let_in, p.one_person, p.misspelt"
        " FROM stuffing_campaign_totals AS t JOIN stuffing_campaign_targets AS g ON g.campaign = t.campaign"
        " JOIN stuffing_campaign_machines AS m ON m.campaign = t.campaign"
        " JOIN stuffing_campaign_person AS p ON p.campaign = t.campaign"
    ).sort("campaign")
    tools = _fetch_tools(engine)
    measures = [
        Measures(row["campaign"], row, tuple(tools.get(row["campaign"], ())))
        for row in frame.iter_rows(named=True)
    ]
    engine.drop(
        *(
            f"stuffing_{name}"
            for name in (
                "campaign_totals",
                "campaign_targets",
                "campaign_machines",
                "campaign_person",
                "marked",
            )
        )
    )
    return measures


def _fetch_tools(engine: Engine) -> dict[int, list[Tool]]:
    """Per campaign its commonest clients with their share there and in all other attempts."""
    engine.run(load_step(_SQL, "stuffing_campaign_clients"))
    frame = engine.fetch("SELECT * FROM stuffing_campaign_clients")
    engine.drop("stuffing_campaign_clients")
    tools: dict[int, list[Tool]] = {}
    for row in frame.sort(["n", "client_name"], descending=[True, False]).iter_rows(named=True):
        usual = (row["n_all"] - row["n"]) / max(row["n_log"] - row["n_campaign"], 1)
        tool = Tool(row["client_name"], round(row["n"] / row["n_campaign"], 6), round(usual, 6))
        tools.setdefault(row["campaign"], []).append(tool)
    return tools


def looks_like_attack(m: Measures, settings: StuffingSettings) -> bool:
    """Whether a group of suspicious attempts is an attack and not a nuisance.

    It is not if it differs from other refusals of strangers in nothing but number: a shop may have
    more of these than is usual. Nor if it is small, if it mostly gets in, if it comes mostly from
    where its accounts are at home; if people with an account or two each try again and again, as in
    an outage; if a machine fails on a few accounts from a few networks at a slow and steady pace: a
    check of a partner, a stored password that has gone stale; if a scanner tries names that are no
    accounts of this shop's; or if a few people each send the same wrong name from home.
    """
    if (m.figures["apart"] or 0.0) < _LEAST_APART:
        return False
    if m["attempts"] < settings.least_campaign or m.share("let_in") > 0.15 or m.share("at_home") > 0.4:
        return False
    if _is_machine(m) or _is_forgetful(m):
        return False
    one_by_one = m["accounts"] >= 10 * m["addresses"] and m.share("successes") < 0.1
    retried = m["retried"] / max(m["attempts"] - m["successes"], 1)
    if retried > 0.4 and m.share("hammered") < 0.5 and not one_by_one:
        return False
    if _is_one_each(m, retried):
        return False
    mean = m["attempts"] / m["n_bins"]
    unsteadiness = m["sum_of_squares"] / m["n_bins"] / mean**2 - 1
    steady = m["n_bins"] >= 12 and unsteadiness < 0.25
    slow = m["busiest_bin"] <= _MOST_BY_CHECK_PER_HOUR * m["accounts"] * settings.bin_minutes / 60
    a_machine = slow and ((m["networks"] <= 5 and steady) or (m["networks"] <= 2 and m["accounts"] <= 2))
    # Guessed accounts have owners, who get in elsewhere; a machine's account has no life of its own.
    return not (m["accounts"] <= 10 and a_machine and m.share("away") < 0.1)


def _is_one_each(m: Measures, retried: float) -> bool:
    """Whether people fail again and again, each from one address on one account, as an outage makes them."""
    if 2 * m["accounts"] > 3 * m["addresses"] or 2 * m["addresses"] > 3 * m["accounts"]:
        return False
    seldom = m.share("hammered") > 0.5 and m["busiest_bin"] <= 10
    few = m["accounts"] <= _MOST_KEPT_OUT and m["busiest_bin"] <= 10 * m["accounts"]
    return seldom or (few and retried > 0.9)


def _is_machine(m: Measures) -> bool:
    """Whether it is a check on a timer, or a scanner of the site."""
    scanned = m.share("odd") > 0.6 or m.share("coded") > 0.05
    return (m.share("timed") > 0.8 and m["accounts"] <= 5) or (
        scanned and m["networks"] <= 5 and not m["successes"]
    )


def _is_forgetful(m: Measures) -> bool:
    """Whether somebody tries, by hand, what the password or the name might be."""
    by_hand = m["attempts"] < _MOST_BY_HAND and m["busiest_bin"] <= _MOST_BY_HAND_PER_BIN
    # A device that is carried about.
    nearby = m["networks"] <= (_MOST_PLACES_OF_DEVICE if m["clients"] == 1 else _MOST_PLACES)
    on_own = m["hammered_accounts"] in (1, 2) and m.share("hammered") > 0.4 and nearby
    # A browser that fills in a wrong name, day by day.
    own_only = not m["shared_addresses"] and not (m["shared_clients"] and m.tells_clients)
    filled_in = m.share("hammered") > 0.8 and m["busiest_bin"] <= 10 and (own_only or m["accounts"] <= 2)
    # One name and its misspellings: a list does not hold so many slips of one person.
    slips = m["misspelt"] >= 5 and m.share("misspelt") > 0.05 and m.share("one_person") > 0.8
    typed = slips and m["busiest_bin"] <= _MOST_TYPED_PER_BIN
    few = m["accounts"] <= 5 and m["attempts"] < _LEAST_GUESSING
    return few or (by_hand and on_own) or filled_in or typed or (own_only and _is_several_people(m))


def _is_several_people(m: Measures) -> bool:
    """Whether a few people at once may be trying by hand, each an account of his own."""
    n = m["accounts"]
    by_hand = m["attempts"] < n * _MOST_BY_HAND and m["busiest_bin"] <= n * _MOST_BY_HAND_PER_BIN
    again_and_again = m["retried"] > 0.9 * (m["attempts"] - m["successes"])
    return n <= _MOST_PEOPLE and by_hand and again_and_again and m["networks"] <= n * _MOST_PLACES


def name_kind(m: Measures, *, named: bool) -> CampaignKind:
    """Kind of a campaign, by how its attempts fall on accounts; where none are named, the commonest."""
    if not named:
        return "stuffing"
    told = m["attempts"] - m["not_told"]
    if told and m["unknown_accounts"] >= 0.85 * told and not m["successes"]:
        return "enumeration"
    if m["hammered"] > 0.5 * m["attempts"]:
        return "guessing"
    # Rounds over one list: accounts are tried again after the same time.
    mean_gap = m["sum_of_gaps"] / max(m["revisited"], 1)
    uneven = m["sum_of_squared_gaps"] / max(m["revisited"], 1) - mean_gap**2
    in_rounds = m["revisited"] > 0.3 * m["accounts"] and uneven < (0.4 * mean_gap) ** 2
    if in_rounds and m.share("unknown_accounts") < 0.35 and m["accounts"] > 3 * m["addresses"]:
        return "spraying"
    return "stuffing"


def give_reasons(
    m: Measures, settings: StuffingSettings, usual_failing: float, *, named: bool
) -> list[Reason]:
    """What speaks for a campaign, the most telling first after its size.

    `usual_failing`: failures among attempts outside campaigns, in percent; `named`: whether the log
    names accounts.
    """
    size = {k: m[k] for k in ("attempts", "accounts", "addresses", "networks")}
    level = {
        "minutes": settings.bin_minutes,
        "attempts": m["busiest_bin"],
        "percent": _percent(m["busiest_bin"], m["busiest_bin_all"]),
    }
    return [
        Reason("size", size) if named else Reason("no_accounts", {}),
        Reason("level", level),
        *_reasons_in_outcomes(m, settings, usual_failing),
        *([Reason("strangers", {"percent": _percent(m["attempts"] - m["at_home"], m["attempts"])})]
          if named and m.share("at_home") < 0.1 else []),
        *_reasons_in_spread(m, named=named),
        *([Reason("successes", {"successes": m["successes"]})] if m["successes"] else []),
    ]  # fmt: skip


def _reasons_in_outcomes(m: Measures, settings: StuffingSettings, usual_failing: float) -> list[Reason]:
    refused = m["attempts"] - m["successes"] - m["not_told"]
    reasons = []
    if m["not_told"] < 0.5 * m["attempts"]:
        failing = {"percent": _percent(refused, m["attempts"]), "usual": round(usual_failing, 4)}
        if abs(failing["percent"] - failing["usual"]) >= 1:
            reasons.append(Reason("refused", failing))
    if m.share("unknown_accounts") > 0.1:
        reasons.append(
            Reason("unknown_accounts", {"percent": _percent(m["unknown_accounts"], m["attempts"])})
        )
    if m["retried"] < 0.5 * refused:
        dropped = _percent(refused - m["retried"], refused)
        reasons.append(Reason("no_retry", {"percent": dropped, "minutes": settings.near_minutes}))
    return reasons


def _reasons_in_spread(m: Measures, *, named: bool) -> list[Reason]:
    """How the attempts fall on accounts, addresses and clients."""
    reasons = []
    if named and m.share("hammered") > 0.3:
        reasons.append(Reason("hammered", {"attempts": m["hammered"], "most": m["most_per_account"]}))
    if m["one_try_addresses"] > 0.5 * m["addresses"]:
        single = _percent(m["one_try_addresses"], m["addresses"])
        reasons.append(Reason("one_try_addresses", {"percent": single}))
    elif m["most_per_address"] > 50:
        reasons.append(Reason("busy_address", {"attempts": m["most_per_address"]}))
    if m.tools and m.tools[0].client and m.tools[0].share > max(0.2, 2 * m.tools[0].usual):
        tool = m.tools[0]
        shares = {"percent": round(100 * tool.share, 4), "usual": round(100 * tool.usual, 4)}
        reasons.append(Reason("client", {"client": tool.client[:120], **shares}))
    return reasons


def _percent(part: float, whole: float) -> float:
    return round(100 * part / whole, 4) if whole else 0.0


def keep_campaigns(measures: list[Measures], settings: StuffingSettings) -> pl.DataFrame:
    """Table `stuffing_kept`: number and id of the campaigns that look like attacks, by start."""
    kept = sorted(
        (m for m in measures if looks_like_attack(m, settings)), key=lambda m: (m["start_us"], m.number)
    )
    return pl.DataFrame(
        {"campaign": [m.number for m in kept], "id": [f"c{i + 1}" for i in range(len(kept))]},
        schema={"campaign": pl.Int64, "id": pl.String},
    )
