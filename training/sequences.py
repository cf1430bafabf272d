"""Token sequences to tensors."""
from collections.abc import Iterator

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


class Pairs:
    """Batches of sources and targets for an encoder and a decoder, padded."""

    def __init__(self, pad: int, tokens: int):
        self.pad, self.tokens = pad, tokens

    def batches(self, examples: list[tuple[list[int], list[int]]]) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor]]:
        """(source [B, S], target shifted right [B, T], places of predictions [n] in it flattened, what they are [n]), of
        examples in order while their padded tokens fit."""
        group: list[tuple[list[int], list[int]]] = []
        longest = 0
        for example in examples:
            size = max(longest, len(example[0]) + len(example[1]))
            if group and size * (len(group) + 1) > self.tokens:
                yield self.batch(group)
                group, size = [], len(example[0]) + len(example[1])
            group.append(example)
            longest = size
        if group:
            yield self.batch(group)

    def batch(self, group: list[tuple[list[int], list[int]]]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        S, T = (max(len(example[side]) for example in group) for side in (0, 1))
        source = np.full((len(group), S), self.pad, np.int64)
        target = np.full((len(group), T), self.pad, np.int64)
        shifted = np.full((len(group), T), self.pad, np.int64)  # decoding starts with <pad>
        for row, (a, b) in enumerate(group):
            source[row, : len(a)], target[row, : len(b)], shifted[row, 1 : len(b)] = a, b, b[:-1]
        at = np.flatnonzero(target != self.pad)
        return torch.from_numpy(source), torch.from_numpy(shifted), torch.from_numpy(at), torch.from_numpy(target.reshape(-1)[at])
