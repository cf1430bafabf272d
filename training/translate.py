"""Translation between English, German and French by one Marian model, from pairs of sentences both ways."""
import math
import random
import re
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from torch import Tensor

import corpus
import joint_vocabulary
from joint_vocabulary import END, KEPT, LANGUAGES, PAD
from loop import train
from marian import Marian, MarianConfig
from masked_lm import Sampler
from quantize import load_int8
from sequences import Pairs

BATCH_TOKENS = 8192
PEAK_RATE, FURTHER_RATE = 1.5e-3, 8e-4
LONGEST = 120
#: Shares of the pairs that are joined with another, and in which something is to be copied.
JOINED, COPIED = 0.1, 0.2
#: Pairs of each direction and source that perplexity is measured on.
HELD_OUT = 300

Pair = tuple[str, str, str]  # language to write, source, target


def load(data: Path, split: str) -> dict[tuple[str, str], list[Pair]]:
    """By direction and source: pairs both ways."""
    pairs: dict[tuple[str, str], list[Pair]] = {}
    for row in corpus.read(data, f"translate.{split}"):
        english, other = row["pair"].split("-")
        for a, b, source, target in ((english, other, row["src"], row["tgt"]), (other, english, row["tgt"], row["src"])):
            pairs.setdefault((f"{a}-{b}", row["source"]), []).append((b, source, target))
    return pairs


_COPYABLE = re.compile(r"(?<!\w)(?:[A-Z]\w+|\d+)(?!\w)")
#: What is put around both sides of a pair: in front of and behind source and target alike.
_AROUND = [("{}", "{}"), ("{} ", ""), ("{}: ", ""), ("{}, ", ""), ("", " {}"), ("", " ({})"), ("{} ", " {}")]


def keep_in_place(pair: Pair, rng: random.Random) -> Pair:
    """Puts tokens to be copied into both sides: for or around names and numbers that both have, around everything, or at
    its ends. They are numbered as they follow one another in the source."""
    language, source, target = pair
    marks = iter("\ue000\ue001\ue002\ue003\ue004\ue005")
    once = [word for word in set(_COPYABLE.findall(source)) & set(_COPYABLE.findall(target))
            if source.count(word) == target.count(word) == 1]
    words = rng.sample(sorted(once), min(len(once), rng.randint(1, 2)))
    for word in words:
        put = next(marks) if rng.random() < 0.6 else f"{next(marks)}{word}{next(marks)}"
        source, target = source.replace(word, put), target.replace(word, put)
    if not words or rng.random() < 0.2:
        front, back = rng.choice(_AROUND)
        front, back = (part.format(next(marks)) if "{}" in part else part for part in (front, back))
        source, target = f"{front}{source}{back}", f"{front}{target}{back}"
    for i, mark in enumerate(mark for mark in source if "\ue000" <= mark <= "\ue005"):
        source, target = source.replace(mark, KEPT[i]), target.replace(mark, KEPT[i])
    return language, source, target


class Encoded(Pairs):
    """Pairs as ids."""

    def __init__(self, tokenizer: Tokenizer):
        super().__init__(tokenizer.token_to_id(PAD), BATCH_TOKENS)
        self.tokenizer = tokenizer
        self.end = tokenizer.token_to_id(END)
        self.tag = {language: tokenizer.token_to_id(token) for language, token in LANGUAGES.items()}

    def ids(self, pairs: list[Pair]) -> list[tuple[list[int], list[int]]]:
        sources = self.tokenizer.encode_batch_fast([source for _, source, _ in pairs])
        targets = self.tokenizer.encode_batch_fast([target for _, _, target in pairs])
        return [([self.tag[pair[0]], *source.ids], target.ids) for pair, source, target in zip(pairs, sources, targets)]


def run(arguments: Namespace) -> None:
    folder, shipped = arguments.models / "translate", arguments.published / "translate"
    pairs = load(arguments.data, "train")
    everything = [pair for part in pairs.values() for pair in part]
    made = next((path for at in (folder, shipped) if (path := at / "tokenizer.json").exists()), None)
    if made:
        tokenizer = Tokenizer.from_file(str(made))
    else:
        tokenizer = joint_vocabulary.train(source for _, source, _ in everything)
    encoded = Encoded(tokenizer)
    model = Marian(MarianConfig(tokenizer.get_vocab_size(), encoded.pad, encoded.end)).to(arguments.device)
    counts = np.zeros(tokenizer.get_vocab_size())
    for _, target in encoded.ids(everything[::7]):
        np.add.at(counts, target, 1)
    peak = PEAK_RATE
    if arguments.start == "model":
        model.load_state_dict(load_int8(shipped / "model.safetensors"))
        peak = FURTHER_RATE
    else:
        model.final_logits_bias.data[0] = torch.from_numpy(np.log((counts + 1) / (counts + 1).sum())).float()
    sampler = Sampler(counts)

    def batches(seed: int) -> Iterator[tuple[Tensor, ...]]:
        rng = random.Random(seed)
        draws = np.random.default_rng(seed)
        while True:
            order = rng.sample(everything, len(everything))
            for start in range(0, len(order), 16_384):
                chunk = order[start : start + 16_384]
                by_language = {language: [pair for pair in chunk if pair[0] == language] for language in LANGUAGES}
                varied = []
                for pair in chunk:
                    if rng.random() < JOINED:
                        other = rng.choice(by_language[pair[0]])
                        pair = (pair[0], f"{pair[1]} {other[1]}", f"{pair[2]} {other[2]}")
                    varied.append(keep_in_place(pair, rng) if rng.random() < COPIED else pair)
                examples = [(a, b) for a, b in encoded.ids(varied) if max(len(a), len(b)) <= LONGEST]
                examples.sort(key=lambda example: (len(example[0]) + len(example[1]) + rng.random(), len(example[1])))
                made = list(encoded.batches(examples))
                rng.shuffle(made)
                for source, shifted, at, gold in made:
                    yield source, shifted, at, *sampler.draw(gold, draws)

    def step(batch: tuple[Tensor, ...], _: float) -> tuple[Tensor, int]:
        source, shifted, at, chosen, place, offset = (x.to(arguments.device) for x in batch)
        logits = model(source, shifted, at, chosen)
        return F.cross_entropy(logits - offset, place), source.numel() + shifted.numel()

    dev = {f"{direction} {source}": list(encoded.batches(sorted(encoded.ids(part[:HELD_OUT]), key=lambda e: len(e[0]))))
           for (direction, source), part in load(arguments.data, "dev").items()}

    def report() -> dict[str, float]:
        """Perplexity of the words of held-out translations."""
        scores = {}
        for name, held_out in dev.items():
            losses = [F.cross_entropy(model(*(x.to(arguments.device) for x in batch[:3])).cpu(), batch[3], reduction="none")
                      for batch in held_out]
            scores[name] = math.exp(torch.cat(losses).mean())
        return scores

    def export() -> None:
        joint_vocabulary.save(tokenizer, folder)
        model.export(folder)

    train("translate", model, arguments, peak, batches, step, report, export)
