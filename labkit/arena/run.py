"""The training run of an agent: each step is paid for, and it ends when the energy does."""

from collections.abc import Mapping
from typing import Any, Literal

from labkit.data import Names
from labkit.scalar import GameGPT
from labkit.training import Control, Controls, Diverged, ScalarGPTRun, Step

from .config import AgentConfig
from .energy import Budget, Flops

StopReason = Literal["done", "out of energy", "diverged"]


class AgentRun(ScalarGPTRun):
    """Train on names, as long as the budget pays.

    Energy is charged before a step: one that cannot be paid is not begun, and iteration ends. Energy
    of a step that diverged is gone; `reset` gives a fresh model that has spent nothing. `Step.extra`
    has "energy": the joules spent so far. Controls: "lr" (the next step reads it) and "temperature"
    (the next name that is sampled).

    Args:
        config: the agent's.
        names: it learns the names of `names.train`.
        budget: what pays; without one, or with one without limit, training ends only where the caller stops.

    Attributes:
        engine: what computes, "scalar" or "torch"; the numbers and their price are the same.
        budget: what is spent and what is left.
        flops: what a step costs.
        stopped_because: why iteration ended: "done" (max_steps), "out of energy" or "diverged";
            None before that.

    Raises:
        ValueError: if the engine is torch and PyTorch is not installed.
    """

    def __init__(self, config: AgentConfig, names: Names, budget: Budget | None = None) -> None:
        self.budget = budget if budget is not None else Budget()
        self.flops = Flops(config.n_embd, config.n_layer, names.vocab_size)
        self.stopped_because: StopReason | None = None
        self.name, self.engine = config.name, config.engine
        super().__init__(
            [names.encode(name) for name in names.train],
            names.vocab_size,
            config.n_layer,
            config.n_embd,
            config.n_head,
            config.block_size,
            config.learning_rate,
            config.seed,
        )
        temperature = Control("temperature", 0.5, 0.0, 2.0, label="temperature")
        self.controls = Controls([*self.controls.specs.values(), temperature])

    def make_model(self) -> GameGPT:
        """A fresh model in the config's engine."""
        if self.engine == "scalar":
            return super().make_model()
        try:
            from .torch_gpt import TorchGPT  # torch is loaded when the first agent wants it
        except ModuleNotFoundError as error:
            if error.name is None or error.name.partition(".")[0] not in ("torch", "safetensors"):
                raise
            raise ValueError(
                f"agent {self.name} computes in torch, and {error.name} is not installed here: install PyTorch "
                "(pip install torch), or take the engine 'scalar'"
            ) from error
        return TorchGPT(**self.sizes, seed=self.seed)

    def next_cost(self) -> int:
        """The FLOPs of the step that comes next: a longer name costs more."""
        document = self.documents[self.order[self.model.step_count % len(self.order)]]
        return self.flops.training(min(len(document) - 1, self.model.block_size))

    def __next__(self) -> Step:
        with self.lock:
            cost = self.next_cost()
            if self.max_steps is not None and self.step >= self.max_steps:
                self.stopped_because = "done"
                raise StopIteration
            if not self.budget.can_pay(cost):
                self.stopped_because = "out of energy"
                raise StopIteration
            self.budget.charge(cost)
            self.stopped_because = None
            try:
                return super().__next__()
            except Diverged:
                self.stopped_because = "diverged"
                raise

    def train_step(self) -> dict[str, float]:
        """One name: loss, gradient, update, and the joules spent so far."""
        return super().train_step() | {"energy": self.budget.spent}

    def reset(self) -> None:
        """Start over with a fresh model that has spent nothing; controls and limit keep their values."""
        with self.lock:
            super().reset()
            self.budget = Budget(self.budget.limit)
            self.stopped_because = None

    # The budget is beside the model's state, not in it: going back after a divergence refunds nothing.

    def state_dict(self) -> dict[str, Any]:
        """The run's state, and its energy."""
        with self.lock:
            return super().state_dict() | {"budget": self.budget.to_dict(), "stopped_because": self.stopped_because}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go back to a state of `state_dict`.

        Raises:
            ValueError: if it does not fit; run and budget are then as they were.
        """
        with self.lock:
            budget, stopped = self.budget, None
            if (
                isinstance(state, Mapping) and state.get("run") == type(self).__name__
            ):  # else the base class says what it is
                budget, stopped = Budget.from_dict(state.get("budget")), state.get("stopped_because")
            if stopped not in (None, "done", "out of energy", "diverged"):
                raise ValueError(f"a run stops because it is done, out of energy or diverged, not {stopped!r}")
            super().load_state_dict(state)
            self.budget, self.stopped_because = budget, stopped
