"""Over-optimisation on the toy board: curves against sums, and real reward models that are climbed too far."""

import itertools
import math

import pytest
import torch

from labkit.rlhf.exact import expected, kl, optimum
from labkit.rlhf.overoptimise import curve, peak, stop_early, toy_comparisons, toy_reward_model
from labkit.rlhf.rloo import RLOORun
from labkit.rlhf.run import PolicyConfig
from labkit.rlhf.toy_runs import ToyTask

BETAS = [4, 2, 1, 0.5, 0.25, 0.1, 0.05, 0.03]


@pytest.fixture(scope="module")
def task():
    return ToyTask()


@pytest.fixture(scope="module")
def proxies(task):
    """Three reward models of 500 answers each, and what they say of all routes."""
    real = task.toy.ids != task.toy.tokenizer.ids["<PAD>"]
    models = [
        toy_reward_model(task.toy, toy_comparisons(task.toy, task.log_ref, 500, seed), seed) for seed in (0, 2, 4)
    ]
    return torch.stack([model(task.toy.ids, real).double() for model in models])


def test_the_curve_of_the_true_reward_is_that_of_the_optimum(task):
    rewards = task.toy.rewards
    for point in curve(task.log_ref, rewards, rewards, [2.0, 0.5]):
        best = optimum(task.log_ref, rewards, point.beta)
        assert point.kl == pytest.approx(kl(best, task.log_ref).item())
        assert point.proxy == point.true == pytest.approx(expected(best, rewards).item())


def test_reward_models_have_learned_something(task, proxies):
    for proxy in proxies:
        assert torch.corrcoef(torch.stack((proxy, task.toy.rewards)))[0, 1] > 0.3


def test_the_true_reward_falls_while_the_proxy_rises(task, proxies):
    for proxy in proxies:
        points = curve(task.log_ref, proxy, task.toy.rewards, BETAS)
        assert all(a.proxy < b.proxy and a.kl < b.kl for a, b in itertools.pairwise(points))
        top = peak(points)
        assert top is not points[-1]
        assert top.true > points[-1].true + 0.1


def test_a_cautious_ensemble_is_climbed_farther(task, proxies):
    def end(proxy):
        return curve(task.log_ref, proxy, task.toy.rewards, BETAS)[-1].true

    alone = sum(map(end, proxies)) / len(proxies)
    assert end(proxies.mean(0) - proxies.std(0, correction=0)) > alone + 0.3


def test_stopping_early_keeps_the_best_policy(task, proxies):
    proxy = proxies[2].float()

    def reward(samples):
        return proxy[task.toy.numbers(samples.ids)]

    def true(run):
        return expected(run.policy.all_log_probs().detach(), task.toy.rewards).item()

    run = RLOORun(task.policy, reward, PolicyConfig(max_steps=400, batch_size=512, lr=0.1, beta=0.02))
    step, checks = stop_early(run, true, every=5, patience=3)
    assert run.step < 400
    assert checks[0] == (0, pytest.approx(expected(task.log_ref, task.toy.rewards).item(), rel=1e-4))
    assert dict(checks)[step] == max(value for _, value in checks) == pytest.approx(true(run))
    assert checks[-1][1] < dict(checks)[step]


def test_answers_are_about_routes_of_the_reference(task):
    comparisons = toy_comparisons(task.toy, task.log_ref, 300, seed=1)
    rows = [task.toy.tokenizer.encode(each.a) for each in comparisons]
    pad = task.toy.tokenizer.ids["<PAD>"]
    ids = torch.tensor([row + [pad] * (task.toy.ids.shape[1] - len(row)) for row in rows])
    better = task.toy.rewards[task.toy.numbers(ids)]
    assert better.mean() > (task.log_ref.exp() * task.toy.rewards).sum() + 0.2  # they won
    assert {each.choice for each in comparisons} == {"a"}
    assert not math.isnan(better.sum().item())
