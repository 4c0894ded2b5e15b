"""Policies and rewards of texts: from the tokens of a policy to what a person reads, and back."""

from collections.abc import Callable, Collection, Sequence

import torch
from torch import Tensor

from labkit.gpt import GPT
from labkit.tokenizers import Tokenizer

from .policy import GPTPolicy, Policy, Samples
from .run import Reward


def text_policy(
    model: GPT, tokenizer: Tokenizer, prompts: Sequence[str] = ("\n",), max_new_tokens: int = 24, stop: str = "\n"
) -> GPTPolicy:
    """A policy that answers prompts with texts.

    Args:
        model: a causal language model of the tokenizer's tokens.
        tokenizer: of prompts and texts.
        prompts: the line break alone is what a model of lines begins a line with.
        max_new_tokens: the longest text.
        stop: one character, a token of its own, that ends a text; "": none does.

    Raises:
        ValueError: if `stop` is not one token, or the prompts are one text.
    """
    if isinstance(prompts, str):
        raise ValueError(f"prompts are a list of texts, got the text {prompts!r}; write [{prompts!r}]")
    ends = tokenizer.encode(stop) if stop else []
    if stop and len(ends) != 1:
        raise ValueError(f"stop must be one token, {stop!r} is {len(ends)}")
    return GPTPolicy(model, [tokenizer.encode(prompt) for prompt in prompts], max_new_tokens, ends)


def read(tokenizer: Tokenizer, samples: Samples, stop: Collection[int] = ()) -> list[str]:
    """What was written, without prompts and without the tokens that end a text."""
    ends = set(stop)
    return [tokenizer.decode([token for token in text if token not in ends]) for text in samples.texts()]


def write(policy: Policy, tokenizer: Tokenizer, n: int, seed: int) -> list[str]:
    """Texts of a policy, n of them; see `read`."""
    stop = policy.stop if isinstance(policy, GPTPolicy) else ()
    return read(tokenizer, policy.sample(n, seed), stop)


def text_reward(tokenizer: Tokenizer, reward: Callable[[str], float], stop: Collection[int] = ()) -> Reward:
    """A reward of texts as a reward of samples.

    Args:
        tokenizer: of the texts.
        reward: what a text is worth, without its prompt.
        stop: tokens that end a text; the reward does not see them.
    """

    def of(samples: Samples) -> Tensor:
        return torch.tensor([float(reward(text)) for text in read(tokenizer, samples, stop)])

    return of
