"""An n-gram teacher: logistic regression over token 1-3-grams weighted by naive Bayes log-count ratios
(Wang and Manning 2012, https://aclanthology.org/P12-2018). It labels the reviews that come without stars.
"""
import sys

import numpy as np
from scipy import sparse
from sklearn.linear_model import LogisticRegression

BUCKETS = 2**22


def features(texts: list[np.ndarray]) -> sparse.csr_matrix:
    """Which hashed 1-, 2- and 3-grams of token ids occur, [texts, BUCKETS]."""
    columns, ends = [], [0]
    for ids in texts:
        x = ids.astype(np.uint64)
        two = x[:-1] * np.uint64(0x9E3779B97F4A7C15) + x[1:] + np.uint64(1)
        three = two[:-1] * np.uint64(0xC2B2AE3D27D4EB4F) + x[2:] + np.uint64(2)
        grams = np.concatenate([x, *(BUCKETS // 64 + (h >> np.uint64(20)) % np.uint64(BUCKETS - BUCKETS // 64)
                                     for h in (two, three))])
        columns.append(np.unique(grams).astype(np.int32))
        ends.append(ends[-1] + len(columns[-1]))
    data = np.ones(ends[-1], dtype=np.float32)
    return sparse.csr_matrix((data, np.concatenate(columns), ends), shape=(len(texts), BUCKETS))


def label(texts: list[np.ndarray], positive: np.ndarray, unlabelled: list[np.ndarray]) -> np.ndarray:
    """Probability of positive for each unlabelled text, from labelled ones."""
    x = features(texts)
    ratio = np.log((x[positive].sum(0) + 1) / (x[~positive].sum(0) + 1)).A1
    ratio -= np.log(positive.sum() / (~positive).sum())
    weights = sparse.diags(ratio.astype(np.float32))
    held = np.arange(len(texts)) % 20 == 0
    model = LogisticRegression(C=4.0, solver="liblinear", dual=True, max_iter=60)
    model.fit((x @ weights)[~held], positive[~held])
    accuracy = model.score((x @ weights)[held], positive[held])
    print(f"teacher: {accuracy:.4f} accuracy on {held.sum()} held-out reviews", file=sys.stderr)
    return model.predict_proba(features(unlabelled) @ weights)[:, 1].astype(np.float32)
