"""The three estimators against sums over all outcomes, and their gradients against those of the exact KLs."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import kl_div

from labkit.rlhf.estimators import k1, k2, k3
from labkit.rlhf.exact import kl

numbers = st.floats(-30, 0)


@pytest.fixture
def two():
    rng = torch.Generator().manual_seed(4)
    p, q = torch.randn(2, 7, generator=rng, dtype=torch.float64)
    return p.requires_grad_(), q.log_softmax(0)


def mean(estimator, p, q):
    """The expectation over samples of p, with no gradient through the drawing."""
    return (p.detach().exp() * estimator(p, q)).sum()


def test_k1_and_k3_are_unbiased(two):
    p, q = two[0].log_softmax(0), two[1]
    exact = kl_div(q, p, log_target=True, reduction="sum")
    assert exact.item() == pytest.approx(kl(p, q).item())
    for estimator in (k1, k3):
        assert mean(estimator, p, q).item() == pytest.approx(exact.item(), rel=1e-12)


def test_k2_is_biased_but_less_so_the_nearer_the_two_are(two):
    q = two[1]
    wrong = []
    for step in (1.0, 0.1, 0.01):
        p = (q + step * torch.linspace(-1, 1, 7, dtype=torch.float64)).log_softmax(0)
        wrong.append(abs(mean(k2, p, q).item() / kl(p, q).item() - 1))
    assert wrong[0] > 0.01 > wrong[1] > wrong[2]


def test_as_losses_they_have_other_gradients(two):
    logits, q = two
    p = logits.log_softmax(0)

    def gradient(value):
        return torch.autograd.grad(value, logits, retain_graph=True)[0]

    forward, backward = gradient(kl(p, q)), gradient((q.exp() * (q - p)).sum())
    assert (forward - backward).norm() > 0.1
    torch.testing.assert_close(gradient(mean(k1, p, q)), torch.zeros(7, dtype=torch.float64))
    torch.testing.assert_close(gradient(mean(k2, p, q)), forward)
    torch.testing.assert_close(gradient(mean(k3, p, q)), backward)


@given(numbers, numbers)
def test_k2_and_k3_are_never_negative(a, b):
    p, q = torch.tensor(a), torch.tensor(b)
    assert k2(p, q) >= 0
    assert k3(p, q) >= 0


@given(st.floats(-1e-3, 1e-3))
def test_k3_is_right_where_the_two_are_nearly_equal(gap):
    q = torch.tensor(gap, dtype=torch.float32)
    right = sum(float(q) ** n / f for n, f in ((2, 2), (3, 6), (4, 24)))  # its series
    assert k3(torch.tensor(0.0), q).item() == pytest.approx(right, rel=2e-4, abs=1e-10)
