"""Training a reward model on comparisons: a pair of texts is one example."""

from collections.abc import Iterable
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from labkit.gpt import GPT, GPTConfig
from labkit.gpt.weights import gpt_from_weights, load_weights, weights_of
from labkit.routes.batches import LengthOrder
from labkit.tokenizers import Tokenizer
from labkit.training.evaluate import evaluating
from labkit.training.gpt_run import GPTRun
from labkit.training.lm_config import LMConfig
from labkit.training.tokens import TokenArray

from .preferences import Comparison
from .reward_model import TOGETHER, RewardModel, bradley_terry_loss, encoded, with_trunk_of

TARGETS = {"a": 1.0, "b": 0.0, "tie": 0.5}
"""How surely a is the better one; a skipped pair says nothing."""


def answered(comparisons: Iterable[Comparison]) -> list[Comparison]:
    """Those that were not skipped."""
    return [comparison for comparison in comparisons if comparison.choice != "skip"]


def agreed(margins: Tensor, targets: Tensor) -> float:
    """The share of pairs whose higher score is the preferred text's, ties left out; equal scores are right by half.

    Args:
        margins: r_a - r_b, [n].
        targets: as in `TARGETS`, [n].

    Returns:
        0 … 1; nan where all are ties.
    """
    decided = targets != 0.5
    right = (margins[decided].sign() * (2 * targets[decided] - 1) + 1) / 2
    return float(right.double().mean())


class Pairs:
    """Comparisons side by side, to be had in batches.

    Args:
        comparisons: any number of them; skipped ones are left out.
        tokenizer: of their texts, prompt and sample read as one.

    Attributes:
        comparisons: those that count.
        skipped: how many do not.
        sequences: their texts: of pair i, a is number 2i and b is 2i + 1.
        targets: how surely a is the better one, [pairs].
        lengths: of the longer text of each pair, in tokens, [pairs].

    Raises:
        ValueError: for a text that the tokenizer cannot encode, or an empty one.
    """

    def __init__(self, comparisons: Iterable[Comparison], tokenizer: Tokenizer) -> None:
        everything = list(comparisons)
        self.comparisons = answered(everything)
        self.skipped = len(everything) - len(self.comparisons)
        self.sequences = encoded(tokenizer, self.texts())
        self.targets = torch.tensor([TARGETS[each.choice] for each in self.comparisons])
        self.lengths = self.sequences.lengths.reshape(-1, 2).max(axis=1)

    def __len__(self) -> int:
        return len(self.comparisons)

    def texts(self) -> list[str]:
        """All texts with their prompts, two for each pair."""
        return [each.prompt + sample for each in self.comparisons for sample in (each.a, each.b)]

    def batch(self, rows: TokenArray) -> tuple[Tensor, Tensor, Tensor]:
        """Tokens [batch, 2, time], targets [batch], and which tokens are real [batch, 2, time].

        Args:
            rows: which pairs, [batch].
        """
        tokens, real = self.sequences.padded(np.stack((2 * rows, 2 * rows + 1), axis=1).ravel())
        shape = len(rows), 2, -1
        return tokens.view(shape), self.targets[torch.from_numpy(rows)], real.view(shape)


class ComparingGPT(GPT):
    """A regression whose loss is over pairs of texts."""

    def margins(self, tokens: Tensor, real: Tensor | None = None) -> Tensor:
        """r_a - r_b of tokens [pairs, 2, time], [pairs]; `real` as in `forward`, [pairs, 2, time]."""
        rewards = self(tokens.flatten(0, 1), None if real is None else real.flatten(0, 1))
        a, b = rewards.float().view(-1, 2).unbind(1)
        return a - b

    def loss(self, tokens: Tensor, targets: Tensor, real: Tensor | None = None) -> Tensor:
        """Bradley and Terry's loss in nats; targets [pairs] as in `TARGETS`."""
        margins = self.margins(tokens, real)
        return bradley_terry_loss(margins, torch.zeros_like(margins), targets)


class RewardRun(GPTRun):
    """Train a reward model on comparisons, in batches of like length.

    The loss is Bradley and Terry's; knowing nothing is log 2 = 0.693 nats. Steps after which the validation comparisons
    were read have the extras "validation" (the loss over all of them) and "accuracy" (see `agreed`); in others these
    are nan. Comparisons are few and the model overfits soon: it is `best_model` that counts, and `config.patience`
    stops in time.

    Args:
        model: a language model, whose trunk it begins with, or the GPT of a reward model, to go on with (both stay as
            they are); or the config of a fresh one, see `reward_config`.
        tokenizer: of the texts.
        train: comparisons that it learns from.
        validation: what it is measured on; may be none with `config.eval_every=0`.
        config: how.

    Raises:
        ValueError: for a model with another head, texts that the model cannot read, or no comparisons.

    Attributes:
        train: its pairs.
        validation: likewise. The others are those of `GPTRun`.
    """

    data_name: ClassVar[str] = "comparisons"
    order: LengthOrder
    model: ComparingGPT

    def __init__(
        self,
        model: GPT | GPTConfig,
        tokenizer: Tokenizer,
        train: Iterable[Comparison],
        validation: Iterable[Comparison] = (),
        config: LMConfig | None = None,
    ) -> None:
        config = config or LMConfig(max_steps=300, batch_size=32, eval_every=20)
        self._start = None
        if isinstance(model, GPT):
            start = model if model.config.head == "regression" else with_trunk_of(model)
            self._start = {name: weight.clone() for name, weight in weights_of(start).items()}
            model = start.config
        if model.head != "regression":
            raise ValueError(f"RewardRun trains a model with the head 'regression', got {model.head!r}")
        self.tokenizer, self.train, self.validation = tokenizer, Pairs(train, tokenizer), Pairs(validation, tokenizer)
        for what, pairs in (("training texts", self.train), ("validation texts", self.validation)):
            pairs.sequences.check(what, model.vocab_size, model.block_size)
        if not len(self.train):
            raise ValueError(f"there is no comparison to train on ({self.train.skipped} were skipped)")
        if config.eval_every and not len(self.validation):
            raise ValueError("to evaluate takes a validation comparison at least: give some, or set eval_every=0")
        self._accuracy = float("nan")
        super().__init__(model, config)

    def make_model(self) -> ComparingGPT:
        """A model with the trunk that was given; a fresh one where only a config was."""
        model = ComparingGPT(self.model_config, seed=self.config.seed)
        if self._start is not None:
            load_weights(model, self._start)
        return model

    def make_order(self) -> LengthOrder:
        """The training comparisons."""
        return LengthOrder(self.train.lengths, self.config.batch_size, self.config.seed)

    def next_batch(self, batch_size: int) -> tuple[Tensor, ...]:
        """See `Pairs.batch`; the last of an epoch are few."""
        return self.train.batch(self.order.take(batch_size))

    def measure(self) -> float:
        """The loss over all validation comparisons, in nats a pair."""
        found = torch.zeros(len(self.validation))
        order = np.argsort(self.validation.lengths, kind="stable")
        with evaluating(self.model, self.precision):
            for first in range(0, len(order), TOGETHER // 2):
                rows = order[first : first + TOGETHER // 2]
                tokens, _, real = self.validation.batch(rows)
                found[torch.from_numpy(rows)] = self.model.margins(tokens.to(self.device), real.to(self.device)).cpu()
        self._accuracy = agreed(found, self.validation.targets)
        return float(bradley_terry_loss(found, torch.zeros_like(found), self.validation.targets))

    def extras(self, validation: float) -> dict[str, float]:
        """The loss in nats, and the accuracy of the same evaluation."""
        return {"validation": validation, "accuracy": self._accuracy}

    def data_sizes(self) -> dict[str, int]:
        """Texts and tokens in each part."""
        return self.train.sequences.sizes("train") | self.validation.sequences.sizes("validation")

    def reward_model(self) -> RewardModel:
        """What was best at its evaluation, ready to score; the training texts have the mean 0. The run may go on."""
        model = gpt_from_weights(self.model_config, weights_of(self.best_model())).to(self.device)
        return RewardModel(model, self.tokenizer).centred(self.train.texts())
