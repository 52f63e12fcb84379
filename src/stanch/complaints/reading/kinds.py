"""The kinds of fraud that a complaint may tell of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

KINDS: Final = (
    "fake_customer_service",
    "fake_courier",
    "fake_authority",
    "fake_loan",
    "fake_acquaintance",
    "brushing_job",
    "investment",
    "phishing",
    "other_fraud",
    "not_fraud",
)
#: The classes of the Chinese police's statistics on telecom and network fraud that a kind falls under; the
#: others of the twelve (游戏交易, 网络婚恋 and so on) are all `other_fraud` here.
POLICE_CLASSES: Final[Mapping[str, str]] = {
    "fake_customer_service": "冒充电商物流客服类",
    "fake_courier": "冒充电商物流客服类",
    "fake_authority": "冒充公检法及政府机关类",
    "fake_loan": "贷款、代办信用卡类",
    "fake_acquaintance": "冒充领导、熟人类",
    "brushing_job": "刷单返利类",
    "investment": "虚假网络投资理财类",
}
