"""The climber's difficulty against what must hold for any body, and the tree of moves against trying all trees."""

import dataclasses
import itertools
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.routes import Board, BoardConfig, Hold, Placement, Window
from labkit.routes.arborescence import cheapest_parents
from labkit.routes.climber import BASE, TEMPERATURE, difficulty, explain
from labkit.routes.setter import simulate
from labkit.routes.simulated import simulated_board

TENSION = simulated_board("tension")
ROLES = {"start": 1, "middle": 2, "finish": 3, "foot": 4}
CONFIG = BoardConfig("TOY", "Toy", 1, ROLES, 60, Window(-200, 0, 200, 400), False)


SET = list(simulate([TENSION], 60, 5))


def some_route(seed):
    """Holds and an angle: what the setter sets, or, for odd seeds, anything."""
    rng = random.Random(seed)
    if seed % 2 == 0:
        route = rng.choice(SET)
        return route.holds, route.angle
    roles = ["start", "finish", *rng.choices(["start", "middle", "middle", "foot", "finish"], k=rng.randrange(7))]
    ids = rng.sample(sorted(TENSION.placements), len(roles))
    return tuple(Hold(*pair) for pair in zip(ids, roles, strict=True)), rng.choice([0, 15, 30, 40, 50])


routes = st.integers(0, 10_000).map(some_route)


def toy(*holds):
    """A board and a route from (x, y, quality, role) each."""
    placements = [Placement(i, x, y, None, quality) for i, (x, y, quality, _) in enumerate(holds)]
    return Board(CONFIG, placements), [Hold(i, role) for i, (*_, role) in enumerate(holds)]


def changed(holds, hold, **changes):
    """The Tension board, as far as the route needs it, with one hold changed."""
    config = dataclasses.replace(TENSION.config, mirrored=False, window=Window(-99, -9, 99, 199))
    placements = {h.placement: TENSION.placements[h.placement] for h in holds}
    placements[hold.id] = dataclasses.replace(hold, **changes)
    return Board(config, [dataclasses.replace(placement, mirror=None) for placement in placements.values()])


@given(routes)
def test_a_route_turned_over_is_as_hard(route):
    holds, angle = route
    turned = [Hold(TENSION.placements[hold.placement].mirror, hold.role) for hold in holds]
    assert difficulty(TENSION, turned, angle) == pytest.approx(difficulty(TENSION, holds, angle), abs=1e-9)


@given(routes, st.randoms())
def test_the_order_of_the_holds_says_nothing(route, rng):
    holds, angle = route
    assert difficulty(TENSION, rng.sample(holds, len(holds)), angle) == pytest.approx(difficulty(TENSION, holds, angle))


@given(routes, st.floats(0, 50), st.floats(0, 50))
def test_steeper_is_harder(route, one, other):
    holds, _ = route
    assert difficulty(TENSION, holds, min(one, other)) <= difficulty(TENSION, holds, max(one, other)) + 1e-9


@given(routes, st.integers(0, 20), st.floats(0.0, 1.0))
def test_a_better_hold_is_easier(route, which, more):
    holds, angle = route
    hold = TENSION.placements[holds[which % len(holds)].placement]
    better = changed(holds, hold, quality=hold.quality + more * (1 - hold.quality))
    assert difficulty(better, holds, angle) <= difficulty(TENSION, holds, angle) + 1e-9


@given(routes, st.sampled_from(sorted(TENSION.placements)))
def test_another_foot_never_makes_it_harder(route, foot):
    holds, angle = route
    if foot not in {hold.placement for hold in holds}:
        with_foot = [*holds, Hold(foot, "foot")]
        assert difficulty(TENSION, with_foot, angle) <= difficulty(TENSION, holds, angle) + 1e-9


@given(
    st.floats(-1, 1), st.floats(0, 1), st.floats(5, 30), st.floats(1.1, 2), st.floats(0.05, 1), st.sampled_from([0, 40])
)
def test_a_longer_move_is_harder(dx, dy, length, times, quality, angle):
    norm = math.hypot(dx, dy)
    if norm < 0.1:
        return
    found = []
    for reach in (length, length * times):
        x, y = reach * dx / norm, 100 + reach * dy / norm
        board, holds = toy((0, 100, quality, "start"), (x, y, quality, "finish"), (0, 60, 0.5, "foot"))
        found.append(difficulty(board, holds, angle))
    assert found[0] < found[1]


@given(routes, st.integers(0, 20), st.floats(0, 2 * math.pi))
def test_a_little_change_of_a_hold_changes_the_grade_a_little(route, which, direction):
    holds, angle = route
    hold = TENSION.placements[holds[which % len(holds)].placement]
    before = difficulty(TENSION, holds, angle)
    moved = changed(holds, hold, x=hold.x + 0.01 * math.cos(direction), y=hold.y + 0.01 * math.sin(direction))
    assert abs(difficulty(moved, holds, angle) - before) < 0.06
    worse = changed(holds, hold, quality=hold.quality - 0.001)
    assert abs(difficulty(worse, holds, angle) - before) < 0.06
    assert 10 <= before <= 33


def test_without_a_foothold_one_campuses():
    holds = ((0, 60, 0.8, "start"), (0, 80, 0.8, "finish"))
    board, route = toy(*holds, (0, 25, 0.5, "foot"))
    start, finish = explain(board, route, 40)
    assert (start.foot, finish.foot) == (2, 2)
    hanging = explain(*toy(*holds), 40)
    assert [move.foot for move in hanging] == [None, None]
    assert all("no foothold: campus" in move.reason for move in hanging)
    assert difficulty(*toy(*holds), 40) > difficulty(board, route, 40) + 2


def test_a_good_foot_for_the_hands_is_a_hold_that_they_left():
    board, route = toy(*((0, 40 + 20 * i, 0.8, role) for i, role in enumerate(["start", "middle", "middle", "finish"])))
    assert explain(board, route, 20)[-1].foot == 0


@given(routes)
def test_the_moves_explain_the_difficulty(route):
    holds, angle = route
    moves = explain(TENSION, holds, angle)
    assert {move.to for move in moves} == {hold.placement for hold in holds if hold.role != "foot"}
    reached = {move.to: move.from_ for move in moves}
    for hold in reached:  # every hold is reached, over others, from a start
        for _ in reached:
            hold = reached[hold] if reached[hold] is not None else hold
        assert reached[hold] is None
    total = TEMPERATURE * math.log(sum(math.exp(move.cost / TEMPERATURE) for move in moves))
    expected = BASE + 4 * math.sin(math.radians(angle)) + total
    if 14 < expected < 29:  # in between, the soft ends of the scale do next to nothing
        assert difficulty(TENSION, holds, angle) == pytest.approx(expected, abs=0.01)
    for move in moves:
        assert sum(float(part.split("+")[1]) for part in move.reason.split(", ") if "+" in part) == pytest.approx(
            move.cost, abs=0.4
        )


def test_two_holds_far_away_do_not_carry_each_other():
    near = [(0, 60, 0.8, "start"), (0, 80, 0.8, "finish"), (0, 25, 0.8, "foot")]
    together = difficulty(*toy(*near, (10, 70, 0.8, "middle"), (16, 70, 0.8, "middle")), 10)
    assert difficulty(*toy(*near, (150, 70, 0.8, "middle"), (156, 70, 0.8, "middle")), 10) > together + 10


@given(
    st.integers(1, 4).flatmap(
        lambda n: st.lists(st.lists(st.floats(0, 9), min_size=n + 1, max_size=n + 1), min_size=n, max_size=n)
    )
)
def test_the_cheapest_tree_of_all(costs):
    n = len(costs)

    def total(parents):
        return sum(math.exp(costs[i][j]) for i, j in enumerate(parents))

    def reaches(parents):
        for node in range(n):
            for _ in range(n):
                node = parents[node] if node < n else n
            if node < n:
                return False
        return True

    parents = cheapest_parents(costs, 1.0)
    assert reaches(parents)
    best = min(total(tree) for tree in itertools.product(range(n + 1), repeat=n) if reaches(tree))
    assert total(parents) == pytest.approx(best)


ROUTE = [Hold(400, "start"), Hold(600, "middle"), Hold(780, "finish")]


@pytest.mark.parametrize(
    ("holds", "angle", "message"),
    [
        (ROUTE, 51, r"the angle of board TB2 is 0 … 50 degrees, got 51"),
        (ROUTE, math.nan, "got nan"),
        ([*ROUTE, Hold(9999, "foot")], 40, "board TB2 has no placement 9999"),
        ([*ROUTE, Hold(600, "foot")], 40, "placement 600 is there twice"),
        ([*ROUTE, Hold(601, "hand")], 40, "one of start, middle, finish, foot, got 'hand'"),
        (ROUTE[1:], 40, "no start hold"),
        (ROUTE[:2], 40, "no finish hold"),
        ([], 40, "no start hold"),
    ],
)
def test_what_cannot_be_climbed_is_said(holds, angle, message):
    for ask in (difficulty, explain):
        with pytest.raises(ValueError, match=message):
            ask(TENSION, holds, angle)


def test_a_real_board_has_no_qualities():
    board = Board(TENSION.config, [Placement(1, 0, 40), Placement(2, 0, 60)])
    with pytest.raises(ValueError, match="placement 1 of board TB2 has no quality: the climber can only try simulated"):
        difficulty(board, [Hold(1, "start"), Hold(2, "finish")], 40)
