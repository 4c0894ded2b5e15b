"""Scores against exact enumeration and torch, and by property."""

import math
from itertools import product

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from labkit.arena import (
    battle_score,
    name_score,
    negative_log_likelihood,
    perplexity,
    quality,
    uniqueness,
)
from labkit.data import Names
from labkit.scalar import GameGPT

shares = st.floats(0, 1)
perplexities = st.floats(1, 100)


def test_the_probabilities_of_everything_that_can_be_written_sum_to_one():
    model = GameGPT(Names.vocab_size, n_layer=1, n_embd=2, block_size=2, n_head=1, seed=1)
    for p in model.params:
        p.data *= 10  # away from uniform
    # A block of two predictions: nothing, one letter, or two letters cut off by the block.
    nothing = math.exp(-model.loss([Names.bos, Names.bos]).data)
    everything = [*Names.letters, *map("".join, product(Names.letters, repeat=2))]
    likelihoods = [negative_log_likelihood(model, name) for name in everything]
    assert {n for _, n in likelihoods} == {2}
    assert nothing + math.fsum(math.exp(-nats) for nats, _ in likelihoods) == pytest.approx(1, abs=1e-12)


def test_perplexity_is_torchs_cross_entropy_over_all_tokens():
    model = GameGPT(Names.vocab_size, n_layer=1, n_embd=4, block_size=5, n_head=2, seed=3)
    for p in model.params:
        p.data *= 5
    words = ["a", "emma", "bartholomew", "zoe"]
    logits, targets = [], []
    for word in words:
        tokens = Names.encode(word)
        keys, values = model.new_cache()
        for i in range(min(5, len(tokens) - 1)):
            logits.append([v.data for v in model.forward(tokens[i], i, keys, values)])
            targets.append(tokens[i + 1])
    loss = torch.nn.functional.cross_entropy(torch.tensor(logits, dtype=torch.float64), torch.tensor(targets))
    assert perplexity(model, words) == pytest.approx(math.exp(loss.item()), rel=1e-12)
    assert len(targets) == 2 + 5 + 5 + 4
    with pytest.raises(ValueError, match="no names to predict"):
        perplexity(model, [])


def test_a_model_that_knows_nothing_hesitates_between_all_tokens():
    model = GameGPT(Names.vocab_size, n_layer=1, n_embd=2, block_size=4, n_head=1)
    for p in model.params:
        p.data = 0.0
    assert perplexity(model, ["ann", "bo"]) == pytest.approx(27)
    assert quality(math.log(27)) == 0
    assert name_score(model, "ann", new=True) == pytest.approx(0, abs=1e-9)


def test_uniqueness_by_hand():
    known = {"anna", "emma"}
    assert uniqueness(["lea", "mia"], known) == 1
    assert uniqueness(["anna", "emma"], known) == 0
    assert uniqueness(["lea", "lea", "anna", ""], known) == 0.25
    with pytest.raises(ValueError, match="no generated names"):
        uniqueness([], known)


@given(st.lists(st.text(alphabet="ab", max_size=3), min_size=1), st.sets(st.text(alphabet="ab", max_size=3)))
def test_uniqueness_is_a_share_that_repeating_cannot_raise(generated, known):
    share = uniqueness(generated, known)
    assert 0 <= share <= 1
    assert uniqueness(generated * 2, known) == share / 2
    assert uniqueness(generated, known | set(generated)) == 0


@given(perplexities, perplexities, shares, shares)
def test_the_score_rises_with_both_and_stays_between_0_and_100(p, q, u, v):
    score = battle_score(max(p, q), min(u, v))
    assert 0 <= score <= 100 + 1e-9
    assert battle_score(min(p, q), min(u, v)) >= score - 1e-9
    assert battle_score(max(p, q), max(u, v)) >= score - 1e-9


def test_neither_copying_nor_babbling_pays():
    assert battle_score(1.0, 1.0) == 100
    assert battle_score(1.0, 0.0) == 0  # knows every name by heart, writes none of its own
    assert battle_score(27.0, 1.0) == 0  # guesses
    assert battle_score(math.inf, 1.0) == 0
    assert battle_score(math.sqrt(27), 0.5) == pytest.approx(50)
    assert battle_score(9.0, 0.9) > battle_score(12.0, 0.9) > battle_score(12.0, 0.5)


@pytest.mark.parametrize(("p", "u"), [(0.5, 0.5), (math.nan, 0.5), (2, -0.1), (2, 1.1), (2, math.nan)])
def test_what_is_no_perplexity_or_share_is_refused(p, u):
    with pytest.raises(ValueError, match=r"battle_score: a (perplexity|uniqueness) is"):
        battle_score(p, u)


def test_points_for_a_name(make):
    agent = make(n_embd=8)
    agent.train(150)
    model = agent.run.model
    likely, unlikely = name_score(model, "lama", new=True), name_score(model, "xqzw", new=True)
    assert 100 >= likely > unlikely >= 0
    assert name_score(model, "lama", new=False) == 0
    assert name_score(model, "", new=True) == 0
    assert perplexity(model, agent.names.held_out) < 27
