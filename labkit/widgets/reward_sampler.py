"""Reward-augmented sampling in the page: wanted letters, a slider for their weight, and what that does to the texts."""

from typing import TYPE_CHECKING, Any, Self

import traitlets as t

from labkit.tokenizers import Tokenizer

from .page_model import MODEL_TRAITS, PageModel

if TYPE_CHECKING:
    from labkit.gpt import GPT  # needs torch, which a page of figures does without

LOWEST_BETA, HIGHEST_BETA = -4.0, 8.0
MOST_TEXTS = 200
MAX_SEED = 999_999


class RewardSampler(PageModel):
    """Have a trained model write while `beta` is added to the logit of each wanted letter; nothing is trained.

    The page computes every token itself and draws it with p · exp(beta · r) / Z, where r is 1 for a wanted letter and
    else 0: as `labkit.sampling.generate` does with `char_reward_fn(wanted, stoi)`, `window="jump"` and temperature 1.
    All texts are written anew when something changes, from the same seed, so that a small move of beta changes few
    letters. Beside them the trade is drawn: the share of wanted letters against the perplexity of what was written by
    the model without the reward, from beta to beta. Make one with `of`.

    Attributes:
        wanted: the letters; may be set, as all that follow. What the model does not know is left out, and named.
        beta: what is added to their logits, -4 … 8; below 0 they are avoided.
        seed: of the texts, 0 … 999,999. "New texts" takes the next.
    """

    module = "reward_sampler"
    page_traits = (*MODEL_TRAITS, "prompt", "stop", "n_texts", "max_new_tokens", "wanted", "beta", "seed")

    prompt: "t.List[int]" = t.List(t.Int()).tag(sync=True)
    """Ids that every text begins after."""
    stop = t.Int(None, allow_none=True).tag(sync=True)
    """The token that ends a text; None: none does."""
    n_texts = t.Int(40, min=1, max=MOST_TEXTS).tag(sync=True)
    max_new_tokens = t.Int(30, min=1).tag(sync=True)
    """How long a text gets at most."""
    wanted = t.Unicode("").tag(sync=True)
    beta = t.Float(0.0, min=LOWEST_BETA, max=HIGHEST_BETA).tag(sync=True)
    seed = t.Int(1, min=0, max=MAX_SEED).tag(sync=True)

    @classmethod
    def of(
        cls,
        model: "GPT",
        tokenizer: Tokenizer,
        wanted: str,
        prompt: str = "\n",
        stop: str | None = "\n",
        beta: float = 0.0,
        n_texts: int = 40,
        max_new_tokens: int = 30,
        seed: int = 1,
        about: str = "",
    ) -> Self:
        r"""The figure of a model.

        >>> from labkit.gpt import GPT, GPTConfig
        >>> from labkit.tokenizers import CharTokenizer
        >>> figure = RewardSampler.of(GPT(GPTConfig(5, n_layer=1, n_embd=8)), CharTokenizer("\nabcd"), wanted="ab")
        >>> figure.prompt, figure.stop, figure.n_params
        ([0], 0, 848)

        Args:
            model: a causal language model of any recipe; the figure keeps a copy of its weights as they are now.
            tokenizer: its tokens must be single characters: the page turns what the reader wants into tokens itself.
            wanted: the letters that are wanted at first, each known to the model; may be none.
            prompt: what every text begins after, at least one character. A list of names: the end of a line.
            stop: the character that ends a text; None: each gets `max_new_tokens`.
            beta: what is added to the logits of wanted letters at first, -4 … 8.
            n_texts: how many texts there are, 1 … 200; 1 for one long text.
            max_new_tokens: at least 1.
            seed: 0 … 999,999.
            about: one more sentence for the caption: what the model was trained on.

        Raises:
            ValueError: for what cannot be, with what can.
        """
        carried = cls.carried(model, tokenizer)
        vocabulary = carried["vocabulary"]
        if not prompt:
            raise ValueError("RewardSampler: the prompt needs at least one character, got ''")
        if stop is not None and stop not in vocabulary:
            raise ValueError(f"RewardSampler: stop must be one character that the model knows, or None, got {stop!r}")
        tokenizer.encode(wanted)  # raises for a character that the model does not know
        for name, value, low, high in (
            ("beta", beta, LOWEST_BETA, HIGHEST_BETA),
            ("n_texts", n_texts, 1, MOST_TEXTS),
            ("max_new_tokens", max_new_tokens, 1, 100_000),
            ("seed", seed, 0, MAX_SEED),
        ):
            if not low <= value <= high:
                raise ValueError(f"RewardSampler: {name} must be {low:,} … {high:,}, got {value!r}")
        state: dict[str, Any] = {"n_texts": n_texts, "max_new_tokens": max_new_tokens, "seed": seed, "about": about}
        return cls(
            **carried,
            prompt=tokenizer.encode(prompt),
            stop=None if stop is None else vocabulary.index(stop),
            wanted=wanted,
            beta=beta,
            **state,
        )

    def caption(self) -> str:
        """What writes here, and what the slider does."""
        return (
            f"A GPT of {self.n_params:,} weights writes in your browser; β is added to the logit of each wanted "
            "letter, so that it is drawn with p · exp(β) / Z. The chart has the share of wanted letters and the "
            f"perplexity of the texts by the model without the reward, from β to β. {self.about}"
        ).rstrip()
