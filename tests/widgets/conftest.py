"""Panels that are closed after their test, and a watch on the threads that they start."""

import itertools
import threading

import pytest


@pytest.fixture(autouse=True)
def no_orphans():
    """No test leaves a thread behind that trains or samples."""
    before = set(threading.enumerate())
    yield
    assert not [t.name for t in threading.enumerate() if t not in before and t.name.startswith(("train-", "sample-"))]


@pytest.fixture
def made():
    """Makes panels, `made(TrainerPanel, run)`, each under a key of its own; they are closed at the end of the test."""
    panels = []
    keys = (f"test {i}" for i in itertools.count())

    def make(kind, *arguments, **options):
        panels.append(kind(*arguments, **{"key": next(keys)} | options))
        return panels[-1]

    yield make
    for panel in panels:
        panel.close()


@pytest.fixture
def enabled():
    """`enabled(panel)`: which of the buttons of a panel that trains can be pressed."""
    names = ("train", "pause", "step", "stop", "reset")
    return lambda panel: {name for name in names if not getattr(panel, name).disabled}
