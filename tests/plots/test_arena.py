import math

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex

from labkit.arena.measure import measurements
from labkit.data import load_names
from labkit.plots import style, theme
from labkit.plots.arena import HEALTHY_RATIO, gradient_distribution, update_ratio
from labkit.scalar.gpt import INIT_STD
from labkit.training import ScalarGPTRun

ROWS = [
    "wte",
    "wpe",
    *(f"layer0.{name}" for name in ["attn_wq", "attn_wk", "attn_wv", "attn_wo", "mlp_fc1", "mlp_fc2"]),
]
ROWS.append("lm_head")


@pytest.fixture(scope="module")
def documents():
    names = load_names()
    return [names.encode(name) for name in names.train]


@pytest.fixture
def run(documents):
    run = ScalarGPTRun(documents, 27, n_embd=4, n_head=2, seed=3, max_steps=20)
    list(run)
    return run


def fill(run, part, value):
    for row in run.model.state_dict[part]:
        for p in row:
            p.data = value


def drawn(ax):
    """The rows and the texts, after a real drawing."""
    ax.figure.canvas.draw()
    return [label.get_text() for label in ax.get_yticklabels()], [text.get_text() for text in ax.texts]


def bars_of(ax):
    return [patch for patch in ax.patches if patch.get_height() == pytest.approx(0.6)]


def test_gradients_by_matrix(run):
    m = measurements(run)
    ax = plt.subplots()[1]
    assert gradient_distribution(run, ax) is ax
    rows, texts = drawn(ax)
    assert rows == ROWS
    assert ax.get_ylim()[0] > ax.get_ylim()[1]  # the first on top
    assert ax.get_xscale() == "log"
    assert "gradient" in ax.get_xlabel()
    medians = [line.get_xdata()[0] for line in ax.lines if line.get_color() == theme.LIGHT["text"]]
    known = [np.median([abs(g) for g in m.matrices[name].gradients if g]) for name in ROWS]
    assert medians == pytest.approx(known)
    share = m.matrices["wpe"].gradients.count(0.0) / len(m.matrices["wpe"].gradients)
    assert 0 < share < 1
    assert texts[1] == f"{share:.0%} zero"


def test_gradients_that_a_logarithm_cannot_show(run):
    fill(run, "layer0.mlp_fc1", 0.0)
    rows, texts = drawn(gradient_distribution(run))
    said = dict(zip(rows, texts, strict=True))
    assert said["layer0.mlp_fc1"] == said["layer0.mlp_fc2"] == "all zero"
    assert said["layer0.attn_wq"] == ""
    fill(run, "wpe", math.nan)
    assert drawn(gradient_distribution(run))[1] == ["not finite"] * len(ROWS)


def test_updates_beside_weights(run):
    m = measurements(run)
    ax = plt.subplots()[1]
    assert update_ratio(run, ax) is ax
    rows, texts = drawn(ax)
    assert rows == ROWS
    assert texts == ["healthy"]
    assert f"◇ beside weights of {INIT_STD:g}" in ax.get_xlabel()
    bars = bars_of(ax)
    assert [bar.get_x() + bar.get_width() for bar in bars] == pytest.approx(
        [m.matrices[name].update_ratio for name in ROWS]
    )
    assert {to_hex(bar.get_facecolor()) for bar in bars} == {theme.LIGHT["accent"]}
    diamonds = [line.get_xdata()[0] for line in ax.lines]
    assert diamonds == pytest.approx([m.matrices[name].update_rms / INIT_STD for name in ROWS])
    (band,) = [patch for patch in ax.patches if patch not in bars]
    assert (band.get_x(), band.get_x() + band.get_width()) == pytest.approx(HEALTHY_RATIO)
    low, high = ax.get_xlim()
    assert low < min(diamonds)
    assert high > max(diamonds)


@pytest.mark.parametrize("lr", [0.0001, 10.0])
def test_bars_outside_the_band_are_red(documents, lr):
    run = ScalarGPTRun(documents, 27, n_embd=4, n_head=2, lr=lr, max_steps=10)
    if lr < 0.01:
        list(run)  # the very first update is the largest
    ax = update_ratio(run)
    bars = bars_of(ax)
    assert {to_hex(bar.get_facecolor()) for bar in bars} == {theme.LIGHT["bad"]}


def test_a_wild_learning_rate_shows_in_the_diamonds(documents):
    run = ScalarGPTRun(documents, 27, n_embd=4, n_head=2, lr=10, max_steps=60)
    list(run)
    ax = update_ratio(run)
    bars = bars_of(ax)
    assert any(to_hex(bar.get_facecolor()) == theme.LIGHT["accent"] for bar in bars)  # the weights are large, too
    assert all(line.get_xdata()[0] > HEALTHY_RATIO[1] for line in ax.lines)
    assert {line.get_markeredgecolor() for line in ax.lines} == {theme.LIGHT["bad"]}


def test_updates_without_a_ratio(run):
    fill(run, "lm_head", 0.0)
    fill(run, "layer0.mlp_fc1", 0.0)
    run.model.m = [0.0] * len(run.model.m)
    _, texts = drawn(update_ratio(run))
    assert texts.count("all weights zero") == 2
    assert texts.count("no update") == len(ROWS) - 2
    fill(run, "wpe", math.nan)
    assert "not finite" in drawn(update_ratio(run))[1]


@pytest.mark.parametrize("draw", [gradient_distribution, update_ratio])
def test_measurements_made_once_serve_both(run, draw):
    ax = draw(measurements(run))
    assert isinstance(ax, Axes)
    assert drawn(ax)[0] == ROWS


@pytest.mark.parametrize("draw", [gradient_distribution, update_ratio])
def test_drawing_leaves_the_run_as_it_was(run, draw):
    before = run.state_dict(), [p.grad for p in run.model.params]
    draw(run)
    assert (run.state_dict(), [p.grad for p in run.model.params]) == before


@pytest.mark.parametrize(("dark", "colors"), [(False, theme.LIGHT), (True, theme.DARK)])
def test_both_themes(run, dark, colors):
    with style(dark):
        boxes = gradient_distribution(run)
        bars = update_ratio(run)
    assert to_hex(boxes.patches[0].get_edgecolor()) == colors["gradient"]
    assert to_hex(bars.texts[0].get_color()) == colors["good"]


def test_two_layers_make_a_taller_figure(documents):
    heights = []
    for n_layer in (1, 2):
        run = ScalarGPTRun(documents, 27, n_layer, 4, 2)
        heights.append(update_ratio(run).figure.get_figheight())
    assert heights[1] > heights[0]
