"""The simulated boards: their sizes, their holds, their halves, and the stored table of them."""

import csv

import pytest

from labkit.files import datasets_dir
from labkit.routes import Placement, board_configs
from labkit.routes.simulated import LAYOUTS, Layout, lay_out, simulated_board, write_holds

BOARDS = {name: simulated_board(name) for name in LAYOUTS}


@pytest.mark.parametrize(("name", "key", "n"), [("tension", "TB2", 495), ("kilter", "KIL", 588)])
def test_a_board_fills_its_real_window(name, key, n):
    board = BOARDS[name]
    window = board.config.window
    assert (board.key, len(board.placements)) == (key, n)
    assert board.config == board_configs()[name]
    xs, ys = ([getattr(hold, axis) for hold in board.placements.values()] for axis in "xy")
    assert max(min(xs) - window.left, window.right - max(xs), min(ys) - window.bottom, window.top - max(ys)) <= 8
    assert len(set(zip(xs, ys, strict=True))) == n


@pytest.mark.parametrize("board", BOARDS.values(), ids=str)
def test_rows_are_staggered_and_ids_count_up(board):
    rows = {}
    for hold in board.placements.values():
        rows.setdefault(hold.y, []).append(hold)
    assert list(rows) == sorted(rows)  # ids ascend with the rows, and within them from the left
    assert all([hold.x for hold in row] == sorted(hold.x for hold in row) for row in rows.values())
    below, *above = rows.values()
    for row in above:
        assert not {hold.x for hold in below} & {hold.x for hold in row}
        below = row
    first = min(board.placements)
    assert list(board.placements) == list(range(first, first + len(board.placements)))


def test_the_ids_of_the_boards_differ():
    assert not BOARDS["tension"].placements.keys() & BOARDS["kilter"].placements.keys()


@pytest.mark.parametrize("board", BOARDS.values(), ids=str)
def test_a_few_jugs_many_small_holds_and_chips_below(board):
    qualities = [hold.quality for hold in board.placements.values()]
    low = [hold.quality for hold in board.placements.values() if hold.y <= 20]
    assert all(0 < quality <= 1 for quality in qualities)
    assert 0.03 <= sum(quality >= 0.85 for quality in qualities) / len(qualities) <= 0.09
    assert sum(quality < 0.4 for quality in qualities) > len(qualities) / 2
    assert sum(quality <= 0.25 for quality in low) > 0.7 * len(low)


def test_the_halves_of_the_tension_board_mirror_each_other():
    holds = BOARDS["tension"].placements
    for hold in holds.values():
        twin = holds[hold.mirror]
        assert (twin.x, twin.y, twin.quality, twin.mirror) == (-hold.x, hold.y, hold.quality, hold.id)
        assert (twin is hold) == (hold.x == 0)
    assert sum(hold.mirror == hold.id for hold in holds.values()) == 11
    assert all(hold.mirror is None for hold in BOARDS["kilter"].placements.values())


def test_a_board_is_the_same_every_time():
    assert all(simulated_board(name).placements == board.placements for name, board in BOARDS.items())


def test_another_name_is_refused():
    with pytest.raises(ValueError, match="no simulated board is called 'moon'; there are: kilter, tension"):
        simulated_board("moon")


def test_a_lopsided_layout_makes_no_mirrored_board():
    with pytest.raises(ValueError, match="columns must stand evenly about 0"):
        lay_out(board_configs()["tension"], Layout(1, (-60, 6, 22), (4, 6, 3), 0))


def test_the_stored_table_is_what_the_boards_give(tmp_path):
    write_holds(tmp_path / "holds.csv")
    stored = datasets_dir() / "boards" / "simulated-holds.csv"
    assert stored.read_bytes() == (tmp_path / "holds.csv").read_bytes()
    with stored.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for name, board in BOARDS.items():
        found = [
            Placement(
                int(row["placement"]),
                float(row["x"]),
                float(row["y"]),
                int(row["mirror"]) if row["mirror"] else None,
                float(row["quality"]),
            )
            for row in rows
            if row["board"] == board.key
        ]
        assert found == list(board.placements.values()), name
