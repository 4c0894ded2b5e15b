"""Writing a database as the program `boardlib` downloads it: for tests, and to try the import at its full size.

The tables and columns are those that the boards' apps are seen to use; types and constraints are our own. How good
the holds are, which only simulated boards know, has no place in it; the name of a simulated board says what it is.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import date, timedelta
from itertools import islice
from os import PathLike

from labkit.files import replacing

from .board import ROLES, Board, BoardConfig
from .grades import V_GRADES
from .route import Route, frames

SCHEMA = """
CREATE TABLE products (id INTEGER PRIMARY KEY, name TEXT NOT NULL, is_listed BOOLEAN NOT NULL);
CREATE TABLE layouts (id INTEGER PRIMARY KEY, product_id INTEGER NOT NULL, name TEXT NOT NULL,
    is_mirrored BOOLEAN NOT NULL, is_listed BOOLEAN NOT NULL, created_at TEXT NOT NULL);
CREATE TABLE sets (id INTEGER PRIMARY KEY, name TEXT NOT NULL, hsm INTEGER NOT NULL);
CREATE TABLE holes (id INTEGER PRIMARY KEY, product_id INTEGER NOT NULL, name TEXT NOT NULL,
    x INTEGER NOT NULL, y INTEGER NOT NULL, mirrored_hole_id INTEGER, mirror_group INTEGER NOT NULL DEFAULT 0);
CREATE TABLE placements (id INTEGER PRIMARY KEY, layout_id INTEGER NOT NULL, hole_id INTEGER NOT NULL,
    set_id INTEGER NOT NULL, default_placement_role_id INTEGER);
CREATE TABLE placement_roles (id INTEGER PRIMARY KEY, product_id INTEGER NOT NULL, position INTEGER NOT NULL,
    name TEXT NOT NULL, full_name TEXT NOT NULL);
CREATE TABLE difficulty_grades (difficulty INTEGER PRIMARY KEY, boulder_name TEXT NOT NULL, is_listed BOOLEAN NOT NULL);
CREATE TABLE climbs (uuid TEXT NOT NULL PRIMARY KEY, layout_id INTEGER NOT NULL, setter_username TEXT NOT NULL,
    name TEXT NOT NULL, description TEXT NOT NULL DEFAULT '', angle INTEGER, frames_count INTEGER NOT NULL DEFAULT 1,
    frames_pace INTEGER NOT NULL DEFAULT 0, frames TEXT NOT NULL, is_draft BOOLEAN NOT NULL DEFAULT 0,
    is_listed BOOLEAN NOT NULL, created_at TEXT NOT NULL);
CREATE TABLE climb_stats (climb_uuid TEXT NOT NULL, angle INTEGER NOT NULL, display_difficulty FLOAT NOT NULL,
    benchmark_difficulty FLOAT, ascensionist_count INTEGER NOT NULL, difficulty_average FLOAT NOT NULL,
    quality_average FLOAT NOT NULL, fa_username TEXT NOT NULL, fa_at TEXT NOT NULL, PRIMARY KEY (climb_uuid, angle));
"""
"""Tables and columns after what public tools that read these databases name; mirrored_hole_id and benchmark_difficulty
may be NULL. `climbs.angle` is where a setter meant it; what counts is the angle of `climb_stats`."""
PRODUCT, SET = 1, 1
BY = "labkit"
BATCH = 5000


def write_database(path: str | PathLike[str], board: Board, routes: Iterable[Route]) -> int:
    """Write a board's holds and routes; `boardlib.import_routes` reads the same again, but for the holds' quality.

    Args:
        path: replaced when all is written, and as it was if that fails.
        board: whose layout the database has.
        routes: graded, each with its climb; routes of one climb have the same holds and name. Taken in batches.

    Returns:
        The number of routes.

    Raises:
        ValueError: for a route of another board, without a climb or difficulty, a climb twice at one angle, or with
            other holds or another name than before.
        OSError: if it cannot be written.
    """
    moment = f"{_first_day(board.config)} 12:00:00"
    with replacing(path) as part, closing(sqlite3.connect(part)) as connection:
        # The file beside is thrown away if anything fails, so it needs neither a journal nor waiting for the disk.
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        connection.executescript(SCHEMA)
        _write_board(connection, board, moment)
        connection.commit()
        n = 0
        remaining = iter(routes)
        while batch := list(islice(remaining, BATCH)):
            for route in batch:
                n += 1
                try:
                    _write_route(connection, board, route, moment)
                except ValueError as error:
                    raise ValueError(f"route {n} ({route.climb or 'no climb'} at {route.angle}°): {error}") from error
            connection.commit()
        return n


def _write_board(connection: sqlite3.Connection, board: Board, moment: str) -> None:
    config = board.config
    simulated = any(hold.quality is not None for hold in board.placements.values())
    name = f"{config.name} (simulated)" if simulated else config.name
    connection.execute("INSERT INTO products VALUES (?, ?, 1)", (PRODUCT, name))
    layout = (config.layout_id, PRODUCT, name, config.mirrored, moment)
    connection.execute("INSERT INTO layouts VALUES (?, ?, ?, ?, 1, ?)", layout)
    connection.execute("INSERT INTO sets VALUES (?, 'Holds', 1)", (SET,))
    roles = [(config.roles[role], PRODUCT, i, role, role.title()) for i, role in enumerate(ROLES, start=1)]
    connection.executemany("INSERT INTO placement_roles VALUES (?, ?, ?, ?, ?)", roles)
    grades = [(difficulty, f"V{grade}") for difficulty, grade in V_GRADES.items()]
    connection.executemany("INSERT INTO difficulty_grades VALUES (?, ?, 1)", grades)
    hole = {number: i for i, number in enumerate(board.placements, start=1)}  # holes have numbers of their own
    connection.executemany("INSERT INTO holes VALUES (?, ?, ?, ?, ?, ?, 0)", _holes(board, hole))
    placements = [(number, config.layout_id, hole[number], SET) for number in board.placements]
    connection.executemany("INSERT INTO placements VALUES (?, ?, ?, ?, NULL)", placements)


def _holes(board: Board, hole: dict[int, int]) -> Iterator[tuple]:
    for number, placement in board.placements.items():
        mirrored = None if placement.mirror is None else hole[placement.mirror]
        yield hole[number], PRODUCT, f"hole {hole[number]}", placement.x, placement.y, mirrored


def _write_route(connection: sqlite3.Connection, board: Board, route: Route, moment: str) -> None:
    if route.board != board.key:
        raise ValueError(f"it is a route of board {route.board}, and the database is of {board.key}")
    if not route.climb:
        raise ValueError("a database knows climbs by their id, and the route has none")
    if route.difficulty is None:
        raise ValueError("the route has no difficulty, and a database has statistics of graded routes alone")
    text = frames(route.holds, board.config)
    there = connection.execute("SELECT frames, name FROM climbs WHERE uuid = ?", (route.climb,)).fetchone()
    if there is None:
        connection.execute(
            "INSERT INTO climbs (uuid, layout_id, setter_username, name, frames, is_listed, created_at) "
            "VALUES (?, ?, ?, ?, ?, 1, ?)",
            (route.climb, board.config.layout_id, BY, route.name, text, moment),
        )
    elif there != (text, route.name):
        raise ValueError(f"the climb was written before with other holds or another name: {there}")
    try:
        connection.execute(
            "INSERT INTO climb_stats (climb_uuid, angle, display_difficulty, ascensionist_count, difficulty_average, "
            "quality_average, fa_username, fa_at) VALUES (?, ?, ?, 1, ?, 3.0, ?, ?)",
            (route.climb, route.angle, route.difficulty, route.difficulty, BY, moment),
        )
    except sqlite3.IntegrityError as error:
        raise ValueError("the climb was written before at this angle, or a number of it is none") from error


def _first_day(config: BoardConfig) -> date:
    """A day that counts as first ascent: 2020 began, or the day after the one that the board asks for."""
    day = date(2020, 1, 1)
    if config.first_ascent_after is None:
        return day
    return max(day, date.fromisoformat(config.first_ascent_after) + timedelta(days=1))
