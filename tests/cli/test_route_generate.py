"""`labkit routes generate` and `draw`: routes to order; and what all commands about models of routes refuse."""

import os
import re

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.image
import pytest

from labkit.gpt import GPT, GPTConfig, save_gpt
from labkit.routes import Hold, parse_frames
from labkit.routes.climber import difficulty
from labkit.routes.generator import Generator, Wish
from labkit.routes.reader import Reader
from labkit.routes.recipe import BEST_OF, GUIDANCE, SAMPLING
from labkit.routes.rules import is_valid
from labkit.routes.simulated import simulated_board
from labkit.routes.table import read_routes
from labkit.routes.tokens import canonical
from labkit.tokenizers import CharTokenizer

from .commands import failed, labkit, succeeded

BOARDS = {board.key: board for board in map(simulated_board, ("kilter", "tension"))}


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch):
    """What a test writes need not outlive a power cut."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


def routes(*arguments):
    """What a command printed that went well."""
    return succeeded(labkit("routes", *arguments))


def refused(*arguments):
    stderr = failed(labkit("routes", *arguments))
    assert stderr.count("\n") == 1
    assert stderr.startswith("error: ")
    return stderr


# -- generate


def generated(out):
    """Frames and the difficulties by reader and simulator of every route printed."""
    found = re.findall(
        r"by the reader \((.+)\), V\d+ by the simulator \((.+);.*\n +frames: (\S+)\n +(\d+) holds: (.+)\n", out
    )
    assert len(found) == out.count("frames:") > 0
    return found


def test_routes_to_order_are_told_with_their_grades(models):
    order = ["generate", models, "--board", "TB2", "--angle", 40, "--grade", "V6", "-n", 2, "--best-of", 3]
    out = routes(*order, "--seed", 1, "--output", "x.csv", "--draw", "x.png")
    assert out.startswith("1. TB2 at 40°, V6 asked for: ")
    table = list(read_routes("x.csv"))
    reader = Reader.load(models / "reader.safetensors")
    for (read, true, text, n, holds), route in zip(generated(out), table, strict=True):
        assert parse_frames(text, BOARDS["TB2"].config) == route.holds
        assert is_valid(route.holds, BOARDS["TB2"])
        assert (int(n), holds) == (len(route.holds), ", ".join(f"{h.placement} {h.role}" for h in route.holds))
        assert float(read) == pytest.approx(reader.predict([route])[0], abs=0.06)
        assert float(true) == pytest.approx(difficulty(BOARDS["TB2"], route.holds, 40), abs=0.06)
    height, width, _ = matplotlib.image.imread("x.png").shape
    assert 300 < height < width < 3000
    again, other = routes(*order, "--seed", 1), routes(*order, "--seed", 2)
    assert again == out[: len(again)]
    assert generated(other) != generated(out)


def test_what_is_given_reaches_the_generator(models):
    options = [
        "--temperature",
        "0.9",
        "--top-k",
        "7",
        "--top-p",
        "0.8",
        "--guidance",
        "1.5",
        "--best-of",
        "1",
        "--seed",
        "4",
    ]
    out = routes("generate", models, "--board", "kilter", "--angle", 35, "--grade", 2, "-n", 3, *options)
    generator = Generator.load(models / "generator.safetensors")
    sampling = type(SAMPLING)(0.9, 7, 0.8)
    expected = generator.routes([Wish("KIL", 35, 2)] * 3, sampling, 1.5, 4)
    assert [parse_frames(found[2], BOARDS["KIL"].config) for found in generated(out)] == [r.holds for r in expected]


def test_required_holds_are_in_every_route(models):
    have = "p1105r12p1300r13"
    out = routes("generate", models, "--board", "KIL", "--angle", 0, "-n", 3, "--holds", have, "--best-of", 1)
    for found in generated(out):
        assert {Hold(1105, "start"), Hold(1300, "middle")} <= set(parse_frames(found[2], BOARDS["KIL"].config))


def test_a_mirror_image_follows_its_route_and_is_as_hard(models):
    board = BOARDS["TB2"]
    out = routes("generate", models, "--board", "TB2", "--angle", 40, "-n", 2, "--mirror", "--best-of", 1)
    found = [(parse_frames(each[2], board.config), each[1]) for each in generated(out)]
    assert len(found) == 4
    for (holds, hard), (image, as_hard) in (found[:2], found[2:]):
        turned = [Hold(board.placements[hold.placement].mirror, hold.role) for hold in holds]
        assert canonical(image, board) == canonical(turned, board)
        assert hard == as_hard


def test_without_the_grammar_what_is_no_route_is_told(models):
    out = routes(
        "generate", models, "--board", "TB2", "--angle", 40, "--free", "-n", 4, "--temperature", 1, "--seed", 0
    )
    wrong = out.count("no route: ")
    assert f"without the grammar {4 - wrong} of 4 are routes" in out
    assert wrong == out.count("  <BOS> <BOARD_TB2> <ANGLE_40> <GRADE_ANY>") > 0


def test_help_says_what_the_course_takes():
    text = " ".join(labkit("routes", "generate", "--help").stdout.replace("│", " ").split())
    for value in (SAMPLING.temperature, SAMPLING.top_p, GUIDANCE, BEST_OF):
        assert f"[default: ({value:g}" in text


# -- draw


def test_a_route_is_drawn_from_frames_and_from_a_table(models):
    assert "on simulated boards" in routes("draw", "p344r5p369r6p603r7", "--board", "TB2", "--angle", 40)
    height, width, _ = matplotlib.image.imread("route.png").shape
    assert 500 < width < height < 1500
    table = models / "generated_routes.csv"
    routes("draw", table, "--row", 80, "--row", 2, "--model", models, "-o", "two.png")
    assert matplotlib.image.imread("two.png").shape[1] > width
    assert "is there already" in refused("draw", table, "--row", 1, "-o", "two.png")
    routes("draw", table, "--row", 1, "-o", "one.svg")
    with open("one.svg", encoding="utf-8") as file:
        assert "<svg" in file.read()


# -- what is refused

TB2 = "--board TB2 --angle 40"


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("train --database a.db", "each --database needs its --board: got 1 and 0"),
        ("train --database a.db --board kilter --database b.db --board kilter", "--board kilter is there twice"),
        ("train --database a.db --board kilter --n 9", "leave it out with --database"),
        ("train --database a.db --board moon", "there is no board 'moon'; there are: kilter, tension"),
        ("train --database a.db --board kilter", "a.db is not there"),
        ("train --output text.txt", "text.txt is a file; --output names a folder"),
        ("train --output text.txt/models", "text.txt is a file, so there can be no"),
        ("train --lr 0", "lr must be"),
        ("train --device tpu", "unknown device 'tpu'"),
        ("train --no-reader --best-of 2", "--best-of needs the reader"),
        ("generate no --board TB2 --angle 40", "no has no generator.safetensors: name a folder that"),
        (f"generate text {TB2}", "a model of text, not of routes"),
        ("evaluate text", "a model of text, not of routes"),
        (
            "generate DIR --board moon --angle 40",
            "there is no board 'moon' here; there are: KIL (Kilter Board Original), TB2",
        ),
        ("generate DIR --board TB2 --angle 55", "board TB2 is set to 0 … 50 degrees by fives, got 55"),
        (f"generate DIR {TB2} --grade 17", "a V grade is 0 … 16, got 17"),
        (f"generate DIR {TB2} --grade hard", "--grade is a V grade such as 6, or any, got 'hard'"),
        (f"generate DIR {TB2} --holds p1r99", "role 99 of placement 1 is none of Tension Board 2's"),
        (f"generate DIR {TB2} --holds p1r5", "no placement 1"),
        (f"generate DIR {TB2} --holds junk", "not frames"),
        (f"generate DIR {TB2} --free --holds p344r5", "leave out --best-of and --holds"),
        (f"generate DIR {TB2} --top-p 2", "top_p must be"),
        (f"generate DIR {TB2} -o text.txt", "--output ends in .csv"),
        (f"generate DIR {TB2} --draw x.gif", "a picture ends in .png, .svg, .pdf"),
        (f"generate DIR {TB2} --draw x.png -n 61", "draws up to 60 routes, not 61"),
        ("generate DIR --board KIL --angle 40 --mirror", "Kilter Board Original is not the same on both sides"),
        ("evaluate DIR --database a.db --board kilter", "learned from simulated routes"),
        ("evaluate DIR --json text", "text is a folder"),
        ("draw p344r5", "--board says whose holds the frames name: KIL or TB2"),
        ("draw p1r5 --board TB2", "board TB2 has no placement 1 (on the simulated board; --model DIR names another)"),
        ("draw p344r5 --board TB2 --angle 41", "--angle of Tension Board 2 is 0, 5 … 50 degrees, got 41"),
        ("draw p344r5 --board TB2 --row 1", "--row is for a table"),
        ("draw p344r5 --board TB2 -o x.txt", "a picture ends in .png"),
        ("draw p344r5 --board TB2 -o text.txt/x.png", "text.txt is a file, so there can be no"),
        ("draw no.csv", "no.csv"),
        ("draw DIR/generated_routes.csv", "has 80 routes, a picture 1 … 60: choose with --row"),
        ("draw DIR/generated_routes.csv --row 81", "--row 81: "),
        ("draw DIR/generated_routes.csv --board TB2", "are for frames"),
        ("draw p344r5 --board TB2 --model no", "no has no generator.safetensors"),
    ],
)
def test_what_cannot_be_is_one_line_and_writes_nothing(models, tmp_path, command, words):
    (tmp_path / "text.txt").write_text("a text")
    tokenizer = CharTokenizer.train("ab")
    save_gpt("text/generator.safetensors", GPT(GPTConfig(vocab_size=2, n_layer=1, n_head=1, n_embd=4)), tokenizer)
    stderr = failed(labkit("routes", *command.replace("DIR", str(models)).split()))
    assert stderr.splitlines()[-1].startswith("error: ")
    assert words in stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["text", "text.txt"]


def test_options_that_are_needed_and_numbers_that_are_none(models):
    assert "--board" in failed(labkit("routes", "generate", models, "--angle", 40), 2)
    assert "--count" in failed(labkit("routes", "evaluate", models, "--count", 0), 2)
    assert "--steps" in failed(labkit("routes", "train", "--steps", 0), 2)
