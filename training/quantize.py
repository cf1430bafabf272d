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


def row_scale(x: Tensor, steps: int) -> Tensor:
    """The step of each row (last dimension) that gives its largest value `steps` levels."""
    return x.abs().amax(-1, keepdim=True).clamp_min(1e-12) / steps


def matrix_scale(weight: Tensor) -> Tensor:
    """The step of each row [rows, 1] of a matrix: within 127 levels, and within 256 for the sum of one sign's weights
    among columns k, k+1, k+4 and k+5 of eight, so that the engine may add their products in 16 bits (127 * 258 < 2^15;
    rounding four adds up to 2). That costs about a tenth of the resolution and makes the product a fifth faster."""
    rows, columns = weight.shape
    groups = F.pad(weight, (0, -columns % 8)).view(rows, -1, 2, 2, 2)  # [rows, eights, half, pair, 2]
    sums = [side.clamp_min(0).sum((2, 4)).flatten(1).amax(1, keepdim=True) for side in (groups, -groups)]
    return torch.maximum(row_scale(weight, 127), torch.maximum(*sums) / 256)


def fake_quantize(x: Tensor, scale: Tensor) -> Tensor:
    """Rounds to multiples of scale; the gradient passes straight through."""
    return x + ((x.detach() / scale).round() * scale - x.detach())


class QuantizedEmbedding(nn.Embedding):
    """A lookup table whose rows are rounded as the engine stores them when `QuantizedLinear.quantized` is set."""

    def forward(self, ids: Tensor) -> Tensor:
        rows = super().forward(ids)
        return fake_quantize(rows, row_scale(rows.detach(), 127)) if QuantizedLinear.quantized else rows


class QuantizedLinear(nn.Linear):
    """A linear layer that computes as the engine's int8 product does when `quantized` is set on the class."""

    quantized = False

    def forward(self, x: Tensor) -> Tensor:
        if not QuantizedLinear.quantized:
            return F.linear(x, self.weight, self.bias)
        x = fake_quantize(x, row_scale(x.detach(), 63))
        return F.linear(x, fake_quantize(self.weight, matrix_scale(self.weight.detach())), self.bias)


def quantize_rows(weight: Tensor, scale: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """(int8 [rows, columns], f32 scales [rows])"""
    return (weight / scale).round().to(torch.int8).numpy(), scale[:, 0].numpy()


def is_quantized(name: str, shape: tuple[int, ...]) -> bool:
    """Matrices of the encoder and its large tables; heads, norms and biases stay f32."""
    tables = ("word_embeddings.weight", "position_embeddings.weight")
    return len(shape) == 2 and (".encoder." in name or name.endswith(tables))


def save_int8(state: dict[str, Tensor], path: Path) -> None:
    """safetensors with int8 matrices, each right after its '.scale'."""
    tensors: list[tuple[str, np.ndarray]] = []
    for name, value in state.items():
        value = value.detach().cpu().float()
        if is_quantized(name, value.shape):
            scale = row_scale(value, 127) if "embeddings" in name else matrix_scale(value)
            quantized, scales = quantize_rows(value, scale)
            tensors += [(f"{name}.scale", scales), (name, quantized)]
        else:
            tensors.append((name, value.numpy()))
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
