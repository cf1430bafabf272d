"""XLNet (Yang et al. 2019, https://arxiv.org/abs/1906.08237): a language model over random orders of its tokens, then
a classifier of sentiment, both in one checkpoint.

The layers are those of Transformer-XL (Dai et al. 2019, https://arxiv.org/abs/1901.02860): keys of distances beside keys
of tokens. Two streams share all weights; the query stream stands at the places to predict and does not see their tokens.
Names are Hugging Face's. Where the encoder is at hand its word vectors and layers are what this one starts from: they
are the same but for how they know positions.
"""
import json
import math
import sys
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from classifier import accuracies, label_maps, loss_of
from classifier import batches as labelled_batches
from encoder import pretrained
from loop import train
from masked_lm import Sampler, rows, split
from quantize import (QuantizedEmbedding, QuantizedLinear, fake_quantize, load_int8, matrix_scale, quantized_rows,
                      row_scale, save_int8)
from sentiment import LABELS, REPEATS, load
from tokenizer import CLS, PAD, SEP, WordPiece

PEAK_RATE = 6e-4
#: A sixth of the tokens are predicted, those that come last in the order (the paper's K).
PREDICTED = 6
#: The share of batches that are of the language model, until and after this share of the run is done.
LM_FIRST, LM_LAST, LM_UNTIL = 0.8, 0.25, 0.5


@dataclass
class XlnetConfig:
    vocab_size: int
    d_model: int = 256
    n_layer: int = 4
    n_head: int = 4
    d_inner: int = 1024
    num_labels: int = 3


class Projection(nn.Module):
    """A matrix [d_model, heads, headDim], as XLNet stores those of attention."""

    def __init__(self, config: XlnetConfig, transposed: bool = True):
        super().__init__()
        self.transposed = transposed
        heads = (config.n_head, config.d_model // config.n_head)
        self.weight = nn.Parameter(torch.empty(config.d_model, *heads))
        nn.init.normal_(self.weight, std=0.04)

    def forward(self, x: Tensor) -> Tensor:
        """[…, d_model] to [heads · headDim], or back where not `transposed`."""
        flat = self.weight.flatten(1)
        weight = flat.T if self.transposed else flat
        if not QuantizedLinear.quantized:
            return F.linear(x, weight)
        x = fake_quantize(x, row_scale(x.detach(), 63))
        return F.linear(x, fake_quantize(weight, matrix_scale(weight.detach())))


class RelativeAttention(nn.Module):
    def __init__(self, config: XlnetConfig):
        super().__init__()
        self.heads = config.n_head
        self.q, self.k, self.v, self.r = (Projection(config) for _ in range(4))
        self.o = Projection(config, transposed=False)
        shape = (config.n_head, config.d_model // config.n_head)
        self.r_w_bias, self.r_r_bias, self.r_s_bias = (nn.Parameter(torch.zeros(shape)) for _ in range(3))
        self.seg_embed = nn.Parameter(torch.zeros(2, *shape))
        self.layer_norm = nn.LayerNorm(config.d_model, eps=1e-12)

    def split(self, x: Tensor) -> Tensor:
        B, T, D = x.shape
        return x.view(B, T, self.heads, D // self.heads).transpose(1, 2)  # [B, heads, T, headDim]

    def forward(self, x: Tensor, keys: Tensor, values: Tensor, distances: Tensor, places: Tensor,
                mask: Tensor) -> Tensor:
        """Attends from x [B, Q, D] standing at `places` [B or 1, Q]; distances [2T, D] are embedded, of T … 1 - T; mask
        [B, 1, Q, T] is added to the scores."""
        q = self.split(self.q(x))  # [B, heads, Q, headDim]
        content = (q + self.r_w_bias[:, None].to(q.dtype)) @ keys.transpose(2, 3)  # [B, heads, Q, T]
        r = self.split(self.r(distances)[None])  # [1, heads, 2T, headDim]
        by_distance = (q + self.r_r_bias[:, None].to(q.dtype)) @ r.transpose(2, 3)  # [B, heads, Q, 2T]
        T = keys.shape[2]
        # Query at i, key at j: distance i - j stands at row T - (i - j).
        index = T - places[:, :, None] + torch.arange(T, device=x.device)  # [B or 1, Q, T]
        position = by_distance.gather(3, index[:, None].expand(*by_distance.shape[:3], T))
        # All tokens are of one segment: its bias is the same for each key, and the softmax does not see it.
        scores = (content + position) * q.shape[-1] ** -0.5 + mask.to(q.dtype)
        with torch.autocast(x.device.type, enabled=False):
            weights = scores.softmax(-1)
        B, heads, Q, size = q.shape
        attended = (weights @ values).transpose(1, 2).reshape(B, Q, heads * size)
        return self.layer_norm(self.o(attended) + x)


class FeedForward(nn.Module):
    def __init__(self, config: XlnetConfig):
        super().__init__()
        self.layer_1 = QuantizedLinear(config.d_model, config.d_inner)
        self.layer_2 = QuantizedLinear(config.d_inner, config.d_model)
        self.layer_norm = nn.LayerNorm(config.d_model, eps=1e-12)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer_norm(self.layer_2(F.relu(self.layer_1(x))) + x)


class Layer(nn.Module):
    def __init__(self, config: XlnetConfig):
        super().__init__()
        self.rel_attn = RelativeAttention(config)
        self.ff = FeedForward(config)


class Transformer(nn.Module):
    def __init__(self, config: XlnetConfig):
        super().__init__()
        self.word_embedding = QuantizedEmbedding(config.vocab_size, config.d_model)
        self.mask_emb = nn.Parameter(torch.zeros(1, 1, config.d_model))
        self.layer = nn.ModuleList(Layer(config) for _ in range(config.n_layer))

    def forward(self, ids: Tensor, mask: Tensor, targets: Optional[Tensor] = None,
                target_mask: Optional[Tensor] = None) -> tuple[Tensor, Optional[Tensor]]:
        """(content stream [B, T, D], query stream [B, targets, D]). mask [B, 1, T or 1, T] and target_mask
        [B, 1, targets, T] are added to the scores; targets [B, targets] are positions."""
        T = ids.shape[1]
        h = self.word_embedding(ids)
        g = self.mask_emb.expand(len(ids), targets.shape[1], -1) if targets is not None else None
        distances = sinusoids(torch.arange(T, -T, -1, device=ids.device), h.shape[2])
        places = torch.arange(T, device=ids.device)[None]
        for layer in self.layer:
            attention = layer.rel_attn
            keys, values = attention.split(attention.k(h)), attention.split(attention.v(h))
            if g is not None:
                g = layer.ff(attention(g, keys, values, distances, targets, target_mask))
            h = layer.ff(attention(h, keys, values, distances, places, mask))
        return h, g


def sinusoids(distances: Tensor, size: int) -> Tensor:
    """[distances, size]: sines, then cosines."""
    frequencies = 10_000 ** (-torch.arange(0, size, 2, device=distances.device) / size)
    angles = distances[:, None] * frequencies
    return torch.cat([angles.sin(), angles.cos()], 1)


class Xlnet(nn.Module):
    """Language model and classifier over one transformer."""

    def __init__(self, config: XlnetConfig):
        super().__init__()
        self.config = config
        self.transformer = Transformer(config)
        self.lm_loss = nn.ParameterDict({"bias": nn.Parameter(torch.zeros(config.vocab_size))})
        self.sequence_summary = nn.ModuleDict({"summary": nn.Linear(config.d_model, config.d_model)})
        self.logits_proj = nn.Linear(config.d_model, config.num_labels)
        self.dropout = nn.Dropout(0.1)
        nn.init.normal_(self.transformer.word_embedding.weight, std=0.02)

    def forward(self, ids: Tensor, present: Tensor) -> Tensor:
        """Class logits [B, labels] from the mean over all tokens."""
        h, _ = self.transformer(ids, (1 - present)[:, None, None, :] * -1e4)
        pooled = (h * present[:, :, None]).sum(1) / present.sum(1, keepdim=True)
        summary = torch.tanh(self.sequence_summary["summary"](self.dropout(pooled)))
        return self.logits_proj(self.dropout(summary))

    def predict(self, ids: Tensor, targets: Tensor, ranks: Tensor, chosen: Optional[Tensor] = None) -> Tensor:
        """Logits [B · targets, chosen] of the tokens at `targets` [B, targets], each from those of lower rank in the
        order `ranks` [B, T]."""
        sees = ranks[:, None, :] < ranks[:, :, None]  # [B, T, T]: i sees j
        itself = torch.eye(ids.shape[1], dtype=torch.bool, device=ids.device)
        content = (~(sees | itself))[:, None] * -1e4
        query = (~sees.gather(1, targets[:, :, None].expand(-1, -1, ids.shape[1])))[:, None] * -1e4
        _, g = self.transformer(ids, content, targets, query)
        words, bias = self.transformer.word_embedding.weight, self.lm_loss["bias"]
        if chosen is not None:
            words, bias = words[chosen], bias[chosen]
        return F.linear(*quantized_rows(g.flatten(0, 1).float(), words), bias)


def from_encoder(model: Xlnet, folder: Path) -> None:
    """The encoder's word vectors and its first layers, without what XLNet has no place for."""
    state = load_int8(folder / "model.safetensors")
    model.transformer.word_embedding.weight.data.copy_(state["bert.embeddings.word_embeddings.weight"])
    model.lm_loss["bias"].data.copy_(state["cls.predictions.bias"])
    for i, layer in enumerate(model.transformer.layer):
        name = f"bert.encoder.layer.{i}"
        attention = layer.rel_attn
        for own, theirs in ((attention.q, "query"), (attention.k, "key"), (attention.v, "value")):
            own.weight.data.copy_(state[f"{name}.attention.self.{theirs}.weight"].T.reshape(own.weight.shape))
        attention.r_w_bias.data.copy_(state[f"{name}.attention.self.query.bias"].reshape(attention.r_w_bias.shape))
        attention.r_r_bias.data.copy_(attention.r_w_bias.data)
        attention.o.weight.data.copy_(
            state[f"{name}.attention.output.dense.weight"].reshape(attention.o.weight.shape))
        for own, theirs in ((attention.layer_norm, "attention.output.LayerNorm"), (layer.ff.layer_norm, "output.LayerNorm"),
                            (layer.ff.layer_1, "intermediate.dense"), (layer.ff.layer_2, "output.dense")):
            own.weight.data.copy_(state[f"{name}.{theirs}.weight"])
            own.bias.data.copy_(state[f"{name}.{theirs}.bias"])


def orders(ids: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """(targets [B, T / PREDICTED], ranks [B, T]): random orders of the words, [CLS] and [SEP] before all; the targets come
    last."""
    B, T = ids.shape
    ranks = 1 + rng.permuted(np.tile(np.arange(T), (B, 1)), axis=1)
    ranks[:, [0, -1]] = 0
    targets = np.argsort(ranks, axis=1)[:, -(T // PREDICTED) :]
    return torch.from_numpy(targets), torch.from_numpy(ranks)


def run(arguments: Namespace) -> None:
    device = arguments.device
    folder = pretrained(arguments)
    assert folder, "train the encoder first"
    wordpiece = WordPiece.load(folder)
    model = Xlnet(XlnetConfig(len(wordpiece)))
    from_encoder(model, folder)
    model.to(device)
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters", file=sys.stderr)

    texts, sources, dev_texts, _ = split(arguments.work / "text.npz")
    counts = np.bincount(np.load(arguments.work / "text.npz")["ids"], minlength=len(wordpiece))
    sampler = Sampler(counts)
    examples, dev = load(arguments.data, wordpiece)

    def batches(seed: int) -> Iterator[tuple[bool, tuple[Tensor, ...]]]:
        rng = np.random.default_rng(seed)
        lm, classifier = rows(texts, sources, rng), labelled_batches(examples, REPEATS, rng)
        while True:
            if rng.random() < share_lm:
                ids = torch.from_numpy(next(lm))
                targets, ranks = orders(ids, rng)
                chosen, place, offset = sampler.draw(ids.gather(1, targets).flatten(), rng)
                yield True, (ids, targets, ranks, chosen, place, offset)
            else:
                yield False, next(classifier)

    share_lm = LM_FIRST

    def step(batch: tuple[bool, tuple[Tensor, ...]], progress: float) -> tuple[Tensor, int]:
        nonlocal share_lm
        share_lm = LM_FIRST if progress < LM_UNTIL else LM_LAST
        tensors = [x.to(device) for x in batch[1]]
        if batch[0]:
            ids, targets, ranks, chosen, place, offset = tensors
            logits = model.predict(ids, targets, ranks, chosen).float() - offset
            return F.cross_entropy(logits, place), ids.numel()
        ids, present, gold = tensors
        return loss_of(model(ids, present), gold), ids.numel()

    def report() -> dict[str, float]:
        return {"perplexity": perplexity(model, dev_texts, device)} | accuracies(model, dev, device)

    train("xlnet", model, arguments, PEAK_RATE, batches, step, report,
          lambda: export(model, wordpiece, arguments.models / "xlnet"))


def perplexity(model: Xlnet, texts: list[np.ndarray], device: str) -> float:
    """Of the last sixth of a random order of 96 tokens, over the held-out texts that are as long."""
    rng = np.random.default_rng(6)
    windows = [text[:94] for text in texts if len(text) >= 94]
    losses = []
    for start in range(0, len(windows), 32):
        ids = np.pad(np.stack(windows[start : start + 32]).astype(np.int64), ((0, 0), (1, 1)), constant_values=((0, 0), (CLS, SEP)))
        ids = torch.from_numpy(ids).to(device)
        targets, ranks = (x.to(device) for x in orders(ids, rng))
        logits = model.predict(ids, targets, ranks).float()
        losses.append(F.cross_entropy(logits, ids.gather(1, targets).flatten()))
    return math.exp(torch.stack(losses).mean())


def export(model: Xlnet, wordpiece: WordPiece, folder: Path) -> None:
    """The checkpoint in Hugging Face's layout, int8; the card beside it is kept by hand."""
    config = model.config
    wordpiece.save(folder)
    (folder / "config.json").write_text(json.dumps({
        "architectures": ["XLNetForSequenceClassification"],
        "model_type": "xlnet",
        "vocab_size": config.vocab_size,
        "d_model": config.d_model,
        "n_layer": config.n_layer,
        "n_head": config.n_head,
        "d_head": config.d_model // config.n_head,
        "d_inner": config.d_inner,
        "ff_activation": "relu",
        "layer_norm_eps": 1e-12,
        "attn_type": "bi",
        "mem_len": None,
        "reuse_len": None,
        "tie_word_embeddings": True,
        "summary_type": "mean",
        "summary_use_proj": True,
        "summary_activation": "tanh",
        "pad_token_id": PAD,
        **label_maps(LABELS),
    }, indent=2) + "\n")
    state = {name.removesuffix(".weight") if ".rel_attn." in name and "layer_norm" not in name else name: x
             for name, x in model.state_dict().items()}
    save_int8(state, folder / "model.safetensors", storage)


def storage(name: str, shape: tuple[int, ...]) -> str:
    """Matrices in int8, but for those that XLNet stores by columns: they have no rows to scale."""
    if name.endswith((".q", ".k", ".v", ".r")):
        return "f16"
    return "int8" if name.endswith((".o", ".layer_1.weight", ".layer_2.weight", "word_embedding.weight")) else "f32"
