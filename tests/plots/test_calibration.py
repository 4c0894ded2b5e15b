"""The reliability diagram: a point for each bin where its numbers are, and gaps in the colour of their sign."""

import matplotlib.pyplot as plt
import pytest
from matplotlib.colors import same_color

from labkit.plots import style, theme
from labkit.plots.calibration import reliability_diagram, wilson
from labkit.rlhf.calibration import Bin, reliability

BINS = [Bin(0.5, 0.6, 1200, 0.56, 0.7), Bin(0.6, 0.7, 30, 0.66, 0.5), Bin(0.9, 1.0, 8, 0.97, 1.0)]


@pytest.mark.parametrize(("dark", "colors"), [(False, theme.LIGHT), (True, theme.DARK)])
def test_bins_are_points_with_gap_whisker_and_number(dark, colors):
    with style(dark):
        ax = plt.subplots()[1]
        assert reliability_diagram(BINS, ax, "before") is ax
    ax.figure.canvas.draw()
    diagonal, *gaps, points = ax.lines
    assert list(diagonal.get_xdata()) == list(diagonal.get_ydata()) == [0, 1]
    assert list(zip(points.get_xdata(), points.get_ydata(), strict=True)) == [(0.56, 0.7), (0.66, 0.5), (0.97, 1.0)]
    for bin, gap, whisker, name in zip(BINS, gaps[::2], gaps[1::2], ("good", "bad", "good"), strict=True):
        assert list(gap.get_xdata()) == list(whisker.get_xdata()) == [bin.confidence] * 2
        assert list(gap.get_ydata()) == [bin.confidence, bin.accuracy]
        assert same_color(gap.get_color(), colors[name])
        low, high = whisker.get_ydata()
        assert low < bin.accuracy <= high
    assert {text.get_text() for text in ax.texts} == {"calibrated", "1,200", "30", "8"}
    assert ax.get_title("left") == "before: ECE 14.0% (1,238 answers)"  # (1200·0.14 + 30·0.16 + 8·0.03) / 1238
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("confidence (small numbers: answers)", "accuracy")
    assert ax.get_xlim()[0] == pytest.approx(0.48)


def test_the_axis_begins_where_confidence_does():
    with style():
        ax = reliability_diagram(reliability([0.05, 0.9], [0, 1]))
    assert ax.get_xlim()[0] == pytest.approx(-0.02)
    assert ax.get_title("left") == "ECE 7.5% (2 answers)"


def test_wilsons_interval_is_where_the_score_test_ends():
    """At its ends the observed share is 1.96 standard errors of that end away, by Wilson's definition."""
    for share, n in ((0.5, 10), (0.9, 40), (0.02, 500)):
        for end in wilson(share, n):
            assert abs(share - end) == pytest.approx(1.96 * (end * (1 - end) / n) ** 0.5, rel=1e-9)
    assert wilson(0.0, 5)[0] == 0
    assert wilson(1.0, 5) == pytest.approx((1 / (1 + 1.96**2 / 5), 1.0))


def test_no_bins_are_refused():
    with pytest.raises(ValueError, match="no bins to draw"):
        reliability_diagram([])
