"""The account of generated routes: what breaks which rule, what a judge says, and how it adds up in cells."""

import json
import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.routes import ROLES, Board, BoardConfig, Hold, Placement, Route, Window, difficulties
from labkit.routes.evaluation import evaluate_routes, grade_scores
from labkit.routes.novelty import NoveltyIndex
from labkit.routes.validity import BASIC, STRICT, Limits, basic_problems, board_of, strict_problems

NUMBERS = dict(zip(ROLES, range(4), strict=True))


def ladder(key):
    """A board with holds 0 … 19 above one another, 8 inches apart."""
    config = BoardConfig(key, key, 1, NUMBERS, 40, Window(-1, 0, 1, 160), False)
    return Board(config, [Placement(i, 0, 8 * i) for i in range(20)])


BOARDS = {key: ladder(key) for key in ("AAA", "BBB")}


def route(starts, middles, finishes, feet=(), on="AAA", angle=40):
    parts = zip(ROLES, (starts, middles, finishes, feet), strict=True)
    return Route(on, angle, tuple(Hold(placement, role) for role, places in parts for placement in places))


GOOD = route([2], [4, 6, 8], [10], [0])


@pytest.mark.parametrize(
    ("wrong", "problems"),
    [
        (GOOD, ()),
        (route([], [4], [10]), ("no start",)),
        (route([2], [4], []), ("no finish",)),
        (route([2], [99], [10]), ("unknown hold",)),
        (replace(GOOD, holds=(*GOOD.holds, Hold(12, "knee"))), ("unknown role",)),
        (route([2], [4, 2], [10]), ("hold twice",)),
        (replace(GOOD, angle=45), ("unknown angle",)),
        (replace(GOOD, angle=42), ("unknown angle",)),
        (route([], [4, 4], []), ("no start", "no finish", "hold twice")),
        (route([], [], []), ("no start", "no finish")),
    ],
)
def test_basic_rules(wrong, problems):
    assert basic_problems(wrong, BOARDS["AAA"]) == problems
    if problems:
        assert strict_problems(wrong, BOARDS["AAA"]) == ()


@pytest.mark.parametrize(
    ("wrong", "problems"),
    [
        (GOOD, ()),
        (route([2, 3], [5, 7], [9, 10]), ()),
        (route([1, 2, 3], [5, 7], [9, 10]), ("starts",)),
        (route([2, 3], [5, 7], [8, 9, 10]), ("finishes",)),
        (route([2], [], [8]), ("hold count",)),
        (route([2], range(3, 12), [12]), ("hold count",)),
        (route([6], [7], [8]), ("height gain",)),
        (route([8], [7], [2]), ("height gain",)),
        (route([2], [4], [12]), ("reach",)),
        (route([1, 2, 3], [], [19]), ("starts", "reach")),
    ],
)
def test_strict_rules(wrong, problems):
    limits = Limits(min_holds=3, max_holds=10, gain=24, reach=56)
    assert strict_problems(wrong, BOARDS["AAA"], limits) == problems


def test_limits():
    limits = Limits.from_routes([GOOD, route([2], [], [8])], reach=50.0)
    assert limits == Limits(min_holds=2, max_holds=6, gain=Limits().gain, reach=50.0)
    with pytest.raises(ValueError, match="no routes"):
        Limits.from_routes([])
    with pytest.raises(ValueError, match="at most max_holds, got 5 and 4"):
        Limits(5, 4)
    with pytest.raises(ValueError, match="above 0 inches"):
        Limits(reach=math.nan)


def test_a_route_needs_its_own_board():
    with pytest.raises(ValueError, match="the route is on board AAA, the board is BBB"):
        basic_problems(GOOD, BOARDS["BBB"])
    with pytest.raises(ValueError, match="on board 'CCC'; the boards given are AAA, BBB"):
        board_of(replace(GOOD, board="CCC"), BOARDS)


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 16), st.none() | st.integers(0, 16)), min_size=1))
def test_grade_scores_count_a_miss_where_there_is_no_grade(pairs):
    scores = grade_scores(*zip(*pairs, strict=True))
    off = [abs(a - b) if b is not None else math.inf for a, b in pairs]
    for far, share in ((0, scores.exact), (1, scores.within_1), (2, scores.within_2)):
        assert share == sum(e <= far for e in off) / len(pairs)
    graded = [b - a for a, b in pairs if b is not None]
    assert (scores.asked, scores.graded) == (len(pairs), len(graded))
    if graded:
        assert scores.mae == pytest.approx(sum(map(abs, graded)) / len(graded))
        assert abs(scores.bias) <= scores.mae + 1e-12
    else:
        assert scores.mae is scores.bias is None


def test_grades_without_partners_are_refused():
    for wanted, judged in (([], []), ([1], [1, 2])):
        with pytest.raises(ValueError, match="as many judged as wanted grades"):
            grade_scores(wanted, judged)


def account():
    """Two routes on AAA, one new and one a copy, both wanted V5; on BBB one of V3 and one without a finish."""
    copy = route([1], [3, 5], [7])
    routes = [GOOD, copy, replace(GOOD, board="BBB", angle=20), route([2], [4, 5], [], on="BBB", angle=20)]
    asked = []

    def judge(r):
        asked.append(r)
        return {"AAA": 22.2, "BBB": 16.6}[r.board] if r is not copy else math.nan  # V6, V3

    real = [replace(copy, angle=10), replace(GOOD, board="CCC")]
    found = evaluate_routes(
        routes,
        [5, 5, 3, 3],
        BOARDS,
        {"judge": judge, "flat": lambda r: difficulties(5)[0]},
        NoveltyIndex(real),
        iter(real),
    )
    return found, asked


def test_an_account_of_four_routes():
    found, asked = account()
    assert len(found) == 4
    assert len(asked) == 3  # a judge is not asked for what is no route
    assert [verdict.valid for verdict in found.verdicts] == [True, True, True, False]
    assert [verdict.strictly_valid for verdict in found.verdicts] == [True, True, True, False]
    assert found.verdicts[0].grades == {"judge": 6, "flat": 5}
    assert found.verdicts[1].grades == {"flat": 5}
    assert found.problems == dict.fromkeys((*BASIC, *STRICT), 0) | {"no finish": 1}
    summary = found.summary()
    assert (summary["routes"], summary["valid"], summary["strict"]) == (4, 0.75, 0.75)
    assert (summary["judge_exact"], summary["judge_within_1"], summary["judge_mae"]) == (0.25, 0.5, 0.5)
    assert (summary["flat_exact"], summary["flat_within_2"], summary["flat_bias"]) == (0.5, 0.75, pytest.approx(2 / 3))
    assert summary["copies"] == 0.25
    assert found.diversity.pairs == 2
    assert found.geometry.keys() == {"AAA"}  # there is no real route on BBB
    assert found.geometry["AAA"]["height"].counts == (2, 1)


def test_rows_are_cells_of_board_angle_and_grade():
    found, _ = account()
    first, second = rows = found.rows()
    assert [(row["board"], row["angle"], row["grade"], row["routes"]) for row in rows] == [
        ("AAA", 40, 5, 2),
        ("BBB", 20, 3, 2),
    ]
    assert first.keys() == second.keys()
    assert (first["valid"], second["valid"]) == (1, 0.5)
    assert (first["copies"], second["similarity"]) == (0.5, 0)
    assert (first["judge_exact"], second["judge_exact"]) == (0, 0.5)
    for share in ("valid", "strict", "copies", "judge_within_1", "flat_exact"):
        assert sum(row["routes"] * row[share] for row in rows) == pytest.approx(4 * found.summary()[share])


def test_the_account_is_json():
    found, _ = account()
    data = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert data["summary"] == found.summary()
    assert data["rows"] == found.rows()
    assert data["geometry"]["AAA"]["longest_reach"]["counts"] == [2, 1]
    assert data["limits"] == {"min_holds": 3, "max_holds": 40, "gain": Limits().gain, "reach": Limits().reach}


def test_without_judges_and_index_there_is_only_validity():
    found = evaluate_routes([GOOD], [5], BOARDS)
    assert found.summary() == {"routes": 1, "valid": 1.0, "strict": 1.0}
    assert found.geometry == {}
    assert found.verdicts[0].nearest is None


def test_what_cannot_be_evaluated_is_named():
    with pytest.raises(ValueError, match="no routes to evaluate"):
        evaluate_routes([], [], BOARDS)
    with pytest.raises(ValueError, match="1 routes, but 2 wanted grades"):
        evaluate_routes([GOOD], [5, 6], BOARDS)
    with pytest.raises(ValueError, match=r"a V grade is 0 … 16, got 17"):
        evaluate_routes([GOOD], [17], BOARDS)
    with pytest.raises(ValueError, match="on board 'CCC'"):
        evaluate_routes([replace(GOOD, board="CCC")], [5], BOARDS)
