"""Measurements -> `docs/method/attribution.md` and its pictures."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Final

import jinja2
import numpy as np

from attribution_charts import draw_calibration, draw_recall
from cells import make_table, show_share
from counting import (
    CLASSES,
    Naming,
    Namings,
    apply_rule,
    count_found,
    count_precise,
    count_silent,
    count_wrong,
    find_best_threshold,
    list_namings,
    name_by_itself,
    name_first,
    name_first_above,
)
from naming import LOGINS_EVERY
from results import Record
from rivals import P_GUESSED, PSEUDO_ORDERS, RIVALS
from stanch.simulation import CASES
from stanch.simulation.scoring import score_calibration

_FOLDER: Final = Path(__file__).resolve().parents[1] / "docs" / "method"
_TEMPLATE: Final = Path(__file__).with_name("attribution.md.j2")
#: Edges of the bins of posteriors.
_BINS: Final = (0.0, 0.01, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.95, 0.99, 1.0)
#: Posteriors below count for nothing in a slope.
_LEAST_POSTERIOR: Final = 1e-4

#: Posteriors, and whether each source leaked.
Pairs = list[tuple[float, bool]]

#: What may look like a leak of somebody innocent, and the families that show it.
TRAPS: Final = {
    "nothing leaked": ("no-leak", "talkative-region", "looked-up-after-the-call"),
    "… one region complains more": ("talkative-region",),
    "… the desk opens what is complained about": ("looked-up-after-the-call",),
    "a copied table, all of it or some days": ("unlogged", "copied-days"),
    "a leak, and a talkative region": ("leak-beside-a-talkative-region",),
    "a leak, and the desk's look-ups": ("insider-and-look-ups",),
    "twins and branches": ("team-twins", "linked-branches", "linked-branches-silent"),
    "stuffing beside innocents": ("stuffing-plus-innocent-staff", "stuffing-among-busy-people"),
}


def write_page(records: list[Record], folder: Path = _FOLDER) -> None:
    """Write the page and its pictures from the newest version in `records`, of one scale."""
    records = choose_newest(records)
    methods = name_by_all(records)
    favoured = {method: methods[method, FAVOUR] for method in RIVALS}
    by_method = {"Stanch": methods["Stanch", ""]} | {
        f"{method}, best threshold": each for method, each in favoured.items()
    }
    pairs = list_posteriors(records)
    folder.mkdir(parents=True, exist_ok=True)
    draw_calibration(bin_posteriors(pairs), folder / "attribution-calibration.svg")
    draw_recall(
        {method: list_classes(namings) for method, namings in by_method.items()},
        folder / "attribution-recall.svg",
    )
    template = jinja2.Template(
        _TEMPLATE.read_text(encoding="utf-8"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    page = template.render(
        version=records[0]["version"],
        scale=records[0]["scale"],
        n_incidents=f"{len(records):,}",
        n_seeds=len({record["seed"] for record in records}),
        first_seed=min(record["seed"] for record in records),
        last_seed=max(record["seed"] for record in records),
        n_families=len({record["family"] for record in records}),
        sizes=tabulate_sizes(records),
        pseudo_orders=f"{PSEUDO_ORDERS:g}",
        p_guessed=f"{P_GUESSED:g}",
        bars=tabulate_bars(methods["Stanch", ""], pairs),
        logins_every=LOGINS_EVERY,
        recall=tabulate_recall(by_method),
        methods=tabulate_methods(methods),
        traps=tabulate_traps(methods),
        calibration=tabulate_calibration(pairs),
        slopes=tabulate_slopes(records),
        families=tabulate_families(methods["Stanch", ""]),
        wrong=list_wrong(methods["Stanch", ""]),
        stories=[(r["family"], CASES[r["family"]]) for r in records if r["seed"] == records[0]["seed"]],
    )
    (folder / "attribution.md").write_text(page, encoding="utf-8", newline="\n")


def choose_newest(records: list[Record]) -> list[Record]:
    """Those of the version that was written last, each family and seed once, in the simulator's order."""
    version = records[-1]["version"]
    of_version = {(r["family"], r["seed"]): r for r in records if r["version"] == version}
    places = {name: place for place, name in enumerate(CASES)}
    return [of_version[key] for key in sorted(of_version, key=lambda key: (places[key[0]], key[1]))]


FIRST: Final = "always the first"
OWN: Final = "at its own threshold"
FAVOUR: Final = "the first, at its best threshold"


def name_by_all(records: list[Record]) -> dict[tuple[str, str], Namings]:
    """What every method says by each rule, under its name and that of the rule."""
    methods = {("Stanch", ""): list_namings(records)}
    for rival in RIVALS:
        best = name_first_above(find_best_threshold(records, rival))
        methods[rival, FIRST] = apply_rule(records, rival, name_first)
        methods[rival, OWN] = apply_rule(records, rival, name_by_itself(rival))
        methods[rival, FAVOUR] = apply_rule(records, rival, best)
    return methods


def tabulate_sizes(records: list[Record]) -> str:
    """Median and range of what the incidents hold."""
    columns: dict[str, list[int]] = {
        "orders": [record["known_orders"] for record in records],
        "exposures": [record["exposures"] for record in records],
        "sources": [record["n_sources"] for record in records],
        "complaints": [record["victims"] for record in records],
        "… from the leak, where there is one": [sum(r["true"].values()) for r in records if r["true"]],
    }
    rows = [
        [name, *(f"{each:,.0f}" for each in (statistics.median(values), min(values), max(values)))]
        for name, values in columns.items()
        if values
    ]
    return make_table(["", "median", "least", "most"], rows)


# --- Stanch by itself ---------------------------------------------------------------------------


def tabulate_bars(namings: Namings, pairs: Pairs) -> str:
    """The measures that the project holds itself to."""
    of = _by_family(namings)
    linked, silent = of["linked-branches"], of["linked-branches-silent"]
    waves = [n for family in TRAPS["stuffing beside innocents"] for n in of[family]]
    rows = [
        ("somebody named wrongly, of all incidents", "≤ 1 %", count_wrong(namings)),
        ("names that were right", "", count_precise(namings)),
        ("named, at least 8 complaints from the source", "≥ 98 %", count_found(namings, 8)),
        ("… 4 to 7", "≥ 60 %", count_found(namings, 4, 7)),
        ("… 1 to 3", "", count_found(namings, 1, 3)),
        ("true source said to be cleared", "≤ 1 %", count_cleared(namings)),
        ("copied table or no leak: nobody named", "≥ 99 %", count_silent(namings)),
        ("copy with at least 8 complaints said to be `unlogged`", "", count_unlogged(namings)),
        ("`unlogged` said of a logged source or of no leak", "", count_unlogged_wrong(namings)),
        ("stuffing beside innocents, at least 8: the wave named", "≥ 95 %", count_found(waves, 8)),
        ("two sources, at least 10 each: both named", "≥ 85 %", count_both(namings)),
        ("linked branches, 30 % report: names right", "≥ 98 %", count_precise(linked)),
        ("… sources found", "≥ 97 %", count_found(linked, 1)),
        ("linked branches, 2 % report: names right", "≥ 95 %", count_precise(silent)),
        ("… sources found", "", count_found(silent, 1)),
    ]
    sure = [is_true for p, is_true in pairs if p >= 0.95]
    cells = [(name, bar, show_share(*each)) for name, bar, each in rows]
    cells.append(("posteriors of 0.95 and more that were right", "≥ 97 %", show_share(sum(sure), len(sure))))
    cells.append(("calibration slope", "0.8 to 1.25", _show_slope(pairs)))
    return make_table(["measure", "bar", "measured"], cells)


def list_cleared(naming: Naming) -> list[str]:
    """True sources that were said to be cleared.

    Not a wave that was named as well: found in two pieces, one of them is named and the other cleared.
    """
    return sorted(set(naming.record["stanch"]["cleared"]) - naming.right)


def count_cleared(namings: Namings) -> tuple[int, int]:
    """True sources that were said to be cleared, of all."""
    return sum(len(list_cleared(n)) for n in namings), sum(len(n.true) for n in namings)


def count_unlogged(namings: Namings) -> tuple[int, int]:
    """Copies that were said to be some, of those with at least eight complaints from them."""
    said = [n.record["stanch"]["verdict"] for n in namings if n.record["true"].get("unlogged", 0) >= 8]
    return said.count("unlogged"), len(said)


def count_unlogged_wrong(namings: Namings) -> tuple[int, int]:
    """Incidents without a copy that were said to be one."""
    said = [n.record["stanch"]["verdict"] for n in namings if "unlogged" not in n.record["true"]]
    return said.count("unlogged"), len(said)


def count_both(namings: Namings) -> tuple[int, int]:
    """Incidents of which every source was named, of those of two with at least ten complaints each."""
    two = [n for n in namings if len(n.true) == 2 and min(n.true.values()) >= 10]
    return sum(set(n.true) == n.right for n in two), len(two)


def tabulate_families(namings: Namings) -> str:
    """One row per family."""

    def count(some: Namings, is_so: Callable[[Naming], bool]) -> str:
        return str(sum(map(is_so, some)))

    rows = []
    for family, some in _by_family(namings).items():
        complaints = [sum(n.record["true"].values()) for n in some]
        found = count_found(some, 8)
        rows.append([
            family,
            str(len(some)),
            f"{statistics.median(complaints):g}",
            count(some, lambda n: bool(n.true) and set(n.true) == n.right and not n.n_wrong),
            count(some, lambda n: bool(n.right) and set(n.true) != n.right and not n.n_wrong),
            count(some, lambda n: not n.right and not n.n_wrong),
            count(some, lambda n: n.n_wrong > 0),
            count(some, lambda n: n.record["stanch"]["verdict"] == "unlogged"),
            count(some, lambda n: bool(list_cleared(n))),
            f"{found[0]} of {found[1]}" if found[1] else "–",
        ])  # fmt: skip
    heads = [
        "family", "incidents", "complaints from the leak, median", "all true sources named", "some of them",
        "nobody", "wrong", "said `unlogged`", "true source cleared", "named, with at least 8",
    ]  # fmt: skip
    return make_table(heads, rows)


def list_wrong(namings: Namings) -> list[str]:
    """Each incident with a wrong name or a wrong clearing, in one line."""
    told = []
    for naming in namings:
        said, where = naming.record["stanch"], f"`{naming.record['family']}` seed {naming.record['seed']}"
        true = ", ".join(f"{source} ({n})" for source, n in naming.record["true"].items()) or "nobody"
        if said["wrong"]:
            told.append(f"{where}: named {', '.join(said['wrong'])}, truly {true}")
        if cleared := list_cleared(naming):
            told.append(f"{where}: cleared {', '.join(cleared)}, truly {true}")
    return told


# --- posteriors ---------------------------------------------------------------------------------


def list_posteriors(records: list[Record]) -> Pairs:
    """Posterior of each logged source that is not negligible, and whether it leaked."""
    odds = (pair for record in records for pair in record["stanch"]["odds"])
    return [(p, is_true) for p, is_true in odds if p > _LEAST_POSTERIOR]


def bin_posteriors(pairs: Pairs) -> list[tuple[float, int, int]]:
    """Per bin that is not empty: mean posterior, true sources, all sources."""
    if not pairs:
        return []
    p = np.array([p for p, _ in pairs])
    is_true = np.array([is_true for _, is_true in pairs])
    at = np.searchsorted(_BINS[1:-1], p, side="right")
    used = np.unique(at)
    return [(float(p[at == i].mean()), int(is_true[at == i].sum()), int((at == i).sum())) for i in used]


def tabulate_calibration(pairs: Pairs) -> str:
    """Posteriors by bin, and how they turned out."""
    rows = [[f"{mean:.3f}", show_share(k, n)] for mean, k, n in bin_posteriors(pairs)]
    return make_table(["mean posterior", "leaked"], rows)


def tabulate_slopes(records: list[Record]) -> str:
    """Calibration slope over all incidents and by number of complaints."""
    rows = [["all", _show_slope(list_posteriors(records))]]
    for low, high in CLASSES:
        some = [record for record in records if low <= sum(record["true"].values()) <= high]
        rows.append([_name_class(low, high), _show_slope(list_posteriors(some))])
    rows.append(["nothing leaked", f"{_sum_nothing(records)}"])
    return make_table(["complaints from the leak", "slope"], rows)


def _show_slope(pairs: Pairs) -> str:
    p = np.clip([p for p, _ in pairs], 1e-6, 1 - 1e-6)
    is_true = np.array([is_true for _, is_true in pairs], dtype=np.bool_)
    fit = score_calibration(is_true, np.log(p / (1 - p)))
    return f"{fit.slope:.2f}" if np.isfinite(fit.slope) else "–"


def _sum_nothing(records: list[Record]) -> str:
    """Mean over incidents without a leak of the sources' posteriors, which should all be small."""
    sums = [sum(p for p, _ in r["stanch"]["odds"]) for r in records if not r["true"]]
    return f"posteriors sum to {statistics.mean(sums):.2f} on average" if sums else "–"


# --- beside the rivals --------------------------------------------------------------------------


def list_classes(namings: Namings) -> list[tuple[str, tuple[int, int]]]:
    """Recall by number of complaints."""
    return [(_name_class(low, high), count_found(namings, low, high)) for low, high in CLASSES]


def _name_class(low: int, high: int) -> str:
    return f"{low}–{high}" if high < 10**9 else f"{low}+"


def tabulate_recall(by_method: dict[str, Namings]) -> str:
    """Sources named by the number of complaints from them."""
    heads = ["complaints from the source", *by_method]
    columns = [list_classes(namings) for namings in by_method.values()]
    rows = [
        [label, *(show_share(*column[i][1]) for column in columns)] for i, (label, _) in enumerate(columns[0])
    ]
    return make_table(heads, rows)


def tabulate_methods(methods: dict[tuple[str, str], Namings]) -> str:
    """Every method by every rule."""
    heads = ["method", "who is named", "incidents with a wrong name", "names right", "found, at least 8"]
    rows = [
        [method, rule or "by its verdict"]
        + [show_share(*each) for each in (count_wrong(some), count_precise(some), count_found(some, 8))]
        for (method, rule), some in methods.items()
    ]
    return make_table(heads, rows)


def tabulate_traps(methods: dict[tuple[str, str], Namings]) -> str:
    """Incidents with a wrong name, where somebody innocent looks guilty."""
    shown = {f"{method}, {rule}" if rule else method: some for (method, rule), some in methods.items()}
    shown = {name: some for name, some in shown.items() if not name.endswith(FIRST)}
    rows = []
    for trap, families in TRAPS.items():
        cells = []
        for some in shown.values():
            wrong, n = count_wrong([naming for naming in some if naming.record["family"] in families])
            cells.append(f"{wrong} of {n}" if n else "–")
        rows.append([trap, *cells])
    return make_table(["what looks guilty", *shown], rows)


def _by_family(namings: Namings) -> dict[str, Namings]:
    families: dict[str, Namings] = defaultdict(list)
    for naming in namings:
        families[naming.record["family"]].append(naming)
    return families
