import pytest


@pytest.fixture(scope="session")
def names(few_names):
    """Thirteen names to learn and two held out."""
    return few_names


@pytest.fixture
def make(tiny_agent):
    """`make("a", energy=..., n_embd=...)` is a tiny agent."""
    return tiny_agent


@pytest.fixture
def numbers():
    """What must repeat bit for bit in some steps: everything but the time that a step took."""
    return lambda steps: [(s.step, s.loss, s.lr, s.tokens, s.grad_norm, s.extra) for s in steps]
