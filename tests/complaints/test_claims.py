"""The register of claims: whatever happens to it, the totals add up and every change can be traced."""

from __future__ import annotations

import csv
import io
import json
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanch.cli.app import main
from stanch.complaints import count_complaints
from stanch.complaints.claims import Register, Totals, add_up, open_register
from stanch.complaints.claims.register import STATES, Author, Claim
from stanch.complaints.claims.sheet import Imported, import_victims, read_sheet, write_sheet
from stanch.complaints.council import count_demands, list_rows, write_csv, write_page, write_text
from stanch.complaints.victims import VICTIMS
from stanch.engine import EngineSettings, open_engine
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


def as_table(reports: list[dict[str, Any]]) -> pl.DataFrame:
    kinds = VICTIMS | {"loss": pl.Float64, "currency": pl.String}
    return pl.DataFrame([dict.fromkeys(kinds) | row for row in reports], schema=kinds)


reported = st.lists(
    st.fixed_dictionaries(
        {
            "received_us": st.integers(0, 40).map(lambda day: day * 86_400_000_000),
            "order": st.sampled_from([None, "o1", "o2", "o3"]),
            "phone": st.sampled_from([None, "p1", "p2", "p3"]),
            "loss": st.sampled_from([None, 0.1, 0.2, 99.99, 18_373.0]),
            "currency": st.sampled_from([None, "CNY", "GBP"]),
            "region": st.sampled_from([None, "Hubei", "hubei", "Hunan"]),
        }
    ),
    max_size=12,
).map(lambda rows: [{"complaint": f"k{i}"} | row for i, row in enumerate(rows)])


@given(reported, st.integers(0, 12))
def test_table_and_register_add_up_to_the_reports(reports: list[dict[str, Any]], n: int) -> None:
    """Whichever reports share an order or a phone, and however they come in."""
    frame = as_table(reports)
    with closing(open_engine("duckdb", EngineSettings(memory_limit_mb=256, threads=1))) as engine:
        engine.put("complaints", frame)
        counts = count_complaints(engine)
    rows = list_rows(counts, {}, [], "en")
    by_region = [int(row.value) for row in rows if row.section == "Victims by region"]
    assert sum(by_region) == sum(counts.by_day.values()) == counts.count
    assert counts.count + counts.duplicates == len(reports)
    assert counts.loss_max.keys() == counts.loss_total.keys()
    assert all(counts.loss_max[name] <= total for name, total in counts.loss_total.items())
    at_once = Register(Path("claims.jsonl"))
    import_victims(at_once, frame, LI)
    totals = {total.currency: float(total.registered) for total in add_up(at_once.claims.values())}
    assert {name: total for name, total in totals.items() if total} == counts.loss_total
    in_two = Register(Path("claims.jsonl"))
    import_victims(in_two, frame[:n], LI)
    import_victims(in_two, frame, LI)
    check_sums(add_up(in_two.claims.values()))
    standing = [claim for claim in in_two.claims.values() if claim.state != "duplicate"]
    assert len(standing) == counts.count


def test_a_report_that_joins_two_claims_leaves_one(tmp_path: Path) -> None:
    register = Register(tmp_path / "claims.jsonl")
    day = 86_400_000_000
    one = {"complaint": "k1", "received_us": 0, "phone": "p", "loss": 100.0, "currency": "CNY"}
    other = {"complaint": "k2", "received_us": day, "order": "o", "loss": 300.0, "currency": "CNY"}
    both = {"complaint": "k3", "received_us": 2 * day, "phone": "p", "order": "o"}
    import_victims(register, as_table([one, other]), LI)
    register.apply(LI.write("k2", "verified"))
    assert import_victims(register, as_table([one, other, both]), LI) == Imported(0, 1, [])
    assert [(c.claim, c.state, c.of) for c in register.claims.values()] == [
        ("k1", "duplicate", "k2"),
        ("k2", "verified", ""),
    ]


def test_claims_whose_reports_tell_more_by_now_are_named(tmp_path: Path) -> None:
    register = Register(tmp_path / "claims.jsonl")
    first = {"complaint": "k1", "received_us": 0, "phone": "p", "loss": 100.0, "currency": "CNY"}
    later = {"complaint": "k2", "received_us": 1, "phone": "p", "loss": 900.0, "currency": "CNY"}
    import_victims(register, as_table([first]), LI)
    assert import_victims(register, as_table([first, later]), LI).short == ["k1"]
    assert register.claims["k1"].claimed == {"CNY": Decimal(100)}, "amounts once registered stay"
    register.apply(LI.write("k1", "verified"))
    assert import_victims(register, as_table([first, later]), LI).short == [], "a person has looked"


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
