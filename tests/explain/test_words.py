"""Both languages have words for every addend and every level, and the same values in them."""

from __future__ import annotations

import re
import string
from pathlib import Path

import polars as pl
import pytest

from stanch.evidence.tables import OUTCOMES
from stanch.explain.facts import tell_levels, tell_weight
from stanch.explain.folder import Folder
from stanch.explain.tell import round_addends
from stanch.explain.weigh import Addend, Level
from stanch.findings import CampaignKind
from stanch.reporting.catalogue import Catalogue, load_catalogue
from stanch.stuffing.blocks import N_SHARED_LEVELS
from stanch.stuffing.levels import ADDENDS, count_levels

EN, ZH = (load_catalogue(lang, "stanch.explain") for lang in ("en", "zh"))
FOLDER = Folder(Path(), None, pl.LazyFrame(), pl.DataFrame(), bin_minutes=60, near_minutes=20)  # type: ignore[arg-type]


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("texts", [EN, ZH], ids=["en", "zh"])
@pytest.mark.parametrize("addend", ADDENDS)
def test_every_addend_and_level_has_words(addend: str, texts: Catalogue) -> None:
    assert texts.text(f"addend.{addend}")
    # How rare a place is, the addend `network` says.
    for code in range(N_SHARED_LEVELS if addend == "place" else 0, count_levels(addend)):
        for name in ("curl/8", None):
            (told,) = tell_levels(Addend(addend, -1.0, [Level(code, 1.0, name)]), FOLDER, texts)
            assert told
            assert "{" not in told
            assert "None" not in told


@pytest.mark.parametrize("texts", [EN, ZH], ids=["en", "zh"])
def test_every_outcome_and_kind_has_words(texts: Catalogue) -> None:
    for outcome in OUTCOMES:
        assert texts.text(f"outcome_word.{outcome}")
    for kind in CampaignKind.__args__:
        assert texts.text(f"kind.{kind}")


def test_both_languages_have_the_same_keys_and_values() -> None:
    en, zh = ({k: v for k, v in c._texts.items() if not k.endswith(".one")} for c in (EN, ZH))
    assert en.keys() == zh.keys()
    for key, text in en.items():
        assert placeholders(text) == placeholders(zh[key]), key


def test_no_english_word_stands_in_the_chinese_texts() -> None:
    for key, text in ZH._texts.items():
        assert not re.search(r"[A-Za-z]{2,}", re.sub(r"\{\w+\}|--\w+|UTC", "", text)), key


def test_words_follow_the_settings_of_the_run() -> None:
    half = Folder(Path(), None, pl.LazyFrame(), pl.DataFrame(), bin_minutes=30, near_minutes=7)  # type: ignore[arg-type]
    assert "same 30 minutes" in tell_levels(Addend("address", 1.0, [Level(17, 1.0)]), half, EN)[0]
    assert "within 7 minutes" in tell_levels(Addend("behaviour", 1.0, [Level(0, 1.0)]), half, EN)[0]


def test_a_level_of_part_of_the_attempts_says_of_how_many() -> None:
    told = tell_levels(Addend("standing", 1.0, [Level(0, 0.75), Level(3, 0.25)]), FOLDER, EN)
    assert told[0].startswith("in 75% of the attempts: No other account")
    assert told[1] == "in 25% of the attempts: Other accounts that use the address regularly: 5 to 19."


@pytest.mark.parametrize(
    ("habit", "words"),
    [
        (0, ["at no other time"]),
        (1, ["never from this place", "never let in with this device"]),
        (5, ["from this place (operator and country", "never from this network", "another version of this"]),
        (9, ["only later", "with this device or"]),
        (12, ["before.", "with this device or"]),
        (13, ["one letter away", "a likely slip"]),
        (14, ["one letter away", "elsewhere"]),
    ],
)
def test_a_habit_is_told_by_place_and_device(habit: int, words: list[str]) -> None:
    (told,) = tell_levels(Addend("behaviour", 1.0, [Level(4 * habit, 1.0)]), FOLDER, EN)
    for some in words:
        assert some in told


@pytest.mark.parametrize(
    ("addend", "words"),
    [
        (3.0, "20 times as frequent in the attack"),
        (-0.7, "2.0 times as frequent in comparable"),
        (9.0, "over 1,000"),
    ],
)
def test_weight_is_told_as_a_factor(addend: float, words: str) -> None:
    assert words in tell_weight(Addend("client", addend, []), EN)


def test_no_factor_is_told_where_there_is_none() -> None:
    assert tell_weight(Addend("client", 0.01, []), EN) == ""
    assert tell_weight(Addend("level", 5.0, []), EN) == ""


@pytest.mark.parametrize(
    "addends", [[0.333] * 3, [-0.005, 0.004, 0.004], [1.006, -1.006], [12.3456, -0.0049, -0.0049], []]
)
def test_printed_addends_add_up_to_the_printed_total(addends: list[float]) -> None:
    numbers, total = round_addends(addends)
    assert round(sum(float(number) for number in numbers), 2) == float(total)
    assert all(abs(float(n) - a) < 0.01 for n, a in zip(numbers, addends, strict=True))
