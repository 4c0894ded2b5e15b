"""The card of one agent: train it, hear it, ask what is wrong with it, watch its energy."""

import html
import re
from collections.abc import Callable
from pathlib import Path

import ipywidgets as widgets

from labkit.arena import JOULES_PER_FLOP, Agent, Generated, save_agent
from labkit.arena.agent import WINDOW
from labkit.arena.diagnose import Diagnosis
from labkit.training import BackgroundRun

from .arena_html import diagnosis_html, energy_html, joules, names_html, tally_html
from .arena_work import EXPECTED, AgentWork, running_mean
from .chart import LineChart
from .panel import Panel, button, close_whole, error_html, line_of
from .slider import Slider

REFRESH = 0.1
"""Seconds between two drawings."""

LOSS_LIMIT = 8.0
"""Nats: guessing costs 3.3, and what is far above is drawn as cut off."""

NAMES = 10
STEPS = 100


def number_field(label: str, value: float, tip: str = "", integer: bool = True) -> widgets.IntText | widgets.FloatText:
    """A box for a number with its label. It refuses nothing: who reads it says what is wrong."""
    made = (widgets.IntText if integer else widgets.FloatText)(value=value, description=label, tooltip=tip)
    made.style.description_width = "auto"
    made.add_class("lb-field")
    return made


def text_field(label: str, value: str, placeholder: str, tip: str) -> widgets.Text:
    """A line of text with its label. It refuses nothing: who reads it says what is wrong."""
    made = widgets.Text(value=value, placeholder=placeholder, description=label, tooltip=tip)
    made.style.description_width = "auto"
    made.add_class("lb-field")
    return made


def limit_of(text: str) -> float | None:
    """A limit as it is written in a field: joules, or nothing or "none" for no limit.

    Raises:
        ValueError: if it is no number of 0 or more.
    """
    said = text.strip().lower()
    if said in ("", "none"):
        return None
    if not re.fullmatch(r"(\d+(\.\d*)?|\.\d+)(e[+-]?\d{1,2})?", said):
        raise ValueError(f"energy must be a number of joules, 0 or more, or none; got {text!r}")
    return float(said)


def _written(limit: float | None) -> str:
    """What `limit_of` reads as `limit`, to the last digit."""
    return "none" if limit is None else str(limit).removesuffix(".0")


class AgentCard(Panel):
    """One agent of the arena, in the lab.

    A daemon thread does what the buttons ask for, one step or one name at a time. What goes wrong is shown
    in the card: a sentence for what may well happen (no energy, a diverged model), else a traceback.

    Headless: `card.train.click()`, then `card.wait()`.

    Args:
        agent: whose card it is.
        folder: where Save writes; without one there is no such button.
        on_saved: called from the thread when the agent has been saved.

    Attributes:
        n: how many steps Train makes.
        train, stop, generate, diagnose, inside, reset, save: the buttons.
        sliders: "lr" and "temperature"; the next step, or name, reads them.
        limit: the energy it may spend in all, as text: joules, or "none".
        chart: the loss.
        generated: the latest names.
        diagnosis: the latest.
        picture: the inside as it was drawn last.
    """

    def __init__(
        self, agent: Agent, folder: str | Path | None = None, on_saved: Callable[[], None] = lambda: None
    ) -> None:
        self.agent = agent
        self.folder = folder
        self._on_saved = on_saved
        self._note = ""
        self.work = AgentWork(agent)
        self.work.tell = self._update
        self.driver = BackgroundRun(self.work, on_update=self._update, every=REFRESH)

        name = agent.name
        self.n = number_field("steps", STEPS, "how many steps Train makes")
        self.train = button("Train", "primary", self._train, f"train {name} for so many steps")
        self.stop = button("Stop", "", self._stop, f"{name} stops after the step, or the name, in progress")
        self.generate = button("Generate", "", self._generate, f"{name} writes {NAMES} names, at this temperature")
        self.diagnose = button("Diagnose", "", self._diagnose, f"why does {name} not learn? Measured, with a remedy")
        self.inside = button("Inside", "", self._inside, f"draw the gradients and the updates of {name}, each matrix's")
        self.reset = button("Reset", "", self._reset, f"a fresh model for {name}, with nothing spent")
        self.save = button("Save", "", self._save, f"write {name} to {folder}")
        specs = agent.run.controls.specs
        self.sliders = {key: Slider(specs[key], agent.run.controls[key]) for key in ("lr", "temperature")}
        for key, slider in self.sliders.items():
            slider.observe(lambda change, key=key: self._turn(key, change["new"]), "value")
        self._limit = agent.budget.limit  # as the field shows it
        self.limit = text_field(
            "energy, J", _written(self._limit), "none", f"joules {name} may spend in all; none: no limit"
        )
        self.limit.continuous_update = False  # not each digit on the way is a limit
        self.limit.observe(lambda change: self._set_limit(change["new"]), "value")
        self.chart = LineChart(height=150, y_label=f"loss, mean of {WINDOW} (nats)", y_limit=LOSS_LIMIT, y_zero=False)
        self._means: list[float] = []
        self.energy, self.status, self.error = widgets.HTML(), widgets.HTML(), widgets.HTML()
        self.names, self.findings, self.picture = widgets.HTML(), widgets.HTML(), widgets.HTML()

        buttons = [self.train, self.n, self.stop, self.generate, self.diagnose, self.inside, self.reset]
        if folder is not None:
            buttons.append(self.save)
        else:
            close_whole(self.save)
        drawn = line_of(self.chart, name="lb-figures")
        super().__init__(
            [
                widgets.HTML(_title(agent)),
                line_of(*buttons),
                line_of(*self.sliders.values(), self.limit),
                self.energy,
                drawn,
                self.status,
                self.error,
                self.names,
                self.findings,
                self.picture,
            ]
        )
        self.add_class("lb-card")
        self._update()

    def __repr__(self) -> str:
        return f"{type(self).__name__} of {self.agent.name} ({self.state}, step {self.agent.run.step})"

    @property
    def generated(self) -> list[Generated]:
        """The latest names, as far as they are written."""
        return list(self.work.writing.names)

    @property
    def diagnosis(self) -> Diagnosis | None:
        """The latest; None before the first."""
        return self.work.diagnosis

    @property
    def state(self) -> str:
        """In a word or two.

        "idle", "training", "writing", "diagnosing", "looking inside", "saving", "stopping"; then "done", "stopped",
        "out of energy", "diverged" or "failed".
        """
        state = self.driver.state
        if state == "running":
            return "stopping" if self.work.cancelled else self.work.doing or "starting"
        if state in ("failed", "stopped"):
            return state
        why = self.agent.stopped_because
        if why == "diverged" or (why == "out of energy" and self._gone):
            return why
        if state == "done":
            return "stopped" if self.work.cancelled else "done"
        return state

    @property
    def _gone(self) -> bool:
        """Whether the next step cannot be paid; more energy changes that."""
        return not self.agent.budget.can_pay(self.agent.run.next_cost())

    def wait(self, timeout: float | None = 60) -> str:
        """Until the agent has nothing more to do; returns the state. For notebooks under test.

        Raises:
            TimeoutError: if it goes on for more than `timeout` seconds.
        """
        self.driver.wait(timeout)
        return self.state

    def end(self, wait: bool = False) -> None:
        """End the thread after what is in progress, whatever was asked for.

        With `wait`, return when it has ended; a diagnosis, or a look inside, which takes seconds and changes
        nothing, is not waited for.
        """
        self.work.cancel()
        self.driver.stop(wait=wait and self.work.doing not in ("diagnosing", "looking inside"))

    def close(self) -> None:
        """End the thread, then take the card away; the agent stays."""
        self.end(wait=True)
        self.driver.on_update = None
        self.work.tell = lambda: None
        super().close()

    # -- what buttons do: say what is wanted

    def _train(self) -> None:
        try:
            self.work.train(self.n.value)
        except ValueError as error:
            self.error.value = error_html(error, expected=(ValueError,))
            return
        self._start()

    def _generate(self) -> None:
        self.work.write(NAMES)
        self._start()

    def _diagnose(self) -> None:
        self.work.diagnose()
        self._start()

    def _inside(self) -> None:
        self.work.look_inside()
        self._start()

    def _save(self) -> None:
        self.work.ask("saving", self._write_file)
        self._start()

    def _write_file(self) -> None:
        if self.folder is None:
            raise ValueError(f"agent {self.agent.name}: not saved, since the panel was given no folder")
        self._note = f"saved as {save_agent(self.agent, self.folder)}"
        self._on_saved()

    def _start(self) -> None:
        self._note = ""
        self.driver.train()

    def _stop(self) -> None:
        self.work.cancel()

    def _reset(self) -> None:
        self._note = ""
        self.work.cancel()
        self.driver.reset()

    def _set_limit(self, text: str) -> None:
        try:
            limit = limit_of(text)
            if limit != self.agent.budget.limit:  # else the field only shows what was set elsewhere
                self.agent.configure("energy", limit)
        except ValueError as error:
            self.work.problem = error
        else:
            self._limit, self.work.problem = limit, None
        self._update()

    def _turn(self, key: str, value: float) -> None:
        self.agent.run.controls[key] = value

    # -- drawing: called from the thread a few times a second, and at each change of state

    def _update(self) -> None:
        agent, busy = self.agent, self.driver.state == "running"
        training = busy and self.work.training
        self.train.disabled = training
        self.stop.disabled = not busy
        self.reset.disabled = busy
        self.status.value = self._status_html()
        self.energy.value = energy_html("energy", agent.budget.spent, agent.budget.limit, self._gone)
        self.error.value = self._error_html()
        writing = self.work.writing
        self.names.value = names_html(writing.names) + tally_html(writing.names)
        self.findings.value = diagnosis_html(self.diagnosis)
        self.picture.value = self.work.inside
        if not busy:  # the controls may have been set elsewhere: a loaded agent, a cell
            for key, slider in self.sliders.items():
                slider.value = agent.run.controls[key]
            if agent.budget.limit != self._limit:
                self._limit = agent.budget.limit
                self.limit.value = _written(self._limit)
        history = agent.run.history
        steps = [step.step for step in history]
        self.chart.plot(steps, self._running_means([step.loss for step in history]))

    def _running_means(self, losses: list[float]) -> list[float]:
        """One for each loss; those of earlier drawings are kept."""
        if len(losses) < len(self._means):  # the model was reset
            self._means = []
        self._means += [running_mean(losses[:n]) for n in range(len(self._means) + 1, len(losses) + 1)]
        return self._means

    def _status_html(self) -> str:
        run, state = self.agent.run, self.state
        parts = [f"<b>{state}</b>", f"step {run.step:,}" + (f" of {self.work.until:,}" if state == "training" else "")]
        if state == "writing":
            parts.append(f"name {len(self.work.writing.names)} of {self.work.writing.wanted}")
        if run.history:
            last = [step.loss for step in run.history[-WINDOW:]]
            parts.append(f"loss {last[-1]:.4g} (mean of {len(last)}: {running_mean(last):.4g})")
        if state == "out of energy":
            parts.append(f"the next step takes {joules(run.next_cost() * JOULES_PER_FLOP)} J")
        if self._note:
            parts.append(html.escape(self._note))
        return " · ".join(parts)

    def _error_html(self) -> str:
        problem = self.driver.error or self.work.problem
        if problem is not None:
            return error_html(problem, expected=() if self.driver.error else EXPECTED)
        if self.agent.stopped_because == "diverged":
            return f'<span class="lb-verdict-bad">{html.escape(self.agent.trouble)}</span>'
        return ""


def _title(agent: Agent) -> str:
    config, n = agent.config, len(agent.run.model.params)
    shape = (
        f"width {config.n_embd} · {config.n_layer} layer{'s' * (config.n_layer > 1)} · "
        f"{config.n_head} head{'s' * (config.n_head > 1)} · {n:,} parameters"
        f"{' · torch' * (config.engine == 'torch')}"
    )
    return f'<span class="lb-arena-title">{html.escape(agent.name)}</span> <span class="lb-note">{shape}</span>'
