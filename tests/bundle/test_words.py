"""The index says the same in both languages."""

from __future__ import annotations

import re
import string

from stanch.reporting.catalogue import load_catalogue

EN, ZH = (load_catalogue(lang, "stanch.bundle") for lang in ("en", "zh"))


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_both_languages_have_the_same_keys_and_values() -> None:
    en, zh = ({k: v for k, v in c._texts.items() if not k.endswith(".one")} for c in (EN, ZH))
    assert en.keys() == zh.keys()
    for key, text in en.items():
        assert placeholders(text) == placeholders(zh[key]), key


def test_no_english_word_stands_in_the_chinese_texts() -> None:
    for key, text in ZH._texts.items():
        left = re.sub(r"<code>.*?</code>|<[^>]*>|\{\w+\}|[\w/]+\.(?:json|html)|zh-CN", "", text)
        assert not re.search(r"[A-Za-z]{2,}", left), key
