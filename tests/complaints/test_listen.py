"""`stanch complaints read` and `train`: what they write, and what stays."""

from __future__ import annotations

import json
import re
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanch.cli import main
from stanch.complaints.duplicates import group_near_duplicates
from stanch.complaints.masking import mask_text
from stanch.complaints.model import train
from stanch.complaints.reading import Report, read_report
from stanch.complaints.reading.text import Text
from stanch.complaints.scripts import Told, find_scripts, follow_scripts
from stanch.complaints.vectors import list_features

RECEIVED = "2024-05-15T10:00:00+08:00"
WHOLESALER = (
    "昨天{n}点有人自称店铺客服,说误把我登记成批发商,每月扣费,要我报短信验证码。",
    "接到假客服电话,说我被录成代理商了,让我提供验证码,被扣{n}元。",
)
PARCEL = (
    "有人自称中通快递,说我的包裹丢了要理赔,让我扫二维码,我转了{n}元。",
    "冒充快递的说快件遗失赔付,发个二维码叫我扫码,没理他,单{n}。",
)


def write_complaints(path: Path, texts: list[str], received: str = RECEIVED) -> Path:
    rows = [
        {"complaint": f"c{i}", "received": received, "order": f"o{i}", "text": t} for i, t in enumerate(texts)
    ]
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    return path


def read_back(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "read.jsonl").read_text("utf-8").splitlines()]


def test_one_object_a_complaint_in_the_shape_of_the_contract(tmp_path: Path) -> None:
    texts = [
        "骗子自称店铺客服,4月27日打来,让我打开http://tk-a.cn/x退款,被划走1.8万元。",
        "",
        "Where is my parcel? It is late.",
    ]
    path = write_complaints(tmp_path / "c.jsonl", texts)
    assert main(["complaints", "read", str(path), "--out", str(tmp_path / "out"), "--quiet"]) == 0
    first, empty, late = read_back(tmp_path / "out")
    assert [first["complaint"], empty["complaint"], late["complaint"]] == ["c0", "c1", "c2"]
    assert first["kind"] == "fake_customer_service"
    assert 0 < first["p_kind"] <= 1
    assert first["scam_urls"] == ["hxxp://tk-a[.]cn/x"]
    assert first["contacted"] == "2024-04-27T04:00:00Z"
    (loss,) = first["losses"]
    assert (loss["amount"], loss["currency"]) == (18000.0, "CNY")
    assert texts[0][loss["start"] : loss["end"]] == "1.8万元"
    assert late["kind"] == "not_fraud"
    assert late["claimed_identity"] is None
    assert late["contacted"] is None


def test_times_without_an_offset_are_those_of_the_languages_zone(tmp_path: Path) -> None:
    path = write_complaints(
        tmp_path / "c.jsonl",
        ["昨天骗子冒充客服打来电话", "A scammer called me yesterday"],
        "2024-05-15T00:30:00",
    )
    assert main(["complaints", "read", str(path), "--out", str(tmp_path / "out"), "--quiet"]) == 0
    chinese, english = read_back(tmp_path / "out")
    assert chinese["contacted"] == "2024-05-14T04:00:00Z"
    assert english["contacted"] == "2024-05-14T11:00:00Z"


def test_a_correction_stays_over_later_readings(tmp_path: Path) -> None:
    path = write_complaints(tmp_path / "c.jsonl", ["骗子冒充客服,我转了5000元", "骗子冒充客服,我没转"])
    (tmp_path / "right.csv").write_text(
        "complaint,kind,losses,asked\nc0,fake_courier,700 EUR|20 EUR,qr_code\n"
    )
    out = tmp_path / "out"
    assert (
        main(
            [
                "complaints",
                "read",
                str(path),
                "--out",
                str(out),
                "--corrections",
                str(tmp_path / "right.csv"),
                "--quiet",
            ]
        )
        == 0
    )
    assert main(["complaints", "read", str(path), "--out", str(out), "--quiet"]) == 0
    corrected, other = read_back(out)
    assert (corrected["kind"], corrected["p_kind"], corrected["asked"]) == ("fake_courier", 1.0, ["qr_code"])
    assert [(x["amount"], x["currency"]) for x in corrected["losses"]] == [(700.0, "EUR"), (20.0, "EUR")]
    assert corrected["corrected"] == ["asked", "kind", "losses"]
    assert other["corrected"] == []


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("complaint,kind\nc0,fake_shop\n", "right.csv:2: kind cannot be 'fake_shop'"),
        ("complaint,mood\nc0,bad\n", "right.csv:2: there is no column 'mood'"),
        ("complaint,losses\nc0,lots\n", "right.csv:2: 'lots' is no loss"),
    ],
)
def test_a_wrong_correction_is_one_plain_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], rows: str, message: str
) -> None:
    path = write_complaints(tmp_path / "c.jsonl", ["骗子冒充客服"])
    (tmp_path / "right.csv").write_text(rows)
    status = main(
        [
            "complaints",
            "read",
            str(path),
            "--out",
            str(tmp_path / "o"),
            "--corrections",
            str(tmp_path / "right.csv"),
        ]
    )
    assert status == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_rows_that_cannot_be_read_are_rejects_and_foreign_folders_stay(tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_text("complaint,received,text\nc0,2024-05-01,骗子冒充客服\nc1,soon,骗子\n")
    out = tmp_path / "out"
    assert main(["complaints", "read", str(path), "--out", str(out), "--quiet"]) == 0
    assert [row["complaint"] for row in read_back(out)] == ["c0"]
    assert json.loads((out / "rejects.jsonl").read_text())["line"] == 2
    assert main(["complaints", "read", str(path), "--out", str(tmp_path)]) == 2
    path.write_text("complaint,received,text\nc1,soon,骗子\n")
    assert main(["complaints", "read", str(path), "--out", str(out), "--quiet"]) == 3


def test_planted_scripts_are_found_named_and_followed(tmp_path: Path) -> None:
    texts = [story.format(n=n) for n in range(11, 17) for story in (*WHOLESALER, *PARCEL)]
    texts += ["电饭锅坏了要保修", "裙子掉色申请退货", "在网上认识的人带我炒币,投了3万元提不出来"]
    path = write_complaints(tmp_path / "c.jsonl", texts)
    assert main(["complaints", "read", str(path), "--out", str(tmp_path / "out"), "--quiet"]) == 0
    rows = read_back(tmp_path / "out")
    wholesaler = {row["script"] for at, row in enumerate(rows[:24]) if at % 4 < 2}
    parcel = {row["script"] for at, row in enumerate(rows[:24]) if at % 4 >= 2}
    assert len(wholesaler) == len(parcel) == 1
    assert wholesaler != parcel
    assert [row["script"] for row in rows[24:]] == [None, None, None]
    scripts = {s["id"]: s for s in json.loads((tmp_path / "out" / "scripts.json").read_text())["scripts"]}
    told = scripts[wholesaler.pop()]
    assert told["count"] == 12
    assert told["by_day"] == {"2024-05-15": 12}
    assert "wholesaler" in told["name"]["en"]
    assert "批发商" in told["name"]["zh"]


def tell(text: str) -> Told:
    return Told(read_report(Report(text, 1_715_000_000_000_000)), list_features(Text.of(text)))


def test_a_script_is_noticed_with_its_third_complaint() -> None:
    texts = [WHOLESALER[0].format(n=n) for n in (3, 5, 8)]
    assert find_scripts([tell(t) for t in texts[:2]]).tolist() == [-1, -1]
    assert find_scripts([tell(t) for t in texts]).tolist() == [0, 0, 0]


def test_a_new_script_is_noticed_on_the_day_of_its_third_complaint_among_others() -> None:
    """A known script goes on every day; a new one begins, and ordinary complaints come as well."""
    first = date(2024, 5, 1)
    stream = [(day, WHOLESALER[day % 2].format(n=day)) for day in range(60)]
    stream += [(day, "裙子掉色申请退货") for day in range(0, 60, 3)]
    stream += [(day, "网上办贷款先交了3000元保证金,联系不上了") for day in (3, 50)]
    stream += [(day, PARCEL[day % 2].format(n=day)) for day in (31, 40, 44, 45, 52)]
    days = [first + timedelta(days=day) for day, _ in stream]
    followed = follow_scripts([tell(text) for _, text in stream], days)
    assert [max(days[i] for i in group) for group in followed.founders] == [
        days[2],
        first + timedelta(days=44),
    ]
    assert followed.labels[:60].tolist() == [0] * 60
    assert followed.labels[60:82].tolist() == [-1] * 22
    assert followed.labels[82:].tolist() == [1] * 5
    cut = [i for i, day in enumerate(days) if day <= first + timedelta(days=44)]
    known = follow_scripts([tell(stream[i][1]) for i in cut], [days[i] for i in cut])
    assert known.labels.tolist() == followed.labels[cut].tolist(), "later complaints change nothing"


def test_a_story_that_is_read_now_as_one_kind_and_now_as_another_is_one_script() -> None:
    callers = (
        "He claimed to be from DPD",
        "She said she was from Royal Mail",
        "The caller posed as a courier",
    )
    pretexts = ("my card was compromised", "my account was used for money laundering")
    asked = ("asked me to read out the code I was texted", "wanted the one-time code")
    courier = [f"{a}, {b}, {c}. I hung up." for a in callers for b in pretexts for c in asked]
    loan = [f"{a}, I was on a trade account, told me to apply for a loan. I lost £90." for a in callers]
    kinds = {one.reading.kind for one in map(tell, courier)}
    assert len(kinds) > 1
    labels = find_scripts([tell(text) for text in (*courier, *loan)]).tolist()
    assert labels == [0] * len(courier) + [1] * len(loan)


def test_complaints_too_far_apart_make_no_new_script() -> None:
    told = [tell(WHOLESALER[0].format(n=n)) for n in (3, 5, 8)]
    days = [date(2024, 5, 1) + timedelta(days=n) for n in (0, 20, 40)]
    assert follow_scripts(told, days).founders == []


def test_the_order_of_complaints_changes_no_script() -> None:
    told = [tell(story.format(n=n)) for n in range(4) for story in (*WHOLESALER, *PARCEL)]
    order = np.random.default_rng(3).permutation(len(told))
    one, other = find_scripts(told), find_scripts([told[i] for i in order])
    pairs = set(zip(one[order].tolist(), other.tolist(), strict=True))
    assert len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs}) == 2


def test_texts_that_differ_in_numbers_alone_are_near_duplicates() -> None:
    texts = [WHOLESALER[0].format(n=3), PARCEL[0].format(n=9), WHOLESALER[0].format(n=555), "x", ""]
    assert group_near_duplicates(texts).tolist() == [0, 1, 0, 3, 4]


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        (
            "我叫张伟,电话13900139000,卡号6217 0000 0000 0011,身份证110101199001011234",
            ["张伟", "13900139000", "0011", "1990"],
        ),
        ("骗子加我微信wl_kf2023,网址http://a.cn/x,尾号6677", ["wl_kf2023", "http://", "6677"]),
        ("周女士被骗1.8万元", ["周"]),
        ("My name is Jane Roe, mail jane@example.org, call 07700 900123.", ["Jane", "example", "900123"]),
        ("Yours faithfully, Margaret Hill", ["Margaret", "Hill"]),
        ("手机一三九零零一三九零零零,或幺三九 零零幺三 九零零零", ["三九", "零零"]),
        ("zero seven seven double zero nine one two three four", ["seven", "three"]),
        ("IBAN GB82 WEST 1234 5698 7654 32 or DE89370400440532013000", ["WEST", "5698", "0532"]),
        ("jane (at) example (dot) org, jane[at]example.org, jane＠example.org", ["jane", "example"]),
        ("http://a.cn/x?tel=13900139000&mail=jane%40example.org", ["http://", "1390", "jane"]),
        ("护照E12345678, sort code 12-34-56, account １２３４５６７８", ["345", "12-", "４５"]),
        ("验证码是 558213, my password is hunter22x, 密码:abc12345", ["5582", "hunter", "abc1"]),
        (
            "我是李雷，客户王小明来电，收件人：欧阳娜娜，我叫阿依古丽，本人买买提·吐尔逊",
            ["李雷", "小明", "欧阳", "古丽", "买买提"],
        ),
        ("住杭州市西湖区文三路100号3幢201室", ["文三", "201"]),
        ("I live at 12 High Street, York YO1 7HU. Signed, J. Roe", ["High", "YO1", "Roe"]),
        ("Customer Jane Roe says the caller posed as Royal Mail", ["Jane", "Roe"]),
    ],
)
def test_people_are_masked_and_the_story_stays(text: str, hidden: list[str]) -> None:
    masked = mask_text(text)
    assert not [word for word in hidden if word in masked]
    assert mask_text(masked) == masked
    assert mask_text("2024年5月3日转了18,373元,又转了5000元") == "2024年5月3日转了18,373元,又转了5000元"


ordinary = st.sampled_from(
    ["说我是批发商", "退款18,373元", "the caller said", "2015-04-27", "，", " ", "。", "/", "("]
)
hidden = st.sampled_from(
    ["13900139000", "139-0013-9000", "+86 139 0013 9000", "6217 0000 0000 0011", "11010119900101123X",
     "jane.roe@example.org", "１３９００１３９０００"]
)  # fmt: skip


@given(st.lists(st.one_of(ordinary, hidden), max_size=8), st.sampled_from(["", " ", "，", "\n", ":"]))
def test_numbers_are_masked_whatever_stands_around_them(parts: list[str], joint: str) -> None:
    masked = mask_text(joint.join(parts))
    assert not re.search(r"(?:[\d０-９][ -]?){7}", masked.replace("18,373", "").replace("2015-04-27", ""))
    assert "@" not in masked
    assert mask_text(masked) == masked


def test_a_model_trained_on_ones_own_texts_tells_the_kind(tmp_path: Path) -> None:
    rows = [(story.format(n=n), "fake_customer_service") for n in range(10) for story in WHOLESALER]
    rows += [(story.format(n=n), "fake_courier") for n in range(10) for story in PARCEL]
    path = tmp_path / "labelled.jsonl"
    path.write_text("".join(json.dumps({"text": t, "kind": k}, ensure_ascii=False) + "\n" for t, k in rows))
    model = tmp_path / "kinds.npz"
    assert main(["complaints", "train", str(path), "--out", str(model), "--quiet"]) == 0
    texts = write_complaints(tmp_path / "c.jsonl", ["说我的快件遗失了,扫码赔付", "误登记成代理商,要验证码"])
    arguments = [
        "complaints",
        "read",
        str(texts),
        "--out",
        str(tmp_path / "out"),
        "--model",
        str(model),
        "--quiet",
    ]
    assert main(arguments) == 0
    assert [row["kind"] for row in read_back(tmp_path / "out")] == ["fake_courier", "fake_customer_service"]


def test_a_model_reads_the_caller_of_a_dialogue_and_doubts_who_asks_for_nothing() -> None:
    fraud = "您好,我是店铺客服,您的订单商品有问题,请提供银行卡号办理退款{n}"
    peace = "店铺新品上市,满{n}元减10元,退订回复T"
    texts = [story.format(n=n) for n in range(20) for story in (fraud, peace)]
    model = train(texts, ["fake_customer_service", "not_fraud"] * 20)
    call = "您好,我是店铺客服,您的订单商品有问题,请提供银行卡号办理退款"
    calm = call.replace("请提供银行卡号办理退款", "我们办理退款")
    replies = ("店铺新品上市了吗", "满10元减了吗", "退订回复吗")
    dialogue = "\n".join(
        f"left: {said}\nright: {reply}" for said, reply in zip(call.split(","), replies, strict=False)
    )
    p = model.weigh([call, dialogue, calm])[:, model.kinds.index("fake_customer_service")]
    assert p[1] == pytest.approx(p[0], abs=0.05)
    odds = np.log(p / (1 - p))
    assert odds[0] - odds[2] > 2


def test_a_file_that_is_no_model_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    texts = write_complaints(tmp_path / "c.jsonl", ["骗子冒充客服"])
    (tmp_path / "bad.npz").write_bytes(b"PK\x03\x04 no model")
    status = main(
        ["complaints", "read", str(texts), "--out", str(tmp_path / "o"), "--model", str(tmp_path / "bad.npz")]
    )
    assert status == 2
    assert "the model cannot be read" in capsys.readouterr().err
