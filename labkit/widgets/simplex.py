"""All policies over three answers as points of a triangle: the best for every KL weight, and one that walks to it."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import traitlets as t

from .figure import Figure

if TYPE_CHECKING:
    from torch import Tensor

MIN_BETA, MAX_BETA = 0.05, 5.0
MIN_SAMPLES, MAX_SAMPLES = 2, 64
MIN_RATE, MAX_RATE = 0.02, 2.0
METHODS = ("exact", "rloo", "reinforce")


class Numbers(NamedTuple):
    """What a policy is worth: see `SimplexFigure.numbers`."""

    reward: float
    """Expected, Σ π r."""
    from_reference: float
    """KL(π‖μ), in nats."""
    to_optimum: float
    """KL(π‖π*), in nats."""
    objective: float
    """J(π) = Σ π r − β · KL(π‖μ)."""
    gap: float
    """J(π*) − J(π), which is β · KL(π‖π*)."""


class SimplexFigure(Figure):
    """Three answers, a reference μ, and the best policy π*(y) ∝ μ(y) · exp(r(y) / β) as the KL weight β moves.

    The triangle is shaded by the objective J(π) = Σ π r − β · KL(π‖μ); the curve is π* for every β, from μ (β → ∞) to
    the best answer (β → 0). A softmax policy walks uphill: along the exact gradient, or along one estimated from a
    few sampled answers (Williams 1992; RLOO: Kool et al. 2019, Ahmadian et al. 2024). The reader drags it, and μ.

    >>> figure = SimplexFigure(["yes", "no", "perhaps"], rewards=[1, 0, 0.5], reference=[0.2, 0.5, 0.3], beta=0.5)
    >>> [round(p, 3) for p in figure.optimum]
    [0.529, 0.179, 0.292]
    >>> [round(number, 3) for number in figure.numbers()]
    [0.35, 0.0, 0.327, 0.35, 0.164]

    Args:
        answers: three names.
        rewards: of each, -10 … 10.
        reference: its probabilities, each above 0; 1/3 each when left out.
        beta: the weight of the KL, 0.05 … 5.
        policy: probabilities at first; the reference's when left out.
        method: what the policy follows: "exact", or "rloo" or "reinforce" with sampled answers.
        samples: answers of a step of the two latter, 2 … 64.
        rate: the learning rate of the logits, 0.02 … 2.
        seed: of the samples.

    Attributes:
        beta: may be set, as may `rewards`, `reference`, `policy`, `method`, `samples`, `rate` and `seed`.
        policy: where the reader has brought it. While it walks, two reports a second.

    Raises:
        ValueError: for what is not as said above.
    """

    module = "simplex"
    page_traits = ("answers", "rewards", "reference", "beta", "policy", "method", "samples", "rate", "seed")

    answers = t.List(t.Unicode()).tag(sync=True)
    rewards = t.List(t.Float()).tag(sync=True)
    reference = t.List(t.Float()).tag(sync=True)
    beta = t.Float(0.5).tag(sync=True)
    policy = t.List(t.Float()).tag(sync=True)
    method = t.Unicode("exact").tag(sync=True)
    samples = t.Int(8).tag(sync=True)
    rate = t.Float(0.5).tag(sync=True)
    seed = t.Int(0).tag(sync=True)

    def __init__(
        self,
        answers: Sequence[str],
        rewards: Sequence[float],
        reference: Sequence[float] | None = None,
        beta: float = 0.5,
        *,
        policy: Sequence[float] | None = None,
        method: str = "exact",
        samples: int = 8,
        rate: float = 0.5,
        seed: int = 0,
    ) -> None:
        if isinstance(answers, str) or len(answers) != 3 or len(set(answers)) != 3:
            raise ValueError(f"SimplexFigure: a triangle has three different answers, got {answers!r}")
        reference = [1 / 3] * 3 if reference is None else list(reference)
        traits = {
            "rewards": list(rewards),
            "reference": reference,
            "beta": beta,
            "policy": reference if policy is None else list(policy),
            "method": method,
            "samples": samples,
            "rate": rate,
            "seed": seed,
        }
        super().__init__(answers=list(answers), **{name: _CHECKS[name](name, value) for name, value in traits.items()})

    @t.validate("rewards", "reference", "beta", "policy", "method", "samples", "rate", "seed")
    def _valid(self, proposal: dict[str, Any]) -> Any:
        name = proposal["trait"].name
        try:
            return _CHECKS[name](name, proposal["value"])
        except ValueError as error:
            raise t.TraitError(str(error)) from None

    @property
    def optimum(self) -> list[float]:
        """The best policy for the β of now: a probability for each answer."""
        best: list[float] = self._best().exp().tolist()
        return best

    def numbers(self) -> Numbers:
        """Of the policy as it is now; computed by `labkit.rlhf.exact`, as the figure computes them by itself."""
        from labkit.rlhf import exact

        policy, reference, rewards, best = (*self._tensors(), self._best())
        value, most = (exact.objective(p, reference, rewards, self.beta) for p in (policy, best))
        return Numbers(
            float(exact.expected(policy, rewards)),
            float(exact.kl(policy, reference)),
            float(exact.kl(policy, best)),
            float(value),
            float(most - value),
        )

    def caption(self) -> str:
        """What is best at the β of now, and what lies at both ends."""
        from labkit.rlhf import exact

        best = self._best()
        far = float(exact.kl(best, self._tensors()[1]))
        shares = ", ".join(
            f"{100 * p:.0f} % “{name}”" for name, p in zip(self.answers, best.exp().tolist(), strict=True)
        )
        return (
            "Every policy over three answers is a point of the triangle. "
            f"At a KL weight β of {self.beta:g} the best one, π*, is {shares}, {far:.2f} nats from the reference μ; "
            "as β falls it runs along the curve from μ to the answer with the highest reward."
        )

    def _tensors(self) -> tuple["Tensor", "Tensor", "Tensor"]:
        """The policy's and the reference's log-probabilities, and the rewards, [3] each, float64."""
        import torch

        policy, reference, rewards = (
            torch.tensor(values, dtype=torch.float64) for values in (self.policy, self.reference, self.rewards)
        )
        return policy.log(), reference.log(), rewards

    def _best(self) -> "Tensor":
        from labkit.rlhf import exact

        _, reference, rewards = self._tensors()
        return exact.optimum(reference, rewards, self.beta)


def _rewards(name: str, value: Sequence[float]) -> list[float]:
    if len(value) != 3 or not all(-10 <= r <= 10 for r in value):
        raise ValueError(f"SimplexFigure: {name} are three numbers of -10 … 10, got {list(value)}")
    return [float(r) for r in value]


def _shares(lowest: float) -> Callable[[str, Sequence[float]], list[float]]:
    """A check of three probabilities, each at least `lowest`; they are made to sum to 1."""

    def check(name: str, value: Sequence[float]) -> list[float]:
        total = sum(value)
        if len(value) != 3 or not all(lowest <= p <= 1 for p in value) or not abs(total - 1) < 1e-6:
            least = f" of at least {lowest:g}" if lowest else ""
            raise ValueError(
                f"SimplexFigure: the {name} is three probabilities{least} that sum to 1, got {list(value)}"
            )
        # What the page says stays as it is, to the last digit: it would be sent back to a walk that is further by now.
        return [float(p) for p in value] if abs(total - 1) < 1e-12 else [float(p / total) for p in value]

    return check


def _within(low: float, high: float, whole: bool = False) -> Callable[[str, float], Any]:
    def check(name: str, value: float) -> float | int:
        if not (low <= value <= high) or (whole and value != int(value)):
            kind, span = "a whole number" if whole else "a number", f" of {low:g} … {high:g}"
            raise ValueError(f"SimplexFigure: {name} is {kind}{span}, got {value!r}")
        return int(value) if whole else float(value)

    return check


def _method(name: str, value: str) -> str:
    if value not in METHODS:
        raise ValueError(f"SimplexFigure: {name} is one of {', '.join(METHODS)}, got {value!r}")
    return value


_CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "rewards": _rewards,
    "reference": _shares(1e-6),
    "beta": _within(MIN_BETA, MAX_BETA),
    "policy": _shares(0.0),
    "method": _method,
    "samples": _within(MIN_SAMPLES, MAX_SAMPLES, whole=True),
    "rate": _within(MIN_RATE, MAX_RATE),
    "seed": _within(0, 2**31 - 1, whole=True),
}
