"""DPO and IPO by enumeration: where their expected losses are lowest, and what their gradients touch."""

import pytest
import torch

from labkit.rlhf.dpo import dpo_loss, implicit_rewards, ipo_loss
from labkit.rlhf.exact import optimum

BETA = 0.4


@pytest.fixture
def world():
    """Six outcomes: a reference and a reward."""
    rng = torch.Generator().manual_seed(3)
    log_ref = torch.randn(6, generator=rng, dtype=torch.float64).log_softmax(0)
    return log_ref, torch.randn(6, generator=rng, dtype=torch.float64)


def expected_loss(loss, log_probs, log_ref, rewards):
    """Over all pairs of the reference and both answers, weighed by how likely they are."""
    total = torch.zeros((), dtype=torch.float64)
    for i in range(6):
        for j in range(6):
            weight = (log_ref[i] + log_ref[j]).exp() * (rewards[i] - rewards[j]).sigmoid()
            i_, j_ = slice(i, i + 1), slice(j, j + 1)
            total = total + weight * loss(log_probs[i_], log_probs[j_], log_ref[i_], log_ref[j_], BETA)
    return total


def gradient_at(loss, log_probs, world):
    logits = log_probs.clone().requires_grad_()
    return torch.autograd.grad(expected_loss(loss, logits.log_softmax(0), *world), logits)[0]


def test_the_optimum_of_dpo_is_that_of_the_objective(world):
    log_ref, rewards = world
    assert gradient_at(dpo_loss, optimum(log_ref, rewards, BETA), world).norm() < 1e-12
    assert gradient_at(dpo_loss, log_ref, world).norm() > 0.01


def test_the_optimum_of_ipo_is_that_of_the_wins(world):
    log_ref, rewards = world
    wins = (log_ref.exp() * (rewards[:, None] - rewards).sigmoid()).sum(1)
    assert gradient_at(ipo_loss, optimum(log_ref, wins, BETA), world).norm() < 1e-12
    assert gradient_at(ipo_loss, optimum(log_ref, rewards, BETA), world).norm() > 0.01


def test_the_implicit_reward_of_the_optimum_is_the_reward_but_for_a_constant(world):
    log_ref, rewards = world
    found = implicit_rewards(optimum(log_ref, rewards, BETA), log_ref, BETA)
    torch.testing.assert_close(found - found.mean(), rewards - rewards.mean())


@pytest.mark.parametrize("loss", [dpo_loss, ipo_loss])
def test_the_reference_gets_no_gradient(loss):
    parts = [torch.randn(4, requires_grad=True) for _ in range(4)]
    loss(*parts, BETA).backward()
    assert parts[0].grad.abs().sum() > 0
    assert parts[1].grad.abs().sum() > 0
    assert parts[2].grad is None
    assert parts[3].grad is None


def test_far_margins_do_not_overflow():
    far = torch.tensor([1e4])
    zero = torch.zeros(1)
    assert dpo_loss(-far, far, zero, zero, 1.0).item() == pytest.approx(2e4)
    assert dpo_loss(far, -far, zero, zero, 1.0).item() == 0
