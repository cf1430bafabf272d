#!/usr/bin/env python3
"""Trains the models: `training/train.py MODEL [--minutes N]`, in the order of MODELS (see README.md)."""
import argparse
import os
import sys
from pathlib import Path

import torch

import encoder
import sentiment
import vocabulary

MODELS = {"tokenizer": vocabulary.run, "encoder": encoder.run, "sentiment": sentiment.run}
ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", choices=[*MODELS, "all"])
    parser.add_argument("--minutes", type=float, default=60, help="training time of each model")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--work", type=Path, default=ROOT / "training" / ".work", help="checkpoints and caches")
    parser.add_argument("--models", type=Path, default=ROOT / "models", help="where finished models go")
    parser.add_argument("--publish", action="store_true",
                        help="export the encoder's last checkpoint to --models, train nothing")
    parser.add_argument("--start", default="encoder", choices=["encoder", "vectors"],
                        help="what sentiment starts from; vectors too where no encoder is found")
    parser.add_argument("--layers", type=int, help="of sentiment; by default the encoder's, or 4 from vectors")
    parser.add_argument("--resume", action="store_true", help="continue from the last checkpoint")
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(os.cpu_count() or 1)
    torch.set_flush_denormal(True)
    torch.manual_seed(1)
    for model in MODELS if arguments.model == "all" else [arguments.model]:
        print(f"== {model}", file=sys.stderr)
        MODELS[model](arguments)


if __name__ == "__main__":
    main()
