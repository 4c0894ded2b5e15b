import threading

import pytest


@pytest.fixture(autouse=True)
def no_orphans():
    """No test leaves a training thread behind."""
    before = set(threading.enumerate())
    yield
    assert not [t.name for t in threading.enumerate() if t not in before and t.name.startswith("train-")]
