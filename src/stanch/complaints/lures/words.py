"""Words that go with a lure, and places where lures are put up. Plain lists, to read and to extend."""

from __future__ import annotations

import re
from functools import cache
from typing import Final

#: What lures add to a name so that it sounds like a shop's own page.
LURE_WORDS: Final = frozenset(
    """
    account acct login logon signin signup sign secure security secured safe safety verify verified verifier
    verification validate validation update updated upgrade confirm confirmation auth authenticate
    support service serv help helpdesk care customer client user member membership
    web online net mail email webmail pay payment billing bill invoice refund return claim compensation
    compensate cancel order shop shopping store mall sale deal outlet discount gift bonus reward point
    coupon card bank banking wallet cash credit delivery deliver parcel package track tracking
    express post info inform information alert notice notification notify message msg sms app
    mobile www wap com org official real original global international intl japan china group team center
    centre portal access unlock locked lock suspended suspend limited restore recovery recover reset password
    passwd find lost device cloud home homepage page site index corp inc ltd the new vip pro plus premium prime
    free admin case resolution dispute review doc document file pdf drive share manage manager session ssl api server host
    kefu tuikuan tuihuo tuifei dingdan huiyuan peifu peichang lipei shouhou zhifu yanzheng renzheng denglu anquan
    guanwang guanfang shangcheng wuliu kuaidi jiesuo shensu zhanghu zhanghao
    客服 退款 退货 理赔 赔付 订单 会员 官网 官方 售后 支付 验证 认证 登录 登陆 安全 商城 中心 在线 服务 账户 账号
    """.split()
)
#: Short ones that begin or end such a word: `jplogin`, `myid`.
_EDGES: Final = ("my", "id", "jp", "cn", "uk", "us", "hk", "tw", "kr", "sg", "co", "ne")
#: Short ones that only count alone: within a word they are chance.
_ALONE: Final = frozenset({"de", "fr", "it", "es", "eu", "m", "e", "i", "ids"})

#: Words that ask for something secret, promise money, or lead to where that is done.
CREDENTIAL_WORDS: Final = re.compile(
    r"log-?[io]n|sign-?_?[io]n|verif|passw|webscr|confirm|secur|accounts?\b|billing|unlock|suspend|refund|tuikuan"
    r"|\bcmd\b|identity|payment|compensat|kefu|peifu|peichang|lipei|tuihuo|denglu|客服|退款|理赔|赔付|登[录陆]"
)

#: Endings of names under which phishing was reported out of all proportion to their number, year after year:
#: Interisle Consulting Group, "Phishing Landscape" 2021-2024; Spamhaus, "most abused top-level domains".
CHEAP_SUFFIXES: Final = frozenset(
    """
    top xyz icu shop vip club online site buzz cyou bond sbs cfd click work life asia rest quest lol monster
    fun pw tk ml ga cf gq live link store website space tech ink wang ren mobi one world lat mom beauty
    pro hair skin makeup pics autos boats homes help info biz cam win bid loan review stream date party racing
    """.split()
)

#: Services that give out names to anybody, beyond the private section of the public suffix list.
HOSTING: Final = frozenset(
    """
    weebly.com wixsite.com 000webhostapp.com webcindario.com jimdofree.com webnode.com godaddysites.com
    square.site glitch.me webflow.io strikingly.com yolasite.com webself.net zyns.com otzo.com itemdb.com
    duckdns.org ddns.net hopto.org zapto.org no-ip.org no-ip.biz serveftp.com aliyuncs.com myqcloud.com
    """.split()
)

#: Services behind whose short links any address may lie.
SHORTENERS: Final = frozenset(
    """
    bit.ly t.co tinyurl.com goo.gl is.gd v.gd ow.ly s.id cutt.ly rb.gy rebrand.ly t.ly shorturl.at tiny.cc
    lnkd.in buff.ly t.cn url.cn dwz.cn suo.im suo.nz sourl.cn 3.cn tb.cn u.nu qrco.de onl.la x.gd urx.nu
    bl.ink soo.gd adf.ly tr.im qr.ae shrtco.de reurl.cc lihi.cc ppt.cc pse.is
    """.split()
)

#: Sites whose paths and sub-domains are named after people, firms and topics, by anybody.
TOPIC_SITES: Final = frozenset(
    """
    facebook.com twitter.com x.com instagram.com linkedin.com youtube.com github.com gitlab.com reddit.com
    pinterest.com medium.com tumblr.com quora.com wikipedia.org wikimedia.org wikia.com fandom.com
    stackexchange.com weibo.com zhihu.com douban.com bilibili.com note.com hatenablog.com crunchbase.com
    glassdoor.com trustpilot.com similarweb.com alexa.com archive.org
    """.split()
)

_WORD: Final = "(?:" + "|".join(sorted(LURE_WORDS, key=lambda w: (-len(w), w))) + ")s?"
_EDGE: Final = f"(?:{'|'.join(_EDGES)})"
_TEXT: Final = re.compile(f"{_EDGE}?(?:{_WORD})+{_EDGE}?|{_EDGE}{{1,2}}")


@cache
def is_lure_text(text: str) -> bool:
    """Whether `text` is made of lure words and nothing else."""
    return text in _ALONE or _TEXT.fullmatch(text) is not None
