"""Splits by climb, and what a leak check must find."""

import random
from dataclasses import replace
from itertools import chain

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.routes import Hold, Route
from labkit.routes.splits import label_leaks, leaks, part_of, split, without_leaks
from labkit.routes.tokens import RouteTokenizer

from .boards import board, mirrored_board

HOLDS = (Hold(0, "start"), Hold(3, "middle"), Hold(9, "finish"))
TWINS = (Hold(1, "start"), Hold(2, "middle"), Hold(9, "finish"))
ROUTE = Route("TB2", 20, HOLDS, 15.0, "a")


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.text(min_size=1), st.sampled_from([10, 20])), max_size=40), st.integers(0, 9))
def test_parts_do_not_share_a_climb_and_lose_no_route(named, seed):
    routes = [replace(ROUTE, climb=climb, angle=angle) for climb, angle in named]
    parts = split(routes, seed=seed)
    assert list(parts) == ["train", "validation", "test"]
    assert sorted(map(repr, chain(*parts.values()))) == sorted(map(repr, routes))
    climbs = [{route.climb for route in part} for part in parts.values()]
    assert len(set().union(*climbs)) == sum(map(len, climbs))
    # Stable: routes that are added later move none.
    before = split(routes[::2], seed=seed)
    for part, kept in before.items():
        assert {route.climb for route in kept} <= {route.climb for route in parts[part]}


def test_sizes_of_parts_and_other_seeds():
    climbs = [f"climb-{i}" for i in range(20_000)]
    fractions = {"train": 0.7, "none": 0.0, "test": 0.3}
    parts = [part_of(climb, fractions, 1) for climb in climbs]
    assert parts.count("none") == 0
    assert abs(parts.count("test") - 6000) < 5 * (20_000 * 0.7 * 0.3) ** 0.5
    other = [part_of(climb, fractions, 2) for climb in climbs]
    # Two seeds know nothing of each other: they agree as often as two independent draws.
    same = sum(a == b for a, b in zip(parts, other, strict=True))
    assert abs(same - 20_000 * (0.7**2 + 0.3**2)) < 5 * (20_000 * 0.25) ** 0.5


def test_what_cannot_be_split():
    with pytest.raises(ValueError, match="without a climb's id"):
        split([replace(ROUTE, climb="")])
    for fractions in ({}, {"train": 0.5}, {"train": 1.5, "test": -0.5}, {"train": float("nan")}):
        with pytest.raises(ValueError, match="add up to 1"):
            split([ROUTE], fractions)


def test_each_kind_of_leak_is_found_and_left_out():
    test = [
        replace(ROUTE, angle=5),
        replace(ROUTE, climb="b", holds=HOLDS[::-1]),
        replace(ROUTE, climb="c", holds=TWINS),
        replace(ROUTE, climb="d", holds=(*HOLDS, Hold(5, "foot"))),
        replace(ROUTE, climb="e", holds=(Hold(0, "start"), Hold(3, "foot"), Hold(9, "finish"))),
    ]
    climb, holds, mirror = leaks([ROUTE], test, [mirrored_board()])
    assert str(climb) == "same climb: 1 (such as TB2 a at 5°)"
    assert str(holds) == "same holds: 1 (such as TB2 b = a at 20°)"
    assert str(mirror) == "mirror image: 1 (such as TB2 c = a at 20°)"
    assert [route.climb for route in without_leaks([ROUTE], test, [mirrored_board()])] == ["d", "e"]
    assert [leak.count for leak in leaks([ROUTE], test[3:], [mirrored_board()])] == [0, 0, 0]


def test_the_same_holds_on_another_board_are_another_route():
    both = [board(), board(key="KIL")]
    route = Route("TB2", 20, (Hold(100, "start"), Hold(104, "finish")), climb="a")
    assert [leak.count for leak in leaks([route], [replace(route, board="KIL", climb="b")], both)] == [0, 0, 0]
    assert [leak.count for leak in leaks([route], [replace(route, board="KIL")], both)] == [0, 0, 0]
    with pytest.raises(ValueError, match="route 'a' is on board 'TB2', not on KIL"):
        leaks([route], [], both[1:])


def test_examples_are_few_and_counts_whole():
    train = [replace(ROUTE, climb=str(i)) for i in range(20)]
    found = leaks(train, train, [mirrored_board()], examples=2)[0]
    assert (found.count, len(found.examples)) == (20, 2)


def test_routes_without_an_id_are_compared_by_their_holds():
    nameless = replace(ROUTE, climb="")
    assert [leak.count for leak in leaks([nameless], [nameless], [mirrored_board()])] == [0, 1, 0]
    assert [leak.count for leak in leaks([nameless], [replace(nameless, holds=HOLDS[:2])], [mirrored_board()])] == [
        0
    ] * 3


def test_a_split_by_climb_leaks_only_what_was_set_twice():
    rng, on = random.Random(0), board(30)
    routes = []
    for i in range(300):
        chosen = rng.sample(sorted(on.placements), 6)
        holds = tuple(map(Hold, chosen, ["start", *["middle"] * 4, "finish"]))
        routes += [Route("TB2", angle, holds, 15.0, f"{i}") for angle in (10, 20)]
    parts = split(routes)
    assert [leak.count for leak in leaks(parts["train"], parts["test"], [on])] == [0, 0, 0]
    copies = [replace(route, climb=f"copy of {route.climb}") for route in parts["train"][:7]]
    assert [leak.count for leak in leaks(parts["train"], parts["test"] + copies, [on])] == [0, 7, 0]


def test_a_label_that_the_reader_reads():
    tokenizer = RouteTokenizer([mirrored_board()])
    sequences = [tokenizer.encode_route(ROUTE, grade=grade) for grade in (False, True, "any", True)]
    found = label_leaks(sequences, tokenizer)
    assert found.count == 2
    assert found.examples == ("sequence 1 has <GRADE_V2>", "sequence 3 has <GRADE_V2>")
    assert str(label_leaks(sequences[:1], tokenizer)) == "grade in the sequence: 0"
