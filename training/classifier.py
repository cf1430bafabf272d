"""Classifiers of texts: BERT from the pretrained encoder with a head over the mean of its hidden states, trained on
labelled and weakly labelled texts of several sources.
"""
import json
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

import numpy as np
import torch
from torch import Tensor, nn

from bert import BertForSequenceClassification
from encoder import bert_config, pretrained
from loop import train
from precision import autocast
from quantize import load_int8, save_int8
from sequences import pad
from tokenizer import WordPiece

CONTEXT = 128
BATCH_TOKENS = 4096
#: From the encoder, and from what was trained before.
PEAK_RATE, FURTHER_RATE = 3e-4, 1.5e-4
SMOOTHING = 0.05


@dataclass
class Example:
    ids: np.ndarray  # without special tokens
    target: np.ndarray  # probabilities [labels]
    source: str


#: By name of a part: its texts' ids and the index of their labels.
Dev = dict[str, tuple[list[np.ndarray], list[int]]]


def one_hot(label: int, labels: int, smoothing: float = SMOOTHING) -> np.ndarray:
    return np.eye(labels, dtype=np.float32)[label] * (1 - smoothing) + np.float32(smoothing / labels)


def batches(
    examples: list[Example], repeats: dict[str, float], rng: np.random.Generator
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Endless (ids [B, T], present [B, T], targets [B, labels]) of about BATCH_TOKENS, each of similar lengths. repeats:
    how often a pass over the data draws each text of a source, of long ones a window a draw. Batches are of equal numbers
    of tokens, so short texts need many draws to have a say beside long ones."""
    often = np.array([repeats[e.source] for e in examples])
    while True:
        draws = np.repeat(np.arange(len(examples)), (often + rng.random(len(examples))).astype(int))
        rng.shuffle(draws)
        for start in range(0, len(draws), 8192):
            windows = []
            for i in draws[start : start + 8192]:
                ids = examples[i].ids
                if len(ids) > CONTEXT - 2:
                    at = rng.integers(0, len(ids) - (CONTEXT - 2) + 1)
                    ids = ids[at : at + CONTEXT - 2]
                windows.append((ids, examples[i].target))
            windows.sort(key=lambda window: len(window[0]))
            groups: list[list] = [[]]
            for window in windows:
                if groups[-1] and (len(window[0]) + 2) * (len(groups[-1]) + 1) > BATCH_TOKENS:
                    groups.append([])
                groups[-1].append(window)
            for g in rng.permutation(len(groups)):
                ids, present = pad([ids for ids, _ in groups[g]])
                yield ids, present, torch.from_numpy(np.stack([target for _, target in groups[g]]))


def loss_of(logits: Tensor, targets: Tensor) -> Tensor:
    return -(targets * logits.float().log_softmax(-1)).sum(-1).mean()


def windows_of(ids: np.ndarray, size: int = CONTEXT - 2) -> list[np.ndarray]:
    """The fewest windows of near-equal length, as the functions cut them."""
    return np.array_split(ids, max(1, -(-len(ids) // size)))


def predict(model: nn.Module, texts: list[np.ndarray], device: str) -> np.ndarray:
    """Logits [texts, labels]: those of the windows averaged by length."""
    windows = [(i, window) for i, ids in enumerate(texts) for window in windows_of(ids)]
    windows.sort(key=lambda window: len(window[1]))
    logits: Optional[np.ndarray] = None
    for start in range(0, len(windows), 64):
        part = windows[start : start + 64]
        ids, present = pad([window for _, window in part])
        with autocast(device):
            out = model(ids.to(device), present.to(device)).float().cpu().numpy()
        logits = np.zeros((len(texts), out.shape[1])) if logits is None else logits
        for (i, window), row in zip(part, out):
            logits[i] += row * max(1, len(window)) / max(1, len(texts[i]))
    assert logits is not None, "no texts"
    return logits


def accuracies(model: nn.Module, dev: Dev, device: str) -> dict[str, float]:
    """In percent, by part, among the labels that the part has."""
    scores = {}
    for name, (texts, gold) in dev.items():
        logits = predict(model, texts, device)
        absent = [label for label in range(logits.shape[1]) if label not in gold]
        logits[:, absent] = -np.inf
        scores[name] = 100 * float((logits.argmax(1) == np.array(gold)).mean())
    return scores


def fine_tune(
    name: str,
    labels: list[str],
    arguments: Namespace,
    load: Callable[[WordPiece], tuple[list[Example], Dev]],
    repeats: dict[str, float],
    start: Optional[Path] = None,
) -> None:
    """Trains model NAME from the encoder, or from that of the model in `start`."""
    folder = start or pretrained(arguments)
    assert folder, "train the encoder first"
    print(f"starts from {folder}", file=sys.stderr)
    wordpiece = WordPiece.load(folder)
    config = bert_config(folder)
    config.num_hidden_layers = min(arguments.layers or config.num_hidden_layers, config.num_hidden_layers)
    config.num_labels = len(labels)
    model = BertForSequenceClassification(config)
    state = load_int8(folder / "model.safetensors")
    if state.get("classifier.weight", model.classifier.weight).shape != model.classifier.weight.shape:
        state = {name: x for name, x in state.items() if name.startswith("bert.")}  # another model's labels
    missing, _ = model.load_state_dict(state, strict=False)
    assert all(name.startswith("classifier.") for name in missing), missing
    model.to(arguments.device)
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters", file=sys.stderr)
    examples, dev = load(wordpiece)

    def step(batch: tuple[Tensor, Tensor, Tensor], _: float) -> tuple[Tensor, int]:
        ids, present, targets = (x.to(arguments.device) for x in batch)
        return loss_of(model(ids, present), targets), ids.numel()

    rate = FURTHER_RATE if arguments.start == "model" else PEAK_RATE
    train(name, model, arguments, rate, lambda seed: batches(examples, repeats, np.random.default_rng(seed)), step,
          lambda: accuracies(model, dev, arguments.device),
          lambda: export(model, labels, wordpiece, arguments.models / name))


def export(model: BertForSequenceClassification, labels: list[str], wordpiece: WordPiece, folder: Path) -> None:
    """The checkpoint in Hugging Face's layout, int8; the card beside it is kept by hand."""
    wordpiece.save(folder)
    model.config.write(folder, "BertForSequenceClassification", classifier_pooling="mean", **label_maps(labels))
    save_int8(model.state_dict(), folder / "model.safetensors")


def label_maps(labels: list[str]) -> dict[str, dict]:
    """config.json's."""
    return {
        "id2label": {str(i): label for i, label in enumerate(labels)},
        "label2id": {label: i for i, label in enumerate(labels)},
    }
