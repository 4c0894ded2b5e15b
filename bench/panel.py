"""The trainer panel: what it costs a step, and how soon a slider acts.

The panel is measured without a browser: its messages are made and serialised as in JupyterLab and
handed to a comm that drops them. The browser test measures the way from the key to the step.
"""

import statistics
import threading
import time
from pathlib import Path
from typing import Any

import comm
from comm.base_comm import BaseComm

from labkit.grading import Band
from labkit.training import PointsRun
from labkit.widgets import Boundary, TrainerPanel

STEPS = 250


class _Sink(BaseComm):
    """A comm whose messages go nowhere."""

    def publish_msg(self, *args: Any, **kwargs: Any) -> None:
        """Drop the message."""


class _ThreadTimed(PointsRun):
    """A run that knows the processor time of the thread that trains it."""

    def build(self) -> None:
        """A fresh model and a clock at zero."""
        super().build()
        self.started, self.cpu = 0.0, 0.0

    def train_step(self) -> dict[str, float]:
        """One step; the processor time is read after it."""
        if not self.history:
            self.started = time.thread_time()
        measured = super().train_step()
        self.cpu = time.thread_time() - self.started
        return measured


def _bare() -> float:
    run = _ThreadTimed("moons", max_steps=STEPS)
    for _ in run:
        pass
    return run.cpu


def _with_panel() -> float:
    run = _ThreadTimed("moons", max_steps=STEPS)
    panel = TrainerPanel(run, band=Band([(0, 0.3, 0.8), (STEPS, 0, 0.4)]), figures=[Boundary(run)], key="bench")
    panel.train.click()
    panel.wait(120)
    panel.close()
    return run.cpu


def _slider_latency(samples: int = 40) -> list[float]:
    """Seconds from setting a slider in the main thread to the end of the first step that used it."""
    run = PointsRun("moons", max_steps=None)
    seen = threading.Event()
    wanted = [0.0]
    plain = run.train_step

    def watched() -> dict[str, float]:
        used = run.controls["lr"]
        measured = plain()
        if used == wanted[0]:
            seen.set()
        return measured

    run.train_step = watched  # type: ignore[method-assign]
    panel = TrainerPanel(run, key="bench-latency")
    panel.train.click()
    delays = []
    for i in range(samples):
        time.sleep(0.03)
        seen.clear()
        wanted[0] = 0.1 + i / 1000
        started = time.perf_counter()
        panel.sliders["lr"].value = wanted[0]
        if not seen.wait(5):
            raise TimeoutError("the slider had no effect within 5 s")
        delays.append(time.perf_counter() - started)
    panel.close()
    return delays


def measure(peers: Path | None) -> dict[str, float]:
    """The panel's overhead in percent of a bare loop, and the delay of a slider in milliseconds."""
    create = comm.create_comm
    comm.create_comm = lambda *args, **kwargs: _Sink(*args, **kwargs)
    try:
        _bare(), _with_panel()  # warm up
        overheads = [_with_panel() / _bare() - 1 for _ in range(7)]
        delays = _slider_latency()
    finally:
        comm.create_comm = create
    return {
        "panel, chart and boundary over a bare loop (% of a step)": 100 * statistics.median(overheads),
        "slider to the end of the first step that used it, median (ms)": 1000 * statistics.median(delays),
        "slider to the end of the first step that used it, worst (ms)": 1000 * max(delays),
    }
