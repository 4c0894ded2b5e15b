"""How good a language model is on a text: nats, perplexity, bits per character."""

import math
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import numpy as np
import torch
from torch import Tensor

from labkit.gpt import GPT

from .tokens import TokenArray

MOST_NATS = 709.0
"""The exponential of more is beyond the largest float."""


def evaluate(
    model: GPT,
    tokens: TokenArray,
    block_size: int | None = None,
    batch_size: int = 64,
    precision: torch.dtype = torch.float32,
) -> float:
    """The mean cross-entropy over all of `tokens`, in nats a token.

    The line is cut into blocks, one after the other; every token but the first is a target once, and the last
    block may be short. A token is predicted from what precedes it in its own block.

    Args:
        model: it is put into evaluation mode meanwhile.
        tokens: [n] ids, at least two.
        block_size: how long the blocks are; the model's own when left out.
        batch_size: how many blocks are looked at together.
        precision: of matrix products.

    Raises:
        ValueError: for fewer than two tokens.
    """
    if len(tokens) < 2:
        raise ValueError(f"evaluate: two tokens are needed at least, one to see and one to predict, got {len(tokens)}")
    block_size = block_size or model.config.block_size
    whole = (len(tokens) - 1) // block_size
    total = 0.0
    with evaluating(model, precision):
        for first in range(0, whole, batch_size):
            n = min(batch_size, whole - first)
            rows = [tokens[(first + i) * block_size : (first + i + 1) * block_size + 1] for i in range(n)]
            total += _nats(model, np.stack(rows)) * n * block_size
        rest = tokens[whole * block_size :]
        if len(rest) > 1:
            total += _nats(model, rest[None]) * (len(rest) - 1)
    return total / (len(tokens) - 1)


def _nats(model: GPT, rows: TokenArray) -> float:
    blocks: Tensor = torch.from_numpy(rows.astype(np.int64)).to(model.device)
    return float(model.loss(blocks[:, :-1], blocks[:, 1:]))


@contextmanager
def evaluating(model: GPT, precision: torch.dtype = torch.float32) -> Iterator[None]:
    """The model in evaluation mode and without gradients meanwhile, matrix products in `precision`."""
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad(), mixed(model.device, precision):
            yield
    finally:
        model.train(was_training)


def perplexity(nats: float) -> float:
    """Among how many equally likely tokens a model hesitates that has this loss; inf when beyond all numbers."""
    return math.inf if nats > MOST_NATS else math.exp(nats)


def bits_per_character(nats: float, characters_per_token: float = 1.0) -> float:
    """The same in bits, per character of the text: comparable between tokenizers."""
    return bits_per_unit(nats, characters_per_token)


def bits_per_unit(nats: float, units_per_token: float) -> float:
    """Nats a token as bits per whatever a token has `units_per_token` of: characters, bytes."""
    return nats / math.log(2) / units_per_token


def mixed(device: torch.device, precision: torch.dtype) -> AbstractContextManager:
    """Matrix products in `precision` meanwhile; weights, norms and losses stay in float32."""
    return torch.autocast(device.type, dtype=precision, enabled=precision != torch.float32)
