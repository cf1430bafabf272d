#!/usr/bin/env python3
"""The mean of two models' weights: `training/average.py A.safetensors B.safetensors OUT.safetensors`, of a model before and after
it was trained further (Wortsman et al. 2022, https://arxiv.org/abs/2203.05482). Tensors are stored as A has them."""
import json
import struct
import sys
from pathlib import Path

from quantize import load_int8, save_int8

KINDS = {"I8": "int8", "F16": "f16", "F32": "f32"}


def main() -> None:
    a, b, out = map(Path, sys.argv[1:4])
    data = a.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    first, second = load_int8(a), load_int8(b)
    mean = {name: (value + second[name]) / 2 for name, value in first.items()}
    save_int8(mean, out, lambda name, _: KINDS[header[name]["dtype"]])


if __name__ == "__main__":
    main()
