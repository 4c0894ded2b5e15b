"""Boards, grades, routes and their frames."""

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.routes import (
    ROLES,
    V_GRADES,
    Board,
    BoardConfig,
    FramesError,
    Hold,
    Placement,
    Window,
    board_configs,
    difficulties,
    frames,
    parse_frames,
    v_grade,
)
from labkit.routes.board import read_board_config

from .boards import config, mirrored_board

TENSION, KILTER = board_configs()["tension"], board_configs()["kilter"]


# -- boards


def test_the_two_boards_are_what_their_apps_say():
    assert (TENSION.key, TENSION.layout_id, TENSION.max_angle, TENSION.mirrored) == ("TB2", 10, 50, True)
    assert TENSION.roles == {"start": 5, "middle": 6, "finish": 7, "foot": 8}
    assert TENSION.window == Window(-68, 0, 68, 144)
    assert (KILTER.layout_id, KILTER.max_angle, KILTER.mirrored) == (1, 55, False)
    assert KILTER.roles == {"start": 12, "middle": 13, "finish": 14, "foot": 15}
    assert KILTER.window == Window(-24, 0, 168, 156)
    assert KILTER.first_ascent_after == "2016-12-31"  # after 2016
    assert TENSION.first_ascent_after is None
    assert list(TENSION.angles) == [0, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50]


@given(st.floats(-3, 13), st.floats(-3, 13))
def test_a_window_holds_its_edges_and_what_is_between(x, y):
    assert Window(0, 1, 10, 11).holds(x, y) == (min(max(x, 0), 10) == x and min(max(y, 1), 11) == y)


def test_a_board_has_its_holds_by_id():
    on = mirrored_board()
    assert list(on.placements) == [0, 1, 2, 3, 4, 5, 9]
    assert repr(on) == "Board(TB2, 7 holds)"
    for hold in on.placements.values():
        twin = on.placements[hold.mirror]
        assert (twin.mirror, twin.x, twin.y) == (hold.id, 10 - hold.x, hold.y)


@pytest.mark.parametrize(
    ("holds", "message"),
    [
        ([Placement(1, 2, 3), Placement(1, 4, 5)], "placement 1 is there twice"),
        ([Placement(1, 11, 3)], "placement 1 at 11, 3 is off the window"),
        ([Placement(1, float("nan"), 3)], "off the window"),
        ([Placement(1, 2, 3, 7)], "placement 1 has the twin 7, not the reverse"),
        ([Placement(1, 2, 3, 2), Placement(2, 8, 3)], "placement 1 has the twin 2"),
        ([Placement(1, 2, 3, 2), Placement(2, 8, 3, 2)], "placement 1 has the twin 2"),
    ],
)
def test_holds_that_make_no_board(holds, message):
    with pytest.raises(ValueError, match=message):
        Board(config(), holds)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"key": "tb2"}, "capitals and digits"),
        ({"key": "T_B"}, "capitals and digits"),
        ({"roles": {"start": 1}}, "a number each"),
        ({"roles": {"start": 1, "middle": 1, "finish": 2, "foot": 3}}, "a number each"),
        ({"window": {"left": 0, "bottom": 0, "right": 0, "top": 1}}, "window is empty"),
        ({"window": {"left": 0}}, "not the description of a board"),
        ({"max_angle": 95}, r"0 … 90 degrees, got 95"),
        ({"more": 1}, "not the description of a board: .*more"),
        ({"name": ...}, "not the description of a board: .*name"),
    ],
)
def test_files_that_describe_no_board(tmp_path, change, message):
    data = {
        "key": "MB",
        "name": "My board",
        "layout_id": 1,
        "roles": {"start": 1, "middle": 2, "finish": 3, "foot": 4},
        "max_angle": 40,
        "window": {"left": 0, "bottom": 0, "right": 1, "top": 1},
        "mirrored": False,
    }
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(data))
    assert read_board_config(path).key == "MB"
    data = {name: value for name, value in (data | change).items() if value is not ...}
    path.write_text(json.dumps(data))
    with pytest.raises(ValueError, match=message) as caught:
        read_board_config(path)
    assert str(path) in str(caught.value)


def test_importing_routes_loads_neither_torch_nor_pandas():
    code = "import sys, labkit.routes; assert not {'torch', 'pandas'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


# -- grades

TABLE = {10: 0, 11: 0, 12: 0, 13: 1, 14: 1, 15: 2, 16: 3, 17: 3, 18: 4, 19: 4, 20: 5, 21: 5, 22: 6, 23: 7, 24: 8, 25: 8}
TABLE |= {26: 9, 27: 10, 28: 11, 29: 12, 30: 13, 31: 14, 32: 15, 33: 16}


def test_the_grades_are_those_of_the_boards():
    assert TABLE == V_GRADES
    assert [v_grade(difficulty) for difficulty in TABLE] == list(TABLE.values())


def test_grades_and_difficulties_are_each_other_s_inverse():
    assert [d for grade in range(17) for d in difficulties(grade)] == list(TABLE)
    assert all(v_grade(d) == grade for grade in range(17) for d in difficulties(grade))


@given(st.floats(-10, 60), st.floats(-10, 60))
def test_harder_is_never_graded_lower(a, b):
    assert (v_grade(a) <= v_grade(b)) or a > b
    assert 0 <= v_grade(a) <= 16


@pytest.mark.parametrize(("difficulty", "grade"), [(12.49, 0), (12.5, 1), (21.5, 6), (22.5, 7), (-3.0, 0), (99.0, 16)])
def test_between_whole_difficulties_and_beyond_the_scale(difficulty, grade):
    assert v_grade(difficulty) == grade


@pytest.mark.parametrize("grade", [-1, 17, 2.5])
def test_no_grade(grade):
    with pytest.raises(ValueError, match="0 … 16"):
        difficulties(grade)


# -- frames


def test_frames_by_hand():
    holds = (Hold(344, "start"), Hold(369, "middle"), Hold(603, "finish"), Hold(7, "foot"))
    assert frames(holds, TENSION) == "p344r5p369r6p603r7p7r8"
    assert frames(holds, KILTER) == "p344r12p369r13p603r14p7r15"
    assert parse_frames("p344r5p369r6p603r7p7r8", TENSION) == holds


@given(
    st.lists(st.builds(Hold, st.integers(0, 10**9), st.sampled_from(ROLES)), min_size=1),
    st.sampled_from([TENSION, KILTER]),
)
def test_frames_come_back(holds, config):
    assert parse_frames(frames(holds, config), config) == tuple(holds)


@pytest.mark.parametrize("text", ["", "p1", "p1r5 ", "p1r5,p2r6", "r5p1", "p1r5x", "p-1r5", "P1R5", "p1r5p2"])
def test_what_is_no_frames(text):
    with pytest.raises(FramesError, match="not frames such as p344r5p369r6"):
        parse_frames(text, TENSION)


def test_roles_that_a_board_has_not():
    with pytest.raises(FramesError, match=r"role 12 of placement 3 .*5 start, 6 middle, 7 finish, 8 foot"):
        parse_frames("p3r12", TENSION)
    with pytest.raises(ValueError, match="start, middle, finish, foot, got 'hand'"):
        frames([Hold(1, "hand")], TENSION)


def test_a_config_is_read_as_it_is_in_its_file():
    with pytest.raises(ValueError, match="not the description of a board"):
        BoardConfig.from_dict({"key": "MB"})
