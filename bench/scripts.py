"""Planted scripts among noise: how well the grouping finds them again (adjusted Rand index).

Stories are made from phrases of this file: each script fixes who calls, what is told and what is asked,
and every complaint says it in words of its own. Noise is ordinary complaints.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from stanch.complaints.reading import Report, read_report
from stanch.complaints.reading.text import Text
from stanch.complaints.scripts import Told, find_scripts, follow_scripts
from stanch.complaints.vectors import list_features
from stanch.listen import Listening, listen
from stanch.progress import SilentProgress

OPEN = {
    "zh": (
        "昨天接到电话,",
        "我今天上午接了个陌生电话,",
        "客户反映,",
        "投诉:",
        "前天晚上有人打来,",
        "刚才有个电话打进来,",
        "家人接到来电,",
    ),
    "en": (
        "Yesterday I got a call. ",
        "Customer reports a call. ",
        "Someone rang me this morning. ",
        "I had a phone call. ",
        "This afternoon a stranger phoned. ",
        "My wife took a call on Monday. ",
    ),
}
WHO = {
    "zh": {
        "shop": ("对方自称店铺客服", "说是你们店里的售后", "自称网店工作人员", "冒充商家客服"),
        "platform": ("对方自称淘宝客服", "说是京东平台客服", "冒充抖音官方客服", "自称支付宝客服"),
        "courier": ("自称中通快递", "冒充快递理赔员", "说是圆通的", "自称顺丰客服"),
        "authority": ("自称公安局民警", "冒充社保局工作人员", "说是检察院的"),
    },
    "en": {
        "shop": (
            "He said he was from your customer service",
            "The caller claimed to be from your shop",
            "She posed as your support",
        ),
        "platform": (
            "He claimed to be from Amazon",
            "She said she was calling from PayPal",
            "The caller pretended to be eBay",
        ),
        "courier": (
            "He claimed to be from DPD",
            "She said she was from Royal Mail",
            "The caller posed as a courier",
        ),
        "authority": (
            "He said he was a police officer",
            "She claimed to be from HMRC",
            "The caller posed as customs",
        ),
    },
}
TOLD = {
    "zh": {
        "wholesaler": ("误把我登记成批发商", "工作人员操作失误设成了代理商", "说我被录入为经销商"),
        "membership": ("开通了会员每月要扣费", "说我误开了金牌会员", "会员到期会自动续费"),
        "lost_parcel": ("包裹丢了可以理赔", "快递遗失给我赔偿", "我的快件弄丢了要赔付"),
        "recall": ("商品质量有问题要召回退款", "产品检测不合格双倍赔偿", "说甲醛超标全部召回"),
        "out_of_stock": ("仓库没货了给我退款", "商品缺货要退钱", "断货发不了要退给我"),
        "system_fault": ("系统故障订单失效", "系统升级没付成功", "系统出错扣款异常"),
        "account": ("我的账户涉嫌洗钱", "银行卡涉案要冻结", "身份被盗用涉嫌犯罪"),
    },
    "en": {
        "wholesaler": (
            "I had been made a wholesaler by mistake",
            "I was registered as a reseller",
            "I was on a trade account",
        ),
        "membership": (
            "a membership would renew every month",
            "I had a prime membership to cancel",
            "a premium subscription was active",
        ),
        "lost_parcel": (
            "my parcel was lost and I'd be compensated",
            "the package had gone missing",
            "my delivery was lost",
        ),
        "recall": (
            "the item was recalled for safety",
            "the product was faulty and recalled",
            "it had a manufacturing defect",
        ),
        "out_of_stock": (
            "the item was out of stock and I'd be refunded",
            "it was sold out, so money back",
            "they had no stock left",
        ),
        "system_fault": (
            "a system error lost my payment",
            "the payment had failed in their system",
            "there was a glitch with my order",
        ),
        "account": (
            "my account was used for money laundering",
            "my card was compromised",
            "my account had suspicious activity",
        ),
    },
}
ASKS = {
    "zh": {
        "code": ("让我报短信验证码", "要我提供验证码", "叫我把收到的验证码念给他"),
        "screen": ("让我下载软件共享屏幕", "要我开屏幕共享", "指导我安装会议软件投屏"),
        "transfer": ("让我转账到安全账户", "要我把钱转到指定账户", "叫我转账验证"),
        "page": ("让我打开退款链接填银行卡", "发来退款网页要填卡号", "要我在理赔页面输入卡号"),
        "qr": ("让我扫二维码", "发了个二维码叫我扫码", "要我扫码办理"),
        "loan": ("让我去借呗借款再转出来", "叫我贷款走流水", "要我在网贷平台借钱转给他"),
    },
    "en": {
        "code": (
            "asked me to read out the code I was texted",
            "wanted the one-time code",
            "needed the verification code",
        ),
        "screen": (
            "told me to install an app and share my screen",
            "wanted remote access",
            "asked me to download AnyDesk",
        ),
        "transfer": (
            "told me to transfer my money to a safe account",
            "wanted a bank transfer",
            "asked me to move my savings",
        ),
        "page": (
            "sent me to a refund page for my card details",
            "asked me to fill in a refund form",
            "sent a link to a claim page",
        ),
        "qr": ("asked me to scan a QR code", "sent a QR code to scan", "wanted me to scan the code he sent"),
        "loan": (
            "made me take out a loan and send it on",
            "told me to apply for a loan",
            "wanted me to borrow money and pass it on",
        ),
    },
}
CLOSE = {
    "zh": ("我没有理。", "结果被骗了{n}元。", "我转了{n}元。", "幸好没上当。", "卡里{n}元没了。", "请核实。"),
    "en": (
        "I hung up.",
        "I lost £{n}.",
        "£{n} was taken.",
        "I did nothing.",
        "I paid £{n}.",
        "Please look into it.",
    ),
}
#: Ordinary complaints: a thing, what is wrong with it, what is wanted.
NOISE = {
    "zh": (
        (
            "电饭锅",
            "裙子",
            "手机壳",
            "洗衣液",
            "书包",
            "台灯",
            "面膜",
            "跑步鞋",
            "奶粉",
            "耳机",
            "床单",
            "水杯",
            "订单{n}",
        ),
        (
            "一直没发货",
            "物流好几天没更新",
            "掉色严重",
            "尺码不合适",
            "少发了一件",
            "开胶了",
            "有异味",
            "和图片不符",
            "到现在没收到",
            "坏了",
        ),
        (
            "请催一下",
            "申请退货",
            "要求换货",
            "客服态度差",
            "怎么开发票",
            "请尽快处理",
            "要差评",
            "能补发吗",
            "退款什么时候到账",
        ),
    ),
    "en": (
        (
            "kettle",
            "coat",
            "phone case",
            "lamp",
            "bag",
            "shoes",
            "kids' bike",
            "headset",
            "sheets",
            "mug",
            "order {n}",
        ),
        (
            "has not arrived",
            "is the wrong size",
            "was broken when it came",
            "is not as described",
            "stopped working",
            "is late again",
            "has a missing part",
            "does not fit",
            "arrived damaged",
            "is the wrong colour",
        ),
        (
            "please chase it",
            "I want to return it",
            "please exchange it",
            "very poor service",
            "send a VAT receipt",
            "I am disappointed",
            "please send a return label",
            "can you resend it",
            "still waiting for a reply",
        ),
    ),
}


#: Other frauds in a line each, of which some are told again and again.
FRAUDS = {
    "zh": (
        "网上说能办贷款,先交了{n}元保证金就联系不上了。",
        "有人拉我进群带我炒股,投了{n}元提不出来。",
        "刷单返利做了几单,最后{n}元不给提现。",
        "冒充我领导加微信,让我给他转{n}元。",
        "说我中奖了,要先交{n}元手续费。",
        "游戏账号卖给别人,钱没收到,损失{n}元。",
        "网恋对象借了我{n}元后消失了。",
        "ETC失效短信,点链接被刷了{n}元。",
    ),
    "en": (
        "Paid £{n} up front for a loan that never came.",
        "An investment group took £{n} and I cannot withdraw.",
        "Did online tasks for commission and lost £{n}.",
        "A text from my 'son' on a new number asked for £{n}.",
        "Won a prize but had to pay £{n} in fees.",
        "Someone I met online borrowed £{n} and vanished.",
        "Rented a flat that does not exist, £{n} gone.",
        "Fake tax text took £{n} through a link.",
    ),
}


def draw_complaints(
    rng: np.random.Generator, language: str, n_scripts: int, frauds: str | None = None
) -> tuple[list[str], np.ndarray]:
    """Texts and the number of their script, -1 for noise (three in ten); `frauds`: -2, -3, … for those."""
    combinations = [
        (who, told, asked) for who in WHO[language] for told in TOLD[language] for asked in ASKS[language]
    ]
    texts: list[str] = []
    labels: list[int] = []

    def pick(words: tuple[str, ...]) -> str:
        return words[rng.integers(len(words))].replace("{n}", str(rng.integers(100, 20_000)))

    joint = "," if language == "zh" else ", "
    for number, at in enumerate(rng.choice(len(combinations), n_scripts, replace=False)):
        who, told, asked = combinations[at]
        for _ in range(int(np.exp(rng.uniform(np.log(5), np.log(500))))):
            story = joint.join(
                [pick(WHO[language][who]), pick(TOLD[language][told]), pick(ASKS[language][asked])]
            )
            stop = "。" if language == "zh" else ". "
            texts.append(pick(OPEN[language]) + story + stop + pick(CLOSE[language]))
            labels.append(number)
    for _ in range(int(len(texts) * 3 / 7)):
        line = int(rng.integers(len(FRAUDS[language])))
        told = FRAUDS[language][line].replace("{n}", str(rng.integers(100, 20_000)))
        texts.append(told if frauds else joint.join(pick(words) for words in NOISE[language]))
        labels.append(-2 - line if frauds else -1)
    return texts, np.array(labels)


def tell_all(texts: list[str]) -> list[Told]:
    return [Told(read_report(Report(t, 1_430_000_000_000_000)), list_features(Text.of(t))) for t in texts]


def measure_rand(truth: np.ndarray, found: np.ndarray) -> float:
    """Adjusted Rand index (Hubert and Arabie 1985); what has no script is a group of its own in both."""
    _, a = np.unique(truth, return_inverse=True)
    _, b = np.unique(found, return_inverse=True)
    table = np.zeros((a.max() + 1, b.max() + 1))
    np.add.at(table, (a, b), 1)

    def pairs(counts: np.ndarray) -> float:
        return float((counts * (counts - 1) / 2).sum())

    expected = pairs(table.sum(axis=1)) * pairs(table.sum(axis=0)) / pairs(table.sum(keepdims=True))
    most = (pairs(table.sum(axis=1)) + pairs(table.sum(axis=0))) / 2
    return (pairs(table) - expected) / (most - expected)


def draw_days(rng: np.random.Generator, truth: np.ndarray) -> list[date]:
    """A day for each complaint: scripts last forty days and begin one by one, noise is always there."""
    begins = rng.integers(0, 150, truth.max() + 1)
    spread = np.where(
        truth >= 0, begins[truth] + rng.integers(0, 40, len(truth)), rng.integers(0, 200, len(truth))
    )
    return [date(2015, 1, 1) + timedelta(days=int(day)) for day in spread]


def measure_notice(truth: np.ndarray, days: list[date], founders: list[list[int]]) -> list[int | None]:
    """Days from each script's third complaint to its notice; None where it was taken for another script."""
    owners = [Counter(truth[group].tolist()).most_common(1)[0][0] for group in founders]
    delays: list[int | None] = []
    for script in range(truth.max() + 1):
        third = sorted(days[i] for i in np.flatnonzero(truth == script))[2]
        noticed = [max(days[i] for i in g) for g, own in zip(founders, owners, strict=True) if own == script]
        delays.append((min(noticed) - third).days if noticed else None)
    return delays


def follow(runs: int, n_scripts: int, seed: int) -> None:
    """The same without hindsight, day by day: adjusted Rand, and when a new script was noticed."""
    for language in ("zh", "en"):
        scores: list[float] = []
        delays: list[int | None] = []
        for run in range(runs):
            rng = np.random.default_rng([seed, run])
            texts, truth = draw_complaints(rng, language, n_scripts)
            days = draw_days(rng, truth)
            followed = follow_scripts(tell_all(texts), days)
            scores.append(measure_rand(truth, followed.labels))
            delays += measure_notice(truth, days, followed.founders)
        at_once = sum(delay is not None and delay <= 0 for delay in delays)
        later = sorted(delay for delay in delays if delay is not None and delay > 0)
        print(
            f"{language}: adjusted Rand, mean {np.mean(scores):.3f}, worst {min(scores):.3f}; "
            f"of {len(delays)} scripts {at_once} noticed by the day of their third complaint, "
            f"{len(later)} after {later} days, "
            f"{delays.count(None)} taken for another",
            flush=True,
        )


def listen_to_many(n: int, seed: int) -> None:
    """Time and memory of `stanch complaints read` on `n` complaints."""
    rng = np.random.default_rng(seed)
    texts: list[str] = []
    while len(texts) < n:
        for language in ("zh", "en"):
            texts += draw_complaints(rng, language, 12)[0]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "complaints.jsonl"
        with path.open("w", encoding="utf-8") as file:
            for at, text in enumerate(texts[:n]):
                row = {"complaint": f"c{at}", "received": 1_430_000_000 + at, "phone": str(at), "text": text}
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
        started = time.monotonic()
        heard = listen(Listening([str(path)], Path(folder) / "out"), SilentProgress())
        taken = time.monotonic() - started
    own = resource.getrusage(resource.RUSAGE_SELF)
    workers = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(
        f"{heard.n_complaints:,} complaints, {len(heard.scripts)} scripts: {taken:.0f} s, of the processors "
        f"{own.ru_utime + own.ru_stime + workers.ru_utime + workers.ru_stime:.0f} s; "
        f"{own.ru_maxrss / 2**20:.2f} GiB, each worker {workers.ru_maxrss / 2**20:.2f} GiB"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--scripts", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--follow", action="store_true", help="day by day, without hindsight")
    parser.add_argument(
        "--frauds",
        choices=("noise", "scripts"),
        help="one-line frauds for noise, counted so or as scripts",
    )
    parser.add_argument("--many", type=int, help="import, read and group so many complaints instead")
    args = parser.parse_args()
    if args.many:
        listen_to_many(args.many, args.seed)
        return
    if args.follow:
        follow(args.runs, args.scripts, args.seed)
        return
    for language in ("zh", "en"):
        scores: list[float] = []
        for run in range(args.runs):
            rng = np.random.default_rng([args.seed, run])
            texts, truth = draw_complaints(rng, language, args.scripts, args.frauds)
            if args.frauds == "noise":
                truth = np.maximum(truth, -1)
            started = time.process_time()
            told = tell_all(texts)
            read = time.process_time() - started
            found = find_scripts(told)
            scores.append(measure_rand(truth, found))
            print(
                f"{language} run {run}: {len(texts):,} texts, {found.max() + 1} scripts found of "
                f"{args.scripts},"
                f" adjusted Rand {scores[-1]:.3f}, {read:.1f} s reading, "
                f"{time.process_time() - started:.1f} s"
                f" in all",
                flush=True,
            )
        print(f"{language}: mean {np.mean(scores):.3f}, worst {min(scores):.3f}")
    print(f"most memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB")


if __name__ == "__main__":
    main()
