"""`labkit routes import` and `simulate`, from the command line to the file."""

import json
import os
import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from labkit.cli import app
from labkit.files import datasets_dir
from labkit.routes import Board, BoardConfig, Hold, Placement, Route, board, board_configs
from labkit.routes.boardlib import import_routes, write_database
from labkit.routes.setter import simulate
from labkit.routes.simulated import simulated_board
from labkit.routes.table import read_routes

KILTER = board_configs()["kilter"]
BOARD = Board(KILTER, [Placement(1, 0, 8), Placement(2, 16, 40), Placement(3, 8, 152)])
ROUTE = Route("KIL", 40, (Hold(1, "start"), Hold(2, "middle"), Hold(3, "finish")), 20.0, "c", "Anna")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "fsync", lambda _: None)  # what a test writes need not outlive a power cut
    return tmp_path


def labkit(*arguments):
    return CliRunner().invoke(app, ["routes", *map(str, arguments)])


def printed(*arguments):
    result = labkit(*arguments)
    assert (result.exit_code, result.stderr) == (0, ""), result.output
    return result.stdout


def failed(*arguments, status=1):
    result = labkit(*arguments)
    assert (result.exit_code, result.stdout) == (status, ""), result.output
    return result.stderr


def test_import_writes_the_table_and_says_what_it_left_out(folder):
    write_database("kilter.db", BOARD, [ROUTE, replace(ROUTE, climb="early"), replace(ROUTE, climb="odd")])
    with closing(sqlite3.connect("kilter.db")) as connection, connection:
        connection.execute("UPDATE climb_stats SET fa_at = '2016-05-01' WHERE climb_uuid = 'early'")
        connection.execute("UPDATE climbs SET frames = 'p1r12p2r20p3r14' WHERE uuid = 'odd'")
    assert printed("import", "kilter.db", "--board", "kilter").splitlines() == [
        "board: Kilter Board Original",
        "holds: 3 on the board, 0 outside its window, 0 unreadable",
        "routes: 3 read, 1 kept, 2 left out",
        "          1  first climbed too early, or no day is given",
        "             climb early 'Anna' at 40°: on '2016-05-01', after 2016-12-31 is asked for",
        "          1  a role that the board has not",
        "             climb odd 'Anna' at 40°: role 20 of placement 2 is none of Kilter Board Original's: "
        "12 start, 13 middle, 14 finish, 15 foot",
        "the routes are in routes.csv",
    ]
    assert list(read_routes("routes.csv")) == [ROUTE]


def test_nothing_to_keep_writes_nothing_and_says_why(folder):
    write_database("kilter.db", BOARD, [replace(ROUTE, angle=70)])
    error = failed("import", "kilter.db", "--board", "kilter")
    assert "at an angle that the board has not" in error
    assert "error: kilter.db has no route of Kilter Board Original to keep; routes.csv is not written" in error
    assert [path.name for path in folder.iterdir()] == ["kilter.db"]


def test_what_stands_in_the_way_is_said_first(folder):
    assert (
        failed("import", "no.db", "--board", "moon") == "error: there is no board 'moon'; there are: kilter, tension\n"
    )
    assert "error: no.db is not there" in failed("import", "no.db", "--board", "kilter")
    write_database("kilter.db", BOARD, [ROUTE])
    assert "no holds of layout 10, Tension Board 2" in failed("import", "kilter.db", "--board", "tension")
    assert "is what is read" in failed("import", "kilter.db", "--board", "kilter", "--overwrite", "-o", "kilter.db")
    assert "is a folder" in failed("import", "kilter.db", "--board", "kilter", "-o", ".")
    (folder / "routes.csv").write_text("old")
    assert "is there already" in failed("import", "kilter.db", "--board", "kilter")
    assert (folder / "routes.csv").read_text() == "old"
    printed("import", "kilter.db", "--board", "kilter", "--overwrite")
    assert list(read_routes("routes.csv")) == [ROUTE]


def test_a_new_board_is_a_new_file(folder, monkeypatch):
    boards = folder / "datasets" / "boards"
    boards.mkdir(parents=True)
    for file in (datasets_dir() / "boards").glob("*.json"):
        (boards / file.name).write_bytes(file.read_bytes())
    new = json.loads((boards / "kilter.json").read_text()) | {"key": "MINE", "name": "My Wall", "layout_id": 77}
    (boards / "mine.json").write_text(json.dumps(new | {"max_angle": 20, "mirrored": True}))
    monkeypatch.setattr(board, "datasets_dir", lambda: folder / "datasets")
    config: BoardConfig = board_configs()["mine"]
    mine = Board(config, [Placement(1, 0, 8, 3), Placement(2, 16, 40, 2), Placement(3, 8, 8, 1)])
    routes = [replace(ROUTE, board="MINE", angle=angle) for angle in (20, 25)]
    write_database("mine.db", mine, routes)
    assert "routes: 2 read, 1 kept, 1 left out" in printed("import", "mine.db", "--board", "mine")
    assert list(read_routes("routes.csv")) == routes[:1]
    assert import_routes("mine.db", config).board.placements == mine.placements


def test_simulate_writes_the_simulated_routes_of_a_seed(folder):
    boards = [simulated_board("kilter"), simulated_board("tension")]
    out = printed("simulate", "--n", 12, "--seed", 3)
    names = "Kilter Board Original and Tension Board 2 (simulated boards)"
    assert out == f"12 simulated routes on {names} are in simulated-routes.csv\n"
    assert list(read_routes("simulated-routes.csv")) == list(simulate(boards, 12, 3))


def test_simulate_writes_a_database_that_import_reads(folder):
    printed("simulate", "--n", 9, "--board", "tension", "--output", "s.db")
    out = printed("import", "s.db", "--board", "tension")
    assert out.startswith("board: Tension Board 2 (simulated)\nholds: 495 on the board")
    assert list(read_routes("routes.csv")) == list(simulate([simulated_board("tension")], 9, 0))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--output", "s.db"], "a database is of one board: name it with --board, kilter or tension"),
        (["--output", "s.txt"], "--output ends in .csv, or in .db, .sqlite, .sqlite3 for a database, got s.txt"),
        (["--board", "moon"], "no simulated board is called 'moon'"),
    ],
)
def test_simulate_refuses(folder, options, message):
    assert message in failed("simulate", *options)
    assert list(folder.iterdir()) == []


def test_simulate_refuses_no_routes_and_older_files(folder):
    assert "--n" in failed("simulate", "--n", 0, status=2)
    (folder / "simulated-routes.csv").write_text("old")
    assert "is there already" in failed("simulate")


def test_an_interrupt_leaves_nothing(folder, monkeypatch):
    def interrupted(*_):
        yield ROUTE
        raise KeyboardInterrupt

    monkeypatch.setattr("labkit.routes.setter.simulate", interrupted)
    assert failed("simulate", status=130) == "stopped; nothing was written\n"
    assert list(folder.iterdir()) == []
