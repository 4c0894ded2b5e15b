"""What held-out comparisons say: by hand, against pandas, and whatever side the texts stand on."""

import math

import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.rlhf.calibration import Bin, fit_temperature
from labkit.rlhf.preferences import Comparison
from labkit.rlhf.reward_fit import held_out, margins


class Table:
    """Scores by a function of the text."""

    def __init__(self, reward):
        self.reward = reward

    def score(self, texts):
        return torch.tensor([self.reward(text) for text in texts], dtype=torch.float64)


HAND = Table({">a": 2.0, ">bb": 0.0, ">ccc": 0.0, ">dddd": -math.log(3)}.get)
PAIRS = [
    Comparison(">", "a", "bb", "a"),  # sure by sigmoid(2), right; the labels like the shorter
    Comparison(">", "dddd", "bb", "a"),  # sure by 3/4, wrong; the labels like the longer
    Comparison(">", "bb", "dddd", "tie"),  # sure by 3/4, half right
    Comparison(">", "ccc", "bb", "b"),  # not sure at all
    Comparison(">", "a", "ccc", "skip"),
]


def test_a_fit_by_hand():
    fit = held_out(HAND, PAIRS)
    assert (fit.n, fit.ties, fit.skipped) == (4, 1, 1)
    assert fit.accuracy == pytest.approx((1 + 0 + 0.5) / 3)
    sure = 1 / (1 + math.exp(-2))
    logs = [math.log(sure), math.log(0.25), (math.log(0.25) + math.log(0.75)) / 2, math.log(0.5)]
    assert fit.log_likelihood == pytest.approx(sum(logs) / 4)
    assert [(bin.n, bin.accuracy) for bin in fit.bins] == [(1, 0.5), (2, 0.25), (1, 1.0)]
    assert [bin.confidence for bin in fit.bins] == pytest.approx([0.5, 0.75, sure])
    assert fit.ece == pytest.approx((0 + 2 * 0.5 + (1 - sure)) / 4)
    assert fit.longer_model == pytest.approx((0 + 0 + 0 + 0.5) / 4)
    assert fit.longer_labels == pytest.approx((0 + 1 + 0.5 + 0) / 4)
    assert fit.length_bias == pytest.approx(-0.25)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(st.text("xy", max_size=6), st.text("xy", max_size=6), st.sampled_from(["a", "b", "tie", "skip"])),
        min_size=1,
    ),
    st.integers(0, 99),
)
def test_sides_make_no_difference_and_correlations_are_those_of_pandas(rows, seed):
    def reward(text):
        return float(hash((seed, text.count("x"), len(text) // 2)) % 5)

    pairs = [Comparison("", *row) for row in rows]
    if all(pair.choice == "skip" for pair in pairs):
        return
    fit = held_out(Table(reward), pairs)
    mirrored = held_out(Table(reward), [pair.mirrored for pair in pairs])
    for name in ("n", "accuracy", "log_likelihood", "ece", "pearson", "spearman", "longer_model", "longer_labels"):
        assert getattr(mirrored, name) == pytest.approx(getattr(fit, name), nan_ok=True, abs=1e-9)
    samples = [text for pair in pairs if pair.choice != "skip" for text in (pair.a, pair.b)]
    frame = pd.DataFrame({"score": map(reward, samples), "length": map(len, samples)})
    for method in ("pearson", "spearman"):
        expected = frame.corr(method=method).loc["score", "length"]
        assert getattr(fit, method) == pytest.approx(expected, nan_ok=True, abs=1e-9)
    assert -1 <= fit.length_bias <= 1 or math.isnan(fit.length_bias)


def test_a_model_that_counts_characters_is_caught():
    """Labels prefer the longer of half the pairs, the model of all."""
    pairs = [Comparison("", "x" * (n % 5 + 1), "x" * (n % 5 + 2), "ab"[n % 2]) for n in range(40)]
    fit = held_out(Table(len), pairs)
    assert (fit.longer_model, fit.longer_labels, fit.length_bias) == (1.0, 0.5, 0.5)
    assert (fit.pearson, fit.spearman) == pytest.approx((1, 1))
    assert fit.accuracy == 0.5


def test_a_model_that_knows_nothing_is_at_chance():
    fit = held_out(Table(lambda text: 1.0), PAIRS)
    assert (fit.accuracy, fit.longer_model, fit.log_likelihood) == (0.5, 0.5, pytest.approx(-math.log(2)))
    assert fit.bins == [Bin(0.45, 0.5, 4, 0.5, 0.5)]
    assert fit.ece == 0
    assert math.isnan(fit.pearson)
    assert math.isnan(fit.spearman)
    same = held_out(HAND, [Comparison(">", "a", "a", "tie")])
    assert math.isnan(same.longer_model)
    assert math.isnan(same.accuracy)


def test_the_temperature_divides_the_scores():
    found, targets = margins(HAND, PAIRS)
    assert found.tolist() == pytest.approx([2.0, -math.log(3), math.log(3), 0.0])
    assert targets.tolist() == [1.0, 1.0, 0.5, 0.0]
    pairs = [*PAIRS, Comparison(">", "a", "bb", "a"), Comparison(">", "a", "dddd", "a")]
    temperature = fit_temperature(*margins(HAND, pairs))
    plain, fitted = held_out(HAND, pairs), held_out(HAND, pairs, temperature)
    halved = held_out(Table(lambda text: HAND.reward(text) / temperature), pairs)
    assert fitted.log_likelihood == pytest.approx(halved.log_likelihood)
    assert fitted.log_likelihood > plain.log_likelihood
    assert fitted.accuracy == plain.accuracy
    for factor in (0.9, 1.1):
        assert held_out(HAND, pairs, temperature * factor).log_likelihood < fitted.log_likelihood


@pytest.mark.parametrize(
    ("work", "words"),
    [
        (lambda: held_out(HAND, []), r"no comparison to measure on \(0 were skipped\)"),
        (lambda: held_out(HAND, PAIRS[-1:]), r"\(1 were skipped\)"),
        (lambda: held_out(HAND, PAIRS, 0.0), "temperature is a number above 0"),
    ],
)
def test_what_cannot_be_is_refused(work, words):
    with pytest.raises(ValueError, match=words):
        work()
