"""The scalar engine: a network's forward and backward pass, against micrograd where a checkout is there."""

import importlib.util
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from labkit.scalar import MLP, Value

from .timing import cpu_seconds, ratio

SIZES = [2, 8, 8, 1]


def points(n: int = 32) -> list[tuple[float, float]]:
    """Some positions, the same at every call."""
    rng = random.Random(0)
    return [(rng.uniform(-1, 1), rng.uniform(-1, 1)) for _ in range(n)]


def pass_through(value: type, weights: Sequence[Sequence[Sequence[Any]]]) -> Any:
    """Loss and gradients of a tanh net over 32 points, with either engine's Value; returns the loss."""
    total = value(0.0)
    for position in points():
        layer: list[Any] = list(position)
        for depth, neurons in enumerate(weights, start=1):
            sums = []
            for neuron in neurons:
                out = neuron[-1]
                for weight, x in zip(neuron[:-1], layer, strict=True):
                    out = out + weight * x
                # relu is in both engines; tanh is in ours only
                sums.append(out if depth == len(weights) else out.relu())
            layer = sums
        total = total + layer[0] * layer[0]
    total.backward()
    return total


def measure(peers: Path | None) -> dict[str, float]:
    """Milliseconds of our pass, and how many times as long micrograd's takes on the same work."""
    numbers = [[[p.data for p in neuron] for neuron in layer] for layer in MLP(SIZES).layers]

    def build(value: type) -> list[list[list[Any]]]:
        return [[[value(x) for x in neuron] for neuron in layer] for layer in numbers]

    ours = build(Value)
    seconds = min(cpu_seconds(lambda: pass_through(Value, ours)) for _ in range(7))
    figures = {"forward and backward, 105 parameters, 32 points (ms)": 1000 * seconds}
    engine_file = peers / "micrograd" / "micrograd" / "engine.py" if peers else None
    if engine_file and engine_file.is_file():
        spec = importlib.util.spec_from_file_location("micrograd_engine", engine_file)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        theirs = build(module.Value)
        same = abs(pass_through(Value, build(Value)).data - pass_through(module.Value, build(module.Value)).data) < 1e-9
        if not same:
            raise AssertionError("the two engines give different losses on the same net")
        figures["micrograd's time over ours, equal losses"] = ratio(
            lambda: pass_through(module.Value, theirs), lambda: pass_through(Value, ours)
        )
    return figures
