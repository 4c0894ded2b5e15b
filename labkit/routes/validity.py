"""Whether a route can be climbed as its board understands routes: basic rules, and strict ones that state numbers."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from .board import ROLES, Board
from .geometry import geometry
from .route import Route

BASIC = ("no start", "no finish", "unknown hold", "unknown role", "hold twice", "unknown angle")
"""What breaks a basic rule."""
STRICT = ("starts", "finishes", "hold count", "height gain", "reach")
"""What breaks a strict rule."""


@dataclass(frozen=True)
class Limits:
    """The numbers of the strict rules.

    Attributes:
        fewest: holds that a route has at least, feet included.
        most: holds that it has at most.
        gain: how far the highest finish is above the lowest start at least, in inches.
        reach: how far one hand is from the other at most when a hold is reached, in inches: a tall climber's span.
    """

    fewest: int = 3
    most: int = 40
    gain: float = 24.0
    reach: float = 78.0

    def __post_init__(self) -> None:
        if not 1 <= self.fewest <= self.most:
            raise ValueError(f"a route has at least 1 hold and most ≥ fewest, got {self.fewest} … {self.most}")
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
        return replace(cls(**others), fewest=max(min(counts), 1), most=max(*counts, 1))  # type: ignore[arg-type]


def basic_problems(route: Route, board: Board) -> tuple[str, ...]:
    """Which basic rules a route breaks, of BASIC: a start, a finish, all holds and roles of the board, no hold twice.

    And its angle is one that the board can be set to.

    Raises:
        ValueError: if the route is on another board.
    """
    if route.board != board.key:
        raise ValueError(f"the route is on board {route.board}, the board is {board.key}")
    roles = Counter(hold.role for hold in route.holds)
    placements = [hold.placement for hold in route.holds]
    broken = (
        not roles["start"],
        not roles["finish"],
        any(placement not in board.placements for placement in placements),
        any(role not in ROLES for role in roles),
        len(set(placements)) < len(placements),
        route.angle not in board.config.angles,
    )
    return tuple(name for name, is_broken in zip(BASIC, broken, strict=True) if is_broken)


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
    roles = Counter(hold.role for hold in route.holds)
    shape = geometry(board, route.holds)
    broken = (
        roles["start"] > 2,
        roles["finish"] > 2,
        not limits.fewest <= len(route.holds) <= limits.most,
        shape.gain < limits.gain,
        shape.longest_reach > limits.reach,
    )
    return tuple(name for name, is_broken in zip(STRICT, broken, strict=True) if is_broken)


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
