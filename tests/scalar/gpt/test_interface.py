"""What GameGPT promises: its sizes, its seed, what it refuses, and how it leaves the garbage collector."""

import gc
import inspect
import math
import random

import numpy as np
import pytest
import torch

from labkit.scalar import GameGPT

VOCAB, BLOCK = 7, 5
DOCUMENTS = [[6, 0, 3, 6], [6, 1, 1, 5, 4, 2, 0, 6], [2, 6], [6, 5, 4, 3, 2, 6]]  # the second one is cut
F64 = torch.float64


def test_the_arguments_and_their_defaults():
    def defaults(f):
        parameters = inspect.signature(f).parameters.values()
        return {p.name: p.default for p in parameters if p.name != "self"}

    needed = inspect.Parameter.empty
    assert list(defaults(GameGPT).items()) == [
        ("vocab_size", 74),
        ("n_layer", 2),
        ("n_embd", 32),
        ("block_size", 64),
        ("n_head", 4),
        ("seed", 42),
    ]
    assert list(defaults(GameGPT.forward)) == ["token_id", "pos_id", "keys", "values"]
    assert defaults(GameGPT.train_step) == {"tokens": needed, "lr": 0.01, "beta1": 0.85, "beta2": 0.99, "eps": 1e-8}
    assert list(defaults(GameGPT.train_step)) == ["tokens", "lr", "beta1", "beta2", "eps"]
    assert list(defaults(GameGPT.sample).items()) == [
        ("bos_id", needed),
        ("eos_id", needed),
        ("temperature", 0.5),
        ("max_len", None),
    ]
    assert list(defaults(GameGPT.loss)) == ["tokens"]


def test_the_matrices_their_sizes_and_their_order():
    model = GameGPT(VOCAB, 2, 8, BLOCK, 4)
    sizes = {name: (len(rows), {len(row) for row in rows}) for name, rows in model.state_dict.items()}
    layer = {"attn_wq": 8, "attn_wk": 8, "attn_wv": 8, "attn_wo": 8, "mlp_fc1": 32}
    expected = {"wte": (VOCAB, {8}), "wpe": (BLOCK, {8}), "lm_head": (VOCAB, {8})}
    for i in range(2):
        expected |= {f"layer{i}.{name}": (n_out, {8}) for name, n_out in layer.items()}
        expected[f"layer{i}.mlp_fc2"] = (8, {32})
    assert list(sizes.items()) == list(expected.items())
    in_order = [p for rows in model.state_dict.values() for row in rows for p in row]
    assert len(in_order) == len(model.params) == len({id(p) for p in in_order})
    assert all(p is q for p, q in zip(model.params, in_order, strict=True))
    assert model.m == model.v == [0.0] * len(model.params)
    assert (model.step_count, model.head_dim) == (0, 2)
    assert len(GameGPT(27, 1, 16, 8, 4).params) == 4064  # as microgpt says of itself


def test_the_weights_are_drawn_with_a_spread_of_eight_hundredths(weights_of):
    weights = torch.tensor(weights_of(GameGPT()), dtype=F64)
    assert len(weights) == 31_360
    assert abs(weights.mean().item()) < 5 * 0.08 / math.sqrt(31_360)
    assert weights.std().item() == pytest.approx(0.08, rel=0.02)
    assert 4 * 0.08 < weights.abs().max().item() < 6 * 0.08  # tails: a normal distribution


def test_a_new_model_guesses():
    assert GameGPT(VOCAB, 1, 8, BLOCK, 2).loss(DOCUMENTS[0]).data == pytest.approx(math.log(VOCAB), abs=0.15)


@pytest.fixture
def lived(small, weights_of, everything):
    """All that a model says and becomes."""

    def life(seed):
        model = small(seed=seed)
        born = weights_of(model)
        losses = [model.train_step(document) for document in DOCUMENTS]
        return born, losses, [model.sample(6, 0, 1.0) for _ in range(5)], everything(model)

    return life


def test_the_seed_decides_everything(lived):
    random.seed(1)
    first = lived(3)
    random.seed(2)  # nobody else's random numbers are used
    assert lived(3) == first
    assert all(mine != other for mine, other in zip(first, lived(4), strict=True))


@pytest.mark.parametrize("name", ["vocab_size", "n_layer", "n_embd", "block_size", "n_head"])
@pytest.mark.parametrize("size", [0, -1, 2.0, "4", None])
def test_a_size_is_a_whole_number_of_at_least_one(name, size):
    sizes = {"vocab_size": 3, "n_layer": 1, "n_embd": 4, "block_size": 2, "n_head": 2}
    with pytest.raises(ValueError, match=f"{name} must be a whole number of at least 1, got {size!r}"):
        GameGPT(**sizes | {name: size})


def test_the_width_is_divisible_by_the_heads():
    with pytest.raises(ValueError, match="got n_embd=8 and n_head=3"):
        GameGPT(VOCAB, 1, 8, BLOCK, 3)


WRONG_TOKENS = [VOCAB, -1, 1.0, "1", None, True]


def refused(token):
    outside = isinstance(token, int) and not isinstance(token, bool)
    what = "is outside the vocabulary:" if outside else "must be a whole number,"
    return f"token {token!r} {what} 0 … 6"


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ([], "at least two tokens .* got 0"),
        ([3], "at least two tokens .* got 1"),
        *(([6, 0, wrong], refused(wrong)) for wrong in WRONG_TOKENS),
        *(([wrong, 0], f"token {wrong!r} ") for wrong in WRONG_TOKENS),
        ([6, 0, 1, 2, 3, 4, 5, 9], "token 9 "),  # after the cut
    ],
)
def test_a_refused_document_changes_nothing(document, words, small, everything):
    model = small()
    model.train_step(DOCUMENTS[0])
    before = everything(model)
    with pytest.raises(ValueError, match=words):
        model.train_step(document)
    with pytest.raises(ValueError, match=words):
        model.loss(document)
    assert everything(model) == before


@pytest.mark.parametrize("token", WRONG_TOKENS)
def test_forward_refuses_a_token_outside_the_vocabulary(token, small):
    model = small()
    keys, values = model.new_cache()
    with pytest.raises(ValueError, match=refused(token)):
        model.forward(token, 0, keys, values)
    assert keys == values == [[]]


def test_tokens_may_be_numpy_s_integers(small):
    losses = [small().train_step(tokens) for tokens in (DOCUMENTS[0], np.array(DOCUMENTS[0]))]
    assert losses[0] == losses[1]


@pytest.mark.parametrize("position", [-1, BLOCK, BLOCK + 1])
def test_forward_refuses_a_position_outside_the_block(position, small):
    model = small()
    keys, values = model.new_cache()
    with pytest.raises(ValueError, match=f"position {position} is outside the block: 0 … 4"):
        model.forward(0, position, keys, values)
    assert keys == values == [[]]


def test_it_learns_a_document_by_heart(small):
    model, document = small(), [6, 1, 3, 1, 5, 6]
    losses = [model.train_step(document, lr=0.05) for _ in range(60)]
    assert losses[0] > 1.5
    assert losses[-1] < 0.1
    assert model.sample(6, 6, temperature=0, max_len=6) == document


# -- the garbage collector


@pytest.fixture
def collector():
    was_on = gc.isenabled()
    yield
    (gc.enable if was_on else gc.disable)()


@pytest.mark.parametrize("on", [True, False])
def test_the_collector_is_afterwards_as_it_was(collector, on, monkeypatch, small):
    (gc.enable if on else gc.disable)()
    model = small()
    model.train_step(DOCUMENTS[0])
    assert gc.isenabled() == on
    model.sample(6, 2)
    assert gc.isenabled() == on
    with pytest.raises(ValueError, match="at least two tokens"):
        model.train_step([])
    assert gc.isenabled() == on

    def fail(*arguments):
        assert not gc.isenabled()
        raise KeyError("on the way")

    monkeypatch.setattr(model, "_forward", fail)
    for act in (lambda: model.train_step(DOCUMENTS[0]), lambda: model.sample(6, 2)):
        with pytest.raises(KeyError):
            act()
        assert gc.isenabled() == on


def test_a_step_and_a_sample_leave_nothing_that_only_the_collector_could_free(collector, small):
    model = small(2)
    gc.collect()
    gc.disable()
    model.train_step(DOCUMENTS[1])
    model.sample(6, 2)
    assert gc.collect() == 0
