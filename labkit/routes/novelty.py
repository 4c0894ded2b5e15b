"""How new generated routes are: the nearest real route by shared holds, copies, and how much a set varies."""

from array import array
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .board import Board
from .route import Hold, Route

BLOCK = 512
"""Rows of the table of all pairs that are held at a time: memory grows with the routes, not with their square."""


@dataclass(frozen=True)
class Nearest:
    """The real route that a route is nearest to.

    Attributes:
        similarity: Jaccard, shared holds / holds of either, 0 … 1: 1 is a copy. 0: no route shares a hold.
        number: which of the index's routes, from 0 in the order in which they came; the first of those equally near.
            None where no route shares a hold.
        mirrored: whether it is nearer to the route's mirror image than to the route as it is.
    """

    similarity: float
    number: int | None
    mirrored: bool = False

    @property
    def novelty(self) -> float:
        """The Jaccard distance, 1 − similarity."""
        return 1.0 - self.similarity


class NoveltyIndex:
    """Real routes, by the holds they use, so that the nearest one is found without looking at all of them.

    For each hold it keeps the numbers of the routes that use it (an inverted index, as search engines have it; Zobel
    and Moffat 2006). A query counts how often each route turns up under the query's holds, and that is what they
    share; so the answer is exact. The angle does not count: the same holds at another angle are the same climb.

    Args:
        routes: read once, and not kept: 8 bytes a hold stay.
        boards: on those of them that mirror, a route and its mirror image count as the same.
        roles: whether a hold used for something else is another hold; by default its role does not count.

    Attributes:
        roles: likewise.
    """

    def __init__(self, routes: Iterable[Route], boards: Iterable[Board] = (), roles: bool = False) -> None:
        self.roles = roles
        self._mirrors = _mirrors(boards)
        self._keys: dict[Hashable, int] = {}
        used, sizes = array("i"), array("i")
        for route in routes:
            holds = _hold_set(route, roles)
            used.extend(self._keys.setdefault(key, len(self._keys)) for key in holds)
            sizes.append(len(holds))
        keys = np.frombuffer(used, np.int32) if used else np.zeros(0, np.int32)
        self._sizes = np.array(sizes, np.int32)
        numbers = np.repeat(np.arange(len(sizes), dtype=np.int32), self._sizes)
        # The routes of key k stand between ends[k - 1] and ends[k], in their order.
        self._users = numbers[np.argsort(keys, kind="stable")]
        self._ends = np.cumsum(np.bincount(keys, minlength=len(self._keys)))

    def __len__(self) -> int:
        return len(self._sizes)

    def nearest(self, route: Route) -> Nearest:
        """The route of the index that shares the largest part of its holds with this one.

        Holds that no route of the index uses, and a board that it does not have, are not errors: they are new.
        """
        found = self._best(_hold_set(route, self.roles))
        image = _image(route, self._mirrors)
        if image is not None:
            turned = self._best(_hold_set(image, self.roles))
            if turned.similarity > found.similarity:
                found = replace(turned, mirrored=True)
        return found

    def _best(self, holds: frozenset[Hashable]) -> Nearest:
        lists = [self._numbers(self._keys[key]) for key in holds if key in self._keys]
        if not lists:
            return Nearest(0.0, None)
        shared = np.bincount(np.concatenate(lists))  # by route number; routes behind the last that shares one are left
        candidates = np.flatnonzero(shared)
        shared = shared[candidates]
        similarity = shared / (len(holds) + self._sizes[candidates] - shared)
        best = int(np.argmax(similarity))  # the first of the largest
        return Nearest(float(similarity[best]), int(candidates[best]))

    def _numbers(self, key: int) -> NDArray[np.int32]:
        return self._users[self._ends[key - 1] if key else 0 : self._ends[key]]


@dataclass(frozen=True)
class Diversity:
    """How much the routes of a set differ among themselves.

    Attributes:
        routes: how many there are.
        distinct: how many are left when copies count once.
        pairs: pairs of routes on the same board: routes on two boards differ, but not by merit.
        distance: mean Jaccard distance of those pairs, 0 (all the same) … 1 (no two share a hold); None for no pairs.
    """

    routes: int
    distinct: int
    pairs: int
    distance: float | None

    @property
    def distinct_share(self) -> float | None:
        """Distinct routes among all; None for no routes."""
        return self.distinct / self.routes if self.routes else None


def diversity(routes: Sequence[Route], boards: Iterable[Board] = (), roles: bool = False) -> Diversity:
    """How much routes differ, over all pairs: time grows with the square of how many, 10,000 take seconds.

    Args:
        routes: generated, say.
        boards: on those of them that mirror, a route and its mirror image count as the same.
        roles: whether a hold used for something else is another hold.
    """
    boards = tuple(boards)
    total, pairs = 0.0, 0
    for key in sorted({route.board for route in routes}):
        own = [route for route in routes if route.board == key]
        total += sum(float((1.0 - block).sum()) for block in _similarities(own, boards, roles))
        pairs += len(own) * (len(own) - 1) // 2
    distinct = len(routes) - sum(len(group) - 1 for group in duplicates(routes, boards, roles))
    return Diversity(len(routes), distinct, pairs, total / (2 * pairs) if pairs else None)


def duplicates(routes: Iterable[Route], boards: Iterable[Board] = (), roles: bool = False) -> list[list[int]]:
    """Numbers of the routes with the same holds: a list for each set of holds that is there more than once.

    Args:
        routes: of any boards and angles; the angle does not count.
        boards: on those of them that mirror, a route and its mirror image count as the same.
        roles: whether a hold used for something else is another hold.
    """
    mirrors = _mirrors(boards)
    groups: dict[tuple[str, frozenset[Hashable]], list[int]] = {}
    for number, route in enumerate(routes):
        holds = route.board, _hold_set(route, roles)
        image = _image(route, mirrors)
        turned = (route.board, _hold_set(image, roles)) if image is not None else holds
        groups.setdefault(turned if turned in groups else holds, []).append(number)
    return [group for group in groups.values() if len(group) > 1]


def jaccard(a: Route, b: Route, roles: bool = False) -> float:
    """Shared holds / holds of either, 0 … 1; 0 as well for two routes without holds (Jaccard 1912).

    >>> a = Route("TB2", 40, (Hold(1, "start"), Hold(2, "middle"), Hold(3, "finish")))
    >>> b = Route("TB2", 25, (Hold(2, "start"), Hold(3, "finish"), Hold(4, "foot")))
    >>> jaccard(a, b), jaccard(a, b, roles=True)
    (0.5, 0.2)
    """
    ours, theirs = _hold_set(a, roles), _hold_set(b, roles)
    return len(ours & theirs) / len(ours | theirs) if ours & theirs else 0.0


def mirror_image(route: Route, board: Board) -> Route | None:
    """The route turned over; None on a board that does not mirror, or where one of the holds has no twin.

    Raises:
        ValueError: if the route is on another board.
    """
    if route.board != board.key:
        raise ValueError(f"the route is on board {route.board}, the board is {board.key}")
    return _image(route, _mirrors([board]))


def _mirrors(boards: Iterable[Board]) -> dict[str, Mapping[int, int]]:
    """Key of a board that mirrors -> hold -> its twin."""
    return {board.key: board.twins for board in boards if board.config.mirrored}


def _image(route: Route, mirrors: Mapping[str, Mapping[int, int]]) -> Route | None:
    twins = mirrors.get(route.board)
    if twins is None or any(hold.placement not in twins for hold in route.holds):
        return None
    return replace(route, holds=tuple(Hold(twins[hold.placement], hold.role) for hold in route.holds))


def _hold_set(route: Route, roles: bool) -> frozenset[Hashable]:
    if roles:
        return frozenset((route.board, hold.placement, hold.role) for hold in route.holds)
    return frozenset((route.board, hold.placement) for hold in route.holds)


def _similarities(routes: Sequence[Route], boards: Iterable[Board], roles: bool) -> Iterator[NDArray[np.float32]]:
    """Rows of the table of all similarities, (up to BLOCK, routes), with ones on the diagonal."""
    mirrors = _mirrors(boards)
    sets = [_hold_set(route, roles) for route in routes]
    turned_over = [_image(route, mirrors) for route in routes]
    images = [_hold_set(image, roles) if image is not None else None for image in turned_over]
    columns = {key: i for i, key in enumerate(sorted(set().union(*sets), key=repr))}
    table = _incidence(sets, columns)
    turned = _incidence(images, columns) if any(images) else None
    sizes = np.array([len(holds) for holds in sets], np.float32)
    for start in range(0, len(routes), BLOCK):
        rows = slice(start, start + BLOCK)
        similarity = _shares(table[rows] @ table.T, sizes[rows], sizes)
        if turned is not None:
            similarity = np.maximum(similarity, _shares(turned[rows] @ table.T, sizes[rows], sizes))
        own = np.arange(len(similarity))
        similarity[own, start + own] = 1.0
        yield similarity


def _shares(
    shared: NDArray[np.float32], rows: NDArray[np.float32], columns: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Jaccard from how many holds are shared; 0 where neither has any."""
    return shared / np.maximum(rows[:, None] + columns - shared, 1.0)


def _incidence(sets: Iterable[frozenset[Hashable] | None], columns: dict[Hashable, int]) -> NDArray[np.float32]:
    """A row a set, a column a hold, 1 where the set has it; holds without a column are left: nobody shares them."""
    sets = list(sets)
    table = np.zeros((len(sets), len(columns)), np.float32)
    for row, holds in zip(table, sets, strict=True):
        row[[columns[key] for key in holds or () if key in columns]] = 1.0
    return table
