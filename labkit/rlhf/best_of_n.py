"""Best of n: write n texts, keep the one with the highest reward. No training, and hard to beat.

What it does to the distribution is known (Stiennon et al. 2020): its KL to the policy that wrote is at most
log n − (n − 1)/n, which is reached where no two texts have the same reward and none is likely (Beirami et al. 2024).
"""

import math

import torch
from torch import Tensor

from .policy import Policy, Samples
from .run import Reward


def best_of_n(policy: Policy, reward: Reward, n: int, count: int, seed: int) -> Samples:
    """`count` texts, each the best of n for its prompt; of equals the first.

    Args:
        policy: what writes.
        reward: what chooses.
        n: 1 or more.
        count: how many texts are wanted.
        seed: of the draws.
    """
    samples = policy.sample(n * count, seed, group=n)
    best = reward(samples).view(count, n).argmax(1)
    return samples.take(torch.arange(count) * n + best)


def kl_bound(n: int) -> float:
    """Log n − (n − 1)/n, in nats."""
    return math.log(n) - (n - 1) / n


def best_of_n_log_probs(log_probs: Tensor, rewards: Tensor, n: int) -> Tensor:
    """The exact distribution of best of n where all outcomes are known, [outcomes].

    The best of n has a reward of at most x with the probability F(x)ⁿ, where F(x) is that of one; equals share what
    their reward gets by their own probabilities.

    Args:
        log_probs: of the policy, [outcomes], normalised, float64.
        rewards: what chooses, [outcomes].
        n: 1 or more.
    """
    if n == 1:
        return log_probs
    values, rank = rewards.unique(return_inverse=True)
    own = torch.zeros(len(values), dtype=torch.float64).index_add_(0, rank, log_probs.exp())
    upto = own.cumsum(0).clamp(max=1.0)
    # F(x)ⁿ − F(below)ⁿ with F(below) = F(x) − own: a tiny share is not to be lost in a difference of two large ones.
    gained = n * upto.log() + torch.log(-torch.expm1(n * torch.log1p(-(own / upto).clamp(max=1.0)))) - own.log()
    found = log_probs + gained[rank]
    return torch.where(log_probs == -torch.inf, log_probs, found)
