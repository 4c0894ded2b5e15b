"""Derivatives by measuring: the referee that every hand-written gradient has to get past.

The central difference (f(x+h) - f(x-h)) / 2h is wrong by about h² f'''/6 plus rounding of about
eps·|f|/h; h near eps^(1/3) ≈ 6e-6 makes the two alike (Press et al., Numerical Recipes, 5.7).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .value import Value

STEP = 6e-6


def numeric_gradient(
    f: Callable[..., Value | float], inputs: Sequence[float], h: float = STEP, indices: Sequence[int] | None = None
) -> list[float]:
    """The gradient of `f` at `inputs` by central differences.

    Args:
        f: takes one Value per input, returns a Value or a number. It is called twice per input.
        inputs: where to differentiate.
        h: the step, scaled by max(1, |x|) for each input.
        indices: which inputs to differentiate (all of them when left out).

    Returns:
        df/dx, one per index.
    """
    if h <= 0:
        raise ValueError(f"numeric_gradient: the step h must be greater than zero, got {h}")

    def at(values: list[float]) -> float:
        result = f(*(Value(x) for x in values))
        return result.data if isinstance(result, Value) else float(result)

    point = [float(x) for x in inputs]
    gradient = []
    for i in range(len(point)) if indices is None else indices:
        step = h * max(1.0, abs(point[i]))
        above, below = point[i] + step, point[i] - step
        high = at([*point[:i], above, *point[i + 1 :]])
        low = at([*point[:i], below, *point[i + 1 :]])
        gradient.append((high - low) / (above - below))  # the step that a float could really take
    return gradient


@dataclass(frozen=True)
class GradCheck:
    """What `gradcheck` found: both gradients, and for which inputs they disagree."""

    analytic: list[float]
    numeric: list[float]
    wrong: list[int]

    @property
    def ok(self) -> bool:
        """Whether every derivative agrees."""
        return not self.wrong

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        lines = ["input     analytic      numeric   agree"]
        for i, (analytic, numeric) in enumerate(zip(self.analytic, self.numeric, strict=True)):
            lines.append(f"{i:>5} {analytic:>12.6g} {numeric:>12.6g}   {'NO' if i in self.wrong else 'yes'}")
        return "\n".join(lines)


def gradcheck(
    f: Callable[..., Value], inputs: Sequence[float], rtol: float = 1e-4, atol: float = 1e-6, h: float = STEP
) -> GradCheck:
    """Compare `f`'s own gradient (by `backward`) with the measured one.

    Two derivatives agree when |analytic - numeric| <= atol + rtol * |numeric|. Right at a kink
    (relu at 0) a central difference straddles both sides and the check has no meaning.

    Args:
        f: takes one Value per input, returns a Value.
        inputs: where to check.
        rtol: relative tolerance.
        atol: absolute tolerance.
        h: the step of the central difference.

    Returns:
        A `GradCheck`, true when everything agrees; print it to see the two side by side.
    """
    leaves = [Value(x) for x in inputs]
    result = f(*leaves)
    if not isinstance(result, Value):
        raise TypeError(f"gradcheck: f must return a Value, got {result!r} ({type(result).__name__})")
    result.backward()
    analytic = [leaf.grad for leaf in leaves]
    numeric = numeric_gradient(f, inputs, h)
    # Written as `not (... <= ...)` so that a nan counts as wrong.
    wrong = [
        i for i, (a, n) in enumerate(zip(analytic, numeric, strict=True)) if not abs(a - n) <= atol + rtol * abs(n)
    ]
    return GradCheck(analytic, numeric, wrong)
