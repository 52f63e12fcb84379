"""What leaves the desk: no person, no number of a caller, and no link that can be clicked, in any output."""

from __future__ import annotations

import json
import re
from pathlib import Path

import polars as pl
import pytest

from stanch.cli.app import main

#: What no output may hold: the victims' and the callers' numbers, cards, codes, mails, names, and live links.
SECRETS = (
    "13900139000", "1390013", "6217000000000011", "0000 0011", "558213", "jane.roe@", "wl_kf2023", "李雷",
    "Jane Roe", "一三九零零", "GB82 WEST", "http://tuikuan", "https://tuikuan", "tuikuan-shop.top",
)  # fmt: skip
TEXTS = (
    "我叫李雷，昨天13900139000打来自称店铺客服，知道我的订单，说误设成批发商，"
    "让我打开http://tuikuan-shop.top/tk退款，报了验证码558213，卡号6217 0000 0000 0011被扣1.8万元。",
    "接到一三九零零一三九零零零的电话，冒充客服说我被设成代理商，加微信wl_kf2023，打开tuikuan-shop.top，损失5,000元。",
    "自称店铺客服，误登记为批发商，要我打开 hxxps://tuikuan-shop[.]top 并报验证码 558213，转了2000元。",
    "My name is Jane Roe (jane.roe@example.org). A caller from +86 139 0013 9000 posing as your shop said a "
    "system error made me a wholesaler, sent https://tuikuan-shop.top/r?t=13900139000 and took £300 from "
    "GB82 WEST 1234 5698 7654 32.",
)  # fmt: skip


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("desk")
    n = 3 * len(TEXTS)
    pl.DataFrame(
        {
            "complaint": [f"k{i}" for i in range(n)],
            "received": [f"2015-04-{27 + i % 3}T10:00:00Z" for i in range(n)],
            "order": [f"o{i}" for i in range(n)],
            "text": [TEXTS[i % len(TEXTS)] for i in range(n)],
        }
    ).write_csv(root / "complaints.csv")
    pl.DataFrame(
        {
            "order": [f"o{i}" for i in range(4 * n)],
            "account": [f"a{i}" for i in range(4 * n)],
            "time": ["2015-04-20T10:00:00Z"] * (4 * n),
        }
    ).write_csv(root / "orders.csv")
    return root


def find_secrets(folder: Path) -> list[tuple[str, str]]:
    """Secrets in any file of `folder`, and links with a scheme that a program would open."""
    found = []
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        if path.suffix == ".parquet":
            told = json.dumps(pl.read_parquet(path).to_dicts(), default=str, ensure_ascii=False)
        else:
            told = path.read_text(encoding="utf-8-sig")
        found += [(path.name, secret) for secret in SECRETS if secret in told]
    return found


def test_an_investigation_and_its_notices_hold_no_secret(desk: Path) -> None:
    given = ["--complaints", str(desk / "complaints.csv"), "--orders", str(desk / "orders.csv")]
    assert main(["investigate", *given, "--out", str(desk / "findings"), "--quiet"]) == 0
    heard = json.loads((desk / "findings/findings.json").read_text())["heard"]
    assert heard["texts"] == 12, "the texts were read, so there was something to give away"
    assert "scam_url" in heard["read"]
    assert find_secrets(desk / "findings") == []
    assert "tuikuan-shop[.]top" in (desk / "findings/heard.csv").read_text()
    assert main(["notices", str(desk / "findings"), "--out", str(desk / "notices"), "--quiet"]) == 0
    assert find_secrets(desk / "notices") == []


def test_what_is_passed_on_of_a_reading_holds_no_secret(desk: Path) -> None:
    assert (
        main(["complaints", "read", str(desk / "complaints.csv"), "--out", str(desk / "heard"), "--quiet"])
        == 0
    )
    rows = [json.loads(line) for line in (desk / "heard/read.jsonl").read_text().splitlines()]
    passed_on = desk / "passed-on"
    passed_on.mkdir()
    (passed_on / "masked.txt").write_text("\n".join(row["masked_text"] for row in rows))
    (passed_on / "scripts.json").write_text((desk / "heard/scripts.json").read_text())
    assert find_secrets(passed_on) == []
    links = {url for row in rows for url in row["scam_urls"]}
    assert links
    assert all("[.]" in url and not re.search(r"https?:|ftp:", url) for url in links)


def test_a_lure_is_told_so_that_nobody_can_click_it(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    links = [
        "http://uniqlo-tuikuan-shop.top/tk",
        "https://www.uniqlo.com.tuikuan-shop.top:8443/a?u=http://b.cn/c",
    ]
    brand = ["--brand", "Uniqlo", "--domain", "uniqlo.com"]
    assert main(["lures", "check", *brand, "--takedown", str(tmp_path / "letters"), "--", *links]) == 0
    (tmp_path / "verdicts.jsonl").write_bytes(capfdbinary.readouterr().out)
    assert len(list((tmp_path / "letters").iterdir())) == 4
    for path in (p for p in tmp_path.rglob("*") if p.is_file()):
        assert not re.search(r"https?:|tuikuan-shop\.top|b\.cn", path.read_text()), path.name


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_alarms_table_and_claims_hold_no_secret(
    lang: str, desk: Path, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    complaints, register = str(desk / "complaints.csv"), str(tmp_path / "claims.jsonl")
    assert main(["complaints", "watch", complaints, "--json", "--lang", lang]) == 0
    (tmp_path / "alarms.json").write_bytes(capfdbinary.readouterr().out)
    assert main(["complaints", "claims", "import", register, complaints, "--by", "li"]) == 0
    assert main(["complaints", "table", complaints, "--lang", lang, "--out", str(tmp_path / "council")]) == 0
    (tmp_path / "table.txt").write_bytes(capfdbinary.readouterr().out)
    assert b"wholesaler" in (tmp_path / "alarms.json").read_bytes() or lang == "zh"
    assert find_secrets(tmp_path) == []
