"""What tests have in common: settings of their tools; for the arena, agents small enough, on a handful of names."""

import os
import sys

# Before torch is loaded: on matrices as small as the tests' two threads are slower than one, and xdist has the cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
from hypothesis import settings

# Tests assert behaviour, never wall time; a busy machine makes any example slow. The examples are the same everywhere,
# so that what passes here passes there; `LABKIT_EXPLORE=1` looks for new ones.
settings.register_profile("labkit", deadline=None, derandomize="LABKIT_EXPLORE" not in os.environ)
settings.load_profile("labkit")

WORDS = ["ada", "adam", "alma", "ana", "anna", "asa", "dada", "eda"]
WORDS += ["ema", "emma", "lea", "lena", "mae", "mala", "nala"]


@pytest.fixture(autouse=True)
def _figures_are_closed():
    """The cells of labs leave theirs open, as in a notebook, where IPython closes them."""
    yield
    if pyplot := sys.modules.get("matplotlib.pyplot"):
        pyplot.close("all")


@pytest.fixture(scope="session")
def few_names():
    """Thirteen names to learn and two held out."""
    from labkit.data.names import split_names

    return split_names(WORDS)


@pytest.fixture
def tiny_agent(few_names):
    """`tiny_agent("a", energy=..., n_embd=...)` is an agent of some hundred weights."""
    from labkit.arena import Agent, AgentConfig

    def make(name="a", energy=None, data=few_names, **options):
        config = AgentConfig(name, **{"n_embd": 4, "n_head": 2, "block_size": 8, "learning_rate": 0.05} | options)
        return Agent(config, data, energy)

    return make
