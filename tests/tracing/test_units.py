"""Branches and the like race with their members: neither takes the other's name."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

import pytest

from stanch.findings import Attribution
from stanch.progress import SilentProgress
from stanch.tracing import TracingSettings, trace_sources
from tracing.shops import Plan, make_shop, put_shop

BRANCHES = Plan(branches=True, n_from_leak=16)


def trace(seed: int, plan: Plan) -> tuple[Attribution, list[str]]:
    shop = make_shop(seed, plan)
    with closing(put_shop(shop)) as engine:
        return trace_sources(engine, TracingSettings(), 0, SilentProgress()), shop.truth


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_guilty_member_is_named_and_not_its_branch(seed: int) -> None:
    found, truth = trace(seed, BRANCHES)
    assert found.sources == truth
    assert truth[0].startswith("staff:")


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_leak_of_a_whole_branch_accuses_none_of_its_members(seed: int) -> None:
    found, truth = trace(seed, replace(BRANCHES, leaks=("unit",)))
    assert found.sources in ([], truth)
    assert max(found.posterior, key=lambda source: found.posterior[source]) == truth[0]


def test_a_branch_that_leaked_can_be_named() -> None:
    found = [trace(seed, replace(BRANCHES, leaks=("unit",), n_from_leak=30)) for seed in (4, 5)]
    assert all(attribution.sources == truth for attribution, truth in found)


def test_branches_make_nobody_guilty_by_coincidence() -> None:
    assert all(trace(seed, replace(BRANCHES, leaks=("none",)))[0].sources == [] for seed in (1, 2, 3))
