"""Kinds by a model trained at run time on a labelled corpus: five folds, near-duplicates never on both sides.

The corpus lies beside the repository and is for evaluation alone: the model is thrown away.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from stanch.complaints.duplicates import group_near_duplicates
from stanch.complaints.model import train

KINDS = {
    "label00-last.csv": "not_fraud",
    "label01-last.csv": "fake_authority",
    "label02-last.csv": "fake_loan",
    "label03-last.csv": "fake_customer_service",
    "label04-last.csv": "fake_acquaintance",
}
WANTED = "fake_customer_service"


def read_corpus(folder: Path) -> tuple[list[str], np.ndarray]:
    texts: list[str] = []
    kinds: list[str] = []
    for name, kind in KINDS.items():
        raw = (folder / name).read_bytes()
        try:
            lines = raw.decode("utf-8-sig").splitlines()[1:]
        except UnicodeDecodeError:
            lines = raw.decode("gb18030").splitlines()[1:]
        texts += [line.rpartition(",")[0].strip('"') for line in lines if line.strip()]
        kinds += [kind] * (len(texts) - len(kinds))
    return texts, np.array(kinds)


def measure_f1(truth: np.ndarray, found: np.ndarray) -> float:
    """Macro-F1 of `WANTED` against the rest."""
    scores = []
    for positive in (True, False):
        hits = (truth == positive) & (found == positive)
        scores.append(2 * hits.sum() / ((truth == positive).sum() + (found == positive).sum()))
    return float(np.mean(scores))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--corpus", type=Path, default=Path("../shared/data/scam-text-zh/telecom-fraud-texts-5")
    )
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    texts, kinds = read_corpus(args.corpus)
    groups = group_near_duplicates(texts)
    names = np.unique(groups)
    rng = np.random.default_rng(args.seed)
    fold_of = dict(zip(names.tolist(), rng.integers(0, 5, len(names)).tolist(), strict=True))
    folds = np.array([fold_of[g] for g in groups.tolist()])
    print(f"{len(texts):,} texts, {len(names):,} groups of near-duplicates, seed {args.seed}")
    truth = kinds == WANTED
    p = np.zeros(len(texts))
    found = np.empty(len(texts), dtype=object)
    for fold in range(5):
        inside = folds != fold
        model = train([t for t, i in zip(texts, inside, strict=True) if i], kinds[inside].tolist())
        outside = np.flatnonzero(~inside)
        weighed = model.weigh([texts[i] for i in outside])
        p[outside] = weighed[:, model.kinds.index(WANTED)]
        found[outside] = np.array(model.kinds)[weighed.argmax(axis=1)]
        print(f"fold {fold}: macro-F1 {measure_f1(truth[outside], found[outside] == WANTED):.3f}", flush=True)
    score = measure_f1(truth, found == WANTED)
    draws = []
    for _ in range(500):
        picked = rng.choice(len(texts), len(texts))
        draws.append(measure_f1(truth[picked], found[picked] == WANTED))
    low, high = np.quantile(draws, [0.05, 0.95])
    print(
        f"fake customer service against the rest: macro-F1 {score:.3f} (90 % interval {low:.3f} to "
        f"{high:.3f})"
    )
    edge = np.quantile(p[~truth], 0.98)
    print(
        f"recall at 2 % false alarms {np.mean(p[truth] > edge):.3f}; all five kinds right "
        f"{np.mean(found == kinds):.3f}"
    )


if __name__ == "__main__":
    main()
