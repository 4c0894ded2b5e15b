"""Every method on the toy board: it goes to the optimum, can be stopped and gone on with, and refuses nonsense."""

import math

import pytest
import torch

from labkit.gpt import GPT, GPTConfig
from labkit.rlhf.dpo import DPORun, pairs_of
from labkit.rlhf.grpo import GRPOConfig, GRPORun
from labkit.rlhf.policy import GPTPolicy
from labkit.rlhf.ppo import PPOConfig, PPORun
from labkit.rlhf.preferences import Comparison
from labkit.rlhf.reinforce import ReinforceRun
from labkit.rlhf.rloo import RLOORun
from labkit.rlhf.run import PolicyConfig
from labkit.rlhf.toy_runs import CLOSE, METHODS, ToyTask
from labkit.tokenizers import CharTokenizer
from labkit.training import Diverged

BY_NAME = {method.name: method for method in METHODS}
every_method = pytest.mark.parametrize("name", BY_NAME)


@pytest.fixture(scope="module")
def task():
    return ToyTask()


def made(task, name, steps, seed=0, measured=True):
    method = BY_NAME[name]
    run = method.make(task, seed, task.measure(method.target) if measured else None)
    run.max_steps = steps
    return run


def ended(run):
    for _ in run:
        pass
    return run.history[-1].extra


@every_method
def test_it_walks_towards_the_optimum(task, name):
    run = made(task, name, 60)
    before = run.measure(run.policy)["distance"]
    assert ended(run)["distance"] < (0.4 if BY_NAME[name].regularised else 0.5) * before


@pytest.mark.parametrize("name", ["RLOO", "PPO", "GRPO, KL in the reward"])
def test_it_arrives(task, name):
    assert ended(made(task, name, 400))["distance"] <= CLOSE


def test_grpo_as_published_arrives_elsewhere(task):
    """k3 as a loss pulls with the gradient of the other KL: what it ends at earns less for the same KL."""
    there = ended(made(task, "GRPO as published", 400))
    best = task.measure()(made(task, "RLOO", 1).policy) | {"exact_reward": None}
    assert there["distance"] > 0.15
    assert best["distance"] > there["distance"]  # it has learned something all the same


@every_method
def test_a_run_goes_on_as_if_it_had_never_stopped(task, name, tmp_path):
    whole, first, second = (made(task, name, 6) for _ in range(3))
    ended(whole)
    for step in first:
        if step.step == 3:
            break
    second.load(first.save(tmp_path / "run.safetensors"))
    ended(second)
    assert [step.loss for step in second.history] == [step.loss for step in whole.history]
    for own, other in zip(whole.learners.parameters(), second.learners.parameters(), strict=True):
        assert torch.equal(own, other)


def test_another_configs_state_is_refused_and_nothing_changes(task):
    run = RLOORun(task.policy, task.toy.reward, PolicyConfig(max_steps=3, batch_size=8))
    other = RLOORun(task.policy, task.toy.reward, PolicyConfig(max_steps=3, batch_size=16))
    next(run)
    before = run.policy.logits.clone()
    with pytest.raises(ValueError, match=r"a run with another batch_size \(16, not 8\)"):
        run.load_state_dict(other.state_dict())
    assert torch.equal(run.policy.logits, before)


def test_the_reference_stays_and_the_policy_that_was_given_too(task):
    run = RLOORun(task.policy, task.toy.reward, PolicyConfig(max_steps=3, batch_size=64, lr=0.1))
    ended(run)
    assert not task.policy.logits.any()
    assert not run.reference.logits.any()
    assert run.policy.logits.any()
    run.reset()
    assert not run.policy.logits.any()


def test_the_weight_of_the_kl_is_live(task):
    run = RLOORun(task.policy, task.toy.reward, PolicyConfig(max_steps=300, batch_size=512, lr=0.1, beta=0.0))
    for step in run:
        if step.step == 100:
            far = step.extra["kl"]
            run.controls["beta"] = 2.0
    assert run.history[-1].extra["kl"] < 0.3 * far


def test_a_reward_must_be_a_number_for_each_text(task):
    config = PolicyConfig(max_steps=2, batch_size=4)
    with pytest.raises(ValueError, match=r"one finite number for each of 4 texts, got \[\]"):
        next(RLOORun(task.policy, lambda samples: torch.tensor(1.0), config))
    with pytest.raises(ValueError, match=r"one finite number for each of 4 texts, got \[nan"):
        next(RLOORun(task.policy, lambda samples: torch.full((4,), math.nan), config))


def test_what_cannot_be_is_refused(task):
    for change, message in (
        ({"batch_size": 0}, "batch_size must be a whole number of at least 1, got 0"),
        ({"beta": -1.0}, "beta must be 0"),
        ({"lr": math.nan}, "lr must be 0"),
    ):
        with pytest.raises(ValueError, match=message):
            PolicyConfig(**change)
    with pytest.raises(ValueError, match="minibatches 1 … 4"):
        PPOConfig(batch_size=4, minibatches=5)
    with pytest.raises(ValueError, match='kl must be "reward" or "loss"'):
        GRPOConfig(kl="both")
    with pytest.raises(ValueError, match="8 texts cannot be groups of 3"):
        GRPORun(task.policy, task.toy.reward, GRPOConfig(batch_size=8), group=3)
    with pytest.raises(ValueError, match="beta must be above 0"):
        DPORun(task.policy, task.pairs(), PolicyConfig(beta=0.0))


@pytest.mark.parametrize("updates", [1, 4])
def test_a_step_that_is_too_long_is_noticed_and_taken_back(task, updates):
    """The first update may still look sound while the last has broken the weights."""
    config = GRPOConfig(max_steps=20, batch_size=64, lr=40.0, schedule="constant", updates=updates, scale=False)
    run = GRPORun(task.policy, lambda samples: 1e6 * task.toy.reward(samples), config)
    if updates == 1:
        next(run)
        with torch.no_grad():
            run.policy.logits.fill_(math.nan)
        run.policy.sample = lambda *_: task.policy.sample(64, 0)  # what it would draw is of no matter here
    with pytest.raises(Diverged):
        ended(run)
    assert run.policy.logits.isfinite().all()


def test_a_state_of_other_groups_is_refused(task):
    first, second = (RLOORun(task.policy, task.toy.reward, PolicyConfig(batch_size=8), group=g) for g in (4, 2))
    with pytest.raises(ValueError, match=r"another group \(4, not 2\)"):
        second.load_state_dict(first.state_dict())


def test_what_is_measured_after_a_resume_is_what_would_have_been(task, tmp_path):
    def made():
        config = PolicyConfig(max_steps=6, batch_size=16, measure_every=3)
        return RLOORun(task.policy, task.toy.reward, config, task.measure())

    whole, first, second = made(), made(), made()
    ended(whole)
    for step in first:
        if step.step == 4:
            break
    second.load(first.save(tmp_path / "run.safetensors"))
    ended(second)
    assert str([s.extra for s in whole.history]) == str([s.extra for s in second.history])


def test_a_measure_may_not_take_the_runs_own_names(task):
    run = RLOORun(task.policy, task.toy.reward, PolicyConfig(batch_size=8), lambda policy: {"reward": 0.0})
    with pytest.raises(ValueError, match="the run itself measures reward"):
        next(run)


# -- a GPT learns letters


@pytest.fixture(scope="module")
def letters():
    tokenizer = CharTokenizer.train("\nabcd")
    config = GPTConfig.preset("modern", tokenizer.vocab_size, block_size=10, n_layer=1, n_head=2, n_embd=16)
    start = tokenizer.encode("\n")
    return GPTPolicy(GPT(config, seed=0), [start], 8, start), tokenizer


def share_of_a(tokenizer):
    (a,) = tokenizer.encode("a")
    return lambda samples: ((samples.ids == a) & samples.written).sum(1) / samples.lengths


@pytest.mark.parametrize(
    ("kind", "config"), [(RLOORun, PolicyConfig), (PPORun, PPOConfig), (GRPORun, GRPOConfig)], ids=lambda x: x.__name__
)
def test_a_gpt_learns_what_is_rewarded(letters, kind, config):
    policy, tokenizer = letters
    run = kind(policy, share_of_a(tokenizer), config(max_steps=40, batch_size=64, lr=0.01, beta=0.02))
    ended(run)
    first, last = (sum(s.extra["reward"] for s in part) / 5 for part in (run.history[:5], run.history[-5:]))
    assert last > first + 0.25
    assert run.history[-1].extra["kl"] > run.history[0].extra["kl"] == 0


def test_a_gpt_learns_from_pairs(letters):
    policy, tokenizer = letters
    texts = [f"{left}{right}" for left in "abcd" for right in "abcd"]
    comparisons = [
        Comparison("\n", x, y, "a" if x.count("a") > y.count("a") else "b")
        for x in texts
        for y in texts
        if x.count("a") != y.count("a")
    ]
    source = pairs_of([*comparisons, Comparison("\n", "a", "b", "tie")], tokenizer, tokenizer.encode("\n"))
    run = DPORun(policy, source, PolicyConfig(max_steps=60, batch_size=32, lr=0.01, beta=0.3))
    assert ended(run)["accuracy"] > 0.9
    reward = share_of_a(tokenizer)
    assert reward(run.policy.sample(200, 1)).mean() > reward(policy.sample(200, 1)).mean() + 0.2
    with pytest.raises(ValueError, match="no comparison was decided"):
        pairs_of([Comparison("\n", "a", "b", "tie")], tokenizer)
    with pytest.raises(ValueError, match="comparison 0 has an empty prompt"):
        pairs_of([Comparison("", "a", "b", "a")], tokenizer)


def test_ppo_and_reinforce_ask_many_prompts_a_step():
    tokenizer = CharTokenizer.train("\nabcd")
    config = GPTConfig.preset("modern", tokenizer.vocab_size, block_size=8, n_layer=1, n_head=2, n_embd=8)
    policy = GPTPolicy(GPT(config), [[1], [2], [3], [4]], 4)
    seen = []

    def reward(samples):
        seen.append(set(samples.ids[:, 0].tolist()))
        return torch.zeros(len(samples))

    for kind, settings in ((ReinforceRun, PolicyConfig), (PPORun, PPOConfig)):
        next(kind(policy, reward, settings(batch_size=16)))
    assert seen == [{1, 2, 3, 4}] * 2


def test_dropout_is_off_in_every_part_of_ppo():
    config = GPTConfig.preset("modern", 5, block_size=8, n_layer=1, n_head=2, n_embd=8, dropout=0.5)
    runs = [PPORun(GPTPolicy(GPT(config), [[1]], 4), lambda s: s.lengths.float(), PPOConfig(max_steps=3)) for _ in "ab"]
    for run in runs:
        ended(run)
    assert [s.extra for s in runs[0].history] == [s.extra for s in runs[1].history]
