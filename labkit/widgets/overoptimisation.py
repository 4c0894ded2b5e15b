"""What a policy that chases a proxy is really worth: proxy and true reward against the distance from the reference."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import traitlets as t

from .figure import Figure

if TYPE_CHECKING:
    from torch import Tensor

    from labkit.rlhf.proxies import ProxyCurves


class OveroptimisationFigure(Figure):
    """Proxy and true reward of the best policy for a proxy, π ∝ μ · exp(proxy / β), against √KL(π‖μ) (Gao et al. 2022).

    A thin line for each reward model and a thick one for the mean; β moves a marker along them, and "stop here" is
    where the true reward is the highest. The cure beside it: one policy for an ensemble, mean − caution · std.

    >>> import torch
    >>> log_ref, true = torch.full((4,), 0.25).log(), torch.tensor([0.0, 1.0, 2.0, -3.0])
    >>> proxies = torch.tensor([[0.0, 1.0, 2.0, 3.0], [0.0, 1.0, 2.0, -1.0]])
    >>> figure = OveroptimisationFigure.from_rewards(log_ref, true, proxies, answers="abcd", betas=[100, 10, 1, 0.1])
    >>> figure.beta, [round(value, 2) for value in figure.curves.mean()["true"].tolist()]
    (10.0, [0.0, 0.04, 0.03, -0.5])

    Args:
        curves: what is drawn.
        answers: a text for each answer, for the table of those that the policy gives most; without them there is none.
        beta: where the marker stands at first, at the nearest KL weight there is; where the truth is best if left out.
        ensemble: whether the ensemble is shown at first.
        caution: of the ensemble at first; the first that is not 0 if left out.
        model: whose policy the table shows at first.
        zoom: whether the chart is as high as the true reward at first; the proxies leave it.

    Attributes:
        curves: as given.
        place: of the marker among the KL weights; may be set, as may `ensemble`, `caution`, `model` and `zoom`.

    Raises:
        ValueError: for answers of another number, a caution or a model that is not there, a beta that is not above 0.
    """

    module = "overoptimisation"
    page_traits = (
        *("betas", "cautions", "n_models", "lines", "answers", "top", "values"),
        *("place", "ensemble", "caution", "model", "zoom"),
    )

    betas = t.List(t.Float()).tag(sync=True)
    cautions = t.List(t.Float()).tag(sync=True)
    lines = t.Bytes(b"").tag(sync=True)
    """float32: KL, proxy and true of each KL weight of each source, as in `labkit.rlhf.proxies.ProxyCurves`."""
    answers = t.List(t.Unicode()).tag(sync=True)
    """Of those that stand in some table."""
    top = t.Bytes(b"").tag(sync=True)
    """float32: place in `answers` and share, TOP times for each KL weight of each source."""
    values = t.Bytes(b"").tag(sync=True)
    """float32: for each of `answers` its true reward, then that of each source."""
    n_models = t.Int().tag(sync=True)
    place = t.Int(0).tag(sync=True)
    ensemble = t.Bool(False).tag(sync=True)
    caution = t.Float(1.0).tag(sync=True)
    model = t.Int(0).tag(sync=True)
    zoom = t.Bool(False).tag(sync=True)

    def __init__(
        self,
        curves: "ProxyCurves",
        answers: Sequence[str] | None = None,
        beta: float | None = None,
        *,
        ensemble: bool = False,
        caution: float | None = None,
        model: int = 0,
        zoom: bool = False,
    ) -> None:
        n = len(curves.rewards)
        if answers is not None and len(answers) != n:
            raise ValueError(f"OveroptimisationFigure: there are {n} rewards, and {len(answers)} answers")
        if beta is not None and not beta > 0:
            raise ValueError(f"OveroptimisationFigure: beta, the KL weight, must be above 0, got {beta!r}")
        if caution is None:
            caution = next((c for c in curves.cautions if c), curves.cautions[0])
        self.curves = curves
        traits = {"caution": float(caution), "model": model}
        for name, value in traits.items():
            _CHECKS[name](self, value)
        place = curves.peak(caution if ensemble else None)
        if beta is not None:
            place = int(np.abs(np.log(curves.betas / beta)).argmin())
        table = {} if answers is None else _table(curves, answers)
        super().__init__(
            betas=curves.betas.tolist(),
            cautions=list(curves.cautions),
            lines=_bytes(np.stack([curves.kl, curves.proxy, curves.true], axis=-1)),
            n_models=curves.n_models,
            place=place,
            ensemble=ensemble,
            zoom=zoom,
            **traits,
            **table,
        )

    @classmethod
    def from_rewards(
        cls,
        log_ref: "Tensor",
        true: "Tensor",
        proxies: "Tensor",
        answers: Sequence[str] | None = None,
        beta: float | None = None,
        *,
        betas: Sequence[float] | None = None,
        cautions: Sequence[float] | None = None,
        **first: Any,
    ) -> Self:
        """Of a task whose answers are all known: arguments as of `ProxyCurves.of`, then as of the figure."""
        from labkit.rlhf.proxies import CAUTIONS, ProxyCurves

        curves = ProxyCurves.of(log_ref, true, proxies, betas, CAUTIONS if cautions is None else cautions)
        return cls(curves, answers, beta, **first)

    @t.validate("place", "caution", "model")
    def _valid(self, proposal: dict[str, Any]) -> Any:
        try:
            _CHECKS[proposal["trait"].name](self, proposal["value"])
        except ValueError as error:
            raise t.TraitError(str(error)) from None
        return proposal["value"]

    @property
    def beta(self) -> float:
        """The KL weight at the marker."""
        return float(self.curves.betas[self.place])

    def caption(self) -> str:
        """How high the truth comes, and where it ends while the proxy rises."""
        mean = self.curves.mean()
        peak, cured = self.curves.peak(), {c: self.curves.mean(c)["true"].max() for c in self.curves.cautions}
        best = max(cured, key=lambda c: cured[c])
        models = f", means of {self.n_models} reward models" if self.n_models > 1 else ""
        together = f" An ensemble of them, mean − {best:g} · std, comes to {_signed(cured[best])}." if models else ""
        return (
            f"Policies that chase a proxy{models}: with less and less KL weight the proxy rises to "
            f"{_signed(mean['proxy'][-1])}, while the true reward is best, {_signed(mean['true'][peak])}, at "
            f"√KL = {mean['kl'][peak] ** 0.5:.2f} and ends at {_signed(mean['true'][-1])}.{together}"
        )

    def _check_place(self, place: int) -> None:
        if not 0 <= place < len(self.curves.betas):
            raise ValueError(f"OveroptimisationFigure: place is one of 0 … {len(self.curves.betas) - 1}, got {place}")

    def _check_caution(self, caution: float) -> None:
        if caution not in self.curves.cautions:
            known = ", ".join(f"{c:g}" for c in self.curves.cautions)
            raise ValueError(f"OveroptimisationFigure: caution is one of {known}, got {caution:g}")

    def _check_model(self, model: int) -> None:
        if not 0 <= model < self.curves.n_models:
            raise ValueError(f"OveroptimisationFigure: model is one of 0 … {self.curves.n_models - 1}, got {model}")


_CHECKS: dict[str, Any] = {
    "place": OveroptimisationFigure._check_place,
    "caution": OveroptimisationFigure._check_caution,
    "model": OveroptimisationFigure._check_model,
}


def _table(curves: "ProxyCurves", answers: Sequence[str]) -> dict[str, Any]:
    """The traits of the table: of all answers only those that some policy gives most."""
    used, places = np.unique(curves.top, return_inverse=True)
    values = np.concatenate([curves.rewards[None], curves.proxies])[:, used].T
    return {
        "answers": [answers[i] for i in used],
        "top": _bytes(np.stack([places.reshape(curves.top.shape), curves.shares], axis=-1)),
        "values": _bytes(values),
    }


def _bytes(values: np.ndarray) -> bytes:
    return values.astype("<f4").tobytes()


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−")
