"""Token types of a question and a passage, as DrQA's features (Chen et al. 2017, https://arxiv.org/abs/1704.00051): which
words of the passage are in the question or near one that is, and which have a capital or a digit, which an uncased
vocabulary loses. functions/answer/features.ts computes the same; make_feature_fixtures.py writes what it is tested with.
"""
import re
import unicodedata
from dataclasses import dataclass

from tokenizer import CLS, SEP, WordPiece

#: Question and specials; then 2 + 3 * match + shape.
TYPES = 14
NEAR = 4
STOP = frozenset(
    "a an and are as at be been but by can could did do does for from had has have he her his how i if in into is it its "
    "many me more most much my not of on or our out over she should so some than that the their them then there these "
    "they this those to under up was we were what when where which while who whom whose why will with would you your"
    .split()
)


@dataclass
class Word:
    pieces: list[int]
    key: tuple[int, ...]
    stem: str
    content: bool
    shape: int  # 2 with a digit, 1 with a capital at its start, 0 else


@dataclass
class Text:
    ids: list[int]
    offsets: list[tuple[int, int]]
    words: list[Word]
    #: Of each piece, its word.
    word_of: list[int]


def analyse(text: str, wordpiece: WordPiece) -> Text:
    ids, offsets = wordpiece.encode_with_offsets(text)
    words: list[list[int]] = []
    word_of = []
    for i, piece in enumerate(ids):
        if not words or not wordpiece.vocabulary[piece].startswith("##"):
            words.append([])
        words[-1].append(i)
        word_of.append(len(words) - 1)
    return Text(ids, offsets, [_word(text, ids, offsets, pieces) for pieces in words], word_of)


def _word(text: str, ids: list[int], offsets: list[tuple[int, int]], pieces: list[int]) -> Word:
    surface = text[offsets[pieces[0]][0] : offsets[pieces[-1]][1]]
    lower = surface.lower()
    kinds = {unicodedata.category(c)[0] for c in surface}
    return Word(
        pieces,
        tuple(ids[i] for i in pieces),
        lower if len(lower) < 6 else lower[:5],
        bool(kinds & {"L", "N"}) and lower not in STOP,
        2 if "N" in kinds else int(surface[:1] != surface[:1].lower()),
    )


def model_input(question: Text, passage: Text, start: int, end: int) -> tuple[list[int], list[int]]:
    """(ids, token types) of [CLS] question [SEP] words start..end of the passage [SEP]."""
    asked = [word for word in question.words if word.content]
    keys, stems = {word.key for word in asked}, {word.stem for word in asked}
    window = passage.words[start:end]
    exact = [i for i, word in enumerate(window) if word.content and word.key in keys]
    near = {j for i in exact for j in range(i - NEAR, i + NEAR + 1)}
    matches = [3 if word.content and word.key in keys else 2 if word.content and word.stem in stems else int(i in near)
               for i, word in enumerate(window)]
    found_keys = {word.key for word in window}
    found_stems = {word.stem for word in window if word.content}

    ids, types = [CLS], [0]
    for word in question.words:
        found = word.content and (word.key in found_keys or word.stem in found_stems)
        ids += word.key
        types += [int(found)] * len(word.key)
    ids.append(SEP)
    types.append(0)
    for match, word in zip(matches, window):
        ids += word.key
        types += [2 + 3 * match + word.shape] * len(word.key)
    return ids + [SEP], types + [0]
