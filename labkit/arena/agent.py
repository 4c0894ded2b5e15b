"""An agent of the arena: a small GPT that learns names, with a budget of energy."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from labkit.data import Names, load_names
from labkit.training import Diverged, Step

from .config import AgentConfig
from .energy import Budget, OutOfEnergy
from .run import AgentRun, StopReason
from .score import name_score

SETTINGS = ("learning_rate", "temperature", "energy")
WINDOW = 20
"""Steps: one name a step makes losses scatter by 0.4 nats, a mean of 20 by 0.1; so what is shown is such a mean."""
CONTROLS = {"learning_rate": "lr", "temperature": "temperature"}
"""What the run calls them."""


@dataclass(frozen=True)
class Generated:
    """A name that an agent wrote.

    Attributes:
        name: the letters; "" when the first token ended it.
        score: the game's points, 0 … 100 (see `name_score`).
        new: not empty, not a training name, and not written earlier in the same call.
    """

    name: str
    score: float
    new: bool


class Agent:
    """A config, the run that trains it, and what it may spend.

    `for step in agent.run` is the training loop; `steps` is the same with a clean end.

    Args:
        config: what it is made of.
        names: what it learns from; the embedded list when left out.
        energy: in joules; None is without limit.

    Attributes:
        run: an `AgentRun`, with model, history, controls and budget.
        trouble: what was said when training diverged, else "".
    """

    def __init__(self, config: AgentConfig, names: Names | None = None, energy: float | None = None) -> None:
        self.config = config
        self.names = names if names is not None else load_names()
        self.known = frozenset(self.names.train)
        self.run = AgentRun(config, self.names, Budget(energy))
        self.trouble = ""

    @property
    def name(self) -> str:
        """As in the config."""
        return self.config.name

    @property
    def budget(self) -> Budget:
        """What is spent and what is left."""
        return self.run.budget

    @property
    def stopped_because(self) -> StopReason | None:
        """Why the last training ended; None while it may go on."""
        return self.run.stopped_because

    # -- training

    def next_step(self) -> Step | None:
        """One step, or None when there is none: `stopped_because` says why, and nothing is raised."""
        try:
            step = next(self.run, None)
        except Diverged as error:
            self.trouble = str(error)
            return None
        if step is not None:
            self.trouble = ""
        return step

    def steps(self, n: int) -> Iterator[Step]:
        """Up to `n` steps, one at a time: a caller can show each, and stops by ceasing to ask.

        It ends early when the energy ends or training diverges; then the model is the last sound one
        and `run.history` has what happened.

        Raises:
            ValueError: for a negative n.
        """
        if n < 0:
            raise ValueError(f"agent {self.name}: a number of steps is 0 or more, got {n}")
        return self._steps(n)

    def _steps(self, n: int) -> Iterator[Step]:
        for _ in range(n):
            step = self.next_step()
            if step is None:
                return
            yield step
        self.run.stopped_because = "done"

    def train(self, n: int) -> list[Step]:
        """`steps`, all at once; fewer than `n` when it ended early."""
        return list(self.steps(n))

    # -- writing

    def write(self, temperature: float | None = None) -> str:
        """One name, paid for.

        The longest name that fits must be payable beforehand; what it really took is charged.

        Args:
            temperature: instead of the control's; 0 takes the likeliest letter each time.

        Raises:
            OutOfEnergy: if the longest name cannot be paid; nothing was written.
            ValueError: for a temperature outside the control's range.
        """
        run, bos = self.run, self.names.bos
        if temperature is not None:
            temperature = self._in_range("temperature", temperature)
        with run.lock:
            longest = run.flops.sampling(run.model.block_size)
            if not run.budget.can_pay(longest):
                run.budget.charge(longest)  # it says what is left, and raises
            heat = run.controls["temperature"] if temperature is None else temperature
            ids = run.model.sample(bos, bos, heat, run.model.block_size + 1)
            run.budget.charge(run.flops.sampling(len(ids) - 1))
        return self.names.decode(ids)

    def generate(self, n: int = 10, temperature: float | None = None) -> list[Generated]:
        """`n` names with their points; the scoring is the referee's and costs nothing.

        When the energy ends on the way the list is shorter and `stopped_because` says so.

        Raises:
            OutOfEnergy: if not even one name can be paid.
            ValueError: for n below 1 or a temperature outside the control's range.
        """
        if n < 1:
            raise ValueError(f"agent {self.name}: the number of names to write is 1 or more, got {n}")
        written: list[Generated] = []
        earlier: set[str] = set()
        for _ in range(n):
            try:
                name = self.write(temperature)
            except OutOfEnergy as error:
                self.run.stopped_because = "out of energy"
                if not written:
                    raise OutOfEnergy(f"agent {self.name} cannot write a name: {error}") from None
                break
            new = name != "" and name not in self.known and name not in earlier
            earlier.add(name)
            with self.run.lock:
                written.append(Generated(name, name_score(self.run.model, name, new), new))
        return written

    # -- settings

    def configure(self, key: str, value: float | str | None) -> None:
        """Change a setting; the next step, or the next name, uses it.

        Args:
            key: "learning_rate", "temperature" or "energy" (the limit in joules; None or "none" for no limit).
            value: a number, or its text as a shell has it.

        Raises:
            ValueError: for a key that does not exist or is fixed, or a value out of range.
        """
        if key not in SETTINGS:
            there_are = f"what can be set: {', '.join(SETTINGS)}"
            if key in self.config.to_dict():
                raise ValueError(f"{key} is fixed when an agent is made: create another one. Here is {there_are}")
            raise ValueError(f"unknown setting {key!r}; {there_are}")
        number = None if key == "energy" and value in (None, "none") else _number(key, value)
        if key == "energy":
            self.budget.limit = number
        elif number is not None:
            self.run.controls[CONTROLS[key]] = self._in_range(key, number)

    def settings(self) -> dict[str, float | None]:
        """What `configure` can change, as it is now."""
        controls = self.run.controls
        values = (controls["lr"], controls["temperature"], self.budget.limit)
        return dict(zip(SETTINGS, values, strict=True))

    def _in_range(self, key: str, number: float) -> float:
        """`number`, when the control behind the setting `key` can have it; the error says `key`, as a player does."""
        control = self.run.controls.specs[CONTROLS[key]]
        try:
            return control.check(number)
        except (ValueError, TypeError, OverflowError):
            raise ValueError(f"{key}: {number} is outside {control.low} … {control.high}") from None

    # -- state

    def untrained(self) -> "Agent":
        """A copy with the same settings that has learned nothing, spent nothing, and may spend what it likes."""
        copy = Agent(self.config, self.names)
        copy.run.controls.update(dict(self.run.controls))
        return copy

    def copy(self) -> "Agent":
        """A copy with all that it has learned and spent: the state of one moment, for a thread may be training it."""
        copy = Agent(self.config, self.names)
        copy.run.load_state_dict(self.run.state_dict())
        return copy

    def state_dict(self) -> dict[str, Any]:
        """All that makes this agent, as JSON can hold it; `Agent.from_state` undoes it."""
        return {
            "config": self.config.to_dict(),
            "names": {"source": self.names.source, "digest": self.names.digest},
            "run": self.run.state_dict(),
        }

    @classmethod
    def from_state(cls, state: dict[str, Any], names: Names | None = None) -> "Agent":
        """The agent that `state_dict` describes, ready to go on as if it had never stopped.

        Args:
            state: what `state_dict` gave.
            names: what it was trained on; found by its source when left out.

        Raises:
            ValueError: if it is not an agent's state, or was trained on other names.
        """
        missing = {"config", "names", "run"} - (state.keys() if isinstance(state, dict) else set())
        if missing:
            raise ValueError(f"not an agent: {', '.join(sorted(missing))} missing")
        config, data = AgentConfig.from_dict(state["config"]), state["names"]
        if not isinstance(data, dict) or not data.keys() >= {"source", "digest"}:
            raise ValueError(f"not an agent: names must have source and digest, got {data!r}")
        if names is None:
            try:
                names = load_names(data["source"])
            except ValueError as error:
                raise ValueError(f"agent {config.name} needs the names it was trained on: {error}") from error
        if names.digest != data["digest"]:
            raise ValueError(
                f"agent {config.name} was trained on other names (source {data['source']!r}, fingerprint "
                f"{data['digest']!r}) than these ({names.source!r}, {names.digest!r}): give it its own"
            )
        agent = cls(config, names)
        agent.run.load_state_dict(state["run"])
        return agent


def _number(key: str, value: float | str | None) -> float:
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{key} must be a number, got {value!r}")
    return number
