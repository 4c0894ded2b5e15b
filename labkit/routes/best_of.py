"""Best of n: write several routes for a wish, have the reader grade them, keep the one nearest to what was asked."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from labkit.sampling import Sampling

from .generator import Generator, Wish
from .grades import middle
from .reader import Reader
from .route import Route


def best_of(
    generator: Generator,
    reader: Reader,
    wishes: Iterable[Wish],
    n: int,
    sampling: Sampling | None = None,
    guidance: float = 1.0,
    seed: int | None = None,
    doubt: float = 1.0,
) -> list[Route]:
    """For each wish the route of n whose difficulty, as the reader has it, is nearest to the middle of the grade.

    It is only as good as its reader: the more routes it may choose from, the more its choice is one that the reader
    is wrong about. (Chapter 7 calls that over-optimisation.) The reader is wrong most about routes that are unlike
    those it learned from, and the generator knows such: they surprise it. So surprise counts against a route.

    Args:
        generator: writes.
        reader: grades; of the same boards.
        wishes: what is asked for. With grade "any" the first of the n is taken: none is nearer than another.
        n: how many routes are written for each wish, 1 or more.
        sampling: as in `Generator.write`.
        guidance: likewise.
        seed: likewise.
        doubt: how many difficulties a nat of surprise (`Generator.surprise`) counts; 0: the reader alone decides.

    Returns:
        A route for each wish; its difficulty is what the reader read.

    Raises:
        ValueError: for n below 1, a negative doubt, and as `Generator.write` does.
    """
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise ValueError(f"best of n: n is a whole number of at least 1, got {n!r}")
    if not doubt >= 0:
        raise ValueError(f"best of n: doubt is 0 or more, got {doubt!r}")
    wishes = list(wishes)
    written = generator.write([wish for wish in wishes for _ in range(n)], sampling, guidance, True, seed)
    routes = [each.route for each in written if each.route is not None]  # all: the grammar lets nothing else through
    read = reader.predict(routes).reshape(len(wishes), n)
    surprise = generator.surprise(written).reshape(len(wishes), n)
    wanted = np.array([[np.nan if wish.grade == "any" else middle(wish.grade)] for wish in wishes]).reshape(-1, 1)
    nearest = np.where(np.isnan(wanted), 0.0, np.abs(read - wanted) + doubt * surprise).argmin(1)
    return [replace(routes[i * n + k], difficulty=float(read[i, k])) for i, k in enumerate(nearest.tolist())]
