"""The three-class sentiment model: the encoder trained on labelled text and on the teacher's labels.

Neutral is learned from tweets that people judged neutral, from plot sentences, and from captions, requests to an
assistant, and sentences of documentation and news, which are weakly labelled: their target leaves room for doubt. Negation
and turns are learned from sentences made for it (frames.py).
"""
import re
from argparse import Namespace
from pathlib import Path

import numpy as np

import corpus
import frames
import teacher
from classifier import SMOOTHING, Dev, Example, fine_tune, one_hot
from tokenizer import WordPiece

LABELS = ["negative", "neutral", "positive"]
REPEATS = {"imdb": 0.6, "unlabelled": 0.25, "sst2": 8, "tweeteval": 8, "pros_cons": 0.5, "subjectivity": 2, "weak": 1, "turns": 3, "frames": 1.5}
#: Reviews kept out of training to choose by; the test split is for reporting only.
HELD_OUT = 1000


def weak_neutral(data: Path, wordpiece: WordPiece, count: int = 18_000) -> list[Example]:
    """Sentences of documentation, news, captions of pictures and requests to an assistant, taken as probably neutral."""
    sentences = [row["src"] for row in corpus.read(data, "translate.train") if row["source"] == "multi30k"][::6]
    for row in corpus.read(data, "dialogue.train"):
        sentences += [turn["content"] for turn in row["turns"][:1] if len(turn["content"].split()) >= 4]
    for row in corpus.read(data, "text.train"):
        if row["source"] in ("win32", "abc", "bbc"):
            found = [s for s in re.split(r"(?<=[.!?])\s+", row["text"]) if 4 <= len(s.split()) <= 25]
            sentences += found[1:-1:4]
    rng = np.random.default_rng(3)
    chosen = rng.choice(len(sentences), count, replace=False)
    target = np.array([0.08, 0.84, 0.08], dtype=np.float32)
    return [Example(np.array(wordpiece.encode(sentences[i]), np.uint16), target, "weak") for i in chosen]


def turns(data: Path, wordpiece: WordPiece, rng: np.random.Generator, count: int = 6_000) -> list[Example]:
    """Two short texts of people's, of opposite labels, joined by "but": the second decides. And sentences from frames."""
    short: dict[str, list[str]] = {"negative": [], "positive": []}
    for row in corpus.read(data, "sentiment.train"):
        if row["source"] in ("sst2", "pros_cons") and row["label"] in short and len(row["text"].split()) < 14:
            short[row["label"]].append(row["text"].rstrip(" .!"))
    examples = []
    for _ in range(count):
        last = LABELS[2 * int(rng.integers(2))]
        first = "negative" if last == "positive" else "positive"
        x, y = (short[label][int(rng.integers(len(short[label])))] for label in (first, last))
        text = f"{x}{(' but ', ', but ', '. But ', ', yet ')[int(rng.integers(4))]}{y}"
        target = one_hot(LABELS.index(last), 3, 0.2)
        examples.append(Example(np.array(wordpiece.encode(text), np.uint16), target, "turns"))
    for text, label in frames.make(12_000, rng):
        examples.append(Example(np.array(wordpiece.encode(text), np.uint16), one_hot(label, 3, 0.15), "frames"))
    return examples


def load(data: Path, wordpiece: WordPiece) -> tuple[list[Example], Dev]:
    """Training examples, and reviews held out beside sentiment.dev."""
    labelled, seen = [], set()
    for row in corpus.read(data, "sentiment.train"):
        ids = np.array(wordpiece.encode(row["text"]), np.uint16)
        if len(ids):
            labelled.append(Example(ids, one_hot(LABELS.index(row["label"]), 3), row["source"]))
        if row["source"] == "imdb":
            seen.add(row["text"])
    reviews = [e for e in labelled if e.source == "imdb"]
    rest = [e for e in labelled if e.source != "imdb"]
    order = np.random.default_rng(2).permutation(len(reviews))
    held_out = [reviews[i] for i in order[:HELD_OUT]]
    reviews = [reviews[i] for i in order[HELD_OUT:]]

    unlabelled = [
        np.array(wordpiece.encode(row["text"]), np.uint16)
        for row in corpus.read(data, "text.train")
        if row["source"] == "imdb" and row["text"] not in seen
    ]
    positive = teacher.label([e.ids for e in reviews], np.array([e.target[2] > 0.5 for e in reviews]), unlabelled)
    keep = (1 - SMOOTHING) * np.stack([1 - positive, np.zeros_like(positive), positive], 1) + SMOOTHING / 3
    pseudo = [Example(ids, target.astype(np.float32), "unlabelled") for ids, target in zip(unlabelled, keep)]

    dev: Dev = {"imdb held out": ([e.ids for e in held_out], [int(e.target.argmax()) for e in held_out])}
    for row in corpus.read(data, "sentiment.dev"):
        texts, gold = dev.setdefault(row["source"], ([], []))
        texts.append(np.array(wordpiece.encode(row["text"]), np.uint16))
        gold.append(LABELS.index(row["label"]))
    made = turns(data, wordpiece, np.random.default_rng(6))
    return reviews + rest + pseudo + weak_neutral(data, wordpiece) + made, dev


def run(arguments: Namespace) -> None:
    fine_tune("sentiment", LABELS, arguments, lambda wordpiece: load(arguments.data, wordpiece), REPEATS,
              arguments.models / "sentiment" if arguments.start == "model" else None)
