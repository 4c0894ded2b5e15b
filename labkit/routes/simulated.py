"""Simulated boards: real sizes and windows, made-up holds. They are nobody's board and copy none.

Holds stand in staggered rows, every second row shifted by half a step. How good each is to hold is drawn by a fixed
seed: most are small, some are jugs, and near the ground they are chips for feet. So the board is the same everywhere,
needs no file, and has the one thing that no app's database tells: the quality of its holds, which `climber` feels.
"""

import os
import random
from collections.abc import Iterable
from dataclasses import dataclass

from labkit.files import write_atomic

from .board import Board, BoardConfig, Placement, board_configs


@dataclass(frozen=True)
class Layout:
    """Where the holds of a simulated board stand, in inches.

    Attributes:
        first_id: of the placement at the bottom left; the others count up, row by row.
        columns: across: (first, step, how many) of the even rows; odd rows stand between and have one less.
        rows: upwards: (first, step, how many).
        seed: of the qualities.
    """

    first_id: int
    columns: tuple[float, float, int]
    rows: tuple[float, float, int]
    seed: int


LAYOUTS = {
    "kilter": Layout(1101, (-20.0, 8.0, 24), (4.0, 6.0, 25), 11),
    "tension": Layout(301, (-66.0, 6.0, 23), (4.0, 6.5, 22), 10),
}
"""The boards there are, as their files in datasets/boards are called."""

CHIPS_BELOW = 20.0  # inches: up to here there are mostly holds that only a foot can use


def simulated_board(name: str) -> Board:
    """The simulated board of that name: 588 holds on "kilter", 495 on "tension", whose two halves mirror each other.

    Args:
        name: of a board in datasets/boards that is simulated.

    Raises:
        ValueError: for another name; it lists those there are.
    """
    if name not in LAYOUTS:
        raise ValueError(f"no simulated board is called {name!r}; there are: {', '.join(LAYOUTS)}")
    return lay_out(board_configs()[name], LAYOUTS[name])


def lay_out(config: BoardConfig, layout: Layout) -> Board:
    """A board with a layout's holds; on a mirrored board twins are equally good, and the middle column is its own twin.

    Raises:
        ValueError: for a layout that leaves the window, or is off the centre of a board that should be mirrored.
    """
    rng = random.Random(layout.seed)
    left, across, columns = layout.columns
    bottom, up, rows = layout.rows
    holds: list[Placement] = []
    next_id = layout.first_id
    for row in range(rows):
        odd = row % 2
        count = columns - odd
        y = bottom + row * up
        qualities = [_quality(rng.random(), rng.random(), y) for _ in range(count)]
        for column in range(count):
            twin = count - 1 - column
            holds.append(
                Placement(
                    id=next_id + column,
                    x=left + across * (column + odd / 2),
                    y=y,
                    mirror=next_id + twin if config.mirrored else None,
                    quality=qualities[min(column, twin) if config.mirrored else column],
                )
            )
        next_id += count
    if config.mirrored and abs(2 * left + across * (columns - 1)) > 1e-9:
        raise ValueError(f"board {config.key} is mirrored: its columns must stand evenly about 0, got {layout.columns}")
    return Board(config, holds)


def write_holds(path: str | os.PathLike[str], boards: Iterable[Board] | None = None) -> None:
    """Write holds as a table (CSV): board, placement, x, y, mirror, quality. So datasets/boards has its own.

    Args:
        path: replaced when all is written.
        boards: of any kind; an unknown twin or quality stays empty. All simulated ones when left out.

    Raises:
        OSError: if it cannot be written.
    """
    lines = ["board,placement,x,y,mirror,quality"]
    for board in [simulated_board(name) for name in LAYOUTS] if boards is None else boards:
        for hold in board.placements.values():
            cells = (board.key, hold.id, f"{hold.x:g}", f"{hold.y:g}", hold.mirror, hold.quality)
            lines.append(",".join("" if cell is None else str(cell) for cell in cells))
    write_atomic(path, "\n".join(lines) + "\n")


def _quality(draw: float, kind: float, y: float) -> float:
    """The quality of a hold, 0.05 … 1, from two even draws and its height in inches."""
    if y <= CHIPS_BELOW and kind < 0.8:
        return round(0.05 + 0.2 * draw, 2)
    if kind > 0.94:
        return round(0.85 + 0.15 * draw, 2)  # a jug
    return round(0.12 + 0.68 * draw**1.7, 2)  # many small ones, fewer good ones
