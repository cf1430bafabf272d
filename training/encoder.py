"""The shared encoder: counted word vectors of text.train (word_vectors.py), then masked language modelling from them
(masked_lm.py). Checkpoints are exported into the work folder; --publish exports the last one into the models.
"""
import json
import sys
from argparse import Namespace
from pathlib import Path
from typing import Optional

import numpy as np
import torch

from bert import BertConfig, BertForMaskedLM
from masked_lm import from_counts, train
from quantize import save_int8
from tokenizer import PAD, WordPiece
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
    stream = np.load(work / "text.npz")["ids"]
    if not (arguments.resume and (work / "vectors.npy").exists()):
        np.save(work / "vectors.npy", count_vectors(stream, len(wordpiece), HIDDEN))
    vectors = np.load(work / "vectors.npy")
    describe(vectors, wordpiece)
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters", file=sys.stderr)
    from_counts(model, vectors, np.bincount(stream, minlength=len(wordpiece)))
    train(model.to(arguments.device), arguments, lambda: export(model, wordpiece, work / "encoder"))


def pretrained(arguments: Namespace) -> Optional[Path]:
    """Where an encoder to start other models from is: the last one trained here, or the one that is shipped."""
    folders = (arguments.work / "encoder", arguments.models / "encoder")
    return next((folder for folder in folders if (folder / "model.safetensors").exists()), None)


def describe(vectors: np.ndarray, wordpiece: WordPiece) -> None:
    normal = vectors / (np.linalg.norm(vectors, axis=1, keepdims=True) + 1e-9)
    for word in ("awful", "delightful", "tuesday"):
        if word in wordpiece.ids:
            near = np.argsort(-(normal @ normal[wordpiece.ids[word]]))[1:7]
            print(f"{word}: {', '.join(wordpiece.vocabulary[i] for i in near)}", file=sys.stderr)


def export(model: BertForMaskedLM, wordpiece: WordPiece, folder: Path) -> None:
    """The checkpoint in Hugging Face's layout, int8; the card beside it is kept by hand."""
    wordpiece.save(folder)
    config = model.config
    (folder / "config.json").write_text(json.dumps({
        "architectures": ["BertForMaskedLM"],
        "model_type": "bert",
        "vocab_size": config.vocab_size,
        "hidden_size": config.hidden_size,
        "num_hidden_layers": config.num_hidden_layers,
        "num_attention_heads": config.num_attention_heads,
        "intermediate_size": config.intermediate_size,
        "max_position_embeddings": config.max_position_embeddings,
        "type_vocab_size": 2,
        "hidden_act": "relu",
        "layer_norm_eps": 1e-12,
        "pad_token_id": PAD,
        "tie_word_embeddings": True,
    }, indent=2) + "\n")
    save_int8(model.state_dict(), folder / "model.safetensors")
