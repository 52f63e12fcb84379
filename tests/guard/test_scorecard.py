"""Scorecards: learnt from soft labels, refused where they do not fit, honest where traffic has changed."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from guard.shop import DAY_US, HOUR_US, START_US, customer, live_in_peace, open_guard, try_login
from stanch.errors import SettingsError
from stanch.guard.attempts import Attempt
from stanch.guard.features import BLOCKS
from stanch.guard.guard import Context
from stanch.guard.keys import Keys
from stanch.guard.reasons import tell_apart
from stanch.guard.scorecard import load_scorecard, probability
from stanch.train import Lesson, fit_scorecard, write_scorecard

NO_KEYS = Keys(0, 0, 0, 0, 0, 0, 0)


def attempt_at(levels: tuple[int, ...], habit: int = 0) -> Context:
    return Context(0, "", "", NO_KEYS, levels, 0.0, "allow", habit, 0, False, 0, 0, 0, False, False)


def test_evidence_that_two_blocks_share_is_counted_once() -> None:
    """Address and network say the same of every attempt; together they must say it once."""
    lesson = Lesson()
    lesson.begin_part()
    rng = np.random.default_rng(1)
    for _ in range(20_000):
        attack = rng.random() < 0.3
        level = int(rng.random() < (0.8 if attack else 0.1))
        context = attempt_at((0, level, level, 0, 0, 0, 0, 0))
        lesson.add(context, "failure", float(attack), calm=True)
    card = fit_scorecard(lesson, "test")
    for level, share in ((0, 0.3 * 0.2 / (0.3 * 0.2 + 0.7 * 0.9)), (1, 0.24 / (0.24 + 0.07))):
        levels = (0, level, level, 0, 0, 0, 0, 0)
        log_odds = card.base + sum(card.addends[name][at] for name, at in zip(BLOCKS, levels, strict=True))
        assert probability(log_odds) == pytest.approx(share, abs=0.03)


def test_without_attacks_a_shop_keeps_the_addends_it_had() -> None:
    prior = load_scorecard(None)
    lesson = Lesson()
    lesson.begin_part()
    for _ in range(2_000):
        lesson.add(attempt_at((72, -1, -1, -1, 0, -1, -1, -1), 12), "success", 1e-6, calm=True)
    card = fit_scorecard(lesson, "test", prior)
    assert card.addends == prior.addends
    assert card.calm["behaviour"][72] == 1.0


@pytest.mark.parametrize(
    ("change", "said"),
    [({"version": 2}, "version"), ({"addends": {}}, "addends.behaviour"), ({"extra": 1}, "extra")],
)
def test_a_scorecard_of_other_features_is_refused(
    change: dict[str, object], said: str, tmp_path: Path
) -> None:
    path = tmp_path / "card.json"
    write_scorecard(path, load_scorecard(None))
    path.write_bytes(msgspec.json.encode(msgspec.json.decode(path.read_bytes()) | change))
    with pytest.raises(SettingsError, match=said):
        load_scorecard(path)
    with pytest.raises(SettingsError, match="cannot be read"):
        load_scorecard(tmp_path / "none.json")


def test_a_shop_unlike_the_scorecard_is_told_so() -> None:
    """Everybody always comes from another network with another client: nobody is ever at home."""
    fits, misfits = open_guard(), open_guard()
    for guard in (fits, misfits):
        # Of shops that differ in two attempts of three from one another at most.
        usual = dict.fromkeys(guard.scorecard.usual, 0.66)
        guard.use(msgspec.structs.replace(guard.scorecard, usual=usual), guard.settings)
    end_us = live_in_peace(fits, customers=900)
    for i in range(9_000):
        time_us = START_US + i * DAY_US // 1_500
        roaming = Attempt(time_us, f"{20 + i % 150}.{i // 150}.{i % 13}.1", f"guest{i}", f"client{i}")
        if not i % 50:
            misfits.sweep(time_us)
        try_login(misfits, roaming, "success")
    assert fits.sweep(end_us + HOUR_US).misfit == ""
    sweep = misfits.sweep(START_US + 7 * DAY_US)
    assert "stanch train" in sweep.misfit
    assert sweep.drift > 0.3
    assert not sweep.alarm


def test_a_distance_is_told_with_the_decimals_that_set_it_apart_from_the_usual_one() -> None:
    assert tell_apart(0.70, 0.45) == ("70", "45")
    assert tell_apart(0.454, 0.451) == ("45.4", "45.1")
    assert tell_apart(0.45012, 0.45) == ("45.01", "45.00")
    assert tell_apart(0.45, 0.45) == ("45.0000", "45.0000")


def test_the_scorecard_built_in_says_how_it_was_made() -> None:
    card = load_scorecard(None)
    assert "bench scorecard" in card.made
    assert set(card.addends) == set(BLOCKS)
    guard = open_guard()
    assert guard.assess(customer(1, START_US)).answer.score < 0.1
