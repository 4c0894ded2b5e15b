"""Self-alignment: a domain counted by hand, and a tiny GPT that learns from what it wrote, its drift measured."""

import doctest
import math
import random

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from labkit.gpt import GPTConfig
from labkit.rlhf import domain
from labkit.rlhf.align import AlignConfig, SelfAlignment, token_kl
from labkit.rlhf.domain import Domain
from labkit.rlhf.policy import GPTPolicy
from labkit.tokenizers import CharTokenizer
from labkit.training.evaluate import evaluate
from labkit.training.lm import LMRun
from labkit.training.lm_config import LMConfig
from labkit.training.tokens import TokenData

WORDS = ["cat", "dog", "ant", "sun", "sea", "hut", "inn", "oak"]
SEA = Domain(["sea", "sun"])
SHORT = LMConfig(max_steps=25, batch_size=32, lr=1e-3, optimizer="adamw", eval_every=0)
SMALL = AlignConfig(rounds=2, samples=96, max_new_tokens=20, training=SHORT)


# -- the domain


def test_docstring():
    results = doctest.testmod(domain)
    assert (results.attempted > 0, results.failed) == (True, 0)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        ("Sea, SEA. seas undersea", ["sea", "sea"]),
        ("open  sea", ["open sea"]),  # not the term sea as well
        ("open\nSea-sea", ["open sea", "sea"]),
        ("open open sea sun", ["open sea"]),
        ("sea9 9sea sea_sea", ["sea", "sea"]),
    ],
)
def test_terms_are_whole_words_and_no_word_counts_twice(text, found):
    assert Domain(["sea", "open sea", "SEA"]).found(text) == found


def test_density_is_pooled_over_texts_and_coverage_too():
    texts = ["sea cat", "sun sun sun dog ant hut", ""]
    assert SEA.density(texts) == pytest.approx(100 * 4 / 8)  # not the mean of 50 and 50 and 0
    assert (SEA.coverage(texts), SEA.coverage(texts[:1]), SEA.coverage([""])) == (1, 0.5, 0)
    assert SEA.reward(texts[1]) == 0.5
    assert SEA.varied(texts[1]) == pytest.approx(1 / 6)


@given(st.lists(st.lists(st.sampled_from([*WORDS, "x sea", "oak-sun"])).map(" ".join)))
@example(["cat " * 9 + "sun sea oak-sun"])  # 3 of 13: in per cent and back it is another float
def test_the_numbers_stay_in_their_ranges(texts):
    some = Domain(["sea", "oak sun", "sun"])
    assert 0 <= some.density(texts) <= 100
    assert 0 <= some.coverage(texts) <= 1
    for text in texts:
        assert 0 <= some.varied(text) <= some.reward(text) <= 1


@pytest.mark.parametrize(
    ("terms", "words"),
    [([], "at least one term"), ("sea", r"write \['sea'\]"), (["sea", " ,"], "' ,' is no term"), ([3], "3 is no term")],
)
def test_terms_that_cannot_be_are_refused(terms, words):
    with pytest.raises(ValueError, match=words):
        Domain(terms)


# -- alignment


@pytest.fixture(scope="module")
def written():
    """A GPT trained on lines of four random words, its tokenizer, and held-out ids of such lines."""
    rng = random.Random(0)
    lines = "\n".join(" ".join(rng.choices(WORDS, k=4)) for _ in range(900)) + "\n"
    tokenizer = CharTokenizer.train(lines)
    ids = tokenizer.encode(lines)
    config = GPTConfig.preset("modern", tokenizer.vocab_size, block_size=24, n_layer=1, n_head=2, n_embd=32)
    data = TokenData.from_ids(ids[2000:], ids[:2000])
    run = LMRun(config, data, LMConfig(max_steps=120, batch_size=32, lr=0.01, eval_every=0))
    for _ in run:
        pass
    return run.model.eval(), tokenizer, data.validation


def alignment(written, config=SMALL, domain=SEA, **options):
    model, tokenizer, held_out = written
    end = tokenizer.encode("\n")
    return SelfAlignment(model, tokenizer, domain, [end], end, held_out, config=config, **options)


@pytest.mark.parametrize("method", ["filter", "weight"])
def test_it_writes_more_about_the_domain_and_drifts(written, method):
    model, _, held_out = written
    before = [p.clone() for p in model.parameters()]
    config = AlignConfig(**{**vars(SMALL), "method": method})
    aligning = alignment(written, config)
    states = list(aligning)
    assert [state.round for state in states] == [0, 1, 2]
    assert aligning.history == states
    first, last = states[0], states[-1]
    assert 15 < first.density < 35  # two of eight words, by chance
    assert last.density > first.density + 10
    assert last.reward > first.reward
    assert first.kl == 0  # exactly: the same model
    assert 0 < states[1].kl < last.kl
    assert first.perplexity == pytest.approx(math.exp(evaluate(model, held_out)))
    assert last.perplexity > first.perplexity
    assert [state.learned for state in states] == ([0, 24, 24] if method == "filter" else [0, 96, 96])
    assert all(torch.equal(p, q) for p, q in zip(model.parameters(), before, strict=True))  # the reference stays
    for state in states:  # each number is told by the texts
        assert len(state.texts) == 96
        assert not any("\n" in text for text in state.texts)
        assert state.density == SEA.density(state.texts)
        assert state.coverage == SEA.coverage(state.texts)
        assert state.reward == pytest.approx(np.mean([SEA.reward(text) for text in state.texts]))
        assert state.distinct == len(set(state.texts)) / 96


def test_the_same_seed_writes_the_same_texts(written):
    config = AlignConfig(**{**vars(SMALL), "rounds": 1, "samples": 24})
    first, second = (list(alignment(written, config)) for _ in range(2))
    assert first == second
    other = list(alignment(written, AlignConfig(**{**vars(config), "seed": 1})))
    assert other[0].texts != first[0].texts


def test_the_estimated_kl_is_near_the_exact_one(written):
    """Exactly: at every place of the texts the sum over all tokens, in place of the one that was written."""
    model, tokenizer, _ = written
    aligning = alignment(written, AlignConfig(**{**vars(SMALL), "rounds": 1}))
    state = list(aligning)[-1]
    end = tokenizer.encode("\n")
    samples = GPTPolicy(aligning.model, [end], 20, end).sample(600, seed=9)
    with torch.no_grad():
        log_p, log_q = (one(samples.ids[:, :-1]).double().log_softmax(-1) for one in (aligning.model, model))
    exact = (log_p.exp() * (log_p - log_q)).sum(-1)[samples.written[:, 1:]].mean()
    assert token_kl(aligning.model, model, samples) == pytest.approx(float(exact), rel=0.15)
    assert state.kl == pytest.approx(float(exact), rel=0.4)  # of a sixth of the texts


def test_the_filter_learns_from_the_best_and_from_none_that_is_worth_the_least(written):
    """However large the share to keep: a text without a term teaches nothing about them."""
    config = AlignConfig(**{**vars(SMALL), "rounds": 1, "keep": 0.9})
    aligning = alignment(written, config)
    first = next(aligning)
    with_a_term = sum(SEA.reward(text) > 0 for text in first.texts)
    assert next(aligning).learned == min(with_a_term, round(0.9 * 96))


def test_a_reward_of_ones_own_chooses(written):
    config = AlignConfig(**{**vars(SMALL), "rounds": 1})
    first, last = list(alignment(written, config, reward=lambda text: -text.count("o")))
    o = [sum(text.count("o") for text in state.texts) / sum(map(len, state.texts)) for state in (first, last)]
    assert o[1] < o[0]
    assert last.reward > first.reward


def test_without_held_out_text_there_is_no_perplexity(written):
    model, tokenizer, _ = written
    end = tokenizer.encode("\n")
    assert math.isnan(next(SelfAlignment(model, tokenizer, SEA, [end], end, config=SMALL)).perplexity)


def test_where_no_text_is_better_than_another_it_says_so(written):
    aligning = alignment(written, domain=Domain(["whale"]))
    assert next(aligning).coverage == 0
    with pytest.raises(ValueError, match="round 1: all 96 texts are worth 0, so none is better"):
        next(aligning)
    assert len(aligning.history) == 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"rounds": 0}, "rounds must be a whole number of at least 1, got 0"),
        ({"samples": 2.5}, "samples must be a whole number"),
        ({"method": "best"}, "method must be one of filter, weight, got 'best'"),
        ({"keep": 1.0}, "keep must be a share above 0 and below 1"),
        ({"training": LMConfig(max_steps=None, schedule="constant", eval_every=0)}, "training needs max_steps"),
        ({"training": LMConfig(max_steps=5)}, "eval_every=0"),
    ],
)
def test_a_config_that_cannot_be_is_refused(changes, words):
    with pytest.raises(ValueError, match=words):
        AlignConfig(**changes)


def test_a_tokenizer_or_texts_that_do_not_fit_are_refused_at_once(written):
    model, tokenizer, _ = written
    with pytest.raises(ValueError, match="the tokenizer has 2 tokens, the model"):
        SelfAlignment(model, CharTokenizer("ab"), SEA, [[0]])
    with pytest.raises(ValueError, match="do not fit into block_size"):
        SelfAlignment(model, tokenizer, SEA, [[0]], config=AlignConfig(max_new_tokens=24))
