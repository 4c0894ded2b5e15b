"""Reward-augmented decoding: each token's logit is raised by what the token is worth, and no weight is changed.

With beta · r(token) added to its logits (Deng & Raffel 2023, whose reward model scores the likeliest tokens; here every
token gets a reward) a model p draws the next token with p(token) · exp(beta · r(token)) / Z. Token by token that is the
optimum of the KL-regularised objective of `labkit.rlhf.exact`, with 1 / beta as the weight of the KL. It is not
that optimum for whole texts: a token is not chosen for what it makes possible later.
"""

import math
from collections.abc import Callable, Collection, Mapping, Sequence

import torch
from torch import Tensor

from .windows import same_length

TokenReward = Callable[[Tensor], Tensor]
"""`reward_fn(ids [batch, time])` returns what each next token would be worth: [batch, vocab_size], or [vocab_size]
where that is the same after every text. All finite; to forbid a token is a hook's work.

The ids are a row's whole text so far, prompt and all, never padding: rows of different lengths come in different calls.
"""


def char_reward_fn(chars: Collection[str], stoi: Mapping[str, int], vocab_size: int | None = None) -> TokenReward:
    """A reward of 1 for some characters, 0 for all others.

    >>> char_reward_fn(["b"], {"a": 0, "b": 1, "c": 2})(torch.tensor([[0, 2]]))
    tensor([0., 1., 0.])

    Args:
        chars: what is wanted: keys of `stoi`.
        stoi: character -> id. Of a `CharTokenizer`: `{c: i for i, c in enumerate(tokenizer.characters)}`.
        vocab_size: of the model, where it has tokens beyond those of `stoi` (a mark between names).

    Raises:
        ValueError: for no characters, one that is not in `stoi`, or ids that do not fit `vocab_size`.
    """
    wanted = set(chars)
    if not wanted:
        raise ValueError("char_reward_fn: there must be at least one wanted character")
    if unknown := [char for char in chars if char not in stoi]:
        raise ValueError(f"char_reward_fn: {unknown[0]!r} is not in stoi, whose {len(stoi)} are {''.join(stoi)!r}")
    highest = max(stoi.values())
    size = highest + 1 if vocab_size is None else vocab_size
    if min(stoi.values()) < 0 or highest >= size:
        raise ValueError(f"char_reward_fn: stoi has ids {min(stoi.values())} … {highest}, vocab_size is {size}")
    rewards = torch.zeros(size)
    rewards[[stoi[char] for char in wanted]] = 1.0
    return lambda ids: rewards.to(ids.device)


def token_rewards(reward_fn: TokenReward, rows: Sequence[Sequence[int]], like: Tensor) -> Tensor:
    """What each next token of some texts is worth.

    Args:
        reward_fn: asked once for the texts of each length.
        rows: ids of each text.
        like: [rows, vocab_size], whose shape, dtype and device the answer has.

    Raises:
        ValueError: if the reward function returns something else, or a reward that is not finite.
    """
    worth = torch.empty_like(like)
    for some, ids in same_length(rows, like.device):
        found, shape = reward_fn(ids), [len(some), like.shape[-1]]
        if not isinstance(found, Tensor) or list(found.shape) not in (shape, shape[1:]):
            got = list(found.shape) if isinstance(found, Tensor) else type(found).__name__
            hint = ""
            if isinstance(found, Tensor) and found.shape[-1:] != like.shape[-1:]:
                hint = f": the model has {shape[1]} tokens (char_reward_fn takes vocab_size)"
            raise ValueError(f"reward_fn must return rewards of tokens, {shape} or {shape[1:]}, got {got}{hint}")
        if not found.isfinite().all():
            raise ValueError("reward_fn returned a reward that is not finite; to forbid a token, use a hook")
        worth[some] = found.to(like)
    return worth


def check_beta(reward_fn: TokenReward | None, beta: float) -> None:
    """Whether there is something to weight, and the weight is a number.

    Raises:
        ValueError: if not.
    """
    if isinstance(beta, bool) or not isinstance(beta, int | float) or not math.isfinite(beta):
        raise ValueError(f"beta must be a finite number (0 is no reward), got {beta!r}")
    if reward_fn is None and beta != 0:
        raise ValueError(f"beta={beta:g} needs a `reward_fn`: what each next token is worth (see char_reward_fn)")
    if reward_fn is not None and not callable(reward_fn):
        raise ValueError(f"reward_fn must be a function of ids [batch, time], got {type(reward_fn).__name__}")
