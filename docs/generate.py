"""Write the pages of the guide that follow from the code: `python3 dev.py docs`."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from stanch.evidence.tables import READABLE, Column, Table
from stanch.notices.shop import render_shop_page
from stanch.readers.contract import LogReader
from stanch.readers.detect import list_formats
from stanch.settings import render_settings_page
from stanch.simulation import CASES, PEACEFUL, Case

GUIDE: Final = Path(__file__).resolve().parent / "guide"

REFERENCES: Final = re.compile(r"^References:\n((?: +\S.*\n)+)", re.MULTILINE)

EVIDENCE_HEAD: Final = """\
# Evidence

Four tables, any subset of which may be given, and one that says which actors belong together. This page is
made from the code: `python3 dev.py docs`.

Files are CSV with a header, JSON Lines, Parquet or Excel (`.xlsx`), plain or as `.gz` or `.zst`; text is
UTF-8, other encodings are guessed, shown, and set with `--encoding`. Several files of a table, patterns in
quotes and `-` for standard input work. The order of rows is free, further columns are ignored, and
`--map TABLE.column=their_column` takes a column of another name. A file with a header and no rows is valid.
A row that cannot be read goes to `rejects.jsonl` with file, line and reason; the others are used.

Server logs are read too: [log formats](log-formats.md).
"""

KINDS: Final = {
    "time": "time",
    "address": "address",
    "name": "text, opaque",
    "word": "word",
    "words": "words joined by `|`",
    "amount": "number ≥ 0",
    "text": "text",
}

EVIDENCE_FOOT: Final = """\

## How cells are read

- **time**: RFC 3339 with any offset; without an offset it is read in `--zone` (UTC unless given), and the
  report says so; or Unix seconds, with a fraction if need be. Kept to the microsecond, in UTC.
- **address**: IPv4 or IPv6. An IPv4 address written as IPv6 (`::ffff:192.0.2.1`) is the IPv4 address.
- **text, opaque**: never taken apart; blanks around it are removed.
- **word**: one of those listed.
- Under *kept as*, *hash if asked* means a keyed hash under `--pseudonymise`, and *hash* means always.
"""

FORMATS_HEAD: Final = """\
# Log formats

What is read as it is, without turning it into a table first. The format is told from a file's first
lines and shown; `--log-format NAME` overrules the guess. What the sections below say stands in the code
of each reader, from which this page is made: `python3 dev.py docs`.

A log that is none of these can be turned into a [table](evidence.md); adding a format to Stanch is one
file ([contributing](../../CONTRIBUTING.md)).

## Web logs: what is a login

In a web log a login is a request whose method, path and status fit a rule: by default a `POST` to a path
with `login`, `signin` or `session` in it. Status 400, 401, 403 and 422 are failures, 423 and 429 are
refusals. 2xx and 3xx say success only where the log itself shows that the shop answers failures
differently; many shops answer 200, or a redirect, to both. Then the outcome is `unknown`, and the report
says so. A log of the application that holds the outcome is always better.

A look at an order is a `GET` whose path or query holds an order number, answered with 2xx. Who looked is
the signed-in user, a field that you name, or a session joined to the logins; without any of them the
endpoint itself stands as an anonymous source. A log in which nobody at all is named does not show users, so
its looks are held against nobody, and the report says so.

All of it can be set: `readers.web` in the [settings](settings.md). Queries are not kept.
"""


SIMULATE_HEAD: Final = """\
# Simulate

Incidents with known truth, for trying Stanch, for exercises, and for measuring how often it is right. The
lists of cases below are made from the code: `python3 dev.py docs`.

```sh
stanch demo
stanch demo --case insider --seed 7 --out exercise
stanch simulate --case insider --seed 7 --out incident
```

`demo` makes an incident, investigates it and prints what was found beside what was planted. `simulate`
only makes it: four tables (`logins.csv`, `accesses.csv`, `orders.csv`, `complaints.csv`) and `truth.json`,
which an investigation never sees. Equal case and seed give equal files. `stanch simulate` alone lists the
cases. A case's own shop has 8,000 to 30,000 customers; `--scale 0.1` makes it a tenth of that, `--scale 100`
a hundred times as large.

`truth.json`:

| key | holds |
|---|---|
| `case`, `seed`, `zone` | what was made, and the zone that the shop lives in |
| `leak` | its `kind`, the `sources` in the words of `sources.csv`, `start` and `end` |
| `campaigns` | each attack: kind, times, attempts, addresses, accounts, and the accounts it got into |
| `attack_rows` | per campaign the data rows of `logins.csv` that belong to it, from 1 |
| `first_success_rows` | of these, the first success on each account that fell |
| `return_rows` | later successes on these accounts: the attacker came back for new orders |
| `own_rows` | good logins to accounts that the attacker registered himself |
| `complaints_from_leak` | complaints that the leak caused; the others are chance |
"""

SIMULATE_FOOT: Final = """\

## What it is made after

The ordinary traffic around an incident has daily and weekly rhythm, shared addresses of mobile networks
and campuses, several devices per person, families on one line and now and then on one device, VPNs and
travel, browsers that update on different days, typing mistakes, wrong names that a browser keeps filling in,
retries, forgotten passwords, and closed accounts that their old owners try.

Attacks follow figures that makers of defences have published. An hour of stuffing had 530,816 attempts from
91,313 addresses at 139,406 accounts, in 5,204 networks and 195 countries with 194 tools; distinct accounts
per address: median 1, 75 % 2, 90 % 5, 95 % 8, 99 % 56, and 1.4 % of the addresses had over 30; it was
answered with status 200 43 %, 403 28 %, 429 20 %, 302 8 %. A botnet tried 8.5 million times from over 20,000
endpoints in 4,923 networks against 7 million genuine logins. 0.1 to 0.2 % of the tries on old lists succeed,
up to 2 % on fresh ones. Stuffing is 34 % of all logins across industries, over 80 % in retail.

All else is invented: numbers measured on it say how the methods behave under these assumptions, not how
your shop will.
"""


def render_simulate_page() -> str:
    """The Markdown page `docs/guide/simulate.md`."""
    attacks = [case for case in CASES.values() if case.attacks]
    peaceful = [case for case in CASES.values() if case.name in PEACEFUL]
    leaks = [case for case in CASES.values() if case.leaks]
    parts = (("Attacks on accounts", attacks), ("Leaks", leaks), ("Neither attack nor leak", peaceful))
    return SIMULATE_HEAD + "".join(render_cases(*part) for part in parts) + SIMULATE_FOOT


def render_cases(title: str, cases: list[Case]) -> str:
    """A table of cases under a heading."""
    lines = [f"\n## {title}\n", "| case | what happens |", "|---|---|"]
    lines += [f"| `{case.name}` | {case.title}. {case.story} |" for case in cases]
    return "\n".join(lines) + "\n"


def render_formats_page() -> str:
    """The Markdown page `docs/guide/log-formats.md`."""
    return FORMATS_HEAD + "".join(map(render_format, sorted(list_formats(), key=lambda f: f.name)))


def render_format(reader: LogReader) -> str:
    """One format, in the words of its module."""
    module = sys.modules[type(reader).__module__]
    tables = " and ".join(f"`{table}`" for table in sorted(reader.tables, reverse=True))
    text = REFERENCES.sub(list_references, inspect.getdoc(module) or "")
    return f"\n## {reader.name}\n\nFills {tables}.\n\n{text}\n"


def list_references(found: re.Match[str]) -> str:
    """Indented lines would be code to Markdown; addresses shall be a list."""
    return "References:\n\n" + "".join(f"- {line.strip()}\n" for line in found[1].splitlines())


def render_evidence_page() -> str:
    """The Markdown page `docs/guide/evidence.md`."""
    return EVIDENCE_HEAD + "".join(map(render_table, READABLE.values())) + EVIDENCE_FOOT


def render_table(table: Table) -> str:
    """One evidence table: its grain and its columns."""
    lines = [f"\n## {table.name}\n\n{table.grain[0].upper()}{table.grain[1:]}.\n"]
    if table.one_of:
        lines.append(f"At least one of {', '.join(f'`{name}`' for name in table.one_of)} in every row.\n")
    lines += ["| column | must be there | kind | kept as | meaning |", "|---|---|---|---|---|"]
    lines += [render_column(column) for column in table.columns]
    return "\n".join(lines) + "\n"


def render_column(column: Column) -> str:
    """One row of a table's table."""
    kept = "hash" if column.secret else "hash if asked" if column.personal else "as it is"
    meaning = column.meaning
    if column.words:
        meaning += f": {' '.join(f'`{word}`' for word in column.words)}"
    cells = (f"`{column.name}`", "yes" if column.required else "", KINDS[column.kind], kept, meaning)
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


PAGES: Final[dict[str, Callable[[], str]]] = {
    "evidence.md": render_evidence_page,
    "log-formats.md": render_formats_page,
    "settings.md": render_settings_page,
    "shop.md": render_shop_page,
    "simulate.md": render_simulate_page,
}


def main() -> None:
    """Write every page that changed."""
    for name, render in PAGES.items():
        page = GUIDE / name
        if not page.exists() or page.read_text(encoding="utf-8") != render():
            page.write_text(render(), encoding="utf-8")


if __name__ == "__main__":
    main()
