"""What stages rely on, asked of every engine alike."""

from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from stanch.engine import Engine, Step
from stanch.errors import EngineError

SCHEMA = {"file_id": "INTEGER", "line": "BIGINT", "order": "VARCHAR", "loss": "DOUBLE", "ok": "BOOLEAN"}
NASTY = [
    "",
    " ",
    "it's",
    '"quoted"',
    "`tick`",
    "back\\slash",
    "a|b",
    "$p",
    "${env:HOME}",
    "'; DROP TABLE t; --",
]
NASTY += ["淘宝 退款", "e\u0301", "👩‍👩‍👧", "line\nbreak", "tab\t", "%_", "\u202e", "\ufeff"]


def rows(engine: Engine, sql: str, **params: object) -> list[tuple[object, ...]]:
    return engine.fetch(sql, params).rows()  # type: ignore[arg-type]


def test_made_table_is_empty_and_typed(engine: Engine) -> None:
    engine.create("t", SCHEMA)
    assert engine.has("t")
    assert engine.count("t") == 0
    assert engine.fetch("SELECT * FROM t").schema == pl.Schema(
        {"file_id": pl.Int32, "line": pl.Int64, "order": pl.String, "loss": pl.Float64, "ok": pl.Boolean}
    )


def test_appended_rows_come_back_whatever_their_column_order(engine: Engine) -> None:
    engine.create("t", SCHEMA)
    first = {"line": [1, 2], "file_id": [0, 0], "ok": [True, None], "loss": [0.1, None], "order": ["a", None]}
    engine.append("t", pl.DataFrame(first))
    engine.append("t", pl.DataFrame({"file_id": [1], "line": [1]}))
    engine.append("t", pl.DataFrame(schema={"file_id": pl.Int32, "line": pl.Int64}))
    assert rows(engine, "SELECT * FROM t ORDER BY file_id, line") == [
        (0, 1, "a", 0.1, True),
        (0, 2, None, None, None),
        (1, 1, None, None, None),
    ]


def test_creating_again_forgets_rows(engine: Engine) -> None:
    engine.put("t", pl.DataFrame({"x": [1]}))
    engine.create("t", {"y": "BIGINT"})
    assert engine.count("t") == 0
    assert engine.fetch("SELECT * FROM t").columns == ["y"]


def test_append_refuses_what_does_not_fit(engine: Engine) -> None:
    engine.create("t", {"n": "BIGINT"})
    with pytest.raises(EngineError):
        engine.append("t", pl.DataFrame({"n": ["word"]}))
    with pytest.raises(EngineError):
        engine.append("t", pl.DataFrame({"unheard_of": [1]}))
    assert engine.count("t") == 0


def test_append_to_no_table_is_an_error(engine: Engine) -> None:
    with pytest.raises(EngineError, match="nowhere"):
        engine.append("nowhere", pl.DataFrame({"n": [1]}))


def test_put_holds_exactly_the_frame(engine: Engine) -> None:
    frame = pl.DataFrame({"n": [3, None, 1], "text": ["b", "", None], "p": [0.5, float("inf"), -0.0]})
    engine.put("t", pl.DataFrame({"other": [1]}))
    engine.put("t", frame)
    assert_frame_equal(engine.fetch("SELECT * FROM t"), frame, check_row_order=False)


def test_put_of_an_empty_frame_keeps_its_columns(engine: Engine) -> None:
    empty = pl.DataFrame(schema={"n": pl.Int64, "text": pl.String, "p": pl.Float64, "b": pl.Boolean})
    engine.put("t", empty)
    assert_frame_equal(engine.fetch("SELECT * FROM t"), empty)


def test_unsigned_numbers_and_categories_become_plain(engine: Engine) -> None:
    frame = pl.DataFrame({"n": [1, 2**32]}, schema={"n": pl.UInt64}).with_columns(
        pl.Series("word", ["a", "b"], dtype=pl.Categorical), pl.lit(None).alias("nothing")
    )
    engine.put("t", frame)
    answer = engine.fetch("SELECT * FROM t ORDER BY n")
    assert answer.rows() == [(1, "a", None), (2**32, "b", None)]
    assert answer.schema["n"] == pl.Int64
    with pytest.raises(EngineError, match="64 bits"):
        engine.put("t", pl.DataFrame({"n": [2**63]}, schema={"n": pl.UInt64}))


@pytest.mark.parametrize("size", [0, 1, 5_000])
def test_text_survives_the_round_trip(engine: Engine, size: int) -> None:
    frame = pl.DataFrame({"i": list(range(len(NASTY))), "text": [text + "x" * size for text in NASTY]})
    engine.put("t", frame)
    assert_frame_equal(engine.fetch("SELECT * FROM t ORDER BY i"), frame)


def test_parameters_are_values_and_nothing_else(engine: Engine) -> None:
    engine.put("t", pl.DataFrame({"text": NASTY}))
    for text in NASTY:
        assert rows(engine, "SELECT count(*), max(text) FROM t WHERE text = $p", p=text) == [(1, text)]
    assert engine.count("t") == len(NASTY)


def test_parameters_keep_their_type(engine: Engine) -> None:
    sql = "SELECT $i AS i, $neg AS neg, $f AS f, $tiny AS tiny, $b AS b, $none IS NULL AS none, $i AS again"
    answer = engine.fetch(sql, {"i": 2**40, "neg": -7, "f": 0.1, "tiny": 1e-300, "b": True, "none": None})
    assert answer.rows() == [(2**40, -7, 0.1, 1e-300, True, True, 2**40)]
    assert answer.schema["f"] == pl.Float64
    assert rows(engine, "SELECT $low < -1e308 AND $high > 1e308", low=-float("inf"), high=float("inf")) == [
        (True,)
    ]


def test_wrong_parameters_are_a_mistake_of_the_stage(engine: Engine) -> None:
    with pytest.raises(KeyError, match="missing"):
        engine.fetch("SELECT $missing AS x")
    with pytest.raises(KeyError, match="extra"):
        engine.fetch("SELECT 1 AS x", {"extra": 1})


def test_step_may_replace_a_table_it_reads(engine: Engine) -> None:
    engine.put("t", pl.DataFrame({"n": [1, 2, 3]}))
    engine.run(Step("t", "SELECT n * $by AS n FROM t WHERE n > 1", {"by": 10}))
    engine.run(Step("u", "SELECT n + 1 AS n FROM t"))
    assert rows(engine, "SELECT n FROM u ORDER BY n") == [(21,), (31,)]


def test_step_result_stays_when_its_source_goes(engine: Engine) -> None:
    engine.put("t", pl.DataFrame({"n": [1, 2, 3]}))
    engine.run(Step("u", "SELECT n FROM t"))
    engine.put("t", pl.DataFrame({"n": [9]}))
    engine.drop("t")
    assert rows(engine, "SELECT sum(n) FROM u") == [(6,)]


def test_dropping(engine: Engine) -> None:
    engine.put("t", pl.DataFrame({"n": [1]}))
    engine.drop("t", "never_made")
    assert not engine.has("t")
    for ask in (lambda: engine.count("t"), lambda: engine.fetch("SELECT * FROM t")):
        with pytest.raises(EngineError):
            ask()


def test_errors_are_one_line_and_leave_the_engine_usable(engine: Engine) -> None:
    engine.put("t", pl.DataFrame({"n": [1], "text": ["word"]}))
    for sql in ("SELECT nope FROM t", "SELECT * FROM nowhere", "SELECT CAST(text AS BIGINT) FROM t"):
        with pytest.raises(EngineError) as caught:
            engine.run(Step("u", sql))
        assert "\n" not in str(caught.value)
    assert engine.count("t") == 1


def test_overflow_is_an_error_not_a_wrong_number(engine: Engine) -> None:
    engine.put("t", pl.DataFrame({"n": [2**63 - 1, 1]}))
    with pytest.raises(EngineError):
        engine.fetch("SELECT sum(n) AS s FROM t")


def test_fractions_come_back_as_doubles(engine: Engine) -> None:
    engine.put("t", pl.DataFrame({"n": [1, 2]}))
    answer = engine.fetch("SELECT sum(n) / 4 AS a, sum(n) / 1000000.0 AS b, 0.5 AS c, sum(n) AS d FROM t")
    assert answer.schema == pl.Schema({"a": pl.Float64, "b": pl.Float64, "c": pl.Float64, "d": pl.Int64})
    assert answer.row(0) == (0.75, 0.000003, 0.5, 3)


def test_names_that_are_words_of_sql(engine: Engine) -> None:
    engine.create("order", {"order": "VARCHAR", "select": "BIGINT"})
    engine.append("order", pl.DataFrame({"order": ["a"], "select": [1]}))
    assert rows(engine, 'SELECT "order", "select" FROM "order"') == [("a", 1)]
    engine.drop("order")


def test_parquet_keeps_rows_types_and_order(engine: Engine, tmp_path: Path) -> None:
    engine.put("t", pl.DataFrame({"n": [2, None, 1], "text": ["b", "淘", "a"]}))
    path = tmp_path / "it's.parquet"
    engine.write_parquet(
        "SELECT n, text FROM t WHERE text <> $not ORDER BY n DESC", path, {"not": "zz"}, {"made by": "it's"}
    )
    assert pl.read_parquet(path).rows() == [(2, "b"), (1, "a"), (None, "淘")]
    assert pl.read_parquet_metadata(path)["made by"] == "it's"


def test_a_parquet_file_is_a_table_without_being_copied(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "it's.parquet"
    pl.DataFrame({"n": [1, 2], "text": ["淘", None]}).write_parquet(path)
    engine.put("t", pl.DataFrame({"n": [7]}))
    engine.view_parquet("t", path)
    assert engine.has("t")
    assert engine.count("t") == 2
    assert engine.fetch("SELECT n, text FROM t WHERE n > $least ORDER BY n", {"least": 1}).rows() == [
        (2, None)
    ]
    engine.run(Step("u", "SELECT count(*) AS n FROM t"))
    assert engine.fetch("SELECT n FROM u").rows() == [(2,)]
    engine.put("t", pl.DataFrame({"n": [7]}))
    assert engine.fetch("SELECT n FROM t").rows() == [(7,)], "a table takes the place of what was a file"
    engine.view_parquet("t", path)
    engine.drop("t")
    assert not engine.has("t")
    assert path.exists()


# What a step's SQL means must be the same on every engine.
MEANINGS = [
    ("division of integers", "SELECT 7 // 2, -7 // 2, 7 // -2, 7 / 2", [(3, -3, -3, 3.5)]),
    ("remainder", "SELECT 7 % 3, -7 % 3, 7 % -3", [(1, -1, 1)]),
    ("microseconds", "SELECT (1700000000123457 // 3600000000) * 3600000000", [(1699999200000000,)]),
    ("large product", "SELECT CAST(4000000000 AS BIGINT) * 2000000000", [(8 * 10**18,)]),
    ("nulls sort last", "SELECT n FROM t ORDER BY n", [(1,), (2,), (2,), (None,)]),
    ("nulls sort last, downwards too", "SELECT n FROM t ORDER BY n DESC", [(2,), (2,), (1,), (None,)]),
    ("counting", "SELECT count(*), count(n), count(DISTINCT n), sum(n), min(n) FROM t", [(4, 3, 2, 5, 1)]),
    ("nothing to sum", "SELECT sum(n), count(n), max(n) FROM t WHERE n > 9", [(None, 0, None)]),
    ("filtered", "SELECT count(*) FILTER (WHERE ok), sum(n) FILTER (WHERE NOT ok) FROM t", [(2, 2)]),
    ("three values", "SELECT count(*) FROM t WHERE NOT (n > 1)", [(1,)]),
    (
        "case without else",
        "SELECT CASE WHEN n > 1 THEN 'many' END FROM t ORDER BY n, k",
        [(None,), ("many",), ("many",), (None,)],
    ),
    ("coalesce", "SELECT coalesce(n, -1) FROM t WHERE n IS NULL", [(-1,)]),
    ("null-safe", "SELECT count(*) FROM t AS a JOIN t AS b ON a.n IS NOT DISTINCT FROM b.n", [(6,)]),
    ("concat skips nulls", "SELECT concat('a', NULL, 'b')", [("ab",)]),
    ("bars do not", "SELECT 'a' || NULL", [(None,)]),
    ("greatest", "SELECT greatest(1, 3, 2), least(5, 4)", [(3, 4)]),
    ("booleans", "SELECT bool_or(ok), bool_and(ok), max(CAST(ok AS INTEGER)) FROM t", [(True, False, 1)]),
    ("group by position", "SELECT n % 2, count(*) FROM t GROUP BY 1 ORDER BY 1", [(0, 2), (1, 1), (None, 1)]),
    ("empty text is not null", "SELECT '' IS NULL, length('淘宝')", [(False, 2)]),
    ("logarithm", "SELECT CAST(round(ln(10) * 1000000) AS BIGINT)", [(2302585,)]),
]


@pytest.mark.parametrize(("sql", "expected"), [m[1:] for m in MEANINGS], ids=[m[0] for m in MEANINGS])
def test_meaning(engine: Engine, sql: str, expected: object) -> None:
    engine.put("t", pl.DataFrame({"k": [1, 2, 3, 4], "n": [2, None, 1, 2], "ok": [True, False, True, False]}))
    assert rows(engine, sql) == expected


def test_joins(engine: Engine) -> None:
    engine.put("a", pl.DataFrame({"k": [1, 2, None], "x": ["p", "q", "r"]}))
    engine.put("b", pl.DataFrame({"k": [2, 3, None], "y": ["u", "v", "w"]}))
    left = "SELECT x, y FROM a LEFT JOIN b USING (k) ORDER BY x"
    assert rows(engine, left) == [("p", None), ("q", "u"), ("r", None)]
    full = "SELECT coalesce(x, '-') AS x, y FROM a FULL JOIN b ON a.k = b.k ORDER BY 1, 2"
    assert rows(engine, full) == [("-", "v"), ("-", "w"), ("p", None), ("q", "u"), ("r", None)]
    absent = "SELECT x FROM a WHERE NOT EXISTS (SELECT 1 FROM b WHERE b.k = a.k) ORDER BY x"
    assert rows(engine, absent) == [("p",), ("r",)]


def test_windows(engine: Engine) -> None:
    engine.put("t", pl.DataFrame({"who": ["a", "a", "a", "b"], "at": [5, 5, 9, 1], "line": [2, 1, 3, 4]}))
    sql = """
      SELECT line,
        row_number() OVER w AS place, lag(at) OVER w AS before, lead(line) OVER w AS next,
        count(*) OVER (PARTITION BY who) AS n,
        count(*) OVER (PARTITION BY who ORDER BY at RANGE BETWEEN 4 PRECEDING AND CURRENT ROW) AS recent
      FROM t WINDOW w AS (PARTITION BY who ORDER BY at, line) ORDER BY line
    """
    assert rows(engine, sql) == [
        (1, 1, None, 2, 3, 2),
        (2, 2, 5, 3, 3, 2),
        (3, 3, 5, None, 3, 3),
        (4, 1, None, None, 1, 1),
    ]
