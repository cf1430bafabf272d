"""One decoder that goes on with text, talks and writes code: Llama on text.train, dialogue.train and code.train.

Dialogues and questions about code are in ChatML, the turns of roles between <|im_start|> and <|im_end|>; code is also
learned with its middle last (Bavarian et al. 2022, https://arxiv.org/abs/2207.14255), so that it can be filled in.
"""
import json
import math
import random
import re
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import Tensor

import corpus
from llama import Llama, LlamaConfig
from loop import train
from masked_lm import Sampler
from quantize import load_int8

VOCABULARY = 8_192
END, START_TURN, END_TURN = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
PREFIX, SUFFIX, MIDDLE = "<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"
LENGTH, ROWS = 384, 20
PEAK_RATE, FURTHER_RATE = 2e-3, 1e-3
#: Shares of the rows of a batch.
MIXTURE = {"text": 0.5, "dialogue": 0.3, "code": 0.2}
#: How often a pass draws the texts of a source: reviews are many and alike, documentation repeats itself.
KEPT = {"imdb": 0.5, "win32": 0.3}
HELD_OUT = 300

CHAT_TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] | trim + '<|im_end|>\\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
LANGUAGES = {"python": "Python", "javascript": "JavaScript"}


def turn(role: str, content: str) -> str:
    return f"{START_TURN}{role}\n{content.strip()}{END_TURN}\n"


def dialogue(row: dict, rng: random.Random) -> str:
    """Every other one begins with what the assistant is for."""
    services = " and ".join(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name.split("_")[0]).lower() for name in row["services"])
    system = turn("system", f"You are an assistant for {services}.") if rng.random() < 0.5 else ""
    return system + "".join(turn(t["role"], t["content"]) for t in row["turns"]) + END


def code_texts(row: dict, rng: random.Random) -> str:
    """A description and its code, as a request to write it, to explain it, or with its middle last."""
    code, language = row["code"], LANGUAGES[row["lang"]]
    fenced = f"```{row['lang']}\n{code}\n```"
    kind = rng.random()
    if kind < 0.4:
        return turn("user", f"Write {language} code. {row['description']}") + turn("assistant", fenced) + END
    if kind < 0.6:
        return turn("user", f"Explain this {language} code.\n{fenced}") + turn("assistant", row["description"]) + END
    if kind < 0.8:
        a, b = sorted(rng.sample(range(len(code) + 1), 2))
        return f"{PREFIX}{code[:a]}{SUFFIX}{code[b:]}{MIDDLE}{code[a:b]}{END}"
    return f"{fenced}{END}"


def train_tokenizer(texts: Iterator[str]) -> Tokenizer:
    """Byte-level BPE (Radford et al. 2019); digits one by one."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    tokenizer.decoder = decoders.ByteLevel()
    special = [END, START_TURN, END_TURN, PREFIX, SUFFIX, MIDDLE]
    tokenizer.train_from_iterator(texts, trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        min_frequency=5, show_progress=False))
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in special])
    return tokenizer


def save_tokenizer(tokenizer: Tokenizer, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokenizer.json").write_text(json.dumps(json.loads(tokenizer.to_str()), ensure_ascii=False))
    (folder / "tokenizer_config.json").write_text(json.dumps({
        "tokenizer_class": "PreTrainedTokenizerFast", "bos_token": END, "eos_token": END_TURN, "pad_token": END,
        "chat_template": CHAT_TEMPLATE,
    }, indent=2) + "\n")


def run(arguments: Namespace) -> None:
    folder, shipped = arguments.models / "chat", arguments.published / "chat"
    rng = random.Random(1)
    rows = list(corpus.read(arguments.data, "text.train"))
    random.Random(4).shuffle(rows)
    held_out, rows = rows[:HELD_OUT], rows[HELD_OUT:]
    dialogues = [dialogue(row, rng) for row in corpus.read(arguments.data, "dialogue.train")]
    code = list(corpus.read(arguments.data, "code.train"))
    made = next((path for at in (folder, shipped) if (path := at / "tokenizer.json").exists()), None)
    if made:
        tokenizer = Tokenizer.from_file(str(made))
    else:
        sample = [row["text"] for row in rows[::12]] + dialogues[::3] + [code_texts(row, rng) for row in code for _ in range(4)]
        tokenizer = train_tokenizer(iter(sample))
    end = [tokenizer.token_to_id(END_TURN), tokenizer.token_to_id(END)]
    model = Llama(LlamaConfig(tokenizer.get_vocab_size(), end)).to(arguments.device)
    peak = PEAK_RATE
    if arguments.start == "model":
        model.load_state_dict(load_int8(shipped / "model.safetensors"))
        peak = FURTHER_RATE

    def stream(texts: list[str]) -> np.ndarray:
        return np.concatenate([np.array(e.ids, np.uint16) for e in tokenizer.encode_batch_fast(texts)])

    cache = arguments.work / "chat.text.npy"
    if not cache.exists():
        chosen = [f"{row['text']}{END}" for row in rows if rng.random() < KEPT.get(row["source"], 1)]
        np.save(cache, np.concatenate([stream(chosen[i : i + 2_000]) for i in range(0, len(chosen), 2_000)]))
    streams = {"text": np.load(cache), "dialogue": stream(dialogues),
               "code": stream([code_texts(row, rng) for _ in range(8) for row in rng.sample(code, len(code))])}
    counts = sum((np.bincount(ids, minlength=tokenizer.get_vocab_size()) * (MIXTURE[name] / len(ids) * 1e6)
                  for name, ids in streams.items()), np.zeros(tokenizer.get_vocab_size()))
    sampler = Sampler(counts)

    def batches(seed: int) -> Iterator[tuple[Tensor, ...]]:
        draws = np.random.default_rng(seed)
        names = list(MIXTURE)
        while True:
            ids = np.stack([
                streams[name][(start := draws.integers(len(streams[name]) - LENGTH)) : start + LENGTH + 1]
                for name in draws.choice(names, ROWS, p=list(MIXTURE.values()))
            ]).astype(np.int64)
            gold = torch.from_numpy(ids[:, 1:].reshape(-1).copy())
            yield torch.from_numpy(ids[:, :-1].copy()), *sampler.draw(gold, draws)

    def step(batch: tuple[Tensor, ...], _: float) -> tuple[Tensor, int]:
        ids, chosen, place, offset = (x.to(arguments.device) for x in batch)
        logits = model(ids, torch.arange(ids.numel(), device=ids.device), chosen)
        return F.cross_entropy(logits.float() - offset, place), ids.numel()

    fixed = random.Random(2)
    dev = {
        "text": [row["text"] for row in held_out],
        "dialogue": [dialogue(row, fixed) for row in corpus.read(arguments.data, "dialogue.dev")][:HELD_OUT],
        "code": [code_texts(row, fixed) for row in corpus.read(arguments.data, "code.dev")],
    }

    def report() -> dict[str, float]:
        """Perplexity of a token of held-out texts."""
        scores = {}
        for name, texts in dev.items():
            ids = torch.from_numpy(stream(texts).astype(np.int64))[: 40 * LENGTH + 1].to(arguments.device)
            rows = (len(ids) - 1) // LENGTH
            losses = [
                F.cross_entropy(model(ids[a : a + LENGTH][None], torch.arange(LENGTH)), ids[a + 1 : a + LENGTH + 1])
                for a in range(0, rows * LENGTH, LENGTH)
            ]
            scores[name] = math.exp(torch.stack(losses).mean())
        return scores

    def export() -> None:
        save_tokenizer(tokenizer, folder)
        model.export(folder)

    train("chat", model, arguments, peak, batches, step, report, export)
