"""Chance: how often each token comes, and that rows and seeds are independent."""

import math
from itertools import islice

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.sampling import Sampling, generate, probabilities, row_seed
from labkit.sampling.draws import pick, uniforms


def far_off(counts, shares):
    """The largest distance of a count from what is expected, in standard deviations of a binomial."""
    n = counts.sum()
    return float(((counts - n * shares) / (n * shares * (1 - shares)).sqrt().clamp(min=1e-9)).abs().max())


def test_tokens_come_as_often_as_they_should():
    shares = torch.tensor([0.5, 0.2, 0.0, 0.15, 0.1, 0.05])
    n = 20_000
    tokens = torch.tensor(pick(shares.expand(n, -1), list(islice(uniforms(3), n))))
    counts = torch.bincount(tokens, minlength=6).double()
    assert counts[2] == 0
    assert far_off(counts, shares.double()) < 4.5


def test_what_generate_draws_is_what_probabilities_says(gpt):
    """First tokens of many rows, with everything applied."""
    model, sampling, n = gpt(), Sampling(0.9, 6, 0.95, 1.3), 4000
    tokens = torch.tensor(generate(model, [[1, 2]] * n, 1, sampling, seed=1))[:, 0]
    with torch.no_grad():
        shares = probabilities(model(torch.tensor([[1, 2]]))[0, -1], sampling, [1, 2])
    counts = torch.bincount(tokens, minlength=11).double()
    assert 3 <= int((shares > 0).sum()) <= 6
    assert counts[shares == 0].sum() == 0
    assert far_off(counts, shares) < 4.5


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(0, 1, width=32), min_size=1, max_size=9),
    st.sampled_from([0.0, 0.5, math.nextafter(1, 0)]) | st.floats(0, math.nextafter(1, 0)),
)
def test_a_point_of_the_line_is_a_token_that_is_there(weights, point):
    shares = torch.tensor([*weights, 1.0, 0.0])
    shares = shares / shares.sum()
    [token] = pick(shares[None], [point])
    assert shares[token] > 0
    ends = shares.double().cumsum(0)
    assert ends[token] - shares[token] - 1e-9 <= point * ends[-1] <= ends[token] + 1e-9


def test_seeds():
    assert list(islice(uniforms(1), 600)) == list(islice(uniforms(1), 600))
    assert next(uniforms(1)) != next(uniforms(2))
    assert next(uniforms(None)) != next(uniforms(None))
    assert row_seed(7, 0) == 7
    assert len({row_seed(seed, row) for seed in range(30) for row in range(30)}) == 900
    assert all(0 <= row_seed(3, row) < 2**63 for row in range(100))
    assert len(set(islice(uniforms(0), 1000))) == 1000  # more than one chunk, none twice


@pytest.mark.parametrize("seed", [0, None])
def test_torchs_own_generator_is_left_alone(gpt, seed):
    model = gpt()  # torch fills weights from its own generator before they get their seeds
    state = torch.get_rng_state()
    generate(model, [[1]], 3, seed=seed)
    assert torch.equal(torch.get_rng_state(), state)
