"""Reading complaints' texts, against labels written before the reading was run on them.

Prints each measure by batch with a 90 % interval (bootstrap over texts). What each batch scored when it
was first met, before anything was mended for it, stands in docs/method/complaints.md: that, not the present
score, tells how texts by others will be read.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from stanch.complaints.links import refang
from stanch.complaints.reading import Report, read_report
from stanch.complaints.reading.learned import Learned, load_learned, read_learned
from stanch.complaints.reading.read import DEFAULT_ZONE
from stanch.complaints.reading.text import Language

TEXTS = Path(__file__).resolve().parents[1] / "tests" / "complaints" / "texts"
RIGHT = ("kind", "claimed_identity", "contacted")
F1 = ("losses", "scam_phones", "scam_urls", "pretexts", "asked", "known_fields")


#: Values told by their confidence (bins of 0.2) and whether they are right.
TOLD: list[tuple[float, bool]] = []


def count_text(row: dict, weights: Callable[[Language], Learned]) -> dict[str, tuple[int, int, int]]:
    """Per measure: right, told too much, missed."""
    expected = row["expected"]
    received = datetime.fromisoformat(row["received"])
    reading = read_report(Report(row["text"], int(received.timestamp() * 1e6)), weights=weights)
    day = None
    if reading.contacted is not None:
        day = reading.contacted.astimezone(ZoneInfo(DEFAULT_ZONE[reading.language])).date().isoformat()
    said = {"kind": reading.kind, "claimed_identity": reading.claimed_identity, "contacted": day}
    truth = {**expected, "contacted": expected["contacted_day"]}
    counts = {name: (int(said[name] == truth[name]), int(said[name] != truth[name]), 0) for name in RIGHT}
    found = {name: getattr(reading, name) for name in F1}
    found["losses"] = [(loss.amount, loss.currency) for loss in reading.losses]
    truth["losses"] = [(loss["amount"], loss["currency"]) for loss in expected["losses"]]
    for name, plain in (("scam_phones", lambda s: "".join(filter(str.isdigit, s))), ("scam_urls", refang)):
        found[name] = [plain(value) for value in found[name]]
        truth[name] = [plain(value) for value in truth[name]]
    for mark in reading.marks:
        if mark.field in ("pretexts", "asked", "known_fields"):
            TOLD.append((mark.confidence, mark.value in truth[mark.field]))
    TOLD.append((max(reading.p_kind.values()), reading.kind == truth["kind"]))
    TOLD.extend((x.confidence, (x.amount, x.currency) in truth["losses"]) for x in reading.losses)
    for name in F1:
        have, want = Counter(found[name]), Counter(truth[name])
        counts[name] = ((have & want).total(), (have - want).total(), (want - have).total())
    return counts


def score(counts: np.ndarray, name: str) -> float:
    right, extra, missed = counts.sum(axis=0)
    if name in RIGHT:
        return right / (right + extra)
    return 2 * right / (2 * right + extra + missed) if right + extra + missed else 1.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="*", type=Path, help="labelled texts; by default the project's own")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--weights", type=Path, help="folder of weights; default: what is shipped")
    args = parser.parse_args()
    weights = cache(partial(read_learned, args.weights)) if args.weights else load_learned
    rng = np.random.default_rng(args.seed)
    names = (*RIGHT, *F1)
    batches = {path.stem: path for path in args.files or sorted(TEXTS.glob("*.jsonl"))}
    everything: list[dict] = []
    for batch, path in [*batches.items(), ("all", None)]:
        if path is not None:
            rows = [count_text(json.loads(line), weights) for line in path.read_text("utf-8").splitlines()]
            everything += rows
        else:
            rows = everything
        print(f"{batch}: {len(rows)} texts, seed {args.seed}")
        for name in names:
            counts = np.array([row[name] for row in rows])
            draws = [score(counts[rng.choice(len(rows), len(rows))], name) for _ in range(400)]
            low, high = np.quantile(draws, [0.05, 0.95])
            print(f"  {name:17} {score(counts, name):.3f}  ({low:.3f} to {high:.3f})")
    print("confidence of what is told (kind, pretexts, asked, known, losses) against how often it is right")
    for low in np.arange(0.0, 1.0, 0.2):
        right = [is_right for sure, is_right in TOLD if low < sure <= low + 0.2]
        if right:
            print(f"  {low:.1f} to {low + 0.2:.1f}: {np.mean(right):.2f} of {len(right)}")


if __name__ == "__main__":
    main()
