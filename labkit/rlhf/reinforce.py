"""REINFORCE (Williams 1992): make each text likelier by how much better it was than usual.

The gradient of the objective J(π) = E[r] − β KL(π‖μ) is an expectation over texts y of the policy,

    ∇J = E[ (R(y) − b) · ∇ log π(y) ],    R(y) = r(y) − β · (log π(y) − log μ(y)),

for any baseline b that does not depend on y: the mean of ∇ log π is 0. Texts drawn from π estimate it; the baseline
does not move the estimate's mean, it calms it. At the optimum R is the same for every text, β log Z, so with a good
baseline nothing is left to push: the estimate has no noise there.
"""

from typing import Any

from torch import Tensor

from .policy import Policy
from .run import Measure, OnlineRun, PolicyConfig, Reward, Rollout


def penalised(rollout: Rollout, beta: float) -> Tensor:
    """The rewards with the KL's share taken off, R [n]."""
    return rollout.rewards - beta * rollout.log_ratio


def policy_gradient_loss(log_probs: Tensor, advantages: Tensor) -> Tensor:
    """A number whose gradient is minus the estimate of ∇J.

    Args:
        log_probs: of the tokens, [n, time], 0 where none was written; with gradients.
        advantages: of the texts, [n]; taken as numbers: no gradient passes.
    """
    return -(advantages.detach() * log_probs.sum(1)).mean()


class ReinforceRun(OnlineRun):
    """REINFORCE with a baseline: the mean of R over earlier steps, decayed.

    Args:
        policy: where to begin.
        reward: what a text is worth.
        config: how.
        measure: see `PolicyRun`.
        decay: of the baseline, per step; None: no baseline at all.

    Attributes:
        baseline: what R has been of late.
    """

    def __init__(
        self,
        policy: Policy,
        reward: Reward,
        config: PolicyConfig,
        measure: Measure | None = None,
        decay: float | None = 0.8,
    ) -> None:
        if decay is not None and not 0 <= decay < 1:
            raise ValueError(f"the baseline's decay must be at least 0 and below 1, or None, got {decay!r}")
        self.decay = decay
        super().__init__(policy, reward, config, measure, group=1)

    def settings(self) -> dict[str, Any]:
        """The decay too."""
        return super().settings() | {"decay": self.decay}

    def build(self) -> None:
        """A fresh run, with no baseline yet."""
        super().build()
        self.baseline: float | None = None

    def improve(self, rollout: Rollout) -> tuple[float, float]:
        """One update."""
        returns = penalised(rollout, self.controls["beta"])
        mean = float(returns.mean())
        # Before anything is known of earlier steps, the first batch's own mean stands in for them.
        baseline = mean if self.baseline is None else self.baseline
        advantages = returns - (0.0 if self.decay is None else baseline)
        loss = policy_gradient_loss(self.policy.log_probs(rollout.samples), advantages)
        norm = self.update(loss)
        if self.decay is not None:
            self.baseline = self.decay * baseline + (1 - self.decay) * mean
        return float(loss.detach()), norm

    def get_state(self) -> dict[str, Any]:
        """The baseline too."""
        return super().get_state() | {"baseline": self.baseline}

    def set_state(self, state: dict[str, Any]) -> None:
        """The baseline too."""
        baseline = state["baseline"]
        super().set_state(state)
        self.baseline = None if baseline is None else float(baseline)
