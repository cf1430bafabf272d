"""The encoder's start: counted word vectors of text.train as embeddings (see word_vectors.py)."""
import sys
from argparse import Namespace

import numpy as np

from tokenizer import WordPiece
from word_vectors import count_vectors

HIDDEN = 256


def run(arguments: Namespace) -> None:
    wordpiece = WordPiece.load(arguments.work / "tokenizer")
    vectors = count_vectors(np.load(arguments.work / "text.npz")["ids"], len(wordpiece), HIDDEN)
    np.save(arguments.work / "vectors.npy", vectors)
    normal = vectors / (np.linalg.norm(vectors, axis=1, keepdims=True) + 1e-9)
    for word in ("awful", "delightful", "tuesday"):
        if word in wordpiece.ids:
            near = np.argsort(-(normal @ normal[wordpiece.ids[word]]))[1:7]
            print(f"{word}: {', '.join(wordpiece.vocabulary[i] for i in near)}", file=sys.stderr)
