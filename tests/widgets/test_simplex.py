import doctest
import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from traitlets import TraitError

from labkit.rlhf import exact
from labkit.widgets import SimplexFigure, simplex

NAMES = ["a", "b", "c"]
shares = st.lists(st.floats(0.01, 1), min_size=3, max_size=3).map(lambda w: [x / sum(w) for x in w])
rewards = st.lists(st.floats(-3, 3), min_size=3, max_size=3)


def a_figure(**changes):
    given = {"rewards": [1, -0.5, 0.2], "reference": [0.2, 0.5, 0.3], "beta": 0.4}
    return SimplexFigure(NAMES, **given | changes)


def test_docstring():
    results = doctest.testmod(simplex)
    assert (results.attempted > 0, results.failed) == (True, 0)


def test_it_begins_at_the_reference():
    figure = a_figure()
    assert figure.policy == figure.reference == [0.2, 0.5, 0.3]
    assert figure.numbers().from_reference == 0
    assert SimplexFigure(NAMES, [0, 1, 2]).reference == [1 / 3] * 3


def test_the_state_in_the_page_is_the_state_of_the_figure():
    figure = a_figure(method="rloo", samples=4, rate=1, seed=7, policy=[0.1, 0.1, 0.8])
    html = figure.page_html()
    state = json.loads(html.partition('<script type="application/json">')[2].partition("</script>")[0])
    assert state == {
        "answers": NAMES,
        "rewards": [1.0, -0.5, 0.2],
        "reference": [0.2, 0.5, 0.3],
        "beta": 0.4,
        "policy": [0.1, 0.1, 0.8],
        "method": "rloo",
        "samples": 4,
        "rate": 1.0,
        "seed": 7,
    }
    assert "0.88 nats from the reference" in html


@given(shares, shares, rewards, st.floats(0.05, 5))
def test_the_numbers_are_exacts_and_what_is_missing_is_a_kl(policy, reference, values, beta):
    figure = SimplexFigure(NAMES, values, reference, beta, policy=policy)
    log_p, log_ref = (torch.tensor(p, dtype=torch.float64).log() for p in (policy, reference))
    r = torch.tensor(values, dtype=torch.float64)
    best = exact.optimum(log_ref, r, beta)
    weights = np.array(reference) * np.exp((np.array(values) - max(values)) / beta)
    assert figure.optimum == pytest.approx(weights / weights.sum(), abs=1e-12)
    numbers = figure.numbers()
    assert numbers.reward == pytest.approx(np.dot(policy, values), abs=1e-12)
    assert numbers.from_reference == pytest.approx(float(exact.kl(log_p, log_ref)), abs=1e-9)
    assert numbers.to_optimum == pytest.approx(float(exact.kl(log_p, best)), rel=1e-9, abs=1e-9)
    assert numbers.objective == pytest.approx(numbers.reward - beta * numbers.from_reference, abs=1e-9)
    assert numbers.gap == pytest.approx(beta * numbers.to_optimum, rel=1e-6, abs=1e-9)


def test_a_policy_may_leave_an_answer_out():
    figure = a_figure(policy=[1, 0, 0])
    assert figure.numbers().reward == 1
    assert figure.numbers().from_reference == pytest.approx(np.log(5))


def test_shares_are_made_to_sum_to_1_and_the_pages_own_stay():
    assert sum(a_figure(policy=[0.2, 0.3, 0.5 + 9e-7]).policy) == pytest.approx(1, abs=1e-15)
    figure = a_figure()
    figure.policy = [0.1, 0.2, 0.7]
    assert figure.policy == [0.1, 0.2, 0.7]


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("rewards", [1, 2], r"rewards are three numbers of -10 … 10, got "),
        ("rewards", [1, 2, float("nan")], "rewards are three numbers"),
        ("rewards", [1, 2, 11], "rewards are three numbers"),
        ("reference", [0.5, 0.5, 0.0], "the reference is three probabilities of at least 1e-06"),
        ("reference", [0.5, 0.5, 0.5], r"that sum to 1, got \[0\.5, 0\.5, 0\.5\]"),
        ("policy", [0.5, 0.6, -0.1], "the policy is three probabilities that sum to 1"),
        ("policy", [0.5, 0.5], "the policy is three probabilities that sum to 1"),
        ("beta", 0.04, r"beta is a number of 0\.05 … 5, got 0\.04"),
        ("beta", float("nan"), "beta is a number of"),
        ("method", "ppo", "method is one of exact, rloo, reinforce, got 'ppo'"),
        ("samples", 1, "samples is a whole number of 2 … 64, got 1"),
        ("rate", 3, r"rate is a number of 0\.02 … 2, got 3"),
        ("seed", -1, "seed is a whole number of 0 … "),
    ],
)
def test_what_cannot_be(name, value, words):
    with pytest.raises(ValueError, match=words):
        a_figure(**{name: value})
    figure = a_figure()
    before = getattr(figure, name)
    with pytest.raises(TraitError, match=words):
        setattr(figure, name, value)
    assert getattr(figure, name) == before


@pytest.mark.parametrize("answers", ["abc", ["a", "b"], ["a", "b", "a"]])
def test_three_different_answers(answers):
    with pytest.raises(ValueError, match="a triangle has three different answers"):
        SimplexFigure(answers, [1, 2, 3])
