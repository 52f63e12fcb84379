"""A finished investigation's folder made by hand, with a verdict of one's choice."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import made
import msgspec

from stanch.findings import (
    Attribution,
    Campaign,
    ComplaintCounts,
    Heard,
    Interval,
    ListCost,
    Logins,
    Period,
    encode_findings,
)

CAMPAIGN: Final = Campaign(
    id="c1",
    kind="stuffing",
    start="2015-04-13T02:00:00Z",
    end="2015-04-14T20:00:00Z",
    attempts=41_207,
    addresses=14,
    accounts=40_911,
    compromised=Interval(212.4, 203, 221),
    success_rate=0.0052,
    why=["41,207 attempts on 40,911 accounts from 14 addresses in 9 networks."],
)
COMPLAINTS: Final = ComplaintCounts(
    count=152,
    first="2015-04-21T00:26:03Z",
    last="2015-05-10T06:43:34Z",
    loss_total={"CNY": 119_999.5, "XXX": 800.0},
    loss_max={"CNY": 18_373.0, "XXX": 800.0},
    by_region={"Zhejiang": 34, "<b>Hunan</b>": 10},
    duplicates=15,
    known_fields={"name": 140, "order_id": 97},
)
HEARD: Final = Heard(
    texts=149,
    kinds={"fake_customer_service": 141, "not_fraud": 8},
    claimed_identities={"shop": 133},
    pretexts={"wholesaler": 120, "refund": 17},
    asked={"transfer": 101, "refund_page": 64},
    read={},
    scripts=[],
)
VERDICTS: Final = {
    "campaign": Attribution(
        verdict="named",
        sources=["campaign:c1"],
        posterior={"campaign:c1": 0.9987, "none": 0.0001},
        complaints_explained=115,
        why=["campaign:c1 explains 115 of 152 complaints."],
        cleared=["partner:carrier-east", "endpoint:/track/order"],
        coverage=["staff log starts 2015-04-20, 9 days after the first exposure that matters"],
        false_accusation_rate=0.0005,
    ),
    "staff": Attribution(
        verdict="named",
        sources=["staff:agent07"],
        posterior={"staff:agent07": 0.971},
        complaints_explained=99,
    ),
    "undetermined": Attribution(
        verdict="undetermined",
        posterior={"staff:agent07": 0.61, "unlogged": 0.3},
        would_settle=["The accesses of 2015-03-01 to 2015-03-20 would settle it."],
    ),
    "unlogged": Attribution(verdict="unlogged"),
    "no_leak": Attribution(verdict="no_leak"),
    "not_examined": Attribution(),
}
WARN: Final = """account,order,reason,priority
13800000001,T1001,order seen through a taken-over account (3 orders),1
13800000002,T1002,order seen through a taken-over account,1
13800000003,,account probably taken over,2
13800000004,T1004,order seen by staff account agent07,2
,T1005,order seen by staff account agent07,3
"""
RESET: Final = """account,p_compromised,campaign,since
13800000001,1.000000,c1,2015-04-13T05:00:00Z
13800000003,0.910000,c1,2015-04-13T05:00:00Z
"""
SOURCES: Final = """source,posterior,exposed,victims,log10_bayes_factor,leak_start,leak_end,verdict
campaign:c1,0.998700,515,115,197.3,2015-04-20T10:51:43Z,2015-04-23T04:48:17Z,named
staff:agent07,0.971000,611,99,44.1,2015-03-20T10:51:43Z,2015-04-23T04:48:17Z,named
"""


def write_folder(out: Path, verdict: str = "campaign", **changes: Any) -> Path:
    """The folder `out` as `stanch investigate` would leave it; `changes` replace parts of the findings."""
    out.mkdir(parents=True, exist_ok=True)
    findings = msgspec.structs.replace(
        made.NO_FINDINGS,
        inputs=[made.make_input("logins", rows=94_870), made.make_input("complaints", rows=167)],
        period=Period("2015-02-09T16:09:50Z", "2015-05-10T15:59:59Z"),
        logins=Logins(94_870, Interval(41_000.2, 40_100, 42_000)),
        campaigns=[CAMPAIGN] if verdict == "campaign" else [],
        complaints=COMPLAINTS,
        heard=HEARD,
        attribution=VERDICTS[verdict],
        lists={"block": ListCost(entries=11), "challenge": ListCost(entries=133)},
    )
    findings = msgspec.structs.replace(findings, **changes)
    (out / "findings.json").write_bytes(encode_findings(findings))
    (out / "warn.csv").write_text(WARN)
    (out / "reset.csv").write_text(RESET)
    (out / "sources.csv").write_text(SOURCES)
    (out / "accounts.csv").write_text("account,p_compromised,campaign,first_success,ip,orders_exposed\n")
    for name in ("report.html", "blocklist.txt", "challenge.txt"):
        (out / name).write_text("x\n")
    return out


SHOP: Final = """
name = "Lanting Shop"
name_zh = "兰亭商城"
controller = "Lanting Trading Co., Ltd."
address = "1 Example Road"
phone = "400 555 0100"
site = "shop.example"
contact_name = "Data protection desk"
contact_email = "privacy@shop.example"
contact_phone = "+86 571 5550 0199"
authority = "Data Protection Commission"
aware = 2015-05-08T09:00:00+08:00
data_categories = ["name", "phone number"]
never_asks = ["transfer", "verification_code"]
measures_taken = ["Sessions ended on 2015-05-08."]
measures_planned = ["A second step at sign-in."]
incident = "2015-04 calls"
"""


def write_shop(path: Path, more: str = "") -> Path:
    """A file of the shop's facts, with `more` behind."""
    path.write_text(SHOP + more, encoding="utf-8")
    return path
