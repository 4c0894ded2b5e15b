"""Probabilities: against transformers' processors, and what must hold for any logits."""

import math

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from labkit.sampling import Sampling, probabilities

many = settings(max_examples=60, deadline=None)
sizes = st.integers(2, 40)
seeds = st.integers(0, 2**31)
temperatures = st.floats(0.05, 5)
penalties = st.floats(0.3, 3)
shares = st.floats(0.01, 0.99)


def random_logits(size, seed, rows=2):
    return 3 * torch.randn(rows, size, generator=torch.Generator().manual_seed(seed))


# -- against transformers


@many
@given(sizes, seeds, temperatures, st.none() | st.integers(1, 45), st.none() | shares, penalties, st.data())
def test_all_together_are_transformers(size, seed, temperature, top_k, top_p, penalty, data):
    hf = pytest.importorskip("transformers")
    logits = random_logits(size, seed)
    seen = data.draw(st.lists(st.lists(st.integers(0, size - 1), min_size=5, max_size=5), min_size=2, max_size=2))
    processors = [hf.RepetitionPenaltyLogitsProcessor(penalty), hf.TemperatureLogitsWarper(temperature)]
    if top_k:
        processors.append(hf.TopKLogitsWarper(top_k))
    scores = hf.LogitsProcessorList(processors)(torch.tensor(seen), logits.clone())
    if top_p:
        ends = scores.softmax(-1).sort(descending=True).values.double().cumsum(-1)
        assume((ends - top_p).abs().min() > 1e-5)  # closer than that rounding decides
        scores = hf.TopPLogitsWarper(top_p)(torch.tensor(seen), scores)
    ours = probabilities(logits, Sampling(temperature, top_k, top_p, penalty), seen)
    torch.testing.assert_close(ours, scores.softmax(-1), rtol=1e-4, atol=1e-6)
    assert ((ours > 0) == (scores.softmax(-1) > 0)).all()


def test_each_alone_is_transformers():
    hf = pytest.importorskip("transformers")
    logits, seen = random_logits(20, 0), [[1, 2, 2], [0, 5, 19]]
    for sampling, processor in (
        (Sampling(0.7), hf.TemperatureLogitsWarper(0.7)),
        (Sampling(top_k=3), hf.TopKLogitsWarper(3)),
        (Sampling(top_p=0.8), hf.TopPLogitsWarper(0.8)),
        (Sampling(repetition_penalty=1.3), hf.RepetitionPenaltyLogitsProcessor(1.3)),
    ):
        theirs = processor(torch.tensor(seen), logits.clone()).softmax(-1)
        torch.testing.assert_close(probabilities(logits, sampling, seen), theirs)
        assert not torch.allclose(theirs, logits.softmax(-1))  # there was something to compare


# -- properties


@many
@given(sizes, seeds, st.just(0.0) | temperatures, st.none() | st.integers(1, 45), st.none() | shares, st.data())
def test_probabilities_sum_to_one_and_the_forbidden_stays_so(size, seed, temperature, top_k, top_p, data):
    logits = random_logits(size, seed)
    forbidden = torch.tensor(data.draw(st.lists(st.booleans(), min_size=size, max_size=size)))
    assume(not forbidden.all())
    logits[:, forbidden] = -torch.inf
    before = logits.clone()
    p = probabilities(logits, Sampling(temperature, top_k, top_p, 1.2), [[0, 1], [1]])
    assert torch.equal(logits, before)
    torch.testing.assert_close(p.sum(-1), torch.ones(2))
    assert (p >= 0).all()
    assert (p[:, forbidden] == 0).all()
    torch.testing.assert_close(probabilities(logits[1], Sampling(temperature, top_k, top_p, 1.2), [1]), p[1])


@many
@given(sizes, seeds, st.integers(1, 45))
def test_top_k_keeps_the_k_likeliest(size, seed, k):
    logits = random_logits(size, seed)
    kept = probabilities(logits, Sampling(top_k=k)) > 0
    assert (kept.sum(-1) == min(k, size)).all()
    for row, stay in zip(logits, kept, strict=True):
        assert stay.all() or row[stay].min() > row[~stay].max()


@many
@given(sizes, seeds, shares)
def test_top_p_keeps_the_smallest_set(size, seed, top_p):
    logits = random_logits(size, seed).double()
    whole, kept = logits.softmax(-1), probabilities(logits, Sampling(top_p=top_p)) > 0
    for row, stay in zip(whole, kept, strict=True):
        assert row[stay].sum() >= top_p - 1e-12
        assert row[stay].sum() - row[stay].min() < top_p + 1e-12  # without the least of them it is too little
        assert stay.all() or row[stay].min() >= row[~stay].max()


def test_of_equals_at_the_edge():
    """Top-k keeps all of them; top-p, which wants few, the first."""
    logits = torch.tensor([2.0, 1.0, 1.0, 1.0])
    assert (probabilities(logits, Sampling(top_k=2)) > 0).tolist() == [True] * 4
    assert (probabilities(torch.zeros(4), Sampling(top_p=0.5)) > 0).tolist() == [True, True, False, False]


def test_greedy_takes_the_first_of_the_likeliest():
    logits = torch.tensor([[1.0, 3.0, 3.0], [0.0, -1.0, -2.0]])
    for sampling in (Sampling(0), Sampling(0, top_k=1, top_p=0.1)):
        assert probabilities(logits, sampling).tolist() == [[0, 1, 0], [1, 0, 0]]


def test_the_repetition_penalty_comes_before_greed():
    logits = torch.tensor([2.0, 1.5, -3.0])
    assert probabilities(logits, Sampling(0, repetition_penalty=2.0), [0]).tolist() == [0, 1, 0]
    p = probabilities(logits, Sampling(repetition_penalty=2.0), [0, 0, 2])
    torch.testing.assert_close(p, torch.tensor([1.0, 1.5, -6.0]).softmax(-1))
    assert torch.equal(probabilities(logits, Sampling(repetition_penalty=2.0), []), logits.softmax(-1))


def test_extremes():
    logits = torch.tensor([3e38, -3e38, 0.0])
    for sampling in (Sampling(1e-6), Sampling(1e30), Sampling(1e-6, top_p=0.5), Sampling(top_k=10**9)):
        assert probabilities(logits, sampling).isfinite().all()
    assert probabilities(logits, Sampling(1e-6)).tolist() == [1, 0, 0]
    half = torch.tensor([1.0, 2.0], dtype=torch.bfloat16)
    assert probabilities(half, Sampling()).dtype == torch.float32


# -- what is refused


@pytest.mark.parametrize(
    ("logits", "words"),
    [
        ([-math.inf, -math.inf], "no token is left: all logits are -inf"),
        ([[0.0, 1.0], [-math.inf, -math.inf]], "no token is left in row 1"),
        ([math.nan, 1.0], "a logit is nan: the model has diverged"),
        ([math.inf, 1.0], r"a logit is \+inf"),
    ],
)
@pytest.mark.parametrize("temperature", [0, 1])
def test_logits_that_leave_no_choice(logits, words, temperature):
    with pytest.raises(ValueError, match=words):
        probabilities(torch.tensor(logits), Sampling(temperature))


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("temperature", -1, "0 .greedy. or a number of at least 1e-06, got -1"),
        ("temperature", 1e-9, "at least 1e-06"),
        ("temperature", math.nan, "got nan"),
        ("temperature", "1", "got '1'"),
        ("top_k", 0, "None or a whole number of at least 1, got 0"),
        ("top_k", 2.5, "got 2.5"),
        ("top_k", True, "got True"),
        ("top_p", 0, "above 0 and at most 1, got 0"),
        ("top_p", 1.1, "got 1.1"),
        ("repetition_penalty", 0, "a positive number .1 is none., got 0"),
        ("repetition_penalty", math.inf, "got inf"),
    ],
)
def test_settings_that_cannot_be(field, value, words):
    with pytest.raises(ValueError, match=f"Sampling: {field} must be .*{words}"):
        Sampling(**{field: value})


def test_seen_tokens_that_cannot_be():
    sampling = Sampling(repetition_penalty=2.0)
    with pytest.raises(ValueError, match=r"seen ids must be 0 … 2, got 1 … 3"):
        probabilities(torch.zeros(3), sampling, [1, 3])
    with pytest.raises(ValueError, match=r"for each of 2 rows, got 1"):
        probabilities(torch.zeros(2, 3), sampling, [[1]])
