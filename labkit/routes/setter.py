"""The simulated setter: routes without end on simulated boards, with grades as people would give them.

Each climb has a style drawn first: how long its moves are, how good its holds, how generous its feet, how high it goes.
The setter puts one or two starts low, goes up hold by hold, left and right in turn, to one or two finishes, adds feet,
and asks `climber` how hard it is; what nobody could climb is set anew. Then people grade it: the climber's difficulty
with their taste on top. One climb is often done at two or three angles, and has a difficulty of its own at each.
"""

import random
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from .board import Board, Placement
from .climber import difficulty
from .grades import EASIEST, HARDEST
from .route import Hold, Route

T = TypeVar("T")

POPULARITY = {0: 2, 5: 1, 10: 2, 15: 3, 20: 6, 25: 6, 30: 9, 35: 8, 40: 20, 45: 9, 50: 5, 55: 2}
"""How often each angle is set, in shares."""
MOST_HANDS = 14
TASTE, DAY = 0.45, 0.4
"""Noise on recorded difficulties, standard deviations: what all angles of a climb share, and each one's; 0.6 in all."""
NOBODY = 30.0  # a route that is harder is set anew
TRIES = 200
FIRST = ("Amber", "Brisk", "Calm", "Dusty", "Eager", "Faint", "Grey", "Hollow", "Idle", "Late", "Mellow", "Narrow")
SECOND = ("Anvil", "Bramble", "Comet", "Drizzle", "Ember", "Ferry", "Gable", "Harbour", "Lantern", "Meadow", "Orchard")


def simulate(boards: Sequence[Board], n: int, seed: int) -> Iterator[Route]:
    """Simulated routes, one by one; the angles of a climb follow each other.

    The first k of n are those of k. Nothing is kept, so any number fits into memory.

    Args:
        boards: simulated boards, chosen from evenly.
        n: how many routes, 0 or more; a climb at two angles counts as two.
        seed: of all chance.

    Returns:
        Routes with recorded difficulties (one decimal, within 10 … 33), climb ids that begin with SIM, made-up names.

    Raises:
        ValueError: for no boards, a negative n, or boards without qualities or without holds to start on.
    """
    if n < 0:
        raise ValueError(f"simulate: n is how many routes, 0 or more, got {n}")
    if not boards:
        raise ValueError("simulate: give at least one board, such as simulated_board('tension')")
    return _simulate([Wall(board) for board in boards], n, random.Random(f"routes-{seed}"))


class Wall:
    """A board as a setter looks at it.

    Attributes:
        board: the board.
        quality: placement -> how good it is.
        starts: holds that a route can start on.
        angles: that the board can be set to, each as often as it is popular.

    Raises:
        ValueError: if a quality is not known, or no hold is good and low enough to start on.
    """

    def __init__(self, board: Board) -> None:
        self.board = board
        holds = list(board.placements.values())
        self.quality = {hold.id: hold.quality for hold in holds if hold.quality is not None}
        if len(self.quality) < len(holds):
            raise ValueError(f"board {board.key} has holds of unknown quality: only simulated boards can be set on")
        window = board.config.window
        height = window.top - window.bottom
        low, high = window.bottom + 0.22 * height, window.bottom + 0.42 * height
        self.starts = [hold for hold in holds if low <= hold.y <= high and self.quality[hold.id] >= 0.25]
        if not self.starts:
            raise ValueError(f"board {board.key} has no hold to start a route on")
        self._by_height = sorted(holds, key=lambda hold: hold.y)
        self._heights = [hold.y for hold in self._by_height]
        self._ups: dict[int, list[tuple[Placement, float]]] = {}
        self._unders: dict[int, list[int]] = {}
        self.angles = tuple(angle for angle in board.config.angles for _ in range(POPULARITY.get(angle, 1)))

    def ups(self, hold: Placement) -> list[tuple[Placement, float]]:
        """The holds that a hand can go to from there, level with it or above, each with its distance in inches."""
        if hold.id not in self._ups:
            apart = [(other, other.x - hold.x, other.y - hold.y) for other in self._between(hold.y, hold.y + 56)]
            self._ups[hold.id] = [
                (other, (dx * dx + dy * dy) ** 0.5) for other, dx, dy in apart if abs(dx) <= 36 and other.id != hold.id
            ]
        return self._ups[hold.id]

    def unders(self, hold: Placement) -> list[int]:
        """The placements to stand on while a hand is there."""
        if hold.id not in self._unders:
            low = self._between(hold.y - 52, hold.y - 20)
            self._unders[hold.id] = [other.id for other in low if abs(other.x - hold.x) <= 20]
        return self._unders[hold.id]

    def _between(self, low: float, high: float) -> list[Placement]:
        """The holds of those heights, by height."""
        return self._by_height[bisect_left(self._heights, low) : bisect_right(self._heights, high)]


@dataclass(frozen=True)
class Style:
    """What a setter has in mind.

    Attributes:
        move: how long moves are, in inches.
        quality: of the holds, 0 … 1.
        feet: chance of a foot for each hand hold, 0 … 1.
        height: of the finish, as a share of the window.
    """

    move: float
    quality: float
    feet: float
    height: float


def _simulate(walls: Sequence[Wall], n: int, rng: random.Random) -> Iterator[Route]:
    left = n
    while left > 0:
        wall = _pick(rng, walls)
        angle = _pick(rng, wall.angles)
        holds, hard = _climb(wall, angle, rng)
        climb = f"SIM{rng.getrandbits(116):029X}"  # 32 signs, as the apps' ids have
        name = f"{_pick(rng, FIRST)} {_pick(rng, SECOND)}"
        taste = rng.gauss(0, TASTE)
        at = {angle: hard}
        for _ in range(_pick(rng, (0, 0, 0, 0, 0, 0, 1, 1, 1, 2))):
            other = angle + _pick(rng, (-15, -10, -5, -5, 5, 5, 10, 15))
            if other in wall.angles and other not in at:
                harder = difficulty(wall.board, holds, other)
                if harder <= NOBODY:
                    at[other] = harder
        # all are graded before some are cut off at n: so the chance that follows is the same for every n
        routes = []
        for other in sorted(at):
            recorded = at[other] + taste + rng.gauss(0, DAY)
            recorded = round(min(max(recorded, EASIEST), HARDEST), 1)
            routes.append(Route(wall.board.key, other, holds, recorded, climb, name))
        yield from routes[:left]
        left -= len(routes)


def _climb(wall: Wall, angle: int, rng: random.Random) -> tuple[tuple[Hold, ...], float]:
    """A climb that somebody can do at that angle, and how hard it is."""
    for _ in range(TRIES):
        holds = _draft(wall, _style(rng, angle), rng)
        if holds:
            hard = difficulty(wall.board, holds, angle)
            if hard <= NOBODY:
                return holds, hard
    raise ValueError(f"board {wall.board.key}: no route that can be climbed in {TRIES} tries; has it enough holds?")


def _style(rng: random.Random, angle: int) -> Style:
    """What this setter is after: how hard it should be, then the means, each with a taste of its own.

    Easy climbs have short moves between good holds and many feet; so have those on steep walls, to be climbable.
    """
    hard = 0.6 * (rng.random() + rng.random()) - 0.1 - 0.007 * (angle - 30)  # about 0 … 1, most in the middle
    return Style(
        move=max(12.0, 11 + 14 * hard + 9 * rng.random()),
        quality=0.72 - 0.52 * hard + 0.24 * (rng.random() - 0.5),
        feet=0.75 - 0.45 * hard + 0.3 * (rng.random() - 0.5),
        height=0.7 + 0.25 * rng.random() ** 0.6,
    )


def _draft(wall: Wall, style: Style, rng: random.Random) -> tuple[Hold, ...] | None:
    """A route in a style, from the bottom up; None when the setter got stuck."""
    window, quality = wall.board.config.window, wall.quality
    finish_from = window.bottom + style.height * (window.top - window.bottom)

    def off(hold: Placement) -> float:
        return abs(quality[hold.id] - style.quality)

    hand = _best(rng, wall.starts, off, 5)
    hands = [hand]
    if rng.random() < 0.6:  # a second start, beside the first or above it
        beside = [other for other, away in wall.ups(hand) if away <= 22 and other.y <= hand.y + 14]
        if beside:
            hand = _best(rng, beside, off, 4)
            hands.append(hand)
    starts = len(hands)
    side = 1 if rng.random() < 0.5 else -1
    while hand.y < finish_from:
        length = style.move * (0.75 + 0.5 * rng.random())
        before = hand.x

        def misfit(way: tuple[Placement, float], length: float = length, x: float = before, side: int = side) -> float:
            hold, away = way
            aside = 0.0 if (hold.x - x) * side >= 0 else 0.6  # this hand's holds are on its side
            return abs(away - length) / 7 + off(hold) / 0.16 + aside

        ways = wall.ups(hand)
        if len(hands) == MOST_HANDS or not ways:
            return None
        hand = _best(rng, ways, misfit, 12)[0]
        if hand in hands:
            return None
        hands.append(hand)
        side = -side
    if len(hands) - starts < 2:
        return None
    finishes = 1
    if rng.random() < 0.12 and len(hands) < MOST_HANDS:  # a second finish, beside the first
        beside = [other for other, away in wall.ups(hand) if away <= 20 and other not in hands]
        if beside:
            hands.append(_pick(rng, beside))
            finishes = 2
    roles = ["start"] * starts + ["middle"] * (len(hands) - starts - finishes) + ["finish"] * finishes
    chosen = {hand.id: role for hand, role in zip(hands, roles, strict=True)}
    _add_feet(wall, style, hands, chosen, rng)
    return tuple(Hold(placement, role) for placement, role in chosen.items())


def _add_feet(wall: Wall, style: Style, hands: Sequence[Placement], chosen: dict[int, str], rng: random.Random) -> None:
    """Feet below the first start, nearly always, and below other hands as the style has it."""
    for i, hand in enumerate(hands):
        under = wall.unders(hand)
        if under and rng.random() < (0.95 if i == 0 else style.feet):
            foot = _best(rng, under, wall.quality.__getitem__, 2)  # rather chips than good holds
            chosen.setdefault(foot, "foot")


def _pick(rng: random.Random, items: Sequence[T]) -> T:
    """One of the items, evenly. (random.choice may draw otherwise in another Python.)"""
    return items[int(rng.random() * len(items))]


def _best(rng: random.Random, items: Sequence[T], misfit: Callable[[T], float], looks: int) -> T:
    """The item that fits best of some at random: a setter does not look at every hold."""
    return min((_pick(rng, items) for _ in range(looks)), key=misfit)
