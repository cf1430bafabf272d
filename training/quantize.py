"""int8: quantization-aware layers and the safetensors export.

The engine multiplies int8 weights (one symmetric scale a row, 127 steps each way) with activations quantized a token
at a time to 7 bit (63 steps each way). Training the last steps through the same rounding keeps the loss small.
"""
import json
import struct
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn


def fake_quantize(x: Tensor, steps: int) -> Tensor:
    """Rounds each row (last dimension) to `steps` levels each way; the gradient passes straight through."""
    scale = x.detach().abs().amax(-1, keepdim=True).clamp_min(1e-12) / steps
    return x + ((x.detach() / scale).round() * scale - x.detach())


class QuantizedEmbedding(nn.Embedding):
    """A lookup table whose rows are rounded as the engine stores them when `QuantizedLinear.quantized` is set."""

    def forward(self, ids: Tensor) -> Tensor:
        rows = super().forward(ids)
        return fake_quantize(rows, 127) if QuantizedLinear.quantized else rows


class QuantizedLinear(nn.Linear):
    """A linear layer that computes as the engine's int8 product does when `quantized` is set on the class."""

    quantized = False

    def forward(self, x: Tensor) -> Tensor:
        if not QuantizedLinear.quantized:
            return F.linear(x, self.weight, self.bias)
        return F.linear(fake_quantize(x, 63), fake_quantize(self.weight, 127), self.bias)


def quantize_rows(weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(int8 [rows, columns], f32 scales [rows])"""
    scale = np.abs(weight).max(1) / 127
    quantized = np.rint(weight / np.maximum(scale, 1e-12)[:, None]).astype(np.int8)
    return quantized, scale.astype(np.float32)


def is_quantized(name: str, shape: tuple[int, ...]) -> bool:
    """Matrices of the encoder and its large tables; heads, norms and biases stay f32."""
    tables = ("word_embeddings.weight", "position_embeddings.weight")
    return len(shape) == 2 and (".encoder." in name or name.endswith(tables))


def save_int8(state: dict[str, Tensor], path: Path) -> None:
    """safetensors with int8 matrices, each right after its '.scale'."""
    tensors: list[tuple[str, np.ndarray]] = []
    for name, value in state.items():
        array = value.detach().cpu().float().numpy()
        if is_quantized(name, array.shape):
            quantized, scale = quantize_rows(array)
            tensors += [(f"{name}.scale", scale), (name, quantized)]
        else:
            tensors.append((name, array))
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    offset = 0
    for name, array in tensors:
        dtype = {"int8": "I8", "float32": "F32"}[array.dtype.name]
        header[name] = {"dtype": dtype, "shape": list(array.shape), "data_offsets": [offset, offset + array.nbytes]}
        offset += array.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".partial")
    with open(temporary, "wb") as file:
        file.write(struct.pack("<Q", len(text)))
        file.write(text)
        for _, array in tensors:
            file.write(np.ascontiguousarray(array).tobytes())
    temporary.rename(path)
