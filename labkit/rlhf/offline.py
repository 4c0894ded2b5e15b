r"""Offline reinforcement learning: texts that somebody wrote and rewarded, in a file; nobody writes new ones.

Reward-weighted likelihood (Peters & Schaal 2007; with a baseline, as advantage-weighted regression, Peng et al. 2019):
the texts are learned as in supervised fine-tuning, each with a weight that grows with its reward,

    loss = - Σ w_i · log π(y_i),    w_i ∝ exp((r_i - mean r) / β).

Weights are never below 0. So a bad text is learned less, not unlearned: `Σ r_i · log π(y_i)` itself has no bound
where a reward is negative, since the likelihood of such a text can fall forever. Over all policies the loss is least at

    π*(y) ∝ data(y) · exp(r(y) / β),

the optimum of the KL-regularised objective with the data as its reference (`labkit.rlhf.exact.optimum`).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor

from labkit.gpt import GPT, GPTConfig
from labkit.training.evaluate import evaluating
from labkit.training.gpt_run import Writer
from labkit.training.lm_config import LMConfig

from .advantage import CAP, advantage_weights, deviation, effective_size
from .scored import Scored, examples_of, read_scored
from .sft import EVALUATED, Example, Examples, SFTRun

__all__ = [
    "OfflineRun",
    "Scored",
    "Weighted",
    "advantage_weights",
    "deviation",
    "effective_size",
    "examples_of",
    "read_scored",
    "text_nats",
    "weighted_nats",
]


@dataclass(frozen=True, eq=False)
class Weighted:
    """Texts as examples, each with its reward and its weight.

    Attributes:
        examples: n of them; their prompt is what texts begin after.
        rewards: [n], float64.
        weights: [n], float64, mean 1.
    """

    examples: Sequence[Example]
    rewards: Tensor
    weights: Tensor

    @classmethod
    def of(
        cls,
        examples: Iterable[Example],
        rewards: Sequence[float],
        beta: float = 1.0,
        cap: float | None = CAP,
        scale: float | None = None,
    ) -> "Weighted":
        """With the weights of `advantage_weights`, which says what the arguments are.

        Validation texts get the `scale` of the training texts, so that both are weighted by one temperature.
        """
        examples = list(examples)
        if len(examples) != len(rewards):
            raise ValueError(f"{len(examples)} texts with {len(rewards)} rewards: each text needs one")
        weights = advantage_weights(rewards, beta, cap, scale)
        return cls(examples, torch.tensor(rewards, dtype=torch.float64), weights)

    def __len__(self) -> int:
        return len(self.examples)


class OfflineRun(SFTRun):
    """Train a causal `GPT` on texts by how they were rewarded.

    The loss of a batch is Σ w · nll / (n · m) over its n texts, where nll is the negative log-likelihood of a text, its
    end too, and m the mean of w · tokens over all training texts: over an epoch that is the weighted mean nll of a
    token, in nats. Texts count by their weights alone: the gradient is divided by the batch size asked for, also where
    the last batch of an epoch is small, and never by how many tokens a batch happens to have, which in batches of like
    length would make short texts count more.

    Each step has the extras "reward", the mean reward of its texts, and "effective_size" (see the function). Steps
    after which the validation texts were read have "validation" and "perplexity" too, of their weighted mean nll.

    Args:
        model: a trained model to begin with, or the config of a fresh one.
        train: what it learns from.
        validation: what it is measured on; may be None with `config.eval_every=0`.
        config: how.
        write: writes the samples of `config.sample_every`.

    Raises:
        ValueError: as `SFTRun`.

    Attributes:
        texts: the training texts, as given.
        held_out: the validation texts, as given. The others are those of `SFTRun`.
    """

    def __init__(
        self,
        model: GPT | GPTConfig,
        train: Weighted,
        validation: Weighted | None = None,
        config: LMConfig | None = None,
        write: Writer | None = None,
    ) -> None:
        self.texts, self.held_out = train, validation
        super().__init__(model, train.examples, validation.examples if validation else (), config, write)
        self._mean = float((train.weights * torch.from_numpy(self.train.counted)).mean())

    def build(self) -> None:
        """As the base does, with the weighted loss."""
        super().build()
        loss: Callable[..., Tensor] = self._weighted
        self._loss = torch.compile(loss) if self.config.compile else loss

    def next_batch(self, batch_size: int) -> tuple[Tensor, ...]:
        """Tokens and targets [batch, time], and what each text's nll is multiplied by, [batch]."""
        self._rows = self.order.take(batch_size)
        tokens, targets = self.train.batch(self._rows)
        # `GPTRun` counts a part of a batch by its targets; what it divides by is multiplied here.
        factor = int((targets >= 0).sum()) / (min(batch_size, len(self.texts)) * self._mean)
        return tokens, targets, (self.texts.weights[self._rows] * factor).float()

    def _weighted(self, tokens: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
        return (text_nats(self.model, tokens, targets) * weights).sum() / (targets >= 0).sum()

    def train_step(self) -> dict[str, float]:
        """As the base does, and what its texts were worth."""
        asked = min(int(self.controls["batch_size"]), len(self.texts))
        measured = super().train_step()
        rewards, weights = self.texts.rewards[self._rows], self.texts.weights[self._rows]
        measured["loss"] *= asked / len(weights)  # of the texts that there were
        return measured | {"reward": float(rewards.mean()), "effective_size": effective_size(weights)}

    def measure(self) -> float:
        """The weighted mean nll of the validation texts, in nats a token."""
        assert self.held_out is not None  # `SFTRun` evaluates only where there are some
        return weighted_nats(self.model, self.held_out, self.precision)


def text_nats(model: GPT, tokens: Tensor, targets: Tensor) -> Tensor:
    """The negative log-likelihood of each text, [batch], in nats: the sum over its targets; -1 is left out.

    Args:
        model: a causal language model.
        tokens: [batch, time].
        targets: likewise.
    """
    logits = model(tokens)
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))  # as `GPT.loss` does
    each = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=-1, reduction="none")
    return each.view(targets.shape).sum(1)


def weighted_nats(model: GPT, texts: Weighted, precision: torch.dtype = torch.float32) -> float:
    """The mean negative log-likelihood of a token, in nats, where each token has the weight of its text.

    Args:
        model: a causal language model; it is put into evaluation mode meanwhile.
        texts: one at least.
        precision: of matrix products.
    """
    examples, weights = Examples(texts.examples), texts.weights.numpy()
    total = 0.0
    with evaluating(model, precision):
        for rows in examples.sequences.by_length(EVALUATED):
            nats = text_nats(model, *(part.to(model.device) for part in examples.batch(rows)))
            total += float(np.dot(nats.double().cpu().numpy(), weights[rows]))
    return total / float(np.dot(weights, examples.counted))
