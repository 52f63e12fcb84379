"""Which column of a desk's table is which of the contract's: guessed from the words of its header."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

#: Column -> words of headers in English and Chinese, as `_fold` leaves them, surest first.
WORDS: Final[dict[str, tuple[str, ...]]] = {
    "complaint": (
        *("complaint", "complaintid", "complaintno", "complaintnumber", "ticket", "ticketid", "ticketno"),
        *("caseid", "caseno", "casenumber", "reference", "referenceno", "id"),
        *("投诉编号", "投诉单号", "投诉号", "工单号", "工单编号", "案件编号", "受理编号", "编号"),
    ),
    "received": (
        *("received", "receivedat", "receivedon", "reported", "reportedat", "complaintdate", "complainttime"),
        *("createdat", "created", "submittedat", "submitted", "timestamp", "date", "time"),
        *("投诉时间", "投诉日期", "受理时间", "受理日期", "登记时间", "登记日期", "反映时间", "接诉时间"),
        *("提交时间", "创建时间", "报案时间", "报警时间", "收到时间", "日期", "时间"),
    ),
    "order": (
        *("order", "orderid", "orderno", "ordernumber", "orderref"),
        *("订单号", "订单编号", "订单号码", "订单"),
    ),
    "account": (
        *("account", "accountid", "accountname", "username", "userid", "user", "customerid", "memberid"),
        *("账号", "帐号", "账户", "会员账号", "会员号", "会员名", "用户名", "用户账号", "用户id", "客户编号"),
    ),
    "phone": (
        *("phone", "phonenumber", "mobile", "mobilenumber", "telephone", "tel", "customerphone"),
        *("victimphone", "contactnumber", "contactphone"),
        *("手机号", "手机号码", "手机", "联系电话", "投诉人电话", "客户电话", "顾客电话", "用户电话"),
        *("联系方式", "电话号码", "电话"),
    ),
    "contacted": (
        *("contacted", "contactedat", "calltime", "calledat", "calldate", "timeofcall", "incidenttime"),
        *("incidentdate", "scamtime", "scamdate", "contacttime"),
        *("来电时间", "接到电话时间", "接到诈骗电话时间", "被骗时间", "受骗时间", "诈骗时间", "案发时间"),
        *("发生时间", "发案时间", "联系时间", "事发时间"),
    ),
    "known_fields": (
        *("knownfields", "knowndata", "datadisclosed", "dataknown", "disclosed"),
        *("泄露信息", "泄露内容", "泄露的信息", "泄漏信息", "对方掌握信息", "对方掌握的信息", "已知信息"),
    ),
    "loss": (
        *("loss", "lossamount", "amountlost", "lost", "moneylost", "amount"),
        *("损失金额", "损失", "被骗金额", "受骗金额", "诈骗金额", "涉案金额", "金额"),
    ),
    "currency": ("currency", "币种", "货币"),
    "region": (
        *("region", "province", "state", "city", "area", "location"),
        *("地区", "省份", "省市", "省", "城市", "所在地", "所在地区", "区域"),
    ),
    "channel": (
        *("channel", "source", "via", "intakechannel"),
        *("渠道", "投诉渠道", "受理渠道", "来源", "投诉来源", "反映渠道"),
    ),
    "text": (
        *("text", "description", "complainttext", "details", "content", "message", "body", "summary"),
        *("notes", "note", "remarks"),
        *(
            "投诉内容",
            "内容",
            "投诉描述",
            "描述",
            "问题描述",
            "情况说明",
            "反映内容",
            "诉求内容",
            "详情",
            "正文",
        ),
        *("案情", "简要案情", "备注"),
    ),
    "scam_phone": (
        *("scamphone", "scammerphone", "scamnumber", "callernumber", "callerid", "caller", "callerphone"),
        *("fraudnumber", "suspectphone", "suspectnumber"),
        *("来电号码", "诈骗电话", "诈骗号码", "骗子电话", "对方号码", "对方电话", "主叫号码", "可疑号码"),
        *("可疑电话", "嫌疑人电话"),
    ),
    "scam_url": (
        *("scamurl", "scamlink", "phishingurl", "phishinglink", "url", "link"),
        *("诈骗网址", "诈骗链接", "钓鱼网址", "钓鱼链接", "可疑链接", "可疑网址", "网址", "链接"),
    ),
}

#: A header that says so is about the order, the parcel or the desk's own work, whatever else it says.
_ABOUT_OTHERS: Final = (
    *("orderamount", "ordertotal", "orderdate", "ordertime", "ordercreated", "tracking", "agent", "operator"),
    *("handled", "resolved", "closed", "updated", "dueat", "shop", "courier", "duedate"),
    *("订单金额", "订单总额", "下单", "快递", "物流", "运单", "坐席", "客服", "经办", "处理", "办结", "回访"),
    *("回复", "商家", "店铺", "支付金额", "实付", "退款金额", "更新"),
)
_SHORTEST_LATIN, _SHORTEST_HAN = 5, 2


@dataclass(frozen=True, slots=True)
class Guess:
    """Which header is read as which column."""

    columns: dict[str, str]
    #: Headers that nothing was read as.
    left: list[str] = field(default_factory=list)


def guess_columns(names: Sequence[str], known: dict[str, str] | None = None) -> Guess:
    """Guess from header `names`; columns of `known` are settled (to a header, or to none by `""`).

    A header that is one of the words beats one that only contains it, and among those the longer word wins;
    of two headers for a column the surer word wins, then the first.
    """
    known = known or {}
    settled = {_fold(theirs) for theirs in known.values() if theirs}
    best: dict[str, tuple[tuple[int, int], str]] = {}
    for name in names:
        if _fold(name) in settled:
            continue
        found = _match(_fold(name))
        if found is None or found[0] in known:
            continue
        column, score = found
        if column not in best or score > best[column][0]:
            best[column] = (score, name)
    here = {_fold(name) for name in names}
    columns = {column: theirs for column, theirs in known.items() if theirs and _fold(theirs) in here}
    columns |= {column: name for column, (_, name) in best.items()}
    used = {_fold(name) for name in columns.values()}
    return Guess(
        {column: columns[column] for column in WORDS if column in columns},
        [name for name in names if name.strip() and _fold(name) not in used],
    )


def _match(name: str) -> tuple[str, tuple[int, int]] | None:
    """(column, score) of a folded header."""
    for column, words in WORDS.items():
        if name in words:
            return column, (2, -words.index(name))
    if not name or any(word in name for word in _ABOUT_OTHERS):
        return None
    contained = [
        (len(word), column)
        for column, words in WORDS.items()
        for word in words
        if len(word) >= (_SHORTEST_LATIN if word.isascii() else _SHORTEST_HAN) and word in name
    ]
    if not contained:
        return None
    length, column = max(contained)
    return column, (1, length)


def _fold(name: str) -> str:
    text = unicodedata.normalize("NFKC", name).casefold()
    return "".join(char for char in text if char.isalnum())
