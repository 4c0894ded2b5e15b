"""The run that trains the generator: a causal GPT learns to write routes, with their grade and at times without."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from labkit.gpt import GPTConfig
from labkit.training.controls import Control
from labkit.training.evaluate import evaluating, perplexity
from labkit.training.gpt_run import GPTRun, Writer
from labkit.training.lm_config import LMConfig

from .batches import NO_TARGET, LengthOrder, Sequences, next_tokens
from .generator import Generator
from .placed import PlacedGPT
from .route import Route
from .rules import Rules
from .tokens import ANY_GRADE, PAD, RouteTokenizer

EVALUATED = 128
"""How many sequences are evaluated together."""


def route_model(vocab_size: int, **changes: Any) -> GPTConfig:
    """The generator's config: the modern recipe with tied weights; `changes` as in `GPTConfig`.

    Dropout is the run's live control. It starts at 0: two epochs of fresh routes leave nothing to learn by heart.
    Tied weights start small: the logits of embeddings of size 1 would be √n_embd wide from the start.
    """
    chosen = {
        "block_size": 64,
        "n_layer": 3,
        "n_head": 4,
        "n_embd": 96,
        "tied": True,
        "init_std": 0.02,
    }
    return GPTConfig.preset("modern", vocab_size, **chosen | changes)


@dataclass(frozen=True, eq=False)
class RouteData:
    """Encoded routes to learn from and to be measured on.

    Attributes:
        train: sequences from <BOS> to <EOS>.
        validation: others.
        tokenizer: that encoded them.
    """

    train: Sequences
    validation: Sequences
    tokenizer: RouteTokenizer

    @classmethod
    def of(cls, train: Iterable[Route], validation: Iterable[Route], tokenizer: RouteTokenizer) -> Self:
        """From routes; one that nobody has graded is of any grade.

        Raises:
            ValueError: for a route that the tokenizer cannot encode.
        """
        parts = []
        for routes in (train, validation):
            parts.append(Sequences.of(_encoded(route, tokenizer) for route in routes))
        return cls(parts[0], parts[1], tokenizer)

    @property
    def any_grade(self) -> int:
        """The id of <GRADE_ANY>."""
        return self.tokenizer.ids[ANY_GRADE]

    @property
    def grades(self) -> list[int]:
        """The ids of all other grades."""
        return [i for i in self.tokenizer.grades if i != self.any_grade]

    def batch(self, sequences: Sequences, rows: np.ndarray, width: int | None = None) -> tuple[Tensor, Tensor]:
        """Some of the sequences, and the token after each of theirs: two of [batch, width - 1].

        Args:
            sequences: `train` or `validation`.
            rows: which, [batch].
            width: as in `Sequences.padded`.
        """
        tokens, targets = next_tokens(*sequences.padded(rows, self.tokenizer.ids[PAD], width))
        return tokens, targets.masked_fill(targets == self.any_grade, NO_TARGET)


class RouteRun(GPTRun):
    """Train a causal `GPT` on routes, in batches of like length.

    The loss is the mean cross-entropy in nats of the real tokens of a batch after <BOS>, board, angle and grade among
    them; padding never counts, nor does <GRADE_ANY>, which nobody has to write. Steps after which the validation split
    was read have the extras "validation" (over all of it, each route with its grade) and "perplexity". One more live
    control: "drop_grade", the share of routes whose grade is hidden from the model behind <GRADE_ANY>; a model that
    has learned both can be guided (Ho & Salimans 2022).

    Args:
        model: what kind of GPT; see `route_model`.
        data: what it learns from.
        config: how.
        drop_grade: where that control begins.
        write: writes the samples of `config.sample_every`.
        width: pads all sequences to this length, as is often done: for comparison. None: to the longest of a batch.

    Raises:
        ValueError: for a model that is no causal language model, data that it cannot read, or none.

    Attributes:
        data: as given.
        model: a `PlacedGPT`.
        width: as given. The others are those of `GPTRun`.
    """

    data_name: ClassVar[str] = "routes"
    order: LengthOrder
    model: PlacedGPT

    def __init__(
        self,
        model: GPTConfig,
        data: RouteData,
        config: LMConfig | None = None,
        drop_grade: float = 0.15,
        write: Writer | None = None,
        width: int | None = None,
    ) -> None:
        config = config or LMConfig(batch_size=64)
        if model.head != "lm" or not model.causal:
            raise ValueError("RouteRun trains a causal model with a language-model head")
        for what, sequences in (("training routes", data.train), ("validation routes", data.validation)):
            sequences.check(what, model.vocab_size, model.block_size + 1)  # the last token is a target alone
            if len(sequences) and sequences.lengths.min() < 2:
                raise ValueError(f"{what}: a sequence of one token has nothing to predict")
        if config.eval_every and not len(data.validation):
            raise ValueError("to evaluate takes a validation route at least: give some, or set eval_every=0")
        self.data, self.width = data, width
        self._is_grade = np.isin(np.arange(model.vocab_size), data.grades)
        control = Control("drop_grade", drop_grade, 0.0, 1.0, label="grades dropped")
        super().__init__(model, config, write, [control])

    def make_model(self) -> PlacedGPT:
        """A fresh model that knows which tokens are of one hold, and where it is."""
        return PlacedGPT(self.model_config, self.data.tokenizer, self.config.seed)

    def make_order(self) -> LengthOrder:
        """The training routes."""
        return LengthOrder(self.data.train.lengths, self.config.batch_size, self.config.seed)

    def next_batch(self, batch_size: int) -> tuple[Tensor, ...]:
        """Tokens, some without their grade, and the token after each: two of [batch, time]; an epoch's last are few."""
        rows = self.order.take(batch_size)
        tokens, targets = self.data.batch(self.data.train, rows, self.width)
        # Drawn by the place in the data, not one after the other: a run that is resumed drops the same.
        draws = np.random.default_rng((self.config.seed, self.order.epoch, self.order.used)).random(len(rows))
        dropped = torch.from_numpy(draws < self.controls["drop_grade"])[:, None]
        hidden = dropped & torch.from_numpy(self._is_grade)[tokens]
        return tokens.masked_fill(hidden, self.data.any_grade), targets

    def measure(self) -> float:
        """The loss over the whole validation split, in nats a token."""
        total, counted = 0.0, 0
        with evaluating(self.model, self.precision):
            for rows in self.data.validation.by_length(EVALUATED):
                batch = self.data.batch(self.data.validation, rows)
                tokens, targets = (part.to(self.device) for part in batch)
                n = int((targets != NO_TARGET).sum())
                total += float(self.model.loss(tokens, targets)) * n
                counted += n
        return total / counted

    def extras(self, validation: float) -> dict[str, float]:
        """The loss in nats, and the perplexity."""
        return {"validation": validation, "perplexity": perplexity(validation)}

    def data_sizes(self) -> dict[str, int]:
        """Routes and tokens in each split."""
        return self.data.train.sizes("train") | self.data.validation.sizes("validation")

    def generator(self, about: dict[str, Any] | None = None, rules: Rules | None = None) -> Generator:
        """What was best at its evaluation, ready to write; the run may go on.

        Args:
            about: what is to be known of it.
            rules: how long a route may be: a model with a small block_size needs shorter ones than `Rules()`.
        """
        return Generator(self.best_model().plain(), self.data.tokenizer, rules, about)


def _encoded(route: Route, tokenizer: RouteTokenizer) -> list[int]:
    return tokenizer.encode_route(route, grade="any" if route.difficulty is None else True)
