"""A reward model: the trunk of all chapters with one number at its end, that says how good a text is.

What people can say is which of two texts is better. Bradley and Terry (1952) make a probability of it: a wins with
sigmoid(r_a - r_b). A model learns the rewards r by maximum likelihood (Christiano et al. 2017; Stiennon et al. 2020).
Only differences are learned, so that any constant may be added to all rewards.
"""

from collections.abc import Iterable, Sequence
from itertools import repeat
from pathlib import Path
from typing import Any, Self

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor

from labkit.gpt import GPT, GPTConfig
from labkit.gpt.tensor_file import read_tensors, write_tensors
from labkit.gpt.weights import gpt_from_weights, load_weights, weights_of
from labkit.routes.batches import Sequences
from labkit.tokenizers import Tokenizer, tokenizer_from_dict
from labkit.training.evaluate import evaluating

from .policy import Samples

FORMAT = "labkit.rlhf.reward_model 1"
TOGETHER = 256
"""How many texts are read together."""


def bradley_terry_loss(chosen: Tensor, rejected: Tensor, targets: Tensor | None = None) -> Tensor:
    """The mean of -log sigmoid(r_chosen - r_rejected), in nats; log 2 where the rewards say nothing.

    Args:
        chosen: rewards of the better texts, [n].
        rejected: of the worse ones, [n].
        targets: how surely the first is the better one, 0 … 1, [n]: ½ is a tie. None: 1 for all.

    Raises:
        ValueError: for no pairs, or shapes that differ.
    """
    shapes = {tuple(part.shape) for part in (chosen, rejected, targets) if part is not None}
    if len(shapes) > 1 or chosen.ndim != 1 or not len(chosen):
        raise ValueError(f"bradley_terry_loss: all have the same shape [n], n at least 1, got {sorted(shapes)}")
    margin = chosen - rejected
    if targets is None:
        return -F.logsigmoid(margin).mean()
    return -(targets * F.logsigmoid(margin) + (1 - targets) * F.logsigmoid(-margin)).mean()


def reward_config(vocab_size: int, **changes: Any) -> GPTConfig:
    """The config of a small reward model: the modern recipe, one number out; `changes` as in `GPTConfig`."""
    chosen: dict[str, Any] = {"block_size": 64, "n_layer": 2, "n_head": 4, "n_embd": 64, "head": "regression"}
    # Where all starts at zero, texts that end in the same token have the same vector: nothing would ever be learned.
    chosen["zero_init"] = False
    return GPTConfig.preset("modern", vocab_size, **chosen | changes)


def with_trunk_of(lm: GPT) -> GPT:
    """A regression with copies of all weights of a language model but its head's; the new head starts at zero.

    Args:
        lm: stays as it is.

    Raises:
        ValueError: for a model with another head.
    """
    if lm.config.head != "lm":
        raise ValueError(f"the trunk is to come from a language model, got one with the head {lm.config.head!r}")
    model = GPT(lm.config.changed(head="regression", n_outputs=1, tied=False)).to(lm.device)
    trunk = {name: p.float() for name, p in weights_of(lm.plain()).items() if not name.startswith("head.")}
    load_weights(model, trunk | {f"head.{name}": torch.zeros_like(p) for name, p in model.head.named_parameters()})
    return model.eval()


class RewardModel:
    """Scores texts.

    Two things call it: with texts (`score`), and with what a policy wrote, so that it can be a policy's reward.

    Args:
        model: a GPT with the head "regression", causal or not.
        tokenizer: what makes tokens of texts.
        mean: is taken from all scores; see `centred`.

    Attributes:
        model: likewise; the others as well.

    Raises:
        ValueError: for a model with another head, or one that knows fewer tokens than the tokenizer has.
    """

    def __init__(self, model: GPT, tokenizer: Tokenizer, mean: float = 0.0) -> None:
        if model.config.head != "regression":
            raise ValueError(f"a reward model has the head 'regression', got {model.config.head!r}")
        if tokenizer.vocab_size > model.config.vocab_size:
            raise ValueError(f"the tokenizer has {tokenizer.vocab_size} tokens, the model knows less: {model.config}")
        self.model, self.tokenizer, self.mean = model, tokenizer, mean

    @classmethod
    def start_from(cls, lm: GPT, tokenizer: Tokenizer) -> Self:
        """One with the trunk of a language model, which has read more text than there are comparisons.

        Its head starts at zero, and so do its scores.
        """
        return cls(with_trunk_of(lm), tokenizer)

    def score(self, texts: Sequence[str]) -> Tensor:
        """Rewards, [texts], on the CPU. A text's reward does not depend on the others.

        Args:
            texts: each with the prompt that it answers, as in training.

        Raises:
            ValueError: for a text that is empty, too long for the model, or beyond the tokenizer.
        """
        rows = encoded(self.tokenizer, texts)
        rows.check("texts", self.model.config.vocab_size, self.model.config.block_size)
        found = torch.zeros(len(rows))
        for some in rows.by_length(TOGETHER):
            found[torch.from_numpy(some)] = self._read(*rows.padded(some))
        return found

    def __call__(self, read: Samples | Tensor, real: Tensor | None = None) -> Tensor:
        """Rewards of token ids, [n], on the CPU.

        Args:
            read: what a policy wrote, of prompt and text; or ids [n, time] of the model's own tokenizer.
            real: of ids: False where a token only pads, [n, time]; None: all are real.

        Raises:
            ValueError: for a sample of which nothing was written, and what the model cannot read.
        """
        if isinstance(read, Samples):
            if empty := int((~read.written.any(1)).sum()):
                raise ValueError(f"{empty} of {len(read)} samples have no token that was written")
            real = read.written.flip(1).cumsum(1).flip(1) > 0  # all up to the last that was written
            read = read.ids
        reals: Iterable[Tensor | None] = repeat(None) if real is None else real.split(TOGETHER)
        found = [self._read(ids, some) for ids, some in zip(read.split(TOGETHER), reals, strict=False)]
        return torch.cat(found)

    def _read(self, ids: Tensor, real: Tensor | None) -> Tensor:
        device = self.model.device
        with evaluating(self.model):
            found = self.model(ids.to(device), None if real is None else real.to(device))
        return found.float().cpu() - self.mean

    def centred(self, texts: Sequence[str]) -> Self:
        """The same model with its constant chosen so that these texts have the mean 0 (Stiennon et al. 2020).

        Models that were trained apart have different constants; what compares or averages them needs this.

        Raises:
            ValueError: for no texts, and as `score`.
        """
        if not texts:
            raise ValueError("to centre a reward model takes one text at least")
        return type(self)(self.model, self.tokenizer, self.mean + float(self.score(texts).double().mean()))

    def save(self, path: str | Path, about: dict[str, Any] | None = None) -> Path:
        """Write all of it as one safetensors file, beside `path` and renamed into place.

        Args:
            path: where.
            about: more that is to stand in its JSON: whose preferences it learned, how well it does.
        """
        document = {
            "format": FORMAT,
            "config": self.model.config.to_dict(),
            "tokenizer": self.tokenizer.to_dict(),
            "mean": self.mean,
            "about": about or {},
        }
        return write_tensors(path, weights_of(self.model), document)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read what `save` wrote.

        Raises:
            FileNotFoundError: if there is no such file.
            ValueError: if it is not such a file; the message names it.
        """
        weights, document = read_tensors(path)
        if document.get("format") != FORMAT:
            raise ValueError(f"{path}: not a reward model: expected {FORMAT!r}, got {document.get('format')!r}")
        try:
            config = GPTConfig.from_dict(document["config"])
            tokenizer = tokenizer_from_dict(document["tokenizer"])
            return cls(gpt_from_weights(config, weights).float(), tokenizer, float(document["mean"]))
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise ValueError(f"{path}: {error}") from error


class RewardEnsemble:
    """Several reward models and some doubt: the mean of their rewards less `caution` times their standard deviation.

    Where members that were trained apart disagree, none of them knows: a policy that chases the mean ends up there,
    and the deviation takes from the reward what it would gain (Coste et al. 2024, who take the variance; the deviation
    has the unit of a reward).

    Args:
        models: centred on the same texts, as `RewardRun.reward_model` is: else constants count as disagreement.
        caution: 0 is the mean.

    Raises:
        ValueError: for no models, models of different tokens, or a caution below 0.
    """

    def __init__(self, models: Sequence[RewardModel], caution: float = 1.0) -> None:
        if not models:
            raise ValueError("an ensemble needs one reward model at least")
        if any(model.tokenizer.to_dict() != models[0].tokenizer.to_dict() for model in models):
            raise ValueError("the reward models of an ensemble need one and the same tokenizer")
        if not 0 <= caution < float("inf"):
            raise ValueError(f"caution is a number of at least 0, got {caution!r}")
        self.models, self.caution = list(models), caution

    def members(self, read: Sequence[str] | Samples | Tensor) -> Tensor:
        """What each member says of texts, samples or ids, [models, n]."""
        if isinstance(read, Samples | Tensor):
            return torch.stack([model(read) for model in self.models])
        return torch.stack([model.score(read) for model in self.models])

    def score(self, texts: Sequence[str]) -> Tensor:
        """Rewards, [texts], as `RewardModel.score`."""
        return self._cautious(self.members(texts))

    def __call__(self, read: Samples | Tensor) -> Tensor:
        """Rewards of samples or of ids without padding, [n], as `RewardModel`."""
        return self._cautious(self.members(read))

    def _cautious(self, members: Tensor) -> Tensor:
        return members.mean(0) - self.caution * members.std(0, correction=0)


def encoded(tokenizer: Tokenizer, texts: Iterable[str]) -> Sequences:
    """The tokens of texts.

    Raises:
        ValueError: for an empty text, or one beyond the tokenizer, with its number.
    """
    rows: list[list[int]] = []
    for number, text in enumerate(texts):
        try:
            rows.append(tokenizer.encode(text))
        except ValueError as error:
            raise ValueError(f"text {number}, {text!r}: {error}") from error
        if not rows[-1]:
            raise ValueError(f"text {number} is empty: there is nothing to score; give it with the prompt before it")
    return Sequences.of(rows)
