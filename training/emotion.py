"""The emotion model: the sentiment model's encoder, trained on what people write around words that name an emotion.

Nobody labelled these texts: a word that names an emotion ("furious") labels its sentence. The word is hidden from the
model more often than not, and where a clause says why ("furious that he had to wait"), that clause alone is an example
too, so that the model learns what makes people feel so, not the names (distant supervision: Mintz et al. 2009,
https://aclanthology.org/P09-1113; by hashtags for emotions: Mohammad 2012, https://aclanthology.org/S12-1033).
"""
import re
import sys
from argparse import Namespace
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import corpus
from classifier import Dev, Example, fine_tune, one_hot
from tokenizer import MASK, WordPiece

LABELS = ["anger", "fear", "joy", "neutral", "sadness", "surprise"]
NAMES = {
    "anger": "angry furious mad annoyed outraged rage irritated anger angrily enraged livid pissed resent annoying "
             "infuriating angered fury",
    "fear": "afraid scared terrified frightened fear worried nervous anxious panic frightening terrifying scary dread "
            "horrified fearful worry anxiety",
    "joy": "happy glad delighted joyful thrilled cheerful pleased overjoyed happily delight joy happiness excited proud "
           "enjoyed grateful thankful laughing smiled",
    "sadness": "sad unhappy heartbroken depressed miserable lonely grief sorrow sadly sadness weeping tears cried crying "
               "mourn mourning tragic heartbreaking homesick hopeless miss",
    "surprise": "surprised astonished amazed shocked stunned startled surprise surprising surprisingly unexpectedly "
                "astonishing astonishment unbelievable suddenly incredible",
}
EMOTION = {word: label for label, words in NAMES.items() for word in words.split()}
_NEGATED = re.compile(r"\b(not|never|no|nothing|hardly|without|isn't|wasn't|don't|didn't|aren't|weren't|won't|can't)\b", re.I)
_WORD = re.compile(r"[A-Za-z']+")
_CAUSE = re.compile(r"^\s*(?:that|because|when|since|about|at|to find out that|to hear that|to learn that|to see|by|of)\s+(.*)$",
                    re.I | re.S)
REPEATS = {"hidden": 1, "cause": 3, "named": 0.5, "neutral": 0.6}
#: Names of emotions are hidden in so many of the sentences that hold one; the rest keep theirs.
SHOWN = 0.3
HELD_OUT = 600


def sentences(data: Path) -> Iterator[tuple[str, str]]:
    """(sentence, source): of translations, mails, reviews and news, each once."""
    seen: set[str] = set()
    for row in corpus.read(data, "translate.train"):
        if row["src"] not in seen:
            seen.add(row["src"])
            yield row["src"], row["source"]
    for i, row in enumerate(corpus.read(data, "text.train")):
        if row["source"] != "imdb" or i % 2 == 0:
            for sentence in re.split(r"(?<=[.!?])\s+", row["text"]):
                if 4 <= len(sentence.split()) <= 40:
                    yield sentence, row["source"]


def load(data: Path, wordpiece: WordPiece) -> tuple[list[Example], Dev]:
    rng = np.random.default_rng(8)
    encode = lambda text: np.array(wordpiece.encode(text), np.uint16)
    found: list[tuple[Example, int]] = []
    neutral: list[str] = []
    for sentence, source in sentences(data):
        words = [(m.start(), m.end(), EMOTION[m[0].lower()]) for m in _WORD.finditer(sentence) if m[0].lower() in EMOTION]
        labels = {label for _, _, label in words}
        if not labels and source in ("multi30k", "win32", "bbc", "abc", "aeslc") and rng.random() < 0.1:
            neutral.append(sentence)
        if len(labels) != 1:
            continue
        start, end, name = words[0]
        if _NEGATED.search(sentence[max(0, start - 30) : start]):
            continue
        label = LABELS.index(name)
        target = one_hot(label, len(LABELS), 0.15)
        if rng.random() < SHOWN:
            found.append((Example(encode(sentence), target, "named"), label))
        else:
            before, after = encode(sentence[:start]), encode(sentence[end:])
            gap = [MASK] if rng.random() < 0.5 else []
            found.append((Example(np.array([*before, *gap, *after], np.uint16), target, "hidden"), label))
        cause = _CAUSE.match(sentence[end:])
        if cause and len(words) == 1 and len(cause[1].split()) > 2:
            clause = cause[1][0].upper() + cause[1][1:]
            found.append((Example(encode(clause), target, "cause"), label))
    found = [(e, label) for e, label in found if len(e.ids) > 1]

    # Sources name some emotions far more often than others.
    limit = 14_000
    taken: Counter[tuple[int, str]] = Counter()
    balanced = []
    for i in rng.permutation(len(found)):
        e, label = found[i]
        if taken[label, e.source] < limit:
            taken[label, e.source] += 1
            balanced.append((e, label))
    print({f"{LABELS[label]} {source}": n for (label, source), n in sorted(taken.items())}, file=sys.stderr)
    chosen = rng.choice(len(neutral), min(len(neutral), 12_000), replace=False)
    target = one_hot(LABELS.index("neutral"), len(LABELS), 0.15)
    balanced += [(Example(encode(neutral[i]), target, "neutral"), LABELS.index("neutral")) for i in chosen]
    balanced = [balanced[i] for i in rng.permutation(len(balanced))]

    dev: Dev = {}
    for e, label in balanced[:HELD_OUT]:
        texts, gold = dev.setdefault(e.source, ([], []))
        texts.append(e.ids)
        gold.append(label)
    return [e for e, _ in balanced[HELD_OUT:]], dev


def run(arguments: Namespace) -> None:
    fine_tune("emotion", LABELS, arguments, lambda wordpiece: load(arguments.data, wordpiece), REPEATS,
              arguments.models / "sentiment")
