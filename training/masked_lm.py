"""Masked language modelling: BERT learns English by guessing hidden words of text.train (bert.py is the model).

A quarter of the words is hidden rather than BERT's 15 %: small models trained for a short time learn more from each
token so (Wettig et al. 2022, https://arxiv.org/abs/2202.08005). Perplexity is measured at 15 %, as is usual.
"""
import math
import signal
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bert import BertForMaskedLM
from precision import autocast
from quantize import QuantizedLinear
from schedule import Clock, adamw, advance
from sequences import pad
from tokenizer import CLS, MASK, SEP, SPECIAL

LENGTHS = (64, 96, 128)
BATCH_TOKENS = 4096
PEAK_RATE = 1e-3
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


@torch.no_grad()
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


def train(model: BertForMaskedLM, arguments: Namespace, save: Callable[[], None]) -> None:
    """Trains for arguments.minutes, or what a resumed run has left of them, calling `save` at each checkpoint. SIGTERM
    ends it with a checkpoint. The curve is appended to encoder.curve.tsv."""
    device, work = arguments.device, arguments.work
    texts, sources, dev_texts, dev_sources = split(work / "text.npz")
    vocabulary = model.config.vocab_size
    dev = hide_dev(dev_texts, dev_sources, vocabulary)

    optimizer = adamw(model, PEAK_RATE)
    step, elapsed, tokens = 0, 0.0, 0
    checkpoint, curve = work / "encoder.pt", work / "encoder.curve.tsv"
    if arguments.resume and checkpoint.exists():
        state = torch.load(checkpoint, map_location=device)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        step, elapsed, tokens = state["step"], state["elapsed"], state["tokens"]
    else:
        curve.write_text("step\tminutes\ttokens\tloss\tperplexity\n")

    def keep(loss: float) -> None:
        state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(),
                 "step": step, "elapsed": elapsed, "tokens": tokens}
        torch.save(state, checkpoint.with_suffix(".partial"))
        checkpoint.with_suffix(".partial").rename(checkpoint)
        save()
        scores = perplexity(model, dev, device)
        line = "  ".join(f"{name} {value:.2f}" for name, value in scores.items())
        print(f"   perplexity {line}", file=sys.stderr, flush=True)
        with curve.open("a") as file:
            file.write(f"{step}\t{elapsed / 60:.1f}\t{tokens}\t{loss:.4f}\t{scores['all']:.3f}\n")

    stopped = False

    def stop(*_: object) -> None:
        nonlocal stopped
        stopped = True

    signal.signal(signal.SIGTERM, stop)
    limit = arguments.minutes * 60
    rng = np.random.default_rng(step + 1)
    stream = rows(texts, sources, rng)
    began, began_tokens, running = time.monotonic(), tokens, 0.0
    next_report = elapsed + limit / REPORTS
    clock = Clock(device)
    while elapsed < limit and not stopped:
        advance(optimizer, elapsed / limit, PEAK_RATE)
        ids, at, gold = (x.to(device) for x in hide(next(stream), MASKED, vocabulary, rng))
        with autocast(device):
            logits = model(ids, torch.ones_like(ids), at)
        loss = F.cross_entropy(logits.float(), gold)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        step += 1
        tokens += ids.numel()
        running = 0.98 * running + 0.02 * float(loss) if running else float(loss)
        elapsed += clock.lap()
        if step % 50 == 0:
            rate = (tokens - began_tokens) / (time.monotonic() - began)
            print(f"step {step}  {elapsed / 60:.1f} min  loss {running:.3f}  {tokens / 1e6:.2f} M tokens  {rate:.0f}/s",
                  file=sys.stderr, flush=True)
        if elapsed >= next_report:
            next_report += limit / REPORTS
            keep(running)
            clock.lap()
    if not stopped:
        QuantizedLinear.quantized = True
    keep(running)
