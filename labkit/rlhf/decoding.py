"""What a reward at decoding costs: reward and perplexity of what is written, from one beta to the next."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import torch

from labkit.gpt import GPT
from labkit.sampling import Sampling
from labkit.sampling.generate import choose
from labkit.sampling.rewards import TokenReward, token_rewards
from labkit.training.evaluate import perplexity


@dataclass(frozen=True)
class Trade:
    """What was written with one beta.

    Attributes:
        beta: the weight of the reward.
        reward: mean reward of a token.
        nats: mean of -log p of a token, by the model without the reward and at temperature 1.
        perplexity: exp(nats): among how many equally likely tokens that model would have hesitated.
        tokens: how many were written; ends count.
    """

    beta: float
    reward: float
    nats: float
    perplexity: float
    tokens: int


def trade_off(
    model: GPT,
    prompts: Sequence[Sequence[int]],
    reward_fn: TokenReward,
    betas: Iterable[float],
    max_new_tokens: int = 100,
    sampling: Sampling | None = None,
    stop: Collection[int] = (),
    seed: int = 0,
) -> list[Trade]:
    """Write on from the prompts with each beta, and measure what came of it.

    Of what is rare a large beta makes texts that the model finds unlikely; a beta below 0 need not, since a model
    without its rare letters is less surprised.

    The same seed for each: two betas draw at the same points, so that neighbours differ by their beta and little else.

    Args:
        model: a causal language model.
        prompts: token ids; repeat one for more texts of it.
        reward_fn: what each next token would be worth; see `labkit.sampling.rewards`.
        betas: its weights; 0 is the model alone.
        max_new_tokens: how long a text gets at most.
        sampling: how a token is drawn; `Sampling()` when left out.
        stop: tokens that end a text.
        seed: of the draws.

    Returns:
        One for each beta, in their order.

    Raises:
        ValueError: for no betas, nothing to write, and whatever `generate` refuses.
    """
    betas = list(betas)
    if not betas:
        raise ValueError("trade_off: there must be at least one beta")
    if not prompts or max_new_tokens == 0:
        raise ValueError("trade_off: there must be at least one prompt, and max_new_tokens at least 1")
    return [_trade(model, prompts, reward_fn, beta, max_new_tokens, sampling, stop, seed) for beta in betas]


def _trade(
    model: GPT,
    prompts: Sequence[Sequence[int]],
    reward_fn: TokenReward,
    beta: float,
    max_new_tokens: int,
    sampling: Sampling | None,
    stop: Collection[int],
    seed: int,
) -> Trade:
    texts = [list(map(int, prompt)) for prompt in prompts]
    reward, nats, tokens = 0.0, 0.0, 0
    steps = choose(model, texts, max_new_tokens, sampling, stop, seed, reward_fn=reward_fn, beta=beta)
    with torch.inference_mode():
        for chosen in steps:
            taken = torch.tensor(chosen.tokens, device=chosen.logits.device)[:, None]
            worth = token_rewards(reward_fn, [texts[row] for row in chosen.rows], chosen.logits.float())
            reward += float(worth.gather(-1, taken).sum())
            nats -= float(chosen.logits.float().log_softmax(-1).gather(-1, taken).sum())
            tokens += len(chosen.tokens)
            for row, token in zip(chosen.rows, chosen.tokens, strict=True):
                texts[row].append(token)
    return Trade(beta, reward / tokens, nats / tokens, perplexity(nats / tokens), tokens)
