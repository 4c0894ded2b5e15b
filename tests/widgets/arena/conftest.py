"""Panels of the arena, headless: buttons are clicked, sliders are set, `wait` waits."""

import numpy as np
import pytest

from labkit.widgets import ArenaPanel

LONG = 60


@pytest.fixture(scope="module")
def names(few_names):
    return few_names


@pytest.fixture
def agent(tiny_agent):
    """`agent("Tiny", energy=...)` is a tiny agent."""
    return lambda name="Tiny", energy=None, **options: tiny_agent(name, energy, **options)


@pytest.fixture
def panel(names, made):
    """`panel(*agents, …)`: a panel of a few names."""
    defaults = {"names": names, "n_names": 5, "n_held_out": 2}
    return lambda *agents, **options: made(ArenaPanel, agents, **defaults | options)


@pytest.fixture
def drawn():
    """`drawn(chart)`: its numbers, [1 + series][points], steps first."""
    return lambda chart: np.frombuffer(chart.data, "<f4").reshape(len(chart.series) + 1, -1)


@pytest.fixture
def fight():
    """`fight(panel, "energy", 2.5)`: a battle from its start to its verdict, with other fields of the form by name."""

    def fought(p, means="steps", amount=6, **fields):
        p.battle.means.value = means
        p.battle.amount.value = amount
        for name, value in fields.items():
            getattr(p.battle, name).value = value
        p.battle.start.click()
        return p.battle.wait(LONG)

    return fought
