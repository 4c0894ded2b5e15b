"""Routes as tokens: the canonical order, the vocabulary, there and back, and model files that carry it."""

import json
import random
import subprocess
import sys
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.gpt import GPT, GPTConfig
from labkit.gpt.model_file import load_gpt, save_gpt
from labkit.routes import ROLES, V_GRADES, Board, Hold, Placement, Route, board_configs, difficulties, v_grade
from labkit.routes.tokens import BOS, CLS, RouteTokenizer, RouteTokensError, canonical
from labkit.tokenizers import CharTokenizer, Tokenizer, load_tokenizer, register_kind, tokenizer_from_dict

from .boards import board, boards, config, mirrored_board, routes

BOARDS = [board(), board(5, "KIL", max_angle=25)]
TOKENIZER = RouteTokenizer.for_boards(BOARDS)
ROUTE = Route("TB2", 15, (Hold(107, "finish"), Hold(102, "foot"), Hold(101, "start"), Hold(103, "middle")), 22.4, "a")
TEXT = "<BOARD_TB2> <ANGLE_15> <GRADE_V6> <TB2_p101_start> <TB2_p102_foot> <TB2_p103_middle> <TB2_p107_finish> <EOS>"


# -- the canonical order


def test_the_order_by_hand():
    places = {1: (0, 9), 2: (3, 2), 3: (1, 2), 4: (1, 2), 5: (8, 0), 6: (5, 5)}
    on = Board(config(), [Placement(i, x, y) for i, (x, y) in places.items()])
    roles = {1: "start", 2: "foot", 3: "foot", 4: "middle", 5: "finish", 6: "start"}
    holds = [Hold(i, role) for i, role in roles.items()]
    # Starts upwards; then from bottom to top, of one height from the left, of one place by id; the finish last.
    assert [hold.placement for hold in canonical(holds, on)] == [6, 1, 3, 4, 2, 5]


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_a_set_of_holds_has_one_order(data):
    on = data.draw(boards())
    holds = data.draw(routes(on)).holds
    ordered = canonical(data.draw(st.permutations(holds)), on)
    assert ordered == canonical(holds, on)
    assert sorted(ordered) == sorted(holds)
    for first, second in pairwise(ordered):
        a, b = (on.placements[hold.placement] for hold in (first, second))
        group_a, group_b = ({"start": 0, "finish": 2}.get(hold.role, 1) for hold in (first, second))
        assert group_a < group_b or (group_a == group_b and (a.y < b.y or (a.y == b.y and (a.x, a.id) < (b.x, b.id))))


def test_what_has_no_place_in_the_order():
    with pytest.raises(ValueError, match="board TB2 has no placement 7"):
        canonical([Hold(7, "start")], BOARDS[0])
    with pytest.raises(ValueError, match="start, middle, finish, foot, got 'hand'"):
        canonical([Hold(101, "hand")], BOARDS[0])


# -- the vocabulary


def test_the_vocabulary():
    names = TOKENIZER.names
    assert names[:9] == (
        "<PAD>",
        "<UNK>",
        "<BOS>",
        "<EOS>",
        "<CLS>",
        "<MASK>",
        "<BOARD_TB2>",
        "<BOARD_KIL>",
        "<ANGLE_0>",
    )
    assert names[13:16] == ("<ANGLE_25>", "<GRADE_V0>", "<GRADE_V1>")
    assert names[30:34] == ("<GRADE_V16>", "<GRADE_ANY>", "<TB2_p100_start>", "<TB2_p100_middle>")
    assert TOKENIZER.vocab_size == len(set(names)) == 32 + (8 + 5) * 4
    assert TOKENIZER.special_tokens == dict(zip(names[:6], range(6), strict=True))
    assert [TOKENIZER.ids[name] for name in names] == list(range(len(names)))
    assert TOKENIZER.holds[33] == ("TB2", Hold(100, "middle"))
    assert sum(entry is None for entry in TOKENIZER.holds) == 32
    assert set(TOKENIZER.grades.values()) == {*V_GRADES.values(), None}
    assert isinstance(TOKENIZER, Tokenizer)


def test_as_many_tokens_as_boards_of_the_real_sizes_call_for():
    configs = board_configs()
    grids = []
    for name, holds in (("tension", 498), ("kilter", 590)):
        at = configs[name].window
        grids.append(Board(configs[name], [Placement(i, at.left + i % 20, at.bottom + i // 20) for i in range(holds)]))
    assert 4300 < RouteTokenizer(grids).vocab_size < 4500


def test_where_tokens_are():
    at = mirrored_board()
    tokenizer = RouteTokenizer([at])
    rows = tokenizer.features()
    assert len(rows) == tokenizer.vocab_size
    for token, row in enumerate(rows):
        entry = tokenizer.holds[token]
        if entry is None:
            assert row == (0, 0, 0)
        else:
            hold = at.placements[entry[1].placement]
            assert row == pytest.approx((hold.x / 10, hold.y / 10, 1))  # the window is 0 … 10


# -- there and back


def test_a_route_by_hand():
    assert TOKENIZER.decode(TOKENIZER.encode_route(ROUTE)) == f"<BOS> {TEXT}"
    assert TOKENIZER.decode(TOKENIZER.encode_route(ROUTE, begin=CLS)) == f"<CLS> {TEXT}"
    without = TOKENIZER.decode(TOKENIZER.encode_route(ROUTE, grade=False))
    assert without == f"<BOS> {TEXT}".replace("<GRADE_V6> ", "")
    some = TOKENIZER.decode(TOKENIZER.encode_route(ROUTE, grade="any"))
    assert some == f"<BOS> {TEXT}".replace("_V6", "_ANY")
    assert TOKENIZER.encode(f"<BOS>\n{TEXT}") == TOKENIZER.encode_route(ROUTE)


@settings(max_examples=50, deadline=None)
@given(st.data(), st.booleans(), st.integers(0, 3))
def test_a_route_comes_back(data, graded, padding):
    on = data.draw(boards())
    tokenizer = RouteTokenizer([BOARDS[1], on])
    route = data.draw(routes(on))
    graded = graded and route.difficulty is not None
    shuffled = Route(on.key, route.angle, tuple(data.draw(st.permutations(route.holds))), route.difficulty)
    ids = tokenizer.encode_route(shuffled, grade=graded)
    assert ids == tokenizer.encode_route(route, grade=graded)
    back = tokenizer.decode_route(ids + [0] * padding)
    assert (back.board, back.angle, back.holds) == (on.key, route.angle, canonical(route.holds, on))
    assert (back.difficulty is not None) == graded
    if graded:
        assert v_grade(back.difficulty) == v_grade(route.difficulty)
    assert tokenizer.encode_route(back, grade=graded) == ids
    assert tokenizer.encode(tokenizer.decode(ids)) == ids


def test_the_difficulty_of_a_grade_is_the_middle():
    for grade in set(V_GRADES.values()):
        back = TOKENIZER.decode_route(TOKENIZER.prompt("TB2", 5, grade))
        assert v_grade(back.difficulty) == grade
        assert back.difficulty == pytest.approx(sum(difficulties(grade)) / len(difficulties(grade)))


def test_a_hold_that_is_unknown():
    lost = Route("TB2", 15, (*ROUTE.holds, Hold(999, "foot")), 22.0, "b")
    with pytest.raises(ValueError, match=r"route 'b': board TB2 has no .*999.*unknown=True"):
        TOKENIZER.encode_route(lost)
    assert TOKENIZER.decode(TOKENIZER.encode_route(lost, unknown=True)).split()[4:7] == [
        "<UNK>",
        "<TB2_p101_start>",
        "<TB2_p102_foot>",
    ]


@pytest.mark.parametrize(
    ("route", "options", "message"),
    [
        (Route("MB", 15, (), 22), {}, "no board .MB. in this vocabulary; there are: TB2, KIL"),
        (Route("TB2", 25, (), 22), {}, "board TB2 is set to 0 … 20 degrees by fives, got 25"),
        (Route("TB2", 12, (), 22), {}, "got 12"),
        (Route("TB2", 15, (), None, "c"), {}, "route .c. has no grade to write; pass grade=.any. or False"),
        (Route("TB2", 15, (), 22), {"begin": "<PAD>"}, "begins with <BOS> or <CLS>"),
    ],
)
def test_routes_that_are_refused(route, options, message):
    with pytest.raises(ValueError, match=message):
        TOKENIZER.encode_route(route, **options)


def test_a_prompt_of_a_grade_that_there_is_not():
    with pytest.raises(ValueError, match="0 … 16, got 17"):
        TOKENIZER.prompt("TB2", 15, 17)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "begins with .* got nothing"),
        (f"<BOS> {BOS} <ANGLE_15>", "expected a board and an angle"),
        (TEXT, "begins with <BOS> or <CLS>"),
        ("<BOS> <ANGLE_15> <BOARD_TB2>", "expected a board and an angle"),
        ("<BOS> <BOARD_TB2> <ANGLE_15> <TB2_p101_start> <KIL_p101_foot>", "token 4: .*got <KIL_p101_foot>"),
        ("<BOS> <BOARD_TB2> <ANGLE_15> <TB2_p101_start> <GRADE_V1>", "token 4: .*got <GRADE_V1>"),
        ("<BOS> <BOARD_TB2> <ANGLE_15> <UNK> <EOS>", "token 3: .*got <UNK>"),
        ("<BOS> <BOARD_TB2> <ANGLE_15> <PAD> <EOS>", "token 3: .*got <PAD>"),
        (f"<BOS> {TEXT} <TB2_p101_start>", "after <EOS> there is only padding"),
    ],
)
def test_tokens_that_are_no_route(text, message):
    with pytest.raises(RouteTokensError, match=message):
        TOKENIZER.decode_route(TOKENIZER.encode(text))


def test_words_and_ids_that_are_no_tokens():
    with pytest.raises(ValueError, match="'<TB2_p9_start>' is no token"):
        TOKENIZER.encode("<BOS> <TB2_p9_start>")
    assert TOKENIZER.encode("<BOS> <TB2_p9_start>", unknown=True) == [2, 1]
    for read in (TOKENIZER.decode, TOKENIZER.decode_route):
        with pytest.raises(ValueError, match="outside the vocabulary"):
            read([TOKENIZER.vocab_size])
    assert TOKENIZER.token_bytes(2) == b"<BOS>"
    with pytest.raises(ValueError, match=r"RouteTokenizer\.for_boards"):
        RouteTokenizer.train("text")


# -- as a file, and in that of a model


@settings(max_examples=20, deadline=None)
@given(boards())
def test_it_comes_back_through_json(on):
    tokenizer = RouteTokenizer([on, mirrored_board()] if on.key != "TB2" else [on])
    again = tokenizer_from_dict(json.loads(json.dumps(tokenizer.to_dict())))
    assert again == tokenizer
    assert hash(again) == hash(tokenizer)
    assert again.names == tokenizer.names
    assert again.boards[on.key].config == on.config
    assert again.boards[on.key].placements == on.placements


def test_a_file_and_a_model_file_carry_it(tmp_path):
    real = RouteTokenizer([Board(each, []) for each in board_configs().values()])
    assert tokenizer_from_dict(json.loads(json.dumps(real.to_dict()))) == real
    assert load_tokenizer(TOKENIZER.save(tmp_path / "tokens.json")) == TOKENIZER
    model = GPT(GPTConfig.preset("gpt2", TOKENIZER.vocab_size, block_size=8, n_layer=1, n_head=2, n_embd=8))
    path = save_gpt(tmp_path / "model.safetensors", model, TOKENIZER)
    assert load_gpt(path)[1] == TOKENIZER


def test_a_program_that_has_not_imported_the_module_is_told_to(tmp_path):
    path = TOKENIZER.save(tmp_path / "tokens.json")
    code = f"from labkit.tokenizers import load_tokenizer; print(load_tokenizer({str(path)!r}).vocab_size)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "'route' can be read once labkit.routes.tokens is imported" in done.stderr
    code = f"import labkit.routes.tokens; {code}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == str(TOKENIZER.vocab_size), done.stderr


def test_it_needs_no_torch():
    code = "import sys, labkit.routes.rules, labkit.routes.splits; assert not {'torch', 'pandas'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"boards": None}, "are a list, got NoneType"),
        ({"boards": []}, "at least one board"),
        ({"boards": [3]}, "config and placements"),
        ({"boards": [{"config": {}, "placements": []}]}, "description of a board"),
        ({"boards": TOKENIZER.to_dict()["boards"] * 2}, "two boards have the key TB2"),
        ({"boards": [TOKENIZER.to_dict()["boards"][0] | {"placements": [[1, "x", 2]]}]}, "config and placements"),
        ({"more": 1}, "missing or unknown: more"),
        ({"type": "char"}, "has the type 'char'|missing or unknown"),
    ],
)
def test_what_describes_no_tokenizer(change, message):
    with pytest.raises(ValueError, match=message):
        tokenizer_from_dict(TOKENIZER.to_dict() | change)


def test_kinds_are_registered_once():
    register_kind(RouteTokenizer)

    class Other(CharTokenizer):
        type = "route"

    with pytest.raises(ValueError, match=r"'route' is that of labkit\.routes\.tokens\.RouteTokenizer"):
        register_kind(Other)
    assert tokenizer_from_dict(TOKENIZER.to_dict()) == TOKENIZER


def test_ids_do_not_depend_on_the_order_of_placements():
    holds = list(BOARDS[0].placements.values())
    random.Random(1).shuffle(holds)
    assert RouteTokenizer([Board(config(), holds), BOARDS[1]]).names == TOKENIZER.names
    assert len(ROLES) == 4
