"""The two languages say the same, and no sentence of any stage stays English on a Chinese page."""

import re
import string
from collections.abc import Mapping
from typing import Any

import made
import polars as pl
import pytest

from stanch.progress import SilentProgress
from stanch.reporting.catalogue import Catalogue, load_catalogue

EN, ZH = load_catalogue("en"), load_catalogue("zh")

#: Words that are the same in both languages.
SHARED = re.compile(
    r"<[^>]*>|\{\w+\}|--\w+|[\w-]+\.(?:csv|txt|json|jsonl)|%-?\w|\b(?:Stanch|IPv6|UTC|GDPR|SHA-256|zh-CN)\b"
)


def texts_of(catalogue: Catalogue) -> dict[str, str]:
    return dict(catalogue._texts)


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_both_catalogues_have_the_same_keys() -> None:
    en, zh = ({key.removesuffix(".one") for key in texts_of(c)} for c in (EN, ZH))
    assert en == zh


def test_both_catalogues_fill_in_the_same_values() -> None:
    for key, text in texts_of(ZH).items():
        if not key.endswith(".one"):
            assert placeholders(text) == placeholders(EN._texts[key]), key
    for catalogue in (EN, ZH):
        for key, text in texts_of(catalogue).items():
            if key.endswith(".one"):
                assert placeholders(text) <= placeholders(catalogue._texts[key.removesuffix(".one")]), key


def test_no_english_word_stands_in_the_chinese_catalogue() -> None:
    for key, text in texts_of(ZH).items():
        assert not re.search(r"[A-Za-z]{2,}", SHARED.sub("", text)), (key, text)


def test_one_is_told_in_its_own_form() -> None:
    assert EN.text("unit.day", n=1) == "day"
    assert EN.text("unit.day", n=3) == "3 days"


@pytest.mark.parametrize(
    ("p", "told"),
    [(0.9999, "over 99.9%"), (1, "100%"), (0.0001, "under 0.1%"), (0, "0%"), (0.953, "95.3%"), (0.5, "50%")],
)
def test_shares_are_never_rounded_to_certainty(p: float, told: str) -> None:
    assert EN.share(p) == told


def test_no_conclusion_is_certain() -> None:
    assert (EN.chance(1.0), EN.chance(0.0), EN.chance(0.97)) == ("over 99.9%", "under 0.1%", "97%")


def test_sentences_name_sources_and_times_as_the_page_does() -> None:
    told = "staff:agent02 fits best since 2015-04-17T15:43:09Z, in 97 % of cases."
    assert (
        EN.sentence(told) == "staff account agent02 fits best since 2015-04-17\u00a015:43, in 97% of cases."
    )
    assert EN.sentence("group:partner:a+partner:b: alike") == "partner a+partner b: alike"


def test_chinese_has_blanks_beside_latin_letters_only() -> None:
    tell = ZH.text
    assert tell("action.staff", source=ZH.source("staff:agent07")).startswith(
        "今天就停用<b>员工账号 agent07</b>，"
    )
    assert "给<b>免登录页面 /track</b> 加上" in tell("action.endpoint", source=ZH.source("endpoint:/track"))
    assert ZH.source("staff:客服07") == "员工账号客服07"
    assert tell("headline.named", source=ZH.source("staff:小店")) == "订单数据是经由员工账号小店泄露的。"
    assert tell("chart.complaints", bin=tell("unit.hour", n=1)) == "收到的投诉（每小时）"
    assert tell("chart.complaints", bin=tell("unit.hour", n=6)) == "收到的投诉（每 6 小时）"
    # What comes from evidence keeps its own blanks.
    assert "张 三" in tell("headline.named", source=ZH.source("staff:张 三"))


def test_lists_of_sources_are_chinese_in_chinese() -> None:
    split = (
        "Give staff:a and staff:乙 different orders from now on: complaints about later orders then tell"
        " them apart."
    )
    assert ZH.sentence(split).startswith("从现在起让员工账号 a、员工账号乙处理不同的订单：")
    alike = "The evidence cannot tell staff:a, partner:b apart: they saw nearly the same orders."
    assert ZH.sentence(alike) == "证据无法区分员工账号 a、合作方 b：它们看过的订单几乎相同。"
    assert EN.sentence(alike) == (
        "The evidence cannot tell staff account a, partner b apart: they saw nearly the same orders."
    )


def test_an_unknown_sentence_is_shown_as_it_came() -> None:
    assert ZH.translate("Nobody wrote this.") is None
    assert ZH.sentence("Nobody wrote this.") == "Nobody wrote this."


def fill(template: str) -> str:
    """The sentence with plausible values, whatever their format."""
    values: dict[str, Any] = {}
    for _, name, spec, _ in string.Formatter().parse(template):
        if name:
            values[name] = 1234 if spec else "2015-04-20"
    return template.format(**values)


def list_untranslated(sentences: Mapping[str, str]) -> list[str]:
    return [code for code, template in sentences.items() if ZH.translate(fill(template)) is None]


def test_every_reason_for_a_campaign_is_translated() -> None:
    from stanch.stuffing.reasons import SENTENCES

    assert list_untranslated(SENTENCES) == []


def test_why_a_list_is_not_known_is_translated() -> None:
    from stanch.stuffing.targets import ONCE, UNEVEN, UNNAMED, UNTOLD

    assert [why for why in (ONCE, UNEVEN, UNNAMED, UNTOLD) if ZH.translate(why) is None] == []


def test_what_the_logins_lack_is_translated() -> None:
    from stanch.stuffing import find_attacks
    from stanch.stuffing.settings import StuffingSettings

    engine = made.make_engine()
    row = {"ip": "203.0.113.1", "outcome": "unknown"}
    made.put_evidence(engine, "logins", [row | {"time_us": made.START + i} for i in range(9)])
    engine.put("account_spellings", pl.DataFrame(schema={"account": pl.String, "variant": pl.Int64}))
    notes = find_attacks(engine, frozenset({"time", "ip"}), StuffingSettings(), 0, SilentProgress()).notes
    assert notes
    assert [note for note in notes if ZH.translate(note) is None] == []


def test_why_logins_could_not_be_examined_is_translated() -> None:
    from stanch.stuffing.attacks import NO_FAILURE, NO_OUTCOME

    assert ZH.translate(NO_FAILURE)
    assert "超过 99.9%" in (ZH.translate(NO_OUTCOME.format(percent="over 99.9")) or "")


@pytest.mark.parametrize(
    ("note", "told"),
    [
        (
            "orders: columns order and time are missing; the file has x (name it with --map orders.time=t)",
            "订单：缺少列 order、time；文件中有 x（用 --map orders.time=t 指定）",
        ),
        (
            "breaks off: the gzip stream ends too early (what was before the damage was read)",
            "文件中断：gzip 数据流提前结束（损坏之前的部分已读取）",
        ),
    ],
)
def test_what_is_wrong_with_a_file_is_translated(note: str, told: str) -> None:
    assert ZH.sentence(note) == told


def test_every_reason_for_a_source_is_translated() -> None:
    from stanch.tracing.reasons import SENTENCES, SETTLE

    assert list_untranslated(SENTENCES) + list_untranslated(SETTLE) == []


def test_what_was_not_given_is_translated() -> None:
    from stanch.investigate import _WITHOUT_TABLE

    assert [sentence for sentence in _WITHOUT_TABLE.values() if ZH.translate(sentence) is None] == []


def test_a_hostile_value_does_not_become_a_template() -> None:
    told = ZH.translate(
        '12 % of the attempts say they are "{attempts.__class__}", as 3 % of other attempts do.'
    )
    assert told is not None
    assert "{attempts.__class__}" in told
