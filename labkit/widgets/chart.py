"""The live line chart: the whole history in one bytes trait, thinned, so that any view can draw it."""

import math
from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
import traitlets as t

from labkit.training import Step

from .figure import Figure

MAX_POINTS = 1000

Item = TypeVar("Item")


class LineChart(Figure):
    """Lines over steps, with a direct label on each and an optional expected band.

    Attributes:
        data: float32: n steps, then n values per series.
        series: the names of the series.
        colors: the theme colour of each ("loss", "validation" ...).
        band: [step, low, high] points of the expected band of the first series.
        x_max: the least end of the horizontal axis.
        y_max: the least end of the vertical axis.
        y_limit: where the vertical axis ends at most; 0: at 20 times the first value of the first series.
        y_zero: whether the vertical axis begins at 0; else a little below the least value.
        y_signed: whether values may be below 0, as rewards are; the axis then holds all of them.
        y_log: whether the vertical axis is logarithmic; then it begins at 1 where `y_zero` is set.
        height: in pixels.
    """

    module = "chart"
    page_traits = (
        *("data", "series", "colors", "band", "x_max", "y_max", "x_label", "y_label"),
        *("y_limit", "y_zero", "y_log", "height"),
    )
    data = t.Bytes(b"").tag(sync=True)
    series = t.List(t.Unicode(), ["loss"]).tag(sync=True)
    colors = t.List(t.Unicode(), ["loss"]).tag(sync=True)
    band = t.List(t.List(t.Float()), []).tag(sync=True)
    x_max = t.Int(0).tag(sync=True)
    y_max = t.Float(0.0).tag(sync=True)
    x_label = t.Unicode("step").tag(sync=True)
    y_label = t.Unicode("loss (nats)").tag(sync=True)
    y_limit = t.Float(0.0).tag(sync=True)
    y_zero = t.Bool(True).tag(sync=True)
    y_signed = t.Bool(False).tag(sync=True)
    y_log = t.Bool(False).tag(sync=True)
    height = t.Int(240).tag(sync=True)

    def __init__(self, **traits: Any) -> None:
        self._looked_through: tuple[int, Step | None, dict[str, list[Step]]] = (1, None, {})  # no history is like it
        super().__init__(**traits)

    def draw(self, history: Sequence[Step]) -> None:
        """Show `history`: "loss" is a step's own, any other series is one of its extras.

        Steps that measured what most steps do not (a validation loss) are drawn however thinned the others are.
        """
        steps = thinned(history)
        if len(steps) < len(history) and (rare := self._rare_steps(history)):
            steps = sorted({step.step: step for step in (*steps, *thinned(rare))}.values(), key=lambda step: step.step)
        columns: list[list[float]] = [[step.step for step in steps]]
        for name in self.series:
            columns.append([_value(step, name) for step in steps])
        self._show(columns)

    def _rare_steps(self, history: Sequence[Step]) -> list[Step]:
        """The steps with a value of a series that few of them have; only those that are new are looked through."""
        n = len(history)
        seen, last, measured = self._looked_through
        if seen > n or history[seen - 1] is not last:  # another history: a reset, a loaded run
            seen, measured = 0, {name: [] for name in self.series if name != "loss"}
        for name, steps in measured.items():
            steps += [step for step in history[seen:n] if math.isfinite(_value(step, name))]
        self._looked_through = (n, history[n - 1], measured)
        return [step for steps in measured.values() if len(steps) < n / 2 for step in steps]

    def plot(self, x: Sequence[float], *series: Sequence[float]) -> None:
        """Show numbers that are no run's: the values of each series at each `x`, nan where there is none."""
        if len(series) != len(self.series):
            raise ValueError(f"LineChart: {len(self.series)} series have names, got the values of {len(series)}")
        keep = thinned(range(len(x)))
        self._show([[column[i] for i in keep] for column in (x, *series)])

    def _show(self, columns: list[list[float]]) -> None:
        self.data = np.asarray(columns, dtype="<f4").tobytes()

    def caption(self) -> str:
        """Where the first series begins and ends: its first and its last finite value."""
        steps, values = np.frombuffer(self.data, "<f4").reshape(len(self.series) + 1, -1)[:2]
        measured = np.flatnonzero(np.isfinite(values))
        if not measured.size:
            return f"{self.series[0]} over steps: none yet"
        first, last = measured[[0, -1]]
        return (
            f"{self.series[0]} from {values[first]:.3g} at step {steps[first]:.0f} "
            f"to {values[last]:.3g} at step {steps[last]:.0f}"
        )


def _value(step: Step, name: str) -> float:
    return step.loss if name == "loss" else step.extra.get(name, math.nan)


def thinned(history: Sequence[Item], limit: int = MAX_POINTS) -> list[Item]:
    """At most `limit` evenly spaced items, the first and the last among them."""
    n = len(history)
    if n <= limit:
        return list(history[:n])
    return [history[round(i * (n - 1) / (limit - 1))] for i in range(limit)]
