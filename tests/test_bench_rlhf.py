"""The benchmarks of chapter 7: what they measure, and that their records are of the methods there are."""

import csv

import pytest

from bench import rlhf, route_rewards
from labkit.rlhf.toy_runs import CLOSE, METHODS


@pytest.fixture(scope="module")
def record():
    with rlhf.RECORD.open(encoding="utf-8", newline="") as file:
        return {row["method"]: row for row in csv.DictReader(file)}


def test_one_run_is_measured_to_its_end():
    (rloo,) = [method for method in METHODS if method.name == "RLOO"]
    found = rlhf.train(rloo, seed=7)
    assert found["distance"] <= CLOSE
    assert found["asked"] == 400 * 1024
    assert found["seconds"] > 0


def test_the_record_has_every_method_and_those_that_should_have_arrived(record):
    assert list(record) == [method.name for method in METHODS]
    for method in METHODS:
        distance = float(record[method.name]["distance"])
        assert distance <= CLOSE if method.regularised else distance > 10 * CLOSE
        assert float(record[method.name]["largest"]) >= distance


def test_a_table_is_written_as_it_is(tmp_path):
    rows = [{"method": "one", "distance": 0.0012345678, "asked": 5}]
    rlhf.write(rows, tmp_path / "table.csv")
    assert (tmp_path / "table.csv").read_text() == "method,distance,asked\none,0.0012346,5\n"


def test_the_record_of_the_routes_has_each_judge_and_seed_from_the_same_beginning():
    with route_rewards.RECORD.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    runs = {(row["judge"], int(row["seed"])) for row in rows}
    assert runs == {(judge, seed) for judge in route_rewards.JUDGES for seed in route_rewards.SEEDS}
    for seed in route_rewards.SEEDS:
        starts = [row["verifiable"] for row in rows if row["step"] == "0" and int(row["seed"]) == seed]
        assert len(set(starts)) == 1
        assert len(starts) == len(route_rewards.JUDGES)
    assert {int(row["step"]) for row in rows} == set(range(0, route_rewards.STEPS + 1, route_rewards.EVERY))
