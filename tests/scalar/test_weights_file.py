"""Weights as text: what is written is read back, and what is wrong is refused by file and line."""

import math
import os
import re

import pytest

from labkit.scalar import GameGPT


def small(seed=0, **sizes):
    return GameGPT(**{"vocab_size": 3, "n_layer": 1, "n_embd": 2, "block_size": 2, "n_head": 1} | sizes, seed=seed)


def weights_of(model):
    return [p.data for p in model.params]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "weights.txt"


@pytest.mark.parametrize("n_layer", [1, 2])
def test_weights_come_back_within_half_of_the_eighth_decimal(path, n_layer):
    model, other = small(1, n_layer=n_layer), small(2, n_layer=n_layer)
    for p in model.params[::3]:
        p.data *= 1e3
    model.params[0].data, model.params[1].data = -0.0, 1e-12
    assert model.save_weights(path) == path
    other.load_weights(str(path))
    assert max(abs(a - b) for a, b in zip(weights_of(model), weights_of(other), strict=True)) <= 5e-9
    assert weights_of(other) != weights_of(small(2, n_layer=n_layer))
    assert [p.data for rows in other.state_dict.values() for row in rows for p in row] == weights_of(other)
    # What has been read is written to the same bytes again.
    assert other.save_weights(path.with_name("again.txt")).read_bytes() == path.read_bytes()


def test_a_model_that_was_read_says_the_same(path):
    model, other = small(1), small(2)
    for _ in range(3):
        model.train_step([0, 1, 2])
    model.save_weights(path)
    other.load_weights(path)
    assert other.loss([0, 2, 1]).data == pytest.approx(model.loss([0, 2, 1]).data, abs=1e-6)
    assert (model.step_count, other.step_count) == (3, 0)


def test_adam_begins_anew_with_weights_that_were_read(path):
    fresh, trained = small(1), small(2)
    fresh.save_weights(path)
    fresh.load_weights(path)  # rounded to eight decimals, as they will be in the other
    for _ in range(3):
        trained.train_step([0, 1, 2])
    trained.load_weights(path)
    assert fresh.train_step([0, 2, 1]) == trained.train_step([0, 2, 1])
    assert weights_of(trained) == weights_of(fresh)
    assert (trained.m, trained.v, trained.step_count) == (fresh.m, fresh.v, fresh.step_count)


def test_a_line_is_name_row_and_values_with_eight_decimals(path):
    model = small()
    lines = model.save_weights(path).read_bytes().decode("ascii").split("\n")
    assert lines.pop() == ""
    assert all(re.fullmatch(r"[\w.]+\|\d+\|-?\d+\.\d{8}(,-?\d+\.\d{8})*", line) for line in lines)
    heads = [(name, str(i)) for name, rows in model.state_dict.items() for i in range(len(rows))]
    assert [tuple(line.split("|")[:2]) for line in lines] == heads
    p = model.state_dict["wpe"][1]
    assert lines[4] == f"wpe|1|{p[0].data:.8f},{p[1].data:.8f}"


# The rows of `small`: wte 3, wpe 2, lm_head 3 (lines 6 to 8), then the layer's 8 + 8 + 2.
ROWS = 26


def swapped(lines):
    return [*lines[:3], lines[4], lines[3], *lines[5:]]


def with_line(number, line):
    return lambda lines: [*lines[: number - 1], line, *lines[number:]]


# what is wrong -> how it comes about, the line that the message names, what it says
DAMAGE = {
    "empty": (lambda lines: [], 1, "the file ends, expected 'wte', row 0, with 2 values"),
    "an empty line first": (lambda lines: ["", *lines], 1, "expected 'wte', row 0, with 2 values, found ''"),
    "first row missing": (lambda lines: lines[1:], 1, "expected 'wte', row 0, with 2 values, found 'wte|1|"),
    "row missing": (
        lambda lines: lines[:6] + lines[7:],
        7,
        "expected 'lm_head', row 1, with 2 values, found 'lm_head|2",
    ),
    "last row missing": (
        lambda lines: lines[:-1],
        ROWS,
        "the file ends, expected 'layer0.mlp_fc2', row 1, with 8 values",
    ),
    "half missing": (lambda lines: lines[:5], 6, "the file ends, expected 'lm_head', row 0, with 2 values"),
    "row twice": (lambda lines: lines[:7] + lines[6:], 8, "expected 'lm_head', row 2, with 2 values, found 'lm_head|1"),
    "row too many": (
        lambda lines: [*lines, "layer1.attn_wq|0|1,2"],
        ROWS + 1,
        f"expected the end of the file after {ROWS} rows, found 'layer1.attn_wq|0|1,2'",
    ),
    "rows swapped": (swapped, 4, "expected 'wpe', row 0, with 2 values, found 'wpe|1|"),
    "short": (with_line(2, "wte|1|0.5"), 2, "expected 'wte', row 1, with 2 values, found 1 values"),
    "long": (with_line(2, "wte|1|0.5,0.5,0.5"), 2, "expected 'wte', row 1, with 2 values, found 3 values"),
    "comma too many": (with_line(2, "wte|1|0.5,0.5,"), 2, "with 2 values, found 3 values"),
    "no values": (with_line(2, "wte|1|"), 2, "with 2 values, found 1 values"),
    "a word": (with_line(8, "lm_head|2|0.5,x"), 8, "value 2 must be a finite number, found 'x'"),
    "nothing between commas": (with_line(8, "lm_head|2|,0.5"), 8, "value 1 must be a finite number, found ''"),
    "code": (with_line(8, "lm_head|2|0.5,__import__"), 8, "value 2 must be a finite number, found '__import__'"),
    "underscore": (with_line(8, "lm_head|2|1_0,0.5"), 8, "value 1 must be a finite number, found '1_0'"),
    "other digits": (with_line(8, "lm_head|2|0.5,٣"), 8, "value 2 must be a finite number, found '٣'"),
    "nan": (with_line(8, "lm_head|2|nan,0.5"), 8, "value 1 must be a finite number, found 'nan'"),
    "inf": (with_line(8, "lm_head|2|0.5,-inf"), 8, "value 2 must be a finite number, found '-inf'"),
    "too large": (with_line(8, "lm_head|2|0.5,1e999"), 8, "value 2 must be a finite number, found '1e999'"),
    "another name": (
        with_line(6, "lm_tail|0|1,2"),
        6,
        "expected 'lm_head', row 0, with 2 values, found 'lm_tail|0|1,2'",
    ),
    "another row": (
        with_line(6, "lm_head|1|1,2"),
        6,
        "expected 'lm_head', row 0, with 2 values, found 'lm_head|1|1,2'",
    ),
    "no name": (with_line(6, "1,2"), 6, "expected 'lm_head', row 0, with 2 values, found '1,2'"),
    "a long line": (with_line(6, "x" * 5000), 6, f"found '{'x' * 40}…'"),
    "no text": (with_line(1, "\udcff\udcfe\x00"), 1, "expected 'wte', row 0, with 2 values, found"),
}


@pytest.mark.parametrize(("damage", "line", "words"), DAMAGE.values(), ids=DAMAGE)
def test_a_wrong_file_is_refused_by_line_and_changes_nothing(path, damage, line, words):
    lines = small(1).save_weights(path).read_text().splitlines()
    assert len(lines) == ROWS
    path.write_text("".join(f"{text}\n" for text in damage(lines)), errors="surrogateescape")
    model = small(2)
    before = weights_of(model)
    with pytest.raises(ValueError, match="line") as error:
        model.load_weights(path)
    assert str(error.value).startswith(f"{path}, line {line}: ")
    assert words in str(error.value)
    assert len(str(error.value)) < len(str(path)) + 150
    assert weights_of(model) == before


@pytest.mark.parametrize(
    ("sizes", "line"),
    [
        ({"vocab_size": 4}, 4),
        ({"vocab_size": 2}, 3),
        ({"n_embd": 4}, 1),
        ({"block_size": 3}, 6),
        ({"n_layer": 2}, ROWS + 1),
    ],
    ids=str,
)
def test_another_models_file_is_refused(path, sizes, line):
    small(**sizes).save_weights(path)
    model = small(2)
    before = weights_of(model)
    with pytest.raises(ValueError, match="expected") as error:
        model.load_weights(path)
    assert str(error.value).startswith(f"{path}, line {line}: ")
    assert weights_of(model) == before


def test_a_file_that_is_not_there(path):
    with pytest.raises(FileNotFoundError):
        small().load_weights(path)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_model_that_is_not_finite_is_not_saved_and_the_old_file_stays(path, bad):
    model = small()
    model.save_weights(path)
    before = path.read_bytes()
    model.state_dict["lm_head"][2][1].data = bad
    with pytest.raises(ValueError, match="lm_head, row 2") as error:
        model.save_weights(path)
    assert str(path) in str(error.value)
    assert str(bad) in str(error.value)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


@pytest.mark.parametrize("call", ["replace", "fsync"])
def test_a_failed_write_leaves_the_old_file_and_no_other(path, monkeypatch, call):
    model = small()
    model.save_weights(path)
    before = path.read_bytes()
    model.train_step([0, 1])

    def fail(*arguments):
        raise OSError("no space left")

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(OSError, match="no space left"):
        model.save_weights(path)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


def test_line_ends_of_another_system_are_read(path):
    model, other = small(1), small(2)
    model.save_weights(path)
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    other.load_weights(path)
    assert max(abs(a - b) for a, b in zip(weights_of(model), weights_of(other), strict=True)) <= 5e-9
