"""A trained GPT that writes in the reader's browser: no kernel, no server, weights as half floats in the page."""

from typing import TYPE_CHECKING, Self

import traitlets as t

from labkit.tokenizers import Tokenizer

from .page_model import MODEL_TRAITS, PageModel

if TYPE_CHECKING:
    from labkit.gpt import GPT  # needs torch, which a page of figures does without

MAX_TEMPERATURE = 2
MAX_SEED = 2**31 - 1


class PageGPT(PageModel):
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
    page_traits = (*MODEL_TRAITS, "prompt", "temperature", "top_k", "seed", "max_new_tokens")

    prompt = t.Unicode("").tag(sync=True)
    temperature = t.Float(0.8, min=0.0, max=MAX_TEMPERATURE).tag(sync=True)
    top_k = t.Int(None, allow_none=True, min=1).tag(sync=True)
    seed = t.Int(1, min=0, max=MAX_SEED).tag(sync=True)
    max_new_tokens = t.Int(1000, min=1).tag(sync=True)

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
        carried = cls.carried(model, tokenizer)
        if not prompt:
            raise ValueError("PageGPT: the prompt needs at least one character, got ''")
        tokenizer.encode(prompt)  # raises for a character that the model does not know
        _check("temperature", temperature, 0, MAX_TEMPERATURE)
        _check("seed", seed, 0, MAX_SEED)
        if top_k is not None:
            _check("top_k", top_k, 1, model.config.vocab_size)
        if max_new_tokens < 1:
            raise ValueError(f"PageGPT: max_new_tokens must be at least 1, got {max_new_tokens}")
        if not isinstance(about, str):
            raise ValueError(f"PageGPT: about is a sentence for the caption, got {type(about).__name__}")
        return cls(
            **carried,
            prompt=prompt,
            temperature=temperature,
            top_k=top_k,
            seed=seed,
            max_new_tokens=max_new_tokens,
            about=about,
        )

    def caption(self) -> str:
        """What writes here, and how large it is."""
        layers = self.config["n_layer"]
        return (
            f"A GPT of {self.n_params:,} weights ({layers} layer{'s' * (layers != 1)}, {self.config['n_embd']} wide) "
            f"writes on from your prompt; your browser computes every token itself. {self.about}"
        ).rstrip()


def _check(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ValueError(f"PageGPT: {name} must be {low} … {high:,}, got {value!r}")
