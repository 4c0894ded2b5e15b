"""A run small enough to know by heart, and the rule that no test leaves a thread behind."""

import threading

import pytest

from labkit.training import BackgroundRun, Control, Run


class Toy(Run):
    """Gradient descent on w**2: w becomes w * (1 - 2 lr); above lr = 1 it diverges.

    `on_step` is called inside every step, before it computes anything.
    """

    def __init__(self, lr=0.1, max_steps=5, on_step=None, square=lambda w: w * w):
        self.on_step, self.square = on_step, square
        controls = [
            Control("lr", lr, 1e-6, 1e200, log=True),
            Control("width", 3, 1, 8, integer=True, live=False),
        ]
        super().__init__(controls, max_steps)

    def build(self):
        self.w, self.width = 1.0, self.controls["width"]

    def train_step(self):
        if self.on_step:
            self.on_step()
        gradient = 2 * self.w
        loss = self.square(self.w)
        self.w -= self.controls["lr"] * gradient
        return {"loss": loss, "grad_norm": abs(gradient), "width": self.width}

    def get_state(self):
        return {"w": self.w}

    def set_state(self, state):
        self.w = float(state["w"])


@pytest.fixture
def toy():
    """The class: `toy(lr=0.1, max_steps=5)` is a run."""
    return Toy


@pytest.fixture
def drive():
    """BackgroundRun, stopped at the end of the test."""
    drivers = []

    def make(run, *args, **kwargs):
        drivers.append(BackgroundRun(run, *args, **kwargs))
        return drivers[-1]

    yield make
    for driver in drivers:
        driver.on_update = None
        if hasattr(driver.run.on_step, "open"):
            driver.run.on_step.open.release(1000)
        driver.stop(wait=True)


@pytest.fixture(autouse=True)
def no_orphans():
    """No test leaves a training thread behind."""
    before = set(threading.enumerate())
    yield
    left = [t for t in threading.enumerate() if t not in before and t.name.startswith("train-")]
    for thread in left:
        thread.join(10)
    assert not [t.name for t in left if t.is_alive()]
