"""The loss over a whole split, against a loop over its tokens."""

import math

import numpy as np
import pytest
import torch

from labkit.gpt import GPT, GPTConfig
from labkit.training.evaluate import bits_per_character, evaluate, perplexity

MODEL = GPT(GPTConfig.preset("gpt2", 11, block_size=8, n_layer=1, n_head=2, n_embd=16, dropout=0.5), seed=2)


def token_by_token(tokens, block_size):
    """The same number, one prediction at a time."""
    model, total = MODEL.eval(), 0.0
    with torch.no_grad():
        for target in range(1, len(tokens)):
            first = (target - 1) // block_size * block_size
            logits = model(torch.tensor(tokens[first:target].astype(int))[None])[0, -1].double()
            total -= float(logits.log_softmax(0)[int(tokens[target])])
    return total / (len(tokens) - 1)


@pytest.mark.parametrize("n", [2, 3, 8, 9, 10, 16, 17, 40, 77])
@pytest.mark.parametrize(("block_size", "batch_size"), [(None, 64), (None, 1), (3, 2), (1, 5)])
def test_it_is_the_mean_over_every_token_but_the_first(n, block_size, batch_size):
    tokens = np.random.default_rng(n).integers(0, 11, n).astype(np.uint16)
    found = evaluate(MODEL, tokens, block_size, batch_size)
    assert found == pytest.approx(token_by_token(tokens, block_size or 8), rel=1e-5)


def test_dropout_is_off_meanwhile_and_the_mode_comes_back():
    tokens = np.arange(30) % 11
    MODEL.train()
    first = evaluate(MODEL, tokens)
    assert MODEL.training
    assert evaluate(MODEL, tokens) == first
    MODEL.eval()
    assert evaluate(MODEL, tokens) == first
    assert not MODEL.training
    MODEL.train()
    with pytest.raises(ValueError, match="11"):
        evaluate(MODEL, np.full(20, 11))
    assert MODEL.training


def test_in_bfloat16_it_is_nearly_the_same():
    tokens = np.random.default_rng(1).integers(0, 11, 200)
    exact, rough = evaluate(MODEL, tokens), evaluate(MODEL, tokens, precision=torch.bfloat16)
    assert rough != exact
    assert rough == pytest.approx(exact, rel=0.01)
    assert MODEL.wte.weight.dtype == torch.float32


@pytest.mark.parametrize("n", [0, 1])
def test_too_few_tokens(n):
    with pytest.raises(ValueError, match=f"two tokens are needed at least, .* got {n}"):
        evaluate(MODEL, np.zeros(n, int))


def test_the_loss_in_other_units():
    assert perplexity(math.log(65)) == pytest.approx(65)
    assert bits_per_character(math.log(2)) == pytest.approx(1)
    assert bits_per_character(3 * math.log(2), characters_per_token=4) == pytest.approx(0.75)
    assert perplexity(1e4) == math.inf
    assert math.isnan(perplexity(math.nan))
