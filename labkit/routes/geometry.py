"""The shape of routes on the wall: how high, how wide, how far from hold to hold, and real ones to compare with."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from .board import Board
from .route import Hold

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
"""The quantiles that a `Comparison` gives."""


@dataclass(frozen=True)
class RouteGeometry:
    """The shape of one route; lengths in inches.

    Attributes:
        height: from the lowest of its holds to the highest, feet included.
        width: from the leftmost to the rightmost.
        gain: from its lowest start to its highest finish; 0 without one of them.
        longest_reach: longest of the reaches between hand holds.
        mean_reach: their mean. Without two hand holds both are 0.
        hands: how many holds are for hands.
        feet: how many are for feet alone.
    """

    height: float
    width: float
    gain: float
    longest_reach: float
    mean_reach: float
    hands: int
    feet: int


FEATURES = tuple(field.name for field in fields(RouteGeometry))
"""The names of what is measured."""


@dataclass(frozen=True)
class Comparison:
    """One feature of generated routes beside that of real ones, in its own unit.

    Attributes:
        generated: its QUANTILES.
        real: likewise.
        distance: `wasserstein` of the two: how far the values must be moved on average to become the others. What two
            halves of the real routes have between them is a distance to hope for.
        counts: how many routes were measured, generated and real.
    """

    generated: tuple[float, ...]
    real: tuple[float, ...]
    distance: float
    counts: tuple[int, int]


def hand_reaches(board: Board, holds: Iterable[Hold]) -> list[float]:
    """How far the hands are apart when each hand hold above the starts is reached, in inches.

    Hands are taken to go from hold to hold in the order of the chapter: starts, middle holds from bottom to top,
    finishes. While one hand reaches for the next hold, the other is on the one before. The hands begin on the starts
    together; the first reach is from the nearer one.

    Raises:
        ValueError: for a hold that the board has not.
    """
    order = {"start": 0, "middle": 1, "finish": 2}
    hands = [(order[role], *_point(board, placement)[::-1]) for placement, role in holds if role in order]
    hands.sort()  # by part of the route, then height, then from left to right
    starts = [hand[1:] for hand in hands if hand[0] == 0]
    others = [hand[1:] for hand in hands if hand[0] > 0]
    first = [min(math.dist(start, others[0]) for start in starts)] if starts and others else []
    return first + [math.dist(a, b) for a, b in pairwise(others)]


def geometry(board: Board, holds: Iterable[Hold]) -> RouteGeometry:
    """The shape of a route.

    Args:
        board: that it is on.
        holds: of the route, in any order.

    Raises:
        ValueError: for no holds, or one that the board has not.
    """
    holds = tuple(holds)
    if not holds:
        raise ValueError("a route without holds has no shape; leave it out and count it")
    points = {hold: _point(board, hold.placement) for hold in holds}
    xs, ys = zip(*points.values(), strict=True)
    starts = [y for hold, (_, y) in points.items() if hold.role == "start"]
    finishes = [y for hold, (_, y) in points.items() if hold.role == "finish"]
    reaches = hand_reaches(board, holds)
    feet = sum(hold.role == "foot" for hold in holds)
    return RouteGeometry(
        height=max(ys) - min(ys),
        width=max(xs) - min(xs),
        gain=max(finishes) - min(starts) if starts and finishes else 0.0,
        longest_reach=max(reaches, default=0.0),
        mean_reach=sum(reaches) / len(reaches) if reaches else 0.0,
        hands=len(holds) - feet,
        feet=feet,
    )


def compare_geometry(generated: Sequence[RouteGeometry], real: Sequence[RouteGeometry]) -> dict[str, Comparison]:
    """Each feature of generated routes beside that of real routes of the same board.

    Raises:
        ValueError: if either has no routes.
    """
    if not generated or not real:
        raise ValueError(f"nothing to compare: {len(generated):,} generated routes, {len(real):,} real ones")
    found = {}
    for name in FEATURES:
        ours, theirs = ([float(getattr(g, name)) for g in side] for side in (generated, real))
        mine, real_ones = (tuple(map(float, np.quantile(side, QUANTILES))) for side in (ours, theirs))
        found[name] = Comparison(mine, real_ones, wasserstein(ours, theirs), (len(ours), len(theirs)))
    return found


def wasserstein(a: ArrayLike, b: ArrayLike) -> float:
    """The Wasserstein-1 distance of two samples: the area between their cumulative distributions.

    In one dimension it needs a sort and no optimisation (Vallender 1974).

    Args:
        a: numbers, of shape (n,).
        b: numbers, of shape (m,).

    Raises:
        ValueError: for no numbers, more than one dimension, or what is not finite.

    >>> wasserstein([0, 1, 3], [5, 6, 8])
    5.0
    """
    x, y = np.sort(np.asarray(a, float)), np.sort(np.asarray(b, float))
    for name, values in (("a", x), ("b", y)):
        if values.ndim != 1 or not values.size or not np.isfinite(values).all():
            raise ValueError(f"wasserstein: {name} must be a row of finite numbers, got shape {values.shape}")
    steps = np.sort(np.concatenate([x, y]))
    below_a = np.searchsorted(x, steps[:-1], side="right") / x.size
    below_b = np.searchsorted(y, steps[:-1], side="right") / y.size
    return float(np.sum(np.abs(below_a - below_b) * np.diff(steps)))


def _point(board: Board, placement: int) -> tuple[float, float]:
    hold = board.placements.get(placement)
    if hold is None:
        raise ValueError(f"board {board.key} has no hold {placement}; is the route on another board?")
    return hold.x, hold.y
