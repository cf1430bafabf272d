"""bf16 where the hardware multiplies it: GPUs, and CPUs with AVX-512 BF16 or AMX, which train three times as fast."""
from functools import cache
from pathlib import Path

import torch


@cache
def has_bf16(device: str) -> bool:
    if device == "cuda":
        return True
    cpu = Path("/proc/cpuinfo")
    return cpu.exists() and any(f in cpu.read_text() for f in ("avx512_bf16", "amx_bf16"))


def autocast(device: str) -> torch.autocast:
    """Products in bf16, accumulated in f32; weights and the optimizer stay f32."""
    return torch.autocast(device, dtype=torch.bfloat16, enabled=has_bf16(device))
