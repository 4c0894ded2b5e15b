"""The run of chapters 2 and 3: a GPT of Values learns documents, one a step."""

import random
from collections.abc import Callable, Sequence
from typing import Any

from labkit.scalar import GameGPT

from .controls import Control
from .run import Run

Measure = Callable[[GameGPT], dict[str, float]]


class ScalarGPTRun(Run):
    """Train a `GameGPT` on documents of tokens by Adam.

    The loss is the mean cross-entropy of a document's tokens, in nats: log(vocab_size) is guessing.
    The only control is "lr"; it acts on the next step (and falls with the steps, see
    `GameGPT.train_step`; `Step.lr` is the control's value).

    Args:
        documents: lists of token ids; one is one step, in an order shuffled by the seed, again
            and again. What is past block_size + 1 tokens is left out.
        vocab_size: how many tokens there are.
        n_layer: transformer blocks.
        n_embd: the width.
        n_head: attention heads.
        block_size: the most positions.
        lr: the learning rate at the start.
        seed: seeds weights, sampler and order.
        max_steps: where the run ends.
        measure: called with the model every `measure_every` steps, after the update; what it returns
            joins the step's extras, and stands until it is called again.
        measure_every: how often.
    """

    guard_every = 20  # remembering the weights and Adam's means costs a tenth of a step

    def __init__(
        self,
        documents: Sequence[Sequence[int]],
        vocab_size: int,
        n_layer: int = 1,
        n_embd: int = 16,
        n_head: int = 4,
        block_size: int = 16,
        lr: float = 0.01,
        seed: int = 42,
        max_steps: int | None = None,
        measure: Measure | None = None,
        measure_every: int = 50,
    ) -> None:
        if not documents:
            raise ValueError("ScalarGPTRun: there are no documents to learn from")
        if measure_every < 1:
            raise ValueError(f"ScalarGPTRun: measure_every must be 1 or more, got {measure_every}")
        self.documents = documents
        self.sizes = {
            "vocab_size": vocab_size,
            "n_layer": n_layer,
            "n_embd": n_embd,
            "block_size": block_size,
            "n_head": n_head,
        }
        self.seed = seed
        self.measure, self.measure_every = measure, measure_every
        super().__init__([Control("lr", lr, 0.0001, 100.0, log=True, label="learning rate")], max_steps)

    def build(self) -> None:
        """A fresh model, and the documents in the seed's order."""
        self.model = self.make_model()
        self.order = list(range(len(self.documents)))
        random.Random(self.seed).shuffle(self.order)

    def make_model(self) -> GameGPT:
        """A fresh model, as the seed draws it."""
        return GameGPT(**self.sizes, seed=self.seed)

    def train_step(self) -> dict[str, float]:
        """One document: loss, gradient, update."""
        model = self.model
        document = self.documents[self.order[model.step_count % len(self.order)]]
        loss = model.train_step(document, self.controls["lr"])
        measured = {
            "loss": loss,
            "grad_norm": model.gradient_norm(),
            "tokens": min(len(document) - 1, model.block_size),
        }
        if self.measure is not None:
            due = model.step_count % self.measure_every == 0
            measured |= self.measure(model) if due else (self.history[-1].extra if self.history else {})
        return measured

    def sample(self, bos_id: int, eos_id: int, temperature: float = 0.5, max_len: int | None = None) -> list[int]:
        """`GameGPT.sample`, between two steps of a thread that trains."""
        with self.lock:
            return self.model.sample(bos_id, eos_id, temperature, max_len)

    def get_state(self) -> dict[str, Any]:
        """Sizes, weights, Adam's means, the count of steps and the sampler's random state."""
        model = self.model
        version, numbers, gauss = model.rng.getstate()
        return {
            "sizes": dict(self.sizes),
            "weights": model.get_weights(),
            "m": model.m,
            "v": model.v,
            "step_count": model.step_count,
            "rng": [version, list(numbers), gauss],
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Put back what `get_state` gave."""
        if state["sizes"] != self.sizes:
            raise ValueError(f"a model of sizes {state['sizes']}, expected {self.sizes}")
        n = len(self.model.params)
        columns = {name: [float(x) for x in state[name]] for name in ("weights", "m", "v")}
        for name, column in columns.items():
            if len(column) != n:
                raise ValueError(f"{name}: expected {n} numbers, got {len(column)}")
        step_count = state["step_count"]
        if not isinstance(step_count, int) or step_count < 0:
            raise ValueError(f"step_count must be a whole number, got {step_count!r}")
        version, numbers, gauss = state["rng"]
        rng = random.Random()
        rng.setstate((version, tuple(numbers), gauss))
        self.model.set_weights(columns["weights"])
        self.model.m, self.model.v, self.model.step_count, self.model.rng = columns["m"], columns["v"], step_count, rng
