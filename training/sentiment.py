"""The three-class sentiment model: BERT, from the pretrained encoder or from counted word vectors, trained on labelled
text and on the teacher's labels.

Neutral is learned from tweets that people judged neutral, from plot sentences, and from captions, requests to an
assistant, and sentences of documentation and news, which are weakly labelled: their target leaves room for doubt.
"""
import json
import re
import sys
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

import corpus
import teacher
from bert import BertConfig, BertForSequenceClassification
from encoder import pretrained
from precision import autocast
from quantize import QuantizedLinear, load_int8, save_int8
from schedule import Clock, adamw, advance
from sequences import pad
from tokenizer import PAD, WordPiece

LABELS = ["negative", "neutral", "positive"]
CONTEXT = BertConfig.max_position_embeddings
BATCH_TOKENS = 4096
#: From word vectors, and from the pretrained encoder, which a high rate would make forget.
PEAK_RATE, TUNING_RATE = 5e-4, 2e-4
SMOOTHING = 0.05
#: How often a pass over the data draws each text of a source (reviews: one window a draw). Batches are of equal
#: numbers of tokens, so short texts need many draws to have a say beside reviews.
REPEATS = {"imdb": 1, "unlabelled": 0.4, "sst2": 8, "tweeteval": 8, "pros_cons": 0.5, "subjectivity": 2, "weak": 1}
#: Reviews kept out of training to choose by; the test split is for reporting only.
HELD_OUT = 1000


@dataclass
class Example:
    ids: np.ndarray  # without special tokens
    target: np.ndarray  # probabilities [3]
    source: str


def one_hot(label: str) -> np.ndarray:
    return np.eye(3, dtype=np.float32)[LABELS.index(label)] * (1 - SMOOTHING) + SMOOTHING / 3


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


def load_examples(data: Path, work: Path, wordpiece: WordPiece) -> tuple[list[Example], list[Example]]:
    """(training examples, held-out reviews)"""
    labelled, seen = [], set()
    for row in corpus.read(data, "sentiment.train"):
        ids = np.array(wordpiece.encode(row["text"]), np.uint16)
        if len(ids):
            labelled.append(Example(ids, one_hot(row["label"]), row["source"]))
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
    return reviews + rest + pseudo + weak_neutral(data, wordpiece), held_out


def batches(examples: list[Example], rng: np.random.Generator, device: str) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Endless (ids [B, T], present [B, T], targets [B, 3]) of about BATCH_TOKENS, each of similar lengths."""
    repeats = np.array([REPEATS[e.source] for e in examples])
    while True:
        draws = np.repeat(np.arange(len(examples)), (repeats + rng.random(len(examples))).astype(int))
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
            groups, group = [], []
            for window in windows:
                if group and (len(window[0]) + 2) * (len(group) + 1) > BATCH_TOKENS:
                    groups.append(group)
                    group = []
                group.append(window)
            groups.append(group)
            for g in rng.permutation(len(groups)):
                ids, present = pad([ids for ids, _ in groups[g]])
                targets = torch.from_numpy(np.stack([target for _, target in groups[g]]))
                yield ids.to(device), present.to(device), targets.to(device)


def windows_of(ids: np.ndarray, size: int = CONTEXT - 2) -> list[np.ndarray]:
    """The fewest windows of near-equal length, as the function cuts them."""
    return np.array_split(ids, max(1, -(-len(ids) // size)))


@torch.no_grad()
def predict(model: BertForSequenceClassification, texts: list[np.ndarray], device: str) -> np.ndarray:
    """Logits [texts, 3]: those of the windows averaged by length."""
    model.eval()
    windows = [(i, window) for i, ids in enumerate(texts) for window in windows_of(ids)]
    windows.sort(key=lambda window: len(window[1]))
    logits = np.zeros((len(texts), 3))
    for start in range(0, len(windows), 64):
        part = windows[start : start + 64]
        ids, present = pad([window for _, window in part])
        out = model(ids.to(device), present.to(device)).float().cpu().numpy()
        for (i, window), row in zip(part, out):
            logits[i] += row * max(1, len(window)) / max(1, len(texts[i]))
    model.train()
    return logits


def accuracy(logits: np.ndarray, gold: list[int], two_way: bool) -> float:
    if two_way:
        logits = logits * [1, 0, 1] + [0, -1e9, 0]
    return float((logits.argmax(1) == np.array(gold)).mean())


def begin(arguments: Namespace) -> tuple[BertForSequenceClassification, WordPiece, float]:
    """(model to train, its tokenizer, peak rate): from the pretrained encoder, where there is one and the caller has
    not asked for vectors."""
    folder = pretrained(arguments) if arguments.start == "encoder" else None
    print(f"starts from {folder or 'word vectors'}", file=sys.stderr)
    if folder:
        wordpiece = WordPiece.load(folder)
        layers = json.loads((folder / "config.json").read_text())["num_hidden_layers"]
        layers = min(arguments.layers or layers, layers)
        model = BertForSequenceClassification(BertConfig(len(wordpiece), num_hidden_layers=layers))
        state = {name: x for name, x in load_int8(folder / "model.safetensors").items() if name.startswith("bert.")}
        missing, _ = model.load_state_dict(state, strict=False)
        assert all(name.startswith("classifier.") for name in missing), missing
        return model, wordpiece, TUNING_RATE
    wordpiece = WordPiece.load(arguments.work / "tokenizer")
    model = BertForSequenceClassification(BertConfig(len(wordpiece), num_hidden_layers=arguments.layers or 4))
    vectors = torch.from_numpy(np.load(arguments.work / "vectors.npy"))
    model.bert.embeddings.word_embeddings.weight.data.copy_(vectors * 0.1)
    return model, wordpiece, PEAK_RATE


def run(arguments: Namespace) -> None:
    device, work = arguments.device, arguments.work
    model, wordpiece, peak = begin(arguments)
    model.to(device)
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters", file=sys.stderr)

    examples, held_out = load_examples(arguments.data, work, wordpiece)
    dev: dict[str, tuple[list[np.ndarray], list[int]]] = {
        "imdb held out": ([e.ids for e in held_out], [int(e.target.argmax()) for e in held_out])
    }
    for row in corpus.read(arguments.data, "sentiment.dev"):
        texts, gold = dev.setdefault(row["source"], ([], []))
        texts.append(np.array(wordpiece.encode(row["text"]), np.uint16))
        gold.append(LABELS.index(row["label"]))

    optimizer = adamw(model, peak)
    step, elapsed, seed = 0, 0.0, 1
    checkpoint = work / "sentiment.pt"
    if arguments.resume and checkpoint.exists():
        state = torch.load(checkpoint, map_location=device)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        step, elapsed, seed = state["step"], state["elapsed"], state["step"]

    limit = arguments.minutes * 60
    stream = batches(examples, np.random.default_rng(seed), device)
    tokens, running, next_report = 0, 0.0, elapsed + limit / 10
    clock = Clock(device)
    while elapsed < limit:
        advance(optimizer, elapsed / limit, peak)
        ids, present, targets = next(stream)
        with autocast(device):
            logits = model(ids, present)
        loss = -(targets * logits.float().log_softmax(-1)).sum(-1).mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        step += 1
        tokens += ids.numel()
        running = 0.98 * running + 0.02 * float(loss) if step > 1 else float(loss)
        elapsed += clock.lap()
        if step % 50 == 0:
            print(f"step {step}  {elapsed / 60:.1f} min  loss {running:.3f}  {tokens / 1e6:.2f} M tokens", file=sys.stderr, flush=True)
        if elapsed >= next_report:
            next_report += limit / 10
            torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step, "elapsed": elapsed}, checkpoint)
            report(model, dev, device)
            export(model, wordpiece, arguments.models / "sentiment")
            clock.lap()
    QuantizedLinear.quantized = True
    report(model, dev, device)
    export(model, wordpiece, arguments.models / "sentiment")


def report(model: BertForSequenceClassification, dev: dict, device: str) -> None:
    for name, (texts, gold) in dev.items():
        score = accuracy(predict(model, texts, device), gold, two_way=1 not in gold)
        print(f"   {name}: {100 * score:.2f} %", file=sys.stderr, flush=True)


def export(model: BertForSequenceClassification, wordpiece: WordPiece, folder: Path) -> None:
    """The checkpoint in Hugging Face's layout, int8; the card beside it is kept by hand."""
    config = model.config
    wordpiece.save(folder)
    (folder / "config.json").write_text(json.dumps({
        "architectures": ["BertForSequenceClassification"],
        "model_type": "bert",
        "vocab_size": config.vocab_size,
        "hidden_size": config.hidden_size,
        "num_hidden_layers": config.num_hidden_layers,
        "num_attention_heads": config.num_attention_heads,
        "intermediate_size": config.intermediate_size,
        "max_position_embeddings": config.max_position_embeddings,
        "type_vocab_size": 2,
        "hidden_act": "relu",
        "layer_norm_eps": 1e-12,
        "pad_token_id": PAD,
        "classifier_pooling": "mean",
        "id2label": {str(i): label for i, label in enumerate(LABELS)},
        "label2id": {label: i for i, label in enumerate(LABELS)},
    }, indent=2) + "\n")
    save_int8(model.state_dict(), folder / "model.safetensors")
