"""Best of n: its exact distribution against draws, and its KL against the bound."""

import pytest
import torch

from labkit.rlhf.best_of_n import best_of_n, best_of_n_log_probs, kl_bound
from labkit.rlhf.exact import expected, kl
from labkit.rlhf.toy_runs import ToyTask


@pytest.fixture(scope="module")
def task():
    return ToyTask()


@pytest.mark.parametrize("n", [1, 2, 5, 40])
def test_the_exact_distribution_is_the_one_that_is_drawn(task, n):
    log_probs = best_of_n_log_probs(task.log_ref, task.toy.rewards, n)
    assert log_probs.exp().sum().item() == pytest.approx(1, abs=1e-9)
    samples = best_of_n(task.policy, task.toy.reward, n, 2000, seed=n)
    rewards = task.toy.reward(samples)
    exact = expected(log_probs, task.toy.rewards).item()
    assert rewards.mean().item() == pytest.approx(exact, abs=4.5 * rewards.std().item() / 2000**0.5)


def test_of_one_it_is_the_policy_itself(task):
    torch.testing.assert_close(best_of_n_log_probs(task.log_ref, task.toy.rewards, 1), task.log_ref)


def test_the_kl_is_at_most_the_bound_and_near_it_while_ties_are_few(task):
    for n in (2, 4, 16, 64, 1024):
        exact = kl(best_of_n_log_probs(task.log_ref, task.toy.rewards, n), task.log_ref).item()
        assert exact <= kl_bound(n) + 1e-9
        if n <= 16:
            assert exact > 0.97 * kl_bound(n)


def test_what_hardly_ever_comes_is_not_lost():
    rare = torch.tensor([1 - 1e-12, 1e-17, 0.0], dtype=torch.float64).log()
    found = best_of_n_log_probs(rare, torch.tensor([0.0, 1.0, 2.0]), 8)
    assert found[1].exp().item() == pytest.approx(8e-17, rel=1e-3)
    assert found[2] == -torch.inf


def test_equal_rewards_leave_the_policy_as_it_is():
    log_probs = torch.tensor([0.2, 0.3, 0.5], dtype=torch.float64).log()
    torch.testing.assert_close(best_of_n_log_probs(log_probs, torch.zeros(3), 9), log_probs)
    two = best_of_n_log_probs(log_probs, torch.tensor([1.0, 1.0, 0.0]), 2).exp()
    torch.testing.assert_close(two, torch.tensor([0.75 * 0.4, 0.75 * 0.6, 0.25], dtype=torch.float64))
