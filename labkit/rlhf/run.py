"""What all runs that train a policy share: a frozen reference, controls, the update, what is measured, state."""

import copy
import math
from abc import abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from labkit.gpt.weights import check_fits, load_weights, weights_of
from labkit.training import Control
from labkit.training.optimizers import load_optimizer_tensors, optimizer_tensors
from labkit.training.schedules import Schedule, check_schedule, lr_factor
from labkit.training.tensor_run import TensorRun

from .estimators import k3
from .policy import Policy, Samples

Reward = Callable[[Samples], Tensor]
"""What each text is worth, [n]."""
Measure = Callable[[Policy], dict[str, float]]
"""More that a step reports, always under the same names."""


@dataclass(frozen=True)
class PolicyConfig:
    """How a policy is trained, whatever the method.

    Attributes:
        max_steps: where the run ends, or None.
        batch_size: texts, or pairs of texts, a step learns from.
        beta: the weight of the KL to the reference: what a nat of it costs, in units of reward.
        lr: the learning rate of AdamW (without decay of weights) at its highest.
        schedule: how it falls; see `labkit.training.schedules`.
        beta1: AdamW's mean of gradients.
        beta2: AdamW's mean of their squares.
        grad_clip: the longest gradient, of the policy and of a critic each; 0: none is shortened.
        measure_every: how often a step is measured.
        seed: of all draws.

    Raises:
        ValueError: for a value that cannot be, with what can.
    """

    max_steps: int | None = 200
    batch_size: int = 64
    beta: float = 0.1
    lr: float = 0.001
    schedule: Schedule = "linear"
    beta1: float = 0.9
    beta2: float = 0.99
    grad_clip: float = 0.0
    measure_every: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in (("batch_size", 1), ("measure_every", 1), ("seed", 0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise ValueError(
                    f"{type(self).__name__}: {name} must be a whole number of at least {least}, got {value!r}"
                )
        steps = self.max_steps
        if steps is not None and (isinstance(steps, bool) or not isinstance(steps, int) or steps < 1):
            raise ValueError(f"{type(self).__name__}: max_steps must be 1 or more, or None, got {steps!r}")
        for name, high in (("beta", 1e6), ("lr", 1e3), ("beta1", 0.99999), ("beta2", 0.99999), ("grad_clip", 1e9)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= high:
                raise ValueError(f"{type(self).__name__}: {name} must be 0 … {high:g}, got {value!r}")
        check_schedule(self.schedule, self.max_steps)


class PolicyRun(TensorRun):
    """Train a policy away from where it begins, its reference.

    A subclass says what a step learns (`learn`). Controls, live: "lr" (at its highest) and "beta". Steps that measure
    have the extras of `measure`; in the others these are nan.

    Args:
        policy: where to begin; it is not changed.
        config: how.
        measure: more that is reported after every `config.measure_every` steps and the last.
        more: controls that a subclass adds.

    Attributes:
        policy: the one that learns.
        reference: as it began, frozen.
        config: as given.
    """

    guard_every = 25

    @property
    def lr_scale(self) -> dict[str, float]:
        """By what the learning rate of a part of `trained` is multiplied, where that is not 1."""
        return {}

    def __init__(
        self, policy: Policy, config: PolicyConfig, measure: Measure | None = None, more: Iterable[Control] = ()
    ) -> None:
        self.config, self.measure = config, measure
        self.reference = copy.deepcopy(policy).eval().requires_grad_(False)
        self._names: list[str] | None = None  # of what `measure` gave
        lr = config.lr
        controls = [
            Control("lr", lr, min(lr, 1e-6), max(1.0, lr), log=lr > 0, label="learning rate"),
            Control("beta", config.beta, 0.0, max(2.0, config.beta), label="β, the KL weight"),
        ]
        super().__init__([*controls, *more], config.max_steps)

    @abstractmethod
    def learn(self, number: int) -> dict[str, float]:
        """Do step `number`: draw, compute a loss, `update`; returns "loss", "grad_norm" and what else was seen."""

    def settings(self) -> dict[str, Any]:
        """What decides the next steps beside weights and reference: by this a state of another run is known."""
        return asdict(self.config)

    def trained(self) -> nn.ModuleDict:
        """All that has weights to learn; a subclass may add to it."""
        return nn.ModuleDict({"policy": self.policy})

    # -- the run

    def build(self) -> None:
        """A fresh copy of the reference, and an optimiser that remembers nothing."""
        self.policy: Policy = copy.deepcopy(self.reference).requires_grad_(True)
        self.learners = (
            self.trained().eval()
        )  # gradients flow all the same, and no dropout draws behind the seed's back
        self.optimizer = torch.optim.AdamW(
            [
                {"params": list(part.parameters()), "scale": self.lr_scale.get(name, 1.0)}
                for name, part in self.learners.items()
            ],
            lr=self.config.lr,
            betas=(self.config.beta1, self.config.beta2),
            weight_decay=0,
        )

    def train_step(self) -> dict[str, float]:
        """One step, measured when that is due."""
        number, config = self.step + 1, self.config
        factor = lr_factor(config.schedule, number, self.max_steps)
        self._lr = self.controls["lr"] * factor
        measured = self.learn(number) | {"lr": self._lr}
        if self.measure is not None:
            if self._names is None or number % config.measure_every == 0 or number == self.max_steps:
                with torch.no_grad():
                    found = self.measure(self.policy)
                if taken := sorted(found.keys() & measured.keys()):
                    raise ValueError(
                        f"the run itself measures {', '.join(taken)}: call what you measure something else"
                    )
                self._names = list(found)
                measured |= found
            else:
                measured |= dict.fromkeys(self._names, math.nan)
        return measured

    def update(self, loss: Tensor) -> float:
        """One step of the optimiser down the gradient of `loss`, each part of `trained` clipped by itself.

        Returns:
            The gradient's length before that.

        Raises:
            FloatingPointError: if it is not finite; no weight has changed then.
        """
        for group in self.optimizer.param_groups:
            group["lr"] = self._lr * group["scale"]
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        limit = self.config.grad_clip or math.inf
        norms = [float(nn.utils.clip_grad_norm_(part.parameters(), limit)) for part in self.learners.values()]
        norm = math.hypot(*norms)
        if not math.isfinite(norm):  # of any update of the step: the guard sees the first one's alone
            raise FloatingPointError(f"the gradient norm became {norm}")
        self.optimizer.step()
        return norm

    def seed_of(self, number: int) -> int:
        """The seed of a step's draws, a function of the run's seed and the step: a resumed run draws the same."""
        return int(torch.randint(2**62, (number + 1,), generator=torch.Generator().manual_seed(self.config.seed))[-1])

    # -- state

    def get_state(self) -> dict[str, Any]:
        """The weights, what the optimiser remembers, and the config. Draws are a function of the step."""
        tensors = {f"weights.{name}": p.clone() for name, p in weights_of(self.learners).items()}
        tensors |= {f"optimizer.{name}": t for name, t in optimizer_tensors([self.optimizer]).items()}
        return {"tensors": tensors, "settings": self.settings(), "measures": self._names}

    def set_state(self, state: dict[str, Any]) -> None:
        """Put back what `get_state` gave. The config must be the same, but for `max_steps` and `measure_every`."""
        own, theirs, names = self.settings(), state["settings"], state["measures"]
        same = own.keys() - {"max_steps", "measure_every"}
        if differ := [f"{k} ({theirs.get(k)}, not {own[k]})" for k in sorted(same) if theirs.get(k) != own[k]]:
            raise ValueError(f"a run with another {', '.join(differ)}")
        tensors: dict[str, Tensor] = state["tensors"]
        parts: dict[str, dict[str, Tensor]] = {"weights": {}, "optimizer": {}}
        for key, tensor in tensors.items():
            part, _, name = key.partition(".")
            parts[part][name] = tensor
        check_fits(self.learners, parts["weights"])
        load_optimizer_tensors([self.optimizer], parts["optimizer"])
        load_weights(self.learners, parts["weights"])
        self._names = names and [str(name) for name in names]


@dataclass(frozen=True, eq=False)
class Rollout:
    """What a step learns from: texts, as they were when they were drawn.

    Attributes:
        samples: n texts.
        log_probs: of their tokens under the policy that drew them, [n, time].
        ref_log_probs: under the reference, [n, time].
        rewards: [n], without the KL.
        group: so many in a row answer the same prompt.
    """

    samples: Samples
    log_probs: Tensor
    ref_log_probs: Tensor
    rewards: Tensor
    group: int

    @property
    def log_ratio(self) -> Tensor:
        """Log π − log μ of each text, [n]: k1 of the KL."""
        return (self.log_probs - self.ref_log_probs).sum(1)


class OnlineRun(PolicyRun):
    """Draw texts from the policy, have them rewarded, and make the good ones likelier.

    Extras of each step: "reward" (mean, without the KL), "kl" (k3 of its texts' tokens, per text, in nats) and
    "length" (mean number of tokens written).

    Args:
        policy: where to begin.
        reward: what a text is worth.
        config: how.
        measure: see `PolicyRun`.
        group: texts per prompt; None: all texts of a step answer the same.
        more: controls that a subclass adds.

    Raises:
        ValueError: for a group that does not divide the batch.
    """

    def __init__(
        self,
        policy: Policy,
        reward: Reward,
        config: PolicyConfig,
        measure: Measure | None = None,
        group: int | None = None,
        more: Iterable[Control] = (),
    ) -> None:
        self.reward, self.group = reward, group or config.batch_size
        if self.group < 1 or config.batch_size % self.group:
            raise ValueError(f"a batch of {config.batch_size} texts cannot be groups of {self.group}")
        super().__init__(policy, config, measure, more)

    def settings(self) -> dict[str, Any]:
        """The group too."""
        return super().settings() | {"group": self.group}

    @abstractmethod
    def improve(self, rollout: Rollout) -> tuple[float, float]:
        """Update the policy, once or more, by what was drawn; returns loss and gradient norm of the first update."""

    def learn(self, number: int) -> dict[str, float]:
        """One rollout, and what the method makes of it."""
        rollout = self.draw(number)
        loss, norm = self.improve(rollout)
        samples = rollout.samples
        kl = torch.where(samples.written, k3(rollout.log_probs, rollout.ref_log_probs), 0.0).sum(1)
        return {
            "loss": loss,
            "grad_norm": norm,
            "tokens": int(samples.written.sum()),
            "reward": float(rollout.rewards.mean()),
            "kl": float(kl.mean()),
            "length": float(samples.lengths.double().mean()),
        }

    @torch.no_grad()
    def draw(self, number: int) -> Rollout:
        """The texts of a step.

        Raises:
            ValueError: if the reward gives anything but a finite number for each.
        """
        samples = self.policy.sample(self.config.batch_size, self.seed_of(number), self.group)
        rewards = torch.as_tensor(self.reward(samples)).float().cpu()
        if rewards.shape != (len(samples),) or not rewards.isfinite().all():
            got = list(rewards.shape) if rewards.shape != (len(samples),) else rewards[~rewards.isfinite()].tolist()[:3]
            raise ValueError(f"a reward is one finite number for each of {len(samples)} texts, got {got}")
        return Rollout(samples, self.policy.log_probs(samples), self.reference.log_probs(samples), rewards, self.group)
