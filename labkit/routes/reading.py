"""How well grades are read off routes, and the baseline to beat: the number of holds and the angle."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from .evaluation import grade_scores
from .grades import v_grade
from .route import Route


@dataclass(frozen=True)
class Reading:
    """Read difficulties against recorded ones.

    Attributes:
        n: how many routes.
        mae: the mean error, on the apps' scale of difficulty (two of its steps are about a V grade).
        rmse: the root of the mean squared error, likewise.
        r2: the share of the variance that is explained: 0 for whoever says the mean, below it for worse. nan where
            all difficulties are the same.
        exact: the share of routes with the right V grade.
        within_1: with at most one V grade off.
        within_2: with at most two off.
    """

    n: int
    mae: float
    rmse: float
    r2: float
    exact: float
    within_1: float
    within_2: float

    @classmethod
    def of(cls, recorded: Sequence[float] | np.ndarray, read: Sequence[float] | np.ndarray) -> Self:
        """From difficulties, one a route in both.

        Raises:
            ValueError: for no route, or another number of them.
        """
        wanted, found = np.asarray(recorded, dtype=float), np.asarray(read, dtype=float)
        if wanted.shape != found.shape or wanted.ndim != 1 or not len(wanted):
            raise ValueError(f"difficulties of the same routes are compared, got {wanted.shape} and {found.shape}")
        error, spread = found - wanted, ((wanted - wanted.mean()) ** 2).sum()
        scores = grade_scores([v_grade(x) for x in wanted], [v_grade(x) for x in found])
        return cls(
            len(wanted),
            float(np.abs(error).mean()),
            float(np.sqrt((error**2).mean())),
            float(1 - (error**2).sum() / spread) if spread else float("nan"),
            scores.exact,
            scores.within_1,
            scores.within_2,
        )


def readings(routes: Sequence[Route], read: Sequence[float] | np.ndarray) -> dict[str, Reading]:
    """By board, and of "all".

    Args:
        routes: with their difficulties.
        read: what was read off each.

    Raises:
        ValueError: for a route without a difficulty, no route, or another number of difficulties.
    """
    recorded, found = graded(routes), np.asarray(read, dtype=float)
    boards = np.array([route.board for route in routes])
    by_board = {key: Reading.of(recorded[boards == key], found[boards == key]) for key in sorted(set(boards.tolist()))}
    return {"all": Reading.of(recorded, found)} | by_board


def graded(routes: Sequence[Route]) -> np.ndarray:
    """The recorded difficulties, [routes].

    Raises:
        ValueError: if one has none; it says how many.
    """
    if without := sum(route.difficulty is None for route in routes):
        raise ValueError(f"{without} of {len(routes)} routes have no difficulty: leave them out")
    return np.array([route.difficulty for route in routes], dtype=float)


class Baseline:
    """Least squares on the number of holds and the angle: what any reader of grades has to beat.

    Args:
        routes: with their difficulties, to fit.

    Attributes:
        weights: of 1, the number of holds, the angle.

    Raises:
        ValueError: for a route without a difficulty, or no route.
    """

    def __init__(self, routes: Sequence[Route]) -> None:
        if not routes:
            raise ValueError("there is no route to fit the baseline to")
        self.weights: np.ndarray = np.linalg.lstsq(self._columns(routes), graded(routes), rcond=None)[0]

    def predict(self, routes: Sequence[Route]) -> np.ndarray:
        """Difficulties, [routes]."""
        return self._columns(routes) @ self.weights

    @staticmethod
    def _columns(routes: Sequence[Route]) -> np.ndarray:
        return np.array([(1.0, len(route.holds), route.angle) for route in routes]).reshape(-1, 3)
