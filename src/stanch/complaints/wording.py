"""Texts of one language: a TOML file each beside the code that says them, same keys in all."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Literal

Lang = Literal["en", "zh"]


@cache
def load_wording(package: str, lang: Lang) -> Mapping[str, str]:
    """Dotted key -> text with `{placeholders}`, from `texts/LANG.toml` of `package`."""
    tree = tomllib.loads(files(package).joinpath("texts", f"{lang}.toml").read_text(encoding="utf-8"))
    return {f"{section}.{key}": text for section, texts in tree.items() for key, text in texts.items()}
