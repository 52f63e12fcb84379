"""The console says the same in both languages, and everything that it needs to say."""

import re
import tomllib
from importlib.resources import files
from typing import Any, get_args

import pytest

from stanch.cases.incidents import Kind
from stanch.console.pages import Section
from stanch.console.registry import ACTIONS, PAGES

FOLDER = files("stanch.console")


def load(lang: str) -> dict[str, str]:
    def flatten(tree: dict[str, Any], prefix: str) -> dict[str, str]:
        flat: dict[str, str] = {}
        for name, value in tree.items():
            flat |= {prefix + name: value} if isinstance(value, str) else flatten(value, f"{prefix}{name}.")
        return flat

    texts: dict[str, str] = {}
    for part in FOLDER.joinpath("texts", lang).iterdir():
        texts |= flatten(tomllib.loads(part.read_text("utf-8")), f"{part.name.removesuffix('.toml')}.")
    return texts


EN = load("en")
ZH = {key: text for key, text in load("zh").items() if ".sentences." not in key}
CODE = "\n".join(path.read_text("utf-8") for path in FOLDER.iterdir() if path.name.endswith(".py"))  # type: ignore[attr-defined]


def test_both_languages_have_the_same_texts_with_the_same_gaps() -> None:
    assert EN.keys() == ZH.keys()
    for key, text in EN.items():
        gaps = [sorted(re.findall(r"\{(\w+)\}", words)) for words in (text, ZH[key])]
        assert gaps[0] == gaps[1], key


@pytest.mark.parametrize("key", sorted(ZH))
def test_chinese_is_set_as_chinese(key: str) -> None:
    text = re.sub(r"\{\w+\}", "", ZH[key])
    if re.search(r"\w", text):
        assert re.search(r"[\u4e00-\u9fff]", text), "not translated"
    assert not re.search(r"[\u4e00-\u9fff][,;:?!.]", text), "full-width punctuation between characters"


def test_there_is_a_text_for_whatever_can_be_told() -> None:
    assert {f"shell.nav.{section}" for section in get_args(Section) if section} <= EN.keys()
    quiet = {"account.choose_language", "people.invite"}  # seen from where they lead
    done = {action.full_name.replace(".", ".done.") for action in ACTIONS if action.full_name not in quiet}
    assert done <= EN.keys()
    assert {action.full_name.replace(".", ".did.") for action in ACTIONS} <= EN.keys()
    assert {f"{page.name}.did.look" for page in PAGES if page.look} <= EN.keys()
    assert {f"incident.history.{kind}" for kind in get_args(Kind)} <= EN.keys()
    mistakes = set(re.findall(r'MistakeError\(\s*"\w*", "(\w+)"', CODE))
    assert len(mistakes) > 10
    assert mistakes <= {key.rpartition(".")[2] for key in EN if ".mistake." in key}


def test_each_page_has_its_template_and_each_template_only_texts_that_exist() -> None:
    templates = {
        path.name: path.read_text("utf-8") for path in FOLDER.joinpath("page").iterdir() if path.is_file()
    }
    assert {f"{page.name}.html.j2" for page in PAGES if page.give is None} <= templates.keys()
    for name, template in templates.items():
        used = set(re.findall(r"""\bt\(["']([\w.]+)["'][,)]""", template))
        assert used <= EN.keys(), name
