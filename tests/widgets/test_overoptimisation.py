import base64
import doctest
import json

import numpy as np
import pytest
import torch
from traitlets import TraitError

from labkit.rlhf import exact
from labkit.rlhf.proxies import ProxyCurves
from labkit.widgets import OveroptimisationFigure, overoptimisation


@pytest.fixture(scope="module")
def task():
    rng = np.random.default_rng(0)
    log_ref = torch.tensor(rng.normal(size=300)).log_softmax(0)
    true = torch.tensor(rng.normal(size=300))
    return log_ref, true, true + 1.5 * torch.tensor(rng.standard_t(2, size=(4, 300)))


@pytest.fixture(scope="module")
def curves(task):
    return ProxyCurves.of(*task, cautions=[0, 1, 3])


def numbers(stored, *shape):
    return np.frombuffer(base64.b64decode(stored["base64"]), "<f4").reshape(shape)


def test_docstring():
    results = doctest.testmod(overoptimisation)
    assert (results.attempted > 0, results.failed) == (True, 0)


def test_what_is_in_the_page(task, curves):
    answers = [f"answer {i}" for i in range(300)]
    figure = OveroptimisationFigure(curves, answers, ensemble=True, caution=3, model=2, zoom=True)
    html = figure.page_html()
    state = json.loads(html.partition('<script type="application/json">')[2].partition("</script>")[0])
    assert len(html) < 300_000
    assert figure.caption() in html
    given = {"cautions": [0, 1, 3], "n_models": 4, "ensemble": True, "caution": 3, "model": 2, "zoom": True}
    assert {name: state[name] for name in given} == given
    log_ref, true, proxies = task
    for model, beta in [(0, 5), (3, 60)]:
        best = exact.optimum(log_ref, proxies[model], state["betas"][beta])
        expected = [exact.kl(best, log_ref)]
        expected += [exact.expected(best, r) - exact.expected(log_ref, r) for r in (proxies[model], true)]
        assert numbers(state["lines"], 7, 121, 3)[model, beta] == pytest.approx(list(map(float, expected)), abs=1e-6)
        table = numbers(state["top"], 7, 121, 5, 2)[model, beta]
        likeliest = best.exp().topk(5)
        assert [state["answers"][int(i)] for i in table[:, 0]] == [answers[i] for i in likeliest.indices]
        assert table[:, 1] == pytest.approx(likeliest.values.numpy(), abs=1e-6)
        values = numbers(state["values"], len(state["answers"]), 1 + 7)[table[:, 0].astype(int)]
        for column, reward in [(0, true), (1 + model, proxies[model])]:
            expected = reward[likeliest.indices] - exact.expected(log_ref, reward)
            assert values[:, column] == pytest.approx(expected.numpy(), abs=1e-5)


def test_the_tensors_are_enough(task, curves):
    figure = OveroptimisationFigure.from_rewards(*task, betas=[4, 2, 1], cautions=[0.5], beta=1.9)
    assert (figure.betas, figure.cautions, figure.beta) == ([4, 2, 1], [0.5], 2)
    assert (figure.answers, figure.top) == ([], b"")
    assert OveroptimisationFigure.from_rewards(*task).curves.true[:4] == pytest.approx(curves.true[:4])


def test_it_begins_where_the_truth_is_best(curves):
    figure = OveroptimisationFigure(curves)
    assert figure.curves.mean()["true"][figure.place] == curves.true[:4].mean(0).max()
    assert figure.caution == 1  # the first that is not 0
    figure = OveroptimisationFigure(curves, ensemble=True, caution=0)
    assert curves.true[4][figure.place] == curves.true[4].max()


def test_the_caption_says_what_is_best_and_where_it_ends(curves):
    mean, cured = curves.mean(), max(curves.true[4:].max(1))
    caption = OveroptimisationFigure(curves).caption()
    assert "means of 4 reward models" in caption
    for value in (mean["proxy"][-1], mean["true"].max(), mean["true"][-1], cured):
        assert f"{value:+.2f}".replace("-", "−") in caption
    one = ProxyCurves.of(torch.tensor([0.5, 0.5]).log(), torch.tensor([0.0, 1.0]), torch.tensor([[1.0, 0.0]]))
    caption = OveroptimisationFigure(one).caption()
    assert "nsemble" not in caption
    assert "ends at −0.50." in caption


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"answers": ["a"]}, "there are 300 rewards, and 1 answers"),
        ({"beta": 0}, "beta, the KL weight, must be above 0, got 0"),
        ({"caution": 2}, "caution is one of 0, 1, 3, got 2"),
        ({"model": 4}, "model is one of 0 … 3, got 4"),
    ],
)
def test_what_cannot_be(curves, changes, words):
    with pytest.raises(ValueError, match=words):
        OveroptimisationFigure(curves, **changes)


@pytest.mark.parametrize(("name", "value"), [("place", 121), ("place", -1), ("caution", 2.0), ("model", -1)])
def test_what_cannot_be_set(curves, name, value):
    figure = OveroptimisationFigure(curves)
    before = getattr(figure, name)
    with pytest.raises(TraitError, match=f"OveroptimisationFigure: {name} is one of"):
        setattr(figure, name, value)
    assert getattr(figure, name) == before
