"""The vocabulary: the one that is shipped with the encoder, or one trained as WordPiece on the words of text.train and
sentiment.train. Caches the token ids of text.train."""
import sys
from argparse import Namespace
from collections import Counter
from itertools import islice
from multiprocessing import Pool
from collections.abc import Iterator

import numpy as np

import corpus
import tokenizer

SIZE = 12_288


def batches(texts: Iterator[str], size: int = 2_000) -> Iterator[list[str]]:
    while batch := list(islice(texts, size)):
        yield batch


def run(arguments: Namespace) -> None:
    shipped = arguments.models / "encoder"
    if arguments.start == "encoder" and (shipped / "tokenizer.json").exists():
        wordpiece = tokenizer.WordPiece.load(shipped)
    else:
        wordpiece = train(arguments)
    wordpiece.save(arguments.work / "tokenizer")
    print(f"{len(wordpiece):,} pieces", file=sys.stderr)
    cache(wordpiece, arguments)


def train(arguments: Namespace) -> tokenizer.WordPiece:
    with Pool(2) as pool:
        counts: Counter[str] = Counter()
        for name, weight in (("text.train", 1), ("sentiment.train", 1)):
            texts = (row["text"] for row in corpus.read(arguments.data, name))
            for part in pool.imap_unordered(tokenizer.count_words, batches(texts)):
                for word, n in part.items():
                    counts[word] += n * weight
        print(f"{counts.total():,} words, {len(counts):,} different", file=sys.stderr)
    return tokenizer.train(counts, SIZE)


def cache(wordpiece: tokenizer.WordPiece, arguments: Namespace) -> None:
    ids: list[np.ndarray] = []
    sources: list[str] = []
    for row in corpus.read(arguments.data, "text.train"):
        ids.append(np.array([*wordpiece.encode(row["text"]), tokenizer.SEP], dtype=np.uint16))
        sources.append(row["source"])
    np.savez(
        arguments.work / "text.npz",
        ids=np.concatenate(ids),
        lengths=np.array([len(i) for i in ids]),
        sources=np.array(sources),
    )
    print(f"{sum(len(i) for i in ids):,} tokens in text.train", file=sys.stderr)
