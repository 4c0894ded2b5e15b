"""Whether a route can be climbed as its board understands routes: basic rules, and strict ones that state numbers.

What is wrong with the holds is found by `rules.problems`; here are the tables that an evaluation counts it in, with
the angle, and with what a climber can reach. The order of the holds is in no table: to a board, a route is a set.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from .board import Board
from .geometry import geometry
from .route import Route
from .rules import Rules, problems

BASIC = ("no start", "no finish", "unknown hold", "unknown role", "hold twice", "unknown angle")
"""What breaks a basic rule."""
STRICT = ("starts", "finishes", "hold count", "height gain", "reach")
"""What breaks a strict rule."""


@dataclass(frozen=True)
class Limits(Rules):
    """The numbers of the strict rules: those of `Rules`, and two in inches.

    Attributes:
        gain: how far the highest finish is above the lowest start at least, in inches.
        reach: how far one hand is from the other at most when a hold is reached, in inches: a tall climber's span.

    Raises:
        ValueError: if that leaves no route.
    """

    gain: float = 24.0
    reach: float = 78.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.reach > 0:
            raise ValueError(f"the longest reach is above 0 inches, got {self.reach!r}")

    @classmethod
    def from_routes(cls, routes: Iterable[Route], **others: float) -> "Limits":
        """Limits with the hold counts that these routes have; the other numbers as given, or the defaults.

        Raises:
            ValueError: for no routes.
        """
        counts = [len(route.holds) for route in routes]
        if not counts:
            raise ValueError("no routes to read hold counts from")
        # With fewer than two it has no start or no finish, and breaks a basic rule.
        return replace(cls(**others), min_holds=max(min(counts), 2), max_holds=max(*counts, 2))  # type: ignore[arg-type]


def basic_problems(route: Route, board: Board) -> tuple[str, ...]:
    """Which basic rules a route breaks, of BASIC: a start, a finish, all holds and roles of the board, no hold twice.

    And its angle is one that the board can be set to.

    Raises:
        ValueError: if the route is on another board.
    """
    if route.board != board.key:
        raise ValueError(f"the route is on board {route.board}, the board is {board.key}")
    found = set(problems(route.holds, board))
    if route.angle not in board.config.angles:
        found.add("unknown angle")
    return tuple(name for name in BASIC if name in found)


def strict_problems(route: Route, board: Board, limits: Limits | None = None) -> tuple[str, ...]:
    """Which strict rules a route breaks, of STRICT; what breaks a basic rule is not looked at, and has none.

    One or two starts, one or two finishes (there are two hands), as many holds as the limits say, a finish far enough
    above the start, no reach longer than a climber.

    Args:
        route: of this board.
        board: likewise.
        limits: the numbers; the defaults when left out.

    Raises:
        ValueError: if the route is on another board.
    """
    if basic_problems(route, board):
        return ()
    limits = limits or Limits()
    found, shape = set(problems(route.holds, board, limits)), geometry(board, route.holds)
    if shape.gain < limits.gain:
        found.add("height gain")
    if shape.longest_reach > limits.reach:
        found.add("reach")
    return tuple(name for name in STRICT if name in found)


def board_of(route: Route, boards: Mapping[str, Board]) -> Board:
    """The board that a route is on.

    Args:
        route: any.
        boards: key -> board.

    Raises:
        ValueError: if it is not among them.
    """
    if route.board not in boards:
        raise ValueError(f"a route is on board {route.board!r}; the boards given are {', '.join(boards) or 'none'}")
    return boards[route.board]
