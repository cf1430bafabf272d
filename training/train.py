#!/usr/bin/env python3
"""Trains the models: `training/train.py MODEL [--minutes N]`, in the order of MODELS (see README.md)."""
import argparse
import os
import sys
from importlib import import_module
from pathlib import Path

#: glibc gives large blocks back to the system when they are freed and faults them in again page by page when they are
#: next asked for: half of a training step on a CPU. It keeps them with these settings, which it reads at its start.
TUNABLES = ":".join(f"glibc.malloc.{setting}" for setting in (
    "hugetlb=1", "mmap_threshold=4000000000", "trim_threshold=8000000000", "top_pad=100000000", "arena_max=1"))
if sys.platform == "linux" and os.environ.get("GLIBC_TUNABLES") != TUNABLES:
    os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | {"GLIBC_TUNABLES": TUNABLES})

import torch

#: The module of each, in the order that they need one another; translate, chat and text2text need tokenizers besides.
MODELS = {
    "tokenizer": "vocabulary", "encoder": "encoder", "sentiment": "sentiment", "emotion": "emotion", "embed": "embed",
    "answer": "answer", "xlnet": "xlnet", "translate": "translate", "chat": "chat", "text2text": "text2text",
}
ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", choices=[*MODELS, "all"])
    parser.add_argument("--minutes", type=float, default=60, help="training time of each model")
    parser.add_argument("--wall", action="store_true", help="minutes of the wall's clock, not of the processor")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--work", type=Path, default=ROOT / "training" / ".work", help="checkpoints and caches")
    parser.add_argument("--models", type=Path, default=ROOT / "models", help="where finished models go")
    parser.add_argument("--publish", action="store_true",
                        help="export the encoder's last checkpoint to --models, train nothing")
    parser.add_argument("--start", default="encoder", choices=["encoder", "vectors", "model"],
                        help="what a model starts from: the encoder; of the encoder, counted word vectors; of embed and "
                             "sentiment, itself as it is in --models")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seed", type=int, default=1, help="of the order of the data; another one to go on with a model")
    parser.add_argument("--layers", type=int, help="of sentiment; by default the encoder's, or 4 from vectors")
    parser.add_argument("--resume", action="store_true", help="continue from the last checkpoint")
    arguments = parser.parse_args()
    arguments.published = ROOT / "models"
    arguments.work.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(arguments.threads)
    torch.set_flush_denormal(True)
    torch.manual_seed(1)
    for model in MODELS if arguments.model == "all" else [arguments.model]:
        print(f"== {model}", file=sys.stderr)
        import_module(MODELS[model]).run(arguments)


if __name__ == "__main__":
    main()
