"""GRPO (Shao et al. 2024): PPO's clip without a critic; a text's advantage is its place in its group.

Two choices of the paper bend the gradient (Liu et al. 2025, "Understanding R1-Zero-like training", who leave both out
and call the rest Dr. GRPO). Dividing by the group's standard deviation makes groups whose rewards hardly differ count
as much as others. Dividing each text by its own length makes a token of a short text count more than one of a long
text: a bad long text is punished less than a bad short one.

A third: the KL stands in the loss, token by token, as k3. The gradient of k3 is the one of KL(μ‖π), not KL(π‖μ)
(`labkit.rlhf.estimators`), here of each next token; so as published the method ends elsewhere than at π*. With the KL
in the reward, as in REINFORCE, it ends there.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from .estimators import k3
from .policy import Policy
from .ppo import clipped_loss
from .reinforce import penalised
from .run import Measure, OnlineRun, PolicyConfig, Reward, Rollout

Placement = Literal["reward", "loss"]


@dataclass(frozen=True)
class GRPOConfig(PolicyConfig):
    """More choices, for GRPO. As they stand they are the paper's; `scale=False, per_text=False` is Dr. GRPO.

    Attributes:
        updates: how many updates a rollout is used for.
        clip: see `labkit.rlhf.ppo.clipped_loss`.
        scale: divide a group's advantages by its standard deviation.
        per_text: divide each text's loss by its own length; else all by the longest that a text of the policy can be.
        kl: where the KL stands: in the "loss" as k3, or in the "reward".
    """

    updates: int = 1
    clip: float = 0.2
    scale: bool = True
    per_text: bool = True
    kl: Placement = "loss"

    def __post_init__(self) -> None:
        super().__post_init__()
        whole = isinstance(self.updates, int) and self.updates >= 1
        if self.kl not in get_args(Placement) or not whole or not self.clip > 0:
            raise ValueError(
                f'GRPOConfig: kl must be "reward" or "loss", updates 1 or more and clip above 0, got {self.kl!r}, '
                f"{self.updates!r} and {self.clip!r}"
            )


def group_advantages(rewards: Tensor, scale: bool = True) -> Tensor:
    """Each reward less its group's mean, divided by the group's standard deviation where `scale` says so.

    Args:
        rewards: [groups, n], n of 2 or more.
        scale: see `GRPOConfig`.

    Raises:
        ValueError: for groups of one.
    """
    if rewards.ndim != 2 or rewards.shape[1] < 2:
        raise ValueError(f"a group needs 2 or more rewards, got {list(rewards.shape)}")
    centred = rewards - rewards.mean(1, keepdim=True)
    # 1e-4 keeps a group whose rewards are all equal from dividing by zero: it has nothing to say, and says 0.
    return (centred / (rewards.std(1, keepdim=True) + 1e-4) if scale else centred).detach()


def grpo_loss(
    log_probs: Tensor,
    old_log_probs: Tensor,
    ref_log_probs: Tensor,
    advantages: Tensor,
    written: Tensor,
    clip: float,
    beta: float,
    longest: int | None = None,
) -> Tensor:
    """The loss of a batch, one number.

    Args:
        log_probs: of the tokens now, [n, time]; with gradients.
        old_log_probs: when they were drawn, [n, time].
        ref_log_probs: under the reference, [n, time].
        advantages: of the texts, [n].
        written: which tokens count, [n, time].
        clip: see `labkit.rlhf.ppo.clipped_loss`.
        beta: of k3; 0 where the KL stands in the reward.
        longest: what every text's sum is divided by, the same for all batches (Dr. GRPO); None: its own length.
    """
    each = clipped_loss(log_probs, old_log_probs, advantages[:, None], written, clip)
    if beta:
        each = each + beta * torch.where(written, k3(log_probs, ref_log_probs.detach()), 0.0)
    lengths = written.sum(1).clamp(min=1) if longest is None else longest
    return (each.sum(1) / lengths).mean()


class GRPORun(OnlineRun):
    """GRPO and Dr. GRPO.

    Args:
        policy: where to begin.
        reward: what a text is worth.
        config: how.
        measure: see `PolicyRun`.
        group: texts per prompt; None: all texts of a step.
    """

    config: GRPOConfig

    def __init__(
        self,
        policy: Policy,
        reward: Reward,
        config: GRPOConfig | None = None,
        measure: Measure | None = None,
        group: int | None = None,
    ) -> None:
        super().__init__(policy, reward, config or GRPOConfig(), measure, group)

    def improve(self, rollout: Rollout) -> tuple[float, float]:
        """`updates` updates."""
        config, beta = self.config, self.controls["beta"]
        inside = config.kl == "loss"
        rewards = rollout.rewards if inside else penalised(rollout, beta)
        advantages = group_advantages(rewards.view(-1, rollout.group), config.scale).flatten()
        first: tuple[float, float] | None = None
        for _ in range(config.updates):
            loss = grpo_loss(
                self.policy.log_probs(rollout.samples),
                rollout.log_probs,
                rollout.ref_log_probs,
                advantages,
                rollout.samples.written,
                config.clip,
                beta if inside else 0.0,
                None if config.per_text else self.policy.longest,
            )
            norm = self.update(loss)
            first = first or (float(loss.detach()), norm)
        assert first is not None
        return first
