"""A small neural network made of Values, and the optimiser step that trains it."""

import random
from collections.abc import Sequence
from itertools import pairwise

from .value import Number, Value


class MLP:
    """A multi-layer perceptron: layers of tanh neurons, the last layer linear.

    Args:
        sizes: the width of every layer, the input's first: `[2, 8, 8, 1]` is 105 parameters.
        seed: seeds the weights, uniform within ±sqrt(3/fan_in) (unit gain, LeCun et al. 1998).
    """

    def __init__(self, sizes: Sequence[int], seed: int = 0) -> None:
        if len(sizes) < 2 or any(size < 1 for size in sizes):
            raise ValueError(f"MLP: sizes must be two or more positive widths, got {list(sizes)}")
        rng = random.Random(seed)
        self.sizes = list(sizes)
        # layers[l][j] is neuron j: its weights, one per input, then its bias.
        self.layers: list[list[list[Value]]] = []
        for fan_in, width in pairwise(sizes):
            bound = (3 / fan_in) ** 0.5
            self.layers.append(
                [[Value(rng.uniform(-bound, bound)) for _ in range(fan_in)] + [Value(0.0)] for _ in range(width)]
            )
        self.parameters: list[Value] = [p for layer in self.layers for neuron in layer for p in neuron]

    def __call__(self, inputs: Sequence[Number]) -> list[Value]:
        """The outputs for one point: a list as wide as the last layer."""
        if len(inputs) != self.sizes[0]:
            raise ValueError(f"MLP: expected {self.sizes[0]} inputs, got {len(inputs)}")
        values: Sequence[Number] = inputs
        outputs: list[Value] = []
        for depth, layer in enumerate(self.layers, start=1):
            outputs = []
            for *weights, bias in layer:
                total = bias
                for weight, x in zip(weights, values, strict=True):
                    total = total + weight * x
                outputs.append(total if depth == len(self.layers) else total.tanh())
            values = outputs
        return outputs

    def get_weights(self) -> list[float]:
        """Every parameter as a number: layer by layer, neuron by neuron, weights then bias."""
        return [p.data for p in self.parameters]

    def set_weights(self, weights: Sequence[float]) -> None:
        """Put back what `get_weights` gave."""
        if len(weights) != len(self.parameters):
            raise ValueError(f"MLP {self.sizes}: expected {len(self.parameters)} weights, got {len(weights)}")
        for parameter, weight in zip(self.parameters, weights, strict=True):
            parameter.data = float(weight)


class SGD:
    """Stochastic gradient descent: every parameter moves against its gradient.

    Args:
        parameters: the leaves to move.
        lr: the learning rate; may be changed between steps.
    """

    def __init__(self, parameters: Sequence[Value], lr: float = 0.1) -> None:
        self.parameters = list(parameters)
        self.lr = lr

    def zero_grad(self) -> None:
        """Set every gradient to 0; without this, `backward` adds to the last step's."""
        for p in self.parameters:
            p.grad = 0.0

    def step(self) -> None:
        """Move every parameter: p ← p - lr · dp."""
        for p in self.parameters:
            p.data -= self.lr * p.grad
