"""What every run shares: the optimizer, its rate over the training time, when rounding starts, and what time is."""
import time

import torch
from torch import nn

from quantize import QuantizedLinear

#: Shares of the training in which the rate rises, and after which weights and activations are rounded as in the engine.
WARM_UP, QUANTIZE_AFTER = 0.02, 0.88


def adamw(model: nn.Module, rate: float) -> torch.optim.AdamW:
    """Norms and biases do not decay."""
    matrices = [p for p in model.parameters() if p.dim() > 1]
    vectors = [p for p in model.parameters() if p.dim() == 1]
    groups = [{"params": matrices, "weight_decay": 0.01}, {"params": vectors, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.98))


def advance(optimizer: torch.optim.Optimizer, progress: float, peak: float) -> None:
    """Sets the rate (rising, then falling to zero) and the rounding for a run done to `progress` of 1."""
    QuantizedLinear.quantized = progress >= QUANTIZE_AFTER
    for group in optimizer.param_groups:
        group["lr"] = peak * min(progress / WARM_UP + 0.01, (1 - progress) / (1 - WARM_UP))


class Clock:
    """Time at work: on a CPU the process's own, so that neither being stopped nor sharing the cores counts."""

    def __init__(self, device: str):
        self._now = time.monotonic if device == "cuda" else lambda: time.process_time() / torch.get_num_threads()
        self._last = self._now()

    def lap(self) -> float:
        """Seconds since the last lap."""
        now = self._now()
        passed, self._last = now - self._last, now
        return passed
