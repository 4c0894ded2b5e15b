"""`labkit routes train` and `evaluate`: from the command line to files; the models know next to nothing."""

import csv
import json
import os
import re
import signal
import sqlite3

import matplotlib as mpl

mpl.use("Agg")
import numpy as np
import pytest

from labkit.cli.route_folder import How
from labkit.routes import v_grade
from labkit.routes.boardlib import write_database
from labkit.routes.bulk import EACH
from labkit.routes.climber import difficulty
from labkit.routes.collection import N_SIMULATED, Collection
from labkit.routes.generator import Generator
from labkit.routes.reader import Reader, ReaderRun
from labkit.routes.recipe import GENERATOR, READER
from labkit.routes.rules import is_valid
from labkit.routes.run import RouteRun
from labkit.routes.setter import simulate
from labkit.routes.simulated import simulated_board
from labkit.routes.table import read_routes
from labkit.training.evaluate import perplexity

from .commands import failed, labkit, succeeded

BOARDS = {board.key: board for board in map(simulated_board, ("kilter", "tension"))}
FILES = ["generated_routes.csv", "generator.safetensors", "reader.safetensors", "training_history.csv"]


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch):
    """What a test writes need not outlive a power cut."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.fixture
def few_cells(monkeypatch):
    monkeypatch.setattr("labkit.routes.bulk.ANGLES", (40,))
    monkeypatch.setattr("labkit.routes.bulk.GRADES", (3, 6))


def routes(*arguments):
    """What a command printed that went well."""
    return succeeded(labkit("routes", *arguments))


def refused(*arguments):
    stderr = failed(labkit("routes", *arguments))
    assert stderr.count("\n") == 1
    assert stderr.startswith("error: ")
    return stderr


def rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def names(folder):
    return sorted(path.name for path in folder.iterdir())


# -- train


def test_training_fills_the_folder(route_training):
    folder, out = route_training
    assert names(folder) == FILES
    assert out.startswith("simulated routes on simulated boards, Kilter Board Original and Tension Board 2: ")
    assert f"labkit routes generate {folder} --board KIL" in out
    history = rows(folder / "training_history.csv")
    assert [(row["run"], row["step"]) for row in history] == [(r, s) for r in ("reader", "generator") for s in "123"]
    about = Generator.load(folder / "generator.safetensors").about
    written = [row for row in history if row["run"] == "generator"]
    best = min(written, key=lambda row: float(row["validation"]))
    assert (about["step"], about["simulated"]) == (int(best["step"]), True)
    assert float(best["perplexity"]) == pytest.approx(perplexity(about["validation"]), rel=1e-4)
    assert all(row["rmse"] == "" and float(row["tokens"]) > 0 < float(row["seconds"]) for row in written)
    assert all(row["perplexity"] == "" and float(row["rmse"]) > 0 for row in history if row["run"] == "reader")


def test_the_bulk_of_routes_has_all_cells_and_the_grades_of_both_judges(route_training):
    folder, _ = route_training
    found, table = list(read_routes(folder / "generated_routes.csv")), rows(folder / "generated_routes.csv")
    cells = [(row["board"], int(row["angle"]), int(row["asked_grade"])) for row in table]
    assert len(set(cells)) == len(cells) == 2 * 5 * 8
    assert all(is_valid(route.holds, BOARDS[route.board]) for route in found)
    read = Reader.load(folder / "reader.safetensors").predict(found)
    assert [route.difficulty for route in found] == pytest.approx(list(read), abs=1e-3)
    assert [int(row["reader_grade"]) for row in table] == [v_grade(route.difficulty) for route in found]
    true = [v_grade(difficulty(BOARDS[route.board], route.holds, route.angle)) for route in found]
    assert [int(row["simulator_grade"]) for row in table] == true


def test_reading_is_scored_beside_the_baseline(route_training):
    folder, out = route_training
    test = Collection.simulated(300, 0).test
    error = Reader.load(folder / "reader.safetensors").predict(test) - [route.difficulty for route in test]
    scores = f" +{np.abs(error).mean():.2f} +{np.sqrt((error**2).mean()):.2f} "
    assert re.search(rf"^all +reader +{len(test)}{scores}", out, re.MULTILINE)
    assert [line.split()[:2] for line in out.splitlines() if " baseline " in line] == [
        [board, "baseline"] for board in ("all", "KIL", "TB2")
    ]


@pytest.mark.parametrize(("run", "kept"), [(ReaderRun, "reader"), (RouteRun, "generator")])
def test_ctrl_c_keeps_what_there_is(tmp_path, monkeypatch, run, kept):
    step = run.train_step

    def interrupted(self):
        if self.step == 1:
            os.kill(os.getpid(), signal.SIGINT)
        return step(self)

    monkeypatch.setattr(run, "train_step", interrupted)
    folder, handler = tmp_path / "models", signal.getsignal(signal.SIGINT)
    options = ["--n", 300, "--steps", 9, "--batch-size", 4]
    result = labkit("routes", "train", "--output", folder, *options)
    assert result.exit_code == 130
    assert signal.getsignal(signal.SIGINT) == handler
    assert f"stopped after step 2 of 9 of the {kept}\n" in result.stderr
    models = ["generator.safetensors"] * (run is RouteRun) + ["reader.safetensors"]
    assert names(folder) == [*models, "training_history.csv"]
    assert result.stderr.endswith(f"stopped; {folder} has {', '.join(names(folder))}\n")
    history = rows(folder / "training_history.csv")
    assert [row["step"] for row in history if row["run"] == kept] == ["1", "2"]
    load = Reader if run is ReaderRun else Generator
    load.load(folder / f"{kept}.safetensors")


@pytest.mark.parametrize("where", ["labkit.routes.collection.simulate", "labkit.routes.recipe.reader_run"])
def test_ctrl_c_before_training_writes_nothing(tmp_path, monkeypatch, where):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(where, interrupted)
    (tmp_path / "generator.safetensors").write_text("of an older training")
    result = labkit("routes", "train", "--output", tmp_path, "--n", 300, "--overwrite")
    assert (result.exit_code, names(tmp_path)) == (130, ["generator.safetensors"])
    assert result.stderr.endswith("stopped; nothing was written\n")


def test_ctrl_c_while_routes_are_written_keeps_the_models(tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(How, "routes", interrupted)
    result = labkit("routes", "train", "--output", tmp_path, "--n", 300, "--steps", 1, "--batch-size", 4)
    kept = [name for name in FILES if name != "generated_routes.csv"]
    assert (result.exit_code, names(tmp_path)) == (130, kept)
    assert result.stderr.endswith(f"stopped; {tmp_path} has {', '.join(kept)}\n")


def test_a_training_that_diverges_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(
        ReaderRun, "train_step", lambda run: {"loss": float("nan"), "grad_norm": 1.0, "tokens": 1, "lr": 1}
    )
    result = labkit("routes", "train", "--output", tmp_path, "--n", 300, "--steps", 2)
    assert result.exit_code == 1
    assert "error: training the reader diverged: step 1: the loss became nan" in result.stderr
    assert "Start anew with a lower --lr" in result.stderr


def test_databases_no_reader_and_an_older_training(tmp_path, monkeypatch, few_cells):
    monkeypatch.chdir(tmp_path)
    write_database("k.db", BOARDS["KIL"], simulate([BOARDS["KIL"]], 300, 0))
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "reader.safetensors").write_text("of an older training")
    source = ["--database", "k.db", "--board", "kilter"]
    options = [*source, "--no-reader", "--steps", 1, "--batch-size", 8, "--count", 1]
    assert "models has reader.safetensors already" in refused("train", "--output", "models", *options)
    out = routes("train", "--output", "models", *options, "--overwrite")
    assert "routes: 300 read, 300 kept, 0 left out\nroutes from databases, Kilter Board Original: " in out
    assert names(tmp_path / "models") == [name for name in FILES if name != "reader.safetensors"]
    table = rows(tmp_path / "models" / "generated_routes.csv")
    assert [(row["asked_grade"], row["reader_grade"], row["difficulty"]) for row in table] == [
        ("3", "", ""),
        ("6", "", ""),
    ]
    assert "simulator_grade" not in table[0]  # nobody knows how good the holds of a database's board are
    assert "by the" not in routes("generate", "models", "--board", "KIL", "--angle", 40, "-n", 1)
    assert "--best-of needs the reader" in refused(
        "generate", "models", "--board", "KIL", "--angle", 40, "--best-of", 2
    )

    os.rename("k.db", "moved.db")
    error = refused("evaluate", "models")
    assert f"{tmp_path / 'k.db'}, which models learned from, is not there" in error
    assert "--database FILE --board kilter" in error
    assert "learned from databases of kilter" in refused("evaluate", "models", "--database", "x", "--board", "tension")
    source[1] = "moved.db"
    assert "2 routes: 100.0% valid" in routes("evaluate", "models", *source, "--count", 1)
    with sqlite3.connect("moved.db") as connection:
        connection.execute("DELETE FROM placements WHERE id = (SELECT max(id) FROM placements)")
    assert "the boards of models had other holds than those now" in failed(
        labkit("routes", "evaluate", "models", *source)
    )


def test_help_says_what_the_course_takes():
    text = " ".join(labkit("routes", "train", "--help").stdout.replace("│", " ").split())
    assert (READER.max_steps, READER.batch_size, READER.lr) == (GENERATOR.max_steps, GENERATOR.batch_size, GENERATOR.lr)
    for value in (N_SIMULATED, READER.max_steps, READER.batch_size, READER.lr, EACH):
        assert f"[default: ({value})]" in text


# -- evaluate


def test_evaluation_says_all_and_writes_its_numbers(models, few_cells):
    out = routes("evaluate", models, "--count", 2, "--best-of", 1, "--seed", 5, "--json", "e.json")
    with open("e.json", encoding="utf-8") as file:
        numbers = json.load(file)
    cells = [(row["board"], row["angle"], row["grade"], row["routes"]) for row in numbers["rows"]]
    assert cells == [(board, 40, grade, 2) for board in ("KIL", "TB2") for grade in (3, 6)]
    assert (numbers["summary"]["valid"], numbers["simulated"]) == (1.0, True)
    assert numbers["valid_without_grammar"] < 1
    assert {"encoder_exact", "simulator_within_1", "copies", "strict"} <= numbers["summary"].keys()
    assert {"reader", "baseline"} == numbers["reading"]["TB2"].keys()
    assert [line for line in out.splitlines() if re.match(r"TB2 +40 +V6 +2 +100%", line)]
    assert "8 routes: 100.0% valid" in out
    assert f"grade by the simulator: {numbers['summary']['simulator_exact']:.1%} exact" in out
    assert f"without the grammar: {numbers['valid_without_grammar']:.1%} are valid" in out
    assert "e.json is there already" in refused("evaluate", models, "--json", "e.json")
