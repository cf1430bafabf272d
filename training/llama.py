"""Llama (Touvron et al. 2023, https://arxiv.org/abs/2302.13971) for training: pre-norm decoder with rotary positions,
key-value heads that queries share, gated feed-forward layers. Module names are Hugging Face's."""
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from quantize import QuantizedLinear, fake_quantize, matrix_scale, row_scale, save_int8


@dataclass
class LlamaConfig:
    vocab_size: int
    end: list[int]
    hidden_size: int = 256
    num_hidden_layers: int = 6
    num_attention_heads: int = 4
    num_key_value_heads: int = 2
    intermediate_size: int = 704
    max_position_embeddings: int = 512
    rope_theta: float = 10000.0

    def write(self, folder: Path) -> None:
        """config.json as Hugging Face's."""
        sizes = ("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads",
                 "intermediate_size", "max_position_embeddings", "rope_theta")
        (folder / "config.json").write_text(json.dumps({
            "architectures": ["LlamaForCausalLM"], "model_type": "llama", **{name: getattr(self, name) for name in sizes},
            "hidden_act": "silu", "rms_norm_eps": 1e-6, "tie_word_embeddings": True, "attention_bias": False,
            "mlp_bias": False, "bos_token_id": self.end[0], "eos_token_id": self.end,
        }, indent=2) + "\n")


class RmsNorm(nn.Module):
    def __init__(self, size: int):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x.float(), (x.shape[-1],), self.weight, 1e-6)


def linear(inputs: int, outputs: int) -> QuantizedLinear:
    return QuantizedLinear(inputs, outputs, bias=False)


class Attention(nn.Module):
    def __init__(self, config: LlamaConfig):
        super().__init__()
        self.heads, self.shared = config.num_attention_heads, config.num_key_value_heads
        width = config.hidden_size // self.heads
        self.q_proj = linear(config.hidden_size, config.hidden_size)
        self.k_proj = linear(config.hidden_size, self.shared * width)
        self.v_proj = linear(config.hidden_size, self.shared * width)
        self.o_proj = linear(config.hidden_size, config.hidden_size)

    def forward(self, x: Tensor, cosines: Tensor, sines: Tensor) -> Tensor:
        split = lambda y, heads: y.unflatten(2, (heads, -1)).transpose(1, 2)  # [B, heads, T, headDim]
        q, k, v = split(self.q_proj(x), self.heads), split(self.k_proj(x), self.shared), split(self.v_proj(x), self.shared)
        q, k = turned(q, cosines, sines), turned(k, cosines, sines)
        k, v = (y.repeat_interleave(self.heads // self.shared, 1) for y in (k, v))
        y = F.scaled_dot_product_attention(q, k, v.to(q.dtype), is_causal=True)
        return self.o_proj(y.transpose(1, 2).flatten(2))


def turned(x: Tensor, cosines: Tensor, sines: Tensor) -> Tensor:
    """Rotary positions (Su et al. 2021, https://arxiv.org/abs/2104.09864), the two halves of a head as pairs."""
    a, b = x.chunk(2, -1)
    return torch.cat([a * cosines - b * sines, b * cosines + a * sines], -1)


class FeedForward(nn.Module):
    def __init__(self, config: LlamaConfig):
        super().__init__()
        self.gate_proj = linear(config.hidden_size, config.intermediate_size)
        self.up_proj = linear(config.hidden_size, config.intermediate_size)
        self.down_proj = linear(config.intermediate_size, config.hidden_size)

    def forward(self, x: Tensor) -> Tensor:
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    def __init__(self, config: LlamaConfig):
        super().__init__()
        self.input_layernorm = RmsNorm(config.hidden_size)
        self.self_attn = Attention(config)
        self.post_attention_layernorm = RmsNorm(config.hidden_size)
        self.mlp = FeedForward(config)

    def forward(self, x: Tensor, cosines: Tensor, sines: Tensor) -> Tensor:
        x = x + self.self_attn(self.input_layernorm(x), cosines, sines)
        return x + self.mlp(self.post_attention_layernorm(x))


class Llama(nn.Module):
    def __init__(self, config: LlamaConfig):
        super().__init__()
        self.config = config
        self.model = nn.ModuleDict({
            "embed_tokens": nn.Embedding(config.vocab_size, config.hidden_size),
            "layers": nn.ModuleList(Layer(config) for _ in range(config.num_hidden_layers)),
            "norm": RmsNorm(config.hidden_size),
        })
        width = config.hidden_size // config.num_attention_heads
        frequencies = config.rope_theta ** (-torch.arange(0, width, 2) / width)
        angles = torch.arange(config.max_position_embeddings)[:, None] * frequencies
        self.register_buffer("cosines", angles.cos(), persistent=False)
        self.register_buffer("sines", angles.sin(), persistent=False)
        nn.init.normal_(self.model["embed_tokens"].weight, std=0.05)
        for name, module in self.named_modules():
            if isinstance(module, QuantizedLinear):
                nn.init.normal_(module.weight, std=module.weight.shape[1] ** -0.5)
                if name.endswith(("o_proj", "down_proj")):  # near identity at first, so that a high rate is stable
                    module.weight.data *= (2 * config.num_hidden_layers) ** -0.5

    def forward(self, ids: Tensor, at: Tensor, chosen: Optional[Tensor] = None) -> Tensor:
        """Logits [predicted, vocabulary] of what follows places `at` of ids [B, T] flattened; of the vocabulary, all or
        the `chosen` words."""
        table = self.model["embed_tokens"].weight
        if QuantizedLinear.quantized:
            table = fake_quantize(table, matrix_scale(table.detach()))
        x = F.embedding(ids, table)
        T = ids.shape[1]
        for layer in self.model["layers"]:
            x = layer(x, self.cosines[:T], self.sines[:T])
        hidden = self.model["norm"](x).flatten(0, 1)[at]
        if QuantizedLinear.quantized:
            hidden = fake_quantize(hidden, row_scale(hidden.detach(), 63))
        return F.linear(hidden, table if chosen is None else table[chosen])

    def export(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.config.write(folder)
        save_int8(self.state_dict(), folder / "model.safetensors", lambda _, shape: "int8" if len(shape) == 2 else "f32")
