"""All files of one run, except `rejects.jsonl`, which the readers write.

Tables that no stage made give files with a header and no rows, so that a script that reads them
need not ask first; only `evidence.parquet` is left out where no logins were given, and `heard.csv` where no
complaint has a text.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec
import polars as pl

from stanch.engine import Engine
from stanch.findings import Findings, encode_findings
from stanch.reporting.addresses import sum_costs
from stanch.reporting.catalogue import Lang, load_catalogue
from stanch.reporting.cells import write_csv
from stanch.reporting.evidence import ATTEMPTS, write_attempts
from stanch.reporting.heard import FILE as HEARD
from stanch.reporting.heard import list_heard
from stanch.reporting.lists import make_lists
from stanch.reporting.report import render_report


def write_outputs(
    out: Path,
    findings: Findings,
    engine: Engine,
    bin_us: int,
    lang: Lang,
    *,
    zone: str = "UTC",
    notes: Mapping[str, str] | None = None,
) -> Findings:
    """Write the answer into the folder `out`, made with `prepare_out`; returns it with what the lists cost.

    `bin_us` is the width of the bins in table `attempt_bins`, in microseconds (0: no such table),
    `notes` what a reader of `evidence.parquet` has to know. The report tells times, and counts days,
    in `zone`; files hold UTC.
    """
    texts = load_catalogue(lang, zone=zone)
    lists = make_lists(engine, texts)
    findings = msgspec.structs.replace(findings, lists=sum_costs(lists.addresses.costs))
    (out / "findings.json").write_bytes(encode_findings(findings))
    if engine.has("attempts"):
        write_attempts(out, findings, engine, notes or {})
    else:
        pl.DataFrame(schema=ATTEMPTS).write_parquet(out / "attempts.parquet")
    write_csv(out / "accounts.csv", lists.accounts)
    write_csv(out / "reset.csv", lists.resets)
    write_csv(out / "warn.csv", lists.warnings)
    write_csv(out / "sources.csv", lists.sources)
    _write_lines(out / "blocklist.txt", lists.addresses.block)
    _write_lines(out / "challenge.txt", lists.addresses.challenge)
    write_csv(out / "addresses.csv", lists.addresses.costs)
    if (heard := list_heard(engine)) is not None:
        write_csv(out / HEARD, heard)
    page = render_report(findings, engine, lists, bin_us, texts)
    (out / "report.html").write_text(page, encoding="utf-8", newline="\n")
    return findings


def _write_lines(path: Path, lines: list[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", newline="\n")
