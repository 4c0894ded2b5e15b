"""From what a model says about the next token to the probabilities that a token is drawn with."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

LOWEST_TEMPERATURE = 1e-6
"""Anything colder would overflow float32, and is greedy in all but name."""


@dataclass(frozen=True)
class Sampling:
    """How tokens are drawn. The defaults take the model at its word.

    What is set is applied in this order: repetition_penalty, temperature, top_k, top_p.

    Attributes:
        temperature: logits are divided by it: below 1 the likely becomes likelier. 0 is greedy: always the likeliest
            token (of equals the first), whatever top_k and top_p say.
        top_k: only the k likeliest tokens stay (Fan et al. 2018), and those as likely as the last of them. None: all.
        top_p: only the fewest likeliest tokens stay that have this probability together (Holtzman et al. 2020).
            None or 1: all.
        repetition_penalty: a positive logit of a token that was seen is divided by this, a negative one multiplied by
            it (Keskar et al. 2019). 1: off; below 1 repetition is rewarded.

    Raises:
        ValueError: for a value that cannot be, with what can.
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    repetition_penalty: float = 1.0

    def __post_init__(self) -> None:
        if not _is_number(self.temperature) or not (
            self.temperature == 0 or LOWEST_TEMPERATURE <= self.temperature < math.inf
        ):
            raise ValueError(
                f"Sampling: temperature must be 0 (greedy) or a number of at least {LOWEST_TEMPERATURE:g}, "
                f"got {self.temperature!r}"
            )
        if self.top_k is not None and (
            isinstance(self.top_k, bool) or not isinstance(self.top_k, int) or self.top_k < 1
        ):
            raise ValueError(f"Sampling: top_k must be None or a whole number of at least 1, got {self.top_k!r}")
        if self.top_p is not None and not (_is_number(self.top_p) and 0 < self.top_p <= 1):
            raise ValueError(f"Sampling: top_p must be None or above 0 and at most 1, got {self.top_p!r}")
        if not (_is_number(self.repetition_penalty) and 0 < self.repetition_penalty < math.inf):
            raise ValueError(
                f"Sampling: repetition_penalty must be a positive number (1 is none), got {self.repetition_penalty!r}"
            )


def probabilities(logits: Tensor, sampling: Sampling, seen: Sequence[Any] | Tensor | None = None) -> Tensor:
    """What a token is drawn with.

    >>> probabilities(torch.tensor([1.0, 3.0, 3.0, 0.0]), Sampling(top_k=2))
    tensor([0.0000, 0.5000, 0.5000, 0.0000])

    Args:
        logits: [vocab_size] or [batch, vocab_size]; -inf forbids a token. They are not changed.
        sampling: what is applied to them.
        seen: the ids that `repetition_penalty` is about; for a batch, those of each row.

    Returns:
        The same shape, at least float32; each row sums to 1.

    Raises:
        ValueError: if a row forbids every token, or has a logit that is nan or +inf.
    """
    scores = logits.to(torch.promote_types(logits.dtype, torch.float32))
    if sampling.repetition_penalty != 1 and seen is not None:
        scores = _penalised(scores, sampling.repetition_penalty, seen)
    best = scores.amax(-1, keepdim=True)
    if not best.isfinite().all():
        raise ValueError(f"probabilities: {_what_is_wrong(best)}")
    if sampling.temperature == 0:
        return torch.zeros_like(scores).scatter_(-1, scores.argmax(-1, keepdim=True), 1.0)
    scores = scores - best  # the likeliest is 0 now: no division can overflow upwards
    if sampling.temperature != 1:
        scores = scores / sampling.temperature
    if sampling.top_k is not None and sampling.top_k < scores.shape[-1]:
        last = scores.topk(sampling.top_k).values[..., -1:]
        scores = scores.masked_fill(scores < last, -torch.inf)
    if sampling.top_p is not None and sampling.top_p < 1:
        scores = _nucleus(scores, sampling.top_p)
    return scores.softmax(-1)


def _nucleus(scores: Tensor, top_p: float) -> Tensor:
    """-inf for all but the fewest likeliest that have `top_p` together."""
    ordered, order = scores.sort(descending=True, stable=True)
    shares = ordered.softmax(-1)
    likelier = shares.cumsum(-1) - shares  # what those before it have: the first that is not needed has top_p there
    return scores.masked_fill((likelier >= top_p).gather(-1, order.argsort()), -torch.inf)


def _penalised(scores: Tensor, penalty: float, seen: Sequence[Any] | Tensor) -> Tensor:
    rows = [seen] if scores.ndim == 1 else seen
    if scores.ndim > 1 and len(rows) != len(scores):
        raise ValueError(f"probabilities: there must be seen ids for each of {len(scores)} rows, got {len(rows)}")
    was_seen = torch.zeros(len(rows), scores.shape[-1], dtype=torch.bool)
    for marks, row in zip(was_seen, rows, strict=True):
        ids = torch.as_tensor(row, dtype=torch.long).cpu()
        if len(ids) and not 0 <= int(ids.min()) <= int(ids.max()) < scores.shape[-1]:
            raise ValueError(
                f"probabilities: seen ids must be 0 … {scores.shape[-1] - 1}, got {int(ids.min())} … {int(ids.max())}"
            )
        marks[ids] = True
    penalised = torch.where(scores > 0, scores / penalty, scores * penalty)
    return torch.where(was_seen.view(scores.shape).to(scores.device), penalised, scores)


def _what_is_wrong(best: Tensor) -> str:
    row, worst = next((i, x) for i, x in enumerate(best.flatten().tolist()) if not math.isfinite(x))
    where = f" in row {row}" if best.numel() > 1 else ""
    if worst == -math.inf:
        return f"no token is left{where}: all logits are -inf"
    if worst == math.inf:
        return f"a logit is +inf{where}; to force a token, set all others to -inf"
    return f"a logit is nan{where}: the model has diverged, or a hook divides by zero"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
