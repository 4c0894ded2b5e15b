"""The board without a browser: what it carries into a page, what it refuses, and what Python reads of it."""

import base64
import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from traitlets import TraitError

from labkit.gpt import GPT
from labkit.plots import routes as plots
from labkit.routes import ROLES, Board, Hold, Placement, Route, parse_frames, v_grade
from labkit.routes.generator import Generator, Wish
from labkit.routes.placed import PlacedGPT
from labkit.routes.rules import Rules
from labkit.routes.run import route_model
from labkit.routes.simulated import simulated_board
from labkit.routes.tokens import RouteTokenizer, canonical
from labkit.widgets import RouteBoard

TENSION, KILTER = BOARDS = simulated_board("tension"), simulated_board("kilter")
TOKENIZER = RouteTokenizer(BOARDS)
START, MIDDLE, FINISH = Hold(420, "start"), Hold(540, "middle"), Hold(760, "finish")


@pytest.fixture(scope="module")
def generator():
    model = GPT(route_model(TOKENIZER.vocab_size, n_layer=1, n_embd=8, n_head=2))
    return Generator(model.eval(), TOKENIZER, Rules(4, 20))


def tensor_in_page(figure, name):
    at = 0
    for each, shape in figure.shapes:
        size = int(np.prod(shape))
        if each == name:
            return np.frombuffer(figure.weights, "<f2")[at : at + size].reshape(shape)
        at += size
    raise KeyError(name)


@pytest.mark.parametrize("keys", [None, ["TB2"], ["KIL"], ["KIL", "TB2"]])
def test_the_page_has_the_tokens_of_the_boards_it_shows_and_finds_each_by_its_place(generator, keys):
    """Every hold in every role, each board, angle and grade: the row of its embedding is that of the model."""
    figure = RouteBoard(generator, keys)
    table = tensor_in_page(figure, "wte.weight")
    weights = generator.model.wte.weight.detach().half().numpy()
    found = {}
    for board in figure.boards:
        found[f"<BOARD_{board['key']}>"] = board["token"]
        for i, hold in enumerate(board["holds"]):
            for j, role in enumerate(ROLES):  # as the page counts them
                found[f"<{board['key']}_p{hold[0]}_{role}>"] = board["first"] + 4 * i + j
    words = figure.vocabulary
    found |= {"<BOS>": words["bos"], "<EOS>": words["eos"], "<PAD>": words["pad"], "<GRADE_ANY>": words["any"]}
    found |= {f"<ANGLE_{angle}>": token for angle, token in words["angles"]}
    found |= {f"<GRADE_V{grade}>" if grade != "any" else "<GRADE_ANY>": token for grade, token in words["grades"]}
    for name, row in found.items():
        np.testing.assert_array_equal(table[row], weights[TOKENIZER.ids[name]], err_msg=name)
    others = [board for board in BOARDS if keys is not None and board.key not in keys]
    assert len(table) == figure.config["vocab_size"]
    assert len(table) == TOKENIZER.vocab_size - sum(4 * len(board.placements) for board in others)
    assert figure.rules == {"min_holds": 4, "max_holds": 20}


def test_the_state_in_the_page_is_that_of_the_figure(generator):
    figure = RouteBoard(generator, ["TB2"], grade=6, guidance=2.5, holds=[FINISH, START])
    text = figure.page_html().partition('<script type="application/json">')[2].partition("</script>")[0]
    state = json.loads(text)
    assert base64.b64decode(state["weights"]["base64"]) == figure.weights
    assert state["holds"] == [[420, "start", True], [760, "finish", True]]
    assert (state["grade"], state["guidance"], state["angle"], state["top_k"]) == (6, 2.5, 25, None)
    assert [v_grade(10 + i) for i in range(24)] == state["scale"]
    looks = {role["name"]: role for role in state["boards"][0]["roles"]}
    assert {role: look["marker"] for role, look in looks.items()} == plots.SHAPES
    assert {role: look["color"] for role, look in looks.items()} == plots.COLORS["TB2"]
    assert {role: look["number"] for role, look in looks.items()} == TENSION.config.roles


def test_a_board_alone_is_small_and_carries_no_model():
    figure = RouteBoard(boards=BOARDS)
    assert figure.weights == b""
    assert len(figure.page_html()) < 80_000
    assert "(simulated)" in figure.caption()
    assert "GPT" not in figure.caption()


def test_caption(generator):
    figure = RouteBoard(generator, ["KIL"], about="Trained on nothing yet.")
    n = len(figure.weights) // 2
    assert n < generator.model.n_params
    assert figure.caption() == (
        f"Kilter Board Original (simulated). Click holds to set a route, or have a GPT of {n:,} weights (1 layer, 8 "
        "wide) write or complete one; your browser computes every token itself. Trained on nothing yet."
    )


def test_a_real_board_is_not_called_simulated():
    board = Board(TENSION.config, [Placement(hold.id, hold.x, hold.y) for hold in TENSION.placements.values()])
    figure = RouteBoard(boards=[board])
    assert figure.boards[0]["name"] == "Tension Board 2"
    assert not figure.boards[0]["simulated"]


@given(
    st.lists(st.tuples(st.sampled_from(sorted(KILTER.placements)), st.sampled_from(ROLES)), unique_by=lambda h: h[0])
)
@settings(max_examples=25, deadline=None)
def test_what_is_placed_is_the_route_in_canonical_order_and_its_frames(pairs):
    holds = [Hold(*pair) for pair in pairs]
    figure = RouteBoard(boards=BOARDS, board="KIL", angle=55, holds=holds)
    assert figure.route == Route("KIL", 55, canonical(holds, KILTER))
    assert figure.kept == figure.route.holds
    if holds:
        assert parse_frames(figure.frames, KILTER.config) == figure.route.holds


def test_a_route_is_shown_on_its_board_at_its_angle(generator):
    figure = RouteBoard(generator, board="KIL", angle=55, grade=3)
    route = Route("TB2", 45, (FINISH, MIDDLE, START))
    figure.show(route, kept=[MIDDLE], asked={"grade": 3, "angle": 45, "guidance": 1.0})
    assert figure.route == Route("TB2", 45, (START, MIDDLE, FINISH))
    assert figure.kept == (MIDDLE,)
    assert figure.wish == Wish("TB2", 45, 3, (MIDDLE,))
    assert figure.asked["angle"] == 45
    figure.angle = 5
    figure.board = "KIL"  # another board has other holds
    assert (figure.holds, figure.asked, figure.angle) == ([], {}, 5)
    figure.angle = 55
    figure.board = "TB2"
    assert figure.angle == 50


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"boards": ["MOON"]}, r"boards are keys of the generator's .TB2, KIL., got \['MOON'\]"),
        ({"boards": []}, "boards are keys of"),
        ({"boards": [TENSION]}, "boards are keys of"),
        ({"boards": ["TB2"], "board": "KIL"}, "no board 'KIL' is shown; there are: TB2"),
        ({"angle": 42}, "set to 0 … 50 degrees by fives, got 42"),
        ({"grade": 17}, 'grade must be V0 … V16 or "any", got 17'),
        ({"grade": 9, "grades": range(3)}, 'grade must be V0 … V2 or "any", got 9'),
        ({"grades": [1, 3]}, "grades are V grades in a row"),
        ({"grades": [15, 16, 17]}, "grades are V grades in a row, of 0 … 16"),
        ({"temperature": 2.5}, "2.5"),
        ({"guidance": 0.5}, "0.5"),
        ({"seed": -1}, "-1"),
        ({"top_k": 0}, "0"),
        ({"holds": [Hold(1, "middle")]}, "board TB2 has no placement 1"),
        ({"holds": [MIDDLE, Hold(540, "foot")]}, "a placement comes twice"),
        ({"holds": [Hold(540, "knee")]}, "a hold's role is one of start, middle, finish, foot, got 'knee'"),
    ],
)
def test_errors(generator, change, words):
    with pytest.raises(ValueError, match=words):
        RouteBoard(**{"generator": generator} | change)


def test_without_a_generator_boards_are_boards():
    for wrong in (None, [], ["TB2"]):
        with pytest.raises(ValueError, match=r"without a generator give boards=\[Board"):
            RouteBoard(boards=wrong)


@pytest.mark.parametrize("rows", [[[540, "middle"]], [[1, "middle", True]], [[540, "knee", False]], ["p540"]])
def test_what_is_no_hold_is_refused_later_too(rows):
    figure = RouteBoard(boards=BOARDS, holds=[START])
    with pytest.raises(TraitError, match="a hold of board TB2 is"):
        figure.holds = rows
    assert figure.kept == (START,)


def test_a_weight_that_is_no_half_is_named(generator):
    broken = GPT(route_model(TOKENIZER.vocab_size, n_layer=1, n_embd=8, n_head=2))
    with torch.no_grad():
        broken.blocks[0].mlp.up.weight[0, 0] = 1e6
    with pytest.raises(ValueError, match=r"RouteBoard: blocks\.0\.mlp\.up\.weight holds nan, or numbers beyond"):
        RouteBoard(Generator(broken, TOKENIZER))


def test_a_model_that_knows_where_holds_are_travels_as_the_plain_one_that_it_is_the_sum_of(generator):
    model = PlacedGPT(route_model(TOKENIZER.vocab_size, n_layer=1, n_embd=8, n_head=2), TOKENIZER, seed=2)
    figure = RouteBoard(Generator(model, TOKENIZER))
    assert [name for name, _ in figure.shapes] == [name for name, _ in RouteBoard(generator).shapes]
    expected = (model.wte.weight + model.shared.weight[model.holds] + model.place(model.features)).detach().half()
    np.testing.assert_array_equal(tensor_in_page(figure, "wte.weight"), expected.numpy())
