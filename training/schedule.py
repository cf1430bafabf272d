"""What every run shares: the optimizer, its rate over the training time, when rounding starts, and what time is."""
import re
import time

import torch
from torch import Tensor, nn

from precision import has_bf16
from quantize import QuantizedLinear

#: Shares of the training in which the rate rises, and after which weights and activations are rounded as in the engine.
WARM_UP, QUANTIZE_AFTER = 0.02, 0.88


class Muon(torch.optim.AdamW):
    """Muon (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/) for the matrices of the layers, whose updates
    are made orthogonal and scaled to the size of AdamW's (Liu et al. 2025, https://arxiv.org/abs/2502.16982), so that
    both have one rate; AdamW for tables, heads, norms and biases, the latter two without decay."""

    def __init__(self, model: nn.Module, rate: float):
        layers = [p for name, p in model.named_parameters() if re.search(r"\.(layers?|block)\.", name) and is_matrix(p)]
        taken = {id(p) for p in layers}
        others = [p for p in model.parameters() if id(p) not in taken]
        super().__init__(
            [
                {"params": layers, "weight_decay": 0.01, "orthogonal": True},
                {"params": [p for p in others if p.dim() > 1], "weight_decay": 0.01, "orthogonal": False},
                {"params": [p for p in others if p.dim() <= 1], "weight_decay": 0.0, "orthogonal": False},
            ],
            lr=rate, betas=(0.9, 0.98),
        )

    @torch.no_grad()
    def step(self) -> None:
        for group in self.param_groups:
            if not group["orthogonal"]:
                continue
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if not state:  # AdamW asks each state for its step
                    state.update(momentum=torch.zeros_like(p), step=torch.zeros(()))
                state["momentum"].lerp_(p.grad, 0.05)
                update = orthogonal(p.grad.lerp(state["momentum"], 0.95).flatten(1))
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.add_(update.view_as(p), alpha=-0.2 * max(update.shape) ** 0.5 * group["lr"])
                p.grad = None  # done: AdamW leaves it alone
        super().step()


def is_matrix(p: Tensor) -> bool:
    """Not a bias, nor a small table; XLNet's matrices have three dimensions."""
    return p.dim() > 1 and min(p.flatten(1).shape) >= 16


def orthogonal(x: Tensor) -> Tensor:
    """Nearly the orthogonal matrix nearest to x, by five Newton-Schulz steps."""
    tall = x.shape[0] > x.shape[1]
    y = x.T if tall else x
    if has_bf16(x.device.type):
        y = y.bfloat16()
    y = y / (y.norm() + 1e-7)
    for _ in range(5):
        gram = y @ y.T
        y = 3.4445 * y + (-4.7750 * gram + 2.0315 * gram @ gram) @ y
    return (y.T if tall else y).to(x.dtype)


def advance(optimizer: torch.optim.Optimizer, progress: float, peak: float) -> None:
    """Sets the rate (rising, then falling to zero) and the rounding for a run done to `progress` of 1."""
    QuantizedLinear.quantized = progress >= QUANTIZE_AFTER
    for group in optimizer.param_groups:
        group["lr"] = peak * min(progress / WARM_UP + 0.01, (1 - progress) / (1 - WARM_UP))


class Clock:
    """Time at work: on a CPU the process's own, so that neither being stopped nor sharing the cores counts, or, where
    a run has to end in time, the wall's."""

    def __init__(self, device: str, wall: bool):
        of_the_process = lambda: time.process_time() / torch.get_num_threads()
        self._now = time.monotonic if wall or device == "cuda" else of_the_process
        self._last = self._now()

    def lap(self) -> float:
        """Seconds since the last lap."""
        now = self._now()
        passed, self._last = now - self._last, now
        return passed
