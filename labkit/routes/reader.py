"""The reader of grades: the trunk of all chapters, looking both ways, that knows where its holds are."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from labkit.gpt import GPT, GPTConfig
from labkit.gpt.tensor_file import read_tensors, write_tensors
from labkit.gpt.weights import gpt_from_weights, weights_of
from labkit.training.evaluate import evaluating
from labkit.training.gpt_run import GPTRun
from labkit.training.lm_config import LMConfig

from .batches import LengthOrder, Sequences
from .placed import PlacedGPT
from .reading import graded
from .route import Route
from .tokens import CLS, PAD, RouteTokenizer

FORMAT = "labkit.routes.reader 1"
TOGETHER = 256
"""How many routes are read together."""


def reader_model(vocab_size: int, **changes: Any) -> GPTConfig:
    """The reader's config: the modern recipe, bidirectional, one number out; `changes` as in `GPTConfig`.

    Embeddings start small beside the places of holds: what is true of a place is learned from all holds near it.
    """
    chosen: dict[str, Any] = {"block_size": 64, "n_layer": 3, "n_head": 4, "n_embd": 96}
    chosen |= {"init_std": 0.02, "causal": False, "head": "regression"}
    return GPTConfig.preset("modern", vocab_size, **chosen | changes)


class Reader:
    """Reads the difficulty of routes.

    Args:
        model: whose number is (difficulty - mean) / std.
        tokenizer: of its routes.
        mean: of the difficulties that it learned from.
        std: likewise.

    Attributes:
        model: likewise; the others as well.

    Raises:
        ValueError: for a model that is no regression over the tokenizer's tokens.
    """

    def __init__(self, model: GPT, tokenizer: RouteTokenizer, mean: float, std: float) -> None:
        if model.config.head != "regression" or model.config.vocab_size != tokenizer.vocab_size:
            raise ValueError(f"a reader is a regression over {tokenizer.vocab_size} tokens, got {model.config}")
        self.model, self.tokenizer, self.mean, self.std = model, tokenizer, mean, std

    def predict(self, routes: Iterable[Route]) -> np.ndarray:
        """Difficulties on the apps' scale, [routes].

        Raises:
            ValueError: for a route that the tokenizer cannot encode, or one that is too long for the model.
        """
        rows = _encoded(routes, self.tokenizer)
        rows.check("routes", self.model.config.vocab_size, self.model.config.block_size)
        found = np.zeros(len(rows))
        with evaluating(self.model):
            for some in rows.by_length(TOGETHER):
                ids, real = rows.padded(some, self.tokenizer.ids[PAD])
                found[some] = self.model(ids.to(self.model.device), real.to(self.model.device)).cpu().numpy()
        return found * self.std + self.mean

    def save(self, path: str | Path, about: dict[str, Any] | None = None) -> Path:
        """Write all of it as one safetensors file, beside `path` and renamed into place.

        Args:
            path: where.
            about: more that is to stand in its JSON: what it was trained on, how well it reads.
        """
        document = {
            "format": FORMAT,
            "config": self.model.config.to_dict(),
            "tokenizer": self.tokenizer.to_dict(),
            "mean": self.mean,
            "std": self.std,
            "about": about or {},
        }
        return write_tensors(path, weights_of(self.model.plain()), document)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read what `save` wrote.

        Raises:
            FileNotFoundError: if there is no such file.
            ValueError: if it is not such a file; the message names it.
        """
        weights, document = read_tensors(path)
        if document.get("format") != FORMAT:
            raise ValueError(f"{path}: not a reader of grades: expected {FORMAT!r}, got {document.get('format')!r}")
        try:
            tokenizer = RouteTokenizer.from_dict(document["tokenizer"])
            config = GPTConfig.from_dict(document["config"])
            model = gpt_from_weights(config, weights).float()  # they may have been kept in 16 bits
            return cls(model, tokenizer, float(document["mean"]), float(document["std"]))
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise ValueError(f"{path}: {error}") from error


@dataclass(frozen=True, eq=False)
class ReaderData:
    """Routes to learn to read, and others to be measured on.

    Attributes:
        tokenizer: that encoded them.
        train: sequences from <CLS> to <EOS>, without their grade.
        validation: others.
        targets: the standardised difficulties of `train`.
        validation_targets: those of `validation`, by the same mean and deviation.
        mean: of the training difficulties.
        std: their standard deviation.
        ungraded: how many routes were left out because nobody has graded them.
    """

    tokenizer: RouteTokenizer
    train: Sequences
    validation: Sequences
    targets: Tensor
    validation_targets: Tensor
    mean: float
    std: float
    ungraded: int

    @classmethod
    def of(cls, train: Iterable[Route], validation: Iterable[Route], tokenizer: RouteTokenizer) -> Self:
        """From routes.

        Raises:
            ValueError: for a route that the tokenizer cannot encode, or training routes that are all as hard.
        """
        splits, ungraded = [], 0
        for routes in (list(train), list(validation)):
            kept = [route for route in routes if route.difficulty is not None]
            ungraded += len(routes) - len(kept)
            splits.append((_encoded(kept, tokenizer), graded(kept)))
        difficulties = splits[0][1]
        if not len(difficulties) or not difficulties.std() > 0:
            raise ValueError("to learn to read takes routes of several grades")
        mean, std = float(difficulties.mean()), float(difficulties.std())
        targets = [torch.tensor((found - mean) / std, dtype=torch.float32) for _, found in splits]
        return cls(tokenizer, splits[0][0], splits[1][0], targets[0], targets[1], mean, std, ungraded)


class ReaderRun(GPTRun):
    """Train a `PlacedGPT` to read difficulties, in batches of like length.

    The loss is the mean squared error of standardised difficulties: 1 is saying the mean. Steps after which the
    validation split was read have the extras "validation" (that loss over all of it) and "rmse" (its root, on the
    apps' scale).

    Args:
        model: what kind of GPT; see `reader_model`.
        data: what it learns from.
        config: how.

    Raises:
        ValueError: for a model with another head, a causal one, routes that it cannot read, or none.

    Attributes:
        data: as given. The others are those of `GPTRun`.
    """

    data_name: ClassVar[str] = "routes"
    order: LengthOrder
    model: PlacedGPT

    def __init__(self, model: GPTConfig, data: ReaderData, config: LMConfig | None = None) -> None:
        config = config or LMConfig(batch_size=64)
        if model.head != "regression" or model.causal:
            raise ValueError("ReaderRun trains a model that looks both ways (causal=False), with a regression head")
        data.train.check("training routes", model.vocab_size, model.block_size)
        data.validation.check("validation routes", model.vocab_size, model.block_size)
        if config.eval_every and not len(data.validation):
            raise ValueError("to evaluate takes a validation route at least: give some, or set eval_every=0")
        self.data = data
        super().__init__(model, config)

    def make_model(self) -> PlacedGPT:
        """A fresh model that knows where the tokenizer's holds are."""
        return PlacedGPT(self.model_config, self.data.tokenizer, self.config.seed)

    def make_order(self) -> LengthOrder:
        """The training routes."""
        return LengthOrder(self.data.train.lengths, self.config.batch_size, self.config.seed)

    def next_batch(self, batch_size: int) -> tuple[Tensor, ...]:
        """Tokens [batch, time], standardised difficulties [batch], which tokens are real [batch, time]."""
        rows = self.order.take(batch_size)
        tokens, real = self.data.train.padded(rows, self.data.tokenizer.ids[PAD])
        return tokens, self.data.targets[torch.from_numpy(rows)], real

    def measure(self) -> float:
        """The mean squared error over the whole validation split, of standardised difficulties."""
        total, data = 0.0, self.data
        with evaluating(self.model, self.precision):
            for rows in data.validation.by_length(TOGETHER):
                tokens, real = data.validation.padded(rows, data.tokenizer.ids[PAD])
                batch = (tokens, data.validation_targets[torch.from_numpy(rows)], real)
                total += float(self.model.loss(*(part.to(self.device) for part in batch))) * len(rows)
        return total / len(data.validation)

    def extras(self, validation: float) -> dict[str, float]:
        """The loss, and its root on the apps' scale of difficulty."""
        return {"validation": validation, "rmse": math.sqrt(validation) * self.data.std}

    def data_sizes(self) -> dict[str, int]:
        """Routes and tokens in each split."""
        return self.data.train.sizes("train") | self.data.validation.sizes("validation")

    def reader(self) -> Reader:
        """What was best at its evaluation, ready to read; the run may go on."""
        return Reader(self.best_model().plain(), self.data.tokenizer, self.data.mean, self.data.std)


def _encoded(routes: Iterable[Route], tokenizer: RouteTokenizer) -> Sequences:
    """From <CLS> to <EOS>, without the grade: it is the answer."""
    return Sequences.of(tokenizer.encode_route(route, grade=False, begin=CLS) for route in routes)
