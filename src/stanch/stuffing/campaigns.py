"""Suspicious attempts -> campaigns: what one operator plausibly did with one list and one tool.

Attempts are first taken together by client. Clients whose attempts fall on the same times are one
tool under several names; a tool that pauses is the same tool. Distance is the Jensen-Shannon
divergence of these profiles (Lin 1991, IEEE Trans. Inf. Theory 37:145), less what chance adds to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from stanch.stuffing.blocks import Floats

#: Profiles further apart (nats, of at most log 2 = 0.69) are different tools.
_APART: Final = 0.2
#: Clients with fewer suspicious attempts follow the crowd; so do all beyond the largest.
_LEAST_TOOL: Final = 30
_MOST_TOOLS: Final = 60
#: Time cells of a profile.
_N_SPANS: Final = 48
#: Part of a campaign's attempts that may lie outside its core, strays before and after it.
_STRAY_SHARE: Final = 0.002
_GAP_BINS: Final = 24
#: A longer silence ends a campaign: 14 days of bins of an hour.
_SILENT_BINS: Final = 14 * 24


def link_tools(tools: pl.DataFrame) -> pl.DataFrame:
    """Number the campaigns: one row per client and bin, with `campaign` and `in_core`.

    `tools` is the table `stuffing_tools`. `in_core` is false in bins of strays, which belong to the
    campaign but do not date it.
    """
    if tools.is_empty():
        schema = {"client": pl.Int64, "bin": pl.Int64, "campaign": pl.Int64, "in_core": pl.Boolean}
        return pl.DataFrame(schema=schema)
    profiles = _build_profiles(tools.sort("client", "bin"))
    cluster = _cluster(profiles)
    linked = (
        tools.group_by("client", "bin")
        .agg(pl.col("n").sum())
        .join(pl.DataFrame({"client": list(profiles), "campaign": cluster}), on="client")
    )
    return (
        _mark_core(_split_at_silence(linked))
        .select("client", "bin", "campaign", "in_core")
        .sort("client", "bin")
    )


def _split_at_silence(linked: pl.DataFrame) -> pl.DataFrame:
    """Number anew what goes on after a long silence: a pause of a week is one campaign, of a month is two."""
    bins = (
        linked.select("campaign", "bin")
        .unique()
        .sort("campaign", "bin")
        .with_columns(
            (pl.col("campaign").diff().ne(0) | (pl.col("bin").diff() > _SILENT_BINS))
            .fill_null(value=False)
            .cum_sum()
            .cast(pl.Int64)
            .alias("part")
        )
    )
    return linked.join(bins, on=["campaign", "bin"]).drop("campaign").rename({"part": "campaign"})


@dataclass(frozen=True, slots=True)
class _Tool:
    """Hosts at work per span of time, and how many hosts and attempts there are in all."""

    profile: Floats
    n_hosts: float
    n_attempts: float

    def __add__(self, other: _Tool) -> _Tool:
        return _Tool(
            self.profile + other.profile,
            self.n_hosts + other.n_hosts,
            self.n_attempts + other.n_attempts,
        )


def _build_profiles(tools: pl.DataFrame) -> dict[int, _Tool]:
    """Profile per client, busiest first. What a host does in one bin counts once."""
    bins = tools["bin"].to_numpy()
    used = np.unique(bins)
    spans = pl.Series("span", np.searchsorted(used, bins) * _N_SPANS // max(len(used), 1))
    counts = tools.with_columns(spans).group_by("client", "span").agg(pl.col("n_hosts").sum())
    totals = tools.group_by("client").agg(
        pl.col("n_hosts").sum(), pl.col("n_client_hosts").first(), pl.col("n").sum()
    )
    totals = totals.sort(["n_hosts", "client"], descending=[True, False])
    profiles = {
        client: _Tool(np.zeros(_N_SPANS), float(n_hosts), float(n))
        for client, n_hosts, n in totals.select("client", "n_client_hosts", "n").rows()
    }
    for client, span, n in counts.rows():
        profiles[client].profile[span] = n
    return profiles


def _cluster(profiles: dict[int, _Tool]) -> list[int]:
    """Assign each profile to the nearest earlier tool, or let it found one."""
    tools: list[_Tool] = []
    assigned: list[int] = []
    for rank, tool in enumerate(profiles.values()):
        distances = [_divergence(tool, other) for other in tools]
        nearest = int(np.argmin(distances)) if distances else -1
        founds = rank < _MOST_TOOLS and tool.n_attempts >= _LEAST_TOOL
        if not tools or (founds and distances[nearest] > _APART):
            tools.append(tool)
            assigned.append(len(tools) - 1)
        else:
            tools[nearest] += tool
            assigned.append(nearest)
    return assigned


def _divergence(one: _Tool, other: _Tool) -> float:
    """Jensen-Shannon divergence of two profiles with equal weights, less its bias under equality.

    A host works at times of its own, so profiles of few hosts are compared in few cells only.
    """
    n_hosts = min(one.n_hosts, other.n_hosts)
    cells = max(k for k in (2, 3, 4, 6, 8, 12, 16, 24, _N_SPANS) if k <= max(n_hosts / 2, 2))
    p, q = (tool.profile.reshape(cells, -1).sum(axis=1) for tool in (one, other))
    p, q = p / p.sum(), q / q.sum()
    middle = (p + q) / 2
    used = middle > 0
    bias = (used.sum() - 1) / 8 * (1 / one.n_hosts + 1 / other.n_hosts)
    return float(_entropy(middle[used]) - (_entropy(p[used]) + _entropy(q[used])) / 2 - bias)


def _entropy(p: Floats) -> float:
    return float(-(p * np.log(np.maximum(p, 1e-300))).sum())


def _mark_core(linked: pl.DataFrame) -> pl.DataFrame:
    """Mark the bins that date a campaign: runs without a long gap that hold more than strays."""
    runs = (
        linked.group_by("campaign", "bin")
        .agg(pl.col("n").sum())
        .sort("campaign", "bin")
        .with_columns(
            (pl.col("bin").diff().over("campaign").fill_null(0) > _GAP_BINS)
            .cast(pl.Int64)
            .cum_sum()
            .over("campaign")
            .alias("run")
        )
        .with_columns(
            pl.col("n").sum().over("campaign", "run").alias("of_run"),
            pl.col("n").sum().over("campaign").alias("of_all"),
            pl.col("n").max().over("campaign", "run").alias("of_run_max"),
        )
        .with_columns(
            (pl.col("of_run") >= pl.max_horizontal(pl.lit(5), pl.col("of_all") * 10 * _STRAY_SHARE)).alias(
                "main"
            )
        )
        .with_columns(
            (pl.col("main") & (pl.col("n") > pl.col("of_run_max") * 5 * _STRAY_SHARE)).alias("in_core")
        )
    )
    # A campaign of strays alone is dated by all of them.
    runs = runs.with_columns(pl.col("in_core") | ~pl.col("in_core").any().over("campaign"))
    return linked.join(runs.select("campaign", "bin", "in_core"), on=["campaign", "bin"])
