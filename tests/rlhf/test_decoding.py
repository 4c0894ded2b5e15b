"""The trade between reward and perplexity: against sums over all there is, and against the texts themselves."""

import math

import pytest
import torch

from labkit.gpt import GPT, GPTConfig
from labkit.rlhf.decoding import trade_off
from labkit.sampling import Sampling, generate, row_seed
from labkit.sampling.rewards import char_reward_fn

STOI = {letter: i for i, letter in enumerate("abcde")}
BETAS = [-2.0, 0.0, 1.0, 3.0]


@pytest.fixture(scope="module")
def model():
    """Whose words are far from even: no weight starts at zero."""
    sizes = {"block_size": 8, "n_layer": 1, "n_head": 2, "n_embd": 8, "zero_init": False, "init_std": 0.5}
    return GPT(GPTConfig.preset("modern", 5, **sizes), seed=1).eval()


def test_over_many_texts_it_is_the_exact_expectation_of_two_tokens(model):
    """All 25 texts of two tokens are enumerated; each is drawn with the product of p · exp(beta · r) / Z."""
    reward = torch.tensor([0.0, 1.0, -0.5, 0.0, 2.0])
    for found in trade_off(model, [[0]] * 4000, lambda ids: reward, BETAS, max_new_tokens=2, seed=5):
        worth, nats = 0.0, 0.0
        with torch.no_grad():
            first = model(torch.tensor([[0]]))[0, -1].double().log_softmax(-1)
            for a in range(5):
                second = model(torch.tensor([[0, a]]))[0, -1].double().log_softmax(-1)
                q = [(p + found.beta * reward).softmax(-1) for p in (first, second)]
                for b in range(5):
                    chance = float(q[0][a] * q[1][b])
                    worth += chance * float(reward[a] + reward[b]) / 2
                    nats -= chance * float(first[a] + second[b]) / 2
        assert found.tokens == 8000
        assert found.reward == pytest.approx(worth, abs=0.05)  # some four standard errors
        assert found.nats == pytest.approx(nats, abs=0.05)
        assert found.perplexity == pytest.approx(math.exp(found.nats))


def test_it_is_measured_on_the_texts_that_generate_writes(model):
    prompts, stop = [[0, 1], [2], [3, 3, 3]], [4]
    fn, how = char_reward_fn("be", STOI), Sampling(0.8)
    for found in trade_off(model, prompts, fn, BETAS, 12, how, stop, seed=3):
        rows = generate(model, prompts, 12, how, stop, 3, reward_fn=fn, beta=found.beta)
        written = [token for row in rows for token in row]
        assert found.tokens == len(written)
        assert found.reward == pytest.approx(sum(token in (1, 4) for token in written) / len(written))
        nats = 0.0
        for prompt, row in zip(prompts, rows, strict=True):
            for i, token in enumerate(row):
                with torch.no_grad():
                    seen = torch.tensor([(prompt + row[:i])[-8:]])
                    nats -= float(model(seen)[0, -1].log_softmax(-1)[token])
        assert found.nats == pytest.approx(nats / len(written), rel=1e-4)


def test_a_reward_that_depends_on_the_text_is_read_before_its_token(model):
    """Worth 1: the token that stands before. Greedy with a large beta, the text repeats its prompt for ever."""

    def again(ids):
        return torch.nn.functional.one_hot(ids[:, -1], 5)

    (found,) = trade_off(model, [[3], [1, 2]], again, [100.0], 6, Sampling(temperature=0))
    assert (found.reward, found.tokens) == (1.0, 12)


def test_reward_rises_with_beta_and_a_large_one_costs_perplexity(model):
    found = trade_off(model, [[0]] * 400, char_reward_fn("b", STOI), [-3.0, 0.0, 3.0], 8, seed=2)
    rewards = [trade.reward for trade in found]
    assert rewards[0] + 0.1 < rewards[1] < rewards[2] - 0.1
    assert found[2].nats > found[1].nats


def test_the_same_seed_gives_the_same_trade_and_another_another(model):
    fn = char_reward_fn("b", STOI)
    first = trade_off(model, [[0]] * 5, fn, BETAS, 8, seed=2)
    assert first == trade_off(model, [[0]] * 5, fn, BETAS, 8, seed=2)
    assert first != trade_off(model, [[0]] * 5, fn, BETAS, 8, seed=row_seed(2, 1))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"betas": []}, "at least one beta"),
        ({"prompts": []}, "at least one prompt"),
        ({"max_new_tokens": 0}, "max_new_tokens at least 1"),
        ({"betas": [0.0, math.nan]}, "beta must be a finite number"),
        ({"reward_fn": lambda ids: torch.zeros(4)}, "the model has 5 tokens"),
    ],
)
def test_what_cannot_be_is_refused(model, changes, words):
    given = {"prompts": [[0]], "reward_fn": char_reward_fn("b", STOI), "betas": [0.0, 1.0]} | changes
    with pytest.raises(ValueError, match=words):
        trade_off(model, **given)
