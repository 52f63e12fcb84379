"""All files of one run, except `rejects.jsonl`, which the readers write.

Tables that no stage made give files with a header and no rows, so that a script that reads them
need not ask first; only `attempts.parquet` is left out where no logins were given.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import polars as pl

from stanch.engine import Engine
from stanch.findings import Findings, encode_findings
from stanch.reporting.catalogue import Lang, load_catalogue
from stanch.reporting.cells import write_csv
from stanch.reporting.lists import make_lists
from stanch.reporting.report import render_report

_ATTEMPTS: Final = """
SELECT f.path AS file, a.line, a.p_attack, a.campaign
FROM attempts a JOIN input_files f ON f.file_id = a.file_id ORDER BY a.file_id, a.line
"""


def write_outputs(
    out: Path, findings: Findings, engine: Engine, bin_us: int, lang: Lang, *, zone: str = "UTC"
) -> None:
    """Write the answer into the folder `out`, made with `prepare_out`.

    `bin_us` is the width of the bins in table `attempt_bins`, in microseconds (0: no such table).
    The report tells times, and counts days, in `zone`; files hold UTC.
    """
    (out / "findings.json").write_bytes(encode_findings(findings))
    if engine.has("attempts"):
        _write_attempts(out / "attempts.parquet", findings, engine)
    texts = load_catalogue(lang, zone)
    lists = make_lists(engine, texts)
    write_csv(out / "accounts.csv", lists.accounts)
    write_csv(out / "reset.csv", lists.resets)
    write_csv(out / "warn.csv", lists.warnings)
    write_csv(out / "sources.csv", lists.sources)
    _write_lines(out / "blocklist.txt", lists.addresses.block)
    _write_lines(out / "challenge.txt", lists.addresses.challenge)
    page = render_report(findings, engine, lists, bin_us, texts)
    (out / "report.html").write_text(page, encoding="utf-8", newline="\n")


def _write_attempts(path: Path, findings: Findings, engine: Engine) -> None:
    """One row per login row read, in input order; the engine streams it, however many there are."""
    files = pl.DataFrame(
        {"file_id": range(len(findings.inputs)), "path": [given.path for given in findings.inputs]},
        schema={"file_id": pl.Int32, "path": pl.String},
    )
    engine.put("input_files", files)
    engine.write_parquet(_ATTEMPTS, path)
    engine.drop("input_files")


def _write_lines(path: Path, lines: list[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", newline="\n")
