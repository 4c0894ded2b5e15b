"""Whether a model's probabilities can be believed: of what it calls 80 % likely, 80 % should be so.

The measures are the reliability diagram and the expected calibration error (Naeini et al. 2015), the cure is one
number, a temperature fitted on validation data (Guo et al. 2017): it changes no ranking and no accuracy.
"""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

WIDEST = 1000.0
"""A fitted temperature lies within this factor of the logits' own spread, on either side."""
CLOSE_ENOUGH = 1e-12
"""A step of the logarithm of the temperature below which it is found."""

Numbers = Sequence[float] | np.ndarray | Tensor


@dataclass(frozen=True, slots=True)
class Bin:
    """The answers whose confidence was in one range.

    Attributes:
        low: where the range begins; the lowest bin has its own beginning too, the others do not.
        high: where it ends, which belongs to it.
        n: how many answers.
        confidence: their mean.
        accuracy: the share of them that was right.
    """

    low: float
    high: float
    n: int
    confidence: float
    accuracy: float

    @property
    def gap(self) -> float:
        """Accuracy less confidence: below 0 where the model is too sure of itself."""
        return self.accuracy - self.confidence


def reliability(confidence: Numbers, correct: Numbers, n_bins: int = 10) -> list[Bin]:
    """Answers sorted by confidence into bins of equal width; bins without an answer are left out.

    Args:
        confidence: the probability that each answer was given, 0 … 1, [n].
        correct: whether it was right, [n]: 1 or True, 0 or False, or between them where it was partly so (a tie: ½).
        n_bins: into how many ranges 0 … 1 is cut.

    Raises:
        ValueError: for no answers, as many of one as not of the other, or numbers outside 0 … 1.
    """
    if isinstance(n_bins, bool) or not isinstance(n_bins, int) or n_bins < 1:
        raise ValueError(f"reliability: n_bins is a whole number of at least 1, got {n_bins!r}")
    sure, right = (_shares(name, numbers) for name, numbers in (("confidence", confidence), ("correct", correct)))
    if not len(sure) or sure.shape != right.shape:
        raise ValueError(
            f"reliability: as many confidences as answers, and at least one: {len(sure):,} and {len(right):,}"
        )
    edges = np.arange(n_bins + 1) / n_bins
    number = np.maximum(np.searchsorted(edges, sure, side="left") - 1, 0)  # a bin has its upper edge, as in the paper
    return [
        Bin(float(edges[i]), float(edges[i + 1]), int(own.sum()), float(sure[own].mean()), float(right[own].mean()))
        for i in np.unique(number)
        for own in [number == i]
    ]


def expected_calibration_error(bins: Sequence[Bin]) -> float:
    """Σ n_b / n · |accuracy_b − confidence_b| over bins, 0 … 1 (Naeini et al. 2015; Guo et al. 2017, equation 3).

    It depends on the bins: say how many there were. With few answers a bin it is above 0 for a perfect model too.

    Args:
        bins: of `reliability`.

    Raises:
        ValueError: for no bins.
    """
    if not bins:
        raise ValueError("expected_calibration_error: there are no bins; `reliability` makes them")
    return sum(bin.n * abs(bin.gap) for bin in bins) / sum(bin.n for bin in bins)


def fit_temperature(logits: Tensor, targets: Tensor) -> float:
    """The temperature T at which softmax(logits / T) gives the targets the most likelihood (Guo et al. 2017).

    In 1 / T the loss is convex, so there is one optimum; it is found by Newton's steps on log T between bounds, with a
    bisection where a step would leave them.

    Where every target has the highest logit the optimum is T → 0; where logits say no more of the targets than chance,
    or the contrary, it is T → ∞. Then the bound is returned, a factor of `WIDEST` from the spread of the logits, and a
    warning says so.

    Args:
        logits: of validation data, [n, classes]; or [n], where sigmoid(logit) is the probability of "yes".
        targets: [n]: the classes; for "yes" and "no" 1 and 0, or a number between them (a tie: ½).

    Returns:
        T, above 0: more than 1 where the model was too sure of itself.

    Raises:
        ValueError: for no data, shapes or classes that do not fit, numbers that are not finite, or logits that are all
            equal: every temperature does as well then.
    """
    rows, wanted = _centred(logits, targets)
    spread = float(rows.square().mean().sqrt())
    if spread == 0:
        raise ValueError("fit_temperature: in each row all logits are equal, so that the temperature changes nothing")
    rows, wanted = rows / spread, wanted / spread
    low, high = -math.log(WIDEST), math.log(WIDEST)  # of u = log(spread / T)
    if _slope(rows, wanted, low)[0] >= 0:
        return _bounded(spread, low, "the logits know no more of the targets than chance: the best one is infinite")
    if _slope(rows, wanted, high)[0] <= 0:
        return _bounded(spread, high, "every target has the highest logit: the best one is 0")
    u = 0.0
    for _ in range(200):  # bisections alone would need 44
        slope, curvature = _slope(rows, wanted, u)
        low, high = (low, u) if slope > 0 else (u, high)
        new = u - slope / curvature if curvature > 0 else math.inf
        if not low < new < high:
            new = (low + high) / 2
        step, u = abs(new - u), new
        if step < CLOSE_ENOUGH:
            break
    return spread / math.exp(u)


def _bounded(spread: float, u: float, why: str) -> float:
    """The temperature at a bound, with a warning."""
    found = spread / math.exp(u)
    warnings.warn(f"fit_temperature: {why}; it is bounded at {found:.3g}. More data may settle it", stacklevel=3)
    return found


def _slope(rows: Tensor, wanted: Tensor, u: float) -> tuple[float, float]:
    """Of the loss in a = exp(u) = 1 / T: its derivative, and how fast that changes with u."""
    a = math.exp(u)
    chances = (a * rows).softmax(1)
    mean = (chances * rows).sum(1)
    variance = (chances * (rows - mean[:, None]).square()).sum(1)
    return float((mean - wanted).mean()), float(a * variance.mean())


def _centred(logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Logits [n, classes], each row's mean at 0, and the logit that each target has on average, [n]; in float64."""
    n = len(logits) if logits.ndim else 0
    if not n or logits.ndim > 2 or targets.shape != (n,):
        raise ValueError(
            "fit_temperature: logits of [n, classes] or [n] with targets [n] and n of at least 1, got "
            f"{list(logits.shape)} and {list(targets.shape)}"
        )
    rows, wanted = logits.detach().double().cpu(), targets.detach().cpu()
    for what, numbers in (("logits", rows), ("targets", wanted)):
        if bad := int((~torch.isfinite(numbers)).sum()):
            raise ValueError(f"fit_temperature: {bad} of the {what} are not finite")
    if rows.ndim == 1:
        yes = torch.from_numpy(_shares("targets", wanted))
        rows = torch.stack((-rows / 2, rows / 2), 1)
        return rows, (2 * yes - 1) * rows[:, 1]
    rows = rows - rows.mean(1, keepdim=True)
    if wanted.is_floating_point() or wanted.min() < 0 or wanted.max() >= rows.shape[1]:
        raise ValueError(f"fit_temperature: targets are whole numbers, 0 … {rows.shape[1] - 1}, the classes")
    return rows, rows.gather(1, wanted.long()[:, None])[:, 0]


def _shares(what: str, numbers: Numbers) -> np.ndarray:
    """As float64 [n].

    Raises:
        ValueError: for numbers outside 0 … 1, or another shape.
    """
    found = np.asarray(numbers.detach().cpu() if isinstance(numbers, Tensor) else numbers, dtype=np.float64)
    if found.ndim != 1:
        raise ValueError(f"{what}: one number for each answer, [n], got the shape {list(found.shape)}")
    if bad := int((~((found >= 0) & (found <= 1))).sum()):
        raise ValueError(f"{what}: numbers are 0 … 1; {bad} of {len(found):,} are not")
    return found
