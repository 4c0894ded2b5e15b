"""How much a rewarded text counts when a model learns from it: weights that grow with the reward and never diverge.

Reward-weighted regression (Peters & Schaal 2007) weighs by exp(reward / β), advantage-weighted regression (Peng et al.
2019) by exp((reward - baseline) / β).
"""

import math
import sys
from collections.abc import Sequence

import torch
from torch import Tensor

CAP = 20.0
"""The largest weight, where 1 is the mean."""
FARTHEST = 1e300
"""No logarithm of a weight is farther from 0: the difference of two of these is still a number."""


def advantage_weights(
    rewards: Sequence[float] | Tensor, beta: float = 1.0, cap: float | None = CAP, scale: float | None = None
) -> Tensor:
    """How much each text counts: exp((reward - mean) / (beta · scale)), with mean 1 and none above the cap.

    Rewards may have either sign and any size: by default `beta` counts in their standard deviations, so that twice all
    rewards, or ten more for each, give the same weights. The mean is the baseline. Since weights are normalised it
    cancels; it is what keeps the exponents small. Rewards that are all equal say nothing: all weights are 1.

    Where weights would be above the cap they are the cap, and the others keep their proportions and share what is left,
    so that the mean stays 1: no text ever counts more than `cap` texts, and the effective sample size is n / cap at
    least. As beta falls to 0 the best n / cap texts are left, each with the weight `cap`.

    Args:
        rewards: [n], finite.
        beta: the temperature, above 0: small ones go for the best texts, large ones learn all alike.
        cap: the largest weight, 1 or more; None: none. Then one text may count for all.
        scale: what `beta` counts in; None: the standard deviation of these rewards (`deviation`).

    Returns:
        Weights, [n], float64, none below 0.

    Raises:
        ValueError: for no rewards, one that is not finite, or a beta, cap or scale that cannot be.
    """
    if not 0 < beta < math.inf:
        raise ValueError(f"beta, the temperature of the weights, must be a number above 0, got {beta!r}")
    if cap is not None and not cap >= 1:
        raise ValueError(f"cap, the largest weight where the mean is 1, must be 1 or more, or None, got {cap!r}")
    if scale is not None and not 0 < scale < math.inf:
        raise ValueError(f"scale, what beta counts in, must be a number above 0, or None, got {scale!r}")
    advantages, own = _standardised(rewards)
    if scale is not None:
        advantages = advantages * min(own / scale, sys.float_info.max)  # 0 times infinity would be no number
    return _normalised((advantages / beta).clamp(-FARTHEST, FARTHEST), math.inf if cap is None else cap)


def deviation(rewards: Sequence[float] | Tensor) -> float:
    """The standard deviation of rewards [n], divided by n; exactly 0 where all are equal.

    Raises:
        ValueError: for no rewards, or one that is not finite.
    """
    return _standardised(rewards)[1]


def _standardised(rewards: Sequence[float] | Tensor) -> tuple[Tensor, float]:
    """Rewards less their mean in units of their standard deviation, [n] float64, and that."""
    r = torch.as_tensor(rewards, dtype=torch.float64)
    if r.ndim != 1 or not len(r):
        raise ValueError(f"a reward for each text is needed, and a text at least, got the shape {list(r.shape)}")
    if not bool(r.isfinite().all()):
        raise ValueError(f"rewards are finite numbers, got {r[~r.isfinite()][0].item()}")
    halves = r / 2  # the difference of two large numbers may be beyond all numbers, that of their halves is not
    low = halves.min()
    width = halves.max() - low
    if width == 0:
        return torch.zeros_like(r), 0.0
    within = (halves - low) / width  # 0 … 1: the mean of equal rewards would differ from them by a rounding error
    spread = within.std(correction=0)
    return (within - within.mean()) / spread, min(float(spread * width * 2), sys.float_info.max)


def _normalised(logs: Tensor, cap: float) -> Tensor:
    """Weights with these logarithms, but for a factor: mean 1, none above the cap."""
    n = len(logs)
    falling, places = logs.sort(descending=True)
    logs_down = falling.tolist()
    sums = [1.0] * n  # of the weights from each on, where its own is 1: nothing overflows, no digit of it is lost
    for i in range(n - 2, -1, -1):
        sums[i] += math.exp(logs_down[i + 1] - logs_down[i]) * sums[i + 1]
    # With the k largest at the cap the others share n - k · cap; k is the smallest that leaves none above it.
    k, left = 0, float(n)
    while k < n and left / sums[k] > cap:
        k, left = k + 1, max(0.0, left - cap)
    weights = torch.full_like(falling, min(cap, float(n)))
    if k < n:
        weights[k:] = (falling[k:] - falling[k]).exp() * (left / sums[k])
    return torch.empty_like(weights).scatter_(0, places, weights)


def effective_size(weights: Tensor) -> float:
    """How many equally weighted texts would be as much: (Σ w)² / Σ w² (Kish 1965); 0 where all weights are.

    Args:
        weights: [n], none below 0.
    """
    squares = float((weights**2).sum())
    return float(weights.sum()) ** 2 / squares if squares else 0.0
