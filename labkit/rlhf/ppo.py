"""PPO (Schulman et al. 2017) for texts: several updates per rollout, none of which may go far.

A text is read token by token. Each token costs β · (log π − log μ), the last one earns the reward, a critic says what
to expect from each place, and generalised advantage estimation (Schulman et al. 2016) makes of it how much better than
expected each token was. The clip then takes the reason to go on away from a token whose probability has
already moved by more than `clip` in the direction that its advantage asks for.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .policy import Policy
from .run import Measure, OnlineRun, PolicyConfig, Reward, Rollout


@dataclass(frozen=True)
class PPOConfig(PolicyConfig):
    """More choices, for PPO.

    Attributes:
        epochs: how often a rollout is gone through.
        minibatches: in how many parts; each part is an update.
        clip: how far the ratio of new to old probability of a token may go from 1 with profit.
        gae_lambda: 1 takes what was earned in the end, 0 what the critic said one token later.
        value_weight: of the critic's loss.
        value_lr: its learning rate, as a multiple of the policy's.
    """

    epochs: int = 2
    minibatches: int = 2
    clip: float = 0.2
    gae_lambda: float = 0.95
    value_weight: float = 1.0
    value_lr: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        whole = isinstance(self.epochs, int) and isinstance(self.minibatches, int)
        if not whole or self.epochs < 1 or not 1 <= self.minibatches <= self.batch_size:
            raise ValueError(
                f"PPOConfig: epochs must be 1 or more and minibatches 1 … {self.batch_size}, "
                f"got {self.epochs!r} and {self.minibatches!r}"
            )
        if not self.clip > 0 or not 0 <= self.gae_lambda <= 1 or self.value_weight < 0 or self.value_lr <= 0:
            raise ValueError(
                "PPOConfig: clip and value_lr must be above 0, gae_lambda 0 … 1 and value_weight 0 or more, got "
                f"{self.clip!r}, {self.value_lr!r}, {self.gae_lambda!r} and {self.value_weight!r}"
            )


def gae(rewards: Tensor, values: Tensor, written: Tensor, gae_lambda: float) -> Tensor:
    """How much better than expected each written token was: Σ λᵏ δ, δ = reward + next value − value; undiscounted.

    Args:
        rewards: what each token earned, [n, time].
        values: what was expected before each token, [n, time].
        written: which tokens count, without gaps in a row, [n, time]. After the last of them nothing is expected.
        gae_lambda: 0 … 1.

    Returns:
        [n, time], 0 where nothing was written.
    """
    advantages = torch.zeros_like(rewards)
    later = next_value = rewards.new_zeros(len(rewards))
    for t in reversed(range(rewards.shape[1])):
        counts = written[:, t]
        delta = rewards[:, t] + next_value - values[:, t]
        later = torch.where(counts, delta + gae_lambda * later, 0.0)
        next_value = torch.where(counts, values[:, t], 0.0)
        advantages[:, t] = later
    return advantages


def clipped_loss(log_probs: Tensor, old_log_probs: Tensor, advantages: Tensor, mask: Tensor, clip: float) -> Tensor:
    """−min(ratio · A, clip(ratio, 1 − clip, 1 + clip) · A), [n, time], 0 outside the mask.

    Where the two probabilities are equal its gradient is −A · ∇ log π: the policy gradient's.

    Args:
        log_probs: of the tokens now, [n, time]; with gradients.
        old_log_probs: when they were drawn.
        advantages: of each token, [n, time] or [n, 1].
        mask: which tokens count, [n, time].
        clip: above 0.
    """
    advantages = advantages.detach()
    ratio = torch.exp(torch.where(mask, log_probs - old_log_probs.detach(), 0.0))
    gain = torch.minimum(ratio * advantages, ratio.clamp(1 - clip, 1 + clip) * advantages)
    return torch.where(mask, -gain, 0.0)


class PPORun(OnlineRun):
    """PPO with a critic of its own.

    Further extras: "clipped", the share of tokens whose ratio left the clip range in the last update, and
    "value_loss".

    Args:
        policy: where to begin.
        reward: what a text is worth.
        config: how.
        measure: see `PolicyRun`.
    """

    config: PPOConfig

    def __init__(
        self, policy: Policy, reward: Reward, config: PPOConfig | None = None, measure: Measure | None = None
    ) -> None:
        super().__init__(policy, reward, config or PPOConfig(), measure, group=1)

    def trained(self) -> nn.ModuleDict:
        """The policy and its critic."""
        self.critic = self.policy.critic()
        return nn.ModuleDict({"policy": self.policy, "critic": self.critic})

    @property
    def lr_scale(self) -> dict[str, float]:
        """The critic learns at a rate of its own."""
        return {"critic": self.config.value_lr}

    def learn(self, number: int) -> dict[str, float]:
        """As every method, and what is PPO's own."""
        return super().learn(number) | self.seen

    def improve(self, rollout: Rollout) -> tuple[float, float]:
        """`epochs` times `minibatches` updates."""
        config, samples = self.config, rollout.samples
        advantages, returns = self.advantages(rollout)
        rng = torch.Generator().manual_seed(self.seed_of(self.step + 1) ^ 0x5EED)
        first: tuple[float, float] | None = None
        for _ in range(config.epochs):
            for part in torch.randperm(len(samples), generator=rng).tensor_split(config.minibatches):
                some = samples.take(part)
                log_probs = self.policy.log_probs(some)
                old, mask = rollout.log_probs[part], some.written
                each = clipped_loss(log_probs, old, advantages[part], mask, config.clip)
                loss = each.sum() / mask.sum()
                wrong = torch.where(mask, self.critic.values(some) - returns[part], 0.0).square().sum() / mask.sum()
                norm = self.update(loss + config.value_weight * wrong)
                first = first or (float(loss.detach()), norm)
                outside = ((log_probs - old).exp() - 1).abs() > config.clip
                self.seen = {"clipped": float(outside[mask].float().mean()), "value_loss": float(wrong.detach())}
        assert first is not None
        return first

    @torch.no_grad()
    def advantages(self, rollout: Rollout) -> tuple[Tensor, Tensor]:
        """The advantage of each token, and what the critic should have said before it: two of [n, time]."""
        written, values = rollout.samples.written, self.critic.values(rollout.samples)
        earned = -self.controls["beta"] * (rollout.log_probs - rollout.ref_log_probs)
        last = (written * torch.arange(1, written.shape[1] + 1)).argmax(1)
        earned[torch.arange(len(earned)), last] += rollout.rewards
        advantages = gae(earned, values, written, self.config.gae_lambda)
        return advantages, advantages + values
