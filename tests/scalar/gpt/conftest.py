"""A GameGPT small enough for torch to follow it weight by weight, and what there is of it to compare."""

import copy

import pytest

from labkit.scalar import GameGPT

VOCAB, BLOCK = 7, 5


@pytest.fixture
def small():
    """A small model; with `scale` its attention is far from even and its logits are far apart."""

    def make(n_layer=1, n_embd=8, n_head=2, seed=0, scale=1.0):
        model = GameGPT(VOCAB, n_layer, n_embd, BLOCK, n_head, seed)
        for p in model.params:
            p.data *= scale
        return model

    return make


@pytest.fixture
def weights_of():
    """Every weight of a model, as a list."""
    return lambda model: [p.data for p in model.params]


@pytest.fixture
def everything(weights_of):
    """All that a training step or a sample may change."""

    def copied(model):
        gradients = [p.grad for p in model.params]
        return copy.deepcopy((weights_of(model), gradients, model.m, model.v, model.step_count, model.rng.getstate()))

    return copied
