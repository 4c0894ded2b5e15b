"""Bulk generation: every board, five angles, eight grades: what a generator is judged by. And who judges."""

from collections.abc import Iterable, Mapping

from .board import Board
from .climber import difficulty
from .evaluation import Judge
from .generator import Wish
from .reader import Reader
from .route import Route

ANGLES = (20, 30, 35, 40, 45)
GRADES = tuple(range(8))
EACH = 5
"""How many routes of each board, angle and grade."""


def bulk_wishes(boards: Iterable[Board], each: int = EACH) -> list[Wish]:
    """Wishes by board, then angle, then grade; angles that a board has not are left out.

    Args:
        boards: to write on.
        each: how many routes of every board, angle and grade.

    Raises:
        ValueError: for fewer than one.
    """
    if each < 1:
        raise ValueError(f"of each board, angle and grade 1 or more routes, got {each}")
    return [
        Wish(board.key, angle, grade)
        for board in boards
        for angle in ANGLES
        if angle in board.config.angles
        for grade in GRADES
        for _ in range(each)
    ]


def simulator(boards: Mapping[str, Board]) -> Judge:
    """The simulator's own grade, without noise: the honest judge, of routes on simulated boards.

    Args:
        boards: key -> board.
    """
    return lambda route: difficulty(boards[route.board], route.holds, route.angle)


def encoder(reader: Reader, routes: Iterable[Route]) -> Judge:
    """What a reader reads off these routes, all read at once: one by one would take many times as long."""
    routes = list(routes)
    read = dict(zip(routes, reader.predict(routes).tolist(), strict=True))
    return lambda route: read[route]
