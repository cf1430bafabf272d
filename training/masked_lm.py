"""Masked language modelling: BERT learns English by guessing hidden words of text.train (bert.py is the model).

A quarter of the words is hidden rather than BERT's 15 %: small models trained for a short time learn more from each
token so (Wettig et al. 2022, https://arxiv.org/abs/2202.08005). Perplexity is measured at 15 %, as is usual.
"""
import math
from argparse import Namespace
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from bert import BertForMaskedLM
from loop import train
from sequences import pad
from tokenizer import CLS, MASK, SEP, SPECIAL

LENGTHS = (64, 96, 128)
BATCH_TOKENS = 4096
#: From counted vectors, and from what was trained before.
PEAK_RATE, FURTHER_RATE = 1e-3, 5e-4
#: Words that a guess is compared with beside those hidden in its batch: a softmax over all 12,288 takes longer than the
#: layers (Jean et al. 2015, https://aclanthology.org/P15-1001).
SAMPLED = 3072
MASKED, MASKED_DEV = 0.25, 0.15
#: Texts kept out of training to measure perplexity on.
HELD_OUT = 500
#: How often a pass draws each text of a source: documentation repeats itself, edited prose is scarce.
REPEATS = {"win32": 0.5, "squadshifts": 2, "bbc": 2, "brown": 2, "abc": 2, "webtext": 2}
#: Checkpoints and measurements in a run.
REPORTS = 20


def split(text: Path) -> tuple[list[np.ndarray], np.ndarray, list[np.ndarray], np.ndarray]:
    """(training texts, their sources, held-out texts, their sources), of ids each ended by [SEP]."""
    stored = np.load(text)
    texts = np.split(stored["ids"], np.cumsum(stored["lengths"])[:-1])
    order = np.random.default_rng(4).permutation(len(texts))
    dev, train = order[:HELD_OUT], order[HELD_OUT:]
    sources = stored["sources"]
    return [texts[i] for i in train], sources[train], [texts[i] for i in dev], sources[dev]


def rows(texts: list[np.ndarray], sources: np.ndarray, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Endless batches of ids [B, T] of BATCH_TOKENS: texts one after another, cut without padding to equal lengths."""
    repeats = np.array([REPEATS.get(source, 1) for source in sources])
    while True:
        draws = np.repeat(np.arange(len(texts)), (repeats + rng.random(len(texts))).astype(int))
        rng.shuffle(draws)
        for start in range(0, len(draws), 8192):
            parts = np.array_split(draws[start : start + 8192], len(LENGTHS))
            batches = []
            for length, part in zip(LENGTHS, parts):
                stream = np.concatenate([texts[i] for i in part])
                windows = stream[: len(stream) // (length - 2) * (length - 2)].reshape(-1, length - 2)
                ids = np.pad(windows.astype(np.int64), ((0, 0), (1, 1)), constant_values=((0, 0), (CLS, SEP)))
                rng.shuffle(ids)  # else a batch would be a few texts
                size = BATCH_TOKENS // length
                batches += [ids[i : i + size] for i in range(0, len(ids) - size + 1, size)]
            for i in rng.permutation(len(batches)):
                yield batches[i]


def hide(ids: np.ndarray, share: float, vocabulary: int, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """(ids [B, T] with words hidden, their places [masked] in the flattened ids, what they were [masked]). Of hidden
    words, four fifths become [MASK], a tenth another word, a tenth stays."""
    flat = ids.reshape(-1).copy()
    words = np.flatnonzero(flat >= len(SPECIAL))
    at = rng.choice(words, max(1, round(share * len(words))), replace=False)
    gold = flat[at]
    how = rng.random(len(at))
    replaced = np.where(how < 0.8, MASK, rng.integers(len(SPECIAL), vocabulary, len(at)))
    flat[at] = np.where(how < 0.9, replaced, gold)
    return torch.from_numpy(flat.reshape(ids.shape)), torch.from_numpy(at), torch.from_numpy(gold)


class Sampler:
    """Words to compare guesses with, drawn by how frequent they are."""

    def __init__(self, counts: np.ndarray):
        self.probabilities = (counts + 1.0) ** 0.75
        self.probabilities /= self.probabilities.sum()

    def draw(self, gold: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """(words [chosen], the place of each of `gold` [masked] among them, what to take off each word's logit [chosen]:
        the logarithm of how often a draw has it, for the estimate of the whole softmax to be unbiased)."""
        drawn = rng.choice(len(self.probabilities), SAMPLED, p=self.probabilities)
        words = np.union1d(drawn, gold.numpy())
        expected = 1 - (1 - self.probabilities[words]) ** (SAMPLED + len(gold))
        place = np.searchsorted(words, gold.numpy())
        return torch.from_numpy(words), torch.from_numpy(place), torch.from_numpy(np.log(expected)).float()


Dev = list[tuple[Tensor, Tensor, Tensor, Tensor, np.ndarray]]


def hide_dev(texts: list[np.ndarray], sources: np.ndarray, vocabulary: int) -> Dev:
    """Batches (ids, present, places, gold, sources of the places) of the beginnings of held-out texts, always alike."""
    rng = np.random.default_rng(5)
    order = np.argsort([len(text) for text in texts], kind="stable")
    batches = []
    for part in np.array_split(order, -(-len(order) // 32)):
        ids, present = pad([texts[i][: LENGTHS[-1] - 2] for i in part])
        hidden, at, gold = hide(ids.numpy(), MASKED_DEV, vocabulary, rng)
        batches.append((hidden, present, at, gold, sources[part][at.numpy() // ids.shape[1]]))
    return batches


def perplexity(model: BertForMaskedLM, dev: Dev, device: str) -> dict[str, float]:
    """Of hidden words: over all held-out texts ('all') and by source."""
    losses, sources = [], []
    for ids, present, at, gold, source in dev:
        logits = model(ids.to(device), present.to(device), at.to(device)).float().cpu()
        losses.append(F.cross_entropy(logits, gold, reduction="none").double().numpy())
        sources.append(source)
    loss, source = np.concatenate(losses), np.concatenate(sources)
    larger = [name for name in ("imdb", "win32", "aeslc", "squadshifts") if name in source]
    return {"all": math.exp(loss.mean())} | {name: math.exp(loss[source == name].mean()) for name in larger}


def from_counts(model: BertForMaskedLM, vectors: np.ndarray, counts: np.ndarray) -> None:
    """What counting already knows: words are their vectors, the output's bias is how frequent they are. And the first
    layer's heads look at the words just before and after, which else has to emerge (loss after 200 steps: 6.31, without
    6.54)."""
    model.bert.embeddings.word_embeddings.weight.data.copy_(torch.from_numpy(vectors) * 0.1)
    frequency = (counts + 1) / (counts + 1).sum()
    model.cls["predictions"].bias.data.copy_(torch.from_numpy(np.log(frequency)))
    look_at_neighbours(model)
    for layer in model.bert.encoder["layer"]:  # near identity at first, so that a high rate is stable
        for output in (layer.attention["output"], layer.output):
            output.dense.weight.data *= (2 * model.config.num_hidden_layers) ** -0.5


def look_at_neighbours(model: BertForMaskedLM, offsets: tuple[int, ...] = (-1, 1, -2, 2)) -> None:
    """Positions become sinusoids in a subspace as wide as a head; the first layer's keys read them there and its
    queries read them rotated by a head's offset, so that a score is highest where key position = query position +
    offset."""
    config = model.config
    width = config.hidden_size // config.num_attention_heads
    frequencies = torch.logspace(math.log10(2.5), math.log10(0.02), width // 2)
    basis = torch.linalg.qr(torch.randn(config.hidden_size, width))[0].T  # [width, hidden]
    angles = torch.arange(config.max_position_embeddings)[:, None] * frequencies  # [positions, width / 2]
    positions = torch.cat([angles.cos(), angles.sin()], 1) @ basis
    model.bert.embeddings.position_embeddings.weight.data.copy_(0.14 * positions)
    attention = model.bert.encoder["layer"][0].attention["self"]
    cosines, sines = basis.chunk(2)  # [width / 2, hidden] each
    for head in range(config.num_attention_heads):
        turn = (offsets[head % len(offsets)] * frequencies)[:, None]
        rows = slice(head * width, (head + 1) * width)
        attention.key.weight.data[rows] = basis
        attention.query.weight.data[rows] = torch.cat([
            turn.cos() * cosines - turn.sin() * sines,
            turn.sin() * cosines + turn.cos() * sines,
        ])


Batch = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]


def pretrain(model: BertForMaskedLM, arguments: Namespace, peak: float, export: Callable[[], None]) -> None:
    """Trains on text.train, see loop.py."""
    device, work = arguments.device, arguments.work
    texts, sources, dev_texts, dev_sources = split(work / "text.npz")
    vocabulary = model.config.vocab_size
    dev = hide_dev(dev_texts, dev_sources, vocabulary)
    sampler = Sampler(np.bincount(np.load(work / "text.npz")["ids"], minlength=vocabulary))

    def batches(seed: int) -> Iterator[Batch]:
        rng = np.random.default_rng(seed)
        for batch in rows(texts, sources, rng):
            ids, at, gold = hide(batch, MASKED, vocabulary, rng)
            yield ids, at, *sampler.draw(gold, rng)

    def step(batch: Batch, _: float) -> tuple[Tensor, int]:
        ids, at, chosen, place, offset = (x.to(device) for x in batch)
        logits = model(ids, torch.ones_like(ids), at, chosen)
        return F.cross_entropy(logits.float() - offset, place), ids.numel()

    train("encoder", model, arguments, peak, batches, step, lambda: perplexity(model, dev, device), export, REPORTS)
