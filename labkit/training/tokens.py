"""A long line of tokens, and the blocks of it that a step learns from."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import torch
from torch import Tensor

from labkit.files import write_atomic

TokenArray = np.ndarray
"""[n] ids of any integer type, in memory or memory-mapped."""


@dataclass(frozen=True, eq=False)
class TokenData:
    """What a language model learns from, and what it is measured on.

    Attributes:
        train: [n] ids.
        validation: [m] ids that are never trained on.
        characters_per_token: of the validation text, for bits per character; 1 for a tokenizer of characters.
    """

    train: TokenArray
    validation: TokenArray
    characters_per_token: float = 1.0

    @classmethod
    def from_ids(cls, train: Sequence[int], validation: Sequence[int], characters_per_token: float = 1.0) -> Self:
        """From lists of ids.

        Raises:
            ValueError: for an id below zero.
        """
        largest = max(max(train, default=0), max(validation, default=0))
        if (least := min(min(train, default=0), min(validation, default=0))) < 0:
            raise ValueError(f"a token is 0 or more, got {least}")
        dtype = np.uint16 if largest < 2**16 else np.uint32
        return cls(np.asarray(train, dtype=dtype), np.asarray(validation, dtype=dtype), characters_per_token)

    def save(self, folder: str | Path) -> Path:
        """Write train.npy and validation.npy, to be memory-mapped by `open`."""
        for name in ("train", "validation"):
            buffer = io.BytesIO()
            np.save(buffer, getattr(self, name), allow_pickle=False)
            write_atomic(Path(folder) / f"{name}.npy", buffer.getvalue())
        return Path(folder)

    @classmethod
    def open(cls, folder: str | Path, characters_per_token: float = 1.0) -> Self:
        """Map what `save` wrote: pages are read when a batch needs them, so a text may be larger than memory.

        Raises:
            ValueError: for a file that is not a line of whole numbers.
        """
        parts = []
        for name in ("train", "validation"):
            path = Path(folder) / f"{name}.npy"
            try:
                array = np.load(path, mmap_mode="r", allow_pickle=False)
            except (ValueError, EOFError) as error:
                raise ValueError(f"{path}: not a file of tokens ({error}); write it with TokenData.save") from error
            if array.ndim != 1 or array.dtype.kind not in "ui":
                raise ValueError(f"{path}: expected a line of whole numbers, got {array.dtype} {list(array.shape)}")
            parts.append(array)
        return cls(parts[0], parts[1], characters_per_token)

    def check(self, vocab_size: int) -> None:
        """That a model of so many tokens can read all of these: one pass over them.

        Raises:
            ValueError: for an id outside 0 … vocab_size - 1.
        """
        for name in ("train", "validation"):
            tokens: TokenArray = getattr(self, name)
            if tokens.dtype.kind not in "ui":
                raise ValueError(f"the {name} tokens must be whole numbers, got {tokens.dtype}")
            for found in (int(tokens.min()), int(tokens.max())) if len(tokens) else ():
                if not 0 <= found < vocab_size:
                    raise ValueError(
                        f"the {name} tokens have the id {found}, and a model with vocab_size={vocab_size} knows "
                        f"0 … {vocab_size - 1}: is this the tokenizer of that model?"
                    )


class BlockOrder:
    """Which blocks come when: epochs in which a token is a target once, in an order drawn by the seed.

    Each epoch begins the first block at another offset, so that the epochs cut the text at different places; the
    fewer than block_size tokens before it, and those after the last whole block, are no targets in that epoch.

    Args:
        tokens: [n] ids.
        block_size: how many targets a block has.
        seed: seeds offsets and orders.

    Attributes:
        epoch: how many epochs are done.
        used: how many blocks of this epoch are done.
    """

    def __init__(self, tokens: TokenArray, block_size: int, seed: int = 0) -> None:
        if len(tokens) < block_size + 1:
            raise ValueError(
                f"a block of {block_size} tokens and the one after it do not fit into {len(tokens)} training tokens: "
                "take a longer text or a smaller block_size"
            )
        self.tokens, self.block_size, self.seed = tokens, block_size, seed
        self.go_to(0, 0)

    def go_to(self, epoch: int, used: int) -> None:
        """Put the order to where it was: the next batch is the one that came then."""
        rng = np.random.default_rng((self.seed, epoch))
        room = len(self.tokens) - 1
        offset = int(rng.integers(min(self.block_size, room - self.block_size + 1)))
        starts = np.arange(offset, room - self.block_size + 1, self.block_size)
        self.starts, self.epoch, self.used = rng.permutation(starts), epoch, used

    def batch(self, batch_size: int) -> tuple[Tensor, Tensor]:
        """The next blocks and, for each of their tokens, the one after it: two of [batch_size, block_size], int64."""
        taken: list[int] = []
        while len(taken) < batch_size:
            if self.used >= len(self.starts):
                self.go_to(self.epoch + 1, 0)
            more = self.starts[self.used : self.used + batch_size - len(taken)]
            self.used += len(more)
            taken += more.tolist()
        rows = np.stack([self.tokens[start : start + self.block_size + 1] for start in taken]).astype(np.int64)
        blocks = torch.from_numpy(rows)
        return blocks[:, :-1], blocks[:, 1:]
