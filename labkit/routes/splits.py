"""Which routes a model learns from and which it is measured on, and whether something of these leaked into those."""

import hashlib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from .board import Board
from .novelty import mirror_image
from .route import Route
from .tokens import RouteTokenizer

FRACTIONS = {"train": 0.8, "validation": 0.1, "test": 0.1}
EXAMPLES = 5
"""How many examples a report keeps of each kind of leak."""


def part_of(climb: str, fractions: Mapping[str, float] | None = None, seed: int = 0) -> str:
    """The part of the data that a climb is in, at all its angles.

    It is read off a hash of the climb's id, so it needs no list of climbs, and no other climb can change it: when
    routes are added, nothing moves from one part to another.

    Args:
        climb: its id.
        fractions: part -> its share of the climbs, in order; FRACTIONS when left out.
        seed: another one is another split.

    Raises:
        ValueError: for an empty id, or fractions that do not add up to 1.
    """
    fractions = FRACTIONS if fractions is None else fractions
    if not fractions or min(fractions.values()) < 0 or not math.isclose(math.fsum(fractions.values()), 1):
        raise ValueError(f"fractions are 0 or more and add up to 1, got {dict(fractions)}")
    if not climb:
        raise ValueError("a route without a climb's id cannot be split by climb: its angles might be parted")
    digest = hashlib.blake2b(f"{seed} {climb}".encode(), digest_size=8).digest()
    point, end = int.from_bytes(digest, "big") / 2**64, 0.0
    for part, share in fractions.items():
        end += share
        if point < end:
            return part
    return [part for part, share in fractions.items() if share][-1]  # the shares' sum fell short of 1 by a rounding


def split(
    routes: Iterable[Route], fractions: Mapping[str, float] | None = None, seed: int = 0
) -> dict[str, list[Route]]:
    """Routes by `part_of` their climbs, each part in the order in which they come.

    Raises:
        ValueError: as `part_of` does.
    """
    parts: dict[str, list[Route]] = {part: [] for part in (FRACTIONS if fractions is None else fractions)}
    for route in routes:
        parts[part_of(route.climb, fractions, seed)].append(route)
    return parts


@dataclass(frozen=True)
class Leak:
    """One kind of leak.

    Attributes:
        kind: what it is.
        count: how many of the test's routes (of the sequences, for a label) it concerns.
        examples: a few of them.
    """

    kind: str
    count: int
    examples: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.kind}: {self.count:,}" + (f" (such as {'; '.join(self.examples)})" if self.examples else "")


def leaks(
    train: Iterable[Route], test: Iterable[Route], boards: Iterable[Board], examples: int = EXAMPLES
) -> tuple[Leak, ...]:
    """What of a test is in the training data too.

    Each route of the test is counted once, under the first that holds: "same climb" (at this angle or another), "same
    holds" in the same roles under another climb's id, "mirror image" of such, on boards that mirror. Copies of climbs
    are real: people set what others set before. `without_leaks` leaves them out.

    Args:
        train: what is learnt from. It is read once, and a few bytes are kept of each route.
        test: what is measured on.
        boards: those of the routes, for their mirrors.
        examples: how many of each kind are named.

    Returns:
        These three, those with the count 0 too.

    Raises:
        ValueError: for a route of another board.
    """
    found: dict[str, list[str]] = {"same climb": [], "same holds": [], "mirror image": []}
    counts = dict.fromkeys(found, 0)
    for route, kind, other in _straddling(train, test, boards):
        if kind:
            counts[kind] += 1
            if len(found[kind]) < examples:
                of = f" = {other}" if other != route.climb else ""
                found[kind].append(f"{route.board} {route.climb}{of} at {route.angle}°")
    return tuple(Leak(kind, counts[kind], tuple(found[kind])) for kind in found)


def without_leaks(train: Iterable[Route], test: Iterable[Route], boards: Iterable[Board]) -> list[Route]:
    """The routes of a test that `leaks` finds nothing of in the training data."""
    return [route for route, kind, _ in _straddling(train, test, boards) if not kind]


def label_leaks(sequences: Iterable[Sequence[int]], tokenizer: RouteTokenizer, examples: int = EXAMPLES) -> Leak:
    """Sequences for a reader of grades in which a grade is written: it would read the answer and learn nothing else.

    Args:
        sequences: ids, as the reader reads them. <GRADE_ANY> tells nothing and is no leak.
        tokenizer: that wrote them.
        examples: how many are named.
    """
    telling = {token for token, grade in tokenizer.grades.items() if grade is not None}
    count = 0
    named: list[str] = []
    for i, ids in enumerate(sequences):
        if written := [token for token in ids if token in telling]:
            count += 1
            if len(named) < examples:
                named.append(f"sequence {i} has {tokenizer.decode(written)}")
    return Leak("grade in the sequence", count, tuple(named))


def _straddling(
    train: Iterable[Route], test: Iterable[Route], boards: Iterable[Board]
) -> Iterator[tuple[Route, str, str]]:
    """Each route of the test, the kind of its leak ("": none) and the climb in the training data."""
    by_key = {board.key: board for board in boards}
    climbs: set[tuple[str, str]] = set()
    holds: dict[bytes, str] = {}
    for route in train:
        _board(route, by_key)
        if route.climb:  # what has no id is no climb that others could be
            climbs.add((route.board, route.climb))
        holds.setdefault(_fingerprint(route), route.climb)
    for route in test:
        image = mirror_image(route, _board(route, by_key))
        if (route.board, route.climb) in climbs:
            yield route, "same climb", route.climb
        elif (own := _fingerprint(route)) in holds:
            yield route, "same holds", holds[own]
        elif image is not None and (turned := _fingerprint(image)) in holds:
            yield route, "mirror image", holds[turned]
        else:
            yield route, "", ""


def _board(route: Route, boards: Mapping[str, Board]) -> Board:
    if route.board not in boards:
        raise ValueError(f"route {route.climb!r} is on board {route.board!r}, not on {' or '.join(boards)}")
    return boards[route.board]


def _fingerprint(route: Route) -> bytes:
    """16 bytes of a set of holds with their roles: those of two sets do not agree by chance."""
    return hashlib.blake2b(repr((route.board, sorted(set(map(tuple, route.holds))))).encode(), digest_size=16).digest()
