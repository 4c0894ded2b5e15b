"""A trained GPT that writes in the reader's browser: no kernel, no server, weights as half floats in the page."""

from dataclasses import fields
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import traitlets as t

from labkit.tokenizers import Tokenizer

from .figure import Figure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from labkit.gpt import GPT, GPTConfig  # they need torch, which a page of figures does without

MAX_TEMPERATURE = 2
MAX_SEED = 2**31 - 1

COMPUTED = frozenset(
    {"vocab_size", "block_size", "n_layer", "n_head", "n_embd", "norm", "norm_gain", "norm_eps", "embedding_norm"}
    | {"final_norm", "activation", "positions", "rope_base", "qk_norm", "bias", "tied"}
)
"""The fields of a config that the page computes by."""
ONLY_IN_TRAINING = frozenset({"zero_init", "init_std", "scaled_init", "dropout"})


class PageGPT(Figure):
    """Have a trained model write on from a prompt, in a built page as in JupyterLab.

    The figure carries the weights as float16, two bytes each, and computes the forward pass itself, with a cache of
    keys and values. When the window is full its older half is forgotten and the rest is read again, as
    `labkit.sampling` does with `window="jump"`. The same seed and settings write the same text. Make one with `of`.

    Attributes:
        prompt: what the text begins with; may be set, as all that follow.
        temperature: the logits are divided by it, 0 … 2; 0 takes the likeliest token each time.
        top_k: only so many likeliest tokens can be drawn; None: all.
        seed: of the next text, 0 … 2³¹ - 1. Sample with nothing changed since the last text takes the next seed.
        max_new_tokens: how long a text gets.
    """

    module = "page_gpt"
    page_traits = (
        "weights",
        "shapes",
        "config",
        "vocabulary",
        "prompt",
        "temperature",
        "top_k",
        "seed",
        "max_new_tokens",
    )

    weights = t.Bytes(b"").tag(sync=True)
    """float16, little-endian: the tensors of `shapes`, one after the other."""
    shapes = t.List(t.Any()).tag(sync=True)
    """[name, shape] of each tensor; the names are the model's own."""
    config = t.Dict().tag(sync=True)
    vocabulary = t.List(t.Unicode()).tag(sync=True)
    prompt = t.Unicode("").tag(sync=True)
    temperature = t.Float(0.8, min=0.0, max=MAX_TEMPERATURE).tag(sync=True)
    top_k = t.Int(None, allow_none=True, min=1).tag(sync=True)
    seed = t.Int(1, min=0, max=MAX_SEED).tag(sync=True)
    max_new_tokens = t.Int(1000, min=1).tag(sync=True)
    about = t.Unicode("")
    """One more sentence for the caption."""

    @classmethod
    def of(
        cls,
        model: "GPT",
        tokenizer: Tokenizer,
        prompt: str = "\n",
        about: str = "",
        temperature: float = 0.8,
        top_k: int | None = None,
        seed: int = 1,
        max_new_tokens: int = 1000,
    ) -> Self:
        r"""The figure of a model.

        >>> from labkit.gpt import GPT, GPTConfig
        >>> from labkit.tokenizers import CharTokenizer
        >>> figure = PageGPT.of(GPT(GPTConfig(5, n_layer=1, n_embd=8)), CharTokenizer("\nabcd"), prompt="ab")
        >>> figure.vocabulary, len(figure.weights) == 2 * figure.n_params
        (['\n', 'a', 'b', 'c', 'd'], True)

        Args:
            model: a causal language model of any recipe; the figure keeps a copy of its weights as they are now.
            tokenizer: its tokens must be single characters: the page turns the reader's prompt into tokens itself.
            prompt: what the text begins with, at least one character.
            about: one more sentence for the caption: what the model was trained on, how well it does.
            temperature: 0 … 2.
            top_k: 1 … vocab_size, or None for all.
            seed: 0 … 2³¹ - 1.
            max_new_tokens: at least 1.

        Raises:
            ValueError: for what cannot be, with what can.
        """
        from labkit.gpt.weights import weights_of

        config = model.config
        check_config(config)
        vocabulary = characters(tokenizer, config.vocab_size)
        if not prompt:
            raise ValueError("PageGPT: the prompt needs at least one character, got ''")
        tokenizer.encode(prompt)  # raises for a character that the model does not know
        _check("temperature", temperature, 0, MAX_TEMPERATURE)
        _check("seed", seed, 0, MAX_SEED)
        if top_k is not None:
            _check("top_k", top_k, 1, config.vocab_size)
        if max_new_tokens < 1:
            raise ValueError(f"PageGPT: max_new_tokens must be at least 1, got {max_new_tokens}")
        if not isinstance(about, str):
            raise ValueError(f"PageGPT: about is a sentence for the caption, got {type(about).__name__}")
        shapes, weights = halves(weights_of(model))
        return cls(
            weights=weights,
            shapes=shapes,
            config=config.to_dict(),
            vocabulary=vocabulary,
            prompt=prompt,
            temperature=temperature,
            top_k=top_k,
            seed=seed,
            max_new_tokens=max_new_tokens,
            about=about,
        )

    @property
    def n_params(self) -> int:
        """How many weights the model has."""
        return len(self.weights) // 2

    def caption(self) -> str:
        """What writes here, and how large it is."""
        layers = self.config["n_layer"]
        return (
            f"A GPT of {self.n_params:,} weights ({layers} layer{'s' * (layers != 1)}, {self.config['n_embd']} wide) "
            f"writes on from your prompt; your browser computes every token itself. {self.about}"
        ).rstrip()


def check_config(config: "GPTConfig", who: str = "PageGPT") -> None:
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


def characters(tokenizer: Tokenizer, vocab_size: int, who: str = "PageGPT") -> list[str]:
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


def halves(weights: "Mapping[str, Tensor]", who: str = "PageGPT") -> tuple[list[list[Any]], bytes]:
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


def _check(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ValueError(f"PageGPT: {name} must be {low} … {high:,}, got {value!r}")
