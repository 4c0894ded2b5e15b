"""The run of chapter 1: a net of Values learns to tell two classes of points apart."""

import math
import random
from collections.abc import Sequence
from typing import Any

from labkit.data import Points, load_points
from labkit.scalar import MLP, SGD, Value

from .controls import Control
from .run import Run


class PointsRun(Run):
    """Train an `MLP` with two hidden layers on labelled points, by mini-batch SGD.

    The loss is the mean logistic loss log(1 + exp(-label·score)), in nats: log 2 ≈ 0.693 is
    guessing. Controls: "lr" and "noise" (the scatter of the points) act on the next step, "width"
    at the next reset.

    Args:
        points: the data; a name of datasets/points, or `Points`.
        lr: the learning rate at the start.
        width: neurons in each hidden layer.
        noise: the scatter, in units of the plane.
        batch_size: points per step, drawn without replacement.
        max_steps: where the run ends.
        seed: seeds the weights and the batches.
    """

    def __init__(
        self,
        points: str | Points = "moons",
        lr: float = 0.5,
        width: int = 8,
        noise: float = 0.1,
        batch_size: int = 32,
        max_steps: int | None = 400,
        seed: int = 0,
    ) -> None:
        self.points = load_points(points) if isinstance(points, str) else points
        if not 1 <= batch_size <= len(self.points):
            raise ValueError(f"batch_size must be 1 … {len(self.points)} (the number of points), got {batch_size}")
        self.batch_size = batch_size
        self.seed = seed
        super().__init__(
            [
                Control("lr", lr, 0.001, 100.0, log=True, label="learning rate"),
                Control("noise", noise, 0.0, 0.5, label="noise"),
                Control("width", width, 1, 16, integer=True, live=False, label="width"),
            ],
            max_steps,
        )

    def build(self) -> None:
        """A fresh net of the width that the control says, and a fresh order of batches."""
        width = int(self.controls["width"])
        self.model = MLP([2, width, width, 1], seed=self.seed)
        self.optimizer = SGD(self.model.parameters)
        self.rng = random.Random(self.seed)

    def train_step(self) -> dict[str, float]:
        """One mini-batch: loss, gradient, update."""
        positions = self.points.at(self.controls["noise"])
        batch = self.rng.sample(range(len(self.points)), self.batch_size)
        loss = self.loss([positions[i] for i in batch], [self.points.labels[i] for i in batch])
        self.optimizer.zero_grad()
        loss.backward()
        grad_norm = math.hypot(*(p.grad for p in self.model.parameters))
        self.optimizer.lr = self.controls["lr"]
        self.optimizer.step()
        return {"loss": loss.data, "grad_norm": grad_norm, "tokens": self.batch_size}

    def score(self, position: Sequence[float]) -> Value:
        """What the net says of one place: class +1 when positive, surer the larger."""
        return self.model(position)[0]

    def loss(self, positions: Sequence[tuple[float, float]], labels: Sequence[int]) -> Value:
        """The mean logistic loss of the net on some points."""
        total = Value(0.0)
        for position, label in zip(positions, labels, strict=True):
            total = total + (1 + (-label * self.score(position)).exp()).log()
        return total / len(labels)

    def accuracy(self, points: Points | None = None) -> float:
        """The share of points on the right side of the boundary, at the present noise."""
        points = points or self.points
        with self.lock:
            scores = [self.score(position) for position in points.at(self.controls["noise"])]
        return sum((score.data > 0) == (label > 0) for score, label in zip(scores, points.labels, strict=True)) / len(
            points
        )

    def get_state(self) -> dict[str, Any]:
        """Sizes, weights and the state of the batch order."""
        version, numbers, gauss = self.rng.getstate()
        return {
            "sizes": self.model.sizes,
            "weights": self.model.get_weights(),
            "rng": [version, list(numbers), gauss],
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Put back what `get_state` gave."""
        model = MLP(state["sizes"])
        if model.sizes[0] != 2 or model.sizes[-1] != 1:
            raise ValueError(f"expected a net from 2 inputs to 1 output, got sizes {model.sizes}")
        model.set_weights(state["weights"])
        rng = random.Random()
        version, numbers, gauss = state["rng"]
        rng.setstate((version, tuple(numbers), gauss))
        self.model, self.rng = model, rng
        self.optimizer = SGD(model.parameters)
