"""A training run is an iterator of steps.

    for step in run:
        print(step.step, step.loss)

is the whole training loop: in a script, in a progress bar, in a panel's thread, in a contest of two
runs. To stop is to stop iterating; to resume is to load a state and iterate on, to the same numbers.
"""

import json
import math
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from labkit.files import refuse_not_finite, write_atomic

from .controls import Control, Controls

if TYPE_CHECKING:
    import pandas as pd

FORMAT = "labkit-run-1"


@dataclass(frozen=True, slots=True)
class Step:
    """What one step measured.

    Attributes:
        step: 1 for the first step.
        loss: the training loss before the step's update (nats where it is a cross-entropy).
        lr: the learning rate that the step used.
        tokens: tokens or samples seen by this step.
        grad_norm: the Euclidean norm of the gradient.
        seconds: how long the step took.
        extra: whatever else the run measures, by name (validation loss, accuracy, KL ...).
    """

    step: int
    loss: float
    lr: float
    tokens: int
    grad_norm: float
    seconds: float
    extra: dict[str, float] = field(default_factory=dict)


class Diverged(ArithmeticError):  # noqa: N818 - it reads as what happened: `except Diverged`
    """The loss stopped being finite. The model is back where it last was sound; the history is kept.

    Attributes:
        step: the step that failed.
        loss: the loss it gave, or None when computing it overflowed.
    """

    def __init__(self, step: int, loss: float | None, detail: str) -> None:
        super().__init__(detail)
        self.step = step
        self.loss = loss


class Run(ABC):
    """One training run: its model, its data order, its history and its controls.

    A subclass implements `build`, `train_step`, `get_state` and `set_state`; the base class counts,
    times, keeps the history, guards against a loss that is not finite, and saves.

    Attributes:
        controls: the live knobs; there is always a learning rate, "lr".
        history: every finished step.
        max_steps: where iteration ends, or None.
        lock: held during a step; hold it to read the model while a thread trains it.
        guard_every: how often the model is remembered for the guard, in steps.
    """

    guard_every = 1

    def __init__(self, controls: Iterable[Control], max_steps: int | None = None) -> None:
        self.controls = Controls(controls)
        if "lr" not in self.controls:
            raise ValueError(f"{type(self).__name__}: a run needs a control named 'lr'")
        if max_steps is not None and max_steps < 1:
            raise ValueError(f"{type(self).__name__}: max_steps must be 1 or more, got {max_steps}")
        self.max_steps = max_steps
        self.history: list[Step] = []
        self.lock = threading.RLock()
        self._sound: tuple[int, Any] | None = None
        self.build()

    # -- what a subclass says

    @abstractmethod
    def build(self) -> None:
        """Make a fresh model, optimiser and data order, as the controls say."""

    @abstractmethod
    def train_step(self) -> dict[str, float]:
        """Do one step and return what it measured.

        "loss" (before the update) and "grad_norm" are needed, "tokens" is 0 when left out, "lr" the
        control's value; anything else goes to `Step.extra`.
        """

    @abstractmethod
    def get_state(self) -> Any:
        """All that decides the next steps (weights, optimiser, random state), as JSON can hold it."""

    @abstractmethod
    def set_state(self, state: Any) -> None:
        """Put back what `get_state` gave. A state of another shape: a ValueError, and nothing changed."""

    # -- iteration

    @property
    def step(self) -> int:
        """How many steps are done."""
        return self.history[-1].step if self.history else 0

    @property
    def finished(self) -> bool:
        """Whether there is no next step."""
        return self.max_steps is not None and self.step >= self.max_steps

    def __iter__(self) -> Iterator[Step]:
        return self

    def __next__(self) -> Step:
        if self.finished:
            raise StopIteration
        with self.lock:
            return self._guarded_step()

    def _guarded_step(self) -> Step:
        number = self.step + 1
        due = self._sound is None or (number - 1) % self.guard_every == 0
        remembered = self.get_state() if due else None
        started = time.perf_counter()
        lr = self.controls["lr"]
        try:
            measured = self.train_step()
        except ArithmeticError as error:  # an overflow on the way to the loss
            raise self._diverged(number, None, f"the loss could not be computed ({error})") from error
        loss = measured.pop("loss")
        if not math.isfinite(loss):
            raise self._diverged(number, loss, f"the loss became {loss}")
        if remembered is not None:  # these weights gave a finite loss: now they count as sound
            self._sound = (number - 1, remembered)
        if not math.isfinite(measured["grad_norm"]):  # the update has made weights of it that are no use
            raise self._diverged(number, loss, f"the gradient norm became {measured['grad_norm']}")
        step = Step(
            step=number,
            loss=loss,
            lr=measured.pop("lr", lr),
            tokens=int(measured.pop("tokens", 0)),
            grad_norm=measured.pop("grad_norm"),
            seconds=time.perf_counter() - started,
            extra=measured,
        )
        self.history.append(step)
        return step

    def _diverged(self, number: int, loss: float | None, what: str) -> Diverged:
        """The error to raise, after putting the last sound model back."""
        kept = "There is no sound model to go back to: reset the run."
        if self._sound is not None:
            step, state = self._sound
            self.set_state(state)
            kept = f"The model of step {step} is back in place and the history is kept."
        lr = self.controls["lr"]
        return Diverged(number, loss, f"step {number}: {what} at learning rate {lr:g}. {kept} Lower the learning rate.")

    def reset(self) -> None:
        """Start over with a fresh model; the controls keep their values."""
        with self.lock:
            self.history.clear()
            self._sound = None
            self.build()

    def frame(self) -> "pd.DataFrame":
        """The history as a pandas DataFrame: a row a step, a column a measure."""
        import pandas as pd

        rows = [asdict(step) for step in self.history]
        columns = [] if rows else [field.name for field in fields(Step) if field.name != "extra"]
        return pd.DataFrame([row | row.pop("extra") for row in rows], columns=columns or None)

    # -- state

    def state_dict(self) -> dict[str, Any]:
        """All that is needed to go on as if the run had never stopped."""
        with self.lock:
            return {
                "format": FORMAT,
                "run": type(self).__name__,
                "controls": dict(self.controls),
                "max_steps": self.max_steps,
                "state": self.get_state(),
                "history": [_plain(step) for step in self.history],
            }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go back to a state of `state_dict`.

        Raises:
            ValueError: if it is of another format, another kind of run or another shape; the run
                is then as it was.
        """
        if not isinstance(state, Mapping) or state.get("format") != FORMAT:
            found = state.get("format") if isinstance(state, Mapping) else type(state).__name__
            raise ValueError(f"not a run's state: expected format {FORMAT!r}, got {found!r}")
        if state.get("run") != type(self).__name__:
            raise ValueError(f"a state of {state.get('run')}, but this run is a {type(self).__name__}")
        with self.lock:
            before, model = dict(self.controls), self.get_state()
            try:
                history = [_step_from(row) for row in state["history"]]
                if any(later.step <= step.step for step, later in pairwise(history)):
                    raise ValueError("the steps of the history do not rise")
                max_steps = state["max_steps"]
                if max_steps is not None and not (isinstance(max_steps, int) and max_steps >= 1):
                    raise ValueError(f"max_steps must be 1 or more, or null, got {max_steps!r}")
                if missing := self.controls.keys() - state["controls"].keys():
                    raise ValueError(f"no value for the controls {', '.join(sorted(missing))}")
                self.controls.update(state["controls"])
                self.set_state(state["state"])
            except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
                self.controls.update(before)
                self.set_state(model)
                raise ValueError(f"the state does not fit this {type(self).__name__}: {error}") from error
            self.history[:] = history
            self.max_steps = max_steps
            self._sound = None

    def save(self, path: str | Path) -> Path:
        """Write the state as JSON, beside and renamed into place."""
        return write_atomic(path, json.dumps(self.state_dict(), allow_nan=False) + "\n")

    def load(self, path: str | Path) -> Self:
        """Read what `save` wrote, and return the run.

        Raises:
            ValueError: if the file is not a state of this kind of run; the message names the file.
        """
        try:
            self.load_state_dict(json.loads(Path(path).read_text(encoding="utf-8"), parse_constant=refuse_not_finite))
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error
        return self


def _plain(step: Step) -> dict[str, Any]:
    """A step as JSON can hold it: an extra that was not measured (nan) is null."""
    row = asdict(step)
    row["extra"] = {name: x if math.isfinite(x) else None for name, x in step.extra.items()}
    return row


def _step_from(row: dict[str, Any]) -> Step:
    """What `_plain` made a row of; a ValueError where the row is something else."""
    extra = {name: math.nan if x is None else float(x) for name, x in row["extra"].items()}
    step = Step(**row | {"extra": extra})
    numbers = (step.loss, step.lr, step.grad_norm, step.seconds)
    if not (isinstance(step.step, int) and isinstance(step.tokens, int) and all(map(math.isfinite, numbers))):
        raise ValueError(f"not a step: {row}")
    return step
