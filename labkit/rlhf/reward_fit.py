"""How good a reward model is on comparisons that it has not seen, and whether it only measures length."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from .calibration import Bin, expected_calibration_error, reliability
from .preferences import Comparison
from .reward_model import bradley_terry_loss
from .reward_run import TARGETS, agreed, answered


class Scorer(Protocol):
    """A `RewardModel`, a `RewardEnsemble`, or whatever else scores texts."""

    def score(self, texts: Sequence[str]) -> Tensor:
        """Rewards, [texts]."""
        ...


@dataclass(frozen=True)
class Fit:
    """What held-out comparisons say of a reward model.

    Attributes:
        n: how many comparisons.
        ties: how many of them are ties.
        skipped: how many more were skipped.
        accuracy: the share of pairs whose preferred text has the higher score, ties left out; ½ is chance.
        log_likelihood: the mean log-probability of an answer, in nats, a tie as half of each; -log 2 is chance.
        bins: of how sure the model was of the text that it prefers, ½ … 1, and how often the labels agreed (a tie: ½).
        ece: the expected calibration error over these.
        pearson: correlation of score and length of a sample in characters; nan where either does not vary.
        spearman: the same of their ranks.
        longer_model: the share of pairs of different length in which the model prefers the longer; nan without such.
        longer_labels: the share in which the labels do.
    """

    n: int
    ties: int
    skipped: int
    accuracy: float
    log_likelihood: float
    bins: list[Bin]
    ece: float
    pearson: float
    spearman: float
    longer_model: float
    longer_labels: float

    @property
    def length_bias(self) -> float:
        """How much more often the model prefers the longer text than the labels do, -1 … 1."""
        return self.longer_model - self.longer_labels


def margins(model: Scorer, comparisons: Iterable[Comparison]) -> tuple[Tensor, Tensor]:
    """r_a - r_b and the targets, 1 where a was preferred, 0 for b, ½ for a tie; two of [n], float64.

    Skipped ones are left out. `fit_temperature` takes both.
    """
    kept = answered(comparisons)
    scores = _scores(model, kept)
    return scores[:, 0] - scores[:, 1], _targets(kept)


def held_out(model: Scorer, comparisons: Iterable[Comparison], temperature: float = 1.0, n_bins: int = 20) -> Fit:
    """Measure a reward model. Which of two samples is called a makes no difference.

    Args:
        model: what scores texts.
        comparisons: that it was not trained on.
        temperature: divides the scores, see `labkit.rlhf.calibration.fit_temperature`: of other comparisons than these.
        n_bins: into how many bins 0 … 1 is cut; the model's own choice has ½ at least, so half of them stay empty.

    Raises:
        ValueError: if all comparisons were skipped or there are none, or for a temperature not above 0.
    """
    if not 0 < temperature < math.inf:
        raise ValueError(f"held_out: the temperature is a number above 0, got {temperature!r}")
    everything = list(comparisons)
    kept = answered(everything)
    if not kept:
        raise ValueError(f"held_out: no comparison to measure on ({len(everything)} were skipped)")
    scores, targets = _scores(model, kept) / temperature, _targets(kept)
    gap = scores[:, 0] - scores[:, 1]
    sign = gap.sign()
    preferred = torch.where(sign == 0, 0.5, torch.where(sign > 0, targets, 1 - targets))
    bins = reliability(gap.abs().sigmoid(), preferred, n_bins)
    lengths = torch.tensor([[len(each.a), len(each.b)] for each in kept], dtype=torch.float64)
    longer = (lengths[:, 0] - lengths[:, 1]).sign()
    differ = longer != 0
    flat = scores.flatten().numpy(), lengths.flatten().numpy()
    return Fit(
        n=len(kept),
        ties=int((targets == 0.5).sum()),
        skipped=len(everything) - len(kept),
        accuracy=agreed(gap, targets),
        log_likelihood=-float(bradley_terry_loss(scores[:, 0], scores[:, 1], targets)),
        bins=bins,
        ece=expected_calibration_error(bins),
        pearson=_correlation(*flat),
        spearman=_correlation(*map(_ranks, flat)),
        longer_model=float((sign * longer)[differ].add(1).div(2).mean()),
        longer_labels=float(((2 * targets - 1) * longer)[differ].add(1).div(2).mean()),
    )


def _scores(model: Scorer, kept: Sequence[Comparison]) -> Tensor:
    """Of a and b, [n, 2], float64."""
    texts = [each.prompt + sample for each in kept for sample in (each.a, each.b)]
    return model.score(texts).double().reshape(-1, 2)


def _targets(kept: Sequence[Comparison]) -> Tensor:
    return torch.tensor([TARGETS[each.choice] for each in kept], dtype=torch.float64)


def _ranks(values: np.ndarray) -> np.ndarray:
    """1 for the smallest; equal values share the mean of their ranks."""
    _, number, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[number]


def _correlation(x: np.ndarray, y: np.ndarray) -> float:
    """Pearson's; nan where one of them does not vary."""
    if x.min() == x.max() or y.min() == y.max():
        return math.nan
    return float(np.corrcoef(x, y)[0, 1])
