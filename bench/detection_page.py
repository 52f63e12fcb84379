"""Measurements -> `docs/method/detection.md` and its picture."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

import jinja2
import numpy as np

from cells import N_FOR_QUANTILES, make_table, show_number, show_percent
from results import Record
from roc import draw_roc
from rules import RULES
from stanch.simulation import CASES
from stanch.simulation.scoring import fit_logistic

_FOLDER: Final = Path(__file__).resolve().parents[1] / "docs" / "method"
_TEMPLATE: Final = Path(__file__).with_name("detection.md.j2")
METHODS: Final = ("Stanch", *RULES)

Families = dict[str, list[Record]]
#: Head of a column, and the cell of a family's records.
Column = tuple[str, Callable[[list[Record]], str]]


def write_page(records: list[Record], folder: Path = _FOLDER) -> None:
    """Write the page and `detection-roc.svg` from the newest version in `records`, of one scale."""
    version = records[-1]["version"]
    records = [record for record in records if record["version"] == version]
    sized = [record for record in records if record.get("accounts")]
    records = [record for record in records if not record.get("accounts")]
    whole = group(record for record in records if not record["without"] and not record["reduce_outcome"])
    attacked = {family: each for family, each in whole.items() if each[0]["n_planted"]}
    peaceful = {family: each for family, each in whole.items() if not each[0]["n_planted"]}
    folder.mkdir(parents=True, exist_ok=True)
    draw_roc(attacked, folder / "detection-roc.svg")
    template = jinja2.Template(
        _TEMPLATE.read_text(encoding="utf-8"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    page = template.render(
        version=version,
        scale=records[0]["scale"],
        n_seeds=max(map(len, whole.values())),
        n_for_quantiles=N_FOR_QUANTILES,
        attempts=tabulate(attacked, ATTEMPTS),
        accounts=tabulate(attacked, ACCOUNTS),
        caught=tabulate(attacked, by_method("caught")),
        caught_seen=tabulate(attacked, by_method("caught_seen")),
        first=tabulate(attacked, by_method("first")),
        genuine=tabulate(whole, by_method("genuine")),
        customers=tabulate(whole, by_method("customers")),
        alarms=tabulate_alarms(peaceful),
        peace=describe_peace(peaceful),
        variants=tabulate_variants(records, attacked),
        sizes=tabulate_sizes(sized),
        families=[(name, CASES[name].title) for name in whole],
    )
    (folder / "detection.md").write_text(page, encoding="utf-8", newline="\n")


def group(records: Iterable[Record]) -> Families:
    """Records by family, in the simulator's order, each seed once."""
    by_seed: dict[str, dict[int, Record]] = defaultdict(dict)
    for record in records:
        by_seed[record["family"]][record["seed"]] = record
    return {name: [by_seed[name][s] for s in sorted(by_seed[name])] for name in CASES if name in by_seed}


def tabulate(families: Families, columns: list[Column]) -> str:
    """One row per family, with its number of seeds."""
    heads = ["family", "seeds", *(head for head, _ in columns)]
    rows = ([name, str(len(each)), *(cell(each) for _, cell in columns)] for name, each in families.items())
    return make_table(heads, rows)


def of_stanch(name: str) -> Callable[[list[Record]], list[float | None]]:
    """The values of one of Stanch's own scores over seeds."""
    return lambda records: [record["stanch"][name] for record in records]


def percent(name: str) -> Callable[[list[Record]], str]:
    """A share among Stanch's own scores, in per cent."""
    return lambda records: show_percent(of_stanch(name)(records))


def by_method(name: str) -> list[Column]:
    """One share, method by method."""

    def column(method: str) -> Column:
        return method, lambda records: show_percent(each["methods"][method][name] for each in records)

    return [column(method) for method in METHODS]


def show_attack_share(records: list[Record]) -> str:
    return show_percent(each["n_attack"] / (each["n_attack"] + each["n_genuine"]) for each in records)


def show_rate_per_10_000(records: list[Record]) -> str:
    values = [1e4 * value for value in of_stanch("fpr")(records) if value is not None]
    return show_number(values, 1)


def show_pooled_slope(records: list[Record]) -> str:
    """Calibration slope over all seeds at once, from bins of one nat."""
    bins = np.array([each for record in records for each in record["stanch"]["odds"]], dtype=np.float64)
    x, genuine, attack = bins.T
    slope, _ = fit_logistic(x, genuine + attack, attack)
    return f"{slope:.2f}" if np.isfinite(slope) else "–"


def show_fallen(records: list[Record]) -> str:
    scores = [record["stanch"] for record in records]
    return show_number((s["expected"] / s["planted"] for s in scores if s["planted"]), 2)


def show_covered(records: list[Record]) -> str:
    return f"{sum(record['stanch']['covered'] for record in records)} of {len(records)}"


def show_campaigns(records: list[Record]) -> str:
    found = show_number((record["stanch"]["campaigns"] for record in records), 0)
    return f"{found} of {show_number((record['n_planted'] for record in records), 0)}"


def show_seconds(records: list[Record]) -> str:
    """Seconds per 100,000 attempts."""
    return show_number((1e5 * r["stanch"]["seconds"] / (r["n_attack"] + r["n_genuine"]) for r in records), 1)


ATTEMPTS: Final[list[Column]] = [
    ("attack, % of attempts", show_attack_share),
    ("TPR at FPR 1 in 10,000, %", percent("tpr_at_rate")),
    ("TPR at p ≥ 0.5, %", percent("tpr")),
    ("FPR at p ≥ 0.5, per 10,000", show_rate_per_10_000),
    ("calibration slope", lambda records: show_number(of_stanch("slope")(records), 2)),
    ("… all seeds at once", show_pooled_slope),
    ("log-loss, nats", lambda records: show_number(of_stanch("log_loss")(records), 4)),
]

ACCOUNTS: Final[list[Column]] = [
    ("first successes found, %", percent("first_at_rate")),
    ("returns found, %", percent("returns_at_rate")),
    ("fallen, expected / planted", show_fallen),
    ("planted inside the 90 % interval", show_covered),
    ("campaigns found", show_campaigns),
    ("adjusted Rand index", lambda records: show_number(of_stanch("ari")(records), 3)),
    ("blocked: attack attempts, %", percent("blocked_attack")),
    ("blocked: genuine logins, %", percent("blocked_logins")),
    ("seconds per 100,000", show_seconds),
]


def tabulate_alarms(peaceful: Families) -> str:
    """Alarms per year in logs without an attack, by family and in all."""
    rows = []
    for name, records in [
        *peaceful.items(),
        ("all of these", [r for each in peaceful.values() for r in each]),
    ]:
        years = sum(record["days"] for record in records) / 365.25
        counts = [sum(r["methods"][method]["alarms"] for r in records) for method in METHODS]
        rows.append([name, str(len(records)), f"{years:.1f}", *(f"{n / years:,.0f}" for n in counts)])
    return make_table(["family", "seeds", "years", *METHODS], rows)


def describe_peace(peaceful: Families) -> dict[str, Any]:
    """Campaigns that Stanch reported where there was none."""
    records = [record for each in peaceful.values() for record in each]
    false = [f"{r['family']} seed {r['seed']}" for r in records if r["stanch"]["campaigns"]]
    return {"n_runs": len(records), "n_false": len(false), "false": ", ".join(false)}


def tabulate_variants(records: list[Record], attacked: Families) -> str:
    """Median TPR with less in the log, beside the whole log on the same seeds; empty if not measured."""
    variants: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        if record["without"] or record["reduce_outcome"]:
            variants[describe_variant(record)].append(record)
    if not variants:
        return ""
    rows = []
    for family in attacked:
        for variant, measured in variants.items():
            less = group(measured).get(family, [])
            seeds = {record["seed"] for record in less}
            whole = [record for record in attacked[family] if record["seed"] in seeds]
            if whole:
                cells = [show_percent(of_stanch(n)(r)) for n in ("tpr_at_rate", "tpr") for r in (whole, less)]
                rows.append([family, variant, str(len(whole)), *cells])
    heads = ["family", "log", "seeds", "TPR at 1 in 10,000, whole", "less", "TPR at p ≥ 0.5, whole", "less"]
    return make_table(heads, rows)


def tabulate_sizes(records: list[Record]) -> str:
    """Shops and attacks of stated sizes; empty if not measured."""
    cells: dict[tuple[str, int, float], list[Record]] = defaultdict(list)
    for record in records:
        cells[record["family"], record["accounts"], record["attack_share"]].append(record)
    columns: list[Column] = [
        ("attempts", lambda records: show_number((r["n_attack"] + r["n_genuine"] for r in records), 0)),
        ("of the attack", lambda records: show_number((r["n_attack"] for r in records), 0)),
        ("campaigns found", show_campaigns),
        *(column for column in ATTEMPTS if column[0].startswith(("TPR", "FPR"))),
        *(column for column in ACCOUNTS if column[0].startswith(("fallen", "planted", "seconds"))),
    ]
    heads = ["family", "accounts", "share of traffic, %", "seeds", *(head for head, _ in columns)]
    rows = []
    for (family, accounts, share), each in sorted(cells.items()):
        at = [family, f"{accounts:,}", f"{100 * share:g}", str(len(each))]
        rows.append([*at, *(cell(each) for _, cell in columns)])
    return make_table(heads, rows) if rows else ""


def describe_variant(record: Record) -> str:
    """What a log lacks, in words."""
    parts = [f"without {', '.join(record['without'])}"] if record["without"] else []
    if record["reduce_outcome"]:
        parts.append("success and failure only")
    return "; ".join(parts)
