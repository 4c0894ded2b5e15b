"""The reader of grades: it knows where holds are and not the grade, is told no padding, and beats the baseline."""

import dataclasses
import itertools
import math

import numpy as np
import pytest
import torch

from labkit.gpt import GPT
from labkit.gpt.tensor_file import read_tensors, write_tensors
from labkit.routes import Board, Hold, Placement, Route, board_configs, v_grade
from labkit.routes.placed import PlacedGPT
from labkit.routes.reader import Reader, ReaderData, ReaderRun, reader_model
from labkit.routes.reading import Baseline, Reading, readings
from labkit.routes.run import route_model
from labkit.routes.tokens import RouteTokenizer
from labkit.training.lm_config import LMConfig

CONFIGS = {config.key: config for config in board_configs().values()}
RNG = np.random.default_rng(5)
BOARDS = [
    Board(CONFIGS[key], [Placement(i, float(x), float(y)) for i, (x, y) in enumerate(RNG.integers(0, 60, (30, 2)))])
    for key in ("TB2", "KIL")
]
TOKENIZER = RouteTokenizer.for_boards(BOARDS)
MODEL = reader_model(TOKENIZER.vocab_size, block_size=16, n_layer=1, n_head=2, n_embd=16, dropout=0.0)
SETTINGS = LMConfig(max_steps=8, batch_size=8, warmup_steps=2, eval_every=4, precision="float32", device="cpu")


def routes(n, seed):
    """The further right and the steeper, the harder: the number of holds says nothing."""
    rng = np.random.default_rng(seed)
    for number in range(n):
        board = BOARDS[number % 2]
        chosen = rng.choice(30, rng.integers(3, 9), replace=False).tolist()
        holds = tuple(Hold(i, role) for i, role in zip(chosen, ["start", "finish"] + ["middle"] * 9, strict=False))
        x = np.mean([board.placements[i].x for i in chosen])
        angle = int(rng.choice([20, 40]))
        yield Route(board.key, angle, holds, 11.0 + 0.25 * x + 0.1 * (angle - 20), f"climb {number}")


TRAIN, VALIDATION = list(routes(300, 0)), list(routes(60, 1))
DATA = ReaderData.of(TRAIN, VALIDATION, TOKENIZER)


def run_of(model=MODEL, data=DATA, **changes):
    return ReaderRun(model, data, dataclasses.replace(SETTINGS, **changes))


@pytest.fixture(scope="module")
def trained():
    run = run_of(max_steps=250, lr=0.01, batch_size=32, eval_every=50)
    list(run)
    return run


def test_it_beats_the_baseline_clearly(trained):
    reader = trained.reader()
    found = readings(VALIDATION, reader.predict(VALIDATION))
    baseline = readings(VALIDATION, Baseline(TRAIN).predict(VALIDATION))
    assert list(found) == ["all", "KIL", "TB2"]
    assert found["all"].n == found["KIL"].n + found["TB2"].n == 60
    assert all(found[key].rmse < 0.6 * baseline[key].rmse for key in found)
    assert found["all"].r2 > 0.8
    assert trained.best[1] < trained.history[0].loss / 5
    extra = trained.history[trained.best[0] - 1].extra
    assert extra["rmse"] == pytest.approx(found["all"].rmse, rel=1e-4)
    assert extra["rmse"] == pytest.approx(math.sqrt(extra["validation"]) * DATA.std)


def test_reading_asks_neither_order_nor_neighbours_nor_the_grade(trained):
    reader = trained.reader()
    together = reader.predict(VALIDATION)
    alone = [reader.predict([route])[0] for route in VALIDATION]
    assert together == pytest.approx(alone, abs=1e-4)  # no padding was read
    assert reader.predict(VALIDATION[::-1]) == pytest.approx(together[::-1], abs=1e-4)
    blind = [dataclasses.replace(route, difficulty=None, holds=route.holds[::-1]) for route in VALIDATION]
    assert reader.predict(blind) == pytest.approx(together, abs=1e-6)
    assert reader.predict([]).shape == (0,)


def test_a_reader_is_a_file(trained, tmp_path):
    reader = trained.reader()
    path = reader.save(tmp_path / "reader.safetensors", about={"simulated": True})
    again = Reader.load(path)
    assert again.predict(VALIDATION).tolist() == reader.predict(VALIDATION).tolist()
    assert read_tensors(path)[1]["about"] == {"simulated": True}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t, d: d.update(format="x"), "not a reader of grades: expected .* got 'x'"),
        (lambda t, d: d.pop("mean"), "mean"),
        (lambda t, d: t.pop("wte.weight"), "missing weights: wte.weight"),
        (lambda t, d: d["config"].update(vocab_size=9), "wte.weight should have the shape"),
    ],
)
def test_a_file_that_is_no_reader_is_refused(change, words, tmp_path):
    path = run_of().reader().save(tmp_path / "reader.safetensors")
    tensors, document = read_tensors(path)
    change(tensors, document)
    write_tensors(path, tensors, document)
    with pytest.raises(ValueError, match=words) as error:
        Reader.load(path)
    assert str(error.value).startswith(str(path))


def test_targets_are_standardised_by_the_training_routes():
    assert DATA.targets.mean().item() == pytest.approx(0, abs=1e-5)
    assert DATA.targets.std(correction=0).item() == pytest.approx(1, rel=1e-5)
    back = DATA.validation_targets.double() * DATA.std + DATA.mean
    assert back.tolist() == pytest.approx([route.difficulty for route in VALIDATION], rel=1e-5)
    ungraded = dataclasses.replace(TRAIN[0], difficulty=None)
    data = ReaderData.of([ungraded, *TRAIN], [ungraded, *VALIDATION], TOKENIZER)
    assert (data.ungraded, len(data.train), len(data.validation)) == (2, 300, 60)


def test_batches_have_each_route_with_its_own_difficulty():
    run, seen = run_of(), []
    by_ids = {tuple(DATA.train[i]): DATA.targets[i].item() for i in range(300)}
    while run.order.used < 300:
        tokens, targets, real = run.next_batch(8)
        rows = [tuple(row[keep].tolist()) for row, keep in zip(tokens, real, strict=True)]
        assert [by_ids[row] for row in rows] == targets.tolist()
        seen += rows
    assert len(set(seen)) == len(by_ids)


def test_a_resumed_run_is_the_uninterrupted_one(tmp_path):
    model = MODEL.changed(dropout=0.2)
    whole, run = run_of(model, accumulate=2), run_of(model, accumulate=2)
    list(whole)
    list(itertools.islice(run, 5))
    resumed = run_of(model, accumulate=2).load(run.save(tmp_path / "run.safetensors"))
    list(resumed)
    assert [step.loss for step in resumed.history] == [step.loss for step in whole.history]
    assert all(torch.equal(p, q) for p, q in zip(resumed.model.parameters(), whole.model.parameters(), strict=True))
    assert resumed.best == whole.best


# -- scores


def test_scores_of_known_errors():
    recorded, read = [16.0, 18.0, 22.0, 26.0], [17.0, 18.0, 25.0, 26.0]  # V3 V4 V6 V9 read as V3 V4 V8 V9
    found = Reading.of(recorded, read)
    assert [v_grade(x) for x in read] == [3, 4, 8, 9]
    assert (found.n, found.mae, found.rmse) == (4, 1.0, pytest.approx(math.sqrt(10 / 4)))
    assert found.r2 == pytest.approx(1 - 10 / np.var(recorded) / 4)
    assert (found.exact, found.within_1, found.within_2) == (0.75, 0.75, 1.0)
    assert Reading.of(recorded, recorded).r2 == 1
    assert Reading.of(recorded, [20.5] * 4).r2 == 0
    assert math.isnan(Reading.of([18.0, 18.0], [18.0, 19.0]).r2)


def test_the_baseline_is_least_squares():
    """What is a plane in holds and angle is read exactly; else the error has no part along either."""
    plane = [dataclasses.replace(r, difficulty=10 + 0.5 * len(r.holds) + 0.1 * r.angle) for r in TRAIN]
    assert Baseline(plane).weights == pytest.approx([10, 0.5, 0.1])
    error = Baseline(TRAIN).predict(TRAIN) - [route.difficulty for route in TRAIN]
    for column in ([1] * 300, [len(r.holds) for r in TRAIN], [r.angle for r in TRAIN]):
        assert np.dot(error, column) == pytest.approx(0, abs=1e-6)
    assert Baseline(TRAIN).predict([]).shape == (0,)


NO_GRADE = [dataclasses.replace(TRAIN[0], difficulty=None)]


@pytest.mark.parametrize(
    ("work", "words"),
    [
        (lambda: Reading.of([], []), "same routes"),
        (lambda: Reading.of([16.0], [16.0, 17.0]), "same routes"),
        (lambda: readings(NO_GRADE, [16.0]), "1 of 1 routes have no difficulty"),
        (lambda: Baseline([]), "no route"),
        (lambda: ReaderData.of(NO_GRADE, [], TOKENIZER), "routes of several grades"),
        (lambda: ReaderData.of(TRAIN[:1] * 5, [], TOKENIZER), "routes of several grades"),
        (lambda: run_of(MODEL.changed(causal=True)), "looks both ways"),
        (lambda: run_of(MODEL.changed(head="lm")), "regression head"),
        (lambda: run_of(MODEL.changed(block_size=5)), "training routes are longer than 5 tokens"),
        (lambda: run_of(MODEL.changed(vocab_size=40)), "training routes have the id"),
        (lambda: run_of(MODEL.changed(vocab_size=999)), "the model knows 999 tokens"),
        (lambda: run_of(data=ReaderData.of(TRAIN, [], TOKENIZER)), "a validation route at least"),
    ],
)
def test_what_cannot_be_is_refused(work, words):
    with pytest.raises(ValueError, match=words):
        work()


def test_a_reader_that_is_told_of_holds_is_a_file_too_and_a_writer_is_none(tmp_path):
    told = PlacedGPT(MODEL, TOKENIZER, seed=2).eval()
    reader = Reader(told, TOKENIZER, 18.0, 3.0)
    again = Reader.load(reader.save(tmp_path / "reader.safetensors"))
    assert again.predict(VALIDATION) == pytest.approx(reader.predict(VALIDATION), abs=1e-4)
    with pytest.raises(ValueError, match="a reader is a regression over"):
        Reader(GPT(route_model(TOKENIZER.vocab_size, n_layer=1, n_embd=16, n_head=2)), TOKENIZER, 0.0, 1.0)
