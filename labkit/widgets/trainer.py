"""The panel that trains: buttons, a slider per control, a live chart, a verdict."""

import html
import time
from collections.abc import Sequence
from typing import Any, Protocol

import ipywidgets as widgets

from labkit.grading import Band
from labkit.training import BackgroundRun, Diverged, Run

from .chart import LineChart
from .panel import Panel, button, cell_key, error_html, line_of
from .slider import Slider

REFRESH = 0.1
"""Seconds between two drawings. Ten a second look live; more would only take time from training."""


class LiveFigure(Protocol):
    """A figure that a panel keeps up to date."""

    def update(self) -> None:
        """Draw the run as it is now. Called from the training thread between two steps."""


class TrainerPanel(Panel):
    """Train a run by hand: Train, Pause, Step, Stop, Reset, and a slider for every control.

    The run trains in a daemon thread; buttons and sliders set what the next step reads. Making a
    panel again in the same cell stops the run of the earlier one. An exception in a step ends
    training and is shown in the panel; the history stays in `run.history`.

    Headless: `panel.train.click()`, then `panel.wait()`.

    Args:
        run: what to train.
        band: the expected band of the loss, drawn and judged.
        figures: more figures, each with an `update()`; they are placed beside the chart.
        series: what the chart shows: "loss", and names of the run's extras.
        colors: the theme colour of each series.
        key: who the panel is, where the cell does not say it.
    """

    def __init__(
        self,
        run: Run,
        band: Band | None = None,
        figures: Sequence[Any] = (),
        series: Sequence[str] = ("loss",),
        colors: Sequence[str] = ("loss",),
        key: str | None = None,
    ) -> None:
        self.run = run
        self.band = band
        self.figures = list(figures)
        who, execution = (key, None) if key else cell_key(f"run {type(run).__name__}")
        self.driver = BackgroundRun(run, who, self._update, REFRESH, batch=execution)
        self.chart = LineChart(
            series=list(series),
            colors=list(colors),
            band=[list(point) for point in band.points] if band else [],
            x_max=run.max_steps or 0,
        )
        self.train = button("Train", "primary", self.driver.train, "train, or go on after a pause")
        self.pause = button("Pause", "", self.driver.pause, "wait after this step")
        self.step = button("Step", "", self.driver.step, "do one step")
        self.stop = button("Stop", "", self.driver.stop, "end training; Train goes on from here")
        self.reset = button("Reset", "", self._reset, "a fresh model, with the sliders as they stand")
        self.sliders = {name: Slider(spec, run.controls[name]) for name, spec in run.controls.specs.items()}
        for name, slider in self.sliders.items():
            slider.observe(lambda change, name=name: self._turn(name, change["new"]), "value")
        self.status = widgets.HTML()
        self.error = widgets.HTML()
        self._pace: tuple[float, int] = (time.perf_counter(), run.step)
        self._rate = 0.0

        controls = line_of(self.train, self.pause, self.step, self.stop, self.reset, *self.sliders.values())
        drawn = line_of(self.chart, *self.figures, name="lb-figures")
        super().__init__([controls, drawn, self.status, self.error])
        self.add_class("lb-panel")
        self._update()

    def __repr__(self) -> str:
        return f"{type(self).__name__} of a {type(self.run).__name__} ({self.driver.state}, step {self.run.step})"

    def wait(self, timeout: float | None = 60) -> str:
        """Until training is done, paused, stopped or failed; returns which. For notebooks under test."""
        return self.driver.wait(timeout)

    def close(self) -> None:
        """End the thread, then take the panel away with its figures; `run` keeps its history."""
        self.driver.stop(wait=True)
        self.driver.on_update = None
        super().close()

    def _turn(self, name: str, value: float) -> None:
        self.run.controls[name] = value
        if not self.driver.alive:
            self._update()

    def _reset(self) -> None:
        self.driver.reset()
        self._pace, self._rate = (time.perf_counter(), 0), 0.0
        self._update()

    # -- drawing: called from the training thread a few times a second, and at each change of state

    def _update(self) -> None:
        state = self.driver.state
        running = state == "running"
        ended = self.run.finished
        self.train.disabled = running or ended
        self.pause.disabled = not running
        self.step.disabled = running or ended
        self.stop.disabled = state not in ("running", "paused")
        self.status.value = self._status_html()
        self.error.value = error_html(self.driver.error, expected=(Diverged,))
        if not running:  # the controls may have been set elsewhere: a loaded run, a cell
            for name, slider in self.sliders.items():
                slider.value = self.run.controls[name]
        # Last, so that a figure which fails leaves the words above true.
        self.chart.draw(self.run.history)
        for figure in self.figures:
            figure.update()

    def _status_html(self) -> str:
        step, total = self.run.step, self.run.max_steps
        now = time.perf_counter()
        since, before = self._pace
        if now - since >= 0.5:
            self._rate = (step - before) / (now - since)
            self._pace = (now, step)
        parts = [f"<b>{self.driver.state}</b>", f"step {step:,}" + (f" of {total:,}" if total else "")]
        if self.run.finished and total and step < total:
            parts.append("stopped early")
        if total:
            parts.append(f'<span class="lb-meter"><span style="width:{100 * step / total:.0f}%"></span></span>')
        if self.driver.state == "running" and self._rate:
            parts.append(f"{self._rate:,.0f} steps/s")
            if total:
                parts.append(f"{(total - step) / self._rate:,.0f} s left")
        if self.run.history:
            parts.append(f"loss {self.run.history[-1].loss:.4f}")
        line = " · ".join(parts)
        if self.band and self.run.history:
            # The verdict needs the first loss and the recent ones; a slice keeps this cheap at any length.
            losses = [s.loss for s in (self.run.history[:1] + self.run.history[-self.band.tolerance :])]
            verdict = self.band.verdict(losses, step=step)
            line += f'<br><span class="lb-verdict-{verdict.kind}">{html.escape(verdict.text)}</span>'
        return line
