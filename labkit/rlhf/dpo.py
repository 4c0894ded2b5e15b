"""DPO (Rafailov et al. 2023) and IPO (Azar et al. 2024): learn from pairs, without a reward model and without sampling.

The optimum of the KL-regularised objective, solved for the reward, is r(y) = β log(π*(y)/μ(y)) + β log Z. In a
Bradley–Terry model only differences of rewards count, and Z is gone: a policy *is* a reward model, with the implicit
reward β log(π/μ), and fitting that to the pairs gives π*.
"""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor

from labkit.tokenizers import Tokenizer

from .policy import PairBatch, Policy, padded
from .preferences import Comparison
from .run import Measure, PolicyConfig, PolicyRun

PairSource = Callable[[int, int], PairBatch]
"""`source(n, seed)` gives n pairs, drawn by the seed."""


def implicit_rewards(log_probs: Tensor, ref_log_probs: Tensor, beta: float) -> Tensor:
    """β log(π/μ) of texts, [n]; the reference is taken as numbers: no gradient passes."""
    return beta * (log_probs - ref_log_probs.detach())


def dpo_loss(chosen: Tensor, rejected: Tensor, ref_chosen: Tensor, ref_rejected: Tensor, beta: float) -> Tensor:
    """−log σ of the difference of implicit rewards, mean over pairs.

    Args:
        chosen: log-probabilities of the preferred texts under the policy, [n]; with gradients.
        rejected: of the others, [n].
        ref_chosen: of the preferred texts under the reference, [n].
        ref_rejected: of the others, [n].
        beta: above 0.
    """
    return -F.logsigmoid(
        implicit_rewards(chosen, ref_chosen, beta) - implicit_rewards(rejected, ref_rejected, beta)
    ).mean()


def ipo_loss(chosen: Tensor, rejected: Tensor, ref_chosen: Tensor, ref_rejected: Tensor, beta: float) -> Tensor:
    """(difference of log(π/μ) − 1/(2β))², mean over pairs; the arguments are those of `dpo_loss`.

    Where DPO wants the difference of a pair that is always won to grow without end, this wants it to be 1/(2β). Its
    optimum is another: the π* of the reward P(y is preferred to a text of μ).
    """
    margin = implicit_rewards(chosen, ref_chosen, 1.0) - implicit_rewards(rejected, ref_rejected, 1.0)
    return (margin - 1 / (2 * beta)).square().mean()


class PairRun(PolicyRun):
    """Train a policy on pairs. Extras: "accuracy", the share of pairs that the implicit reward ranks as they were
    chosen, and "margin", the mean difference of implicit rewards.

    Args:
        policy: where to begin.
        pairs: where a step's pairs come from.
        config: how; beta must be above 0.
        measure: see `PolicyRun`.
    """

    def __init__(self, policy: Policy, pairs: PairSource, config: PolicyConfig, measure: Measure | None = None) -> None:
        if config.beta <= 0:
            raise ValueError(f"{type(self).__name__}: beta must be above 0, got {config.beta}")
        self.pairs = pairs
        super().__init__(policy, config, measure)

    @abstractmethod
    def loss(self, chosen: Tensor, rejected: Tensor, ref_chosen: Tensor, ref_rejected: Tensor, beta: float) -> Tensor:
        """What a step descends; arguments as in `dpo_loss`."""

    def learn(self, number: int) -> dict[str, float]:
        """One batch of pairs."""
        pairs = self.pairs(self.config.batch_size, self.seed_of(number))
        with torch.no_grad():
            ref = [self.reference.log_probs(side).sum(1) for side in pairs]
        own = [self.policy.log_probs(side).sum(1) for side in pairs]
        beta = max(self.controls["beta"], 1e-6)  # a slider at 0 asks for a reward that nothing pays
        loss = self.loss(own[0], own[1], ref[0], ref[1], beta)
        with torch.no_grad():
            margin = implicit_rewards(own[0], ref[0], beta) - implicit_rewards(own[1], ref[1], beta)
        return {
            "loss": float(loss.detach()),
            "grad_norm": self.update(loss),
            "tokens": int(sum(side.written.sum() for side in pairs)),
            "accuracy": float((margin > 0).float().mean() + 0.5 * (margin == 0).float().mean()),
            "margin": float(margin.mean()),
        }


def pairs_of(comparisons: Iterable[Comparison], tokenizer: Tokenizer, end: Sequence[int] = ()) -> PairSource:
    """What people chose, to be drawn from with replacement; ties and what was skipped say nothing here.

    Prompt and text are encoded apart, since a policy writes them apart; a reward model reads both as one.

    Args:
        comparisons: prompts and their two texts.
        tokenizer: of both.
        end: tokens that end every text.

    Raises:
        ValueError: if none was decided, or a prompt is empty: a model needs one token to say what comes next.
    """
    decided = [each for each in comparisons if each.choice in ("a", "b")]
    if not decided:
        raise ValueError("no comparison was decided: there is nothing to learn from")
    prompts = [tokenizer.encode(each.prompt) for each in decided]
    if [] in prompts:
        raise ValueError(
            f"comparison {prompts.index([])} has an empty prompt: begin with what texts begin after, such as a line end"
        )
    sides = [
        padded(prompts, [[*tokenizer.encode(each.a if each.choice == first else each.b), *end] for each in decided])
        for first in ("a", "b")
    ]

    def source(n: int, seed: int) -> PairBatch:
        rows = torch.randint(len(decided), (n,), generator=torch.Generator().manual_seed(seed))
        return PairBatch(sides[0].take(rows), sides[1].take(rows))

    return source


class DPORun(PairRun):
    """DPO."""

    def loss(self, chosen: Tensor, rejected: Tensor, ref_chosen: Tensor, ref_rejected: Tensor, beta: float) -> Tensor:
        """See `dpo_loss`."""
        return dpo_loss(chosen, rejected, ref_chosen, ref_rejected, beta)


class IPORun(PairRun):
    """IPO."""

    def loss(self, chosen: Tensor, rejected: Tensor, ref_chosen: Tensor, ref_rejected: Tensor, beta: float) -> Tensor:
        """See `ipo_loss`."""
        return ipo_loss(chosen, rejected, ref_chosen, ref_rejected, beta)
