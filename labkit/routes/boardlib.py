"""Routes out of the databases that the program `boardlib` downloads from the boards' apps.

A database holds all layouts of a maker's boards. `climbs` has a row for each climb, with its holds in `frames`;
`climb_stats` one for each angle at which somebody climbed it: that is one route here. `display_difficulty`, the grade
that the app shows, is its difficulty. Nothing is lost silently: RULES says what is left out, and the report counts it.
"""

import re
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from math import isfinite
from os import PathLike
from pathlib import Path

from .board import Board, BoardConfig
from .boardlib_file import Holds, HoldsReport, check_tables, opened, read_holds
from .boardlib_write import write_database
from .grades import EASIEST, HARDEST
from .route import FramesError, Hold, Route, parse_frames

__all__ = ["RULES", "ImportReport", "Imported", "Skipped", "import_routes", "write_database"]

RULES: Mapping[str, str] = {
    "no climb": "statistics of a climb that is not there",
    "layout": "on another layout",
    "unlisted": "not listed",
    "no statistics": "nobody has climbed it: no statistics at any angle",
    "angle": "at an angle that the board has not",
    "first ascent": "first climbed too early, or no day is given",
    "difficulty": f"no difficulty on the scale, {EASIEST} … {HARDEST}",
    "frames": "frames that cannot be read",
    "role": "a role that the board has not",
    "placement": "a hold that the board has not",
    "window": "a hold outside the window",
    "twice": "a hold twice",
    "start or finish": "no start or no finish",
    "short": "fewer than three holds",
}
"""Why a route is left out: name -> in words. They are tried in this order, and the first that applies is counted."""
FEWEST = 3
EXAMPLES = 5
BATCH = 1000
"""Rows fetched at a time: an import takes the same memory whatever the size of the database."""

_ROUTES = (
    "SELECT s.climb_uuid, c.uuid, c.layout_id, c.is_listed, c.name, c.frames, s.angle, s.display_difficulty, s.fa_at "
    "FROM climb_stats AS s LEFT JOIN climbs AS c ON c.uuid = s.climb_uuid"
)
_UNCLIMBED = (
    "SELECT NULL, uuid, layout_id, is_listed, name, frames, NULL, NULL, NULL FROM climbs "
    "WHERE uuid IS NULL OR uuid NOT IN (SELECT climb_uuid FROM climb_stats WHERE climb_uuid IS NOT NULL)"
)


@dataclass
class Skipped:
    """How many routes a rule left out, and the first few of them in words."""

    count: int = 0
    examples: list[str] = field(default_factory=list)


@dataclass
class ImportReport:
    """What became of what was read; it grows as the routes are taken, and is whole when there are no more.

    Attributes:
        holds: of the board's holds.
        read: rows of `climb_stats`, and climbs without any: kept + the counts of all in `skipped`.
        kept: routes.
        skipped: rule -> what it left out, for each of RULES.
    """

    holds: HoldsReport
    read: int = 0
    kept: int = 0
    skipped: dict[str, Skipped] = field(default_factory=lambda: {rule: Skipped() for rule in RULES})

    def lines(self) -> Iterator[str]:
        """The report in words, a line each; rules that left nothing out are not named."""
        holds = self.holds
        counts = f"{holds.kept:,} on the board, {holds.outside:,} outside its window, {holds.unreadable:,} unreadable"
        twinless = f"; {holds.twinless:,} without a twin on the other side" if holds.twinless else ""
        yield f"board: {holds.layout}"
        yield f"holds: {counts}{twinless}"
        yield f"routes: {self.read:,} read, {self.kept:,} kept, {self.read - self.kept:,} left out"
        for rule, skipped in self.skipped.items():
            if skipped.count:
                yield f"  {skipped.count:>9,}  {RULES[rule]}"
                yield from (f"{'':13}{example}" for example in skipped.examples)


@dataclass(frozen=True)
class Imported:
    """A database as it is being read.

    Attributes:
        board: its holds.
        routes: to be taken once; read from the file as they are taken.
        report: whole when all routes are taken.
    """

    board: Board
    routes: Iterator[Route]
    report: ImportReport


class _LeftOut(Exception):  # noqa: N818 (not an error)
    """A rule that leaves the route out, and what there is to say of it."""

    def __init__(self, rule: str, detail: str = "") -> None:
        self.rule, self.detail = rule, detail


def import_routes(path: str | PathLike[str], config: BoardConfig) -> Imported:
    """The holds of a board, now, and its routes, as they are taken.

    Args:
        path: a database that `boardlib database` downloaded. It is only read.
        config: which of its boards.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: for a file that is no such database (it names missing tables and columns) or is locked, and for
            a board that is not in it. While the routes are taken: for a damaged file.
    """
    file = Path(path)
    with opened(file) as connection:
        check_tables(connection, file)
        holds = read_holds(connection, file, config)
    report = ImportReport(holds.report)
    return Imported(holds.board, _routes(file, holds, report), report)


def _routes(path: Path, holds: Holds, report: ImportReport) -> Iterator[Route]:
    with opened(path) as connection:
        for query in (_ROUTES, _UNCLIMBED):
            for row in _rows(connection, query):
                report.read += 1
                try:
                    route = _route(row, holds)
                except _LeftOut as left_out:
                    skipped = report.skipped[left_out.rule]
                    skipped.count += 1
                    if len(skipped.examples) < EXAMPLES:
                        skipped.examples.append(_example(row, left_out.detail))
                    continue
                report.kept += 1
                yield route


def _rows(connection: sqlite3.Connection, query: str) -> Iterator[tuple]:
    cursor = connection.execute(query)
    while rows := cursor.fetchmany(BATCH):
        yield from rows


def _example(row: tuple, detail: str) -> str:
    of_statistics, uuid, _, _, name, _, angle, *_ = row
    climb = f"climb {uuid if uuid is not None else of_statistics}"
    if isinstance(name, str) and name:
        climb += f" {name[:40]!r}"
    if of_statistics is not None:
        climb += f" at {angle}°"
    return f"{climb}: {detail}" if detail else climb


def _route(row: tuple, holds: Holds) -> Route:
    of_statistics, uuid, layout, listed, name, frames, angle, difficulty, first_ascent = row
    config = holds.board.config
    if uuid is None:
        raise _LeftOut("no climb")
    if layout != config.layout_id:
        raise _LeftOut("layout", f"layout {layout}")
    if listed != 1:
        raise _LeftOut("unlisted")
    if of_statistics is None:
        raise _LeftOut("no statistics")
    if angle not in config.angles:
        raise _LeftOut("angle", f"the board goes to {config.max_angle}° in steps of {config.angles.step}°")
    after = config.first_ascent_after
    if after is not None and not (_day(first_ascent) or "") > after:
        raise _LeftOut("first ascent", f"on {first_ascent!r}, after {after} is asked for")
    if not _on_scale(difficulty):
        raise _LeftOut("difficulty", f"{difficulty!r}")
    return Route(
        board=config.key,
        angle=int(angle),
        holds=_holds(frames, holds),
        difficulty=float(difficulty),
        climb=str(uuid),
        name=name if isinstance(name, str) else "",
    )


def _holds(frames: object, holds: Holds) -> tuple[Hold, ...]:
    """The holds of frames, all on the board, each once, a start and a finish among them."""
    if not isinstance(frames, str):
        raise _LeftOut("frames", f"{frames!r:.80}")
    try:
        found = parse_frames(frames, holds.board.config)
    except ValueError as error:  # a FramesError; or int's own, for a number of thousands of digits
        readable = isinstance(error, FramesError) and re.fullmatch(r"(p\d+r\d+)+", frames)
        raise _LeftOut("role" if readable else "frames", str(error)) from None
    placements = [hold.placement for hold in found]
    outside = [placement for placement in placements if placement in holds.outside]
    known = holds.board.placements
    if unknown := [placement for placement in placements if placement not in known and placement not in holds.outside]:
        raise _LeftOut("placement", f"placement {', '.join(map(str, unknown))}")
    if outside:
        raise _LeftOut("window", f"placement {', '.join(map(str, outside))}")
    if len(set(placements)) < len(placements):
        twice = sorted({placement for placement in placements if placements.count(placement) > 1})
        raise _LeftOut("twice", f"placement {', '.join(map(str, twice))}")
    roles = {hold.role for hold in found}
    if absent := [role for role in ("start", "finish") if role not in roles]:
        raise _LeftOut("start or finish", f"no {' and no '.join(absent)}")
    if len(found) < FEWEST:
        raise _LeftOut("short", f"{len(found)}")
    return found


def _day(moment: object) -> str | None:
    """The day of a moment such as 2018-12-04 17:48:27, or None: days in this form compare as text."""
    try:
        return date.fromisoformat(str(moment)[:10]).isoformat()
    except ValueError:
        return None


def _on_scale(difficulty: object) -> bool:
    """Whether it rounds to one of the scale's, halves upwards."""
    return isinstance(difficulty, int | float) and isfinite(difficulty) and EASIEST - 0.5 <= difficulty < HARDEST + 0.5
