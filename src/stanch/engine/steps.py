"""Named SQL steps: written once in DuckDB's dialect, rendered for the engine that runs them.

A step is a `SELECT` in a `.sql` file beside the stage that owns it. It names its input tables
plainly and its parameters as `$name`; parameters become literals in the syntax tree, so no SQL is
ever put together from strings. Keep to the subset that renders faithfully on every engine:
integer microseconds instead of timestamps, no approximate aggregates, no engine-specific
functions. The parity tests run steps on each engine and compare row by row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from typing import TypeAlias

import sqlglot
from sqlglot import exp

Value: TypeAlias = int | float | str | bool | None


@dataclass(frozen=True, slots=True)
class Step:
    """One table made from others: `CREATE TABLE output AS <sql>`."""

    output: str
    sql: str
    params: Mapping[str, Value] = field(default_factory=dict)

    def render(self, dialect: str) -> str:
        """Return the SELECT in `dialect` ("duckdb" or "spark") with parameters filled in.

        Raises:
            KeyError: the SQL names a parameter that `params` lacks, or the reverse.
        """
        tree = _parse(self.sql).copy()
        used = set()
        for node in list(tree.find_all(exp.Placeholder)):
            name = node.name
            used.add(name)
            if name not in self.params:
                raise KeyError(f"step {self.output}: no value for ${name}")
            node.replace(_literal(self.params[name]))
        if unused := set(self.params) - used:
            raise KeyError(f"step {self.output}: parameters not in the SQL: {sorted(unused)}")
        return tree.sql(dialect=dialect)


def load_step(package: str, name: str, output: str | None = None, **params: Value) -> Step:
    """Read `name`.sql from `package`; the step's output table is `output` or else `name`."""
    sql = files(package).joinpath(f"{name}.sql").read_text(encoding="utf-8")
    return Step(output or name, sql, params)


def _literal(value: Value) -> exp.Expr:
    """A bare 0.1 is a DECIMAL to every engine, each with its own arithmetic: say DOUBLE."""
    if isinstance(value, float):
        return exp.cast(exp.Literal.string(repr(value)), exp.DataType.Type.DOUBLE)
    return exp.convert(value)


@lru_cache(maxsize=256)
def _parse(sql: str) -> exp.Expr:
    return sqlglot.parse_one(sql, dialect="duckdb")
