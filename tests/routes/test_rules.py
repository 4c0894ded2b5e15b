"""What is wrong with a route: named once, said in sentences, and counted in tables that agree with them."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.routes import ROLES, Hold, Route
from labkit.routes.rules import NEEDED, Rules, faults, faults_of_ids, is_valid, problems
from labkit.routes.tokens import RouteTokenizer
from labkit.routes.validity import BASIC, STRICT, Limits, basic_problems, strict_problems

from .boards import board, boards, routes

ON = board()
GOOD = (Hold(100, "start"), Hold(102, "foot"), Hold(103, "middle"), Hold(105, "finish"))
ANY_HOLD = st.builds(Hold, st.sampled_from([*ON.placements, 99]), st.sampled_from([*ROLES, "knee"]))


@pytest.mark.parametrize(
    ("holds", "name", "sentences"),
    [
        (
            (*GOOD, Hold(99, "foot"), Hold(98, "foot")),
            "unknown hold",
            [f"no placement {i} on board TB2" for i in (99, 98)],
        ),
        ((*GOOD, Hold(106, "knee")), "unknown role", ["no role 'knee'"]),
        (GOOD[1:], "no start", ["no start"]),
        (GOOD[:-1], "no finish", ["no finish"]),
        ([Hold(100 + i, "start") for i in range(3)] + [GOOD[-1]], "starts", ["3 holds to start"]),
        (GOOD[:1] + tuple(Hold(105 + i, "finish") for i in range(3)), "finishes", ["3 holds to finish"]),
        ((GOOD[0], Hold(102, "middle"), *GOOD[1::2]), "hold twice", ["placement 102 2 times"]),
        ((GOOD[0], GOOD[2], GOOD[1], GOOD[3]), "order", ["not in canonical order"]),
        ((GOOD[0], GOOD[3]), "hold count", ["2 holds, not 3 … 6"]),
        (
            (GOOD[0], *(Hold(101 + i, "foot") for i in range(5)), Hold(107, "finish")),
            "hold count",
            ["7 holds, not 3 … 6"],
        ),
    ],
)
def test_each_problem_has_a_name_and_a_sentence(holds, name, sentences):
    rules = Rules(3, 6)
    assert problems(holds, ON, rules) == {name: sentences}
    assert faults(holds, ON, rules) == sentences
    assert faults(holds, ON, rules, strict=False) == (sentences if name in NEEDED else [])


def test_where_something_is_needed_the_rest_is_not_asked_for():
    holds = (GOOD[3], *GOOD[1:])
    assert set(problems(holds, ON)) == {"no start", "hold twice", "order"}
    assert faults(holds, ON) == ["no start"]


@pytest.mark.parametrize(
    ("text", "loose", "strict"),
    [
        ("<BOS> <BOARD_TB2> <ANGLE_15> {} <EOS> <PAD>", [], []),
        ("<BOS> <BOARD_TB2> <ANGLE_15> {}", ["it does not end"], ["it does not end"]),
        ("<CLS> <BOARD_TB2> <ANGLE_15> {} <EOS>", [], ["it does not begin with <BOS>"]),
        ("<BOS> <BOARD_TB2> <ANGLE_25> {} <EOS>", [], ["board TB2 is not set to 25 degrees"]),
        ("<BOS> <BOARD_TB2> <ANGLE_15> {0} <TB2_p106_foot> <EOS>", [], ["not in canonical order"]),
    ],
)
def test_tokens_are_looked_at_from_the_first_to_the_last(text, loose, strict):
    tokenizer = RouteTokenizer([ON, board(key="KIL", max_angle=25)])
    ids = tokenizer.encode(text.format(" ".join(f"<TB2_p{hold.placement}_{hold.role}>" for hold in GOOD)))
    assert faults_of_ids(ids, tokenizer, strict=False) == loose
    assert faults_of_ids(ids, tokenizer) == strict


def test_tokens_that_no_route_begins_with():
    tokenizer = RouteTokenizer([ON])
    (said,) = faults_of_ids(tokenizer.encode("<BOS> <EOS>"), tokenizer)
    assert "a route begins with" in said


@given(st.data())
def test_a_route_has_no_problem_in_its_order_alone(data):
    on = data.draw(boards())
    holds = data.draw(routes(on)).holds
    assert problems(holds, on, Rules(2)) == {}
    other = data.draw(st.permutations(holds))
    assert set(problems(other, on, Rules(2))) == ({"order"} if tuple(other) != holds else set())


@given(st.lists(ANY_HOLD, max_size=7), st.integers(2, 4), st.integers(4, 6))
def test_sentences_and_tables_agree(holds, low, high):
    """Each table counts what `faults` says, but for the order, which no table has, and the numbers of a climber."""
    route, limits = Route("TB2", 15, tuple(holds)), Limits(low, high, gain=-1e9, reach=1e9)
    found = problems(holds, ON, limits)
    assert found.keys() <= {*BASIC, *STRICT, "order"}
    basic, strict = basic_problems(route, ON), strict_problems(route, ON, limits)
    assert set(basic) == found.keys() & set(BASIC)
    assert set(strict) == (set() if basic else found.keys() & set(STRICT))
    assert is_valid(holds, ON, limits) == (not basic and not strict and "order" not in found)
    assert is_valid(holds, ON, strict=False) == (not found.keys() & set(NEEDED))


def test_some_order_of_a_route_is_the_right_one():
    right = [holds for holds in itertools.permutations(GOOD) if is_valid(holds, ON)]
    assert right == [GOOD]
