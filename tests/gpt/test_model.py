"""The trunk: who sees whom, caches, padding, heads, loss, weights at the start."""

import math
from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import labkit.gpt.attention
from labkit.gpt import GPT, PRESETS, GPTConfig

HEADS = [{}, {"head": "regression", "tied": False}, {"head": "classification", "n_outputs": 3, "tied": False}]
EXACT = torch.float64
CLOSE = {"rtol": 1e-9, "atol": 1e-9}
few = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(params=[*PRESETS, "convolved"])
def preset(request):
    """The presets, and the modern one with a short convolution before each block."""
    return request.param


def skip_what_cannot_be(preset, causal):
    if preset == "convolved" and not causal:
        pytest.skip("a convolution looks back only")


# -- two ways to the same numbers


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("padded", [True, False])
def test_the_kernel_and_the_plain_products_agree(gpt, tokens, preset, causal, padded, monkeypatch):
    skip_what_cannot_be(preset, causal)
    model, ids = gpt(preset, causal=causal, dtype=EXACT), tokens(3, 9)
    real = torch.arange(9) < torch.tensor([[9], [4], [1]]) if padded else None
    weights = []
    plain = model(ids, real, attention=weights)
    monkeypatch.setattr(labkit.gpt.attention, "SMALL", 0)
    kernel = model(ids, real)
    torch.testing.assert_close(kernel, plain, **CLOSE)
    assert [w.shape for w in weights] == [(3, 2, 9, 9)] * 2
    for w in weights:
        torch.testing.assert_close(w.sum(-1), torch.ones(3, 2, 9, dtype=EXACT))
        if causal:
            assert w.triu(1).abs().max() == 0
        if padded:
            assert w[1, :, :4, 4:].abs().max() == 0


def test_a_cache_and_attention_weights_go_together(gpt, tokens, preset):
    model, ids, whole, last = gpt(preset, dtype=EXACT), tokens(2, 6), [], []
    model(ids, attention=whole)
    cache = model.new_cache(2)
    model(ids[:, :4], cache=cache)
    model(ids[:, 4:], cache=cache, attention=last)
    for w, part in zip(whole, last, strict=True):
        torch.testing.assert_close(part, w[:, :, 4:], **CLOSE)


def test_it_compiles_in_one_piece(gpt, tokens, preset):
    """No check of ours makes torch.compile fall back to Python."""
    model, ids, targets = gpt(preset, dtype=EXACT), tokens(2, 6), tokens(2, 6, seed=1)
    compiled = torch.compile(model.loss, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(ids, targets), model.loss(ids, targets), **CLOSE)


# -- the cache


@few
@given(cuts=st.sets(st.integers(1, 11)), seed=st.integers(0, 99))
def test_in_pieces_through_a_cache_as_in_one(gpt, tokens, preset, cuts, seed):
    model, ids = gpt(preset, seed=seed, dtype=EXACT), tokens(2, 12, seed=seed)
    cache = model.new_cache(2)
    edges = [0, *sorted(cuts), 12]
    with torch.no_grad():
        pieces = [model(ids[:, a:b], cache=cache) for a, b in pairwise(edges)]
        torch.testing.assert_close(torch.cat(pieces, 1), model(ids), **CLOSE)
    assert cache.length == 12
    assert not cache.padded


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_padded_prompt_and_its_continuation_through_a_cache(gpt, tokens, preset, side):
    model, ids, more = gpt(preset, dtype=EXACT), tokens(3, 5), tokens(3, 4, seed=1)
    lengths = [5, 3, 1]
    real = torch.tensor([[True] * n + [False] * (5 - n) for n in lengths])
    if side == "left":
        real = real.flip(1)
    cache = model.new_cache(3)
    with torch.no_grad():
        prompt = model(ids, real, cache)
        steps = [model(more[:, :2], cache=cache), model(more[:, 2:3], cache=cache), model(more[:, 3:], cache=cache)]
        for row in range(3):
            alone = model(torch.cat((ids[row][real[row]], more[row]))[None])[0]
            torch.testing.assert_close(prompt[row][real[row]], alone[: lengths[row]], **CLOSE)
            torch.testing.assert_close(torch.cat(steps, 1)[row], alone[lengths[row] :], **CLOSE)


def test_a_cache_that_is_set_back_forgets_the_padding_there(gpt, tokens):
    model, ids = gpt(dtype=EXACT), tokens(1, 4)
    cache = model.new_cache(1)
    with torch.no_grad():
        model(ids, torch.tensor([[True, True, False, False]]), cache)
        cache.length = 2
        torch.testing.assert_close(model(ids[:, 2:], cache=cache), model(ids)[:, 2:], **CLOSE)


def test_a_cache_does_not_run_over(gpt, tokens):
    model = gpt()
    cache = model.new_cache(1)
    model(tokens(1, 10), cache=cache)
    with pytest.raises(ValueError, match=r"3 tokens after 10 in the cache are more than block_size \(12\)"):
        model(tokens(1, 3), cache=cache)
    assert cache.length == 10


def test_a_cache_keeps_no_graph(gpt, tokens):
    model = gpt()
    cache = model.new_cache(1)
    for _ in range(3):
        assert model(tokens(1, 2), cache=cache).requires_grad
    assert not cache.keys.requires_grad
    assert not cache.values.requires_grad


def test_a_cache_under_autocast(gpt, tokens, preset):
    model, ids = gpt(preset), tokens(2, 6)
    cache = model.new_cache(2)
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        pieces = torch.cat(
            [model(ids[:, :3], cache=cache), model(ids[:, 3:4], cache=cache), model(ids[:, 4:], cache=cache)], 1
        )
        whole = model(ids)
    assert whole.dtype == torch.bfloat16
    assert (pieces.float() - whole.float()).norm() < 0.03 * whole.float().norm()
    exact = model(ids)
    assert (whole.float() - exact).norm() < 0.05 * exact.norm()


# -- padding


@few
@given(
    lengths=st.lists(st.integers(1, 9), min_size=1, max_size=4),
    left=st.booleans(),
    causal=st.booleans(),
    head=st.sampled_from(HEADS),
    extra=st.integers(0, 3),
)
def test_a_padded_row_gives_what_it_gives_alone(gpt, tokens, preset, lengths, left, causal, head, extra):
    model = gpt(preset, causal=causal or preset == "convolved", dtype=EXACT, **head)
    time = max(lengths) + extra
    ids = tokens(len(lengths), time)
    real = torch.arange(time) < torch.tensor(lengths)[:, None]
    if left:
        real = real.flip(1)
    with torch.no_grad():
        together = model(ids, real)
        for row in range(len(lengths)):
            alone = model(ids[row][real[row]][None])[0]
            mine = together[row][real[row]] if not head else together[row]
            torch.testing.assert_close(mine, alone, **CLOSE)


def test_padding_counts_in_no_loss(gpt, tokens, preset):
    model, ids, targets = gpt(preset), tokens(2, 6), tokens(2, 6, seed=1)
    real = torch.tensor([[True] * 6, [True] * 2 + [False] * 4])
    first, second = model(ids[:1])[0], model(ids[1:, :2])[0]
    wanted = F.cross_entropy(torch.cat((first, second)), torch.cat((targets[0], targets[1, :2])))
    torch.testing.assert_close(model.loss(ids, targets, real), wanted)


def test_only_padding_is_no_nan(gpt, tokens):
    real = torch.tensor([[True] * 4, [False] * 4])
    for causal in (True, False):
        assert gpt(causal=causal)(tokens(2, 4), real).isfinite().all()


# -- causality


@few
@given(time=st.integers(2, 12), data=st.data())
def test_a_later_token_changes_nothing_earlier(gpt, tokens, preset, time, data):
    place = data.draw(st.integers(1, time - 1))
    ids = tokens(1, time, seed=data.draw(st.integers(0, 99)))
    other = ids.clone()
    other[0, place] = (other[0, place] + 1 + data.draw(st.integers(0, 9))) % 11
    with torch.no_grad():
        model = gpt(preset)
        assert torch.equal(model(ids)[:, :place], model(other)[:, :place])
        if preset == "convolved":
            return
        both = gpt(preset, causal=False)
        assert (both(ids)[:, 0] - both(other)[:, 0]).abs().max() > 1e-6


# -- loss


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_loss_is_torchs(gpt, tokens, preset, dtype):
    model, ids, targets = gpt(preset, dtype=dtype), tokens(3, 7), tokens(3, 7, seed=1)
    targets[0, :3] = -1
    logits = model(ids)
    wanted = F.cross_entropy(logits.reshape(-1, 11), targets.reshape(-1), ignore_index=-1)
    loss = model.loss(ids, targets)
    assert loss.dtype == dtype
    torch.testing.assert_close(loss, wanted)
    by_hand = -logits.log_softmax(-1)[targets >= 0].gather(1, targets[targets >= 0][:, None]).mean()
    torch.testing.assert_close(loss, by_hand)


def test_the_loss_of_the_other_heads(gpt, tokens):
    ids = tokens(4, 5)
    model = gpt(head="regression")
    grades = torch.tensor([0.1, 0.2, 0.3, 0.4])
    torch.testing.assert_close(model.loss(ids, grades), ((model(ids) - grades) ** 2).mean())
    model = gpt(head="classification", n_outputs=3)
    classes = torch.tensor([0, 2, 1, 1])
    torch.testing.assert_close(model.loss(ids, classes), F.cross_entropy(model(ids), classes))


def test_gradients_against_differences(gpt, tokens, preset):
    """Along a random direction through all weights, in float64."""
    model, ids, targets = gpt(preset, dtype=torch.float64), tokens(2, 6), tokens(2, 6, seed=1)
    rng = torch.Generator().manual_seed(3)
    weights = list(model.parameters())
    direction = [torch.randn(p.shape, generator=rng, dtype=p.dtype) for p in weights]
    slopes = torch.autograd.grad(model.loss(ids, targets), weights)
    analytic = sum(float((s * d).sum()) for s, d in zip(slopes, direction, strict=True))

    def at(h):
        with torch.no_grad():
            for p, d in zip(weights, direction, strict=True):
                p += h * d
            loss = float(model.loss(ids, targets))
            for p, d in zip(weights, direction, strict=True):
                p -= h * d
        return loss

    assert analytic == pytest.approx((at(1e-6) - at(-1e-6)) / 2e-6, rel=1e-5)


# -- the start


def test_the_modern_model_begins_at_guessing(tokens):
    for vocab_size in (7, 65):
        model = GPT(GPTConfig.preset("modern", vocab_size, n_layer=1, n_embd=16, n_head=2, block_size=8))
        ids, targets = tokens(4, 8, vocab_size), tokens(4, 8, vocab_size, seed=1)
        assert model(ids).abs().max() == 0
        assert float(model.double().loss(ids, targets).detach()) == pytest.approx(math.log(vocab_size), abs=1e-14)


@pytest.mark.parametrize("name", PRESETS)
def test_the_seed_is_all_that_chance_does(name):
    config = GPTConfig.preset(name, 11, n_layer=1, n_embd=16, n_head=2, block_size=8)
    torch.manual_seed(1)
    first = GPT(config, seed=5)
    torch.manual_seed(2)
    again, other = GPT(config, seed=5), GPT(config, seed=6)
    for a, b in zip(first.parameters(), again.parameters(), strict=True):
        assert torch.equal(a, b)
    assert not torch.equal(first.wte.weight, other.wte.weight)


def test_initialise_forgets_all_training(gpt, preset):
    """Gains and convolutions too."""
    trained = gpt(preset)
    fresh = GPT(trained.config, seed=5)
    for a, b in zip(trained.initialise(5).parameters(), fresh.parameters(), strict=True):
        assert torch.equal(a, b)


def test_a_convolution_is_not_there_at_first(tokens):
    config = GPTConfig(11, n_layer=1, n_embd=16, n_head=2, block_size=8, zero_init=False)
    assert torch.equal(GPT(config.changed(conv_width=3))(tokens(2, 8)), GPT(config)(tokens(2, 8)))


def test_how_large_the_weights_begin():
    model = GPT(GPTConfig.preset("gpt2", 200, n_layer=2, n_embd=128, n_head=2))
    block = model.blocks[0]
    model.requires_grad_(False)
    assert float(model.wte.weight.std()) == pytest.approx(0.02, rel=0.05)
    assert float(block.mlp.up.weight.std()) == pytest.approx(0.02, rel=0.05)
    assert float(block.mlp.down.weight.std()) == pytest.approx(0.02 / 2, rel=0.05)  # sqrt(2 * 2 layers)
    assert float(block.mlp.down.bias.abs().max()) == 0
    modern = GPT(GPTConfig.preset("modern", 200, n_layer=1, n_embd=128, n_head=2))
    modern.requires_grad_(False)
    assert float(modern.blocks[0].mlp.down.weight.abs().max()) == 0
    assert float(modern.head.weight.abs().max()) == 0
    assert float(modern.blocks[0].mlp.up.weight.std()) == pytest.approx(128**-0.5, rel=0.05)
    assert float(modern.wte.weight.std()) == pytest.approx(1, rel=0.05)


def test_tied_weights_are_one(gpt, tokens):
    model = gpt("gpt2")
    assert model.head.weight is model.wte.weight
    assert model.n_params == gpt("gpt2", tied=False).n_params - 11 * 16
    model.loss(tokens(1, 4), tokens(1, 4, seed=1)).backward()
    assert (model.wte.weight.grad.abs().sum(1) > 0).all()  # also those that were not read


def test_dropout_is_for_training_alone(gpt, tokens):
    model, ids = gpt(dropout=0.5), tokens(1, 6)
    assert torch.equal(model(ids), model(ids))
    model.train()
    assert not torch.equal(model(ids), model(ids))


# -- what is refused


@pytest.mark.parametrize(
    ("ids", "words"),
    [
        (torch.zeros(3, dtype=torch.long), r"shape \[batch, time\], got \[3\]"),
        (torch.zeros(1, 0, dtype=torch.long), r"shape \[batch, time\], got \[1, 0\]"),
        (torch.zeros(1, 3), "whole numbers"),
        (torch.zeros(1, 13, dtype=torch.long), r"13 tokens are more than block_size \(12\)"),
        (torch.tensor([[0, 11]]), r"tokens must be 0 … 10, got 0 … 11"),
        (torch.tensor([[-1, 3]]), r"tokens must be 0 … 10, got -1 … 3"),
    ],
)
def test_tokens_that_cannot_be(gpt, ids, words):
    with pytest.raises(ValueError, match=words):
        gpt()(ids)


def test_masks_and_caches_that_cannot_be(gpt, tokens):
    model, ids = gpt(), tokens(2, 4)
    with pytest.raises(ValueError, match=r"real must have the shape of tokens, \[2, 4\], got \[2, 3\]"):
        model(ids, torch.ones(2, 3, dtype=torch.bool))
    with pytest.raises(ValueError, match=r"real must be True and False"):
        model(ids, torch.ones(2, 4, dtype=torch.long))
    with pytest.raises(ValueError, match="the cache is for 3 sequences, got tokens for 2"):
        model(ids, cache=model.new_cache(3))
    both = gpt(causal=False)
    with pytest.raises(ValueError, match="a cache needs a causal model"):
        both(ids, cache=both.new_cache(2))
