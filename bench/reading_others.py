"""The model of kinds, trained on one corpus and tried on texts of other sources, which it never saw.

No corpus is part of the repository: each is named by its path, and what is absent is left out. Dialogues:
a CSV with `specific_dialogue_content`, `is_fraud`, `fraud_type`. Messages: a JSON list with `raw_data`,
`subcategory`. Texts are cut in two halves by their hash: `--half 0` was looked at while the reading was
mended, `--half 1` was not.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import re
from itertools import product
from pathlib import Path

import numpy as np
from scipy.stats import beta

from reading_kinds import WANTED, read_corpus
from stanch.complaints.model import train

TRAINED_ON = Path("../shared/data/scam-text-zh/telecom-fraud-texts-5")
#: Fake customer service in the corpus of dialogues; it counts banks' and lenders' callers among it.
LABEL = "客服诈骗"
#: What tells that such a caller speaks of an order or membership, as the contract's kind wants: words of
#: the first speaker.
ORDER = re.compile("订单|购买|商品|快递|包裹|退款|网购|会员|店铺|物流")
LENDER = re.compile("银行|贷款|信贷|信用卡|投资|理财|股票|基金")
SERVICE = re.compile("客服.*(?:退款|订单|理赔|赔|会员|快递)|(?:退款|订单|理赔|会员|快递).*客服", re.DOTALL)
FALSE_ALARMS = 0.02
NAMES = {"of the contract's kind": ("fraud",), "as labelled": ("fraud", "loose")}


def pick_half(texts: list[str], labels: list[str], half: int) -> tuple[list[str], np.ndarray]:
    picked = [int(hashlib.sha256(text.encode()).hexdigest(), 16) % 2 == half for text in texts]
    kept = [text for text, is_in in zip(texts, picked, strict=True) if is_in]
    return kept, np.array([label for label, is_in in zip(labels, picked, strict=True) if is_in])


def read_dialogues(path: Path) -> tuple[list[str], list[str]]:
    """`fraud`: of the contract's kind; `loose`: what only the corpus calls so; `other` frauds; `none`."""
    texts, labels = [], []
    csv.field_size_limit(1 << 30)
    with path.open(encoding="utf-8-sig", newline="") as stream:
        for row in csv.DictReader(stream):
            text = row["specific_dialogue_content"].strip()
            if not text or row["is_fraud"] not in ("True", "False"):
                continue
            lines = [line for line in text.splitlines() if line.strip()]
            first = "\n".join(line for line in lines if line[:4] == lines[0][:4])
            speaks = ORDER.search(first) and not LENDER.search(first[:160])
            label = "none" if row["is_fraud"] == "False" else "other"
            if row["fraud_type"] == LABEL:
                label = "fraud" if speaks else "loose"
            texts.append(text)
            labels.append(label)
    return texts, labels


def read_messages(path: Path) -> tuple[list[str], list[str]]:
    texts, labels = [], []
    for row in json.loads(path.read_text("utf-8")):
        text = row.get("raw_data")
        if isinstance(text, str) and text.strip():
            texts.append(text)
            shop = row["subcategory"].startswith("e-commerce") and SERVICE.search(text)
            labels.append(
                "fraud" if shop else "loose" if row["subcategory"].startswith("e-commerce") else "other"
            )
    return texts, labels


def tell_share(hits: np.ndarray) -> str:
    n, k = len(hits), int(hits.sum())
    if not n:
        return "–"
    low = beta.ppf(0.05, k, n - k + 1) if k else 0.0
    high = beta.ppf(0.95, k + 1, n - k) if k < n else 1.0
    return f"{k} of {n}: {k / n:.3f} ({low:.3f} to {high:.3f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trained-on", type=Path, default=TRAINED_ON)
    parser.add_argument("--dialogues", type=Path)
    parser.add_argument("--messages", type=Path)
    parser.add_argument("--half", type=int, choices=(0, 1), default=1)
    args = parser.parse_args()
    sources = [(args.dialogues, read_dialogues), (args.messages, read_messages)]
    given = [(path, read) for path, read in sources if path and path.exists()]
    if not given or not args.trained_on.exists():
        print("skipped: needs the corpus that it is trained on and one of --dialogues, --messages")
        return
    texts, kinds = read_corpus(args.trained_on)
    model = train(texts, kinds.tolist())
    at = model.kinds.index(WANTED)
    for path, read in given:
        texts, labels = pick_half(*read(path), args.half)
        p = model.weigh(texts)
        odds = p[:, at] / (p[:, at] + p[:, model.kinds.index("not_fraud")])
        print(f"{path.name}, half {args.half}: {len(texts):,} texts")
        for against in (("none",), ("none", "other")):
            rest = np.isin(labels, against)
            scores = {"p_kind": p[:, at], "odds against no fraud": odds}
            for (told, score), (name, wanted) in product(scores.items(), NAMES.items()):
                if rest.any():
                    hits = score[np.isin(labels, wanted)] > np.quantile(score[rest], 1 - FALSE_ALARMS)
                    print(f"  {told}, 2 % false alarms among {'+'.join(against)}, {name}: {tell_share(hits)}")


if __name__ == "__main__":
    main()
