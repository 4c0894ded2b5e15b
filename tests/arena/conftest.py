"""Agents small enough for a test, on a handful of names."""

import pytest

from labkit.arena import Agent, AgentConfig
from labkit.data.names import split_names

WORDS = [
    "ada",
    "adam",
    "alma",
    "ana",
    "anna",
    "asa",
    "dada",
    "eda",
    "ema",
    "emma",
    "lea",
    "lena",
    "mae",
    "mala",
    "nala",
]


@pytest.fixture(scope="session")
def names():
    """Thirteen names to learn and two held out."""
    return split_names(WORDS)


@pytest.fixture
def make(names):
    """`make("a", energy=..., n_embd=...)` is a tiny agent."""

    def make(name="a", energy=None, data=names, **options):
        config = AgentConfig(name, **{"n_embd": 4, "n_head": 2, "block_size": 8, "learning_rate": 0.05} | options)
        return Agent(config, data, energy)

    return make


@pytest.fixture
def numbers():
    """What must repeat bit for bit in some steps: everything but the time that a step took."""
    return lambda steps: [(s.step, s.loss, s.lr, s.tokens, s.grad_norm, s.extra) for s in steps]
