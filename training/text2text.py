"""Text from text by T5: spans of text.train put back where they were taken out (Raffel et al. 2019), then summaries of
summarize.train by a prefix that says of which kind.

Most summaries repeat what the text says, and repeating is what a short training does not find (after 1.2 million tokens
there was no trace of it). So the model is given it at the start, see copy_at_first(): it then learns what not to repeat.
"""
import json
import math
import random
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from tokenizers import AddedToken, Tokenizer, processors
from torch import Tensor, nn

import corpus
from loop import train
from masked_lm import Sampler
from quantize import QuantizedLinear, load_int8
from sequences import Pairs
from t5 import T5, T5Config

PAD, END = "<pad>", "</s>"
SENTINELS = [f"<extra_id_{i}>" for i in range(32)]
PEAK_RATE, FURTHER_RATE = 2e-3, 1e-3
BATCH_TOKENS = 3072
SOURCE, TARGET = 256, 96
#: Tokens of a text that is to be mended, the share that is taken out, and how long a span is.
SPAN_TEXT, TAKEN, SPAN = 112, 0.15, 3
#: The share of batches that mend texts, at the beginning; it falls to none by MENDED_UNTIL of the run.
MENDED, MENDED_UNTIL = 0.3, 0.3
#: What each source's summaries are: the prefix of its texts.
PREFIX = {"aeslc": "headline", "scitldr": "abstract", "bbc": "abstract", "win32": "abstract"}
#: How often a pass draws the texts of a source.
REPEATS = {"scitldr": 4, "bbc": 3}
HELD_OUT = 200

Example = tuple[list[int], list[int]]


def on_one_line(text: str) -> str:
    """With a space before each word, the first too: a word has the same tokens wherever it stands."""
    return "".join(f" {word}" for word in text.split())


def prefixed(row: dict) -> str:
    return f"{PREFIX[row['source']]}:{on_one_line(row['text'])}"


def make_tokenizer(chat: Path) -> Tokenizer:
    """The chat model's, with the tokens of T5."""
    tokenizer = Tokenizer.from_file(str(chat / "tokenizer.json"))
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in [PAD, END, *SENTINELS]])
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"$A {END}", special_tokens=[(END, tokenizer.token_to_id(END))])
    return tokenizer


def save_tokenizer(tokenizer: Tokenizer, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokenizer.json").write_text(json.dumps(json.loads(tokenizer.to_str()), ensure_ascii=False))
    (folder / "tokenizer_config.json").write_text(json.dumps({
        "tokenizer_class": "PreTrainedTokenizerFast", "pad_token": PAD, "eos_token": END,
    }, indent=2) + "\n")


def corrupt(ids: np.ndarray, sentinels: list[int], end: int, rng: random.Random) -> Example:
    """(the text with spans replaced by sentinels, the sentinels with the spans)."""
    source, target, at, taken = [], [], 0, 0
    for sentinel in sentinels:
        gap = rng.randint(1, round(2 * SPAN * (1 / TAKEN - 1)))
        length = rng.randint(1, 2 * SPAN - 1)
        if at + gap + length > len(ids):
            break
        source += [*ids[at : at + gap].tolist(), sentinel]
        target += [sentinel, *ids[at + gap : at + gap + length].tolist()]
        at += gap + length
        taken += length
    return [*source, *ids[at:].tolist(), end], [*target, end]


def copy_at_first(model: T5, words: Tensor, colon: int) -> None:
    """Makes a model that repeats its source: words are known from elsewhere, and attention finds where the last two words
    written stand in the source and tells the word behind them (an induction head, Olsson et al. 2022,
    https://arxiv.org/abs/2209.11895, laid out by hand). All else begins near nothing.

    The space of hidden states has parts: `key`, by which words are told apart; `first` and `second`, which hold the keys of
    the words one and two before, and which words themselves leave empty; `values`, which say which word to write.
    @words [known, D]: vectors of the first words of the vocabulary; @colon: the end of a prefix, where texts begin.
    """
    config = model.config
    D, width = config.d_model, config.d_kv
    basis = torch.linalg.qr(torch.randn(D, D))[0]
    key, first, second = basis[:, :32], basis[:, 32:64], basis[:, 64:96]  # [D, 32] each
    values = basis[:, 96 : 96 + 2 * width].chunk(2, 1)  # two of [D, width]

    # Words, spread over all directions: half-way to having the same variance in each.
    centred = words - words.mean(0)
    left, scales, right = torch.linalg.svd(centred, full_matrices=False)
    table = model.shared.weight.data
    table[: len(words)] = left * scales.sqrt() @ right
    table[model.config.pad] = table[colon]  # what a target begins with
    empty = torch.cat([first, second], 1)
    table -= table @ empty @ empty.T
    table *= D**0.5 / table.norm(dim=1, keepdim=True)

    for name, module in model.named_modules():
        if isinstance(module, QuantizedLinear) and name.endswith((".o", "wo")):
            module.weight.data *= 0.1

    def look(attention: nn.Module, head: int, distance: int, into: Tensor) -> None:
        """A head that attends to the word `distance` before and puts its key into a part."""
        rows = slice(head * width, (head + 1) * width)
        attention.relative_attention_bias.weight.data[distance, head] = 8.0
        attention.q.weight.data[rows] = 0
        attention.v.weight.data[rows] = torch.cat([key, torch.zeros(D, width - 32)], 1).T
        attention.o.weight.data[:, rows] = torch.cat([into, torch.zeros(D, width - 32)], 1)

    source = model.encoder.block[0].layer[0].SelfAttention
    look(source, 0, 1, first)
    look(source, 1, 2, second)
    look(model.decoder.block[0].layer[0].SelfAttention, 0, 1, second)
    cross = model.decoder.block[0].layer[1].EncDecAttention
    for head, part in enumerate(values):
        rows = slice(head * width, (head + 1) * width)
        cross.q.weight.data[rows] = 0.25 * torch.cat([key, second], 1).T
        cross.k.weight.data[rows] = torch.cat([first, second], 1).T
        cross.v.weight.data[rows] = part.T
        cross.o.weight.data[:, rows] = 3 * part


def run(arguments: Namespace) -> None:
    folder, shipped = arguments.models / "text2text", arguments.published / "text2text"
    chat = next(at for at in (arguments.models / "chat", arguments.published / "chat") if (at / "model.safetensors").exists())
    tokenizer = make_tokenizer(chat)
    pad, end = tokenizer.token_to_id(PAD), tokenizer.token_to_id(END)
    sentinels = [tokenizer.token_to_id(token) for token in SENTINELS]
    model = T5(T5Config(tokenizer.get_vocab_size(), pad, end))
    peak = PEAK_RATE
    if arguments.start == "model":
        model.load_state_dict(load_int8(shipped / "model.safetensors"))
        peak = FURTHER_RATE
    else:
        known = load_int8(chat / "model.safetensors")["model.embed_tokens.weight"]
        copy_at_first(model, known, tokenizer.token_to_id(":"))
    model.to(arguments.device)
    text = np.load(arguments.work / "chat.text.npy")  # chat.py caches it
    batcher = Pairs(pad, BATCH_TOKENS)

    def examples(rows: list[dict]) -> list[Example]:
        sources = tokenizer.encode_batch_fast([prefixed(row) for row in rows])
        targets = tokenizer.encode_batch_fast([on_one_line(row["summary"]) for row in rows])
        return [([*a.ids[: SOURCE - 1], end], [*b.ids[: TARGET - 1], end] if len(b.ids) > TARGET else b.ids)
                for a, b in zip(sources, targets)]

    rows = [row for row in corpus.read(arguments.data, "summarize.train") for _ in range(REPEATS.get(row["source"], 1))]
    summaries = examples(rows)
    counts = np.bincount(text, minlength=tokenizer.get_vocab_size()) / len(text)
    written = np.bincount(np.concatenate([target for _, target in summaries]), minlength=tokenizer.get_vocab_size())
    counts = (counts + written / written.sum()) * 1e6
    counts[sentinels] = 1e3
    sampler = Sampler(counts)

    def batches_of(made: list[Example], rng: random.Random) -> list[tuple[Tensor, ...]]:
        made.sort(key=lambda example: (len(example[0]) + 20 * rng.random(), len(example[1])))
        return list(batcher.batches(made))

    progress_now = [0.0]

    def batches(seed: int) -> Iterator[tuple[Tensor, ...]]:
        rng, draws = random.Random(seed), np.random.default_rng(seed)
        pools: dict[str, list] = {"mended": [], "summaries": []}
        order: list[Example] = []
        while True:
            share = MENDED * max(0, 1 - progress_now[0] / MENDED_UNTIL)
            kind = "mended" if rng.random() < share else "summaries"
            if not pools[kind]:
                if kind == "mended":
                    starts = draws.integers(0, len(text) - SPAN_TEXT, 2_000)
                    made = [corrupt(text[a : a + rng.randint(SPAN_TEXT // 2, SPAN_TEXT)], sentinels, end, rng) for a in starts]
                else:
                    if len(order) < 4_000:
                        order = rng.sample(summaries, len(summaries))
                    made, order = order[:4_000], order[4_000:]
                pools[kind] = batches_of(made, rng)
                rng.shuffle(pools[kind])
            source, shifted, at, gold = pools[kind].pop()
            yield source, shifted, at, *sampler.draw(gold, draws)

    def step(batch: tuple[Tensor, ...], progress: float) -> tuple[Tensor, int]:
        progress_now[0] = progress
        source, shifted, at, chosen, place, offset = (x.to(arguments.device) for x in batch)
        logits = model(source, shifted, at, chosen)
        return F.cross_entropy(logits - offset, place), source.numel() + shifted.numel()

    by_source: dict[str, list[dict]] = {}
    for row in corpus.read(arguments.data, "summarize.dev"):
        by_source.setdefault(row["source"], []).append(row)
    dev = {name: list(batcher.batches(sorted(examples(part[:HELD_OUT]), key=lambda e: len(e[0]))))
           for name, part in by_source.items()}

    def report() -> dict[str, float]:
        """Perplexity of the tokens of held-out summaries."""
        scores = {}
        for name, held_out in dev.items():
            losses = [F.cross_entropy(model(*(x.to(arguments.device) for x in batch[:3])).cpu(), batch[3], reduction="none")
                      for batch in held_out]
            scores[name] = math.exp(torch.cat(losses).mean())
        return scores

    def export() -> None:
        save_tokenizer(tokenizer, folder)
        model.export(folder)

    train("text2text", model, arguments, peak, batches, step, report, export)
