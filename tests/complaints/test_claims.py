"""The register of claims: whatever happens to it, the totals add up and every change can be traced."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanch.cli.app import main
from stanch.complaints.claims import Register, Totals, add_up, open_register
from stanch.complaints.claims.register import STATES, Author, Claim
from stanch.complaints.claims.sheet import read_sheet, write_sheet
from stanch.complaints.council import count_demands, list_rows, write_csv, write_page, write_text
from stanch.errors import EvidenceError, StanchError, UsageError
from stanch.findings import ComplaintCounts

NOW = datetime(2015, 5, 8, 12, tzinfo=UTC)
LI = Author("li", "checked", NOW)


def register_of(**claims: dict[str, str]) -> Register:
    register = Register(Path("claims.jsonl"))
    for name, amounts in claims.items():
        given_amounts = {currency: Decimal(amount) for currency, amount in amounts.items()}
        register.apply(LI.write(name, "claimed", amounts=given_amounts))
    return register


def check_sums(totals: list[Totals]) -> None:
    for total in totals:
        assert total.registered == total.claimed + total.duplicate
        assert total.claimed == total.open + total.rejected + total.verified
        assert total.verified == total.paid + total.outstanding
        assert min(total.open, total.rejected, total.verified, total.paid, total.outstanding) >= 0


amounts = st.dictionaries(
    st.sampled_from(["CNY", "GBP", "XXX"]), st.decimals(0, 10**9, places=2, allow_nan=False), max_size=2
)
steps = st.lists(
    st.tuples(st.sampled_from("abcd"), st.sampled_from(STATES), amounts, st.sampled_from(["", *"abcd"])),
    max_size=25,
)


@given(steps)
def test_totals_add_up_whatever_is_done(done: list[tuple[str, Any, dict[str, Decimal], str]]) -> None:
    register = register_of(a={"CNY": "0.10"}, b={"CNY": "0.20", "GBP": "99.99"})
    for claim, state, given_amounts, of in done:
        before = dict(register.claims)
        try:
            register.apply(LI.write(claim, state, amounts=given_amounts, of=of))
        except UsageError:
            assert register.claims == before, "a refused change changes nothing"
        check_sums(add_up(register.claims.values()))
    again = Register(register.path)
    for change in register.changes:
        again.apply(change)
    assert again.claims == register.claims


@given(steps)
def test_a_sheet_written_and_read_changes_nothing(
    done: list[tuple[str, Any, dict[str, Decimal], str]],
) -> None:
    register = register_of(a={"CNY": "0.10"}, b={"CNY": "0.20", "GBP": "99.99"})
    for claim, state, given_amounts, of in done:
        try:
            register.apply(LI.write(claim, state, amounts=given_amounts, of=of))
        except UsageError:
            continue
    sheet = write_sheet(register.claims.values())
    before = add_up(register.claims.values())
    read_sheet(register, sheet, "claims.csv", LI)
    assert add_up(register.claims.values()) == before


def test_the_states_of_a_claim() -> None:
    register = register_of(a={"CNY": "1000"}, b={"CNY": "1000"}, c={"CNY": "50.50"})
    register.apply(LI.write("b", "duplicate", of="a"))
    register.apply(LI.write("a", "verified", amounts={"CNY": Decimal("800")}))
    register.apply(LI.write("a", "paid", amounts={"CNY": Decimal("300")}))
    register.apply(LI.write("c", "rejected"))
    (total,) = add_up(register.claims.values())
    assert (total.registered, total.duplicate, total.claimed) == (
        Decimal("2050.50"),
        1000,
        Decimal("1050.50"),
    )
    assert (total.verified, total.paid, total.outstanding) == (800, 300, 500)
    assert (total.open, total.rejected) == (0, Decimal("250.50"))


@pytest.mark.parametrize(
    ("claim", "state", "more", "why"),
    [
        ("a", "paid", {}, "only what is verified is paid"),
        ("a", "verified", {"amounts": {"CNY": Decimal(1001)}}, "more than is claimed"),
        ("a", "verified", {"amounts": {"GBP": Decimal(1)}}, "more than is claimed"),
        ("a", "duplicate", {"of": "a"}, "cannot repeat"),
        ("a", "duplicate", {"of": "nobody"}, "cannot repeat"),
        ("nobody", "verified", {}, "there is no claim"),
        ("a", "claimed", {"amounts": {"CNY": Decimal("0.001")}}, "finer than a hundredth"),
        ("a", "claimed", {"amounts": {"CNY": Decimal(-1)}}, "not an amount"),
        ("a", "claimed", {"amounts": {"CNY": Decimal("NaN")}}, "not an amount"),
        ("a", "claimed", {"amounts": {"yuan": Decimal(1)}}, "not a currency"),
    ],
)
def test_what_contradicts_a_claim_is_refused(claim: str, state: Any, more: dict[str, Any], why: str) -> None:
    register = register_of(a={"CNY": "1000"})
    with pytest.raises(UsageError, match=why):
        register.apply(LI.write(claim, state, **more))


def test_nobody_changes_a_claim_without_name_and_reason() -> None:
    register = register_of(a={"CNY": "1"})
    for author in (Author("", "why", NOW), Author("li", " ", NOW)):
        with pytest.raises(UsageError, match="who made it and why"):
            register.apply(author.write("a", "rejected"))


def test_changes_are_saved_all_or_none(tmp_path: Path) -> None:
    path = tmp_path / "claims.jsonl"
    with open_register(path, write=True) as register:
        register.apply(LI.write("a", "claimed", amounts={"CNY": Decimal("10.00")}))
    too_much = LI.write("a", "paid", amounts={"CNY": Decimal(11)})
    with pytest.raises(UsageError), open_register(path, write=True) as register:
        assert [register.apply(change) for change in (LI.write("a", "verified"), too_much)] == []
    with open_register(path) as register:
        assert register.claims["a"] == Claim("a", claimed={"CNY": Decimal("10.00")})
        assert [(c.by, c.why, c.at) for c in register.list_history("a")] == [
            ("li", "checked", "2015-05-08T12:00:00+00:00")
        ]


@pytest.mark.parametrize(
    "line", ["nonsense", "{}", '{"at":"","by":"li","why":"x","claim":"z","state":"paid"}']
)
def test_a_damaged_register_is_told_with_its_line(line: str, tmp_path: Path) -> None:
    path = tmp_path / "claims.jsonl"
    path.write_text('{"at":"2015","by":"li","why":"x","claim":"a","state":"claimed"}\n' + line + "\n")
    with pytest.raises(EvidenceError) as caught, open_register(path):
        pass
    assert str(caught.value).startswith(f"{path}:2:")


def test_a_sheet_that_contradicts_is_refused_with_its_line() -> None:
    register = register_of(a={"CNY": "10"})
    head = "claim,state,currency,claimed,verified,paid,of,region,received\n"
    for row in ("a,settled,CNY,10,,,,,", "a,verified,CNY,ten,,,,,", ",claimed,CNY,1,,,,,"):
        with pytest.raises(EvidenceError, match=r"claims\.csv:2:"):
            read_sheet(register, head + row + "\n", "claims.csv", LI)
    with pytest.raises(StanchError, match="more than is claimed"):
        read_sheet(register, head + "a,verified,CNY,10,11,,,,\n", "claims.csv", LI)


# --- the command, and the council's table ---------------------------------------------------

REPORTS = """complaint,received,phone,loss,currency,region,demands
k1,2015-04-27T10:00:00Z,p1,1000,CNY,Hubei,refund|apology
k2,2015-04-28T10:00:00Z,p1,1200.50,CNY,Hubei,refund
k3,2015-04-28T12:00:00Z,p2,18373,CNY,Guangdong,refund；<b>sorry</b>
k4,2015-04-29T12:00:00Z,p3,,,,
k5,2015-04-30T12:00:00Z,p1,900,CNY,Hubei,
=k6,2015-04-30T12:00:00Z,p4,80.10,GBP,,refund
"""


def test_one_victim_reporting_thrice_is_one_claim(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    reports, register = tmp_path / "c.csv", tmp_path / "claims.jsonl"
    reports.write_text(REPORTS, encoding="utf-8")
    for told in (b"4 new, 0 registered before", b"0 new, 4 registered before"):
        assert main(["complaints", "claims", "import", str(register), str(reports), "--by", "wang"]) == 0
        assert told in capfdbinary.readouterr().err
    change = ["complaints", "claims", "set", str(register), "k1"]
    more = ["--amount", "CNY=1000", "--by", "li", "--why", "seen"]
    assert main([*change, "verified", *more]) == 0
    assert main([*change, "paid", "--amount", "CNY=1000.01", "--by", "li", "--why", "seen"]) == 2
    capfdbinary.readouterr()
    assert main(["complaints", "claims", "export", str(register)]) == 0
    rows = list(csv.DictReader(io.StringIO(capfdbinary.readouterr().out.decode())))
    assert [(r["claim"], r["state"], r["currency"], r["claimed"], r["verified"]) for r in rows] == [
        ("k1", "verified", "CNY", "1200.50", "1000.00"),
        ("k3", "claimed", "CNY", "18373.00", ""),
        ("k4", "claimed", "", "", ""),
        ("'=k6", "claimed", "GBP", "80.10", ""),
    ]
    table = [
        "complaints",
        "table",
        str(reports),
        "--claims",
        str(register),
        "--out",
        str(tmp_path / "council"),
    ]
    assert main(table) == 0
    text = capfdbinary.readouterr().out.decode()
    for line in ("victims: 4", "reports: 6", "total loss: 19573.50 CNY", "largest loss: 18373.00 CNY",
                 "verified: 1000.00 CNY", "open: 18373.00 CNY", "rejected: 200.50 CNY"):  # fmt: skip
        assert f"  {line}\n" in text
    assert (tmp_path / "council" / "council.csv").read_text("utf-8-sig").startswith("section,item")


def test_the_table_is_the_same_in_every_form() -> None:
    counts = ComplaintCounts(
        count=3,
        first="2015-04-27T10:00:00Z",
        last="2015-05-08T10:00:00Z",
        loss_total={"CNY": 0.3, "XXX": 5.0},
        loss_max={"CNY": 0.2, "XXX": 5.0},
        by_region={"Hubei": 2},
        duplicates=1,
    )
    totals = add_up(register_of(a={"CNY": "0.30"}).claims.values())
    for lang in ("en", "zh"):
        rows = list_rows(counts, {"<b>refund": 1, "=1+1": 1}, totals, lang)  # type: ignore[arg-type]
        sheet = list(csv.reader(io.StringIO(write_csv(rows, lang))))[1:]  # type: ignore[arg-type]
        page, text = write_page(rows, lang), write_text(rows)  # type: ignore[arg-type]
        assert [row[3] for row in sheet] == [row.value for row in rows]
        assert all(f"{row.item}: {row.value}" in text for row in rows)
        assert "<b>refund" not in page
        assert "&lt;b&gt;refund" in page
        assert "http" not in page.replace("http-equiv", "")
        assert [row[1] for row in sheet if row[1].endswith("=1+1")] == ["'=1+1"]
    regions = [int(row.value) for row in rows if row.section == "各地区受害人数"]
    assert sum(regions) == counts.count


def test_a_victims_demand_counts_once_however_it_is_parted() -> None:
    cells = ["refund|refund", "refund; apology", "退款，道歉", None, " "]
    assert count_demands(cells) == {"refund": 2, "apology": 1, "退款": 1, "道歉": 1}


def test_a_register_holds_no_phone_or_account(tmp_path: Path) -> None:
    reports, register = tmp_path / "c.csv", tmp_path / "claims.jsonl"
    reports.write_text(REPORTS.replace(",p1,", ",13900000000,"), encoding="utf-8")
    assert main(["complaints", "claims", "import", str(register), str(reports), "--by", "wang"]) == 0
    assert "139000" not in register.read_text(encoding="utf-8")
    assert {json.loads(line)["by"] for line in register.read_text(encoding="utf-8").splitlines()} == {"wang"}
