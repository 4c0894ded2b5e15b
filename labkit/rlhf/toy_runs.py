"""Every method of this chapter on the toy board, at settings that bring it to the optimum, and how far it gets."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .advantage import advantage_weights
from .dpo import DPORun, IPORun, PairSource
from .exact import expected, kl, optimum
from .grpo import GRPOConfig, GRPORun
from .policy import PairBatch, Policy
from .ppo import PPOConfig, PPORun
from .reinforce import ReinforceRun
from .rloo import RLOORun
from .run import Measure, PolicyConfig, PolicyRun
from .table import TablePolicy
from .toy import ToyBoard

BETA = 0.5
"""The weight of the KL: π* is 1.05 nats away from the reference, and earns -0.41 where that earns -1.96."""
CLOSE = 0.01
"""KL(π‖π*) in nats: nearer than this is there."""


class RewardWeightedRun(PolicyRun):
    """Reward-weighted likelihood (Peters & Schaal 2007) on routes of the reference: π* is μ weighed by exp(r/β).

    Args:
        policy: where to begin.
        toy: whose routes and rewards.
        config: how.
        measure: see `PolicyRun`.
    """

    def __init__(self, policy: TablePolicy, config: PolicyConfig, measure: Measure | None = None) -> None:
        self.toy = policy.toy
        super().__init__(policy, config, measure)

    def learn(self, number: int) -> dict[str, float]:
        """The weighted likelihood of fresh routes of the reference."""
        assert isinstance(self.reference, TablePolicy)
        drawn = self.toy.sample(self.reference.all_log_probs(), self.config.batch_size, self.seed_of(number))
        samples, rewards = self.toy.samples(drawn), self.toy.rewards[drawn]
        weights = advantage_weights(rewards, max(self.controls["beta"], 1e-6), cap=None, scale=1.0).float()
        loss = -(weights * self.policy.log_probs(samples).sum(1)).mean()
        return {
            "loss": float(loss.detach()),
            "grad_norm": self.update(loss),
            "tokens": int(samples.written.sum()),
            "reward": float(rewards.mean()),
        }


@dataclass(frozen=True)
class Method:
    """One row of the table.

    Attributes:
        name: of the method.
        make: `make(task, seed, measure)` gives its run.
        asks: what a step asks for, and of whom.
        regularised: whether it minimises the distance to π*; the others are there to show that they do not.
        target: "rewards", or "wins" for the π* of P(preferred to a route of the reference).
    """

    name: str
    make: Callable[["ToyTask", int, Measure | None], PolicyRun]
    asks: str
    regularised: bool = True
    target: str = "rewards"


class ToyTask:
    """The toy board, its reference and what is best.

    Args:
        beta: the weight of the KL.

    Attributes:
        toy: the board.
        policy: where every method begins, the reference: all that is allowed is equally likely next.
        log_ref: its exact log-probabilities, [routes].
        log_best: of π*, [routes].
    """

    def __init__(self, beta: float = BETA) -> None:
        self.beta, self.toy = beta, ToyBoard()
        self.policy = TablePolicy(self.toy)
        self.log_ref = self.policy.all_log_probs().detach()
        self.log_best = optimum(self.log_ref, self.toy.rewards, beta)

    def wins(self) -> Tensor:
        """How often each route is preferred to one of the reference, [routes]."""
        return torch.stack(
            [(self.log_ref.exp() * (reward - self.toy.rewards).sigmoid()).sum() for reward in self.toy.rewards]
        )

    def best(self, target: str) -> Tensor:
        """π* of "rewards" or of "wins", as log-probabilities, [routes]."""
        return self.log_best if target == "rewards" else optimum(self.log_ref, self.wins(), self.beta)

    def measure(self, target: str = "rewards") -> Measure:
        """What is exact of a table: its distance to π*, to the reference, and its true reward."""
        best = self.best(target)

        @torch.no_grad()
        def found(policy: Policy) -> dict[str, float]:
            assert isinstance(policy, TablePolicy)
            log_probs = policy.all_log_probs()
            return {
                "distance": float(kl(log_probs, best)),
                "exact_kl": float(kl(log_probs, self.log_ref)),
                "exact_reward": float(expected(log_probs, self.toy.rewards)),
            }

        return found

    def pairs(self) -> PairSource:
        """Routes of the reference, two by two, and which was preferred; see `ToyBoard.pairs`."""

        def source(n: int, seed: int) -> PairBatch:
            return self.toy.pairs(self.log_ref, n, seed)

        return source


def _config(task: ToyTask, seed: int, kind: type[PolicyConfig] = PolicyConfig, **changes: Any) -> PolicyConfig:
    chosen: dict[str, Any] = {"max_steps": 400, "batch_size": 1024, "lr": 0.1, "measure_every": 100}
    return kind(**chosen | {"beta": task.beta, "seed": seed} | changes)


def _grpo(task: ToyTask, seed: int, measure: Measure | None, **changes: Any) -> PolicyRun:
    config = _config(task, seed, GRPOConfig, **changes)
    assert isinstance(config, GRPOConfig)
    return GRPORun(task.policy, task.toy.reward, config, measure)


def _ppo(task: ToyTask, seed: int, measure: Measure | None) -> PolicyRun:
    config = _config(task, seed, PPOConfig, minibatches=1)
    assert isinstance(config, PPOConfig)
    return PPORun(task.policy, task.toy.reward, config, measure)


REWARDS, PAIRS = "rewards of its own routes", "comparisons of the reference's routes"
DR: dict[str, Any] = {"scale": False, "per_text": False}
MANY: dict[str, Any] = {"max_steps": 500, "batch_size": 16_384, "schedule": "cosine"}
"""A comparison says less than one bit: pairs have to be many where rewards can be few."""

METHODS = (
    Method("REINFORCE", lambda t, s, m: ReinforceRun(t.policy, t.toy.reward, _config(t, s), m), REWARDS),
    Method("RLOO", lambda t, s, m: RLOORun(t.policy, t.toy.reward, _config(t, s), m), REWARDS),
    Method("PPO", _ppo, REWARDS),
    Method("GRPO, KL in the reward", lambda t, s, m: _grpo(t, s, m, kl="reward"), REWARDS),
    Method("Dr. GRPO, KL in the reward", lambda t, s, m: _grpo(t, s, m, kl="reward", **DR), REWARDS),
    Method("DPO", lambda t, s, m: DPORun(t.policy, t.pairs(), _config(t, s, **MANY), m), PAIRS),
    Method(
        "IPO",
        lambda t, s, m: IPORun(t.policy, t.pairs(), _config(t, s, batch_size=4096, lr=0.05), m),
        PAIRS,
        target="wins",
    ),
    Method(
        "reward-weighted",
        lambda t, s, m: RewardWeightedRun(t.policy, _config(t, s, batch_size=4096), m),
        "rewards of the reference's routes",
    ),
    Method("GRPO as published", lambda t, s, m: _grpo(t, s, m), REWARDS, regularised=False),
    Method("Dr. GRPO, k3 in the loss", lambda t, s, m: _grpo(t, s, m, **DR), REWARDS, regularised=False),
)
"""All of them, those that end at π* first."""
