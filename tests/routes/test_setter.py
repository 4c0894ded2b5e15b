"""The simulated setter: that its routes are repeatable, in order, varied, and graded as people grade."""

import itertools
import statistics
from collections import Counter

import numpy as np
import pytest

from labkit.files import datasets_dir
from labkit.routes import Board, Placement, v_grade
from labkit.routes.climber import difficulty
from labkit.routes.setter import NOBODY, simulate
from labkit.routes.simulated import LAYOUTS, simulated_board
from labkit.routes.table import read_routes, write_routes

BOARDS = {board.key: board for board in map(simulated_board, LAYOUTS)}
BOTH = list(BOARDS.values())


@pytest.fixture(scope="module")
def many():
    return list(simulate(BOTH, 3000, 7))


@pytest.fixture(scope="module")
def clean(many):
    """Difficulties without people's noise."""
    return [difficulty(BOARDS[route.board], route.holds, route.angle) for route in many]


def test_the_first_routes_do_not_depend_on_how_many_follow(many):
    for n in (0, 1, 2, 3, 50, 101):  # some of them end between two angles of a climb
        assert list(simulate(BOTH, n, 7)) == many[:n]


def test_the_seed_decides():
    assert list(simulate(BOTH, 20, 8)) == list(simulate(BOTH, 20, 8))
    assert list(simulate(BOTH, 20, 8)) != list(simulate(BOTH, 20, 9))


def test_routes_come_as_they_are_taken():
    endless = simulate(BOTH, 10**12, 0)
    assert len(list(itertools.islice(endless, 5))) == 5


def test_every_route_is_in_order(many):
    for route in many:
        board = BOARDS[route.board]
        ids = [hold.placement for hold in route.holds]
        roles = Counter(hold.role for hold in route.holds)
        assert len(set(ids)) == len(ids)
        assert set(ids) <= board.placements.keys()
        assert 1 <= roles["start"] <= 2
        assert 1 <= roles["finish"] <= 2
        assert 3 <= len(ids) - roles["foot"] <= 14
        assert route.angle in board.config.angles
        assert 10 <= route.difficulty == round(route.difficulty, 1) <= 33
        height = {role: [board.placements[i].y for i, other in route.holds if other == role] for role in roles}
        assert max(height["start"]) < min(height["finish"])
        assert (
            min(height["start"]) < 0.5 * board.config.window.top < 0.69 * board.config.window.top < height["finish"][0]
        )


def test_how_long_routes_are(many):
    hands = [sum(hold.role != "foot" for hold in route.holds) for route in many]
    assert 7 < statistics.mean(hands) < 9
    assert 14 < statistics.mean(len(route.holds) + 5 for route in many) < 18  # in tokens; real ones have about 16


def test_somebody_could_climb_each(clean):
    assert max(clean) <= NOBODY


def test_grades_are_noisy_as_people_are(many, clean):
    noise = [route.difficulty - hard for route, hard in zip(many, clean, strict=True)]
    assert statistics.mean(noise) == pytest.approx(0, abs=0.05)
    assert statistics.stdev(noise) == pytest.approx(0.6, abs=0.05)
    by_climb = {}
    for route, error in zip(many, noise, strict=True):
        by_climb.setdefault(route.climb, []).append(error)
    pairs = [errors[:2] for errors in by_climb.values() if len(errors) > 1]
    assert 0.4 < statistics.correlation(*zip(*pairs, strict=True)) < 0.7  # 0.45² of 0.6² is what a climb's angles share


def test_a_climb_is_the_same_at_its_angles_and_harder_where_it_is_steeper(many, clean):
    climbs = {}
    for route, hard in zip(many, clean, strict=True):
        climbs.setdefault(route.climb, []).append((route, hard))
    several = [group for group in climbs.values() if len(group) > 1]
    assert 0.2 < len(several) / len(climbs) < 0.6
    for group in several:
        assert len({(route.board, route.holds, route.name) for route, _ in group}) == 1
        angles, grades = zip(*((route.angle, hard) for route, hard in group), strict=True)
        assert len(angles) <= 3
        assert sorted(set(angles)) == list(angles)
        assert sorted(grades) == list(grades)
    assert all(climb.startswith("SIM") and len(climb) == 32 for climb in climbs)


def test_grades_are_spread_as_on_a_real_board(many):
    grades = Counter(v_grade(route.difficulty) for route in many)
    assert grades.most_common(1)[0][0] in (3, 4, 5)
    assert all(grades[v] >= 0.004 * len(many) for v in range(10))
    assert 0.002 < sum(n for v, n in grades.items() if v >= 10) / len(many) < 0.05


def test_angles_are_set_by_popularity(many):
    angles = Counter(route.angle for route in many)
    assert angles.most_common(1)[0][0] == 40
    assert set(angles) == set(BOARDS["KIL"].config.angles)
    assert Counter(route.board for route in many).most_common()[-1][1] > 0.4 * len(many)


def test_all_of_the_board_is_used(many):
    used = Counter((route.board, hold.placement) for route in many for hold in route.holds)
    assert sum((key, i) in used for key, board in BOARDS.items() for i in board.placements) > 0.9 * 1083


def test_count_and_angle_say_a_part_and_the_holds_say_more(many, clean):
    """A baseline leaves room; which holds they are, how good and how far apart, fills most of it."""

    def r2(*features):
        x = np.column_stack([np.ones(len(many)), *features])
        y = np.array(clean)
        train, test = slice(0, 2400), slice(2400, None)
        error = y[test] - x[test] @ np.linalg.lstsq(x[train], y[train], rcond=None)[0]
        return 1 - error.var() / y[test].var()

    hands = [[BOARDS[route.board].placements[i] for i, role in route.holds if role != "foot"] for route in many]
    angle = [route.angle for route in many]
    quality = [statistics.mean(hold.quality for hold in holds) for holds in hands]
    ups = [[b.y - a.y for a, b in itertools.pairwise(sorted(holds, key=lambda hold: hold.y))] for holds in hands]
    baseline = r2([len(route.holds) for route in many], angle)
    assert 0.2 < baseline < 0.5
    assert r2([len(route.holds) for route in many], angle, quality, list(map(max, ups))) > baseline + 0.3


def test_the_stored_routes_are_what_the_setter_gives(tmp_path):
    stored = datasets_dir() / "routes" / "simulated.csv"
    routes = list(simulate(BOTH, 400, 0))
    write_routes(tmp_path / "simulated.csv", routes)
    assert stored.read_bytes() == (tmp_path / "simulated.csv").read_bytes()
    assert list(read_routes(stored)) == routes
    card = (datasets_dir() / "routes" / "README.md").read_text(encoding="utf-8")
    assert "labkit routes simulate --n 400 --seed 0 " in card
    assert f"400 routes of {len({route.climb for route in routes})} climbs" in card


@pytest.mark.parametrize(
    ("boards", "n", "message"),
    [
        ([], 5, "give at least one board"),
        (BOTH, -1, "0 or more, got -1"),
        ([Board(BOTH[0].config, [Placement(1, 0, 50)])], 1, "of unknown quality: only simulated boards can be set on"),
        ([Board(BOTH[0].config, [Placement(1, 0, 5, quality=1)])], 1, "no hold to start a route on"),
    ],
)
def test_what_cannot_be_set_is_said_at_once(boards, n, message):
    with pytest.raises(ValueError, match=message):
        simulate(boards, n, 0)


def test_a_board_with_too_few_holds_ends():
    board = Board(BOTH[0].config, [Placement(i, 0, y, quality=0.9) for i, y in enumerate((50, 60))])
    with pytest.raises(ValueError, match="no route that can be climbed in 200 tries; has it enough holds"):
        next(simulate([board], 1, 0))
