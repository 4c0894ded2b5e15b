"""What policies that chase a proxy are really worth: the best for each proxy, at each KL weight.

Of a task whose answers are all known nothing has to be trained for that: `labkit.rlhf.exact` has the policies.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from torch import Tensor

from . import exact
from .overoptimise import curve

CAUTIONS = (0.0, 0.5, 1.0, 2.0, 4.0)
STEPS = 121
"""KL weights: few enough that a page which shows five reward models stays near 100 kB."""
REACH = 30.0
"""The KL weights go from so many times the proxies' spread, where the policy is the reference, to so small a part."""
TOP = 5


@dataclass(frozen=True)
class ProxyCurves:
    """The best policies for some rewards, the sources, at each of some KL weights: exact, by `labkit.rlhf.exact`.

    A reward model's zero means nothing, since comparisons tell differences alone (Bradley and Terry 1952). So every
    reward, the true one too, is counted from its mean under the reference: 0 is what the reference has.

    Sources are each of the reward models, then their ensemble, mean − caution · standard deviation, for each caution
    (after Coste et al. 2024, who take the variance).

    Attributes:
        betas: the KL weights, from the largest down: [betas].
        cautions: of the ensembles.
        n_models: how many reward models there are.
        kl: KL(π‖μ) in nats, [sources, betas].
        proxy: what the source expects of its policy, likewise.
        true: the true reward of that policy, likewise.
        top: numbers of the answers that the policy gives most, [sources, betas, top].
        shares: how often it gives them, likewise.
        proxies: each source's reward of each answer, [sources, n].
        rewards: the true ones, [n].
    """

    betas: np.ndarray
    cautions: tuple[float, ...]
    n_models: int
    kl: np.ndarray
    proxy: np.ndarray
    true: np.ndarray
    top: np.ndarray
    shares: np.ndarray
    proxies: np.ndarray
    rewards: np.ndarray

    @classmethod
    def of(
        cls,
        log_ref: Tensor,
        true: Tensor,
        proxies: Tensor,
        betas: Sequence[float] | None = None,
        cautions: Sequence[float] = CAUTIONS,
    ) -> Self:
        """The curves of a task whose answers are all known.

        Args:
            log_ref: log-probabilities of the reference, [n].
            true: the true reward of each answer, [n].
            proxies: what each reward model says of each, [models, n].
            betas: KL weights; 121 of equal ratios around the proxies' spread when left out.
            cautions: of the ensembles, each 0 or more.

        Raises:
            ValueError: for shapes that do not fit, numbers that are not finite, a reference that does not sum to 1,
                fewer than two KL weights or one that is not above 0, and a caution below 0.
        """
        log_ref, true, proxies = (each.detach().double() for each in (log_ref, true, proxies))
        _check(log_ref, true, proxies, cautions)
        log_ref = log_ref.log_softmax(0)  # float32's rounding would be counted as KL
        true = true - exact.expected(log_ref, true)
        proxies = torch.stack([proxy - exact.expected(log_ref, proxy) for proxy in proxies])
        mean, std = proxies.mean(0), proxies.std(0, correction=0)
        ensembles = [mean - caution * std for caution in cautions]
        sources = [*proxies, *(one - exact.expected(log_ref, one) for one in ensembles)]
        if betas is None:
            spread = float(np.mean([exact.expected(log_ref, proxy**2).sqrt() for proxy in proxies])) or 1.0
            betas = [float(f"{b:.3g}") for b in np.geomspace(REACH * spread, spread / REACH, STEPS)]
        falling = sorted(set(betas), reverse=True)
        if len(falling) < 2:
            raise ValueError(f"two KL weights are needed at least, got {list(betas)}")
        points = np.array([curve(log_ref, source, true, falling) for source in sources])  # [sources, betas, 4]
        _, kl, proxy, truth = points.transpose(2, 0, 1)
        policies = [exact.optimum(log_ref, source, beta).exp() for source in sources for beta in falling]
        tops = [policy.topk(min(TOP, len(true))) for policy in policies]
        shape = (len(sources), len(falling), -1)
        return cls(
            np.array(falling),
            tuple(float(caution) for caution in cautions),
            len(proxies),
            kl,
            proxy,
            truth,
            torch.stack([top.indices for top in tops]).numpy().reshape(shape),
            torch.stack([top.values for top in tops]).numpy().reshape(shape),
            torch.stack(sources).numpy(),
            true.numpy(),
        )

    def mean(self, caution: float | None = None) -> dict[str, np.ndarray]:
        """Arrays kl, proxy and true, [betas]: means over the reward models, or those of the ensemble of a caution."""
        rows = slice(self.n_models) if caution is None else [self.n_models + self.cautions.index(caution)]
        return {name: getattr(self, name)[rows].mean(0) for name in ("kl", "proxy", "true")}

    def peak(self, caution: float | None = None) -> int:
        """The place among the KL weights with the highest true reward: where to stop. `caution` as in `mean`."""
        return int(self.mean(caution)["true"].argmax())


def _check(log_ref: Tensor, true: Tensor, proxies: Tensor, cautions: Sequence[float]) -> None:
    shapes = [list(each.shape) for each in (log_ref, true, proxies)]
    if proxies.ndim != 2 or not len(proxies) or not proxies.shape[1:] == true.shape == log_ref.shape:
        raise ValueError(f"log_ref [n], true [n] and proxies [models, n] are needed, got {', '.join(map(str, shapes))}")
    for name, each in (("true", true), ("proxies", proxies)):
        if not each.isfinite().all():
            raise ValueError(f"{name} must be finite numbers")
    if not abs(float(log_ref.exp().sum()) - 1) < 1e-4:
        raise ValueError(f"the reference must sum to 1, it does to {log_ref.exp().sum():.4g}")
    if not cautions or not all(0 <= caution < np.inf for caution in cautions):
        raise ValueError(f"cautions are numbers of 0 and more, got {list(cautions)}")
