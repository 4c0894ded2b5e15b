"""One GPT in two engines: the scalar one of chapter 2 and the preset "micro" are the same function."""

import pytest
import torch

from labkit.gpt import GPT, GPTConfig, copy_to_scalar, gpt_from_scalar
from labkit.scalar import GameGPT

LR, BETAS, EPS = 0.01, (0.85, 0.99), 1e-8


@pytest.fixture
def scalar():
    return GameGPT(vocab_size=9, n_layer=2, n_embd=8, block_size=6, n_head=2, seed=3)


def scalar_logits(scalar, ids):
    keys, values = scalar.new_cache()
    return torch.tensor(
        [[node.data for node in scalar.forward(token, i, keys, values)] for i, token in enumerate(ids)],
        dtype=torch.float64,
    )


@pytest.mark.parametrize(("dtype", "limit"), [(torch.float32, 1e-5), (torch.float64, 1e-12)])
def test_the_same_weights_give_the_same_logits(scalar, dtype, limit):
    ids = [1, 8, 0, 3, 3, 5]
    model = gpt_from_scalar(scalar, dtype)
    logits = model(torch.tensor([ids]))[0].detach()
    assert logits.dtype == dtype
    assert float((logits - scalar_logits(scalar, ids)).abs().max()) < limit
    loss = float(model.loss(torch.tensor([ids[:-1]]), torch.tensor([ids[1:]])).detach())
    assert loss == pytest.approx(scalar.loss(ids).data, abs=limit)


@pytest.mark.parametrize(("dtype", "limit"), [(torch.float32, 1e-5), (torch.float64, 1e-9)])
def test_a_step_of_training_gives_the_same_weights(scalar, dtype, limit):
    """Adam of chapter 2 beside torch's, three steps: from the second on its memory counts too."""
    model = gpt_from_scalar(scalar, dtype)
    adam = torch.optim.Adam(model.parameters(), lr=LR, betas=BETAS, eps=EPS)
    for step, ids in enumerate(([1, 8, 0, 3, 3, 5], [2, 2, 7], [0, 4, 6, 1])):
        adam.param_groups[0]["lr"] = LR * (1 - step / max(step + 1, 5000))
        loss = model.loss(torch.tensor([ids[:-1]]), torch.tensor([ids[1:]]))
        adam.zero_grad()
        loss.backward()
        adam.step()
        assert scalar.train_step(ids, LR, *BETAS, EPS) == pytest.approx(float(loss.detach()), abs=limit)
        now = gpt_from_scalar(scalar, torch.float64)
        for (name, p), wanted in zip(model.named_parameters(), now.parameters(), strict=True):
            assert float((p - wanted).detach().abs().max()) < limit, name


def test_there_and_back_are_the_same_numbers(scalar):
    model = gpt_from_scalar(scalar, torch.float64)
    other = GameGPT(vocab_size=9, n_layer=2, n_embd=8, block_size=6, n_head=2, seed=4)
    other.train_step([1, 2, 3])
    assert copy_to_scalar(model, other) is other
    assert [p.data for p in other.params] == [p.data for p in scalar.params]
    assert other.step_count == 0
    assert not any(other.m)


def test_a_torch_model_becomes_a_scalar_one(scalar):
    model = GPT(GPTConfig.preset("micro", 9, n_layer=2, n_embd=8, block_size=6, n_head=2), seed=1)
    ids = [4, 2, 0, 8]
    copy_to_scalar(model, scalar)
    assert float((model(torch.tensor([ids]))[0].detach() - scalar_logits(scalar, ids)).abs().max()) < 1e-5


def test_a_model_that_a_scalar_one_cannot_be(scalar):
    before = [p.data for p in scalar.params]
    sizes = {"n_layer": 2, "n_embd": 8, "block_size": 6, "n_head": 2}
    with pytest.raises(ValueError, match=r"n_layer=1 \(needed: 2\)"):
        copy_to_scalar(GPT(GPTConfig.preset("micro", 9, **sizes | {"n_layer": 1})), scalar)
    with pytest.raises(ValueError, match=r"qk_norm=True \(needed: False\)"):
        copy_to_scalar(GPT(GPTConfig.preset("modern", 9, **sizes)), scalar)
    assert [p.data for p in scalar.params] == before


def test_changes_of_the_config(scalar):
    assert gpt_from_scalar(scalar, dropout=0.1).config.dropout == 0.1
    with pytest.raises(ValueError, match=r"missing weights: .*bias"):
        gpt_from_scalar(scalar, bias=True)
    with pytest.raises(ValueError, match="n_layer=3, but there are weights of 2 blocks"):
        gpt_from_scalar(scalar, n_layer=3)
