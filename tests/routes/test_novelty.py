"""Novelty: the index finds what a scan of all routes finds; copies, mirror images and variety are counted right."""

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.routes import ROLES, Board, BoardConfig, Hold, Placement, Route, Window
from labkit.routes.novelty import Nearest, NoveltyIndex, diversity, duplicates, jaccard, mirror_image

NUMBERS = dict(zip(ROLES, (5, 6, 7, 8), strict=True))


def board(key="AAA", mirrored=True):
    """Ten holds in a row: hold i and hold 9 − i are twins; hold 10 has none."""
    config = BoardConfig(key, key, 1, NUMBERS, 40, Window(-9, 0, 9, 10), mirrored)
    twins = [Placement(i, 2 * i - 9, 5, 9 - i if mirrored else None) for i in range(10)]
    return Board(config, [*twins, Placement(10, 0, 9)])


BOARDS = [board("AAA"), board("BBB", mirrored=False)]
HOLDS = st.lists(st.builds(Hold, st.integers(0, 10), st.sampled_from(ROLES)), max_size=6).map(tuple)
ROUTES = st.builds(Route, st.sampled_from(["AAA", "BBB"]), st.sampled_from([20, 40]), HOLDS)


def route(*placements, on="AAA", role="middle", angle=40):
    return Route(on, angle, tuple(Hold(placement, role) for placement in placements))


def by_hand(a, b, roles):
    """Jaccard by counting one by one, over lists."""
    ours, theirs = ({(r.board, *(hold if roles else hold[:1])) for hold in r.holds} for r in (a, b))
    shared = [key for key in ours if key in theirs]
    return len(shared) / (len(ours) + len(theirs) - len(shared)) if shared else 0.0


def turned(r):
    """The mirror image, by arithmetic; None where there is none."""
    if r.board != "AAA" or any(hold.placement == 10 for hold in r.holds):
        return None
    return Route(r.board, r.angle, tuple(Hold(9 - hold.placement, hold.role) for hold in r.holds))


def scan(query, routes, roles):
    """The nearest by looking at all of them."""
    best = Nearest(0.0, None)
    for mirrored, asked in ((False, query), (True, turned(query))):
        for number, other in enumerate(routes if asked else ()):
            if (similarity := by_hand(asked, other, roles)) > best.similarity:
                best = Nearest(similarity, number, mirrored)
    return best


@settings(max_examples=50)
@given(ROUTES, st.lists(ROUTES, max_size=12), st.booleans())
def test_the_index_finds_what_a_full_scan_finds(query, routes, roles):
    index = NoveltyIndex(iter(routes), BOARDS, roles)
    assert len(index) == len(routes)
    assert index.nearest(query) == scan(query, routes, roles)


@settings(max_examples=30)
@given(ROUTES, st.lists(ROUTES, max_size=12))
def test_without_boards_nothing_mirrors(query, routes):
    expected = max((by_hand(query, other, False) for other in routes), default=0.0)
    found = NoveltyIndex(routes).nearest(query)
    assert (found.similarity, found.mirrored) == (expected, False)
    assert found.novelty == 1 - expected


def test_what_is_nearest_is_named():
    index = NoveltyIndex([route(1, 2), route(), route(1, 2, 3), route(1, 2, 3, 4, on="BBB")], BOARDS)
    assert index.nearest(route(1, 2, 3, angle=20)) == Nearest(1.0, 2)
    assert index.nearest(route(1, 2, 3, 4)) == Nearest(0.75, 2)
    assert index.nearest(route(8, 7, 6)) == Nearest(1.0, 2, mirrored=True)
    assert index.nearest(route(8, 7, 6, on="BBB")) == Nearest(0.0, None)
    assert index.nearest(route(999, on="CCC")) == index.nearest(route()) == Nearest(0.0, None)


def test_roles_count_when_asked():
    known = [route(1, 2, role="foot")]
    assert NoveltyIndex(known).nearest(route(1, 2)).similarity == 1
    assert NoveltyIndex(known, roles=True).nearest(route(1, 2)).similarity == 0


@settings(max_examples=30)
@given(st.lists(ROUTES, max_size=8), st.booleans())
def test_diversity_is_that_of_all_pairs(routes, roles):
    found = diversity(routes, roles=roles)
    pairs = [(a, b) for a, b in combinations(routes, 2) if a.board == b.board]
    distances = [1 - by_hand(a, b, roles) for a, b in pairs]
    assert found.pairs == len(pairs)
    assert found.distance == (pytest.approx(sum(distances) / len(distances), abs=1e-6) if pairs else None)
    keys = {(r.board, frozenset(hold if roles else hold.placement for hold in r.holds)) for r in routes}
    assert (found.routes, found.distinct) == (len(routes), len(keys))
    assert found.distinct_share == (len(keys) / len(routes) if routes else None)


@settings(max_examples=30)
@given(st.lists(HOLDS.filter(lambda holds: all(hold.placement < 10 for hold in holds)), min_size=2, max_size=5))
def test_mirror_images_count_as_the_same(many):
    routes = [Route("AAA", 40, holds) for holds in many]
    both = routes + [turned(r) for r in routes]
    distances = [1 - max(by_hand(a, b, False), by_hand(turned(a), b, False)) for a, b in combinations(routes, 2)]
    assert diversity(routes, BOARDS).distance == pytest.approx(sum(distances) / len(distances), abs=1e-6)
    assert diversity(both, BOARDS).distinct == diversity(routes, BOARDS).distinct
    assert diversity([*routes, route(1, 2, 3), route(8, 7, 6)]).distinct >= diversity(routes).distinct


def test_more_routes_than_a_block_of_the_table(monkeypatch):
    routes = [route(i % 10, (i * i) % 7, i % 3) for i in range(40)]
    whole = diversity(routes, BOARDS)
    monkeypatch.setattr("labkit.routes.novelty.BLOCK", 7)
    assert diversity(routes, BOARDS).distance == pytest.approx(whole.distance, abs=1e-6)


def test_duplicates_are_listed():
    routes = [route(1, 2), route(3), route(2, 1, angle=20), route(8, 7), route(1, 2, on="BBB")]
    assert duplicates(routes) == [[0, 2]]
    assert duplicates(routes, BOARDS) == [[0, 2, 3]]
    assert duplicates([route(), route(on="BBB"), route(angle=20)]) == [[0, 2]]
    assert duplicates([route(1), route(1, role="foot")], roles=True) == []


@settings(max_examples=30)
@given(ROUTES, ROUTES, st.booleans())
def test_jaccard(a, b, roles):
    assert jaccard(a, b, roles) == jaccard(b, a, roles) == by_hand(a, b, roles)
    assert jaccard(a, a, roles) == bool(a.holds)


@settings(max_examples=30)
@given(HOLDS)
def test_the_mirror_image_of_the_mirror_image_is_the_route(holds):
    r = Route("AAA", 40, holds, 20.0, "climb", "name")
    image = mirror_image(r, BOARDS[0])
    if turned(r) is None:
        assert image is None
    else:
        assert image.holds == turned(r).holds
        assert mirror_image(image, BOARDS[0]) == r
    assert mirror_image(Route("BBB", 40, holds), BOARDS[1]) is None


def test_the_mirror_image_needs_the_board_of_the_route():
    with pytest.raises(ValueError, match="the route is on board AAA, the board is BBB"):
        mirror_image(route(1), BOARDS[1])
