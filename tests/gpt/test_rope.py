"""RoPE: a product of queries and keys depends on their distance alone."""

import cmath

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.gpt import GPTConfig
from labkit.gpt.layers import rotate, rotations

CONFIG = GPTConfig(vocab_size=2, n_embd=16, n_head=2, block_size=64)
vectors = st.lists(st.floats(-3, 3), min_size=8, max_size=8).map(lambda x: torch.tensor(x, dtype=torch.float64))


def turned(x, position):
    cos, sin = (table.double() for table in rotations(CONFIG))
    return rotate(x[None, None, None], cos[position : position + 1], sin[position : position + 1])[0, 0, 0]


@settings(deadline=None)
@given(query=vectors, key=vectors, a=st.integers(0, 31), b=st.integers(0, 31), shift=st.integers(0, 32))
def test_products_know_the_distance_alone(query, key, a, b, shift):
    here = turned(query, a) @ turned(key, b)
    there = turned(query, a + shift) @ turned(key, b + shift)
    torch.testing.assert_close(here, there, rtol=1e-4, atol=1e-4)


@settings(deadline=None)
@given(x=vectors, position=st.integers(0, 63))
def test_a_turn_keeps_the_length_and_is_a_complex_product(x, position):
    y = turned(x, position)
    torch.testing.assert_close(y.norm(), x.norm(), rtol=1e-5, atol=1e-5)
    for j in range(4):
        z = complex(x[j], x[j + 4]) * cmath.exp(1j * position * 10_000 ** (-2 * j / 8))
        assert complex(y[j], y[j + 4]) == pytest.approx(z, abs=1e-4)


def test_a_model_with_rope_knows_no_absolute_position(gpt, tokens):
    """The same text, once after padding that it cannot see and once at the start of the block."""
    model, ids = gpt("modern", dtype=torch.float64), tokens(1, 5)
    padded = torch.cat((tokens(1, 4, seed=9), ids), 1)
    real = torch.tensor([[False] * 4 + [True] * 5])
    with torch.no_grad():
        torch.testing.assert_close(model(padded, real)[:, 4:], model(ids), rtol=1e-9, atol=1e-9)
