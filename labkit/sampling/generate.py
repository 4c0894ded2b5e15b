"""Writing on from prompts: read, choose a token for each row, read that, and so on."""

import math
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from labkit.gpt import GPT

from .draws import pick, row_seed, uniforms
from .filters import Sampling, probabilities
from .rewards import TokenReward, check_beta, token_rewards
from .windows import Window, Windows, check_window, same_length

Hook = Callable[[Tensor, Tensor], Tensor]
"""`hook(ids [batch, time], logits [batch, vocab_size])` returns logits, [batch, vocab_size]; -inf forbids a token.

The ids are a row's whole text so far, prompt and all, never padding: rows of different lengths come in different
calls, and those that have ended do not come. It is asked before `Sampling` is applied, and may write into logits.
"""


class Chosen(NamedTuple):
    """One token for each row that is still going on.

    Attributes:
        rows: which of the prompts they belong to.
        tokens: what was chosen.
        logits: [rows, vocab_size], as the model said them, guided if so asked.
        probabilities: [rows, vocab_size], after the hook, the reward and `Sampling`.
    """

    rows: list[int]
    tokens: list[int]
    logits: Tensor
    probabilities: Tensor


def generate(
    model: GPT,
    prompts: Sequence[Sequence[int]],
    max_new_tokens: int,
    sampling: Sampling | None = None,
    stop: Collection[int] = (),
    seed: int | None = None,
    hook: Hook | None = None,
    cached: bool = True,
    window: Window = "slide",
    against: Sequence[Sequence[int]] | None = None,
    guidance: float = 1.0,
    reward_fn: TokenReward | None = None,
    beta: float = 0.0,
) -> list[list[int]]:
    """Write on from each prompt.

    >>> model = GPT(GPTConfig.preset("gpt2", 65, n_layer=1, n_embd=16))
    >>> [len(row) for row in generate(model, [[1, 2, 3], [4]], max_new_tokens=5, seed=0)]
    [5, 5]

    What comes after a prompt does not depend on the other prompts (but for the last bits of a sum, which may differ
    between a large and a small matrix product): row i draws as a single prompt does with `row_seed(seed, i)`.

    Args:
        model: a causal language model; it is read in evaluation mode and left in the mode that it was in.
        prompts: token ids, at least one each. Of a prompt longer than block_size the last block_size are read.
        max_new_tokens: how many tokens a row gets at most.
        sampling: how a token is drawn; `Sampling()` when left out. The repetition penalty is about the last
            block_size tokens of prompt and text.
        stop: tokens that end their row. Such a token is returned too, as the row's last.
        seed: of the draws; None: another text each time. Torch's global generator is not touched.
        hook: may change the logits.
        cached: False reads every window anew for every token: slower, and the same.
        window: what is read when a text is longer than block_size; see `Windows`.
        against: for each prompt another that asks for less: the same without the wish that `guidance` is to
            strengthen. It gets the tokens of its row too.
        guidance: how much a wish counts: the logits are a + guidance · (l - a), where a are those after `against` and
            l those after the prompt (classifier-free guidance: Ho & Salimans 2022, for text Sanchez et al. 2023).
            0 is without the wish, 1 as the model says, above 1 stronger than in its data; each token costs two then.
        reward_fn: what each next token would be worth; see `labkit.sampling.rewards`.
        beta: how much that counts: beta · reward is added to the logits, after the hook and before `Sampling`. 0: not
            at all, and it is not asked; below 0 what is rewarded is avoided.

    Returns:
        The new tokens of each prompt.

    Raises:
        ValueError: for an empty prompt, another number of prompts in `against`, ids outside the vocabulary, a model
            that is no causal language model, a beta without a reward, and if the hook or the reward returns something
            else than it should, or the hook forbids every token.
    """
    new: list[list[int]] = [[] for _ in prompts]
    options = (sampling, stop, seed, hook, cached, window, against, guidance, reward_fn, beta)
    for chosen in choose(model, prompts, max_new_tokens, *options):
        for row, token in zip(chosen.rows, chosen.tokens, strict=True):
            new[row].append(token)
    return new


def choose(
    model: GPT,
    prompts: Sequence[Sequence[int]],
    max_new_tokens: int,
    sampling: Sampling | None = None,
    stop: Collection[int] = (),
    seed: int | None = None,
    hook: Hook | None = None,
    cached: bool = True,
    window: Window = "slide",
    against: Sequence[Sequence[int]] | None = None,
    guidance: float = 1.0,
    reward_fn: TokenReward | None = None,
    beta: float = 0.0,
) -> Iterator[Chosen]:
    """The steps of `generate`, which says what the arguments are; wrong ones are refused at once."""
    check_window(window)
    check_beta(reward_fn, beta)
    ids = _checked(model, prompts, max_new_tokens, stop, seed)
    how, ends = sampling or Sampling(), set(stop)
    without = _checked_against(model, ids, against, guidance)

    @torch.inference_mode()  # holds while this generator runs, not between its steps
    def steps() -> Iterator[Chosen]:
        windows = Windows(model, ids, window, cached)
        others = Windows(model, without, window, cached) if without else None
        points = [uniforms(None if seed is None else row_seed(seed, row)) for row in range(len(ids))]
        going = list(range(len(ids)))
        for _ in range(max_new_tokens if ids else 0):
            logits = windows.logits()
            if others is not None:
                logits = others.logits().lerp_(logits, guidance)
            allowed = logits if hook is None else _hooked(hook, windows.rows, logits, going)
            if reward_fn is not None and beta:
                allowed = allowed + beta * token_rewards(reward_fn, windows.rows, logits)
            seen = None
            if how.repetition_penalty != 1:
                seen = [row[-model.config.block_size :] for row in windows.rows]
            shares = probabilities(allowed, how, seen)
            tokens = pick(shares, [next(points[row]) for row in going])
            windows.extend(tokens)
            if others is not None:
                others.extend(tokens)
            yield Chosen(going, tokens, logits, shares)
            if ends and not ends.isdisjoint(tokens):
                still = [i for i, token in enumerate(tokens) if token not in ends]
                if not still:
                    return
                windows.keep(still)
                if others is not None:
                    others.keep(still)
                going = [going[i] for i in still]

    return steps()


def _hooked(hook: Hook, rows: list[list[int]], logits: Tensor, going: list[int]) -> Tensor:
    """What the hook makes of the logits, asked once for the rows of each length."""
    logits = logits.clone()
    for some, ids in same_length(rows, logits.device):
        given = logits[some]
        changed = hook(ids, given)
        if not isinstance(changed, Tensor) or changed.shape != given.shape:
            got = list(changed.shape) if isinstance(changed, Tensor) else type(changed).__name__
            raise ValueError(f"generate: the hook must return logits, {list(given.shape)}, got {got}")
        forbidden = (changed == -torch.inf).all(-1).tolist()
        if any(forbidden):
            row = some[forbidden.index(True)]
            raise ValueError(
                f"generate: the hook forbids every token after prompt {going[row]} with {ids.shape[1]} tokens so far; "
                "leave at least one logit above -inf"
            )
        logits[some] = changed.to(logits)
    return logits


def _checked(
    model: GPT, prompts: Sequence[Sequence[int]], max_new_tokens: int, stop: Collection[int], seed: int | None
) -> list[list[int]]:
    config = model.config
    if config.head != "lm" or not config.causal:
        kind = "causal" if config.causal else "bidirectional"
        raise ValueError(f"only a causal language model can write; this one is {kind} with the head {config.head!r}")
    if isinstance(max_new_tokens, bool) or not isinstance(max_new_tokens, int) or max_new_tokens < 0:
        raise ValueError(f"max_new_tokens must be a whole number of at least 0, got {max_new_tokens!r}")
    if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**63):
        raise ValueError(f"seed must be None or a whole number, 0 … 2**63 - 1, got {seed!r}")
    ids = [_ids(f"prompt {i}", prompt, config.vocab_size) for i, prompt in enumerate(prompts)]
    if [] in ids:
        raise ValueError(f"prompt {ids.index([])} is empty: a model needs one token at least to say what comes next")
    _ids("stop", stop, config.vocab_size)
    return ids


def _checked_against(
    model: GPT, prompts: list[list[int]], against: Sequence[Sequence[int]] | None, guidance: float
) -> list[list[int]]:
    """The prompts to guide away from; none where guidance changes nothing."""
    if isinstance(guidance, bool) or not isinstance(guidance, int | float) or not 0 <= guidance < math.inf:
        raise ValueError(f"guidance must be a number of at least 0 (1 is none), got {guidance!r}")
    if against is None:
        if guidance != 1:
            raise ValueError(f"guidance={guidance:g} needs `against`: for each prompt one without the wish")
        return []
    ids = [_ids(f"against {i}", prompt, model.config.vocab_size) for i, prompt in enumerate(against)]
    if len(ids) != len(prompts) or [] in ids:
        raise ValueError(f"against must have a prompt, not empty, for each of {len(prompts)}, got {len(ids)}")
    return ids if guidance != 1 else []


def _ids(name: str, tokens: Collection[int], vocab_size: int) -> list[int]:
    if isinstance(tokens, Tensor):
        tokens = tokens.tolist()
    if isinstance(tokens, str) or not isinstance(tokens, Collection):
        raise ValueError(f"{name} must be a list of token ids, got {tokens!r}")
    try:
        ids = [token.__index__() for token in tokens]
    except AttributeError:
        raise ValueError(f"{name} must be a list of token ids (whole numbers), got {tokens!r}") from None
    if wrong := [token for token in ids if not 0 <= token < vocab_size]:
        raise ValueError(f"{name} has the token {wrong[0]}: ids must be 0 … {vocab_size - 1}")
    return ids
