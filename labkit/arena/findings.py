"""The rules of `diagnose`: what a run's measurements must look like for each thing that can be wrong.

Every threshold lies in a gap that was measured on names, between healthy runs (width 4 … 24, 1 … 4
layers, learning rate 0.005 … 0.03, 0 … 300 steps) and sick ones (learning rate 0.1 … 100, weights
scaled, units silenced); `tests/arena/test_diagnose.py` holds a table of both.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import fmean, median, stdev
from typing import Literal

from labkit.scalar.gpt import DECAY_STEPS, INIT_STD
from labkit.training import Diverged

from .measure import Measurements

Kind = Literal[
    "learning_rate_too_high",
    "not_finite",
    "exploding_gradients",
    "dead_neurons",
    "vanishing_gradients",
    "learning_rate_too_low",
    "no_progress",
]
EARLY, LEARNING, TRAINED = 20, 50, 100
"""Steps: before the first no loss is judged (healthy probes at step 20: 2.7 … 3.25 nats); at the second every
healthy run is below guessing (2.6 … 2.9 of 3.30), at the third below knowing the letters (2.4 … 2.7 of 2.82)."""
BELOW_GUESSING = 0.1
"""Nats below log(vocab_size) that count as having learned something: fresh models lie 0.04 below to 0.13 above."""
ABOVE_GUESSING = 1.0
"""Nats above it that no fresh model has and no healthy training leads to: learning rate 0.1 gives 3 … 250, 10 gives
10⁷."""
LARGEST_SHARE = 1.0
"""An update as large as the weights. Adam's first update is lr per weight of about 0.08: 0.1 to 0.4 at 0.01 … 0.03
(healthy), 1.25 at 0.1 (sick), 125 at 10. After that the weights have grown, and the share alone says little: at
learning rate 10 it is 0.03 again by step 100."""
GROWTH = 2.5
"""How much larger the weights may be than at the start without having learned anything: healthy runs of 300 steps
reach 2.2 and have; learning rate 0.1 reaches 4.7 in 20 steps, 10 reaches 450."""
LARGEST_GRADIENT = 20.0
"""Norm for one name: 1 … 6 in healthy models (13.6 at most in training), 100 … 10⁶ with weights scaled by 10 or 100."""
SMALLEST_GRADIENT = 1e-7
"""Per weight. Adam divides by √v + 1e-8, so at 1e-8 it no longer takes full steps; healthy matrices have 8e-6 and
more (attention at step 0), vanishing ones 1e-9 … 0."""
MANY_DEAD = 0.75
"""Of a layer: 0 … 0.44 in healthy models, 0.84 … 1 in sick ones (silenced, or learning rate 0.03 and more too long)."""
SMALLEST_RATIO = 1e-3
"""Update to weight (Karpathy's rule of thumb): 1e-2 … 5e-2 at learning rate 0.01, 4e-4 at 0.0001, where 100 steps
gain nothing."""
ADAM_BOUND = 1.5
"""One step of Adam moves a weight by at most lr (1 - β₁) / √(1 - β₂) = 1.5 lr (Kingma & Ba 2015, section 2.1)."""
LEARNS_WELL = 0.01
"""A learning rate with which names are learned."""
DECAYED = 0.1
"""The share of the learning rate that is left after 4,500 steps."""
WINDOW, WORSENING = 50, 0.3
"""One name a step makes losses scatter by 0.4 nats: means of 50 scatter by 0.06."""
ANOTHER_MODEL = 0.5
"""Nats between a probe and the mean of the last steps: 0.2 at most in training."""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        kind: which.
        severity: "critical" (it will not learn like this) or "warning" (it learns worse than it could).
        evidence: the numbers that show it, in a sentence.
        numbers: the same by name.
        remedy: what to do.
    """

    kind: Kind
    severity: Literal["critical", "warning"]
    evidence: str
    numbers: dict[str, float]
    remedy: str

    def __str__(self) -> str:
        return f"{self.kind.replace('_', ' ')} ({self.severity}): {self.evidence}\n    {self.remedy}"


def learning_rate_too_high(m: Measurements) -> Finding | None:
    """The next update is as large as the weights, or training itself has made the model worse than guessing."""
    shares = _finite(x.update_share for x in m.matrices.values())
    share = median(shares) if shares else math.nan
    growths = [x.weight_rms / INIT_STD for x in m.matrices.values()]
    growth = median(growths)
    steps_lr = [s.lr * max(0.0, 1 - (s.step - 1) / max(s.step, DECAY_STEPS)) for s in m.history]
    # Only weights that training can have made: scaled ones lie out of Adam's reach.
    sound = all(map(math.isfinite, growths))
    by_training = bool(m.history) and sound and max(growths) <= 2 + ADAM_BOUND * sum(steps_lr) / INIT_STD
    began_sound = bool(m.history) and m.history[0].loss < m.guess_loss + ABOVE_GUESSING
    worse = not m.probe_loss <= m.guess_loss + ABOVE_GUESSING
    wandering = m.steps >= EARLY and not learned(m) and growth > GROWTH
    numbers = {"update_share": share, "growth": growth, "probe_loss": m.probe_loss, "guess_loss": m.guess_loss}
    highest = max((s.lr for s in m.history), default=m.lr)
    if by_training and began_sound and (worse or wandering):
        evidence = (
            f"at learning rates up to {highest:g} the weights grew to {growth:.3g} times their first size, and the "
            f"loss is {m.probe_loss:.4g} nats (guessing: {m.guess_loss:.3g})"
        )
        remedy = f"Start again with a fresh model and a learning rate of {min(0.01, highest / 10):g} or so."
    elif share > LARGEST_SHARE:
        evidence = f"at learning rate {m.lr:g} the next update is {share:.3g} times as large as the weights"
        remedy = f"Lower the learning rate to {min(0.01, m.lr / share / 10):.1g} or so, before the next step."
    else:
        return None
    return Finding("learning_rate_too_high", "critical", evidence, numbers | {"lr": highest}, remedy)


def not_finite(m: Measurements, error: Diverged | None) -> Finding | None:
    """Weights or losses that are no numbers, or a run that had to go back."""
    broken = [name for name, x in m.matrices.items() if not math.isfinite(x.weight_rms)]
    lost = [s.step for s in m.history if not math.isfinite(s.loss)]
    numbers = {"probe_loss": m.probe_loss, "matrices": float(len(broken)), "steps": float(len(lost))}
    again = "Start again with a fresh model."
    if broken:
        evidence, remedy = f"{', '.join(broken)}: weights that are not finite numbers", again
    elif not math.isfinite(m.probe_loss):
        evidence, remedy = "the loss of the probe cannot be computed: numbers on the way to it overflow", again
    elif not all(math.isfinite(x.update_rms) for x in m.matrices.values()):
        evidence, remedy = "the next update is not finite: numbers on the way to the gradient overflow", again
    elif lost:
        evidence, remedy = f"the loss of step {lost[0]} was not finite", again
    elif error is not None or m.behind:
        evidence = f"training diverged: {error}" if error else "training diverged, and the last sound model came back"
        remedy = f"Lower the learning rate (now {m.lr:g}) tenfold and go on, or start again with a fresh model."
    else:
        return None
    return Finding("not_finite", "critical", evidence, numbers, remedy)


def exploding(m: Measurements) -> Finding | None:
    """The gradient of the middle one of the names is far larger than in any healthy model."""
    norms = _finite(m.document_norms)
    norm = median(norms) if norms else math.nan
    if not norm > LARGEST_GRADIENT:
        return None
    name, largest = max(m.matrices.items(), key=lambda item: item[1].gradient_norm)
    size = max(x.weight_rms / INIT_STD for x in m.matrices.values())
    return Finding(
        "exploding_gradients",
        "critical",
        f"the gradient of one name has norm {norm:.3g} (a healthy one 1 to 6), most of it in {name} "
        f"({largest.gradient_norm:.3g}); the largest weights are {size:.3g} times those of a fresh model",
        {"document_norm": norm, "largest": largest.gradient_norm, "growth": size},
        "The weights are too large: start again with a fresh model (weights of 0.08).",
    )


def dead(m: Measurements) -> Finding | None:
    """Most units of a layer are zero whatever the input."""
    worst = max(m.dead, key=lambda layer: m.dead[layer])
    if m.dead[worst] < MANY_DEAD or not math.isfinite(m.probe_loss):
        return None
    shares = ", ".join(f"layer {layer}: {share:.0%}" for layer, share in m.dead.items())
    return Finding(
        "dead_neurons",
        "critical" if m.dead[worst] > 0.99 else "warning",
        f"MLP units that stay at zero for all of {m.documents} names, and so get no gradient: {shares}",
        {f"layer{layer}": share for layer, share in m.dead.items()},
        "They rarely come back: start again with a fresh model, and a lower learning rate if training silenced them.",
    )


def vanishing(m: Measurements) -> Finding | None:
    """Matrices whose gradient is too small for Adam to follow, where dead units do not explain it."""
    silenced = {f"layer{n}.mlp_{fc}" for n, share in m.dead.items() if share >= MANY_DEAD for fc in ("fc1", "fc2")}
    judged = {name: x for name, x in m.matrices.items() if name not in silenced}  # dead units explain those
    small = {name: x.gradient_rms for name, x in judged.items() if x.gradient_rms < SMALLEST_GRADIENT}
    if not small:
        return None
    zeros = [name for name, x in m.matrices.items() if x.weight_rms == 0]
    name = min(small, key=lambda n: small[n])
    evidence = (
        f"{len(small)} of {len(m.matrices)} matrices get a gradient below {SMALLEST_GRADIENT:g} per weight, "
        f"{name} {small[name]:.1e}; the largest is {max(x.gradient_rms for x in m.matrices.values()):.1e}"
    )
    remedy = "The weights on the way are too small, or attention is saturated: start again with a fresh model."
    if zeros:
        evidence += f". Only zeros in {', '.join(zeros)}: nothing passes through"
        remedy = f"Give {', '.join(zeros)} small random weights; where only one is zero, a step may do it."
    return Finding("vanishing_gradients", "warning" if zeros else "critical", evidence, small, remedy)


def no_progress(m: Measurements) -> Finding | None:
    """The loss is where guessing is, or where letter counts are, or rises again."""
    if m.steps < LEARNING or not math.isfinite(m.probe_loss):
        return None
    ratio = median(_finite(x.update_ratio for x in m.matrices.values()) or [math.nan])
    recent = [s.loss for s in m.history[-WINDOW:]]
    numbers = {
        "probe_loss": m.probe_loss,
        "window_loss": fmean(recent),
        "guess_loss": m.guess_loss,
        "letters_loss": m.letters_loss,
        "update_ratio": ratio,
    }
    guessing = m.probe_loss > m.guess_loss - BELOW_GUESSING
    if not learned(m):
        known = "guessing" if guessing else "knowing how often each letter comes"
        reference = m.guess_loss if guessing else m.letters_loss
        evidence = (
            f"after {m.steps} steps the loss is {m.probe_loss:.3g} nats ({fmean(recent):.3g} on average over the last "
            f"{len(recent)} steps); {known} gives {reference:.3g}"
        )
    elif (best := _risen(m)) is not None:
        evidence = f"the last {WINDOW} steps cost {fmean(recent):.3g} nats on average, {WINDOW} earlier ones {best:.3g}"
        remedy = "Lower the learning rate, or go back to the better model."
        return Finding("no_progress", "warning", evidence, numbers | {"best_window": best}, remedy)
    else:
        return None
    severity: Literal["critical", "warning"] = "critical" if guessing else "warning"
    left = rate_left(m.steps)
    if ratio < SMALLEST_RATIO and (left < DECAYED or m.lr < LEARNS_WELL):
        evidence += f", and an update is {ratio:.1e} of the weights at learning rate {m.lr:g}"
        remedy = f"Raise the learning rate to {min(LEARNS_WELL, m.lr * 100):g} or so."
        if left < DECAYED:
            evidence += f", of which {left:.1g} is left"
            remedy = (
                f"The rate falls with the steps, and after {DECAY_STEPS:,} steps it is almost nothing whatever it was: "
                "start again with a fresh model."
            )
        return Finding("learning_rate_too_low", severity, evidence, numbers, remedy)
    remedy = f"Updates are {ratio:.1e} of the weights: train longer, try another learning rate, or look at the names."
    return Finding("no_progress", severity, evidence, numbers, remedy)


def rate_left(steps: int) -> float:
    """The share of the learning rate that `GameGPT.train_step` uses after so many steps."""
    return 1 - steps / max(steps + 1, DECAY_STEPS)


def learned(m: Measurements) -> bool:
    """Whether the loss is below what the age of the run lets one expect.

    A probe is a moment, and at learning rate 0.03 a moment can be bad (3.2 nats between 2.9 and 2.9):
    the mean of the last steps may stand in for it, unless the model has become another one since.
    """
    limit = m.guess_loss - BELOW_GUESSING
    if m.steps >= TRAINED:
        limit = min(limit, m.letters_loss)
    if m.probe_loss < limit:
        return True
    recent = fmean(s.loss for s in m.history[-WINDOW:]) if m.history else math.inf
    return recent < limit and m.probe_loss < recent + ANOTHER_MODEL


def _risen(m: Measurements) -> float | None:
    """The best earlier window's mean, when the last window is worse by far more than chance."""
    losses = [s.loss for s in m.history]
    windows = [losses[end - WINDOW : end] for end in range(len(losses), WINDOW - 1, -WINDOW)]
    if len(windows) < 2:
        return None
    last, best = windows[0], min(windows[1:], key=fmean)
    error = math.hypot(stdev(last), stdev(best)) / math.sqrt(WINDOW)
    return fmean(best) if fmean(last) - fmean(best) > max(WORSENING, 4 * error) else None


def _finite(numbers: Iterable[float]) -> list[float]:
    return [x for x in numbers if math.isfinite(x)]
