"""Cells as desks write them -> cells that the checks of the evidence read."""

from __future__ import annotations

import re
from typing import Final

import polars as pl

#: `2015年4月27日 10时30分05秒`, with or without the parts behind the day.
_CHINESE_TIME: Final = re.compile(
    r"\s*(\d{4})\s*年\s*(\d{1,2})\s*月\s*(\d{1,2})\s*[日号]?\s*(?:(\d{1,2})\s*[时点:]\s*(?:(\d{1,2})\s*分?)?"
    r"(?:\s*[:：]?\s*(\d{1,2})\s*秒?)?)?\s*",
    re.ASCII,
)
_DAY: Final = re.compile(r"\s*\d{4}\s*(?:[-/.]\d{1,2}[-/.]\d{1,2}|年\s*\d{1,2}\s*月\s*\d{1,2}\s*[日号]?)\s*")
#: An amount with its unit: `1.8万元`, `约18,373元整`, `RMB 5000`.
_AMOUNT: Final = re.compile(
    r"(?:约|大约|共|共计|合计|approx\.?|about|ca\.)?\s*(CNY|RMB|人民币|¥|￥|USD|US\$|\$|EUR|€|GBP|£)?\s*"
    r"([\d.,\s]*\d)\s*(万|千)?\s*(元整|块钱|元|块|CNY|RMB|人民币|USD|EUR|€|GBP)?",
    re.IGNORECASE,
)
_CURRENCIES: Final = {
    **dict.fromkeys(("cny", "rmb", "人民币", "¥", "￥", "元整", "块钱", "元", "块", "万", "千"), "CNY"),
    **dict.fromkeys(("usd", "us$", "$"), "USD"),
    **dict.fromkeys(("eur", "€"), "EUR"),
    **dict.fromkeys(("gbp", "£"), "GBP"),
}
_SCALES: Final = {"万": 10_000, "千": 1_000}
_FIELDS: Final = {
    **dict.fromkeys(("姓名", "名字", "收件人", "收货人"), "name"),
    **dict.fromkeys(("电话", "电话号码", "手机", "手机号", "手机号码", "联系方式", "phone_number"), "phone"),
    **dict.fromkeys(("地址", "收货地址", "住址", "delivery_address"), "address"),
    **dict.fromkeys(("商品", "物品", "货品", "商品名称", "购买商品", "商品信息", "item", "product"), "items"),
    **dict.fromkeys(("价格", "金额", "订单金额", "amount"), "price"),
    **dict.fromkeys(("时间", "下单时间", "购买时间", "order_time"), "time"),
    **dict.fromkeys(("订单号", "订单编号", "订单", "order", "order_number"), "order_id"),
    **dict.fromkeys(("支付", "支付方式", "付款方式", "付款", "card"), "payment"),
}
_SPLIT: Final = re.compile(r"[|,，;；、/\n]+")


def tidy_times(cells: pl.Series) -> pl.Series:
    """Dates in Chinese as `2015-04-27 10:30:05`; everything else as it was."""
    return _translate(cells, tidy_time)


def tidy_time(text: str) -> str:
    """One such cell."""
    found = _CHINESE_TIME.fullmatch(text)
    if found is None:
        return text
    year, month, day, *clock = found.groups()
    shown = f"{year}-{int(month):02}-{int(day):02}"
    return shown if clock[0] is None else f"{shown} " + ":".join(f"{int(part or 0):02}" for part in clock)


def is_day(text: str | None) -> bool:
    """Whether a cell is a date without a time of day."""
    return text is not None and _DAY.fullmatch(text) is not None


def tidy_amount(text: str) -> tuple[str, str]:
    """(amount, currency if a sign or word tells it) of `1.8万元`, `¥18,373`; others as they are."""
    found = _AMOUNT.fullmatch(text.strip())
    if found is None:
        return text, ""
    before, digits, scale, after = (part or "" for part in found.groups())
    currency = next(
        (_CURRENCIES[word] for word in (before.lower(), after.lower(), scale) if word in _CURRENCIES), ""
    )
    if not scale:
        return digits.strip(), currency
    try:
        return f"{float(digits.replace(',', '').replace(' ', '')) * _SCALES[scale]:.2f}", currency
    except ValueError:
        return text, ""


def tidy_fields(cells: pl.Series) -> pl.Series:
    """Sets of what the caller knew, in Chinese or loose English, as the contract's words."""
    return _translate(cells, _tidy_words)


def _tidy_words(text: str) -> str:
    words = [word.strip() for word in _SPLIT.split(text) if word.strip()]
    return "|".join(_FIELDS.get(word.casefold().replace(" ", "_"), word) for word in words)


def _translate(cells: pl.Series, tidy: object) -> pl.Series:
    text = cells.cast(pl.String)
    assert callable(tidy)
    return pl.Series(cells.name, [None if value is None else tidy(value) for value in text], dtype=pl.String)
