import math

import numpy as np
import pytest

from labkit.training import Step
from labkit.widgets import LineChart
from labkit.widgets.chart import MAX_POINTS, thinned


def history(n, **extra):
    return [Step(i, 1 / i, 0.1, 1, 1.0, 0.0, {name: f(i) for name, f in extra.items()}) for i in range(1, n + 1)]


def decoded(chart):
    return np.frombuffer(chart.data, "<f4").reshape(len(chart.series) + 1, -1)


@pytest.mark.parametrize("n", [1, 2, 999, 1000, 1001, 1500, 25_000])
def test_a_history_is_thinned_with_its_first_and_last_step(n):
    chart = LineChart()
    chart.draw(history(n))
    steps, losses = decoded(chart)
    assert steps.size == min(n, MAX_POINTS)
    assert (steps[0], steps[-1]) == (1, n)
    gaps = np.diff(steps)
    assert n == 1 or (gaps.min() >= 1 and gaps.max() - gaps.min() <= 1)  # even, and no step twice
    assert losses == pytest.approx(1 / steps, rel=1e-6)


def test_thinning_takes_any_limit():
    assert [s.step for s in thinned(history(9), limit=5)] == [1, 3, 5, 7, 9]
    assert thinned([], limit=5) == []


def test_a_series_is_one_of_the_extras_and_missing_ones_are_gaps():
    chart = LineChart(series=["loss", "accuracy"], colors=["loss", "validation"])
    steps = history(3, accuracy=lambda i: i / 10)
    steps[1].extra.clear()
    chart.draw(steps)
    _, losses, accuracies = decoded(chart).tolist()
    assert losses == pytest.approx([1, 1 / 2, 1 / 3])
    assert accuracies[0] == pytest.approx(0.1)
    assert math.isnan(accuracies[1])


def test_the_caption_says_where_the_curve_begins_and_ends():
    chart = LineChart()
    assert chart.caption() == "loss over steps: none yet"
    chart.draw(history(1))
    assert chart.caption() == "loss from 1 at step 1 to 1 at step 1"
    chart.draw(history(4))
    assert chart.caption() == "loss from 1 at step 1 to 0.25 at step 4"


def test_the_caption_leaves_out_what_was_not_measured_or_is_not_finite():
    chart = LineChart(series=["valid"])
    chart.plot([1, 2, 3, 4, 5], [math.nan, 0.25, math.nan, 0.5, math.inf])
    assert chart.caption() == "valid from 0.25 at step 2 to 0.5 at step 4"
    chart.plot([1, 2], [math.nan, math.nan])
    assert chart.caption() == "valid over steps: none yet"


def test_an_emptied_history_empties_the_chart():
    chart = LineChart()
    chart.draw(history(4))
    chart.draw([])
    assert chart.data == b""


def test_numbers_that_are_no_runs_are_plotted_and_thinned():
    chart = LineChart(series=["A", "B"], colors=["class0", "class1"])
    chart.plot([1, 2, 3], [3.0, 2.0, 1.0], [3.0, math.nan, math.nan])
    x, a, b = decoded(chart).tolist()
    assert (x, a, b[0]) == ([1, 2, 3], [3, 2, 1], 3)
    assert math.isnan(b[2])
    chart.plot(range(5000), range(5000), range(5000))
    assert decoded(chart).shape == (3, MAX_POINTS)
    with pytest.raises(ValueError, match="2 series have names, got the values of 1"):
        chart.plot([1], [1.0])


def seldom(n, every):
    return history(n, validation=lambda i: 1 + 1 / i if i % every == 0 else math.nan)


@pytest.mark.parametrize("n", [1500, 5001, 25_000])
def test_a_series_that_is_measured_now_and_then_is_drawn_however_long_the_run(n):
    chart = LineChart(series=["loss", "validation"], colors=["loss", "validation"])
    chart.draw(seldom(n, every=100))
    steps, losses, validation = decoded(chart)
    assert np.isfinite(losses).all()
    assert (np.diff(steps) > 0).all()
    assert (steps[0], steps[-1]) == (1, n)
    measured = np.isfinite(validation)
    assert steps[measured].tolist() == list(range(100, n + 1, 100))
    assert validation[measured] == pytest.approx(1 + 1 / steps[measured], rel=1e-6)
    assert steps.size <= 2 * MAX_POINTS


def test_a_growing_then_another_history_shows_its_own_measurements():
    chart = LineChart(series=["loss", "validation"], colors=["loss", "validation"])
    whole = seldom(3000, every=70)

    def shown():
        steps, _, validation = decoded(chart)
        return steps[np.isfinite(validation)].tolist()

    for n in (900, 1400, 1400, 3000):
        chart.draw(whole[:n])
        assert shown() == list(range(70, n + 1, 70))
    chart.draw(seldom(2000, every=130))  # shorter
    assert shown() == list(range(130, 2001, 130))
    chart.draw(seldom(2500, every=90))  # longer, and of another run
    assert shown() == list(range(90, 2501, 90))


def test_a_series_of_every_step_is_thinned_as_the_loss_is():
    chart = LineChart(series=["loss", "accuracy"], colors=["loss", "validation"])
    chart.draw(history(5000, accuracy=lambda i: i))
    assert decoded(chart).shape == (3, MAX_POINTS)
