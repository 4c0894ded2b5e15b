"""Routes as a table (CSV): a line each, with the frames that the board's app understands."""

import csv
import os
from collections.abc import Iterable, Iterator, Mapping
from itertools import zip_longest
from math import isfinite
from pathlib import Path
from typing import Any

from labkit.files import replacing

from .board import BoardConfig, board_configs
from .route import Route, frames, parse_frames

COLUMNS = ("board", "angle", "difficulty", "frames", "climb", "name")
"""The columns; `difficulty` is empty where nobody has graded a route."""

_MISSING: Any = object()


def write_routes(
    path: str | os.PathLike[str],
    routes: Iterable[Route],
    configs: Iterable[BoardConfig] | None = None,
    further: Mapping[str, Iterable[object]] | None = None,
) -> int:
    """Write routes, as they come: there may be more than memory holds.

    Args:
        path: replaced when all is written, and as it was if that fails.
        routes: of any boards.
        configs: the boards that they may be of; all that are known when left out.
        further: column -> a cell a route: what else is to be known of each. None is an empty cell.

    Returns:
        The number of routes.

    Raises:
        ValueError: for a route of an unknown board, and what cannot be written; it names the route. Also for a further
            column that is one of COLUMNS, or has another number of cells than there are routes.
        OSError: if the file cannot be written.
    """
    boards, further = _by_key(configs), further or {}
    if taken := [name for name in COLUMNS if name in further]:
        raise ValueError(f"a further column needs a name of its own, not {', '.join(taken)}")
    n = 0
    with replacing(path) as part, part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        quoting = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL)  # a "\r" alone: Python 3.11 forgets it
        writer.writerow((*COLUMNS, *further))
        for n, (route, *more) in enumerate(zip_longest(routes, *further.values(), fillvalue=_MISSING), start=1):
            if route is _MISSING or _MISSING in more:
                names = ", ".join(further)
                raise ValueError(
                    f"{path}: the further columns ({names}) have another number of cells than there are routes"
                )
            try:
                text = frames(route.holds, _board(boards, route.board))
                difficulty = "" if route.difficulty is None else repr(float(route.difficulty))
                row = (route.board, route.angle, difficulty, text, route.climb, route.name, *more)
                (quoting if "\r" in route.climb + route.name else writer).writerow(row)
            except ValueError as error:
                raise ValueError(f"route {n} ({route.climb!r}) cannot be written to {path}: {error}") from error
    return n


def read_routes(path: str | os.PathLike[str], configs: Iterable[BoardConfig] | None = None) -> Iterator[Route]:
    """Read routes, as they are taken. Further columns, such as somebody's notes, are passed over.

    Args:
        path: a file that `write_routes` wrote, or one like it; a spreadsheet's mark at its beginning is no matter.
        configs: the boards that they may be of; all that are known when left out.

    Raises:
        ValueError: as soon as a line is no route; it names file and line.
        OSError: if the file cannot be read.
    """
    boards = _by_key(configs)
    with open(path, encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, strict=True)
        try:
            if absent := [name for name in COLUMNS if name not in (reader.fieldnames or ())]:
                raise ValueError(f"a table of routes has the columns {','.join(COLUMNS)}; missing: {','.join(absent)}")
            for row in reader:
                if None in row or None in row.values():
                    n_cells = len(reader.fieldnames or ())
                    raise ValueError(f"the line has not the {n_cells} cells that the first line announces")
                yield _route(row, boards)
        except UnicodeDecodeError as error:  # text is decoded ahead of the lines: which one is not known
            raise ValueError(f"{Path(path)} is not UTF-8, as which a table of routes is saved: {error}") from error
        except (ValueError, csv.Error) as error:
            raise ValueError(f"{Path(path)}:{max(reader.reader.line_num, 1)}: {error}") from error


def _route(row: Mapping[str, str], boards: Mapping[str, BoardConfig]) -> Route:
    config = _board(boards, row["board"])
    angle = row["angle"].strip()
    if not (angle.isascii() and angle.isdigit() and int(angle) in config.angles):
        step = config.angles.step
        raise ValueError(f"the angle of {config.name} is 0, {step} … {config.max_angle} degrees, got {angle!r}")
    return Route(
        board=config.key,
        angle=int(angle),
        holds=parse_frames(row["frames"].strip(), config),
        difficulty=_difficulty(row["difficulty"].strip()),
        climb=row["climb"],
        name=row["name"],
    )


def _difficulty(text: str) -> float | None:
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not isfinite(number):
        raise ValueError(f"a difficulty is a number, or empty for a route that nobody has graded, got {text!r}")
    return number


def _by_key(configs: Iterable[BoardConfig] | None) -> dict[str, BoardConfig]:
    return {config.key: config for config in (board_configs().values() if configs is None else configs)}


def _board(boards: Mapping[str, BoardConfig], key: str) -> BoardConfig:
    if key not in boards:
        raise ValueError(f"there is no board {key!r}; there are: {', '.join(boards)}")
    return boards[key]
