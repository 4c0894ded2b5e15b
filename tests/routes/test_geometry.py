"""The shape of routes, by hand, and how far two samples are apart, by another definition."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.routes import ROLES, Board, BoardConfig, Hold, Placement, Window
from labkit.routes.geometry import FEATURES, compare_geometry, geometry, hand_reaches, wasserstein

CONFIG = BoardConfig("AAA", "A", 1, dict(zip(ROLES, range(4), strict=True)), 40, Window(0, 0, 100, 100), False)
PLACES = [(10, 20), (30, 20), (30, 50), (70, 80), (70, 90), (50, 0)]
BOARD = Board(CONFIG, [Placement(i, x, y) for i, (x, y) in enumerate(PLACES)])
ROUTE = [Hold(4, "finish"), Hold(5, "foot"), Hold(3, "middle"), Hold(1, "start"), Hold(2, "middle"), Hold(0, "start")]
NUMBERS = st.lists(st.floats(-1e3, 1e3).map(lambda x: round(x, 3)), min_size=1, max_size=20)


def test_a_route_measured_by_hand():
    assert hand_reaches(BOARD, ROUTE) == [30.0, 50.0, 10.0]  # from the nearer start, (30, 20)
    found = geometry(BOARD, iter(ROUTE))
    assert (found.height, found.width, found.gain) == (90, 60, 70)
    assert (found.longest_reach, found.mean_reach) == (50, 30)
    assert (found.hands, found.feet) == (5, 1)


def test_feet_are_no_reach_and_parts_may_lack():
    alone = geometry(BOARD, [Hold(5, "foot")])
    assert (alone.height, alone.gain, alone.longest_reach, alone.hands, alone.feet) == (0, 0, 0, 0, 1)
    assert hand_reaches(BOARD, [Hold(0, "start"), Hold(1, "start")]) == []
    assert hand_reaches(BOARD, [Hold(2, "middle"), Hold(3, "finish")]) == [50]
    assert hand_reaches(BOARD, [Hold(0, "start"), Hold(1, "finish"), Hold(2, "finish")]) == [20, 30]


@settings(max_examples=40)
@given(st.permutations(ROUTE))
def test_the_order_in_which_holds_are_listed_does_not_matter(holds):
    assert geometry(BOARD, holds) == geometry(BOARD, ROUTE)


def test_what_has_no_shape_is_named():
    with pytest.raises(ValueError, match="board AAA has no hold 99"):
        geometry(BOARD, [Hold(99, "start")])
    with pytest.raises(ValueError, match="without holds"):
        geometry(BOARD, [])


@settings(max_examples=40)
@given(NUMBERS, NUMBERS)
def test_wasserstein_is_the_mean_distance_of_quantiles(a, b):
    """The other definition: ∫ |F⁻¹ − G⁻¹| over 0 … 1, by repeating both samples to the same length."""
    length = math.lcm(len(a), len(b))
    x, y = (np.repeat(np.sort(sample), length // len(sample)) for sample in (a, b))
    assert wasserstein(a, b) == pytest.approx(np.mean(np.abs(x - y)), abs=1e-6)


@settings(max_examples=40)
@given(NUMBERS, NUMBERS, NUMBERS, st.integers(-50, 50))
def test_wasserstein_is_a_distance(a, b, c, shift):
    assert wasserstein(a, a) == 0
    assert wasserstein(a, b) == pytest.approx(wasserstein(b, a), abs=1e-9)
    assert wasserstein(a, c) <= wasserstein(a, b) + wasserstein(b, c) + 1e-6
    assert wasserstein(a, [x + shift for x in a]) == pytest.approx(abs(shift), abs=1e-6)


@pytest.mark.parametrize("bad", [[], [math.nan], [math.inf, 1], [[1, 2]]])
def test_wasserstein_wants_rows_of_numbers(bad):
    with pytest.raises(ValueError, match="b must be a row of finite numbers"):
        wasserstein([1], bad)


def test_generated_beside_real():
    real = [geometry(BOARD, ROUTE), geometry(BOARD, ROUTE[2:])]
    found = compare_geometry(real[:1], real)
    assert tuple(found) == FEATURES
    assert found["feet"].distance == 0.5
    assert found["feet"].generated == (1,) * 5
    assert found["height"].real[2] == pytest.approx((90 + 60) / 2)
    assert found["height"].counts == (1, 2)
    assert all(comparison.distance == 0 for comparison in compare_geometry(real, real).values())
    with pytest.raises(ValueError, match="0 generated routes, 2 real ones"):
        compare_geometry([], real)
