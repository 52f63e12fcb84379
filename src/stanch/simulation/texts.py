"""What victims say. Patterns of our own writing, filled with what happened; nobody is named."""

from __future__ import annotations

from typing import Final

from stanch.simulation.draws import Generator, pick

_FIELD_WORDS: Final = {
    "zh": {
        "name": "姓名",
        "phone": "手机号",
        "address": "收货地址",
        "items": "买的东西",
        "price": "金额",
        "time": "下单时间",
        "order_id": "订单号",
        "payment": "付款方式",
    },
    "en": {
        "name": "my name",
        "phone": "my number",
        "address": "my address",
        "items": "what I had bought",
        "price": "what I paid",
        "time": "when I ordered",
        "order_id": "the order number",
        "payment": "how I paid",
    },
}

_PRETEXTS: Final = {
    "zh": (
        "系统出错,订单没有生效,要给我退款",
        "工作人员误把我登记成了批发商,每月会扣钱",
        "商品有质量问题要召回,双倍赔偿",
        "快递丢了要理赔",
        "会员到期会自动扣费,要帮我取消",
        "仓库缺货,可以退钱",
        "重复付款,要退一笔",
    ),
    "en": (
        "the system had lost my payment and I was due a refund",
        "I had been signed up as a wholesaler by mistake",
        "the product was being recalled and I would be compensated",
        "my parcel was lost",
        "a paid membership would start unless it was cancelled",
        "the item was out of stock",
        "I had been charged twice",
    ),
}

_ASKS: Final = {
    "zh": (
        "让我打开一个退款网页填银行卡",
        "让我把收到的验证码报给对方",
        "让我加好友共享屏幕",
        "让我先转账验证身份",
        "让我扫码办理",
        "让我下载一个软件",
    ),
    "en": (
        "told me to open a refund page and enter my card",
        "asked for the code sent to my phone",
        "wanted me to share my screen",
        "asked me to transfer money first to confirm who I am",
        "sent a code to scan",
        "told me to install an app",
    ),
}

_STORIES: Final = {
    "zh": (
        "有人打电话自称店铺客服,能说出我的{known},说{pretext},{ask}。{end}",
        "我在你们这里买了东西,随后接到客服电话,对方知道{known}。称{pretext},{ask}。{end}",
        "投诉:信息被泄露。来电者准确报出{known},以{pretext}为由,{ask}。{end}",
        "对方说是售后,{known}都对得上,我就信了。{pretext},{ask}。{end}",
    ),
    "en": (
        "A caller from 'customer service' knew {known}. They said {pretext} and {ask}. {end}",
        "I got a call about my order. They had {known}, said {pretext} and {ask}. {end}",
        "Customer reports a call: caller knew {known}; claimed {pretext}; {ask}. {end}",
        "How does anybody get {known}? The man on the phone said {pretext}, then {ask}. {end}",
    ),
}

_ENDS: Final = {
    "zh": {True: "结果被骗了{loss}元。", False: "我没有照做。"},
    "en": {True: "I lost {loss} {currency}.", False: "I hung up."},
}
_NOTHING: Final = {"zh": "我是你们的顾客", "en": "that I shop with you"}


def tell_story(rng: Generator, language: str, known: list[str], loss: float | None, currency: str) -> str:
    """One complaint in words: what the caller knew, claimed and asked, and how it ended."""
    words = _FIELD_WORDS[language]
    joint = "、" if language == "zh" else ", "
    end = _ENDS[language][bool(loss)].format(loss=f"{loss or 0:.0f}", currency=currency)
    return pick(rng, _STORIES[language]).format(
        known=joint.join(words[field] for field in known) or _NOTHING[language],
        pretext=pick(rng, _PRETEXTS[language]),
        ask=pick(rng, _ASKS[language]),
        end=end,
    )
