"""The panel of chapter 7, headless: a policy is trained, and what it writes stands there with its rewards."""

import numpy as np
import pytest
import torch

from labkit.gpt import GPT, GPTConfig
from labkit.rlhf.rloo import RLOORun
from labkit.rlhf.run import PolicyConfig
from labkit.rlhf.text import read, text_policy, text_reward
from labkit.tokenizers import CharTokenizer
from labkit.widgets import PolicyPanel
from labkit.widgets.policy_panel import PolicyTexts

LONG = 30
TOKENIZER = CharTokenizer.train("\n&<ab>")


def share_of_a(text):
    return text.count("a") / 8


def policy_run(reward=share_of_a, measure=None, **options):
    model = GPT(GPTConfig.preset("modern", TOKENIZER.vocab_size, n_layer=1, n_head=2, n_embd=8, block_size=12))
    policy = text_policy(model, TOKENIZER, max_new_tokens=8)
    config = PolicyConfig(**{"max_steps": 6, "batch_size": 8, "lr": 0.05, "schedule": "constant"} | options)
    return RLOORun(policy, text_reward(TOKENIZER, reward, policy.stop), config, measure)


@pytest.fixture
def panel(made):
    """`panel(run, …)`: a panel, of a small run when left out."""
    return lambda run=None, **options: made(PolicyPanel, run or policy_run(), tokenizer=TOKENIZER, **options)


def columns(chart):
    return np.frombuffer(chart.data, "<f4").reshape(len(chart.series) + 1, -1)


def test_before_any_step_the_texts_are_the_references(panel):
    p = panel(count=5, seed=3)
    run = p.run
    samples = run.reference.sample(5, 3)
    assert [one.text for one in p.texts.latest] == read(TOKENIZER, samples, run.reference.stop)
    assert [one.reward for one in p.texts.latest] == pytest.approx([share_of_a(one.text) for one in p.texts.latest])
    assert all(one.true is None for one in p.texts.latest)
    assert p.texts.step == 0


def test_training_draws_the_curves_and_the_texts_of_the_end(panel):
    run = policy_run(measure=lambda policy: {"true": 1.5}, measure_every=2)
    p = panel(run, true=len, series=("true",), count=4)
    p.train.click()
    assert p.wait(LONG) == "done"
    assert p.texts.step == 6
    assert [one.true for one in p.texts.latest] == [len(one.text) for one in p.texts.latest]
    now = run.policy.sample(4, 0)
    assert [one.text for one in p.texts.latest] == read(TOKENIZER, now, run.policy.stop)
    assert p.chart.series == ["reward", "true"]
    steps, rewards, trues = columns(p.chart)
    assert steps.tolist() == [1, 2, 3, 4, 5, 6]
    assert rewards == pytest.approx([step.extra["reward"] for step in run.history])
    assert trues[[0, 1, 3, 5]].tolist() == [1.5] * 4
    _, lengths, kls = columns(p.drift)
    assert lengths == pytest.approx([step.extra["length"] for step in run.history])
    assert kls == pytest.approx([step.extra["kl"] for step in run.history], abs=1e-6)
    assert set(p.sliders) == {"lr", "beta"}


def test_a_look_is_taken_every_so_many_steps_only(panel):
    p = panel(every=4)
    looks = []
    for _ in range(5):
        p.step.click()
        p.wait(LONG)
        looks.append(p.texts.step)
    assert looks == [0, 0, 0, 4, 4]
    p.train.click()
    p.wait(LONG)
    assert p.texts.step == 6  # the end is always looked at


def test_a_reset_shows_the_reference_again(panel):
    p = panel()
    first = p.texts.latest
    p.train.click()
    p.wait(LONG)
    p.reset.click()
    assert p.texts.step == 0
    assert p.texts.latest == first
    assert columns(p.drift).size == 0


def test_looking_does_not_change_what_is_learned(panel):
    alone = policy_run()
    list(alone)
    p = panel(every=1)
    p.train.click()
    p.wait(LONG)
    assert [s.loss for s in p.run.history] == [s.loss for s in alone.history]


def test_texts_are_escaped_and_an_empty_one_is_named(made, monkeypatch):
    monkeypatch.setattr("labkit.rlhf.text.read", lambda *_: ["<b>&a", ""])
    texts = made(lambda run, key: PolicyTexts(run, TOKENIZER, count=2), policy_run())
    texts.update()
    assert "&lt;b&gt;&amp;a" in texts.listing.value
    assert "<b>&" not in texts.listing.value
    assert "(empty)" in texts.listing.value


def test_a_reward_that_fails_is_shown(panel):
    calls = []

    def breaks(text):
        calls.append(text)
        if len(calls) > 20:
            raise RuntimeError("<i>no judge</i>")
        return 0.0

    p = panel(policy_run(breaks))
    p.train.click()
    assert p.wait(LONG) == "failed"
    assert "no judge" in p.error.value
    assert "<i>" not in p.error.value


@pytest.mark.parametrize("wrong", [{"every": 0}, {"count": 0}])
def test_a_count_below_one_is_refused(wrong):
    with pytest.raises(ValueError, match="must be 1 or more"):
        PolicyTexts(policy_run(), TOKENIZER, **wrong)


def test_texts_are_read_under_the_runs_lock(panel):
    p = panel()
    held = []
    p.run.reward = lambda samples: (held.append(p.run.lock._is_owned()), torch.zeros(len(samples)))[1]
    p.texts.step = -1
    p.texts.update()
    assert held == [True]
