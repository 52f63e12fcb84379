"""Links as people write them, and the spelling that nobody can click."""

from __future__ import annotations

import pytest

from stanch.complaints.links import defang, find_links, refang


@pytest.mark.parametrize(
    ("text", "urls"),
    [
        ("点击http://abc-tk.cn/tk?id=1,然后填卡", ["http://abc-tk.cn/tk?id=1"]),
        ("打开http://abc.cn然后输入", ["http://abc.cn"]),
        ("打开 ｒｅｆｕｎｄ．ｃｏｍ 填卡", ["refund.com"]),
        ("网址是abc。com。", ["abc.com"]),
        ("he sent hxxps://ab[.]cd[.]com/x.html again", ["https://ab.cd.com/x.html"]),
        ("hxxp[:]//evil[.]com", ["http://evil.com"]),
        ("go to refund-shop dot com/pay now", ["refund-shop.com/pay"]),
        ("说网址是tk123点com", ["tk123.com"]),
        ("the site (https://evil.com/a_(b)).", ["https://evil.com/a_(b)"]),
        ("bit.ly/3abc，www.tk88.vip/a。", ["bit.ly/3abc", "www.tk88.vip/a"]),
        ("http://192.0.2.7/pay", ["http://192.0.2.7/pay"]),
        ("xn--80ak6aa92e.com", ["xn--80ak6aa92e.com"]),
        ("I paid.So he said pay.it was late", []),
        ("mail help@shop.com at 10.30, v1.2.3, 18373.50, e.g. cn, 下午3点cn", []),
        ("sent invoice.pdf and AnyDesk.exe", []),
    ],
)
def test_links_are_found_however_they_are_written(text: str, urls: list[str]) -> None:
    assert [link.url for link in find_links(text)] == urls


def test_spans_point_at_the_text_as_it_came() -> None:
    text = "先看ａｂｃ．ｃｏｍ/1,再看 hxxp://x[.]cn"
    assert [text[link.start : link.end] for link in find_links(text)] == ["ａｂｃ．ｃｏｍ/1", "hxxp://x[.]cn"]


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        ("https://a.b.com/x.html?q=1", "hxxps://a[.]b[.]com/x.html?q=1"),
        ("abc.com", "abc[.]com"),
        ("http://a.com/r?u=http://b.com/x", "hxxp://a[.]com/r?u=hxxp://b[.]com/x"),
        ("hxxps[:]//a[.]com", "hxxps://a[.]com"),
    ],
)
def test_no_defanged_link_can_be_clicked(url: str, safe: str) -> None:
    assert defang(url) == safe
    assert defang(safe) == safe
    assert refang(safe) == refang(url)


@pytest.mark.parametrize("piece", ["a.", "http://", "a-", "点", "a[.]", " dot ", "[(", "hxxp://[", "a. "])
def test_costly_text_is_read_to_the_end(piece: str) -> None:
    find_links(piece * 40_000)
