#!/usr/bin/env python3
"""Weights of the language detector: `training/languages.py`, from the sentences of translate.train.

Multinomial logistic regression over which n-grams of letters (1 to 4, a space around each word) a text has; the n-grams
that tell most are kept and fitted again. Written as src/language/profiles.json, which src/language/detect.ts reads.
"""
import json
import random
import re
import sys
from collections import Counter
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

import corpus

ROOT = Path(__file__).resolve().parent.parent
SENTENCES, GRAMS, KEPT = 60_000, 20_000, 1_000
WORD = re.compile(r"[^\W\d_]+")


def grams(text: str) -> set[str]:
    found = set()
    for word in WORD.findall(text.lower()):
        spaced = f" {word} "
        found.update(spaced[i : i + n] for n in (1, 2, 3, 4) for i in range(len(spaced) - n + 1))
    return found - {" "}


def main() -> None:
    rng = random.Random(1)
    texts: dict[str, set[str]] = {}
    for row in corpus.read(ROOT.parent / "shared" / "data", "translate.train"):
        english, other = row["pair"].split("-")
        texts.setdefault(english, set()).add(row["src"])
        texts.setdefault(other, set()).add(row["tgt"])
    languages = sorted(texts)
    rows = []
    for language in languages:
        for text in rng.sample(sorted(texts[language]), SENTENCES):
            words = text.split()
            # A part of the texts are a few words, as people type them.
            some = words if rng.random() < 0.5 else words[(at := rng.randrange(len(words))) : at + rng.randint(1, 4)]
            rows.append((grams(" ".join(some)), languages.index(language)))
    counts = Counter(gram for found, _ in rows for gram in found)

    def fit(kept: list[str]) -> LogisticRegression:
        at = {gram: i for i, gram in enumerate(kept)}
        cells = [(row, at[gram]) for row, (found, _) in enumerate(rows) for gram in found if gram in at]
        where = np.array(cells).T
        matrix = csr_matrix((np.ones(len(cells)), (where[0], where[1])), shape=(len(rows), len(kept)))
        return LogisticRegression(C=0.3, max_iter=200).fit(matrix, [label for _, label in rows])

    kept = [gram for gram, _ in counts.most_common(GRAMS)]
    weights = fit(kept).coef_
    telling = np.abs(weights).max(0) * np.sqrt([counts[gram] for gram in kept])
    kept = sorted(kept[i] for i in np.argsort(-telling)[:KEPT])
    model = fit(kept)
    profiles = {"languages": languages, "bias": model.intercept_.round(2).tolist(),
                "weights": {gram: model.coef_[:, i].round(2).tolist() for i, gram in enumerate(kept)}}
    path = ROOT / "src" / "language" / "profiles.json"
    path.write_text(json.dumps(profiles, ensure_ascii=False, separators=(",", ":")) + "\n")
    print(f"{path.stat().st_size:,} bytes", file=sys.stderr)


if __name__ == "__main__":
    main()
