import numpy as np
import pytest
import torch

from labkit.rlhf import exact
from labkit.rlhf.proxies import REACH, ProxyCurves


def a_task(n=50, models=3, seed=0):
    """A reference, a truth, and models that are wrong here and there, with offsets of their own."""
    rng = np.random.default_rng(seed)
    log_ref = torch.tensor(rng.normal(size=n)).log_softmax(0)
    true = torch.tensor(rng.normal(size=n))
    proxies = true + torch.tensor(rng.standard_t(3, size=(models, n))) + torch.arange(models)[:, None] * 7.0
    return log_ref, true, proxies


def by_numpy(log_ref, source, true, beta):
    """KL, proxy and true reward of μ · exp(source / β), without labkit."""
    weights = np.exp(log_ref + (source - source.max()) / beta)
    policy = weights / weights.sum()
    there = policy > 0
    kl = np.sum(policy[there] * (np.log(policy[there]) - log_ref[there]))
    return kl, policy @ (source - np.exp(log_ref) @ source), policy @ (true - np.exp(log_ref) @ true), policy


def test_the_curves_are_those_of_the_best_policies_of_each_source():
    task = a_task()
    curves = ProxyCurves.of(*task, betas=[0.3, 30, 3], cautions=[0, 2])
    log_ref, true, proxies = (each.numpy() for each in task)
    assert (curves.betas.tolist(), curves.cautions, curves.n_models) == ([30, 3, 0.3], (0.0, 2.0), 3)
    centred = proxies - (proxies @ np.exp(log_ref))[:, None]
    sources = [*proxies, centred.mean(0), centred.mean(0) - 2 * centred.std(0)]
    for i, source in enumerate(sources):
        for k, beta in enumerate(curves.betas):
            *expected, policy = by_numpy(log_ref, source, true, beta)
            found = [curves.kl[i, k], curves.proxy[i, k], curves.true[i, k]]
            assert found == pytest.approx(expected, abs=1e-9)
            order = np.argsort(-policy)[:5]
            assert curves.top[i, k].tolist() == order.tolist()
            assert curves.shares[i, k] == pytest.approx(policy[order])
    assert curves.rewards == pytest.approx(true - np.exp(log_ref) @ true)
    assert curves.proxies[0] == pytest.approx(centred[0])


def test_a_zero_of_a_reward_means_nothing():
    log_ref, true, proxies = a_task()
    one = ProxyCurves.of(log_ref, true, proxies, [5, 0.5])
    other = ProxyCurves.of(log_ref, true + 3, proxies + torch.tensor([[-9.0], [0.0], [4.0]]), [5, 0.5])
    for name in ("kl", "proxy", "true", "proxies"):
        assert getattr(other, name) == pytest.approx(getattr(one, name), abs=1e-9)


def test_left_out_the_weights_go_from_the_reference_to_the_best_answer():
    log_ref, true, proxies = a_task()
    curves = ProxyCurves.of(log_ref, true, proxies)
    assert curves.betas[0] / curves.betas[-1] == pytest.approx(REACH**2, rel=0.01)
    assert np.all(np.diff(curves.betas) < 0)
    assert curves.kl[:, 0].max() < 0.01
    assert np.all(np.diff(curves.kl) > -1e-9)  # less weight, further away
    assert np.all(np.diff(curves.proxy) > -1e-9)
    best = proxies.argmax(1)
    assert curves.top[:3, -1, 0].tolist() == best.tolist()
    assert curves.kl[:3, -1] == pytest.approx(-log_ref[best].numpy(), rel=0.2)


def test_means_and_the_peak_of_the_truth():
    log_ref, true, proxies = a_task()
    curves = ProxyCurves.of(log_ref, true, proxies)
    assert curves.mean()["proxy"] == pytest.approx(curves.proxy[:3].mean(0))
    assert curves.mean(2.0)["true"] == pytest.approx(curves.true[3 + 3])
    assert curves.mean()["true"][curves.peak()] == curves.true[:3].mean(0).max()
    best = exact.optimum(log_ref, true, 1e-3)
    assert curves.mean()["true"].max() < float(exact.expected(best, true)) - float(exact.expected(log_ref, true))


def test_few_answers_and_models_that_say_the_same_everywhere():
    log_ref, true = torch.tensor([0.5, 0.5]).log(), torch.tensor([0.0, 1.0])
    curves = ProxyCurves.of(log_ref, true, torch.ones(1, 2))
    assert curves.top.shape[-1] == 2
    assert curves.kl == pytest.approx(0, abs=1e-12)
    assert ProxyCurves.of(torch.tensor([0.0, -torch.inf]), true, torch.eye(2)).kl == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"proxies": torch.zeros(50)}, r"proxies \[models, n\] are needed, got \[50\], \[50\], \[50\]"),
        ({"true": torch.zeros(49)}, "are needed"),
        ({"proxies": torch.zeros(0, 50)}, "are needed"),
        ({"true": torch.full((50,), torch.nan)}, "true must be finite"),
        ({"proxies": torch.full((2, 50), torch.inf)}, "proxies must be finite"),
        ({"log_ref": torch.zeros(50)}, "the reference must sum to 1, it does to 50"),
        ({"betas": [1.0, 1.0]}, "two KL weights are needed"),
        ({"betas": [1.0, 0.0]}, "must be a number above 0, got 0.0"),
        ({"cautions": []}, "cautions are numbers of 0 and more"),
        ({"cautions": [-1]}, r"cautions are numbers of 0 and more, got \[-1\]"),
    ],
)
def test_what_cannot_be(changes, words):
    task = dict(zip(("log_ref", "true", "proxies"), a_task(), strict=True))
    with pytest.raises(ValueError, match=words):
        ProxyCurves.of(**task | changes)
