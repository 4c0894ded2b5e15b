"""The benchmark of the route generator in small: the same losses are timed, others refused."""

import pytest

from bench import routes


@pytest.fixture(autouse=True)
def small(monkeypatch):
    size = {"n_layer": 1, "n_head": 2, "n_embd": 8, "block_size": 64}
    for name, value in {
        "ROUTES": 32,
        "PADDED": 8,
        "WIDTH": 64,
        "BATCH": 8,
        "ROUNDS": 1,
        "SIZE": size,
        "KNOWN": 200,
        "NEW": 5,
    }.items():
        monkeypatch.setattr(routes, name, value)


def test_all_is_measured_and_the_losses_are_the_same():
    figures = routes.measure(None)
    assert all(x > 0 for name, x in figures.items() if "difference" not in name)
    assert figures["same routes: largest difference of the loss"] < 1e-5
    assert figures["32 simulated routes: mean length (tokens)"] < figures["32 simulated routes: longest (tokens)"] <= 64
    assert "time padded to 64 tokens over ours" in figures
    assert "the nearest of 200 for 5 routes (s)" in figures


def test_other_losses_are_refused(monkeypatch):
    monkeypatch.setattr(routes, "_difference", lambda run, data: 0.1)
    with pytest.raises(AssertionError, match="another loss"):
        routes.measure(None)
