"""The optimum and its measures: against torch, and against what the algebra says must hold for every policy."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.distributions import Categorical, kl_divergence

from labkit.rlhf.exact import expected, kl, objective, optimum

numbers = st.lists(st.floats(-8, 8), min_size=2, max_size=12)


def policy(values):
    return torch.tensor(values, dtype=torch.float64).log_softmax(0)


@st.composite
def problems(draw):
    n = draw(st.integers(2, 12))
    some = st.lists(st.floats(-8, 8), min_size=n, max_size=n)
    ref, rewards, other = draw(some), draw(some), draw(some)
    return policy(ref), torch.tensor(rewards, dtype=torch.float64), policy(other), draw(st.floats(0.05, 20))


@settings(max_examples=100, deadline=None)
@given(problems())
def test_what_a_policy_lacks_is_beta_times_its_kl_to_the_optimum(problem):
    log_ref, rewards, log_p, beta = problem
    best = optimum(log_ref, rewards, beta)
    assert best.exp().sum().item() == pytest.approx(1)
    highest = beta * (log_ref + rewards / beta).logsumexp(0)
    assert objective(best, log_ref, rewards, beta).item() == pytest.approx(highest.item(), abs=1e-8)
    lacks = highest - objective(log_p, log_ref, rewards, beta)
    assert lacks.item() == pytest.approx(beta * kl(log_p, best).item(), rel=1e-6, abs=1e-8)
    assert lacks.item() >= -1e-9


@settings(max_examples=50, deadline=None)
@given(problems())
def test_kl_and_expectation_are_torchs(problem):
    log_p, values, log_q, _ = problem
    assert kl(log_p, log_q).item() == pytest.approx(
        kl_divergence(Categorical(logits=log_p), Categorical(logits=log_q)).item(), abs=1e-9
    )
    assert expected(log_p, values).item() == pytest.approx((Categorical(logits=log_p).probs * values).sum().item())


@settings(max_examples=30, deadline=None)
@given(problems())
def test_at_the_optimum_no_step_of_the_logits_helps(problem):
    log_ref, rewards, _, beta = problem
    logits = optimum(log_ref, rewards, beta).clone().requires_grad_()
    objective(logits.log_softmax(0), log_ref, rewards, beta).backward()
    assert logits.grad.abs().max().item() < 1e-7


def test_what_never_happens_counts_nothing():
    log_p = torch.tensor([0.5, 0.5, 0.0], dtype=torch.float64).log()
    log_q = torch.tensor([0.5, 0.25, 0.25], dtype=torch.float64).log()
    assert expected(log_p, torch.tensor([1.0, 3.0, torch.inf])).item() == 2
    assert kl(log_p, log_q).item() == pytest.approx(0.5 * torch.log(torch.tensor(2.0)).item())
    assert kl(log_q, log_p).item() == torch.inf
    best = optimum(log_p, torch.tensor([0.0, 0.0, 100.0]), 1.0)
    assert best[2] == -torch.inf  # the reference never goes there


def test_small_beta_takes_the_best_large_beta_stays():
    log_ref, rewards = policy([0.0, 1.0, 2.0]), torch.tensor([3.0, 1.0, 2.0])
    assert optimum(log_ref, rewards, 1e-3).exp().tolist() == pytest.approx([1, 0, 0])
    assert optimum(log_ref, rewards, 1e9).tolist() == pytest.approx(log_ref.tolist(), abs=1e-6)


@pytest.mark.parametrize("beta", [0.0, -1.0, float("inf"), float("nan")])
def test_a_beta_that_cannot_be(beta):
    with pytest.raises(ValueError, match="beta, the weight of the KL"):
        optimum(torch.zeros(2), torch.zeros(2), beta)


def test_shapes_that_differ():
    with pytest.raises(ValueError, match=r"in both, got \[2\], \[3\]"):
        kl(torch.zeros(2), torch.zeros(3))
