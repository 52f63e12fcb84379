"""The forms say the same things in both languages, and everything they need to say."""

import re
import tomllib
from importlib.resources import files
from typing import Any

import pytest

from stanch.evidence.tables import FIELDS
from stanch.service.forms.report import LIMITS


def load(lang: str) -> dict[str, str]:
    def flatten(tree: dict[str, Any], prefix: str = "") -> dict[str, str]:
        flat: dict[str, str] = {}
        for name, value in tree.items():
            flat |= {prefix + name: value} if isinstance(value, str) else flatten(value, f"{prefix}{name}.")
        return flat

    return flatten(
        tomllib.loads(files("stanch.service").joinpath("texts", f"{lang}.toml").read_text("utf-8"))
    )


TEXTS = {lang: load(lang) for lang in ("en", "zh")}


def test_both_languages_have_the_same_texts_with_the_same_gaps() -> None:
    assert TEXTS["en"].keys() == TEXTS["zh"].keys()
    for key, text in TEXTS["en"].items():
        gaps = [sorted(re.findall(r"\{(\w+)\}", words)) for words in (text, TEXTS["zh"][key])]
        assert gaps[0] == gaps[1], key


def test_every_field_and_every_word_of_the_evidence_has_a_name() -> None:
    assert {f"field.{name}" for name in LIMITS} <= TEXTS["en"].keys()
    assert {f"known.{word}" for word in FIELDS} == {key for key in TEXTS["en"] if key.startswith("known.")}


@pytest.mark.parametrize("key", sorted(TEXTS["zh"]))
def test_chinese_is_set_as_chinese(key: str) -> None:
    text = re.sub(r"\{\w+\}", "", TEXTS["zh"][key])
    assert re.search(r"[\u4e00-\u9fff]", text), "not translated"
    assert not re.search(r"[\u4e00-\u9fff][,;:?!.]", text), "full-width punctuation between characters"
