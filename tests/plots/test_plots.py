import itertools
import re
from itertools import pairwise

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb

from labkit.plots import curves, decision_boundary, loss_curves, style, theme

THEMES = {"light": theme.LIGHT, "dark": theme.DARK}
SURFACES = ("bg", "panel", "line")  # everything else is used for text and thin lines


def luminance(color):
    """Relative luminance, WCAG 2.1."""
    channels = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(color)]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), channels, strict=True))


def contrast(a, b):
    """The contrast ratio of two colours, WCAG 2.1: 1 to 21."""
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


def test_the_measure_of_contrast():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)  # the known grey just below 4.5


@pytest.mark.parametrize("surface", ["bg", "panel"])
@pytest.mark.parametrize("name", [name for name in theme.LIGHT if name not in SURFACES])
@pytest.mark.parametrize("colors", THEMES.values(), ids=THEMES)
def test_text_and_lines_stand_out(colors, name, surface):
    assert contrast(colors[name], colors[surface]) >= 4.5


@pytest.mark.parametrize("colors", THEMES.values(), ids=THEMES)
def test_what_is_drawn_together_differs(colors):
    series = [colors[name] for name in ("loss", "validation", "gradient", "good")]
    for a, b in itertools.combinations(series, 2):
        assert np.linalg.norm(np.subtract(to_rgb(a), to_rgb(b))) > 0.2


def test_both_themes_have_the_same_names():
    assert theme.LIGHT.keys() == theme.DARK.keys()
    assert all(re.fullmatch("#[0-9a-f]{6}", color) for colors in THEMES.values() for color in colors.values())


def test_css_says_both_themes():
    light, dark = theme.css(".here").split("\n}\n")[:2]
    assert light.startswith(".here {")
    assert all(host in dark.split("{")[0] for host in theme.DARK_HOSTS)
    for block, colors in ((light, theme.LIGHT), (dark, theme.DARK)):
        declared = dict(re.findall(r"--lb-([\w-]+): ([^;]+);", block))
        assert colors.items() <= declared.items()
    assert "--lb-space-2: 8px;" in light
    assert "--lb-font: system-ui" in light


def test_style_ends_with_its_block():
    before = dict(mpl.rcParams)
    with style(dark=True) as colors:
        assert colors is theme.DARK
        assert to_hex(plt.subplots()[1].get_facecolor()) == theme.DARK["bg"]
        assert mpl.rcParams["text.color"] == theme.DARK["text"]
        assert theme.current() is theme.DARK
    assert dict(mpl.rcParams) == before
    assert theme.current() is theme.LIGHT
    with style() as colors:
        assert colors is theme.current() is theme.LIGHT


def drawn(ax):
    """Labels and the text on the axes, after a real drawing."""
    ax.figure.canvas.draw()
    return ax.get_xlabel(), ax.get_ylabel(), [text.get_text() for text in ax.texts]


def test_loss_curves_are_labelled_at_their_ends():
    ax = plt.subplots()[1]
    assert loss_curves({"lr 0.1": [3.0, 2.0, 1.0], "lr 1": (2.0, 2.5)}, ax) is ax
    assert drawn(ax) == ("step", "loss (nats)", ["lr 0.1", "lr 1"])
    assert [line.get_xydata().tolist() for line in ax.lines] == [[[1, 3], [2, 2], [3, 1]], [[1, 2], [2, 2.5]]]
    assert [(text.xy, text.get_color()) for text in ax.texts] == [
        ((3, 1.0), ax.lines[0].get_color()),
        ((2, 2.5), ax.lines[1].get_color()),
    ]
    assert ax.get_legend() is None
    assert ax.get_ylim()[0] == 0


def test_loss_curves_make_axes_and_take_a_wild_curve_on_a_log_axis():
    ax = loss_curves({"wild": [1.0, 1e9], "tame": [1.0, 0.1]}, y_label="loss (bits)", log=True)
    assert isinstance(ax, Axes)
    assert drawn(ax)[1] == "loss (bits)"
    assert ax.get_yscale() == "log"
    low, high = ax.get_ylim()
    assert 0 < low < 0.1
    assert high > 1e9


def test_loss_curves_take_columns_of_a_frame():
    pd = pytest.importorskip("pandas")
    ax = loss_curves({"a": pd.Series([2.0, 1.0], index=[5, 6]), "b": np.array([1.0, 3.0])})
    assert [text.xy for text in ax.texts] == [(2, 1.0), (2, 3.0)]


def test_loss_curves_need_losses():
    with pytest.raises(ValueError, match="'empty' has no numbers"):
        loss_curves({"empty": []})


def test_the_boundary_is_the_score_with_the_points_on_top():
    ax = plt.subplots()[1]
    positions, labels = [(-1, 0.5), (1, 0.5), (1, -0.5)], [-1, 1, 1]
    assert decision_boundary(lambda at: 10 * at[0], positions, labels, ax, extent=2, cells=8) is ax
    assert drawn(ax)[:2] == ("x", "y")
    (image,) = ax.images
    field = image.get_array()
    assert field.shape == (8, 8)
    assert (field[:, :4] < 0).all()  # left is class -1
    assert (field[:, 4:] > 0).all()
    assert image.get_extent() == [-2, 2, -2, 2]
    points = {c.get_label(): (c.get_offsets().tolist(), to_hex(c.get_facecolor()[0])) for c in ax.collections}
    assert points == {
        "class -1": ([[-1, 0.5]], theme.LIGHT["class0"]),
        "class +1": ([[1, 0.5], [1, -0.5]], theme.LIGHT["class1"]),
    }


def test_the_boundary_is_the_right_way_up():
    ax = decision_boundary(lambda at: at[1], [(0, 1)], [1], cells=4)
    field = ax.images[0].get_array()
    assert ax.images[0].origin == "lower"
    assert (field[0] < 0).all()


def test_the_boundary_of_one_class_alone():
    ax = decision_boundary(lambda at: 1.0, [(0, 1), (1, 0)], [1, 1], cells=4)
    assert [len(c.get_offsets()) for c in ax.collections] == [0, 2]


def test_curves_over_places_of_their_own():
    ax = curves({"share": [0.1, 0.2]}, x=[250, 500], x_label="steps", y_label="share")
    (line,) = ax.lines
    assert list(line.get_xdata()) == [250, 500]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("steps", "share")
    with pytest.raises(ValueError, match="'share' has 2 numbers for 3 places"):
        curves({"share": [0.1, 0.2]}, x=[1, 2, 3])


def test_names_of_curves_that_end_together_do_not_overlap():
    ax = curves({"a": [1, 2, 3], "b": [1, 2, 3.01], "c": [1, 2, 3.02], "d": [1, 2, 1]})
    ax.figure.canvas.draw()
    boxes = sorted((text.get_window_extent() for text in ax.texts), key=lambda box: box.y0)
    assert len(boxes) == 4
    assert all(upper.y0 >= lower.y1 for lower, upper in pairwise(boxes))
