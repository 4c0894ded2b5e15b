"""Why does this model not learn? What is wrong with a run, the cause before its consequences.

print(diagnose(agent.run))
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from labkit.training import Diverged, ScalarGPTRun

from .findings import (
    EARLY,
    LEARNING,
    Finding,
    Kind,
    dead,
    exploding,
    learned,
    learning_rate_too_high,
    no_progress,
    not_finite,
    vanishing,
)
from .measure import Measurements, measurements

__all__ = ["Diagnosis", "Finding", "Kind", "Measurements", "Verdict", "diagnose", "measurements"]

Verdict = Kind | Literal["healthy", "too_early"]


@dataclass(frozen=True)
class Diagnosis:
    """What is wrong, the likeliest cause first.

    Attributes:
        findings: none for a healthy run.
        steps: training steps done.
        loss: of the probe, in nats.
        too_early: nothing was found, and the run is too young to say that it learns.
    """

    findings: tuple[Finding, ...]
    steps: int
    loss: float
    too_early: bool

    @property
    def kind(self) -> Verdict:
        """The first finding's kind, else "too_early" or "healthy"."""
        if self.findings:
            return self.findings[0].kind
        return "too_early" if self.too_early else "healthy"

    @property
    def healthy(self) -> bool:
        """Whether nothing was found and there was enough to look at."""
        return self.kind == "healthy"

    def __str__(self) -> str:
        at = f"step {self.steps}, loss {self.loss:.4g} nats"
        if self.findings:
            return "\n".join([f"{at}:", *(f"  {n}. {finding}" for n, finding in enumerate(self.findings, start=1))])
        if self.too_early:
            return f"{at}: too early to say whether it learns; nothing is wrong so far. Train for {LEARNING} steps."
        return f"{at}: healthy"


def diagnose(
    run: ScalarGPTRun, documents: Sequence[Sequence[int]] | None = None, error: Diverged | None = None
) -> Diagnosis:
    """What is wrong with a run, measured by a probe that leaves it as it was (see `measurements`).

    Args:
        run: an agent's `run`, or any `ScalarGPTRun`; it may be training in a thread.
        documents: the probe; some of the run's own when left out.
        error: what training raised, where the caller has it.

    Raises:
        ValueError: for an empty probe, or a document in it that the model cannot read.
    """
    m = measurements(run, documents)
    causes = (learning_rate_too_high(m), not_finite(m, error), exploding(m), dead(m), vanishing(m))
    found = [finding for finding in causes if finding is not None]
    stuck = no_progress(m)
    if stuck is not None and all(finding.severity == "warning" for finding in found):  # else it is explained
        found.append(stuck)
    early = not found and (m.steps < EARLY or (m.steps < LEARNING and not learned(m)))
    return Diagnosis(tuple(found), m.steps, m.probe_loss, early)
