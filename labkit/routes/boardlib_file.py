"""Opening a board's database, as the program `boardlib` downloads it, and reading its holds."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

from .board import Board, BoardConfig, Placement

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "climbs": ("uuid", "layout_id", "name", "frames", "is_listed"),
    "climb_stats": ("climb_uuid", "angle", "display_difficulty", "fa_at"),
    "placements": ("id", "layout_id", "hole_id", "set_id"),
    "holes": ("id", "x", "y", "mirrored_hole_id"),
    "layouts": ("id", "name"),
}
"""What is read of the database. It has more tables (sets, products, difficulty_grades …), which nothing here needs."""
EXPECTED = "a climbing board's database is expected, the SQLite file that `boardlib database NAME FILE` downloads"
PATIENCE = 5.0
"""Seconds to wait for another program that has the database locked."""


@dataclass
class HoldsReport:
    """What became of the rows of `placements` on the board's layout; kept, outside and unreadable add up to those read.

    Attributes:
        layout: the layout's name in the database, which says of a simulated one that it is.
        kept: on the board.
        outside: of the window: left out, and so are the routes that use them.
        unreadable: without a hole, or without coordinates: likewise.
        twinless: kept, on a board that mirrors, though no hold of the same set is on the other side.
    """

    layout: str = ""
    kept: int = 0
    outside: int = 0
    unreadable: int = 0
    twinless: int = 0


@dataclass(frozen=True)
class Holds:
    """A board, and the ids of the placements of its layout that are not on it, because they lie outside the window."""

    board: Board
    outside: frozenset[int]
    report: HoldsReport


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that can only read; what SQLite says against the file becomes an error that names it.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: for a folder, an empty file, a file that is no database or is damaged, and a locked one.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path} is not there: {EXPECTED}")
    if not path.is_file():
        raise ValueError(f"{path} is a folder: {EXPECTED}")
    if path.stat().st_size == 0:
        raise ValueError(f"{path} is empty: {EXPECTED}")
    try:
        # as_uri escapes ? and #; a generator may be read on in another thread than it was made in
        uri = f"{path.resolve().as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, timeout=PATIENCE, check_same_thread=False)) as connection:
            connection.text_factory = _text
            yield connection
    except sqlite3.DatabaseError as error:
        if "locked" in str(error) or "busy" in str(error):
            raise ValueError(
                f"{path} is locked by another program, such as a `boardlib` that still downloads: "
                "wait until it is done, or read a copy of the file"
            ) from error
        if "not a database" in str(error):
            raise ValueError(f"{path} is not a database: {EXPECTED}") from error
        raise ValueError(f"{path} cannot be read as a database ({error}): {EXPECTED}") from error


def check_tables(connection: sqlite3.Connection, path: Path) -> None:
    """That all that is read is there.

    Raises:
        ValueError: naming all missing tables and columns.
    """
    missing = []
    for table, columns in COLUMNS.items():
        there = {name.lower() for _, name, *_ in connection.execute(f"PRAGMA table_info({table})")}
        if not there:
            missing.append(f"table {table} is missing")
        elif absent := [column for column in columns if column not in there]:
            missing.append(f"table {table} has no column {', '.join(absent)}")
    if missing:
        raise ValueError(f"{path}: {'; '.join(missing)}: {EXPECTED}")


def read_holds(connection: sqlite3.Connection, path: Path, config: BoardConfig) -> Holds:
    """The holds of the board's layout. A hold's twin is the placement of its set at the mirrored hole.

    Raises:
        ValueError: if the database has none of that layout, or none inside the window, or an id twice.
    """
    rows = connection.execute(
        "SELECT p.id, p.set_id, p.hole_id, h.x, h.y, h.mirrored_hole_id FROM placements AS p "
        "LEFT JOIN holes AS h ON h.id = p.hole_id WHERE p.layout_id = ? ORDER BY p.id",
        (config.layout_id,),
    ).fetchall()
    layouts = connection.execute("SELECT id, name FROM layouts ORDER BY id").fetchall()
    if not rows:
        known = ", ".join(f"{number} ({name})" for number, name in layouts) or "none"
        raise ValueError(
            f"{path} has no holds of layout {config.layout_id}, {config.name}; its layouts: {known}. "
            "Is it the database of another board?"
        )
    report = HoldsReport(str(dict(layouts).get(config.layout_id, "a layout without a name")))
    outside: set[int] = set()
    inside: dict[int, tuple[float, float]] = {}
    at: dict[tuple[object, object], int | None] = {}  # (hole, set) -> placement; None where there are two
    twin_at: dict[int, tuple[object, object]] = {}
    for number, set_id, hole, x, y, mirrored in rows:
        if not (isinstance(number, int) and _finite(x) and _finite(y)):
            report.unreadable += 1
        elif not config.window.holds(x, y):
            report.outside += 1
            outside.add(number)
        elif number in inside:
            raise ValueError(f"{path}: placement {number} is there twice")
        else:
            inside[number] = (float(x), float(y))
            at[hole, set_id] = None if (hole, set_id) in at else number
            twin_at[number] = (mirrored, set_id)
    twins = {number: at.get(place) for number, place in twin_at.items()} if config.mirrored else {}
    placements = []
    for number, (x, y) in inside.items():
        twin = twins.get(number)
        if twin is not None and twins.get(twin) != number:
            twin = None
        placements.append(Placement(number, x, y, twin))
    report.kept = len(placements)
    report.twinless = sum(hold.mirror is None for hold in placements) if config.mirrored else 0
    if not placements:
        raise ValueError(f"{path}: none of the {len(rows)} holds of {config.name} lies inside its window")
    return Holds(Board(config, placements), frozenset(outside), report)


def _finite(value: object) -> bool:
    return isinstance(value, int | float) and isfinite(value)


def _text(data: bytes) -> str:
    """A name that is not UTF-8 should not end an import."""
    return data.decode("utf-8", errors="replace")
