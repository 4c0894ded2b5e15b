"""Supervised fine-tuning: a GPT learns to complete prompts, from examples of good completions.

The model reads prompt and completion as one line of tokens, and the loss counts the completion alone: nobody asks it to
write prompts. That is a mask on targets, no change to the model; the prompt is still read, as context.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from labkit.gpt import GPT, GPTConfig
from labkit.gpt.weights import load_weights, weights_of
from labkit.routes.batches import NO_TARGET, LengthOrder, Sequences, next_tokens
from labkit.training.evaluate import evaluating, perplexity
from labkit.training.gpt_run import GPTRun, Writer
from labkit.training.lm_config import LMConfig
from labkit.training.tokens import TokenArray

EVALUATED = 128
"""How many examples are evaluated together."""


@dataclass(frozen=True)
class Example:
    """What is given, and what should be written after it.

    Attributes:
        prompt: ids, one at least.
        completion: ids, one at least; the last should be the token that ends a text, or the model never learns to end.
    """

    prompt: Sequence[int]
    completion: Sequence[int]


class Examples:
    """Examples side by side, to be had in batches.

    Args:
        examples: any number of them.

    Attributes:
        sequences: each prompt and its completion as one sequence.
        prompts: how many tokens of each are its prompt, [examples].

    Raises:
        ValueError: for an empty prompt or completion, or an id below zero.
    """

    def __init__(self, examples: Iterable[Example]) -> None:
        examples = list(examples)
        for i, example in enumerate(examples):
            if not len(example.prompt):
                raise ValueError(
                    f"example {i} has an empty prompt: a model needs one token to say what comes next; begin with the "
                    "token that texts begin after, such as the end of a line"
                )
            if not len(example.completion):
                raise ValueError(f"example {i} has an empty completion: there is nothing to learn from it")
        self.sequences = Sequences.of([*example.prompt, *example.completion] for example in examples)
        self.prompts = np.array([len(example.prompt) for example in examples], dtype=np.int64)

    def __len__(self) -> int:
        return len(self.prompts)

    @property
    def counted(self) -> TokenArray:
        """How many tokens of each the loss counts, [examples]: those of its completion."""
        return self.sequences.lengths - self.prompts

    def batch(self, rows: TokenArray) -> tuple[Tensor, Tensor]:
        """Tokens, padded on the right with 0, and the token after each, two of [batch, time].

        Targets are -1 where the next token is of the prompt, or padding.

        Args:
            rows: which, [batch].
        """
        tokens, targets = next_tokens(*self.sequences.padded(rows))
        # The target at place t is token t + 1: the last place of the prompt already asks for the completion.
        of_prompt = torch.arange(targets.shape[1]) < torch.from_numpy(self.prompts[rows] - 1)[:, None]
        return tokens, targets.masked_fill(of_prompt, NO_TARGET)

    def sizes(self, name: str) -> dict[str, int]:
        """By which a run knows its data again."""
        return self.sequences.sizes(name) | {f"{name}_counted": int(self.counted.sum())}


class SFTRun(GPTRun):
    """Train a causal `GPT` to complete prompts, in batches of like length.

    The loss is the mean cross-entropy in nats of the completions' tokens in a batch. Steps after which the validation
    examples were read have the extras "validation" (over all of them) and "perplexity"; in others these are nan.

    Args:
        model: a trained model, whose weights the run begins with and leaves as they are; or the config of a fresh one.
        train: what it learns from.
        validation: what it is measured on; may be none with `config.eval_every=0`.
        config: how.
        write: writes the samples of `config.sample_every`.

    Raises:
        ValueError: for a model that is no causal language model, and examples that it cannot read, or none.

    Attributes:
        train: as given.
        validation: as given. The others are those of `GPTRun`.
    """

    data_name: ClassVar[str] = "examples"
    order: LengthOrder

    def __init__(
        self,
        model: GPT | GPTConfig,
        train: Iterable[Example],
        validation: Iterable[Example] = (),
        config: LMConfig | None = None,
        write: Writer | None = None,
    ) -> None:
        config = config or LMConfig()
        shape = model.config if isinstance(model, GPT) else model
        if shape.head != "lm" or not shape.causal:
            raise ValueError(f"{type(self).__name__} trains a causal model with a language-model head")
        self.train, self.validation = Examples(train), Examples(validation)
        for what, examples in (("training examples", self.train), ("validation examples", self.validation)):
            examples.sequences.check(what, shape.vocab_size, shape.block_size + 1)  # the last token is a target alone
        if config.eval_every and not len(self.validation):
            raise ValueError("to evaluate takes a validation example at least: give some, or set eval_every=0")
        self._start = None
        if isinstance(model, GPT):
            self._start = {name: weight.clone() for name, weight in weights_of(model.plain()).items()}
        super().__init__(shape, config, write)

    def make_model(self) -> GPT:
        """The model as it was given; a fresh one where only its config was."""
        model = super().make_model()
        if self._start is not None:
            load_weights(model, self._start)
        return model

    def make_order(self) -> LengthOrder:
        """The training examples."""
        return LengthOrder(self.train.sequences.lengths, self.config.batch_size, self.config.seed)

    def next_batch(self, batch_size: int) -> tuple[Tensor, ...]:
        """Tokens and targets, see `Examples.batch`; the last of an epoch are few."""
        return self.train.batch(self.order.take(batch_size))

    def measure(self) -> float:
        """The loss over all validation examples, in nats a token of the completions."""
        total = 0.0
        with evaluating(self.model, self.precision):
            for rows in self.validation.sequences.by_length(EVALUATED):
                tokens, targets = (part.to(self.device) for part in self.validation.batch(rows))
                total += float(self.model.loss(tokens, targets)) * int(self.validation.counted[rows].sum())
        return total / int(self.validation.counted.sum())

    def extras(self, validation: float) -> dict[str, float]:
        """The loss in nats, and the perplexity."""
        return {"validation": validation, "perplexity": perplexity(validation)}

    def data_sizes(self) -> dict[str, int]:
        """Examples and tokens in each part."""
        return self.train.sizes("train") | self.validation.sizes("validation")
