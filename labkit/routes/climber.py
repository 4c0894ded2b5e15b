"""The simulated climber: how hard a route is for a body of a certain reach. The grade function that can be asked.

Hands climb the route's hand holds (start, middle, finish) from the bottom to the top. To reach a hold, one hand stays
on another one and the other hand goes: the *move*. A move costs more

- the farther it is for the reach, the more so sideways, and when it leads down,
- the worse the hold that stays, and the worse the hold reached, that one the more the longer the move,
- the less the feet help: the best foothold within the legs' reach counts, a foot or a hand hold further down, and best
  one that is good, well below the hand and not far aside; without one the climber campuses,
- the steeper the wall, since there feet take less of the weight and bad holds punish more.

Every hand hold is reached once, from a start over others, in the way that makes the route easiest (`arborescence`).
The difficulty is a soft maximum of the moves' costs, T·log Σ exp(cost / T), plus a term for the angle. The hardest move
says most, and every further hard one adds, which is endurance: n equal moves are T·log n harder than one.

The cost of a move is continuous, and the least over all ways up stays so: a hold moved or worn a little changes the
grade a little. A route turned over is as hard. A steeper wall, a worse hold, a foot less: never easier.
The constants are made up, chosen so that plausible routes spread from V0 to V12; no body was measured.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from .arborescence import cheapest_parents
from .board import ROLES, Board
from .grades import EASIEST, HARDEST

TEMPERATURE = 2.4  # of the soft maximum, in difficulties
REACH = 26.0  # inches that one arm goes without effort
HAND_TO_FOOT = (8.0, 24.0, 62.0, 96.0)  # inches: cramped below the first, comfortable in between, out of reach at last
BASE = 2.2  # the difficulty that all routes begin with
IMPOSSIBLE = 500.0  # cost of a move that there is not: from the ground to a hold that is no start, and into a start
MOVE_PARTS = ("reach", "downwards", "pulling", "catching", "feet off")
START_PARTS = ("hanging", "feet off")


class Move(NamedTuple):
    """One move of a route, as the climber does it.

    Attributes:
        to: the placement that is reached.
        from_: the placement of the hand that stays; None for a start, which is reached from the ground.
        foot: the placement of the best foothold; None when there is none.
        cost: in difficulties.
        reason: what makes the cost, in words and numbers.
    """

    to: int
    from_: int | None
    foot: int | None
    cost: float
    reason: str


@dataclass(slots=True)
class _Grip:
    """A hold as the climber feels it: where (inches), how bad for a hand and how good for a foot (both 0 … 1)."""

    placement: int
    x: float
    y: float
    bad: float
    foot: float
    start: bool


def difficulty(board: Board, holds: Iterable[tuple[int, str]], angle: float) -> float:
    """How hard the route is, without noise, on the apps' scale; softly held within 10 and 33.

    Args:
        board: with the quality of its holds known, as simulated ones have it.
        holds: (placement, role) each, in any order.
        angle: degrees from vertical, 0 … the board's steepest; any number, not only those that the board can be set to.

    Raises:
        ValueError: for a placement that the board has not or that is there twice, a role that is none, a route without
            a start or a finish, a hold of unknown quality, and an angle that the board cannot be set to.
    """
    hands, feet = _grips(board, holds, angle)
    _, best = _climb(hands, feet, angle)
    total = sum(math.exp(cost / TEMPERATURE) for cost in best)
    raw = BASE + 4 * math.sin(math.radians(angle)) + TEMPERATURE * math.log(total)
    return min(_soft(HARDEST - _soft(HARDEST - raw), EASIEST), float(HARDEST))


def explain(board: Board, holds: Iterable[tuple[int, str]], angle: float) -> list[Move]:
    """The moves of the route from the bottom up, with what each costs and why.

    Raises:
        ValueError: as `difficulty` does.
    """
    hands, feet = _grips(board, holds, angle)
    parents, costs = _climb(hands, feet, angle)
    steep = math.sin(math.radians(angle))
    moves = []
    for i in sorted(range(len(hands)), key=lambda i: (not hands[i].start, hands[i].y, hands[i].x)):
        hold, parent = hands[i], parents[i]
        anchor = hold if parent is None else hands[parent]
        support, foot = _support(anchor, hands, feet)
        if parent is None:
            parts = zip(START_PARTS, _pull_on(hold, support, steep), strict=True)
        else:
            parts = zip(MOVE_PARTS, _move(anchor, hold, support, steep), strict=True)
        named = [f"{name} +{cost:.1f}" for name, cost in parts if cost >= 0.05]
        if parent is not None:
            named.insert(0, f"{math.dist((anchor.x, anchor.y), (hold.x, hold.y)):.0f} inches")
        named.append(f"feet help {support:.0%}" if foot is not None else "no foothold: campus")
        from_ = None if parent is None else anchor.placement
        moves.append(Move(hold.placement, from_, foot, costs[i], ", ".join(named)))
    return moves


def _grips(board: Board, holds: Iterable[tuple[int, str]], angle: float) -> tuple[list[_Grip], list[_Grip]]:
    """The holds for hands and those for feet alone."""
    if not 0 <= angle <= board.config.max_angle:  # also refuses nan
        raise ValueError(f"the angle of board {board.key} is 0 … {board.config.max_angle} degrees, got {angle!r}")
    hands: list[_Grip] = []
    feet: list[_Grip] = []
    seen: set[int] = set()
    roles: set[str] = set()
    for placement, role in holds:
        hold = board.placements.get(placement)
        if hold is None:
            raise ValueError(f"board {board.key} has no placement {placement!r}")
        if hold.quality is None:
            raise ValueError(
                f"placement {placement} of board {board.key} has no quality: the climber can only try simulated boards"
            )
        if placement in seen:
            raise ValueError(f"placement {placement} is there twice")
        if role not in ROLES:
            raise ValueError(f"a hold's role is one of {', '.join(ROLES)}, got {role!r}")
        seen.add(placement)
        roles.add(role)
        q = hold.quality
        grip = _Grip(placement, hold.x, hold.y, (1 - q) ** 1.4, 0.45 + 0.55 * math.sqrt(q), role == "start")
        (feet if role == "foot" else hands).append(grip)
    for role in ("start", "finish"):
        if role not in roles:
            raise ValueError(f"the route has no {role} hold: the climber does not know where to {role}")
    return hands, feet


def _climb(hands: Sequence[_Grip], feet: Sequence[_Grip], angle: float) -> tuple[list[int | None], list[float]]:
    """Where each hand hold is best reached from (None: the ground) and what that costs."""
    steep = math.sin(math.radians(angle))
    supports = [_support(hold, hands, feet)[0] for hold in hands]
    n = len(hands)
    costs: list[list[float]] = []  # costs[i][j]: of reaching i from j; the last column is the ground
    for i, hold in enumerate(hands):
        if hold.start:
            row = [IMPOSSIBLE] * n + [sum(_pull_on(hold, supports[i], steep))]
        else:
            row = [
                sum(_move(anchor, hold, supports[j], steep)) if j != i else IMPOSSIBLE for j, anchor in enumerate(hands)
            ]
            row.append(IMPOSSIBLE)
        costs.append(row)
    parents = cheapest_parents(costs, TEMPERATURE)
    return [None if j == n else j for j in parents], [costs[i][j] for i, j in enumerate(parents)]


def _support(hold: _Grip, hands: Sequence[_Grip], feet: Sequence[_Grip]) -> tuple[float, int | None]:
    """How much the best foothold helps while a hand is on `hold`, 0 … 1, and which it is."""
    cramped, near, far, away = HAND_TO_FOOT
    best, which = 0.0, None
    for group in (feet, hands):
        for foot in group:
            down = hold.y - foot.y
            if down <= cramped or down >= away:
                continue
            aside = hold.x - foot.x
            apart = math.sqrt(aside * aside + down * down)
            if apart >= away:
                continue
            help_ = foot.foot / (1 + (aside / 40) ** 2)
            if down < near:
                help_ *= (down - cramped) / (near - cramped)
            if apart > far:
                help_ *= (away - apart) / (away - far)
            if help_ > best:
                best, which = help_, foot.placement
    return best, which


def _move(anchor: _Grip, hold: _Grip, support: float, steep: float) -> tuple[float, ...]:
    """What a move from one hold to another costs, in the order of MOVE_PARTS; the cost is their sum."""
    aside, up = hold.x - anchor.x, hold.y - anchor.y
    span2 = (1.25 * aside * aside + up * up) / (REACH * REACH)
    load = 1 - support * (0.85 - 0.5 * steep)  # the share of the weight on the hand that stays
    return (
        2.6 * span2 * (0.8 + 0.5 * steep),
        -0.5 * up if up < 0 else 0.0,
        anchor.bad * load * (5.5 + 7.5 * steep),
        hold.bad * (0.35 + 0.65 * math.sqrt(span2)) * (3 + 4.5 * steep),
        (1 - support) * (3 + 3 * steep),
    )


def _pull_on(hold: _Grip, support: float, steep: float) -> tuple[float, ...]:
    """What pulling on at a start costs, in the order of START_PARTS."""
    load = 1 - support * (0.85 - 0.5 * steep)
    return hold.bad * load * (3 + 4 * steep), (1 - support) * (2 + 2 * steep)


def _soft(value: float, floor: float = 0.0) -> float:
    """`value` where it is well above the floor, bending to the floor below: a softplus."""
    over = (value - floor) / 0.7
    return floor + 0.7 * (over + math.log1p(math.exp(-over)) if over > 0 else math.log1p(math.exp(over)))
