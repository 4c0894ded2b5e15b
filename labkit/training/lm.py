"""The run of chapter 4 and all later ones on text: a GPT learns to continue a line of tokens."""

from typing import ClassVar

from torch import Tensor

from labkit.gpt import GPTConfig

from .evaluate import bits_per_character, evaluate, perplexity
from .gpt_run import GPTRun, Writer
from .lm_config import LMConfig
from .tokens import BlockOrder, TokenData


class LMRun(GPTRun):
    """Train a `GPT` on blocks of a line of tokens.

    The loss is the mean cross-entropy of a step's tokens in nats: log(vocab_size) is guessing.

    Steps after which the validation split was read have the extras "validation" (nats), "perplexity" and
    "bits_per_character"; in the others these are nan.

    Args:
        model: what kind of GPT.
        data: what it learns from.
        config: how.
        write: writes the samples of `config.sample_every`.

    Raises:
        ValueError: for a model that is no causal language model, tokens that it does not know, too few of them, a
            device that is not here, or `compile` without a compiler.

    Attributes:
        data: as given. The others are those of `GPTRun`.
    """

    data_name: ClassVar[str] = "a text"
    order: BlockOrder

    def __init__(
        self, model: GPTConfig, data: TokenData, config: LMConfig | None = None, write: Writer | None = None
    ) -> None:
        config = config or LMConfig()
        if model.head != "lm" or not model.causal:
            raise ValueError("LMRun trains a causal model with a language-model head")
        data.check(model.vocab_size)
        if config.eval_every and len(data.validation) < 2:
            raise ValueError(
                f"to evaluate takes two validation tokens at least, there are {len(data.validation)}: give some, or "
                "set eval_every=0"
            )
        self.data = data
        super().__init__(model, config, write)

    def make_order(self) -> BlockOrder:
        """Blocks of the training split."""
        return BlockOrder(self.data.train, self.model_config.block_size, self.config.seed)

    def next_batch(self, batch_size: int) -> tuple[Tensor, ...]:
        """Blocks, and the token after each of theirs: two of [batch_size, block_size]."""
        return self.order.batch(batch_size)

    def measure(self) -> float:
        """The loss over the whole validation split, in nats."""
        return evaluate(self.model, self.data.validation, precision=self.precision)

    def extras(self, validation: float) -> dict[str, float]:
        """The loss in nats, and as perplexity and bits per character."""
        bits = bits_per_character(validation, self.data.characters_per_token)
        return {"validation": validation, "perplexity": perplexity(validation), "bits_per_character": bits}

    def data_sizes(self) -> dict[str, int]:
        """Tokens in each split."""
        return {"train": len(self.data.train), "validation": len(self.data.validation)}
