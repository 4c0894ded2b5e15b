"""Many short sequences in batches of like length, so that hardly a place of a batch is padding."""

from collections.abc import Iterable, Sequence
from typing import Self

import numpy as np
import torch
from torch import Tensor

from labkit.training.tokens import TokenArray

WINDOW = 50
"""Over how many batches the sequences are sorted by length: more pad less, fewer mix the lengths of an epoch more."""
NO_TARGET = -1
"""What `GPT.loss` leaves out."""


class Sequences:
    """Sequences of ids of any lengths, in one array: 320,000 routes take some 30 MB.

    Args:
        ids: [n] ids, one sequence after the other.
        lengths: of each sequence, 1 or more.

    Attributes:
        ids: likewise.
        lengths: [sequences], int64.
        starts: where each begins in `ids`.

    Raises:
        ValueError: for an empty sequence, or lengths that are not those of the ids.
    """

    def __init__(self, ids: TokenArray, lengths: Sequence[int] | TokenArray) -> None:
        self.ids, self.lengths = ids, np.asarray(lengths, dtype=np.int64)
        if len(self.lengths) and self.lengths.min() < 1:
            raise ValueError(f"sequence {int(self.lengths.argmin())} is empty")
        if self.lengths.sum() != len(ids):
            raise ValueError(f"the lengths add up to {self.lengths.sum()}, but there are {len(ids)} ids")
        self.starts = np.cumsum(self.lengths) - self.lengths

    @classmethod
    def of(cls, rows: Iterable[Sequence[int]]) -> Self:
        """From lists of ids.

        Raises:
            ValueError: for an empty one, or an id below zero.
        """
        lengths: list[int] = []
        parts: list[TokenArray] = []
        for row in rows:
            part = np.asarray(row, dtype=np.int64)
            if len(part) and (part.min() < 0 or part.max() >= 2**32):
                raise ValueError(f"sequence {len(lengths)}: a token is 0 … {2**32 - 1}, got {list(row)}")
            parts.append(part.astype(np.uint32))
            lengths.append(len(part))
        return cls(np.concatenate(parts) if parts else np.zeros(0, dtype=np.uint32), lengths)

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, i: int) -> list[int]:
        start = self.starts[i]
        return self.ids[start : start + self.lengths[i]].tolist()

    @property
    def longest(self) -> int:
        """The length of the longest; 0 where there is none."""
        return int(self.lengths.max(initial=0))

    def sizes(self, name: str) -> dict[str, int]:
        """How many sequences and tokens there are, by which a run knows its data again."""
        return {name: len(self), f"{name}_tokens": len(self.ids)}

    def check(self, what: str, vocab_size: int, block_size: int) -> None:
        """That a model of such sizes can read all of these.

        Raises:
            ValueError: if not; it says how many of `what` it cannot.
        """
        if len(self.ids) and (largest := int(self.ids.max())) >= vocab_size:
            raise ValueError(
                f"the {what} have the id {largest}, and a model with vocab_size={vocab_size} knows "
                f"0 … {vocab_size - 1}: is this the tokenizer of that model?"
            )
        if long := int((self.lengths > block_size).sum()):
            raise ValueError(
                f"{long} of {len(self)} {what} are longer than {block_size} tokens, the longest has {self.longest}: "
                "take a model with a larger block_size, or leave these out"
            )

    def padded(self, rows: TokenArray, pad: int = 0, width: int | None = None) -> tuple[Tensor, Tensor]:
        """Some of the sequences side by side.

        Args:
            rows: which, [batch].
            pad: the id that fills up the short ones, on the right.
            width: to which length; None: to that of the longest of them.

        Returns:
            ids, int64, and which of them are no padding, bool: two of [batch, width].

        Raises:
            ValueError: for a width that is too small.
        """
        lengths = self.lengths[rows]
        longest = int(lengths.max())
        width = width or longest
        if width < longest:
            raise ValueError(f"a sequence of {longest} tokens does not fit into a width of {width}")
        columns = np.arange(width)
        real = columns < lengths[:, None]
        places = np.where(real, self.starts[rows][:, None] + columns, 0)
        ids = np.where(real, self.ids[places].astype(np.int64), pad)
        return torch.from_numpy(ids), torch.from_numpy(real)

    def by_length(self, batch_size: int) -> list[TokenArray]:
        """All of them, short ones first, in batches: the order in which to measure, where none matters."""
        order = np.argsort(self.lengths, kind="stable")
        return [order[first : first + batch_size] for first in range(0, len(order), batch_size)]


def next_tokens(ids: Tensor, real: Tensor) -> tuple[Tensor, Tensor]:
    """What a causal model reads, and the token after each: two of [batch, width - 1].

    Where the next place is padding the target is NO_TARGET. Padding stands on the right, so that no real token of a
    causal model sees any: it needs no mask.
    """
    return ids[:, :-1], ids[:, 1:].masked_fill(~real[:, 1:], NO_TARGET)


class LengthOrder:
    """Which sequences come when: each once an epoch, in batches of like length, in an order drawn by the seed.

    The sequences are shuffled and cut into windows of `WINDOW` batches; a window is sorted by length and cut into
    batches, and these are shuffled again. So the batches, and who is in one, differ from epoch to epoch. The last
    batch of an epoch may be small.

    Args:
        lengths: of all sequences.
        batch_size: of the batches; another one may be asked for, then more is padded.
        seed: seeds the order.

    Attributes:
        epoch: how many epochs are done.
        used: how many sequences of this epoch are done.
        rows: the order of this epoch, [sequences].

    Raises:
        ValueError: where there is no sequence.
    """

    def __init__(self, lengths: TokenArray, batch_size: int, seed: int = 0) -> None:
        if not len(lengths):
            raise ValueError("there is no sequence to train on")
        self.lengths, self.batch_size, self.seed = lengths, batch_size, seed
        self.go_to(0, 0)

    def go_to(self, epoch: int, used: int) -> None:
        """Put the order to where it was: the next batch is the one that came then."""
        rng = np.random.default_rng((self.seed, epoch))
        order = rng.permutation(len(self.lengths))
        window = np.arange(len(order)) // (WINDOW * self.batch_size)
        order = order[np.lexsort((self.lengths[order], window))]
        whole = len(order) // self.batch_size * self.batch_size
        batches = rng.permutation(order[:whole].reshape(-1, self.batch_size))
        self.rows, self.epoch, self.used = np.concatenate((batches.ravel(), order[whole:])), epoch, used

    def take(self, batch_size: int) -> TokenArray:
        """The next sequences, `batch_size` of them or, at the end of an epoch, fewer: [batch]."""
        if self.used >= len(self.rows):
            self.go_to(self.epoch + 1, 0)
        taken = self.rows[self.used : self.used + batch_size]
        self.used += len(taken)
        return taken
