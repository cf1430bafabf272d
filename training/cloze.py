"""Questions made of text alone, to learn to look things up before there are questions: a sentence without one of its
spans is the question, and the same span elsewhere in the passage its answer (recurring span selection: Ram et al. 2021,
https://arxiv.org/abs/2101.00438; clozes as questions: Lewis et al. 2019, https://arxiv.org/abs/1906.04980).
"""
from collections import defaultdict
from typing import Optional

import numpy as np

from features import Text, Word, analyse
from squad import MAX_QUESTION, Question
from tokenizer import MASK, WordPiece

CHARACTERS = 900
LONGEST = 5
#: A word of the question has to stand within so many words of the answer, else nothing leads there.
REACH = 12


class Clozes:
    def __init__(self, wordpiece: WordPiece, counts: np.ndarray):
        self.wordpiece = wordpiece
        self.weights = np.log(counts.sum() / (counts + 1.0))
        self.ends = {wordpiece.ids[c] for c in ".!?"}
        self.asking = [analyse(word, wordpiece).words[0] for word in ("what", "which", "who")]

    def make(self, text: str, rng: np.random.Generator) -> Optional[Question]:
        """A question about a random part of the text, or None where no span recurs."""
        at = int(rng.integers(0, max(1, len(text) - CHARACTERS)))
        part = text[at : at + CHARACTERS]
        passage = analyse(part, self.wordpiece)
        words = passage.words
        sentences, first = [], 0
        for i, word in enumerate(words):
            if word.key[0] in self.ends or i == len(words) - 1:
                sentences.append((first, i))
                first = i + 1
        found = defaultdict(list)  # keys of a span → the words that begin one
        for i, word in enumerate(words):
            for size in range(1, LONGEST + 1):
                if word.content and i + size <= len(words) and words[i + size - 1].content:
                    found[tuple(w.key for w in words[i : i + size])].append(i)
        choices = []
        for first, last in sentences:
            if not 5 <= last - first < 36:
                continue
            for i in range(first, last):
                for size in range(1, min(LONGEST, last - i) + 1):
                    keys = tuple(w.key for w in words[i : i + size])
                    if len(found.get(keys, ())) > 1:
                        weight = sum(self.weights[key[0]] for key in keys)
                        choices.append((weight, first, last, i, size, keys))
        rng.shuffle(choices)
        choices.sort(key=lambda choice: -choice[0])
        for weight, first, last, i, size, keys in choices[: 1 + int(rng.integers(0, 6))][::-1]:
            question = self._ask(words[first : last + 1], i - first, size, rng)
            removed = last + 1 - first
            rest = [*words[:first], *words[last + 1 :]]
            places = [at if at < first else at - removed for at in found[keys] if not first - size < at <= last]
            asked = {w.key for w in question.words if w.content}
            led = [at for at in places
                   if any(w.key in asked for w in rest[max(0, at - REACH) : at + size + REACH])]
            if led and len(question.ids) <= MAX_QUESTION:
                answers = [(at, at + size - 1) for at in led]
                kept = [(a, b) for a, b in sentences if b < first]
                kept += [(a - removed, b - removed) for a, b in sentences if a > last]
                return Question(question, _text(rest), answers, kept, "", [])
        return None

    def _ask(self, words: list[Word], at: int, size: int, rng: np.random.Generator) -> Text:
        before, after = words[:at], words[at + size :]
        gap = Word([], (MASK,), "", False, 0) if rng.random() < 0.4 else self.asking[int(rng.integers(0, 3))]
        if rng.random() < 0.3:  # as questions have it: what is asked for first
            return _text([gap, *before, *after])
        return _text([*before, gap, *after])


def _text(words: list[Word]) -> Text:
    ids = [piece for word in words for piece in word.key]
    return Text(ids, [], words, [i for i, word in enumerate(words) for _ in word.key])
