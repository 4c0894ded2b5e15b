"""The trade of schemes: a point for each row, where its numbers are, each with a label that hides no other."""

from itertools import combinations

import matplotlib.pyplot as plt
import pytest

from labkit.plots import scheme_trade, style, theme
from labkit.plots.schemes import COSTS

NUMBERS = [
    ("characters", 66, 1.0, 0.021, 2.6),
    ("bytes", 256, 1.0, 0.077, 2.61),
    ("BPE 2,048", 2048, 0.356, 0.4, 2.38),
    ("BPE 512", 512, 0.502, 0.143, 2.45),
    ("words, 4,096", 4096, 0.24, 0.57, 3.3),
    ("words, all", 14313, 0.24, 0.82, 3.0),
]
COLUMNS = ("scheme", "vocab_size", "tokens_per_byte", "embedding_share", "bits_per_byte")
ROWS = [dict(zip(COLUMNS, numbers, strict=True)) for numbers in NUMBERS]


@pytest.mark.parametrize("cost", COSTS)
def test_every_scheme_is_a_point_with_its_name(cost):
    ax = plt.subplots()[1]
    assert scheme_trade(ROWS, cost, ax) is ax
    scale = 100 if cost == "embedding_share" else 1
    expected = {row["scheme"]: (scale * row[cost], row["bits_per_byte"]) for row in ROWS}
    assert {label.get_text(): label.xy for label in ax.texts} == expected
    assert ax.get_xlabel() == COSTS[cost]
    assert ax.get_ylabel() == "validation loss (bits per byte)"
    ax.figure.canvas.draw()
    boxes = [label.get_window_extent() for label in ax.texts]
    assert not any(a.overlaps(b) for a, b in combinations(boxes, 2))


def test_sizes_of_one_family_are_joined_along_the_axis():
    ax = scheme_trade(ROWS, "vocab_size")
    joined = [line.get_xdata() for line in ax.lines if line.get_linestyle() == "-" and line.get_marker() != "None"]
    assert sorted(map(list, joined)) == [[512, 2048], [4096, 14313]]
    assert ax.get_xscale() == "log"


def test_rows_of_a_file_are_text_and_seeds_a_range():
    row = {"scheme": "bytes", "tokens_per_byte": "1", "bits_per_byte": "2.5", "seed_0": "2.4", "seed_1": "2.6"}
    ax = scheme_trade([row])
    assert [2.4, 2.6] in [list(line.get_ydata()) for line in ax.lines]


@pytest.mark.parametrize(("dark", "colors"), [(False, theme.LIGHT), (True, theme.DARK)])
def test_colours_are_those_of_the_theme(dark, colors):
    with style(dark):
        ax = scheme_trade(ROWS)
    found = {label.get_text(): label.get_color() for label in ax.texts}
    assert found["BPE 512"] == colors["class0"]
    assert found["words, all"] == colors["class1"]
    assert found["bytes"] == colors["text"]


def test_what_cannot_be_drawn_is_named():
    with pytest.raises(ValueError, match=r"cost is one of tokens_per_byte, vocab_size, embedding_share, got 'size'"):
        scheme_trade(ROWS, "size")
    with pytest.raises(ValueError, match="no rows to draw"):
        scheme_trade([])
    with pytest.raises(ValueError, match=r"row 1 has no bits_per_byte, vocab_size"):
        scheme_trade([ROWS[0], {"scheme": "bytes", "vocab_size": ""}], "vocab_size")
