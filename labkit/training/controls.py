"""The knobs of a run: what a slider writes and the next step reads."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Control:
    """One knob: its name, first value, range, and when a change takes effect.

    Attributes:
        name: how the run reads it: `run.controls[name]`.
        value: the value at the start.
        low: the least value allowed.
        high: the greatest value allowed.
        log: whether a slider should move on a logarithmic scale (learning rates).
        integer: whether only whole numbers make sense (a width).
        live: True: the next step reads it. False: it shapes the model, so it waits for a reset.
        label: what a panel shows; the name when empty.
    """

    name: str
    value: float
    low: float
    high: float
    log: bool = False
    integer: bool = False
    live: bool = True
    label: str = ""

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise ValueError(f"control {self.name!r}: low ({self.low}) must be less than high ({self.high})")
        if self.log and self.low <= 0:
            raise ValueError(f"control {self.name!r}: a logarithmic range starts above zero, got low={self.low}")
        self.check(self.value)

    def check(self, value: float) -> float:
        """`value` when it is in range (rounded for an integer control).

        Raises:
            ValueError: if it is not finite or outside [low, high].
        """
        if not (math.isfinite(value) and self.low <= value <= self.high):
            raise ValueError(f"control {self.name!r}: {value} is outside {self.low} … {self.high}")
        return round(value) if self.integer else float(value)


class Controls(Mapping[str, float]):
    """The current values by name; assigning checks the range.

    One number per knob, written whole by one thread and read by another: no lock is needed.
    """

    def __init__(self, controls: Iterable[Control]) -> None:
        self.specs = {control.name: control for control in controls}
        self._values = {name: control.check(control.value) for name, control in self.specs.items()}

    def _spec(self, name: str) -> Control:
        if name not in self.specs:
            raise KeyError(f"no control {name!r}; there are: {', '.join(self.specs) or 'none'}")
        return self.specs[name]

    def __getitem__(self, name: str) -> float:
        self._spec(name)
        return self._values[name]

    def __setitem__(self, name: str, value: float) -> None:
        self._values[name] = self._spec(name).check(value)

    def __iter__(self) -> Iterator[str]:
        return iter(self.specs)

    def __len__(self) -> int:
        return len(self.specs)

    def update(self, values: Mapping[str, float]) -> None:
        """Set several at once: all of them, or none when one is wrong."""
        self._values |= {name: self._spec(name).check(value) for name, value in values.items()}
