"""int8: quantization-aware layers, and safetensors written and read.

The engine multiplies int8 weights (one symmetric scale a row, 127 steps each way) with activations quantized a token
at a time to 7 bit (63 steps each way). Training the last steps through the same rounding keeps the loss small.
"""
import json
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn


def row_scale(x: Tensor, steps: int) -> Tensor:
    """The step of each row (last dimension) that gives its largest value `steps` levels."""
    return x.abs().amax(-1, keepdim=True).clamp_min(1e-12) / steps


def matrix_scale(weight: Tensor) -> Tensor:
    """The step of each row [rows, 1] of a matrix: within 127 levels, and within a norm of 224 for each group of 16
    columns (those of 32 that agree in their second bit), so that the engine may add a group's products in 16 bits. It
    costs up to a fifth of the resolution of rows whose values are nearly all large, and nothing elsewhere."""
    rows, columns = weight.shape
    groups = F.pad(weight, (0, -columns % 32)).view(rows, -1, 8, 2, 2)  # [rows, chunk, four, pair, 2]
    norms = groups.square().sum((2, 4)).flatten(1).amax(1, keepdim=True).sqrt()
    return torch.maximum(row_scale(weight, 127), norms / 224)


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


def quantized_rows(x: Tensor, table: Tensor) -> tuple[Tensor, Tensor]:
    """Both sides of a product with a lookup table, rounded as the engine does if `QuantizedLinear.quantized` is set."""
    if not QuantizedLinear.quantized:
        return x, table
    return fake_quantize(x, row_scale(x.detach(), 63)), fake_quantize(table, row_scale(table.detach(), 127))


def quantize_rows(weight: Tensor, scale: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """(int8 [rows, columns], f32 scales [rows])"""
    return (weight / scale).round().to(torch.int8).numpy(), scale[:, 0].numpy()


def bert_storage(name: str, shape: tuple[int, ...]) -> str:
    """Matrices of the encoder, its large tables and what predicts words from it in int8; other heads, norms and biases
    stay f32."""
    tables = ("word_embeddings.weight", "position_embeddings.weight")
    matrix = len(shape) == 2 and (".encoder." in name or ".transform." in name or name.endswith(tables))
    return "int8" if matrix else "f32"


def save_int8(
    state: dict[str, Tensor], path: Path, storage: Callable[[str, tuple[int, ...]], str] = bert_storage
) -> None:
    """safetensors with int8 matrices, each right after its '.scale'; storage tells of each tensor whether it is one
    ('int8'), or 'f16' or 'f32'."""
    tensors: list[tuple[str, np.ndarray]] = []
    for name, value in state.items():
        value = value.detach().cpu().float()
        kind = storage(name, tuple(value.shape))
        if kind == "int8":
            rows = value.flatten(1)
            scale = row_scale(rows, 127) if "embedding" in name else matrix_scale(rows)
            quantized, scales = quantize_rows(rows, scale)
            tensors += [(f"{name}.scale", scales), (name, quantized.reshape(value.shape))]
        else:
            tensors.append((name, value.numpy().astype({"f16": np.float16, "f32": np.float32}[kind])))
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    offset = 0
    for name, array in tensors:
        dtype = {"int8": "I8", "float16": "F16", "float32": "F32"}[array.dtype.name]
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


def load_int8(path: Path) -> dict[str, Tensor]:
    """What save_int8 wrote, as f32."""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    tensors: dict[str, Tensor] = {}
    for name, info in json.loads(data[8 : 8 + length]).items():
        if name == "__metadata__":
            continue
        begin, end = (8 + length + offset for offset in info["data_offsets"])
        array = np.frombuffer(data[begin:end], {"I8": np.int8, "F16": np.float16, "F32": np.float32}[info["dtype"]]).reshape(info["shape"])
        tensors[name] = torch.from_numpy(array.astype(np.float32))
    for name in [name for name in tensors if name.endswith(".scale")]:
        weight = tensors[name.removesuffix(".scale")]
        weight *= tensors.pop(name).view(-1, *[1] * (weight.dim() - 1))
    return tensors
