"""The one training loop: steps until the time is up, checkpoints, a curve, and what a run prints of how good it is."""
import signal
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from typing import TypeVar

import torch
from torch import Tensor, nn

from precision import autocast
from quantize import QuantizedLinear
from schedule import Clock, Muon, advance

Batch = TypeVar("Batch")


def train(
    name: str,
    model: nn.Module,
    arguments: Namespace,
    peak: float,
    batches: Callable[[int], Iterator[Batch]],
    loss_of: Callable[[Batch, float], tuple[Tensor, int]],
    report: Callable[[], dict[str, float]],
    export: Callable[[], None],
    reports: int = 10,
) -> None:
    """Trains for arguments.minutes, or what a resumed run has left of them; SIGTERM ends it with a checkpoint.

    peak: the highest rate. batches: seed → an endless stream. loss_of: (batch, share of the run done) → (loss, tokens in
    the batch), under autocast. report: measures the model on held-out data, `reports` times in a run; what it returns is
    printed and appended to NAME.curve.tsv. export: writes the model's files, after each report.
    """
    device, work = arguments.device, arguments.work
    optimizer = Muon(model, peak)
    step, elapsed, tokens, running = 0, 0.0, 0, 0.0
    checkpoint, curve = work / f"{name}.pt", work / f"{name}.curve.tsv"
    if arguments.resume and checkpoint.exists():
        state = torch.load(checkpoint, map_location=device)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        step, elapsed, tokens = state["step"], state["elapsed"], state["tokens"]
    else:
        curve.unlink(missing_ok=True)

    def keep() -> None:
        state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(),
                 "step": step, "elapsed": elapsed, "tokens": tokens}
        torch.save(state, checkpoint.with_suffix(".partial"))
        checkpoint.with_suffix(".partial").rename(checkpoint)
        model.eval()
        with torch.no_grad():
            scores = report()
        export()
        model.train()
        print("   " + "  ".join(f"{key} {value:.2f}" for key, value in scores.items()), file=sys.stderr, flush=True)
        if not curve.exists():
            curve.write_text("\t".join(["step", "minutes", "tokens", "loss", *scores]) + "\n")
        with curve.open("a") as file:
            values = [f"{elapsed / 60:.1f}", str(tokens), f"{running:.4f}", *(f"{x:.3f}" for x in scores.values())]
            file.write("\t".join([str(step), *values]) + "\n")

    stopped = False

    def stop(*_: object) -> None:
        nonlocal stopped
        stopped = True

    signal.signal(signal.SIGTERM, stop)
    limit = arguments.minutes * 60
    stream = batches(step + arguments.seed)
    began, began_tokens = time.monotonic(), tokens
    next_report = elapsed + limit / reports
    clock = Clock(device, arguments.wall)
    model.train()
    while elapsed < limit and not stopped:
        progress = elapsed / limit
        advance(optimizer, progress, peak)
        with autocast(device):
            loss, count = loss_of(next(stream), progress)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        step += 1
        tokens += count
        value = float(loss.detach())
        running = 0.98 * running + 0.02 * value if running else value
        elapsed += clock.lap()
        if step % 50 == 0:
            rate = (tokens - began_tokens) / (time.monotonic() - began)
            print(f"step {step}  {elapsed / 60:.1f} min  loss {running:.3f}  {tokens / 1e6:.2f} M tokens  {rate:.0f}/s",
                  file=sys.stderr, flush=True)
        if elapsed >= next_report and elapsed < limit:
            next_report += limit / reports
            keep()
            clock.lap()
    if not stopped:
        QuantizedLinear.quantized = True
    keep()
