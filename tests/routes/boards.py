"""Boards small enough to try everything on, and strategies for any board and route."""

from hypothesis import strategies as st

from labkit.routes import ROLES, Board, BoardConfig, Hold, Placement, Route, Window
from labkit.routes.tokens import canonical


def config(key="TB2", **changes):
    """A config with 0 … 10 inches each way and angles to 20 degrees."""
    options = {"mirrored": False, "max_angle": 20, "window": Window(0, 0, 10, 10)} | changes
    roles = {role: number for number, role in enumerate(ROLES, 5)}
    return BoardConfig(key, key.title(), 1, roles, **options)


def board(n=8, key="TB2", **changes):
    """A board of n holds, one above the other, ids 100, 101, …"""
    return Board(config(key, **changes), [Placement(100 + i, 5, 10 * i / n) for i in range(n)])


def mirrored_board():
    """Three pairs of twins and a hold in the middle, its own twin."""
    holds = [Placement(2 * i + side, 2 + 6 * side, 3 * i, 2 * i + 1 - side) for i in range(3) for side in range(2)]
    return Board(config(mirrored=True), [*holds, Placement(9, 5, 9, 9)])


@st.composite
def boards(draw, fewest=3, most=12, key="TB2"):
    """Any board; holds may share heights and even places."""
    ids = draw(st.lists(st.integers(0, 999), min_size=fewest, max_size=most, unique=True))
    point = st.integers(0, 5)
    return Board(config(key), [Placement(i, draw(point), draw(point)) for i in ids])


@st.composite
def routes(draw, on, fewest=2, most=40):
    """Any valid route on a board, canonical."""
    most = min(most, len(on.placements))
    any_hold = st.sampled_from(sorted(on.placements))
    placements = draw(st.lists(any_hold, min_size=fewest, max_size=most, unique=True))
    starts = draw(st.integers(1, min(2, len(placements) - 1)))
    finishes = draw(st.integers(1, min(2, len(placements) - starts)))
    body = len(placements) - starts - finishes
    roles = ["start"] * starts + draw(st.lists(st.sampled_from(["middle", "foot"]), min_size=body, max_size=body))
    holds = map(Hold, placements, roles + ["finish"] * finishes)
    grade = draw(st.none() | st.floats(10, 33))
    return Route(on.key, draw(st.sampled_from(on.config.angles)), canonical(holds, on), grade, "a climb")
