"""Elo ratings by the Bradley-Terry model (1952), fitted to all games at once.

Elo's own rule, game after game, gives another answer for another order of the same games, and needs a
step size. The players of a tournament do not change while they play, so neither is wanted.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

BASE = 1500.0
"""The mean rating."""
SCALE = 400 / math.log(10)
"""Elo points per unit of log odds: 400 points are odds of 10 to 1."""
PRIOR = 1.0
"""Drawn games that every player is taken to have played, spread evenly over all others: with them an unbeaten
player's rating is finite, and after a hundred games they no longer matter."""


@dataclass(frozen=True)
class Game:
    """One game: `result` is what `a` got, 1 for a win, 0.5 for a draw, 0 for a loss."""

    number: int
    a: str
    b: str
    result: float


def elo_ratings(
    games: Iterable[Game], players: Sequence[str], prior: float = PRIOR
) -> tuple[dict[str, float], dict[str, float]]:
    """Bradley-Terry by maximum likelihood, on the Elo scale.

    P(a beats b) = 1 / (1 + 10^((R_b - R_a) / 400)); a draw is half a win and half a loss, as with Elo. The log
    likelihood is concave, and Newton's method finds its top. For two players who won w and l games,
    R_a - R_b = 400 log10((w + prior / 2) / (l + prior / 2)).

    The standard errors are the roots of the inverse information matrix's diagonal, for ratings relative to the
    mean. Unlike a bootstrap they are the same each time, take one matrix for a table, and do not vanish for a
    player who won every game. Draws make them a little too wide.

    Args:
        games: in any order.
        players: all names.
        prior: drawn games per player, shared by all opponents. 0 is plain maximum likelihood.

    Returns:
        (ratings, standard errors) by name; the mean rating is 1500.

    Raises:
        ValueError: for unknown or repeated players, a negative prior, or a prior of 0 where some players have
            not both won against and lost to the rest (their ratings would be infinite).
    """
    names = sorted(players)
    index = {name: i for i, name in enumerate(names)}
    if len(index) < len(players) or not names:
        raise ValueError(f"elo_ratings: players must be one or more different names, got {', '.join(names)}")
    if not 0 <= prior < math.inf:
        raise ValueError(f"elo_ratings: prior must be 0 or more, got {prior}")
    n = len(names)
    points = np.full((n, n), prior / 2 / max(1, n - 1))  # [n][n]: what the row took from the column
    np.fill_diagonal(points, 0)
    for game in games:
        if game.a not in index or game.b not in index or game.a == game.b:
            raise ValueError(f"elo_ratings: game {game.number}, {game.a} - {game.b}, is not one of two players known")
        a, b = index[game.a], index[game.b]
        points[a, b] += game.result
        points[b, a] += 1 - game.result
    if not _connected(points):
        raise ValueError(
            "elo_ratings: without a prior there must be no group that only won against the others, only lost to "
            "them or never met them; play on, or use a prior above 0"
        )
    theta, information = _newton(points)
    # Ones in the direction that no game tells about (all ratings up together), projected out again.
    covariance = np.linalg.inv(information + 1 / n) - 1 / n
    errors = SCALE * np.sqrt(np.clip(np.diag(covariance), 0, None))
    ratings = BASE + SCALE * theta
    return dict(zip(names, ratings.tolist(), strict=True)), dict(zip(names, errors.tolist(), strict=True))


def _newton(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The log odds [n] (mean 0) that make `points` likeliest, and the information matrix [n][n] there."""
    n = len(points)
    meetings = points + points.T

    def log_likelihood(theta: np.ndarray) -> float:
        difference = theta[:, None] - theta[None, :]
        return -float((points * np.logaddexp(0, -difference)).sum())

    theta = np.zeros(n)
    information = np.zeros((n, n))
    for _ in range(200):
        p = 1 / (1 + np.exp(theta[None, :] - theta[:, None]))  # [n][n]: the row wins against the column
        slope = (points - meetings * p).sum(axis=1)
        weight = meetings * p * (1 - p)
        information = np.diag(weight.sum(axis=1)) - weight
        step = np.linalg.solve(information + 1 / n, slope)
        if np.abs(step).max(initial=0) < 1e-10:
            break
        size, here = 1.0, log_likelihood(theta)
        while size > 1e-6 and log_likelihood(theta + size * step) < here:  # too far: the top is between
            size /= 2
        theta = theta + size * step
        theta -= theta.mean()
    return theta, information


def _connected(points: np.ndarray) -> bool:
    """Whether from each player a chain of points taken leads to every other (Ford 1957)."""
    n = len(points)
    reach = (points > 0) | np.eye(n, dtype=bool)
    for _ in range(max(1, n.bit_length())):
        reach = reach @ reach
    return bool(reach.all())
