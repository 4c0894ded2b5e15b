import threading

import pytest


@pytest.fixture(autouse=True)
def no_orphans():
    """No test leaves a thread behind that trains or samples."""
    before = set(threading.enumerate())
    yield
    assert not [t.name for t in threading.enumerate() if t not in before and t.name.startswith(("train-", "sample-"))]
