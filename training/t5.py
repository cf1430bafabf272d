"""T5 (Raffel et al. 2019, https://arxiv.org/abs/1910.10683) for training: pre-norm encoder and decoder without biases, whose
attention is biased by relative positions. Module names are Hugging Face's."""
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from llama import RmsNorm, linear
from quantize import QuantizedLinear, fake_quantize, matrix_scale, row_scale, save_int8

BUCKETS, FARTHEST = 32, 128


@dataclass
class T5Config:
    vocab_size: int
    pad: int
    end: int
    d_model: int = 256
    d_kv: int = 64
    d_ff: int = 1024
    num_layers: int = 4
    num_heads: int = 4

    def write(self, folder: Path) -> None:
        """config.json as Hugging Face's."""
        sizes = ("vocab_size", "d_model", "d_kv", "d_ff", "num_layers", "num_heads")
        (folder / "config.json").write_text(json.dumps({
            "architectures": ["T5ForConditionalGeneration"], "model_type": "t5",
            **{name: getattr(self, name) for name in sizes}, "num_decoder_layers": self.num_layers,
            "relative_attention_num_buckets": BUCKETS, "relative_attention_max_distance": FARTHEST,
            "feed_forward_proj": "relu", "layer_norm_epsilon": 1e-6, "tie_word_embeddings": True,
            "is_encoder_decoder": True, "pad_token_id": self.pad, "decoder_start_token_id": self.pad,
            "eos_token_id": self.end,
        }, indent=2) + "\n")


def buckets(queries: int, keys: int, both_ways: bool) -> Tensor:
    """Which bias a query's key has, by their distance [queries, keys]: exact when near, coarser when far."""
    distance = torch.arange(keys)[None] - torch.arange(queries)[:, None]
    number, bucket = BUCKETS, torch.zeros_like(distance)
    if both_ways:
        number //= 2
        bucket = (distance > 0) * number
        distance = distance.abs()
    else:
        distance = -distance.clamp(max=0)
    exact = number // 2
    far = exact + (torch.log(distance.clamp(min=1) / exact) / math.log(FARTHEST / exact) * (number - exact)).long()
    return bucket + torch.where(distance < exact, distance, far.clamp(max=number - 1))


class Attention(nn.Module):
    def __init__(self, config: T5Config, biased: bool = False):
        super().__init__()
        self.heads = config.num_heads
        inner = config.num_heads * config.d_kv
        self.q, self.k, self.v = (linear(config.d_model, inner) for _ in range(3))
        self.o = linear(inner, config.d_model)
        if biased:
            self.relative_attention_bias = nn.Embedding(BUCKETS, config.num_heads)

    def forward(self, x: Tensor, source: Tensor, bias: Tensor) -> Tensor:
        """From x [B, T, D] to source [B, S, D]; bias [B or 1, heads or 1, T or 1, S] is added to the scores, which T5
        does not scale."""
        split = lambda y: y.unflatten(2, (self.heads, -1)).transpose(1, 2)  # [B, heads, T, headDim]
        q, k, v = split(self.q(x)), split(self.k(source)), split(self.v(source))
        scores = q @ k.transpose(2, 3) + bias.to(q.dtype)
        with torch.autocast(x.device.type, enabled=False):  # whose softmax would be a copy in f32
            weights = scores.softmax(-1)
        return self.o((weights @ v).transpose(1, 2).flatten(2))


class SelfAttention(nn.Module):
    def __init__(self, config: T5Config, biased: bool):
        super().__init__()
        self.SelfAttention = Attention(config, biased)
        self.layer_norm = RmsNorm(config.d_model)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        normed = self.layer_norm(x)
        return x + self.SelfAttention(normed, normed, bias)


class CrossAttention(nn.Module):
    def __init__(self, config: T5Config):
        super().__init__()
        self.EncDecAttention = Attention(config)
        self.layer_norm = RmsNorm(config.d_model)

    def forward(self, x: Tensor, source: Tensor, bias: Tensor) -> Tensor:
        return x + self.EncDecAttention(self.layer_norm(x), source, bias)


class FeedForward(nn.Module):
    def __init__(self, config: T5Config):
        super().__init__()
        self.DenseReluDense = nn.ModuleDict({"wi": linear(config.d_model, config.d_ff), "wo": linear(config.d_ff, config.d_model)})
        self.layer_norm = RmsNorm(config.d_model)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.DenseReluDense["wo"](F.relu(self.DenseReluDense["wi"](self.layer_norm(x))))


class Block(nn.Module):
    def __init__(self, parts: list[nn.Module]):
        super().__init__()
        self.layer = nn.ModuleList(parts)


class Stack(nn.Module):
    def __init__(self, config: T5Config, decoder: bool):
        super().__init__()
        self.decoder = decoder
        cross = [lambda: CrossAttention(config)] if decoder else []
        self.block = nn.ModuleList(
            Block([SelfAttention(config, i == 0), *(make() for make in cross), FeedForward(config)])
            for i in range(config.num_layers))
        self.final_layer_norm = RmsNorm(config.d_model)

    def forward(self, x: Tensor, mask: Tensor, source: Optional[Tensor] = None, source_mask: Optional[Tensor] = None) -> Tensor:
        T = x.shape[1]
        table = self.block[0].layer[0].SelfAttention.relative_attention_bias
        bias = table(buckets(T, T, not self.decoder).to(x.device)).permute(2, 0, 1)[None] + mask
        for block in self.block:
            x = block.layer[0](x, bias)
            if self.decoder:
                x = block.layer[1](x, source, source_mask)
            x = block.layer[-1](x)
        return self.final_layer_norm(x)


class T5(nn.Module):
    def __init__(self, config: T5Config):
        super().__init__()
        self.config = config
        self.shared = nn.Embedding(config.vocab_size, config.d_model)
        self.encoder, self.decoder = Stack(config, False), Stack(config, True)
        nn.init.normal_(self.shared.weight, std=1.0)
        for name, module in self.named_modules():
            if isinstance(module, QuantizedLinear):
                std = module.weight.shape[1] ** -0.5
                nn.init.normal_(module.weight, std=std * config.d_kv ** -0.5 if name.endswith(".q") else std)
                if name.endswith((".o", "wo")):
                    module.weight.data *= (2 * config.num_layers) ** -0.5
            elif name.endswith("relative_attention_bias"):
                nn.init.zeros_(module.weight)

    def forward(self, source: Tensor, target: Tensor, at: Tensor, chosen: Optional[Tensor] = None) -> Tensor:
        """Logits [predicted, vocabulary] at places `at` of target ids [B, T] flattened; of the vocabulary, all or the
        `chosen` words."""
        table = self.shared.weight
        if QuantizedLinear.quantized:
            table = fake_quantize(table, matrix_scale(table.detach()))
        mask = (source == self.config.pad)[:, None, None, :] * -1e4
        encoded = self.encoder(F.embedding(source, table), mask)
        T = target.shape[1]
        causal = torch.full((T, T), -1e4, device=target.device).triu(1)[None, None]
        hidden = self.decoder(F.embedding(target, table), causal, encoded, mask).flatten(0, 1)[at]
        hidden = hidden.float() * self.config.d_model ** -0.5
        if QuantizedLinear.quantized:
            hidden = fake_quantize(hidden, row_scale(hidden.detach(), 63))
        return F.linear(hidden, table if chosen is None else table[chosen])

    def export(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.config.write(folder)
        kind = lambda name, shape: "int8" if len(shape) == 2 and "relative_attention_bias" not in name else "f32"
        save_int8(self.state_dict(), folder / "model.safetensors", kind)
