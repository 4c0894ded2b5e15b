"""The recorded runs are whole, are what bench/records.py would train, and show what the chapter says of them."""

import csv
import json
import math
from pathlib import Path

import pytest

from bench.recipe import CHANGES, SEEDS
from bench.records import FOLDER, FORMAT, RECORDS
from bench.schemes import COMPUTE
from bench.schemes import SEEDS as SCHEME_SEEDS
from labkit.data import load_text
from labkit.gpt import GPT, GPTConfig
from labkit.training.lm_config import LMConfig
from labkit.training.schemes import make_schemes

FILES = sorted(FOLDER.glob("*-seed*.json"))


def load(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def best(name: str) -> list[float]:
    found = [min(p["validation"] for p in load(path)["points"]) for path in FILES if path.name.startswith(f"{name}-")]
    assert found, f"no record of {name}"
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_record_is_of_its_recipe_and_went_to_the_end(path):
    record = load(path)
    assert record["format"] == FORMAT
    recipe = RECORDS[record["name"]]
    model = dict(recipe.model)
    config = GPTConfig.preset(model.pop("preset"), 65, **model)
    assert record["model"] == config.to_dict()
    assert record["config"] == LMConfig(**recipe.config, seed=record["seed"]).to_dict()
    assert record["n_params"] == GPT(config, seed=None).n_params
    assert record["machine"]
    assert record["torch"]
    steps = [point["step"] for point in record["points"]]
    assert steps == sorted(set(steps))
    assert steps[-1] == recipe.config["max_steps"]
    assert all(math.isfinite(point[key]) for point in record["points"] for key in ("train", "validation", "seconds"))


def test_three_seeds_reach_nanogpts_result_on_a_gpu():
    assert len(best("gpu-result")) >= 3
    assert max(best("gpu-result")) <= 1.4697


def test_block_64_reaches_its_loss_with_three_seeds():
    assert len(best("block-64")) >= 3
    assert max(best("block-64")) <= 1.88


def test_every_recipe_has_a_record():
    assert {load(path)["name"] for path in FILES} == set(RECORDS)


def test_a_smaller_model_reaches_the_seed_runs_loss_in_a_tenth_of_its_tokens():
    record = load(FOLDER / "seed-run-seed0.json")
    reached = next(point for point in record["points"] if point["train"] <= 1.326)
    assert record["n_params"] <= 209_729
    assert reached["tokens"] <= 5 * 15_685 * 64 * 32 / 10


def test_the_lowest_is_below_the_aim():
    assert min(best("lowest")) <= 1.43


def test_the_table_of_schemes_is_whole():
    with (FOLDER / "schemes.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["scheme"]: row for row in csv.DictReader(file)}
    text = load_text("python-topics")  # any text: the names and sizes are asked for
    assert list(rows) == list(make_schemes(text))
    for name, row in rows.items():
        if name.startswith("BPE "):
            assert row["vocab_size"] == name.removeprefix("BPE ").replace(",", "")
        assert float(row["flops"]) == pytest.approx(COMPUTE, rel=0.01)
        losses = [float(row[f"seed_{seed}"]) for seed in SCHEME_SEEDS]
        assert float(row["bits_per_byte"]) == pytest.approx(sum(losses) / len(losses), rel=1e-4)


def test_the_recipe_table_is_whole():
    with (FOLDER / "recipe.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["change"] for row in rows] == [change for change, _, _ in CHANGES]
    for row in rows:
        losses = [float(row[f"seed_{seed}"]) for seed in SEEDS]
        assert float(row["mean"]) == pytest.approx(sum(losses) / len(losses), abs=1e-4)
