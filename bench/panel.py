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

STEPS = 300


class _Sink(BaseComm):
    """A comm whose messages go nowhere."""

    def publish_msg(self, *args: Any, **kwargs: Any) -> None:
        """Drop the message."""


def _outside_steps(panel: bool) -> float:
    """Processor time of the training thread outside `train_step`, over the time inside it.

    Both are read in the same thread of the same run: on a shared machine the steps of two runs, one
    with and one without a panel, differ by more than what is to be measured.
    """
    run = PointsRun("moons", max_steps=STEPS)
    inside = 0.0
    ends: list[float] = []
    step = run.train_step

    def timed() -> dict[str, float]:
        nonlocal inside
        started = time.thread_time()
        measured = step()
        ends.extend((started, time.thread_time()))
        inside += ends[-1] - started
        return measured

    run.train_step = timed  # type: ignore[method-assign]
    if panel:
        band = Band([(0, 0.3, 0.8), (STEPS, 0, 0.4)])
        made = TrainerPanel(run, band=band, figures=[Boundary(run)], key="bench")
        made.train.click()
        made.wait(120)
        made.close()
    else:
        for _ in run:
            pass
    return (ends[-1] - ends[0] - inside) / inside


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
    """What the panel adds to a step in percent, and the delay of a slider in milliseconds."""
    create = comm.create_comm
    comm.create_comm = lambda *args, **kwargs: _Sink(*args, **kwargs)
    try:
        overheads = [_outside_steps(panel=True) - _outside_steps(panel=False) for _ in range(7)]
        delays = _slider_latency()
    finally:
        comm.create_comm = create
    return {
        "what panel, chart and boundary add to a step (%)": 100 * statistics.median(overheads),
        "slider to the end of the first step that used it, median (ms)": 1000 * statistics.median(delays),
        "slider to the end of the first step that used it, worst (ms)": 1000 * max(delays),
    }
