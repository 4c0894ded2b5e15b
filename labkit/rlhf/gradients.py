"""How good an estimate of the gradient is, measured against the exact one on the toy board."""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from .exact import objective
from .run import Rollout
from .table import TablePolicy

Estimate = Callable[[Tensor, Rollout], Tensor]
"""`loss(log_probs [n, time], rollout)` gives the number whose gradient is minus the estimate of ∇J."""


class Quality(NamedTuple):
    """What many estimates from batches of one size were like.

    Attributes:
        cosine: of the angle between their mean and the exact gradient; 1: the same direction.
        length: of their mean, where the exact gradient is 1 long.
        bias: of their mean, as the length of its difference to the exact gradient, which is 1 long.
        by_chance: how long that difference would be expected to be by chance alone, were there no bias.
        noise: of one estimate: the root of its mean squared distance to the mean, where the exact gradient is 1 long.
    """

    cosine: float
    length: float
    bias: float
    by_chance: float
    noise: float


def exact_gradient(policy: TablePolicy, log_ref: Tensor, beta: float) -> Tensor:
    """∇J of a table's logits, [nodes, vocab_size], by autograd through the sum over all routes."""
    value = objective(policy.all_log_probs(), log_ref, policy.toy.rewards, beta)
    (gradient,) = torch.autograd.grad(value, policy.logits)
    return gradient


def quality(
    policy: TablePolicy, log_ref: Tensor, beta: float, loss: Estimate, n: int, repeats: int, seed: int = 0
) -> Quality:
    """Draw `repeats` batches of n routes, estimate the gradient from each, and compare.

    Args:
        policy: the table whose gradient it is.
        log_ref: of the reference, [routes].
        beta: the weight of the KL, of the exact gradient.
        loss: the estimate; it knows its own beta.
        n: routes a batch.
        repeats: batches, 2 or more.
        seed: of the draws.
    """
    exact = exact_gradient(policy, log_ref, beta).double()
    total, squares = torch.zeros_like(exact), 0.0
    for repeat in range(repeats):
        with torch.no_grad():
            drawn = policy.toy.sample(policy.all_log_probs(), n, seed * repeats + repeat)
            samples = policy.toy.samples(drawn)
            # The reference's share of a text stands at one token: only sums over a text are asked for here.
            ref = torch.zeros(samples.ids.shape)
            ref[:, policy.toy.prompt] = log_ref[drawn].float()
            rollout = Rollout(samples, policy.log_probs(samples), ref, policy.toy.rewards[drawn].float(), n)
        (gradient,) = torch.autograd.grad(-loss(policy.log_probs(samples), rollout), policy.logits)
        total += gradient
        squares += float(gradient.double().square().sum())
    mean, size = total / repeats, float(exact.norm())
    variance = max(0.0, squares / repeats - float(mean.square().sum())) * repeats / (repeats - 1)
    return Quality(
        cosine=float((mean * exact).sum() / (mean.norm() * exact.norm())),
        length=float(mean.norm()) / size,
        bias=float((mean - exact).norm()) / size,
        by_chance=math.sqrt(variance / repeats) / size,
        noise=math.sqrt(variance) / size,
    )
