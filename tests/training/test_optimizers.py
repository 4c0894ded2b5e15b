"""Each weight has one optimiser; AdamW and Muon are torch's; what they remember can be put back."""

import pytest
import torch

from labkit.gpt import GPT, PRESETS, GPTConfig
from labkit.training.optimizers import load_optimizer_tensors, make_optimizers, optimizer_tensors

SMALL = {"block_size": 8, "n_layer": 2, "n_head": 2, "n_embd": 8}


def parts(preset="modern", optimizer="muon", seed=0):
    model = GPT(GPTConfig.preset(preset, 7, **SMALL), seed=seed)
    return model, make_optimizers(model, optimizer, 0.01, 0.1, (0.9, 0.95), 0.9)


def step(model, optimizers, seed=1):
    tokens = torch.randint(7, (4, 9), generator=torch.Generator().manual_seed(seed))
    model.loss(tokens[:, :-1], tokens[:, 1:]).backward()
    for optimizer in optimizers:
        optimizer.step()
        optimizer.zero_grad()


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
@pytest.mark.parametrize("preset", PRESETS)
def test_each_weight_is_in_one_group(preset, optimizer):
    model, optimizers = parts(preset, optimizer)
    names = {id(p): name for name, p in model.named_parameters()}
    groups = [
        (type(o).__name__, g["weight_decay"], names[id(p)])
        for o in optimizers
        for g in o.param_groups
        for p in g["params"]
    ]
    assert sorted(name for _, _, name in groups) == sorted(names.values())
    shapes = dict(model.named_parameters())
    for kind, decay, name in groups:
        matrix = shapes[name].ndim == 2
        assert decay == (0.1 if matrix else 0.0)
        assert kind == ("Muon" if optimizer == "muon" and matrix and name.startswith("blocks.") else "AdamW")
    assert any(kind == "Muon" for kind, _, _ in groups) == (optimizer == "muon")


def test_adamw_is_torchs():
    (model, ours), (other, _) = parts("gpt2", "adamw"), parts("gpt2", "adamw")
    theirs = [
        torch.optim.AdamW([p], lr=0.01, betas=(0.9, 0.95), eps=1e-10, weight_decay=0.1 if p.ndim == 2 else 0.0)
        for p in other.parameters()
    ]
    for seed in range(4):
        step(model, ours, seed)
        step(other, theirs, seed)
    for one, two in zip(model.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(one, two)


def test_muon_moves_a_matrix_in_all_directions_alike():
    """An update is nearly orthogonal: its singular values are alike, and as large as AdamW's updates of it would be."""
    model, optimizers = parts("micro")
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    step(model, optimizers)
    for name, p in model.blocks.named_parameters(prefix="blocks"):
        update = before[name] * (1 - 0.01 * 0.1) - p.detach()
        sizes = torch.linalg.svdvals(update)
        stable_rank = (sizes / sizes.max()).square().sum()  # how many directions get a full share; 1 for a single one
        assert stable_rank > 0.4 * len(sizes), name
        assert update.square().mean().sqrt() == pytest.approx(0.2 * 0.01, rel=0.35)


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_what_is_remembered_can_be_put_back(optimizer):
    model, optimizers = parts(optimizer=optimizer)
    assert optimizer_tensors(optimizers) == {}
    for seed in range(3):
        step(model, optimizers, seed)
    tensors = optimizer_tensors(optimizers)
    other, others = parts(optimizer=optimizer, seed=5)
    step(other, others)
    other.load_state_dict(model.state_dict())
    load_optimizer_tensors(others, tensors)
    again = optimizer_tensors(others)
    assert again.keys() == tensors.keys()
    assert all(torch.equal(again[name], t) and again[name] is not t for name, t in tensors.items())
    step(model, optimizers, 7)
    step(other, others, 7)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), other.parameters(), strict=True))
    assert all(torch.equal(again[name], t) for name, t in tensors.items())  # copies: the step did not touch them
    load_optimizer_tensors(others, {})
    assert optimizer_tensors(others) == {}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.pop("0.1.exp_avg"), "AdamW remembers exp_avg, exp_avg_sq, step: some lack"),
        (lambda t: t.pop("1.3.momentum_buffer"), "Muon remembers momentum_buffer: some lack"),
        (lambda t: t.update({"0.99.step": torch.tensor(1.0)}), "0.99.step does not fit"),
        (lambda t: t.update({"1.0.momentum_buffer": torch.ones(3)}), "1.0.momentum_buffer does not fit"),
        (lambda t: t.update({"2.0.step": torch.tensor(1.0)}), "2.0.step does not fit"),
        (lambda t: t.update({"step": torch.tensor(1.0)}), "."),
    ],
)
def test_memories_of_other_weights_are_refused_and_nothing_changes(change, words):
    model, optimizers = parts()
    step(model, optimizers)
    before = optimizer_tensors(optimizers)
    tensors = optimizer_tensors(optimizers)
    change(tensors)
    with pytest.raises(ValueError, match=words):
        load_optimizer_tensors(optimizers, tensors)
    after = optimizer_tensors(optimizers)
    assert all(torch.equal(after[name], t) for name, t in before.items())
