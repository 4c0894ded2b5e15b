"""Bins and their error against cases by hand; temperatures against torch's own losses and known ones recovered."""

import math
import warnings

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from labkit.rlhf.calibration import Bin, expected_calibration_error, fit_temperature, reliability

shares = st.floats(0, 1)


def drawn(temperature, n, classes, seed=0, scale=2.0):
    """Logits, and targets drawn at the temperature: that is the one to be found."""
    rng = torch.Generator().manual_seed(seed)
    logits = scale * torch.randn(n, classes, generator=rng, dtype=torch.float64)
    targets = torch.multinomial((logits / temperature).softmax(1), 1, generator=rng)[:, 0]
    return logits, targets


# -- bins


def test_bins_by_hand():
    confidence = [0.0, 0.2, 0.21, 0.7, 0.9, 1.0]
    correct = [1, 0, 0, 0.5, True, False]
    assert reliability(confidence, correct, 5) == [
        Bin(0.0, 0.2, 2, 0.1, 0.5),
        Bin(0.2, 0.4, 1, 0.21, 0.0),
        Bin(0.6, 0.8, 1, 0.7, 0.5),
        Bin(0.8, 1.0, 2, 0.95, 0.5),
    ]
    bins = reliability(torch.tensor(confidence, dtype=torch.float64), np.array(correct, float), 5)
    assert expected_calibration_error(bins) == pytest.approx((2 * 0.4 + 0.21 + 0.2 + 2 * 0.45) / 6)
    assert [bin.gap for bin in bins] == pytest.approx([0.4, -0.21, -0.2, -0.45])


@pytest.mark.parametrize("n_bins", [3, 7, 10, 15])
def test_an_edge_belongs_to_the_bin_below_it(n_bins):
    edges = [i / n_bins for i in range(n_bins + 1)]
    bins = reliability(edges, [1] * len(edges), n_bins)
    assert [bin.n for bin in bins] == [2] + [1] * (n_bins - 1)  # 0 has no bin below
    assert [bin.high for bin in bins] == edges[1:]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(shares, shares), min_size=1, max_size=40), st.integers(1, 20))
def test_bins_hold_everything_once(answers, n_bins):
    confidence, correct = zip(*answers, strict=True)
    bins = reliability(confidence, correct, n_bins)
    assert sum(bin.n for bin in bins) == len(answers)
    assert all(bin.n and bin.low - 1e-12 <= bin.confidence <= bin.high + 1e-12 for bin in bins)
    for what, values in (("confidence", confidence), ("accuracy", correct)):
        assert sum(bin.n * getattr(bin, what) for bin in bins) == pytest.approx(sum(values), abs=1e-9)
    error = expected_calibration_error(bins)
    overall = abs(np.mean(correct) - np.mean(confidence))
    assert overall - 1e-9 <= error <= 1  # bins hide less than the two means do
    assert expected_calibration_error(reliability(confidence, correct, 1)) == pytest.approx(overall, abs=1e-9)


def test_a_calibrated_model_has_hardly_an_error_and_a_boaster_a_large_one():
    rng = np.random.default_rng(3)
    honest = rng.random(200_000)
    correct = rng.random(200_000) < honest
    assert expected_calibration_error(reliability(honest, correct)) < 0.006  # 20,000 a bin: 0.0035 is a deviation
    boasted = 1 - (1 - honest) / 2
    assert expected_calibration_error(reliability(boasted, correct)) == pytest.approx(0.25, abs=0.01)


# -- temperatures


def slope(loss, logits, targets, inverse):
    """Of torch's loss by 1 / T."""
    inverse = torch.tensor(inverse, dtype=torch.float64, requires_grad=True)
    loss(logits * inverse, targets).backward()
    return inverse.grad.item()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.3, 5), st.integers(2, 6))
@example(3504, 3.0, 2)  # sixty answers that happen to be no better than chance
def test_no_other_temperature_is_better_by_torchs_loss(seed, true, classes):
    logits, targets = drawn(true, 60, classes, seed)
    assume(not bool((logits.argmax(1) == targets).all()))

    with warnings.catch_warnings(record=True) as said:
        found = fit_temperature(logits, targets)
    gradient = slope(F.cross_entropy, logits, targets, 1 / found)
    if said:  # the loss is convex in 1 / T: where it rises already, it rises from T = infinity
        assert "infinite" in str(said[0].message)
        assert found > 100
        assert gradient >= 0
        return
    assert abs(gradient) < 1e-9
    others = found * torch.linspace(-3, 3, 101, dtype=torch.float64).exp()
    losses = [float(F.cross_entropy(logits / other, targets)) for other in (found, *others)]
    assert losses[0] <= min(losses) + 1e-14


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.3, 3))
def test_yes_and_no_with_ties_by_torchs_binary_loss(seed, true):
    rng = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(80, generator=rng, dtype=torch.float64)
    targets = torch.bernoulli((logits / true).sigmoid(), generator=rng)
    targets[:5] = 0.5
    found = fit_temperature(logits, targets)
    assert abs(slope(F.binary_cross_entropy_with_logits, logits, targets, 1 / found)) < 1e-9
    flipped = fit_temperature(-logits, 1 - targets)  # which of the two is called "yes" does not matter
    assert flipped == pytest.approx(found, rel=1e-9)
    assert fit_temperature(logits[5:], targets[5:]) == pytest.approx(
        fit_temperature(torch.stack((torch.zeros(75), logits[5:]), 1), targets[5:].long()), rel=1e-9
    )


@pytest.mark.parametrize("true", [0.5, 1.0, 2.5])
@pytest.mark.parametrize("classes", [2, 10])
def test_a_known_temperature_comes_back(true, classes):
    logits, targets = drawn(true, 10_000, classes)
    assert fit_temperature(logits, targets) == pytest.approx(true, rel=0.05)
    assert fit_temperature(logits.float(), targets) == pytest.approx(fit_temperature(logits, targets), rel=1e-5)


def test_the_fit_cures_the_error_and_keeps_the_answers():
    logits, targets = drawn(3.0, 20_000, 4)
    errors = []
    for temperature in (1.0, fit_temperature(logits, targets)):
        sure, answers = (logits / temperature).softmax(1).max(1)
        errors.append(expected_calibration_error(reliability(sure, answers == targets)))
    assert errors[0] > 0.2
    assert errors[1] < 0.02


@settings(max_examples=40, deadline=None)
@given(st.floats(1e-6, 1e6), st.floats(-100, 100))
def test_it_follows_the_scale_of_the_logits_and_no_shift(scale, shift):
    logits, targets = drawn(1.5, 200, 3)
    found = fit_temperature(logits, targets)
    assert fit_temperature(scale * (logits + shift), targets) == pytest.approx(scale * found, rel=1e-6)


def test_the_optimum_by_hand():
    """Three of four with the logit log 9 are right: 3/4 = sigmoid(log 9 / T) at T = log 9 / log 3 = 2."""
    logits = torch.full((4,), math.log(9), dtype=torch.float64)
    assert fit_temperature(logits, torch.tensor([1.0, 1.0, 1.0, 0.0])) == pytest.approx(2, rel=1e-12)
    assert fit_temperature(logits, torch.tensor([1.0, 1.0, 0.5, 0.5])) == pytest.approx(2, rel=1e-12)


def test_where_the_optimum_runs_away_it_is_bounded_and_said():
    logits = torch.tensor([[2.0, 0.0], [0.0, 1.0]])
    with pytest.warns(UserWarning, match=r"every target has the highest logit.*bounded at 0\.0"):
        right = fit_temperature(logits, torch.tensor([0, 1]))
    with pytest.warns(UserWarning, match="no more of the targets than chance.*infinite"):
        wrong = fit_temperature(logits, torch.tensor([1, 0]))
    assert 0 < right < 0.01
    assert 100 < wrong < math.inf
    with pytest.warns(UserWarning, match="than chance"):
        fit_temperature(torch.tensor([1.0, 2.0]), torch.tensor([0.5, 0.5]))


@pytest.mark.parametrize(
    ("work", "words"),
    [
        (lambda: reliability([], []), "at least one: 0 and 0"),
        (lambda: reliability([0.5], [1, 0]), "at least one: 1 and 2"),
        (lambda: reliability([1.5], [1]), r"confidence: numbers are 0 … 1; 1 of 1 are not"),
        (lambda: reliability([0.5, math.nan], [1, 1]), r"confidence: .* 1 of 2 are not"),
        (lambda: reliability([0.5], [-1]), "correct: numbers are"),
        (lambda: reliability([[0.5]], [[1]]), r"the shape \[1, 1\]"),
        (lambda: reliability([0.5], [1], 0), "n_bins is a whole number of at least 1, got 0"),
        (lambda: expected_calibration_error([]), "no bins"),
        (lambda: fit_temperature(torch.zeros(0, 2), torch.zeros(0).long()), r"at least 1, got \[0, 2\] and \[0\]"),
        (lambda: fit_temperature(torch.ones(2, 3), torch.zeros(3).long()), r"got \[2, 3\] and \[3\]"),
        (lambda: fit_temperature(torch.tensor(1.0), torch.tensor(1.0)), r"got \[\] and \[\]"),
        (lambda: fit_temperature(torch.tensor([1.0, math.nan]), torch.ones(2)), "1 of the logits are not finite"),
        (lambda: fit_temperature(torch.ones(2), torch.tensor([1, math.inf])), "1 of the targets are not finite"),
        (lambda: fit_temperature(torch.ones(2), torch.tensor([1.0, 2.0])), "targets: numbers are 0 … 1"),
        (lambda: fit_temperature(torch.eye(2), torch.tensor([0, 2])), "whole numbers, 0 … 1"),
        (lambda: fit_temperature(torch.eye(2), torch.tensor([0.0, 1.0])), "whole numbers"),
        (lambda: fit_temperature(torch.ones(2, 3), torch.tensor([0, 1])), "all logits are equal"),
        (lambda: fit_temperature(torch.zeros(2), torch.tensor([0, 1])), "all logits are equal"),
    ],
)
def test_what_cannot_be_is_refused(work, words):
    with pytest.raises(ValueError, match=words):
        work()
