"""REINFORCE leave-one-out: the baseline of a text is what the others of its group earned."""

from torch import Tensor

from .policy import Policy
from .reinforce import penalised, policy_gradient_loss
from .run import Measure, OnlineRun, PolicyConfig, Reward, Rollout


class RLOORun(OnlineRun):
    """REINFORCE leave-one-out (Kool et al. 2019; Ahmadian et al. 2024): the baseline of a text is the mean of R over
    the others of its group. Nothing is remembered and nothing learned, and the estimate stays unbiased.

    Args:
        policy: where to begin.
        reward: what a text is worth.
        config: how.
        measure: see `PolicyRun`.
        group: texts per prompt, 2 or more; None: all texts of a step.
    """

    def __init__(
        self,
        policy: Policy,
        reward: Reward,
        config: PolicyConfig,
        measure: Measure | None = None,
        group: int | None = None,
    ) -> None:
        super().__init__(policy, reward, config, measure, group)
        if self.group < 2:
            raise ValueError("leave-one-out needs groups of 2 or more texts for a prompt, got 1")

    def improve(self, rollout: Rollout) -> tuple[float, float]:
        """One update."""
        returns = penalised(rollout, self.controls["beta"])
        advantages = rloo_advantages(returns.view(-1, rollout.group)).flatten()
        loss = policy_gradient_loss(self.policy.log_probs(rollout.samples), advantages)
        return float(loss.detach()), self.update(loss)


def rloo_advantages(rewards: Tensor) -> Tensor:
    """Each reward less the mean of the others in its group.

    >>> import torch
    >>> rloo_advantages(torch.tensor([[1.0, 2.0, 6.0]]))
    tensor([[-3.0000, -1.5000,  4.5000]])

    Args:
        rewards: [groups, n].

    Raises:
        ValueError: for groups of one: there is nothing to compare with.
    """
    n = rewards.shape[-1]
    if rewards.ndim != 2 or n < 2:
        raise ValueError(f"leave-one-out needs [groups, 2 or more] rewards, got {list(rewards.shape)}")
    others = (rewards.sum(-1, keepdim=True) - rewards) / (n - 1)
    return (rewards - others).detach()
