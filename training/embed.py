"""Sentence embeddings: the encoder with mean pooling, trained by contrast (Reimers and Gurevych 2019,
https://arxiv.org/abs/1908.10084): of all texts in a batch, a text's own partner should be nearest. The first 64, 128 and
256 numbers of a vector are each trained to be an embedding (Kusupati et al. 2022, https://arxiv.org/abs/2205.13147).

Pairs: questions and passages that answer them, summaries and titles and what they are of, two English sentences with one
translation, two parts of a text, and a sentence and the passage that it was taken from.
"""
import re
import sys
from argparse import Namespace
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from scipy import sparse
from torch import Tensor, nn

import corpus
from bert import Bert, BertConfig, initialize
from encoder import bert_config, pretrained
from loop import train
from precision import autocast
from quantize import load_int8, save_int8
from sequences import pad
from tokenizer import WordPiece

#: From the encoder, and from embeddings that were trained before.
PEAK_RATE, FURTHER_RATE = 4e-4, 3e-4
DIMENSIONS = (64, 128, 256)
TEMPERATURE = 0.05
#: Pairs of a batch, by the most tokens of a text; harder the more there are.
BATCH_TOKENS = 8192
CONTEXT = 126
#: How often a batch is of a kind; all pairs of a batch are of one, so that no kind is told apart by its style.
SHARES = {"question": 0.36, "cloze": 0.22, "summary": 0.14, "paraphrase": 0.1, "parts": 0.18}

#: Questions of a batch whose passages are alike: the wrong passages that are hard to tell from the right one.
ALIKE, NEIGHBOURS = 6, 20

Ids = np.ndarray
Pair = tuple[Ids, Ids]
Draw = Callable[[np.random.Generator], list[Pair]]


class BertEmbedder(nn.Module):
    def __init__(self, config: BertConfig):
        super().__init__()
        self.config = config
        self.bert = Bert(config)
        initialize(self)

    def forward(self, ids: Tensor, present: Tensor) -> Tensor:
        """Means of hidden states [B, hidden]."""
        hidden = self.bert(ids, present)
        return (hidden * present[:, :, None]).sum(1) / present.sum(1, keepdim=True)


def kinds(data: Path, work: Path, wordpiece: WordPiece) -> dict[str, Draw]:
    """By name: draws a pair of its kind, or some that are hard to tell apart."""
    encode = lambda text: np.array(wordpiece.encode(text), np.uint16)
    asked: dict[str, list[Ids]] = defaultdict(list)
    for row in corpus.read(data, "qa.train"):
        asked[row["context"]].append(encode(row["question"]))
    passages = [(encode(context), own) for context, own in asked.items()]
    alike = neighbours([passage for passage, _ in passages], len(wordpiece))
    summaries = []
    for row in corpus.read(data, "summarize.train"):
        whole = encode(row["text"][:4000])
        for short in (row["summary"], row.get("title")):
            if short and len(whole) > 20:
                summaries.append((encode(short)[:CONTEXT], whole))
    same: dict[tuple[str, str], set[str]] = defaultdict(set)
    for row in corpus.read(data, "translate.train"):
        same[row["pair"], row["tgt"]].add(row["src"])
    paraphrases = [[encode(text) for text in sorted(texts)] for texts in same.values() if len(texts) > 1]
    texts = []
    for i, row in enumerate(corpus.read(data, "text.train")):
        if row["source"] != "imdb" or i % 6 == 0:
            sentences = [encode(s) for s in re.split(r"(?<=[.!?])\s+", row["text"][:6000])]
            sentences = [s for s in sentences if len(s) > 3]
            if sum(map(len, sentences)) > 60 and len(sentences) > 3:
                texts.append(sentences)
    print(f"{len(passages):,} passages with questions, {len(summaries):,} summaries, {len(paraphrases):,} paraphrases, "
          f"{len(texts):,} texts", file=sys.stderr)

    def window(ids: Ids, rng: np.random.Generator, size: int) -> Ids:
        at = int(rng.integers(0, max(1, len(ids) - size + 1)))
        return ids[at : at + size]

    def question(rng: np.random.Generator) -> list[Pair]:
        first = int(rng.integers(len(passages)))
        group = [first, *rng.choice(alike[first], ALIKE - 1, replace=False)]
        pairs = []
        for i in group:
            passage, own = passages[i]
            part = passage[:CONTEXT] if rng.random() < 0.6 else window(passage, rng, CONTEXT)
            pairs.append((own[int(rng.integers(len(own)))], part))
        return pairs

    def summary(rng: np.random.Generator) -> list[Pair]:
        short, whole = summaries[int(rng.integers(len(summaries)))]
        return [(short, whole[:CONTEXT] if rng.random() < 0.7 else window(whole, rng, CONTEXT))]

    def paraphrase(rng: np.random.Generator) -> list[Pair]:
        group = paraphrases[int(rng.integers(len(paraphrases)))]
        first, second = rng.choice(len(group), 2, replace=False)
        return [(group[first], group[second])]

    def cloze(rng: np.random.Generator) -> list[Pair]:
        """A sentence, some of whose words are dropped, and the text around it, mostly without it."""
        sentences = texts[int(rng.integers(len(texts)))]
        at = int(rng.integers(len(sentences)))
        kept = sentences[at][rng.random(len(sentences[at])) > 0.3]
        before, after = sentences[max(0, at - 4) : at], sentences[at + 1 : at + 6]
        with_it = [sentences[at]] if rng.random() < 0.25 else []
        around = np.concatenate([*before, *with_it, *after])
        return [((kept if len(kept) > 2 else sentences[at])[:48], window(around, rng, CONTEXT))]

    def parts(rng: np.random.Generator) -> list[Pair]:
        sentences = texts[int(rng.integers(len(texts)))]
        half = len(sentences) // 2
        size = int(rng.integers(16, 64))
        first, second = np.concatenate(sentences[:half]), np.concatenate(sentences[half:])
        return [(window(first, rng, size), window(second, rng, 2 * size))]

    return {"question": question, "cloze": cloze, "summary": summary, "paraphrase": paraphrase, "parts": parts}


def neighbours(passages: list[Ids], vocabulary: int) -> np.ndarray:
    """[passages, NEIGHBOURS]: of each the most alike by the cosine of their tf-idf."""
    ends = np.cumsum([0, *map(len, passages)])
    ids = np.concatenate(passages).astype(np.int64)
    counts = sparse.csr_matrix((np.ones(len(ids), np.float32), ids, ends), shape=(len(passages), vocabulary))
    counts.sum_duplicates()
    holding = np.bincount(counts.indices, minlength=vocabulary)
    counts.data = (1 + np.log(counts.data)) * np.log(len(passages) / holding[counts.indices])
    lengths = np.sqrt(counts.multiply(counts).sum(1)).A1
    cosines = (sparse.diags(1 / np.maximum(lengths, 1e-9)) @ counts)
    cosines = (cosines @ cosines.T).toarray()
    np.fill_diagonal(cosines, -1)
    return np.argpartition(-cosines, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]


def loss_of(left: Tensor, right: Tensor) -> Tensor:
    """InfoNCE both ways, over the first 64, 128 and 256 dimensions of vectors [pairs, 256]."""
    total = left.new_zeros(())
    own = torch.arange(len(left), device=left.device)
    for size in DIMENSIONS:
        cosines = F.normalize(left[:, :size], dim=1) @ F.normalize(right[:, :size], dim=1).T / TEMPERATURE
        total = total + F.cross_entropy(cosines, own) + F.cross_entropy(cosines.T, own)
    return total / (2 * len(DIMENSIONS))


def run(arguments: Namespace) -> None:
    device = arguments.device
    folder = arguments.models / "embed" if arguments.start == "model" else pretrained(arguments)
    assert folder, "train the encoder first"
    print(f"starts from {folder}", file=sys.stderr)
    wordpiece = WordPiece.load(folder)
    model = BertEmbedder(bert_config(folder))
    state = load_int8(folder / "model.safetensors")
    model.load_state_dict({name: x for name, x in state.items() if name.startswith("bert.")})
    model.to(device)
    draws = kinds(arguments.data, arguments.work, wordpiece)
    dev = retrieval(arguments.data, wordpiece)

    def batches(seed: int) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor]]:
        rng = np.random.default_rng(seed)
        names = list(SHARES)
        while True:
            draw = draws[names[int(rng.choice(len(names), p=list(SHARES.values())))]]
            pairs: list[Pair] = []
            while len(pairs) < 384:
                more = [*pairs, *draw(rng)]
                longest = sum(max(len(pair[side]) + 2 for pair in more) for side in (0, 1))
                if pairs and longest * len(more) > BATCH_TOKENS:
                    break
                pairs = more
            # A passage that two pairs share would be called wrong for one of them.
            unique = list({pair[1].tobytes(): pair for pair in pairs}.values())
            yield *pad([left for left, _ in unique]), *pad([right for _, right in unique])

    def step(batch: tuple[Tensor, ...], _: float) -> tuple[Tensor, int]:
        a, a_present, b, b_present = (x.to(device) for x in batch)
        return loss_of(model(a, a_present).float(), model(b, b_present).float()), a.numel() + b.numel()

    train("embed", model, arguments, FURTHER_RATE if arguments.start == "model" else PEAK_RATE, batches, step, lambda: recall(model, dev, device),
          lambda: export(model, wordpiece, arguments.models / "embed"))


def retrieval(data: Path, wordpiece: WordPiece) -> tuple[list[Ids], list[int], list[Ids]]:
    """(questions of qa.dev, the context of each, 1,000 contexts: all of qa.dev and some that training saw)."""
    rows = list(corpus.read(data, "qa.dev"))
    contexts = list(dict.fromkeys(row["context"] for row in rows))
    for row in corpus.read(data, "qa.train"):
        if len(contexts) == 1000:
            break
        if row["context"] not in contexts:
            contexts.append(row["context"])
    encode = lambda text: np.array(wordpiece.encode(text), np.uint16)
    rows = rows[::2]
    return ([encode(row["question"]) for row in rows], [contexts.index(row["context"]) for row in rows],
            [encode(context) for context in contexts])


def vectors(model: BertEmbedder, texts: list[Ids], device: str) -> Tensor:
    """[texts, hidden]: means of the windows, by length."""
    windows = [(i, part) for i, ids in enumerate(texts)
               for part in np.array_split(ids, max(1, -(-len(ids) // CONTEXT)))]
    windows.sort(key=lambda window: len(window[1]))
    out = torch.zeros(len(texts), model.config.hidden_size)
    for start in range(0, len(windows), 64):
        part = windows[start : start + 64]
        with autocast(device):
            means = model(*(x.to(device) for x in pad([ids for _, ids in part]))).float().cpu()
        for (i, ids), mean in zip(part, means):
            out[i] += mean * len(ids)
    return out


def recall(model: BertEmbedder, dev: tuple[list[Ids], list[int], list[Ids]], device: str) -> dict[str, float]:
    """Share of questions whose context is among the nearest, in percent."""
    questions, gold, contexts = dev
    q, c = vectors(model, questions, device), vectors(model, contexts, device)
    scores = {}
    for size, top in ((256, 1), (256, 10), (64, 10)):
        cosines = F.normalize(q[:, :size], dim=1) @ F.normalize(c[:, :size], dim=1).T
        nearest = cosines.topk(top, dim=1).indices
        hits = (nearest == torch.tensor(gold)[:, None]).any(1).float().mean()
        scores[f"recall@{top} of {size}"] = 100 * float(hits)
    return scores


def export(model: BertEmbedder, wordpiece: WordPiece, folder: Path) -> None:
    """The checkpoint in Hugging Face's layout, int8; the card beside it is kept by hand."""
    wordpiece.save(folder)
    model.config.write(folder, "BertModel")
    save_int8(model.state_dict(), folder / "model.safetensors")
