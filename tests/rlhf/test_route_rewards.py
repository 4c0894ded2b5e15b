"""Routes to order as a task of reinforcement learning: who is paid what, and what a judge finds."""

import pytest
import torch

from labkit.files import datasets_dir
from labkit.rlhf.policy import Samples
from labkit.rlhf.rloo import RLOORun
from labkit.rlhf.route_rewards import NOTHING, RouteTask
from labkit.rlhf.run import PolicyConfig
from labkit.routes.climber import difficulty
from labkit.routes.generator import Generator, Wish
from labkit.routes.grades import middle, v_grade
from labkit.routes.reader import Reader


@pytest.fixture(scope="module")
def task():
    folder = datasets_dir() / "routes"
    generator = Generator.load(folder / "simulated-generator.safetensors")
    return RouteTask(generator, Reader.load(folder / "simulated-reader.safetensors"), angles=(40,), grades=(2, 5))


def samples_of(task, rows):
    ids = torch.zeros(len(rows), max(map(len, rows)), dtype=torch.long)
    written = torch.zeros_like(ids, dtype=torch.bool)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = torch.tensor(row)
        written[i, 4 : len(row)] = True
    return Samples(ids, written)


def test_a_route_is_paid_by_how_far_its_true_difficulty_is_off(task):
    wishes = [Wish("TB2", 40, 2), Wish("TB2", 40, 5)]
    written = task.generator.write(wishes, seed=3)
    samples = samples_of(task, [list(each.ids) for each in written])
    for each, reward in zip(written, task.verifiable(samples).tolist(), strict=True):
        hard = difficulty(task.board, each.route.holds, 40)
        assert reward == pytest.approx(1 - abs(hard - middle(each.wish.grade)) / 4)
    read = task.reader.predict([each.route for each in written])
    wanted = [1 - abs(hard - middle(wish.grade)) / 4 for hard, wish in zip(read, wishes, strict=True)]
    assert task.learned(samples).tolist() == pytest.approx(wanted, abs=1e-4)


def test_what_breaks_a_rule_earns_nothing_from_the_simulator_but_the_reader_does_not_know(task):
    (written,) = task.generator.write([Wish("TB2", 40, 5)], seed=1)
    ids = list(written.ids)
    headless = [*ids[:4], *ids[5:]]  # without its first hold, a start
    twice = [*ids[:5], *ids[4:]]
    endless = ids[:-1]
    samples = samples_of(task, [headless, twice, endless, [*ids[:4], task.tokenizer.ids["<GRADE_ANY>"]]])
    paid = task.verifiable(samples).tolist()
    assert paid[1:] == [NOTHING] * 3
    assert task.learned(samples)[1].item() > NOTHING
    assert task.learned(samples)[3].item() == NOTHING  # a special token among the holds is nothing to read


def test_the_judge_counts_what_is_there(task):
    policy = task.policy()
    found = task.judge(policy, 60, seed=2)
    samples = policy.sample(60, 2)
    rewards = task.verifiable(samples)
    assert found["valid"] == pytest.approx((rewards != NOTHING).float().mean().item())
    assert found["verifiable"] == pytest.approx(rewards.mean().item())
    assert 0 < found["exact"] <= found["within_one"] <= found["valid"] < 1
    routes = [route for route in task.routes(samples) if route is not None]
    assert {route.angle for route in routes} == {40}
    assert all(0 <= v_grade(route.difficulty) <= 16 for route in routes)


def test_paid_by_the_simulator_it_learns_the_rules(task):
    config = PolicyConfig(max_steps=24, batch_size=64, lr=0.002, beta=0.02, schedule="constant", grad_clip=1.0)
    run = RLOORun(task.policy(), task.verifiable, config, group=16)
    paid = [step.extra["reward"] for step in run]
    assert sum(paid[-8:]) / 8 > sum(paid[:8]) / 8 + 0.1


def test_a_real_board_is_refused(task):
    real = RouteTask.__new__(RouteTask)
    board = type("Board", (), {"is_simulated": False})()
    generator = type("Generator", (), {"tokenizer": type("T", (), {"boards": {"TB2": board}})()})()
    with pytest.raises(ValueError, match="board TB2 is real: nobody knows the true grade"):
        real.__init__(generator, task.reader)
