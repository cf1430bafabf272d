"""Token sequences to tensors."""
import numpy as np
import torch
from torch import Tensor

from tokenizer import CLS, PAD, SEP


def pad(sequences: list[np.ndarray]) -> tuple[Tensor, Tensor]:
    """[CLS] … [SEP] around each, padded to the longest: ids [B, T] and present [B, T]."""
    longest = max(len(ids) for ids in sequences) + 2
    ids = np.full((len(sequences), longest), PAD, np.int64)
    present = np.zeros((len(sequences), longest), np.float32)
    for row, sequence in enumerate(sequences):
        n = len(sequence)
        ids[row, 0], ids[row, 1 : n + 1], ids[row, n + 1] = CLS, sequence, SEP
        present[row, : n + 2] = 1
    return torch.from_numpy(ids), torch.from_numpy(present)
