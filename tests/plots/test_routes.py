"""Drawn routes: each hold is where it is, in its role's shape and colour, and what is simulated says so."""

from itertools import combinations, pairwise

import matplotlib.pyplot as plt
import pytest
from matplotlib.colors import to_hex

from labkit.plots import draw_route, draw_routes, style, theme
from labkit.plots.routes import COLORS, SHAPES
from labkit.routes import ROLES, Board, Hold, Placement, Route, board_configs
from labkit.routes.simulated import simulated_board

BOARDS = {board.key: board for board in map(simulated_board, ("tension", "kilter"))}


def some_route(board, angle=40, difficulty=22.0):
    """Two starts, three middles, two finishes and a foot, spread over the board."""
    roles = ("foot", "start", "start", "middle", "middle", "middle", "finish", "finish")
    ids = list(board.placements)[5 :: len(board.placements) // 8][:8]
    return Route(board.key, angle, tuple(Hold(*hold) for hold in zip(ids, roles, strict=True)), difficulty)


def drawn(ax):
    """role -> (points, marker, colour) of the lines on axes."""
    return {
        line.get_label(): (sorted(map(tuple, line.get_xydata().tolist())), line.get_marker(), to_hex(line.get_color()))
        for line in ax.lines
    }


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("key", BOARDS)
def test_holds_are_where_they_are_in_the_shape_and_colour_of_their_role(key, dark):
    board, route = BOARDS[key], some_route(BOARDS[key])
    with style(dark):
        ax = draw_route(board, iter(route.holds))
    found = drawn(ax)
    assert list(found) == list(ROLES)
    for role, (points, marker, color) in found.items():
        places = [board.placements[hold.placement] for hold in route.holds if hold.role == role]
        assert points == sorted((place.x, place.y) for place in places)
        assert marker == SHAPES[role]
        assert color == (theme.DARK if dark else theme.LIGHT)[COLORS[key][role]]
    assert len(ax.collections[0].get_offsets()) == len(board.placements)
    assert sorted(text.get_text() for text in ax.texts) == ["finish", "finish", "start", "start"]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == list(ROLES)
    assert ax.get_aspect() == 1


def test_roles_differ_without_colour():
    assert len(set(SHAPES.values())) == len(ROLES)
    for colors in COLORS.values():
        assert sorted(colors) == sorted(ROLES)
        for names in (theme.LIGHT, theme.DARK):
            assert len({names[name] for name in colors.values()}) == len(ROLES)


@pytest.mark.parametrize(
    ("angle", "grade", "title", "expected"),
    [
        (40, 6, None, "Tension Board 2 (simulated), 40°, V6"),
        (None, 22.4, "mine", "mine (simulated), V6"),
        (0, "asked V5", "a simulated board", "a simulated board, 0°, asked V5"),
        (None, None, None, "Tension Board 2 (simulated)"),
    ],
)
def test_titles(angle, grade, title, expected):
    ax = draw_route(BOARDS["TB2"], [], angle=angle, grade=grade, title=title)
    assert ax.get_title() == expected
    assert ax.get_legend() is None


def test_a_real_board_is_not_called_simulated():
    board = Board(board_configs()["kilter"], [Placement(1, 0, 0), Placement(2, 10, 10)])
    ax = draw_route(board, [Hold(1, "start")], plt.subplots()[1], legend=False)
    assert ax.get_title() == "Kilter Board Original"
    assert len(set(ax.collections[0].get_sizes())) == 1
    assert ax.get_legend() is None


def test_better_holds_are_larger_dots():
    board = BOARDS["TB2"]
    sizes = draw_route(board, []).collections[0].get_sizes()
    by_quality = sorted(zip((place.quality for place in board.placements.values()), sizes, strict=True))
    assert all(a <= b for (_, a), (_, b) in pairwise(by_quality))
    assert by_quality[0][1] < by_quality[-1][1]


@pytest.mark.parametrize("key", BOARDS)
def test_names_hide_no_hold_and_all_is_on_the_page(key):
    board = BOARDS[key]
    row = sorted(board.placements.values(), key=lambda place: (place.y, place.x))[24:28]
    roles = ("foot", "start", "start", "middle")
    holds = [Hold(place.id, role) for place, role in zip(row, roles, strict=True)]
    with style():
        ax = draw_route(board, holds, angle=40)
    ax.figure.canvas.draw()
    names = [text.get_window_extent() for text in ax.texts]
    assert not any(a.overlaps(b) for a, b in combinations(names, 2))
    for place in row:
        assert not any(name.contains(*ax.transData.transform((place.x, place.y))) for name in names)
    page, everything = ax.figure.bbox, ax.get_tightbbox()
    assert page.x0 <= everything.x0
    assert everything.x1 <= page.x1
    assert page.y0 <= everything.y0
    assert everything.y1 <= page.y1


def test_several_routes_stand_side_by_side_with_one_legend():
    routes = [some_route(BOARDS["TB2"], 20), some_route(BOARDS["KIL"], 30, None), some_route(BOARDS["TB2"], 50, 26.0)]
    axes = draw_routes(BOARDS, routes, columns=2)
    titles = ["TB2 (simulated), 20°, V6", "KIL (simulated), 30°", "TB2 (simulated), 50°, V9"]
    assert [ax.get_title() for ax in axes] == titles
    assert all(drawn(ax).keys() == set(ROLES) and ax.get_legend() is None for ax in axes)
    (legend,) = axes[0].figure.legends
    assert [text.get_text() for text in legend.get_texts()] == list(ROLES)
    assert len(axes[0].figure.axes) == 4
    assert [ax.get_title() for ax in draw_routes(BOARDS, routes, titles=["a", "b", "c"])] == ["a", "b", "c"]


def test_what_cannot_be_drawn_is_named():
    board, route = BOARDS["TB2"], some_route(BOARDS["TB2"])
    with pytest.raises(ValueError, match="board TB2 has no hold 7"):
        draw_route(board, [Hold(7, "start")])
    with pytest.raises(ValueError, match="one of start, middle, finish, foot, got 'knee'"):
        draw_route(board, [Hold(route.holds[0].placement, "knee")])
    with pytest.raises(ValueError, match=r"1 … 60 routes"):
        draw_routes(BOARDS, [])
    with pytest.raises(ValueError, match="1 titles for 2 routes"):
        draw_routes(BOARDS, [route, route], titles=["one"])
    with pytest.raises(ValueError, match="on the boards KIL, but given are TB2"):
        draw_routes({"TB2": board}, [some_route(BOARDS["KIL"])])
