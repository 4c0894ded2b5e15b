"""What the model reads before each token: a model sees block_size tokens at most, a text may grow longer."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Literal, get_args

import torch
from torch import Tensor

from labkit.gpt import GPT, KVCache

Window = Literal["slide", "jump"]


class Windows:
    """Rows of tokens that grow at the end, and what a model says about the next token of each.

    A row's window begins at its first token and grows with it, up to block_size tokens. After that:

    - "slide": it is always the last block_size tokens. All positions shift with each token, and what the first
      token of a window knew of those before it is gone, so nothing in a cache holds any more: the window is read
      anew for each token.
    - "jump": when it is full and one more token comes, it forgets its older half, at once, and grows again. It is
      read anew once in half a block; all other tokens cost a step of one token through the cache.

    Which tokens a prediction sees depends on neither the cache nor the other rows.

    Args:
        model: a causal language model.
        rows: ids of each row, at least one; of a longer row than block_size the last block_size are read.
        window: "slide" or "jump".
        cached: whether to keep keys and values, or to read everything anew for each token (slow: the reference).

    Attributes:
        rows: all tokens of the rows so far.
    """

    def __init__(
        self, model: GPT, rows: Sequence[Sequence[int]], window: Window = "slide", cached: bool = True
    ) -> None:
        self.rows = [list(row) for row in rows]
        self._model, self._window, self._cached = model, window, cached
        self._modules = list(model.modules())
        self._size = model.config.block_size
        self._starts = [max(0, len(row) - self._size) for row in self.rows]
        self._cache: KVCache | None = None

    def logits(self) -> Tensor:
        """[rows, vocab_size]: of the next token of each row."""
        moved = self._move()
        with evaluating(self._modules):
            if self._cache is None or moved or self._cache.length == self._size:
                return self._read_windows()
            newest = torch.tensor([[row[-1]] for row in self.rows], device=self._model.device)
            return self._read(newest, None)

    def extend(self, tokens: Sequence[int]) -> None:
        """Each row's next token; then `logits` may be asked again."""
        for row, token in zip(self.rows, tokens, strict=True):
            row.append(token)

    def keep(self, rows: Sequence[int]) -> None:
        """Go on with some of the rows alone."""
        self.rows = [self.rows[i] for i in rows]
        self._starts = [self._starts[i] for i in rows]
        if self._cache is not None:
            self._cache.select(rows)

    def _move(self) -> bool:
        """Let windows that are too long begin later; returns whether any did."""
        moved = False
        for i, row in enumerate(self.rows):
            if len(row) - self._starts[i] > self._size:
                self._starts[i] += 1 if self._window == "slide" else max(1, self._size // 2)
                moved = True
        return moved

    def _read_windows(self) -> Tensor:
        """Read the windows from their beginnings; shorter ones are padded on the left, so that all end together."""
        windows = [row[start:] for row, start in zip(self.rows, self._starts, strict=True)]
        time = max(map(len, windows))
        device = self._model.device
        tokens = torch.tensor([[0] * (time - len(ids)) + ids for ids in windows], device=device)
        real = None
        if any(len(ids) < time for ids in windows):
            lengths = torch.tensor([len(ids) for ids in windows], device=device)
            real = torch.arange(time, device=device) >= time - lengths[:, None]
        # A window that is full moves with the next token: nothing could be read from a cache of it.
        self._cache = self._model.new_cache(len(windows)) if self._cached and time < self._size else None
        return self._read(tokens, real)

    def _read(self, tokens: Tensor, real: Tensor | None) -> Tensor:
        return self._model.read(self._model.hidden(tokens, real, self._cache)[:, -1])  # the last position's alone


def same_length(rows: Sequence[Sequence[int]], device: torch.device) -> Iterator[tuple[list[int], Tensor]]:
    """Rows of one length together, so that none is padded: their numbers, and their ids [rows, length]."""
    lengths = [len(row) for row in rows]
    for length in dict.fromkeys(lengths):
        some = [i for i, n in enumerate(lengths) if n == length]
        yield some, torch.tensor([list(rows[i]) for i in some], device=device)


def check_window(window: str) -> None:
    """Whether there is such a window.

    Raises:
        ValueError: if not.
    """
    if window not in get_args(Window):
        raise ValueError(f"window must be one of {', '.join(get_args(Window))}, got {window!r}")


@contextmanager
def evaluating(modules: Sequence[torch.nn.Module]) -> Iterator[None]:
    """All of these in evaluation mode; afterwards each as it was before."""
    training = [module for module in modules if module.training]
    for module in training:
        module.training = False
    try:
        yield
    finally:
        for module in training:
            module.training = True
