"""A figure that carries a trained GPT, with which the page computes: weights as half floats, characters as tokens."""

from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np
import traitlets as t

from labkit.tokenizers import Tokenizer

from .figure import Figure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from labkit.gpt import GPT, GPTConfig  # they need torch, which a page of figures does without

MODEL_TRAITS = ("weights", "shapes", "config", "vocabulary")
"""Of `page_traits`: what the page needs of the model."""

COMPUTED = frozenset(
    {"vocab_size", "block_size", "n_layer", "n_head", "n_embd", "norm", "norm_gain", "norm_eps", "embedding_norm"}
    | {"final_norm", "activation", "positions", "rope_base", "qk_norm", "bias", "tied"}
)
"""The fields of a config that the page computes by."""
ONLY_IN_TRAINING = frozenset({"zero_init", "init_std", "scaled_init", "dropout"})


class PageModel(Figure):
    """What figures with a language model in them have in common; a module computes with page_gpt.model.js."""

    weights = t.Bytes(b"").tag(sync=True)
    """float16, little-endian: the tensors of `shapes`, one after the other."""
    shapes = t.List(t.Any()).tag(sync=True)
    """[name, shape] of each tensor; the names are the model's own."""
    config = t.Dict().tag(sync=True)
    vocabulary = t.List(t.Unicode()).tag(sync=True)
    """The character of each token."""
    about = t.Unicode("")
    """One more sentence for the caption."""

    @classmethod
    def carried(cls, model: "GPT", tokenizer: Tokenizer) -> dict[str, Any]:
        """The values of MODEL_TRAITS for a model: a copy of its weights as they are now.

        Raises:
            ValueError: for a model that the page does not compute, a tokenizer of another size or whose tokens are not
                single characters, or weights that float16 has not.
        """
        from labkit.gpt.weights import weights_of

        check_config(model.config, cls.__name__)
        vocabulary = characters(tokenizer, model.config.vocab_size, cls.__name__)
        shapes, weights = halves(weights_of(model), cls.__name__)
        values = (weights, shapes, model.config.to_dict(), vocabulary)
        return dict(zip(MODEL_TRAITS, values, strict=True))

    @property
    def n_params(self) -> int:
        """How many weights the model has."""
        return len(self.weights) // 2


def check_config(config: "GPTConfig", who: str) -> None:
    """Whether the page computes what such a model does; a field that is new to it must have its default.

    Raises:
        ValueError: if it does not; it begins with `who` asks.
    """
    if config.head != "lm" or not config.causal:
        raise ValueError(
            f"{who}: only a causal language model writes text, got head={config.head!r}, causal={config.causal}"
        )
    for field in fields(config):
        value = getattr(config, field.name)
        if field.name not in COMPUTED | ONLY_IN_TRAINING and value != field.default:
            raise ValueError(f"{who}: the page computes {field.name}={field.default!r} alone, got {value!r}")


def characters(tokenizer: Tokenizer, vocab_size: int, who: str) -> list[str]:
    """The character of each token.

    Raises:
        ValueError: for a tokenizer of another size, or tokens that are not single characters; it begins with
            `who` asks.
    """
    if tokenizer.vocab_size != vocab_size:
        raise ValueError(f"{who}: the tokenizer has {tokenizer.vocab_size} tokens, the model {vocab_size}")
    tokens = [tokenizer.decode([i]) for i in range(vocab_size)]
    longer = [token for token in tokens if len(token) != 1]
    if longer or len(set(tokens)) < vocab_size:
        found = f"{longer[0]!r} among its tokens" if longer else "two tokens with the same text"
        raise ValueError(f"{who}: each token must be one character of its own (CharTokenizer), got {found}")
    return tokens


def halves(weights: "Mapping[str, Tensor]", who: str) -> tuple[list[list[Any]], bytes]:
    """The names and shapes of weights, and their bytes as float16.

    Raises:
        ValueError: for numbers that float16 has not; it begins with `who` asks.
    """
    shapes, parts = [], []
    for name, tensor in weights.items():
        with np.errstate(over="ignore"):  # what is too large becomes infinite, and is named below
            part = tensor.float().cpu().numpy().astype("<f2")
        if not np.isfinite(part).all():
            raise ValueError(f"{who}: {name} holds nan, or numbers beyond ±65,504, which float16 cannot")
        shapes.append([name, list(tensor.shape)])
        parts.append(part.tobytes())
    return shapes, b"".join(parts)
