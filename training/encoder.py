"""The shared encoder: counted word vectors of text.train (word_vectors.py), then masked language modelling
(masked_lm.py) from them, or further from the encoder that is shipped. Checkpoints are exported into the work folder;
--publish exports the last one into the models.
"""
import json
import sys
from argparse import Namespace
from dataclasses import fields
from pathlib import Path
from typing import Optional

import numpy as np
import torch

from bert import BertConfig, BertForMaskedLM
from masked_lm import FURTHER_RATE, PEAK_RATE, from_counts, pretrain
from quantize import load_int8, save_int8
from tokenizer import WordPiece
from word_vectors import count_vectors

HIDDEN = 256


def run(arguments: Namespace) -> None:
    work = arguments.work
    wordpiece = WordPiece.load(work / "tokenizer")
    model = BertForMaskedLM(BertConfig(len(wordpiece), HIDDEN, num_hidden_layers=6))
    if arguments.publish:
        model.load_state_dict(torch.load(work / "encoder.pt", map_location="cpu")["model"])
        export(model, wordpiece, arguments.models / "encoder")
        return
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters", file=sys.stderr)
    shipped = arguments.models / "encoder"
    if arguments.start == "encoder" and (shipped / "model.safetensors").exists():
        print(f"goes on from {shipped}", file=sys.stderr)
        model.load_state_dict(load_int8(shipped / "model.safetensors"))
        peak = FURTHER_RATE
    else:
        stream = np.load(work / "text.npz")["ids"]
        if not (arguments.resume and (work / "vectors.npy").exists()):
            np.save(work / "vectors.npy", count_vectors(stream, len(wordpiece), HIDDEN))
        vectors = np.load(work / "vectors.npy")
        describe(vectors, wordpiece)
        from_counts(model, vectors, np.bincount(stream, minlength=len(wordpiece)))
        peak = PEAK_RATE
    pretrain(model.to(arguments.device), arguments, peak, lambda: export(model, wordpiece, work / "encoder"))


def pretrained(arguments: Namespace) -> Optional[Path]:
    """Where an encoder to start other models from is: the last one trained here, or the one that is shipped."""
    folders = (arguments.work / "encoder", arguments.models / "encoder")
    return next((folder for folder in folders if (folder / "model.safetensors").exists()), None)


def bert_config(folder: Path, **changes: int) -> BertConfig:
    """The sizes of the model in a folder, with changes."""
    written = json.loads((folder / "config.json").read_text())
    return BertConfig(**{f.name: written[f.name] for f in fields(BertConfig) if f.name in written} | changes)


def describe(vectors: np.ndarray, wordpiece: WordPiece) -> None:
    normal = vectors / (np.linalg.norm(vectors, axis=1, keepdims=True) + 1e-9)
    for word in ("awful", "delightful", "tuesday"):
        if word in wordpiece.ids:
            near = np.argsort(-(normal @ normal[wordpiece.ids[word]]))[1:7]
            print(f"{word}: {', '.join(wordpiece.vocabulary[i] for i in near)}", file=sys.stderr)


def export(model: BertForMaskedLM, wordpiece: WordPiece, folder: Path) -> None:
    """The checkpoint in Hugging Face's layout, int8; the card beside it is kept by hand."""
    wordpiece.save(folder)
    model.config.write(folder, "BertForMaskedLM", tie_word_embeddings=True)
    save_int8(model.state_dict(), folder / "model.safetensors")
