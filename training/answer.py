"""Extractive question answering: BERT that points at the first and last word of an answer, or at [CLS] where the passage
does not say (Devlin et al. 2018). Token types carry features (features.py); questions made of text alone come first
(cloze.py), questions that people asked follow (squad.py).
"""
import sys
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

import numpy as np
import torch
from torch import Tensor, nn

import corpus
import squad
from bert import Bert, BertConfig, initialize
from cloze import Clozes
from encoder import bert_config, pretrained
from features import TYPES, model_input
from loop import train
from precision import autocast
from quantize import load_int8, save_int8
from squad import CONTEXT, Question
from tokenizer import MASK, PAD, WordPiece

BATCH_TOKENS = 3072
PEAK_RATE = 4e-4
#: The share of made questions falls from the first to the second until this share of the run is done.
MADE_FIRST, MADE_LAST, MADE_UNTIL = 0.75, 0.08, 0.35
#: Of questions, how many get another passage, and how many a window that may miss the answer.
ELSEWHERE, ANYWHERE = 0.12, 0.18
#: Of pieces hidden from the model, as it learns a few thousand passages by heart else.
HIDDEN = 0.06
SENTENCE_WEIGHT = 0.4
LONGEST_ANSWER = 30


class BertForQuestionAnswering(nn.Module):
    def __init__(self, config: BertConfig):
        super().__init__()
        self.config = config
        self.bert = Bert(config)
        self.dropout = nn.Dropout(0.1)
        self.qa_outputs = nn.Linear(config.hidden_size, 2)
        initialize(self)

    def forward(self, ids: Tensor, present: Tensor, types: Tensor) -> Tensor:
        """Logits of start and end [B, T, 2]."""
        return self.qa_outputs(self.dropout(self.bert(ids, present, types)))


@dataclass
class Example:
    ids: list[int]
    types: list[int]
    #: Positions that may be pointed at: [CLS] and the passage.
    first: int
    #: Positions [first, last]; [(0, 0)] where the window does not say.
    answers: list[tuple[int, int]]
    #: Positions of the sentences that answer.
    sentences: list[tuple[int, int]]


def example(question: Question, start: int, end: int) -> Example:
    """The window of words start..end of the question's passage."""
    ids, types = model_input(question.question, question.passage, start, end)
    first = len(question.question.ids) + 2
    begins = first + np.cumsum([0, *(len(word.key) for word in question.passage.words[start:end])])
    place = lambda a, b: (int(begins[a - start]), int(begins[b + 1 - start]) - 1)
    inside = [(a, b) for a, b in question.answers if a >= start and b < end]
    answering = [(a, b) for a, b in question.sentences if any(a <= x <= b for x, _ in inside)]
    return Example(
        ids, types, first,
        [place(a, b) for a, b in inside] or [(0, 0)],
        [place(max(a, start), min(b, end - 1)) for a, b in answering] or [(0, 0)],
    )


class Source:
    """Endless examples: made questions at first, people's later."""

    def __init__(self, questions: list[Question], texts: list[str], clozes: Clozes):
        self.questions, self.texts, self.clozes = questions, texts, clozes

    def draw(self, share_made: float, rng: np.random.Generator) -> Example:
        question = None
        if rng.random() < share_made:
            while question is None:
                question = self.clozes.make(self.texts[int(rng.integers(len(self.texts)))], rng)
        else:
            question = self.questions[int(rng.integers(len(self.questions)))]
            if rng.random() < ELSEWHERE:
                question = self.elsewhere(question, rng)
        return self.window(question, rng)

    def elsewhere(self, question: Question, rng: np.random.Generator) -> Question:
        """The question beside the passage that shares most words with it, of some drawn."""
        asked = {word.key for word in question.question.words if word.content}
        others = [self.questions[int(i)] for i in rng.integers(len(self.questions), size=24)]
        others = [other for other in others if other.passage is not question.passage]
        other = max(others, key=lambda q: len(asked & {word.key for word in q.passage.words}))
        return Question(question.question, other.passage, [], other.sentences, "", [])

    def window(self, question: Question, rng: np.random.Generator) -> Example:
        room = CONTEXT - 3 - len(question.question.ids)
        if rng.random() < 0.5:  # shorter ones as well, which also take less time
            room = int(rng.integers(room // 2, room + 1))
        lengths = [len(word.key) for word in question.passage.words]
        start = int(rng.integers(0, len(lengths)))
        if question.answers and rng.random() >= ANYWHERE:
            a, b = question.answers[int(rng.integers(len(question.answers)))]
            before = int(rng.integers(0, max(1, room - sum(lengths[a : b + 1]))))
            start = a
            while start > 0 and before >= lengths[start - 1]:
                start -= 1
                before -= lengths[start]
        end, size = start, 0
        while end < len(lengths) and size + lengths[end] <= room:
            size += lengths[end]
            end += 1
        while start > 0 and size + lengths[start - 1] <= room:  # near the end there is room at the front
            start -= 1
            size += lengths[start]
        return example(question, start, max(end, start + 1))


Batch = tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]


def collate(examples: list[Example], hide: Optional[np.random.Generator] = None) -> Batch:
    """ids, present, types [B, T]; pointable [B, T]; the examples' answers [answers, 3] as (row, start, end); sentences
    [B, T], 1 where an answering sentence is. `hide` draws pieces to hide."""
    longest = max(len(e.ids) for e in examples)
    shape = (len(examples), longest)
    ids = np.full(shape, PAD, np.int64)
    types = np.zeros(shape, np.int64)
    present, pointable, answering = (np.zeros(shape, np.float32) for _ in range(3))
    answers = []
    for row, e in enumerate(examples):
        n = len(e.ids)
        ids[row, :n], types[row, :n], present[row, :n] = e.ids, e.types, 1
        if hide:
            ids[row, :n][(hide.random(n) < HIDDEN) & (ids[row, :n] > MASK)] = MASK
        pointable[row, 0] = pointable[row, e.first : n - 1] = 1
        answers += [(row, a, b) for a, b in e.answers]
        for a, b in e.sentences:
            answering[row, a : b + 1] = 1
    tensors = ids, present, types, pointable, np.array(answers), answering
    return tuple(torch.from_numpy(x) for x in tensors)  # type: ignore[return-value]


def loss_of(logits: Tensor, pointable: Tensor, answers: Tensor, answering: Tensor) -> Tensor:
    """Minus the logarithm of the probability that one of the annotators' spans is pointed at, and that the start lies in a
    sentence that answers."""
    logits = logits.float() + (pointable[:, :, None] - 1) * 1e4
    start, end = logits.log_softmax(1).unbind(2)  # [B, T]
    row, a, b = answers.unbind(1)
    spans = start[row, a] + end[row, b]  # [answers]
    counts = torch.bincount(row, minlength=len(logits))
    weighted = spans - counts[row].log()
    table = torch.full((len(logits), int(counts.max())), -1e4, device=logits.device)
    nth = torch.arange(len(row), device=row.device) - (counts.cumsum(0) - counts)[row]
    table[row, nth] = weighted
    sentence = (start + (answering - 1) * 1e4).logsumexp(1)
    return -(table.logsumexp(1).mean() + SENTENCE_WEIGHT * sentence.mean())


def run(arguments: Namespace) -> None:
    device = arguments.device
    folder = pretrained(arguments)
    assert folder, "train the encoder first"
    wordpiece = WordPiece.load(folder)
    model = BertForQuestionAnswering(bert_config(folder, type_vocab_size=TYPES))
    state = {name: x for name, x in load_int8(folder / "model.safetensors").items() if name.startswith("bert.")}
    segments = state["bert.embeddings.token_type_embeddings.weight"]
    state["bert.embeddings.token_type_embeddings.weight"] = segments[:1].repeat(TYPES, 1)
    model.load_state_dict(state, strict=False)
    model.to(device)

    questions = list(squad.read(arguments.data, "qa.train", wordpiece))
    dev = list(squad.read(arguments.data, "qa.dev", wordpiece))[::3]
    rows = [row for row in corpus.read(arguments.data, "text.train") if len(row["text"]) > 400]
    texts = [row["text"] for i, row in enumerate(rows) if row["source"] != "imdb" or i % 8 == 0]
    counts = np.bincount(np.load(arguments.work / "text.npz")["ids"], minlength=len(wordpiece))
    source = Source(questions, texts, Clozes(wordpiece, counts))
    print(f"{len(questions):,} questions, {len(texts):,} texts to ask about", file=sys.stderr)

    share_made = MADE_FIRST

    def batches(seed: int) -> Iterator[Batch]:
        rng = np.random.default_rng(seed)
        while True:
            drawn = sorted((source.draw(share_made, rng) for _ in range(384)), key=lambda e: len(e.ids))
            groups: list[list[Example]] = [[]]
            for e in drawn:
                if len(e.ids) * (len(groups[-1]) + 1) > BATCH_TOKENS:
                    groups.append([])
                groups[-1].append(e)
            for i in rng.permutation(len(groups)):
                yield collate(groups[i], rng)

    def step(batch: Batch, progress: float) -> tuple[Tensor, int]:
        nonlocal share_made
        share_made = MADE_LAST + (MADE_FIRST - MADE_LAST) * max(0.0, 1 - progress / MADE_UNTIL)
        ids, present, types, pointable, answers, answering = (x.to(device) for x in batch)
        return loss_of(model(ids, present, types), pointable, answers, answering), ids.numel()

    train("answer", model, arguments, PEAK_RATE, batches, step,
          lambda: evaluate(model, dev, device), lambda: export(model, wordpiece, arguments.models / "answer"))


def evaluate(model: BertForQuestionAnswering, questions: list[Question], device: str) -> dict[str, float]:
    """F1, exact match, the share of answers in the right sentence and of spans that beat [CLS], in percent."""
    totals = np.zeros(4)
    for question in questions:
        room = CONTEXT - 3 - len(question.question.ids)
        ranges = squad.windows(question.passage, room)
        parts = [example(question, start, end) for start, end in ranges]
        ids, present, types, pointable, _, _ = (x.to(device) for x in collate(parts))
        with autocast(device):
            logits = model(ids, present, types)
        logits = logits.float() + (pointable[:, :, None] - 1) * 1e4
        start, end = logits.log_softmax(1).cpu().unbind(2)
        best = (-np.inf, 0, 0, 0.0)
        for w, e in enumerate(parts):
            size = len(e.ids)
            scores = (start[w, :size, None] + end[w, None, :size]).triu().tril(LONGEST_ANSWER - 1)
            scores = scores + (scores == 0) * -1e4
            scores[: e.first] = -1e4
            at = int(scores.argmax())
            null = float(start[w, 0] + end[w, 0])
            if float(scores.flatten()[at]) > best[0]:
                piece = sum(len(word.key) for word in question.passage.words[: ranges[w][0]]) - e.first
                best = (float(scores.flatten()[at]), at // size + piece, at % size + piece, null)
        offsets = question.passage.offsets
        a, b = offsets[best[1]][0], offsets[best[2]][1]
        text = question.context[a:b]
        sentence = next(((x, y) for x, y in squad.sentences(question.context) if x <= a < y), (0, 0))
        totals += [
            max(squad.f1(text, gold) for gold, _ in question.gold),
            max(squad.normalize(text) == squad.normalize(gold) for gold, _ in question.gold),
            any(sentence[0] <= at < sentence[1] for _, at in question.gold),
            best[0] > best[3],
        ]
    return dict(zip(("F1", "exact", "sentence", "answered"), 100 * totals / len(questions)))


def export(model: BertForQuestionAnswering, wordpiece: WordPiece, folder: Path) -> None:
    """The checkpoint in Hugging Face's layout, int8; the card beside it is kept by hand."""
    wordpiece.save(folder)
    model.config.write(folder, "BertForQuestionAnswering")
    save_int8(model.state_dict(), folder / "model.safetensors")
