"""The live line chart: the whole history in one bytes trait, thinned, so that any view can draw it."""

from collections.abc import Sequence

import numpy as np
import traitlets as t

from labkit.training import Step

from .figure import Figure

MAX_POINTS = 1000


class LineChart(Figure):
    """Lines over steps, with a direct label on each and an optional expected band.

    Attributes:
        data: float32: n steps, then n values per series.
        series: the names of the series.
        colors: the theme colour of each ("loss", "validation" ...).
        band: [step, low, high] points of the expected band of the first series.
        x_max: the least end of the horizontal axis.
    """

    module = "chart"
    page_traits = ("data", "series", "colors", "band", "x_max", "x_label", "y_label")
    data = t.Bytes(b"").tag(sync=True)
    series = t.List(t.Unicode(), ["loss"]).tag(sync=True)
    colors = t.List(t.Unicode(), ["loss"]).tag(sync=True)
    band = t.List(t.List(t.Float()), []).tag(sync=True)
    x_max = t.Int(0).tag(sync=True)
    x_label = t.Unicode("step").tag(sync=True)
    y_label = t.Unicode("loss (nats)").tag(sync=True)

    def draw(self, history: Sequence[Step]) -> None:
        """Show `history`: "loss" is a step's own, any other series is one of its extras."""
        steps = thinned(history)
        columns: list[list[float]] = [[step.step for step in steps]]
        for name in self.series:
            columns.append([step.loss if name == "loss" else step.extra.get(name, np.nan) for step in steps])
        self.data = np.asarray(columns, dtype="<f4").tobytes()

    def caption(self) -> str:
        """Where the first series begins and ends."""
        numbers = np.frombuffer(self.data, "<f4").reshape(len(self.series) + 1, -1)
        if not numbers.size:
            return f"{self.series[0]} over steps: none yet"
        (first, *_, last), values = numbers[0][[0, -1]], numbers[1]
        return f"{self.series[0]} from {values[0]:.3g} at step {first:.0f} to {values[-1]:.3g} at step {last:.0f}"


def thinned(history: Sequence[Step], limit: int = MAX_POINTS) -> list[Step]:
    """At most `limit` evenly spaced steps, the first and the last among them."""
    n = len(history)
    if n <= limit:
        return list(history[:n])
    return [history[round(i * (n - 1) / (limit - 1))] for i in range(limit)]
