"""Import from a board's database: on ones that the tests build, rows of every kind of dirt among them."""

import os
import random
import sqlite3
from contextlib import closing, contextmanager
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.routes import Board, Hold, Placement, Route, board_configs, boardlib_file
from labkit.routes.boardlib import BATCH, RULES, import_routes, write_database

TENSION, KILTER = board_configs()["tension"], board_configs()["kilter"]
GOOD = "p1r12p2r13p3r14"

# What the apps' databases look like to those who read them: other columns stand before, between and after ours.
APP = """
CREATE TABLE layouts (id INT UNSIGNED NOT NULL PRIMARY KEY, product_id INT, name TEXT NOT NULL);
CREATE TABLE holes (id INT UNSIGNED NOT NULL PRIMARY KEY, product_id INT, name TEXT, x INT, y INT,
    mirrored_hole_id INT UNSIGNED NULL, mirror_group INT);
CREATE TABLE placements (id INT UNSIGNED NOT NULL PRIMARY KEY, layout_id INT, hole_id INT, set_id INT);
CREATE TABLE climbs (uuid TEXT, layout_id INT, setter_id INT, name TEXT, hsm INT, frames TEXT, is_listed BOOLEAN);
CREATE TABLE climb_stats (climb_uuid TEXT, angle INT, display_difficulty FLOAT, ascensionist_count INT, fa_at TEXT);
INSERT INTO layouts VALUES (1, 1, 'Kilter Board Original'), (8, 7, 'Kilter Board Homewall'), (10, 5, 'TB2 Mirror');
INSERT INTO holes VALUES (11, 1, 'a', 0, 8, 12, 0), (12, 1, 'b', 16, 40, 11, 0), (13, 1, 'c', 8, 152, 13, 0),
    (14, 1, 'high', 8, 164, NULL, 0), (15, 1, 'nowhere', NULL, NULL, NULL, 0);
INSERT INTO placements VALUES (1, 1, 11, 1), (2, 1, 12, 1), (3, 1, 13, 1), (4, 1, 14, 1), (5, 1, 15, 1), (6, 1, 99, 1),
    (7, 8, 11, 26);
"""


@pytest.fixture(autouse=True, scope="module")
def no_waiting_for_the_disk():
    """What a test writes need not outlive a power cut."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        yield


@pytest.fixture
def app(tmp_path):
    """An app's database of layout 1: holds 1, 2, 3 on the board, 4 above its window, 5 and 6 nowhere."""
    path = tmp_path / "app.db"
    sql(path, APP)
    return path


@contextmanager
def connected(path):
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA synchronous = OFF")
        yield connection


def sql(path, script):
    with connected(path) as connection:
        connection.executescript(script)


def climb(path, uuid="c", frames=GOOD, angle=40, difficulty=20.0, day="2018-12-04 17:48:27", **climb):
    row = {"layout_id": 1, "name": "Anna", "is_listed": 1} | climb
    with connected(path) as connection:
        columns = ", ".join(row)
        connection.execute(
            f"INSERT INTO climbs (uuid, frames, {columns}) VALUES (?, ?, ?, ?, ?)", (uuid, frames, *row.values())
        )
        connection.execute("INSERT INTO climb_stats VALUES (?, ?, ?, 3, ?)", (uuid, angle, difficulty, day))


def imported(path, config=KILTER):
    """The routes and the report, whose counts must add up."""
    found = import_routes(path, config)
    routes = list(found.routes)
    report = found.report
    assert report.kept == len(routes)
    assert report.read == report.kept + sum(skipped.count for skipped in report.skipped.values())
    return routes, report


def test_a_climb_is_a_route_at_each_angle_with_statistics(app):
    climb(app, "one")
    sql(app, "INSERT INTO climb_stats VALUES ('one', 45, 22.5, 1, '2019-01-01')")
    routes, report = imported(app)
    holds = (Hold(1, "start"), Hold(2, "middle"), Hold(3, "finish"))
    assert routes == [Route("KIL", 40, holds, 20.0, "one", "Anna"), Route("KIL", 45, holds, 22.5, "one", "Anna")]
    assert report.read == 2


def test_the_board_is_the_layouts_holds_inside_the_window(app):
    found = import_routes(app, KILTER)
    assert list(found.board.placements.values()) == [Placement(1, 0, 8), Placement(2, 16, 40), Placement(3, 8, 152)]
    report = found.report.holds
    assert (report.layout, report.kept, report.outside, report.unreadable) == ("Kilter Board Original", 3, 1, 2)


DIRT = {
    "layout": [{"layout_id": 8}, {"layout_id": None}],
    "unlisted": [{"is_listed": 0}, {"is_listed": None}],
    "angle": [{"angle": angle} for angle in (60, -5, 42, None, "steep")],
    "first ascent": [{"day": day} for day in ("2016-12-31 23:59:59", "", None, "soon", "2018-13-01")],
    "difficulty": [{"difficulty": value} for value in (None, 0, 9.4, 33.5, float("inf"), "V4")],
    "frames": [{"frames": text} for text in (None, "", "x", "p1r12,p2r13", "p1r12p2", b"p1", f"p{'9' * 5000}r12")],
    "role": [{"frames": "p1r12p2r5p3r14"}, {"frames": "p1r42"}],
    "placement": [{"frames": f"{GOOD}p{number}r13"} for number in (5, 6, 7, 99)],
    "window": [{"frames": f"{GOOD}p4r13"}],
    "twice": [{"frames": f"{GOOD}p2r15"}],
    "start or finish": [{"frames": text} for text in ("p1r12p2r13p3r13", "p1r13p2r13p3r14", "p1r15")],
    "short": [{"frames": "p1r12p3r14"}],
}


@pytest.mark.parametrize(("rule", "dirt"), [(rule, dirt) for rule, kinds in DIRT.items() for dirt in kinds])
def test_dirt_is_left_out_and_counted_under_its_rule(app, rule, dirt):
    climb(app, "good")
    climb(app, "dirty", **dirt)
    routes, report = imported(app)
    assert [route.climb for route in routes] == ["good"]
    assert {name: skipped.count for name, skipped in report.skipped.items() if skipped.count} == {rule: 1}
    (example,) = report.skipped[rule].examples
    assert example.startswith("climb dirty 'Anna' at ")


def test_statistics_without_a_climb_and_climbs_without_statistics(app):
    climb(app, "good")
    climb(app, "lonely")
    climb(app, "elsewhere", layout_id=8)
    sql(app, "DELETE FROM climbs WHERE uuid = 'good'; DELETE FROM climb_stats WHERE climb_uuid != 'good'")
    routes, report = imported(app)
    assert routes == []
    assert {rule: skipped.examples for rule, skipped in report.skipped.items() if skipped.count} == {
        "no climb": ["climb good at 40°"],
        "layout": ["climb elsewhere 'Anna': layout 8"],
        "no statistics": ["climb lonely 'Anna'"],
    }
    assert set(DIRT) | {"no climb", "no statistics"} == set(RULES)


def test_edges_that_are_kept(app):
    climb(app, "day", day="2017-01-01")
    climb(app, "steepest", angle=55)
    climb(app, "easiest", difficulty=9.5)
    climb(app, "hardest", difficulty=33.49)
    climb(app, "nameless", name=None)
    with connected(app) as connection:
        connection.execute("UPDATE climbs SET name = CAST(x'41ff' AS TEXT) WHERE uuid = 'day'")  # not UTF-8
    routes, _ = imported(app)
    assert [(route.climb, route.name) for route in routes[:1] + routes[-1:]] == [("day", "A\ufffd"), ("nameless", "")]
    assert len(routes) == 5
    routes, _ = imported(app, replace(KILTER, first_ascent_after="2018-12-04"))
    assert routes == []
    routes, _ = imported(app, replace(KILTER, first_ascent_after=None, max_angle=50))
    assert len(routes) == 4


def test_the_report_names_what_it_left_out_with_five_examples(app):
    for i in range(7):
        climb(app, f"c{i}", frames="p1r12p99r13p3r14")
    _, report = imported(app)
    assert report.skipped["placement"].examples == [f"climb c{i} 'Anna' at 40°: placement 99" for i in range(5)]
    assert list(report.lines())[:4] == [
        "board: Kilter Board Original",
        "holds: 3 on the board, 1 outside its window, 2 unreadable",
        "routes: 7 read, 0 kept, 7 left out",
        "          7  a hold that the board has not",
    ]


def test_twins_are_of_the_same_set_and_of_each_other(tmp_path):
    path = tmp_path / "tension.db"
    sql(path, APP)
    holes = "(21, 5, '', -8, 8, 22, 0), (22, 5, '', 8, 8, 21, 0), (23, 5, '', 0, 16, 23, 0), (24, 5, '', 4, 4, 23, 0)"
    # at the left 31 of wood and 32 of plastic, at the right 34 and 33; 35 amid; 36 has it for a twin, one-sided
    places = (
        "(31, 10, 21, 12), (32, 10, 21, 13), (33, 10, 22, 13), (34, 10, 22, 12), (35, 10, 23, 12), (36, 10, 24, 12)"
    )
    sql(path, f"INSERT INTO holes VALUES {holes}; INSERT INTO placements VALUES {places}")
    found = import_routes(path, TENSION)
    twins = {number: hold.mirror for number, hold in found.board.placements.items()}
    assert twins == {31: 34, 34: 31, 32: 33, 33: 32, 35: 35, 36: None}
    assert found.report.holds.twinless == 1
    assert "holds: 6 on the board, 0 outside its window, 0 unreadable; 1 without a twin on the other side" in list(
        found.report.lines()
    )
    unmirrored = import_routes(path, replace(TENSION, mirrored=False))
    assert {hold.mirror for hold in unmirrored.board.placements.values()} == {None}


# -- what is no such database


@pytest.mark.parametrize("table", boardlib_file.COLUMNS)
def test_a_missing_table_is_named(app, table):
    sql(app, f"DROP TABLE {table}")
    with pytest.raises(ValueError, match=rf"app\.db: table {table} is missing: .*`boardlib database NAME FILE`"):
        import_routes(app, KILTER)


@pytest.mark.parametrize(
    ("table", "column"), [(table, column) for table, columns in boardlib_file.COLUMNS.items() for column in columns]
)
def test_a_missing_column_is_named(app, table, column):
    sql(app, f"ALTER TABLE {table} RENAME COLUMN {column} TO other")
    with pytest.raises(ValueError, match=f"table {table} has no column {column}: a climbing board's database"):
        import_routes(app, KILTER)


def test_all_that_is_missing_is_named_at_once(app):
    sql(app, "DROP TABLE holes; ALTER TABLE climbs RENAME TO routes")
    with pytest.raises(ValueError, match="table climbs is missing; table holes is missing"):
        import_routes(app, KILTER)


def test_another_boards_database(app):
    sql(app, "DELETE FROM placements WHERE layout_id = 10")
    known = r"1 \(Kilter Board Original\), 8 \(Kilter Board Homewall\), 10 \(TB2 Mirror\)"
    with pytest.raises(ValueError, match=rf"no holds of layout 10, Tension Board 2; its layouts: {known}\. Is it"):
        import_routes(app, TENSION)
    sql(app, "INSERT INTO placements VALUES (50, 10, 14, 1)")
    with pytest.raises(ValueError, match="none of the 1 holds of Tension Board 2 lies inside its window"):
        import_routes(app, TENSION)


def test_what_is_no_database(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.db is not there: a climbing board's database"):
        import_routes(tmp_path / "none.db", KILTER)
    with pytest.raises(ValueError, match="is a folder"):
        import_routes(tmp_path, KILTER)
    file = tmp_path / "file.db"
    for content, message in ((b"", "is empty"), (b"board,angle\n" * 100, "is not a database")):
        file.write_bytes(content)
        with pytest.raises(ValueError, match=rf"file\.db {message}: a climbing board's database"):
            import_routes(file, KILTER)
        assert file.read_bytes() == content


def test_a_damaged_database(app):
    for i in range(300):
        climb(app, f"c{i}")
    whole = app.read_bytes()
    app.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"app\.db cannot be read as a database \(database disk image is malformed\)"):
        imported(app)


def test_a_locked_database(app, monkeypatch):
    monkeypatch.setattr(boardlib_file, "PATIENCE", 0.01)
    with closing(sqlite3.connect(app)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(ValueError, match=r"is locked by another program.*wait until it is done"):
            import_routes(app, KILTER)


def test_the_file_is_only_read_and_may_have_any_name(app):
    climb(app)
    odd = app.rename(app.with_name("100 %20? #1é.db"))
    odd.chmod(0o444)
    before = odd.read_bytes()
    assert len(imported(odd)[0]) == 1
    assert odd.read_bytes() == before
    assert [path.name for path in odd.parent.iterdir()] == [odd.name]


def test_rows_are_read_as_routes_are_taken(app):
    rows = ", ".join(f"('c', {5 * (i % 9)}, 20.0, 1, '2020-01-01')" for i in range(3 * BATCH))
    climb(app)
    sql(app, f"INSERT INTO climb_stats VALUES {rows}")
    found = import_routes(app, KILTER)
    next(found.routes)
    assert found.report.read == 1
    assert len(list(found.routes)) == 3 * BATCH


# -- writing


def board(config, n, seed=0):
    """A board with n holds at random, half of them twins if it mirrors."""
    rng = random.Random(seed)
    window = config.window
    holds = []
    for number in range(100, 100 + n, 2):
        x, y = round(rng.uniform(1, window.right), 1), rng.randrange(0, 140)
        twin = {"mirror": number + 1} if config.mirrored else {}
        back = {"mirror": number} if config.mirrored else {}
        holds += [Placement(number, x, y, **twin), Placement(number + 1, -x if config.mirrored else x / 2, y, **back)]
    return Board(config, holds)


BOARDS = [board(TENSION, 40), board(KILTER, 30)]


@st.composite
def many_routes(draw):
    """A board and graded routes on it; a climb has one or more angles."""
    on = draw(st.sampled_from(BOARDS))
    routes = []
    for i in range(draw(st.integers(0, 6))):
        ids = draw(st.lists(st.sampled_from(sorted(on.placements)), min_size=3, max_size=9, unique=True))
        roles = ["start", *draw(st.lists(st.sampled_from(["middle", "foot"]), min_size=len(ids) - 2)), "finish"]
        holds = tuple(map(Hold, ids, [*roles[: len(ids) - 1], "finish"]))
        name = draw(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8))
        for angle in draw(st.lists(st.sampled_from(list(on.config.angles)), min_size=1, max_size=3, unique=True)):
            routes.append(Route(on.key, angle, holds, draw(st.floats(10, 33)), f"climb{i}", name))
    return on, routes


@settings(max_examples=40)
@given(many_routes())
def test_what_is_written_is_imported_again(tmp_path_factory, given_routes):
    on, routes = given_routes
    path = tmp_path_factory.mktemp("round") / "trip.db"
    assert write_database(path, on, iter(routes)) == len(routes)
    back, report = imported(path, on.config)
    assert back == routes
    assert report.read == len(routes)
    again = import_routes(path, on.config).board
    assert (again.config, again.placements) == (on.config, on.placements)
    assert report.holds.layout == on.config.name


def test_a_simulated_board_says_so_in_its_database(tmp_path):
    holds = [Placement(1, 0, 8, quality=0.5)]
    write_database(tmp_path / "s.db", Board(KILTER, holds), [])
    found = import_routes(tmp_path / "s.db", KILTER)
    assert found.report.holds.layout == "Kilter Board Original (simulated)"
    assert found.board.placements[1].quality is None


HOLDS = (Hold(100, "start"), Hold(101, "middle"), Hold(102, "finish"))
FINE = Route("KIL", 40, HOLDS, 20.0, "c", "n")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (replace(FINE, board="TB2"), "it is a route of board TB2, and the database is of KIL"),
        (replace(FINE, climb=""), r"route 2 \(no climb at 40°\): a database knows climbs by their id"),
        (replace(FINE, difficulty=None), "has no difficulty"),
        (replace(FINE, difficulty=float("nan"), angle=45), "a number of it is none"),
        (FINE, r"route 2 \(c at 40°\): the climb was written before at this angle"),
        (replace(FINE, angle=45, holds=HOLDS[:2]), "written before with other holds"),
        (replace(FINE, angle=45, name="m"), "or another name"),
        (replace(FINE, climb="d", holds=(Hold(100, "thumb"),)), "role is one of"),
    ],
)
def test_routes_that_no_database_can_have_and_the_old_file_stays(tmp_path, wrong, message):
    path = tmp_path / "old.db"
    path.write_text("old")
    with pytest.raises(ValueError, match=message):
        write_database(path, BOARDS[1], [FINE, wrong])
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["old.db"]


def test_the_day_of_the_first_ascent_is_late_enough(tmp_path):
    config = replace(KILTER, first_ascent_after="2031-12-31")
    on = Board(config, BOARDS[1].placements.values())
    write_database(tmp_path / "late.db", on, [FINE])
    assert imported(tmp_path / "late.db", config)[0] == [FINE]
