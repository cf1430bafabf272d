"""Marian (Junczys-Dowmunt et al. 2018, https://arxiv.org/abs/1804.00344), the Transformer of Vaswani et al. 2017 with
sinusoids as positions and norms after each part, for training. Module names are Hugging Face's."""
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from quantize import QuantizedLinear, fake_quantize, matrix_scale, row_scale, save_int8


@dataclass
class MarianConfig:
    vocab_size: int
    pad: int
    end: int
    d_model: int = 256
    encoder_layers: int = 4
    decoder_layers: int = 3
    heads: int = 4
    ffn: int = 1024
    positions: int = 256

    def write(self, folder: Path) -> None:
        """config.json as Hugging Face's."""
        (folder / "config.json").write_text(json.dumps({
            "architectures": ["MarianMTModel"], "model_type": "marian", "vocab_size": self.vocab_size,
            "decoder_vocab_size": self.vocab_size, "share_encoder_decoder_embeddings": True, "d_model": self.d_model,
            "encoder_layers": self.encoder_layers, "encoder_attention_heads": self.heads, "encoder_ffn_dim": self.ffn,
            "decoder_layers": self.decoder_layers, "decoder_attention_heads": self.heads, "decoder_ffn_dim": self.ffn,
            "max_position_embeddings": self.positions, "activation_function": "relu", "scale_embedding": True,
            "tie_word_embeddings": True, "pad_token_id": self.pad, "decoder_start_token_id": self.pad,
            "eos_token_id": self.end, "forced_eos_token_id": self.end, "bad_words_ids": [[self.pad]],
        }, indent=2) + "\n")


class Attention(nn.Module):
    def __init__(self, config: MarianConfig):
        super().__init__()
        self.heads = config.heads
        self.q_proj, self.k_proj, self.v_proj, self.out_proj = (
            QuantizedLinear(config.d_model, config.d_model) for _ in range(4))

    def forward(self, x: Tensor, source: Tensor, mask: Tensor) -> Tensor:
        """From x [B, T, D] to source [B, S, D]; mask [B, 1, T or 1, S] is added to the scores."""
        split = lambda y: y.unflatten(2, (self.heads, -1)).transpose(1, 2)  # [B, heads, T, headDim]
        q, k, v = split(self.q_proj(x)), split(self.k_proj(source)), split(self.v_proj(source))
        scores = q @ k.transpose(2, 3) * q.shape[-1] ** -0.5 + mask.to(q.dtype)
        with torch.autocast(x.device.type, enabled=False):  # whose softmax would be a copy in f32
            weights = scores.softmax(-1)
        return self.out_proj((weights @ v).transpose(1, 2).flatten(2))


class EncoderLayer(nn.Module):
    def __init__(self, config: MarianConfig):
        super().__init__()
        self.self_attn = Attention(config)
        self.self_attn_layer_norm = nn.LayerNorm(config.d_model)
        self.fc1 = QuantizedLinear(config.d_model, config.ffn)
        self.fc2 = QuantizedLinear(config.ffn, config.d_model)
        self.final_layer_norm = nn.LayerNorm(config.d_model)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        x = self.self_attn_layer_norm(x + self.self_attn(x, x, mask))
        return self.feed_forward(x)

    def feed_forward(self, x: Tensor) -> Tensor:
        return self.final_layer_norm(x + self.fc2(F.relu(self.fc1(x))))


class DecoderLayer(EncoderLayer):
    def __init__(self, config: MarianConfig):
        super().__init__(config)
        self.encoder_attn = Attention(config)
        self.encoder_attn_layer_norm = nn.LayerNorm(config.d_model)

    def forward(self, x: Tensor, mask: Tensor, source: Tensor, source_mask: Tensor) -> Tensor:
        x = self.self_attn_layer_norm(x + self.self_attn(x, x, mask))
        x = self.encoder_attn_layer_norm(x + self.encoder_attn(x, source, source_mask))
        return self.feed_forward(x)


class Stack(nn.Module):
    def __init__(self, layers: list[nn.Module]):
        super().__init__()
        self.layers = nn.ModuleList(layers)


def sinusoids(positions: int, size: int) -> Tensor:
    """[positions, size]: sines in the first half of a row, cosines in the second."""
    angles = torch.arange(positions)[:, None] * 10000.0 ** (-2 * torch.arange(size // 2) / size)
    return torch.cat([angles.sin(), angles.cos()], 1)


class Marian(nn.Module):
    def __init__(self, config: MarianConfig):
        super().__init__()
        self.config = config
        self.model = nn.ModuleDict({
            "shared": nn.Embedding(config.vocab_size, config.d_model),
            "encoder": Stack([EncoderLayer(config) for _ in range(config.encoder_layers)]),
            "decoder": Stack([DecoderLayer(config) for _ in range(config.decoder_layers)]),
        })
        self.final_logits_bias = nn.Parameter(torch.zeros(1, config.vocab_size))
        self.register_buffer("sinusoids", sinusoids(config.positions, config.d_model), persistent=False)
        nn.init.normal_(self.model["shared"].weight, std=config.d_model ** -0.5)
        for name, module in self.named_modules():
            if isinstance(module, QuantizedLinear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)

    def words(self) -> Tensor:
        """The embeddings [vocabulary, D], rounded as the engine stores them when it comes to that."""
        table = self.model["shared"].weight
        return fake_quantize(table, matrix_scale(table.detach())) if QuantizedLinear.quantized else table

    def embed(self, ids: Tensor, words: Tensor) -> Tensor:
        return F.embedding(ids, words) * math.sqrt(self.config.d_model) + self.sinusoids[: ids.shape[1]]

    def encode(self, ids: Tensor, words: Tensor) -> tuple[Tensor, Tensor]:
        """(hidden states [B, S, D], mask [B, 1, 1, S]) of ids [B, S]."""
        mask = (ids == self.config.pad)[:, None, None, :] * -1e4
        x = self.embed(ids, words)
        for layer in self.model["encoder"].layers:
            x = layer(x, mask)
        return x, mask

    def decode(self, ids: Tensor, source: Tensor, source_mask: Tensor, words: Tensor) -> Tensor:
        """Hidden states [B, T, D] of ids [B, T], each of which sees those before it."""
        T = ids.shape[1]
        mask = torch.full((T, T), -1e4, device=ids.device).triu(1)[None, None]
        x = self.embed(ids, words)
        for layer in self.model["decoder"].layers:
            x = layer(x, mask, source, source_mask)
        return x

    def forward(self, source: Tensor, target: Tensor, at: Tensor, chosen: Optional[Tensor] = None) -> Tensor:
        """Logits [predicted, vocabulary] at places `at` of target ids [B, T] flattened; of the vocabulary, all or the
        `chosen` words."""
        words = self.words()
        hidden = self.decode(target, *self.encode(source, words), words).flatten(0, 1)[at].float()
        if QuantizedLinear.quantized:
            hidden = fake_quantize(hidden, row_scale(hidden.detach(), 63))
        bias = self.final_logits_bias[0]
        return F.linear(hidden, words, bias) if chosen is None else F.linear(hidden, words[chosen], bias[chosen])

    def export(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.config.write(folder)
        save_int8(self.state_dict(), folder / "model.safetensors", storage)


def storage(name: str, shape: tuple[int, ...]) -> str:
    """Matrices in int8; norms and biases stay f32."""
    return "int8" if len(shape) == 2 and shape[0] > 1 else "f32"
