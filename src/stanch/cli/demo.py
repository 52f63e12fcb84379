"""`stanch demo`: make the incident of the README, investigate it, compare with what was planted."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from stanch.cli.messages import clean
from stanch.cli.progress import show_progress
from stanch.cli.simulate import check_folder, check_seed
from stanch.engine import open_engine
from stanch.errors import UsageError
from stanch.findings import Findings, format_percent
from stanch.investigate import Investigation, investigate
from stanch.readers import ReadRequest
from stanch.settings import DEFAULTS
from stanch.simulation import CASES, simulate, write_incident

TABLE_NAMES = ("logins", "accesses", "orders", "complaints")


def run_demo(
    *,
    out: Annotated[Path, Parameter(help="Folder for the incident and its report.", metavar="DIR")] = Path(
        "stanch-demo"
    ),
    case: Annotated[str, Parameter(help="Which case; `stanch simulate` lists them.")] = "burst-2015",
    seed: Annotated[int, Parameter(help="Another seed, another shop.")] = 0,
    lang: Annotated[Literal["en", "zh"], Parameter(help="Language of the report.")] = "en",
) -> int:
    """Make an incident with known truth, investigate it, and say what was found against what was planted.

    The default case tells the story of 2015: a few addresses try masses of leaked passwords on a shop,
    orders are read, and days later a fake customer service phones the customers.
    """
    if case not in CASES:
        raise UsageError(f"there is no case {case!r}", hint="stanch simulate lists them")
    check_seed(seed)
    evidence, answer = out / "evidence", out / "findings"
    with show_progress(quiet=False) as progress, closing(open_engine("duckdb", DEFAULTS.engine)) as engine:
        check_folder(evidence)
        incident = simulate(case, seed, progress=progress)
        write_incident(incident, evidence)
        read = ReadRequest(
            paths={name: (str(evidence / f"{name}.csv"),) for name in TABLE_NAMES},
            settings=DEFAULTS.readers,
        )
        task = Investigation(read=read, out=answer, seed=seed, lang=lang)
        findings = investigate(task, DEFAULTS, engine, progress, datetime.now(UTC))
    for line in compare_with_truth(findings, incident.truth):
        print(line)  # noqa: T201
    print(clean(f"Report: {answer / 'report.html'}"))  # noqa: T201
    return 0


def compare_with_truth(findings: Findings, truth: dict[str, Any]) -> list[str]:
    """What was found against what was planted, one line per question."""
    planted = truth["campaigns"]
    fallen = sum(len(c["compromised"]) for c in planted)
    found_fallen = [c.compromised for c in findings.campaigns]
    attempts = findings.logins.attack_attempts
    return [
        f"{CASES[truth['case']].title} (seed {truth['seed']})",
        f"{'':22}{'planted':>24}  found",
        _row("login attempts", f"{findings.logins.attempts:,}", f"{findings.logins.attempts:,} read"),
        _row("attack campaigns", str(len(planted)), ", ".join(c.kind for c in findings.campaigns) or "none"),
        _row(
            "attack attempts",
            f"{sum(c['attempts'] for c in planted):,}",
            f"{attempts.mean:,.0f} ({attempts.low:,.0f}–{attempts.high:,.0f})",
        ),
        _row(
            "fallen accounts",
            f"{fallen:,}",
            f"{sum(c.mean for c in found_fallen):,.0f}"
            f" ({sum(c.low for c in found_fallen):,.0f}–{sum(c.high for c in found_fallen):,.0f})",
        ),
        _row(
            "complaints", f"{findings.complaints.count:,}", f"{findings.complaints.count:,} victims counted"
        ),
        _row("source of the leak", _planted_source(truth), _found_source(findings)),
        _row("cleared", "", _shorten(findings.attribution.cleared)),
    ]


def _row(name: str, planted: str, found: str) -> str:
    return f"{name:22}{planted:>24}  {found}"


def _planted_source(truth: dict[str, Any]) -> str:
    leak = truth["leak"]
    return ", ".join(leak["sources"]) or str(leak["kind"])


def _found_source(findings: Findings) -> str:
    found = findings.attribution
    chances = {name: min(found.posterior.get(name, 0.0), 1 - 1e-9) for name in found.sources}
    posteriors = [f"{name} ({format_percent(p)} %)" for name, p in chances.items()]
    return f"{found.verdict} {', '.join(posteriors)}".strip()


def _shorten(names: list[str]) -> str:
    shown = ", ".join(names[:3]) or "nobody"
    return f"{shown} and {len(names) - 3} more" if len(names) > 3 else shown
