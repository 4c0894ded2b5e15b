"""Three estimates of KL(p‖q) from samples of p (Schulman 2020, "Approximating KL divergence").

Each takes the log-probabilities of the same samples, or tokens, under both, of any shape, and gives one number for
each; their mean estimates the KL. With r = q/p:

    k1 = −log r             unbiased; of either sign, so its mean is noisy
    k2 = (log r)² / 2       never negative; biased, but only a little where p and q are close
    k3 = (r − 1) − log r    never negative and unbiased

As a *loss* they are something else, because a gradient does not pass through the drawing of the samples (Tang & Munos
2025): the mean gradient of k1 is 0, that of k2 is the gradient of KL(p‖q), and that of k3 the one of KL(q‖p).
"""

import torch
from torch import Tensor


def k1(log_p: Tensor, log_q: Tensor) -> Tensor:
    """Log p − log q."""
    return log_p - log_q


def k2(log_p: Tensor, log_q: Tensor) -> Tensor:
    """Half the square of log p − log q."""
    return (log_p - log_q).square() / 2


def k3(log_p: Tensor, log_q: Tensor) -> Tensor:
    """q/p − 1 − log(q/p); by expm1, because near 0 the difference of two nearly equal numbers would be left."""
    log_ratio = log_q - log_p
    return torch.expm1(log_ratio) - log_ratio
