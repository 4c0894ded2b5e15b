"""The view of attention: the model's own weights, whoever asks, and nothing left changed."""

import numpy as np
import pytest
import torch
import traitlets as t
from torch.nn import functional as F  # noqa: N812

from labkit.gpt import GPT, GPTConfig
from labkit.tokenizers import CharTokenizer
from labkit.widgets import AttentionView

TEXT = "to be or not"


@pytest.fixture
def tokenizer():
    return CharTokenizer.train(TEXT)


@pytest.fixture
def model(tokenizer):
    return GPT(
        GPTConfig.preset("gpt2", tokenizer.vocab_size, n_layer=2, n_head=2, n_embd=16, block_size=16, dropout=0.5)
    )


def first_layer(model, ids):
    """Attention of the first block, by torch's own attention with the identity in place of the values."""
    x = model.wte(ids) + model.wpe(torch.arange(ids.shape[1]))
    block = model.blocks[0]
    x = block.attention_norm(x)
    n_head = model.config.n_head
    query, key = (
        part(x).unflatten(-1, (n_head, -1)).transpose(1, 2) for part in (block.attention.query, block.attention.key)
    )
    values = torch.eye(ids.shape[1]).expand(1, n_head, -1, -1)
    return F.scaled_dot_product_attention(query, key, values, is_causal=True)[0]


def test_the_weights_are_the_models(model, tokenizer):
    view = AttentionView.of(model, tokenizer, TEXT)
    assert view.tokens == list(TEXT)
    assert (view.n_layer, view.n_head) == (2, 2)
    with torch.no_grad():
        expected = first_layer(model.eval(), torch.tensor([tokenizer.encode(TEXT)]))
    assert np.abs(view.shares()[0] - expected.numpy()).max() <= 0.5 / 255 + 1e-5
    assert np.triu(view.shares(), 1).max() == 0  # causal
    assert view.shares().sum(-1) == pytest.approx(np.ones((2, 2, len(TEXT))), abs=0.05)


@pytest.mark.parametrize("training", [True, False])
def test_the_model_is_left_as_it_was(model, tokenizer, training):
    model.train(training)
    views = [AttentionView.of(model, tokenizer, TEXT) for _ in range(2)]
    assert views[0].weights == views[1].weights  # no dropout
    assert model.training is training
    assert all(p.grad is None for p in model.parameters())


def test_new_weights_and_the_same_choice(model, tokenizer):
    view = AttentionView.of(model, tokenizer, TEXT, layer=1, head=1, position=3)
    before = view.weights
    model.initialise(5)
    view.update()
    assert view.weights != before
    assert view.weights == AttentionView.of(model, tokenizer, TEXT).weights
    assert (view.layer, view.head, view.position) == (1, 1, 3)


def test_of_a_run(tokenizer):
    from labkit.training.lm import LMRun
    from labkit.training.lm_config import LMConfig
    from labkit.training.tokens import TokenData

    ids = tokenizer.encode(TEXT * 10)
    config = GPTConfig.preset("modern", tokenizer.vocab_size, n_layer=1, n_head=2, n_embd=16, block_size=16)
    run = LMRun(config, TokenData.from_ids(ids, ids), LMConfig(max_steps=3, batch_size=2, eval_every=0, device="cpu"))
    view = AttentionView.of(run, tokenizer, TEXT)
    for _ in run:
        view.update()
    assert view.weights == AttentionView.of(run.model, tokenizer, TEXT).weights


def test_it_says_what_there_is_to_see():
    rows = [[1, 0, 0], [0.5, 0.5, 0], [0.125, 0.75, 0.125]]
    view = AttentionView([[rows, rows]], ["a", " ", "\n"], head=1)
    assert view.caption() == (
        "Attention of 1 layer with 2 heads over 3 tokens; in layer 1, head 2 “↵” at 2 looks most at “␣” at 1 (75 %)."
    )
    view.position = 0
    assert view.caption().endswith("head 2 “a” at 0 looks most at “a” at 0 (100 %).")
    assert AttentionView([[[[1]]]], ["a"]).caption().endswith("“a” at 0 looks only at itself.")


def test_a_model_that_has_diverged_looks_nowhere(model, tokenizer):
    view = AttentionView.of(model, tokenizer, TEXT)
    with torch.no_grad():
        model.wte.weight.fill_(torch.nan)
    view.update()
    assert view.shares().max() == 0


HALF = [[1, 0], [0.5, 0.5]]


@pytest.mark.parametrize(
    ("weights", "tokens", "options", "words"),
    [
        ([[HALF]], [], {}, "1 … 64 tokens, got 0"),
        ([[HALF]], ["a"] * 65, {}, "1 … 64 tokens, got 65"),
        ([[HALF]], ["a"], {}, r"weights must be \[n_layer, n_head, 1, 1\], got \[1, 1, 2, 2\]"),
        ([HALF], ["a", "b"], {}, r"got \[1, 2, 2\]"),
        ([[[[1, 0], [0.5, 0.4]]]], ["a", "b"], {}, "must be shares"),
        ([[[[2, -1], [0.5, 0.5]]]], ["a", "b"], {}, "must be shares"),
        ([[[[np.nan, 0], [0.5, 0.5]]]], ["a", "b"], {}, "must be shares"),
        ([[HALF]], ["a", "b"], {"layer": 1}, "layer must be 0 … 0, got 1"),
        ([[HALF]], ["a", "b"], {"head": -1}, "head must be 0 … 0, got -1"),
        ([[HALF]], ["a", "b"], {"position": 2}, "position must be -1 … 1, got 2"),
    ],
)
def test_what_cannot_be_shown(weights, tokens, options, words):
    with pytest.raises(ValueError, match=words):
        AttentionView(weights, tokens, **options)


@pytest.mark.parametrize(
    ("text", "words"), [("", "1 … 16 tokens, got 0"), ("to" * 9, "1 … 16 tokens, got 18"), ("#", "'#'")]
)
def test_a_text_that_cannot_be_read(model, tokenizer, text, words):
    with pytest.raises(ValueError, match=words):
        AttentionView.of(model, tokenizer, text)


def test_a_choice_that_is_not_there():
    view = AttentionView([[HALF]], ["a", "b"])
    for name, value in [("layer", 1), ("head", 7), ("position", 2)]:
        with pytest.raises(t.TraitError, match=f"{name} must be"):
            setattr(view, name, value)
