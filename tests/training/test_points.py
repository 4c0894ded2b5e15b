"""The run of chapter 1 against torch, and its own promises."""

import itertools
import math

import pytest
import torch

from labkit.data import Points, make_points
from labkit.training import PointsRun

F64 = torch.float64


def small_run(**options):
    return PointsRun(**{"width": 3, "batch_size": 6, "max_steps": 4} | options)


def torch_loss(run, positions, labels):
    """The loss of the same net in torch, and its weights in the order of `get_weights`."""
    weights = torch.tensor(run.model.get_weights(), dtype=F64, requires_grad=True)
    x, rest = torch.tensor(positions, dtype=F64), weights
    sizes = run.model.sizes
    for depth, (fan_in, width) in enumerate(itertools.pairwise(sizes), start=1):
        layer, rest = rest[: width * (fan_in + 1)].view(width, fan_in + 1), rest[width * (fan_in + 1) :]
        x = x @ layer[:, :-1].T + layer[:, -1]
        x = x if depth == len(sizes) - 1 else x.tanh()
    targets = (torch.tensor(labels, dtype=F64) + 1) / 2
    return torch.nn.functional.binary_cross_entropy_with_logits(x.squeeze(1), targets), weights


@pytest.mark.parametrize("points", ["moons", "rings", "spirals"])
def test_loss_and_gradient_match_torch(points):
    run = small_run(points=points, seed=2)
    positions, labels = run.points.at(0.3)[:10], run.points.labels[:10]
    loss = run.loss(positions, labels)
    loss.backward()
    expected, weights = torch_loss(run, positions, labels)
    expected.backward()
    assert loss.data == pytest.approx(expected.item(), rel=1e-12)
    assert [p.grad for p in run.model.parameters] == pytest.approx(weights.grad.tolist(), rel=1e-9, abs=1e-15)


def test_a_step_measures_and_moves_as_torch_does():
    run = small_run(batch_size=100, lr=0.7)  # the whole set: the batch is known but for its order
    loss, weights = torch_loss(run, run.points.at(0.1), run.points.labels)
    loss.backward()
    step = next(run)
    assert step.loss == pytest.approx(loss.item(), rel=1e-12)
    assert step.grad_norm == pytest.approx(weights.grad.norm().item(), rel=1e-9)
    assert (step.lr, step.tokens) == (0.7, 100)
    assert run.model.get_weights() == pytest.approx((weights - 0.7 * weights.grad).tolist(), rel=1e-9)


def test_guessing_costs_log_two():
    run = small_run()
    run.model.set_weights([0.0] * len(run.model.parameters))
    assert run.loss(run.points.at(0), run.points.labels).data == pytest.approx(math.log(2), rel=1e-12)


def test_the_seed_decides_the_losses():
    same, again, other = ([s.loss for s in small_run(seed=seed)] for seed in (1, 1, 2))
    assert same == again
    assert same != other


def test_it_learns():
    run = PointsRun("rings", width=5, batch_size=20, max_steps=150)
    before = run.accuracy()
    list(run)
    assert run.accuracy() > max(before, 0.9)
    assert run.accuracy(make_points("rings", 100, 7)) > 0.85


def test_accuracy_counts_the_right_sides():
    points = Points([(1, 0), (2, 0), (-1, 0), (3, 0)], [(0, 0)] * 4, [1, 1, -1, -1])
    run = small_run(points=points, batch_size=4, width=1)
    run.model.set_weights([1, 0, 0, 1, 0, 1, 0])  # the score has the sign of x
    assert run.accuracy() == 0.75


def test_the_noise_moves_the_points_of_the_next_step():
    runs = [small_run(batch_size=100, noise=noise) for noise in (0.0, 0.4)]
    first, second = (next(run).loss for run in runs)
    assert first != second
    runs[0].reset()
    runs[0].controls["noise"] = 0.4
    assert next(runs[0]).loss == second


def test_the_width_waits_for_the_reset():
    run = small_run(width=3)
    run.controls["width"] = 5
    next(run)
    assert run.model.sizes == [2, 3, 3, 1]
    run.reset()
    assert run.model.sizes == [2, 5, 5, 1]


@pytest.mark.parametrize("batch_size", [0, 101])
def test_the_batch_is_one_to_all_of_the_points(batch_size):
    with pytest.raises(ValueError, match=f"batch_size must be 1 … 100 .*, got {batch_size}"):
        small_run(batch_size=batch_size)


def test_a_batch_is_drawn_without_replacement(monkeypatch):
    run = small_run(batch_size=100)
    drawn = []
    monkeypatch.setattr(
        run, "loss", lambda positions, labels, loss=run.loss: drawn.append(positions) or loss(positions, labels)
    )
    next(run)
    assert sorted(drawn[0]) == sorted(run.points.at(0.1))
