"""Chance: each row of a batch draws from a generator of its own, so that no row depends on its neighbours."""

import hashlib
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

CHUNK = 256
"""How many random numbers are drawn at a time: one by one each would cost as much as a small layer."""


def row_seed(seed: int, row: int) -> int:
    """The seed that a row of a batch draws with: the batch's own for row 0, unrelated ones for the others.

    So `generate(model, prompts, n, seed=seed)[row]` is
    `generate(model, [prompts[row]], n, seed=row_seed(seed, row))[0]`. (Were it seed + row, two batches with
    neighbouring seeds would share all rows but one.)
    """
    if row == 0:
        return seed
    digest = hashlib.blake2b(f"{seed} {row}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def uniforms(seed: int | None) -> Iterator[float]:
    """Random numbers in [0, 1), from a generator that nobody else draws from; None: others each time."""
    generator = torch.Generator()
    if seed is None:
        generator.seed()
    else:
        generator.manual_seed(seed)
    while True:
        yield from torch.rand(CHUNK, generator=generator, dtype=torch.float64).tolist()


def pick(shares: Tensor, points: Sequence[float]) -> list[int]:
    """For each row the token at a point of the line on which every token is as long as its share.

    It is done on the CPU in float64: so the same seed gives the same text on every device, a token with share 0 is
    never taken, and one with share 1e-9 about as often as it should.

    Args:
        shares: [batch, vocab_size], none below 0; each row sums to about 1.
        points: for each row, in [0, 1).
    """
    ends = shares.to("cpu", torch.float64).cumsum(-1)
    at = torch.tensor(points, dtype=torch.float64)[:, None] * ends[:, -1:]
    tokens: list[int] = torch.searchsorted(ends, at, right=True)[:, 0].tolist()
    return tokens
