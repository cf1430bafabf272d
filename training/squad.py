"""Questions about passages: the examples, windows of passages, SQuAD's measures."""
import re
import string
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import corpus
from features import Text, analyse
from tokenizer import WordPiece

CONTEXT = 128
MAX_QUESTION = 48
_SENTENCE_END = re.compile(r"(?<=[.!?])[\"'”’)\]]*\s+(?=[\"'“‘(\[]*[A-Z0-9])|\n+")

Span = tuple[int, int]


@dataclass
class Question:
    question: Text
    passage: Text
    #: Words [first, last] of the passage; one an annotator, so that one that many gave counts as often.
    answers: list[Span]
    #: Words [first, last] of each sentence of the passage.
    sentences: list[Span]
    #: What evaluation needs: the context, the texts of the answers, their starts.
    context: str
    gold: list[tuple[str, int]]


def sentences(text: str) -> list[Span]:
    """Character spans."""
    starts = [0, *(match.end() for match in _SENTENCE_END.finditer(text))]
    return list(zip(starts, [*starts[1:], len(text)]))


def words_of(passage: Text, start: int, end: int) -> Span:
    """The first and last word that characters start..end touch; an empty span where they touch none."""
    inside = [i for i, (a, b) in enumerate(passage.offsets) if a < end and b > start]
    return (passage.word_of[inside[0]], passage.word_of[inside[-1]]) if inside else (0, -1)


def read(data: Path, name: str, wordpiece: WordPiece) -> Iterator[Question]:
    """Rows of e.g. 'qa.train' whose question fits."""
    analysed: dict[str, tuple[Text, list[Span]]] = {}
    for row in corpus.read(data, name):
        context = row["context"]
        if context not in analysed:
            passage = analyse(context, wordpiece)
            spans = [words_of(passage, *span) for span in sentences(context)]
            analysed[context] = passage, [span for span in spans if span[1] >= span[0]]
        passage, spans = analysed[context]
        question = analyse(row["question"], wordpiece)
        gold = [(answer["text"], answer["start"]) for answer in row["answers"]]
        answers = [words_of(passage, start, start + len(text)) for text, start in gold]
        answers = [span for span in answers if span[1] >= span[0]]
        if answers and 0 < len(question.ids) <= MAX_QUESTION:
            yield Question(question, passage, answers, spans, context, gold)


def windows(passage: Text, room: int) -> list[Span]:
    """Word ranges [start, end) of at most `room` pieces, each beginning half a window after the one before."""
    lengths = [len(word.pieces) for word in passage.words]
    found, start = [], 0
    while True:
        end, size = start, 0
        while end < len(lengths) and size + lengths[end] <= room:
            size += lengths[end]
            end += 1
        found.append((start, max(end, start + 1)))
        if end >= len(lengths):
            return found
        skipped = 0
        while skipped < room // 2 and start < end - 1:
            skipped += lengths[start]
            start += 1
        if skipped == 0:
            start += 1


def normalize(answer: str) -> str:
    """SQuAD's (Rajpurkar et al. 2016, https://arxiv.org/abs/1606.05250): lower case, no punctuation, no articles."""
    text = "".join(c for c in answer.lower() if c not in string.punctuation)
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", text).split())


def f1(found: str, gold: str) -> float:
    a, b = normalize(found).split(), normalize(gold).split()
    same = sum((Counter(a) & Counter(b)).values())
    return 2 * same / (len(a) + len(b)) if same else float(a == b)
