"""What methods of chapter 7 are measured by: the KL-regularised objective and its optimum, over everything there is.

A policy is a vector of log-probabilities, one for each of n outcomes (whole routes), so all sums are over all of them
and nothing is estimated. With the reference μ, the reward r and the weight β the objective of a policy π is

    J(π) = Σ π r − β · KL(π‖μ),    and its optimum    π*(y) = μ(y) · exp(r(y) / β) / Z,

as Rafailov et al. 2023 derive it. J(π*) = β · log Z, and J(π*) − J(π) = β · KL(π‖π*): what is missing to the best is
exactly a KL, so that one number says how far a method is from it.
"""

import math

import torch
from torch import Tensor


def optimum(log_ref: Tensor, rewards: Tensor, beta: float) -> Tensor:
    """The log-probabilities of the best policy, [n].

    Args:
        log_ref: of the reference, [n]; -inf where it never goes: no policy may.
        rewards: of each outcome, [n].
        beta: the weight of the KL, above 0.

    Raises:
        ValueError: for another beta, or shapes that differ.
    """
    _check(log_ref, rewards)
    if not 0 < beta < math.inf:
        raise ValueError(f"beta, the weight of the KL, must be a number above 0, got {beta!r}")
    return (log_ref + rewards / beta).log_softmax(0)


def kl(log_p: Tensor, log_q: Tensor) -> Tensor:
    """KL(p‖q) = Σ p · (log p − log q), in nats; inf where p goes and q does not. Outcomes that p has not count 0.

    Args:
        log_p: [n], normalised.
        log_q: [n], likewise.

    Raises:
        ValueError: for shapes that differ.
    """
    _check(log_p, log_q)
    return expected(log_p, log_p - log_q)


def expected(log_p: Tensor, values: Tensor) -> Tensor:
    """Σ p · values; what p never takes counts 0, even where its value is not finite.

    Args:
        log_p: [n], normalised.
        values: [n].

    Raises:
        ValueError: for shapes that differ.
    """
    _check(log_p, values)
    never = log_p == -torch.inf
    return (log_p.exp() * values.masked_fill(never, 0.0)).sum()


def objective(log_p: Tensor, log_ref: Tensor, rewards: Tensor, beta: float) -> Tensor:
    """J of the policy: its expected reward less beta times its KL to the reference.

    Its gradient, by autograd, is the exact one that REINFORCE and its kin estimate from samples.

    Args:
        log_p: of the policy, [n].
        log_ref: of the reference, [n].
        rewards: [n].
        beta: the weight of the KL, 0 or more.

    Raises:
        ValueError: for shapes that differ.
    """
    return expected(log_p, rewards) - beta * kl(log_p, log_ref)


def _check(first: Tensor, second: Tensor) -> None:
    if first.ndim != 1 or first.shape != second.shape:
        raise ValueError(
            f"one number for each outcome is needed in both, got {list(first.shape)}, {list(second.shape)}"
        )
