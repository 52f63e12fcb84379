"""Which links pose as the shop: every trick is seen, and no genuine site is accused for an ordinary word."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanch.complaints.lures import Brand, Verdict, judge_link, make_brand
from stanch.errors import UsageError

UNIQLO = make_brand(["Uniqlo", "优衣库"], ["uniqlo.com", "uniqlo.cn"])
APPLE = make_brand(["Apple"], ["apple.com"])
LINE = make_brand(["LINE"], ["line.me"])
JD = make_brand(["京东", "JD"], ["jd.com"])
AMAZON = make_brand(["Amazon"], ["amazon.co.jp"])
CARD = make_brand(["SAISON CARD"], ["saisoncard.co.jp"])


def codes(verdict: Verdict) -> set[str]:
    return {reason.code for reason in verdict.reasons}


@pytest.mark.parametrize(
    ("brand", "link", "reason"),
    [
        (UNIQLO, "https://uniqlo-refund.example/a", "added_words"),
        (UNIQLO, "https://my.uniqlo-kefu.example", "added_words"),
        (UNIQLO, "https://uniqlo.tv", "other_ending"),
        (UNIQLO, "https://uniqlo.com.order-check.net/a", "own_domain_inside"),
        (UNIQLO, "https://uniqlo.ksnldx.example/", "brand_in_subdomain"),
        (UNIQLO, "https://uniqlo.com@203.0.113.9/", "brand_in_userinfo"),
        (UNIQLO, "http://203.0.113.9/uniqlo/login.php", "ip_host"),
        (UNIQLO, "http://3405803785/uniqlo/login.php", "ip_host"),
        (UNIQLO, "https://unіqlo.com", "homoglyphs"),  # a Cyrillic i
        (UNIQLO, "https://xn--unqlo-o2e.com", "punycode"),
        (UNIQLO, "https://uniq1o.com", "digits_for_letters"),
        (UNIQLO, "https://unlqlo.com", "similar_letters"),
        (UNIQLO, "https://un-iq-lo.com", "similar_letters"),
        (AMAZON, "https://arnazon.co.jp", "similar_letters"),
        (AMAZON, "https://amazan.co.jp", "misspelling"),
        (UNIQLO, "https://unqilo.com", "misspelling"),
        (UNIQLO, "https://uniqlo.pages.dev/", "hosting"),
        (UNIQLO, "https://优衣库退款.com", "added_words"),
        (UNIQLO, "https://youyiku-tuikuan.cn", "added_words"),
        (JD, "https://jd-kefu.example", "added_words"),
        (JD, "https://jingdong.tuikuan.example", "brand_in_subdomain"),
        (AMAZON, "https://www-amazon-co-jp.xkqw.example/", "false_ending"),
        (AMAZON, "https://hacked.example/wp-includes/amazon/signin/", "brand_in_path"),
        (AMAZON, "https://hacked.example/amazon.co.jp/ap/", "own_domain_in_path"),
        (AMAZON, "https://hacked.example/amaz0n/verify.php", "brand_in_path"),
        (CARD, "https://saison-cards-index.qwx.example/", "added_words"),
        (CARD, "https://bit.ly/saisoncard-login", "shortener"),
    ],
)  # fmt: skip
def test_every_trick_is_seen(brand: Brand, link: str, reason: str) -> None:
    verdict = judge_link(link, brand)
    assert verdict.lookalike
    assert verdict.score >= 0.5
    assert reason in codes(verdict)


@pytest.mark.parametrize(
    ("brand", "link"),
    [
        (APPLE, "https://pineapple.com"),
        (APPLE, "https://www.applebees.com/menu"),
        (APPLE, "https://snapple.com"),
        (APPLE, "https://apply.com"),
        (APPLE, "https://apple.stackexchange.com/questions/1"),
        (APPLE, "https://news.example/2015/what-apple-said-about-the-new-phone"),
        (APPLE, "https://en.wikipedia.org/wiki/Apple"),
        (LINE, "https://online.com"),
        (LINE, "https://www.airline.com/login"),
        (LINE, "https://linear.app"),
        (LINE, "https://linkedin.com"),
        (JD, "https://jdpower.com"),
        (JD, "https://jdate.com/login"),
        (AMAZON, "https://amazing.com"),
        (AMAZON, "https://amazonia.com"),
        (make_brand(["PayPay"], ["paypay.ne.jp"]), "https://www.paypal.com/signin"),
        (AMAZON, "https://web.archive.org/web/2015/http://www.amazon.co.jp/"),
        (AMAZON, "https://share.example/?u=https://www.amazon.co.jp/dp/1"),
    ],
)  # fmt: skip
def test_genuine_sites_are_not_accused(brand: Brand, link: str) -> None:
    assert not judge_link(link, brand).lookalike


@pytest.mark.parametrize(
    "link",
    [
        "https://www.uniqlo.com/",
        "HTTPS://UNIQLO.COM:443/a",
        "uniqlo.cn.",
        "hxxps://uniqlo[.]com/refund",
        "https://evil@uniqlo.com/login",
    ],
)
def test_the_shops_own_domains_are_never_lures(link: str) -> None:
    verdict = judge_link(link, UNIQLO)
    assert (verdict.lookalike, verdict.score, codes(verdict)) == (False, 0.0, {"own_domain"})


def test_a_sub_domain_of_the_shop_speaks_for_the_whole_name_unless_it_is_shared() -> None:
    assert codes(judge_link("https://www.mercari.com/", make_brand(["メルカリ"], ["jp.mercari.com"]))) == {
        "own_domain"
    }
    shared = make_brand(["Uniqlo"], ["uniqlo.pages.dev"])
    assert not judge_link("https://uniqlo.pages.dev/", shared).lookalike
    assert judge_link("https://uniqlo-refund.pages.dev/", shared).lookalike


def test_a_bad_link_without_the_brand_is_no_lookalike() -> None:
    verdict = judge_link("http://203.0.113.9/verify/login.php?mail=a@b.example", UNIQLO)
    assert not verdict.lookalike
    assert codes(verdict) == {"names_no_brand", "ip_host"}
    assert "shortener" in codes(judge_link("https://bit.ly/3xYz", UNIQLO))


def test_the_way_a_link_is_written_does_not_matter() -> None:
    told = {
        (verdict := judge_link(link, UNIQLO)).score: verdict.url
        for link in (
            "http://uniqlo-refund.top/a",
            "hxxp://uniqlo-refund[.]top/a",
            "HTTP://Uniqlo-Refund.top/a",
        )
    }
    assert len(told) == 1
    assert judge_link("ｕｎｉｑｌｏ-refund。top", UNIQLO).lookalike


def test_more_signs_never_make_a_link_less_suspicious() -> None:
    links = ["https://uniqlo.example", "https://uniqlo.pages.dev", "https://uniqlo.pages.dev/login"]
    scores = [judge_link(link, UNIQLO).score for link in links]
    assert scores == sorted(scores)
    assert len(set(scores)) == 3


def test_a_name_in_chinese_alone_is_enough() -> None:
    brand = make_brand(["优衣库"], ["shop.example"])
    assert judge_link("https://优衣库.top", brand).lookalike
    assert judge_link("https://xn--4oq409aqs5a.top", brand).lookalike
    assert judge_link("https://youyiku-refund.top", brand).lookalike


def test_a_brand_needs_a_name_and_real_domains() -> None:
    with pytest.raises(UsageError, match="not a domain"):
        make_brand(["Uniqlo"], ["uniqlo"])
    with pytest.raises(UsageError, match="two letters"):
        make_brand(["?"], ["q.example"])


@given(st.text(max_size=80) | st.binary(max_size=80).map(lambda raw: "http://" + raw.decode("latin-1")))
def test_no_input_raises(text: str) -> None:
    verdict = judge_link(text, UNIQLO)
    assert 0.0 <= verdict.score <= 1.0
    assert verdict.lookalike == (verdict.score >= 0.5)
    assert "http://" not in verdict.url.lower()
    json.dumps([reason.shown for reason in verdict.reasons]).encode()


@pytest.mark.parametrize("part", ["a." * 5000, "a" * 100_000, "uniqlo" * 20_000, "-" * 50_000, "@" * 9_000])
def test_hostile_lengths_are_read_in_time(part: str) -> None:
    judge_link(f"http://{part}.example/{part}", UNIQLO)
