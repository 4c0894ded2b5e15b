"""Offline reinforcement learning: weights that never diverge, an unbiased gradient, and the exact optimum."""

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy

from labkit.gpt import GPT, GPTConfig
from labkit.rlhf.exact import kl, optimum
from labkit.rlhf.offline import (
    OfflineRun,
    Scored,
    Weighted,
    advantage_weights,
    deviation,
    effective_size,
    examples_of,
    weighted_nats,
)
from labkit.rlhf.sft import Example, Examples, SFTRun
from labkit.tokenizers import CharTokenizer
from labkit.training.lm_config import LMConfig

FINITE = st.floats(allow_nan=False, allow_infinity=False)
MODEL = GPTConfig.preset("modern", 9, block_size=8, n_layer=1, n_head=2, n_embd=16, zero_init=False)
CONFIG = LMConfig(
    max_steps=6, batch_size=2, warmup_steps=1, eval_every=0, optimizer="adamw", precision="float32", device="cpu"
)
EXAMPLES = [Example([1], [2, 3]), Example([1], [4] * 6), Example([1], [5]), Example([1], [6, 7, 8]), Example([1], [2])]
REWARDS = [3.0, -1.0, 0.5, 0.0, -2.0]


def config(**changes):
    return LMConfig.from_dict(CONFIG.to_dict() | changes)


# -- weights


def test_weights_by_hand():
    """Rewards 0 and 2 have the mean 1 and the standard deviation 1: exp(-1) and exp(1), divided by their mean."""
    weights = advantage_weights([0.0, 2.0])
    mean = (math.exp(-1) + math.exp(1)) / 2
    assert weights.tolist() == pytest.approx([math.exp(-1) / mean, math.exp(1) / mean], rel=1e-12)
    assert deviation([0.0, 2.0]) == 1
    assert advantage_weights([0.0, 2.0], beta=2.0).tolist() == pytest.approx(
        [2 / (1 + math.exp(1)), 2 / (1 + math.exp(-1))], rel=1e-12
    )


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=30), st.floats(0.2, 50))
def test_without_a_cap_they_are_a_softmax(rewards, beta):
    r = torch.tensor(rewards, dtype=torch.float64)
    expected = (r / beta).softmax(0) * len(r)
    torch.testing.assert_close(advantage_weights(r, beta, cap=None, scale=1.0), expected, rtol=1e-6, atol=1e-9)


@given(
    rewards=st.lists(FINITE, min_size=1, max_size=60),
    beta=st.floats(min_value=5e-324, allow_infinity=False),
    cap=st.floats(1, 30) | st.none(),
    scale=st.floats(min_value=5e-324, allow_infinity=False) | st.none(),
)
@example([0.0, 1.7976931348622191e308, -1.797693134862219e308], 1.0, 1.0, 0.5)  # their deviation / scale overflows
def test_no_rewards_diverge(rewards, beta, cap, scale):
    weights = advantage_weights(rewards, beta, cap, scale)
    assert weights.isfinite().all()
    assert (weights >= 0).all()
    assert weights.mean().item() == pytest.approx(1, rel=1e-9)
    assert cap is None or weights.max() <= cap * (1 + 1e-9)
    assert cap is None or effective_size(weights) >= len(weights) / cap * (1 - 1e-9)
    rising = weights[torch.tensor(rewards, dtype=torch.float64).argsort()]
    assert (rising.diff() >= -1e-9 * rising[1:]).all()  # never less for more reward


@pytest.mark.parametrize(
    "rewards",
    [[-5.0, -1.0, -2.5], [1e6, -1e6, 0.0], [-1e6 - 1, -1e6, -1e6 + 2], [0.0] * 99 + [1e6], [-1e6] * 9 + [1e6]],
)
@pytest.mark.parametrize("beta", [1e-9, 0.1, 1.0, 1e9])
def test_shift_and_size_of_rewards_mean_nothing(rewards, beta):
    r = torch.tensor(rewards, dtype=torch.float64)
    weights = advantage_weights(r, beta)
    torch.testing.assert_close(advantage_weights(r * 8, beta), weights, rtol=1e-6, atol=1e-9)
    torch.testing.assert_close(advantage_weights(r + 1024, beta), weights, rtol=1e-6, atol=1e-9)
    assert weights.argmax() == r.argmax()
    if beta == 1e9:
        torch.testing.assert_close(weights, torch.ones_like(weights), rtol=0, atol=1e-6)


@pytest.mark.parametrize("value", [0.0, 0.1, -3.7, 1e6, -1e-300])
def test_equal_rewards_teach_nothing(value):
    assert advantage_weights([value] * 7, beta=1e-6).tolist() == [1.0] * 7
    assert deviation([value] * 7) == 0


def test_a_cap_keeps_the_mean_and_the_proportions_of_the_rest():
    rewards = [0.0] * 50 + [0.1] * 49 + [5.0]
    free, capped = advantage_weights(rewards, cap=None), advantage_weights(rewards, cap=4.0)
    assert free.max() > 4
    assert capped[-1].item() == 4
    torch.testing.assert_close(capped[:-1] / capped[0], free[:-1] / free[0])
    assert advantage_weights(range(100), beta=1e-9, cap=20.0).tolist() == [0.0] * 95 + [20.0] * 5  # the best n / cap


def test_how_many_texts_that_is():
    assert effective_size(torch.ones(8)) == 8
    assert effective_size(torch.tensor([0.0, 5.0, 0.0])) == 1
    assert effective_size(torch.zeros(3)) == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (([],), "a text at least"),
        (([1.0, math.nan],), "rewards are finite numbers, got nan"),
        (([1.0], 0.0), "beta, the temperature of the weights, must be a number above 0, got 0.0"),
        (([1.0], math.inf), "beta"),
        (([1.0], 1.0, 0.5), "cap, the largest weight where the mean is 1, must be 1 or more"),
        (([1.0], 1.0, 20.0, 0.0), "scale"),
    ],
)
def test_what_gives_no_weights_is_named(arguments, words):
    with pytest.raises(ValueError, match=words):
        advantage_weights(*arguments)


# -- the run


def nats(model, example):
    """The negative log-likelihood of a completion, by torch alone."""
    whole = torch.tensor([*example.prompt, *example.completion])
    first = len(example.prompt) - 1
    return cross_entropy(model(whole[None, :-1])[0, first:], whole[first + 1 :], reduction="sum")


def test_the_loss_is_the_weighted_mean_and_leaves_padding_out():
    texts = Weighted.of(EXAMPLES, REWARDS)
    run = OfflineRun(MODEL, texts, config=config(batch_size=5))
    model = GPT(MODEL, seed=0)
    tokens = torch.tensor([len(example.completion) for example in EXAMPLES])
    each = torch.stack([nats(model, example) for example in EXAMPLES])
    expected = (texts.weights * each).sum() / (texts.weights * tokens).sum()
    step = next(run)
    assert step.loss == pytest.approx(expected.item(), rel=1e-5)
    assert step.extra == {"reward": pytest.approx(0.1), "effective_size": pytest.approx(effective_size(texts.weights))}
    assert step.tokens == tokens.sum()
    assert weighted_nats(model, texts) == pytest.approx(expected.item(), rel=1e-5)


def test_an_epoch_of_batches_has_the_gradient_of_all_texts():
    """Whatever their lengths, and though the last batch is small: texts count by their weights alone."""
    texts = Weighted.of(EXAMPLES, REWARDS)
    run = OfflineRun(MODEL, texts, config=config(grad_clip=0.0))
    total = {name: torch.zeros_like(p) for name, p in run.model.named_parameters()}
    sizes = []
    for _ in range(3):
        run.model.zero_grad()
        batch = run.next_batch(2)
        run._gradients(*batch)
        sizes.append(len(batch[0]))
        for name, p in run.model.named_parameters():
            total[name] += p.grad * 2 / 5
    assert sorted(sizes) == [1, 2, 2]
    tokens = torch.tensor([len(example.completion) for example in EXAMPLES])
    each = torch.stack([nats(run.model, example) for example in EXAMPLES])
    run.model.zero_grad()
    ((texts.weights.float() * each).sum() / (texts.weights * tokens).sum()).backward()
    for name, p in run.model.named_parameters():
        torch.testing.assert_close(total[name], p.grad, rtol=1e-4, atol=1e-5)


def test_equal_rewards_are_supervised_fine_tuning():
    run = OfflineRun(MODEL, Weighted.of(EXAMPLES, [7.0] * 5), config=config(batch_size=5))
    other = SFTRun(MODEL, EXAMPLES, config=config(batch_size=5))
    assert [step.loss for step in run] == pytest.approx([step.loss for step in other], rel=1e-4)


@pytest.mark.parametrize("rewards", [[-1e6, -2e6, -3e6, -1e3, -7.0], [1e6, -1e6, 0.0, 1.0, 2.0], [-1.0] * 5])
@pytest.mark.parametrize("beta", [1e-6, 1.0])
def test_no_rewards_make_a_run_diverge(rewards, beta):
    run = OfflineRun(MODEL, Weighted.of(EXAMPLES, rewards, beta), config=config(max_steps=30, lr=0.01, batch_size=1))
    before = weighted_nats(GPT(MODEL, seed=0), run.texts)
    list(run)
    assert weighted_nats(run.model, run.texts) < before
    assert all(p.isfinite().all() for p in run.model.parameters())


def test_validation_is_weighted_too_and_a_stop_changes_nothing(tmp_path):
    train = Weighted.of(EXAMPLES, REWARDS)
    held_out = Weighted.of(EXAMPLES[:2], [2.0, -2.0], scale=deviation(REWARDS))
    assert (held_out.weights[0] / held_out.weights[1]).log() == pytest.approx(4 / deviation(REWARDS))

    def made():
        return OfflineRun(MODEL, train, held_out, config(eval_every=2))

    whole = made()
    steps = list(whole)
    assert [math.isnan(step.extra["validation"]) for step in steps] == [True, False] * 3
    assert steps[-1].extra["validation"] == pytest.approx(weighted_nats(whole.model, held_out))
    stopped = made()
    for _ in range(3):
        next(stopped)
    stopped.save(tmp_path / "run.safetensors")
    other = made().load(tmp_path / "run.safetensors")
    assert [step.loss for step in other] == [step.loss for step in steps[3:]]
    assert all(torch.equal(p, q) for p, q in zip(other.model.parameters(), whole.model.parameters(), strict=True))


def test_rewards_that_are_not_those_of_the_texts():
    with pytest.raises(ValueError, match="5 texts with 4 rewards"):
        Weighted.of(EXAMPLES, REWARDS[:4])


# -- the optimum

TEXTS = ["".join(letters) for n in (1, 2, 3) for letters in itertools.product("ab", repeat=n)]
TRUE = torch.tensor([text.count("a") - 0.4 * len(text) ** 2 for text in TEXTS], dtype=torch.float64)
COUNTS = [1 + (5 * i) % 4 for i in range(len(TEXTS))]
"""How often each of the fourteen texts is in the data."""


def data():
    return [i for i, count in enumerate(COUNTS) for _ in range(count)]


def goal(beta):
    """The optimum of the KL-regularised objective with the data as its reference."""
    log_data = torch.tensor(COUNTS, dtype=torch.float64).log().log_softmax(0)
    rewards = TRUE[data()]
    return optimum(log_data, TRUE, beta * deviation(rewards))


@pytest.mark.parametrize("beta", [0.5, 1.0, 4.0])
def test_a_table_that_learns_weighted_data_ends_at_the_exact_optimum(beta):
    rows = torch.tensor(data())
    weights = advantage_weights(TRUE[rows], beta, cap=None)
    logits = torch.zeros(len(TEXTS), dtype=torch.float64, requires_grad=True)
    solver = torch.optim.LBFGS([logits], max_iter=200, tolerance_grad=1e-12, line_search_fn="strong_wolfe")

    def loss():
        solver.zero_grad()
        value = -(weights * logits.log_softmax(0)[rows]).mean()
        value.backward()
        return value

    solver.step(loss)
    assert kl(logits.detach().log_softmax(0), goal(beta)) < 1e-9


def test_a_gpt_ends_there_too():
    """In batches of padded texts of several lengths: neither their lengths nor padding show in the end."""
    tokenizer = CharTokenizer.train("ab\n")
    rows = data()
    examples = examples_of([Scored(TEXTS[i], 0.0) for i in rows], tokenizer)
    texts = Weighted.of(examples, TRUE[rows].tolist(), cap=None)
    model = GPTConfig.preset("modern", 3, block_size=4, n_layer=1, n_head=2, n_embd=16)
    run = OfflineRun(model, texts, config=config(max_steps=300, batch_size=99, lr=0.01, weight_decay=0.0, final_lr=0.0))
    list(run)
    every = Examples(examples_of([Scored(text, 0.0) for text in TEXTS], tokenizer))
    tokens, targets = every.batch(np.arange(len(TEXTS)))
    with torch.no_grad():
        logs = run.model.eval()(tokens).double().log_softmax(-1)
    log_p = (logs.gather(-1, targets.clamp(min=0)[..., None])[..., 0] * (targets >= 0)).sum(1)
    assert log_p.exp().sum() > 0.99  # nearly all that it writes is one of the fourteen
    reached = kl(goal(1.0), log_p)
    log_data = torch.tensor(COUNTS, dtype=torch.float64).log().log_softmax(0)
    assert reached < 0.002 < 0.2 < kl(goal(1.0), log_data)
