"""Which rows are kept, and what becomes of odd cells."""

from __future__ import annotations

import polars as pl

from stanch.evidence.checks import MAX_NAME, check_rows
from stanch.evidence.tables import ACCESSES, COMPLAINTS, LOGINS, ORDERS, Table


def rows(table: Table, *cells: dict[str, str | None]) -> pl.DataFrame:
    names = sorted({name for row in cells for name in row})
    frame = pl.DataFrame(
        {n: [row.get(n) for row in cells] for n in names}, schema=dict.fromkeys(names, pl.String)
    )
    assert set(names) <= set(table.column_names)
    return frame.with_row_index("line", 1).with_columns(pl.col("line").cast(pl.Int64))


LOGIN = {"time": "2024-03-01T10:00:00Z", "ip": "198.51.100.7", "account": "ann", "outcome": "success"}
ACCESS = {"time": "2024-03-01T10:00:00Z", "actor": "agent07", "actor_kind": "staff", "order": "o1"}
COMPLAINT = {"complaint": "k1", "received": "2024-03-01T10:00:00Z", "order": "o1"}


def test_one_reason_per_rejected_row_and_the_rest_is_kept() -> None:
    batch = rows(
        LOGINS, LOGIN, LOGIN | {"time": "soon", "ip": "x"}, LOGIN | {"ip": ""}, LOGIN | {"outcome": "1"},
        LOGIN | {"account": ""},
    )  # fmt: skip
    checked = check_rows(LOGINS, batch, "UTC")
    assert checked.frame["line"].to_list() == [1, 5]
    assert checked.kept.to_list() == [0, 4]
    assert checked.frame["account"].to_list() == ["ann", None]
    assert [(position, reason.split()[0]) for position, reason in checked.rejects] == [
        (1, "time"), (2, "ip"), (3, "outcome"),
    ]  # fmt: skip
    assert "empty" in checked.rejects[1][1]


def test_an_odd_optional_cell_costs_the_cell_and_is_counted() -> None:
    batch = rows(
        COMPLAINTS,
        COMPLAINT | {"loss": "a lot", "contacted": "last week", "known_fields": "name"},
        COMPLAINT | {"loss": "12.5", "contacted": "2024-02-29T10:00:00Z", "known_fields": ""},
    )
    checked = check_rows(COMPLAINTS, batch, "UTC")
    assert checked.frame["loss"].to_list() == [None, 12.5]
    assert checked.frame["contacted_us"].null_count() == 1
    assert checked.frame["known_fields"].to_list() == ["name", None]
    assert sorted(n.split()[0] for n, count in checked.notes.items() if count) == ["contacted", "loss"]


def test_nobody_is_called_after_having_complained_of_it() -> None:
    late = {"received": "2024-03-01T10:00:00Z", "contacted": "2024-03-01T10:00:01Z"}
    same_day = {"received": "2024-03-01", "contacted": "2024-03-01T18:00:00Z"}
    next_day = {"received": "2024-03-01", "contacted": "2024-03-02T18:00:00Z"}
    batch = rows(COMPLAINTS, COMPLAINT | late, COMPLAINT | same_day, COMPLAINT | next_day)
    checked = check_rows(COMPLAINTS, batch, "UTC")
    assert checked.frame["contacted_us"].is_null().to_list() == [True, False, True]
    assert checked.notes["contacted is after received and counts as unknown"] == 2


def test_one_of_order_account_phone_is_enough() -> None:
    bare = {"complaint": "k", "received": "2024-03-01", "order": None}
    batch = rows(COMPLAINTS, bare | {"phone": "555-0100"}, bare | {"account": "ann"}, bare | {"phone": " "})
    checked = check_rows(COMPLAINTS, batch, "UTC")
    assert [position for position, _ in checked.rejects] == [2]


def test_an_open_endpoint_is_named_after_its_channel() -> None:
    nobody = ACCESS | {"actor": "", "actor_kind": "anonymous"}
    batch = rows(ACCESSES, nobody | {"channel": "/track"}, nobody, ACCESS | {"actor": ""}, ACCESS)
    checked = check_rows(ACCESSES, batch, "UTC")
    assert checked.frame["actor"].to_list() == ["/track", "anonymous", "agent07"]
    assert [position for position, _ in checked.rejects] == [2]


def test_attackers_cannot_make_an_attempt_disappear() -> None:
    batch = rows(
        LOGINS, LOGIN | {"account": "a\0b"}, LOGIN | {"account": "A" * 10_000}, LOGIN | {"account": " "}
    )
    checked = check_rows(LOGINS, batch, "UTC")
    assert checked.frame["account"].to_list() == ["a\ufffdb", "A" * MAX_NAME, None]


def test_numbers_that_a_program_made_decimals_of_are_names_again() -> None:
    batch = pl.DataFrame(
        {
            "line": [1, 2, 3],
            "order": [10001.0, 4503599627370497.0, float("nan")],
            "account": [1.5, None, 7.0],
            "time": [1709287200.0, 1709287200.25, 1709287200.0],
        }
    )
    checked = check_rows(ORDERS, batch, "UTC")
    assert checked.frame["order"].to_list() == ["10001", "4503599627370497"]
    assert checked.frame["account"].to_list() == ["1.5", None]
    assert checked.frame["time_us"].to_list() == [1709287200_000_000, 1709287200_250_000]
    assert checked.rejects == [(2, "order is empty")]


def test_notes_on_units_count_rows() -> None:
    times = ["1709287200000", "1709287200001", "1709287200", "2024-03-01T10:00:00Z"]
    checked = check_rows(COMPLAINTS, rows(COMPLAINTS, *(COMPLAINT | {"received": t} for t in times)), "UTC")
    assert +checked.notes == {"received in Unix milliseconds": 2}
