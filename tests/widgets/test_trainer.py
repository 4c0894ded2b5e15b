"""The panel, headless: buttons are clicked, sliders are set, `wait` waits."""

import numpy as np
import pytest

from labkit.grading import Band
from labkit.training import PointsRun
from labkit.widgets import Boundary, TrainerPanel

LONG = 30


class Failing(PointsRun):
    """Raises in step 3."""

    def train_step(self):
        if self.step == 2:
            raise RuntimeError("<b>no more</b>")
        return super().train_step()


def points_run(kind=PointsRun, **options):
    return kind(**{"width": 1, "batch_size": 2, "max_steps": 6} | options)


@pytest.fixture
def panel(made):
    """`panel(run, …)`: a panel, of a small run when left out."""
    return lambda run=None, **options: made(TrainerPanel, run or points_run(), **options)


def shown_steps(panel):
    numbers = np.frombuffer(panel.chart.data, "<f4").reshape(len(panel.chart.series) + 1, -1)
    return numbers[0].tolist()


def test_train_and_wait(panel, enabled):
    p = panel()
    assert "<b>idle</b>" in p.status.value
    assert enabled(p) == {"train", "step", "reset"}
    p.train.click()
    assert p.wait(LONG) == "done"
    assert p.run.step == 6
    assert "<b>done</b> · step 6 of 6" in p.status.value
    assert f"loss {p.run.history[-1].loss:.4f}" in p.status.value
    assert shown_steps(p) == [1, 2, 3, 4, 5, 6]
    assert p.error.value == ""
    assert enabled(p) == {"reset"}


def test_the_panel_trains_to_the_losses_of_a_plain_loop(panel):
    p = panel()
    p.train.click()
    p.wait(LONG)
    assert [s.loss for s in p.run.history] == [s.loss for s in points_run()]


def test_step_shows_each_step(panel, enabled):
    p = panel()
    for expected in (1, 2):
        p.step.click()
        assert p.wait(LONG) == "paused"
        assert f"<b>paused</b> · step {expected} of 6" in p.status.value
        assert shown_steps(p) == list(range(1, expected + 1))
    assert enabled(p) == {"train", "step", "stop", "reset"}


def test_pause_and_go_on(panel):
    p = panel(points_run(max_steps=None))
    p.train.click()
    p.pause.click()
    # Whether a step was done before the pause is not said; the train click may still have been on its way.
    while p.driver.state == "running" and p.driver._wanted == "run":
        p.pause.click()
    assert p.wait(LONG) == "paused"
    done = p.run.step
    p.run.max_steps = done + 3
    p.train.click()
    assert p.wait(LONG) == "done"
    assert p.run.step == done + 3


def test_stop_and_go_on(panel, enabled):
    p = panel()
    p.step.click()
    p.wait(LONG)
    p.stop.click()
    assert p.wait(LONG) == "stopped"
    assert "<b>stopped</b> · step 1 of 6" in p.status.value
    assert enabled(p) == {"train", "step", "reset"}
    p.train.click()
    assert p.wait(LONG) == "done"


def test_reset_starts_over_with_the_sliders_as_they_stand(panel, enabled):
    p = panel()
    p.train.click()
    p.wait(LONG)
    p.sliders["width"].value = 3
    p.reset.click()
    assert p.wait(LONG) == "idle"
    assert (p.run.step, p.run.model.sizes) == (0, [2, 3, 3, 1])
    assert shown_steps(p) == []
    assert enabled(p) == {"train", "step", "reset"}


def test_sliders_turn_the_controls(panel):
    p = panel(points_run(lr=0.5))
    assert {name: s.value for name, s in p.sliders.items()} == {"lr": 0.5, "noise": 0.1, "width": 1}
    p.sliders["lr"].value = 0.25
    assert p.run.controls["lr"] == 0.25
    p.step.click()
    p.wait(LONG)
    p.sliders["lr"].value = 2.0
    p.step.click()
    p.wait(LONG)
    assert [s.lr for s in p.run.history] == [0.25, 2.0]


def test_a_slider_of_a_figure_at_rest_redraws_it(panel):
    run = points_run()
    figure = Boundary(run)
    p = panel(run, figures=[figure])
    before = figure.points
    p.sliders["noise"].value = 0.4
    assert figure.points != before


def test_figures_follow_the_net(panel):
    run = points_run()
    figure = Boundary(run)
    p = panel(run, figures=[figure])
    p.train.click()
    p.wait(LONG)
    weights = np.frombuffer(figure.weights, "<f4")
    assert weights == pytest.approx(run.model.get_weights(), rel=1e-6)


def test_an_error_is_shown_escaped_and_the_history_stays(panel, enabled):
    p = panel(points_run(Failing))
    p.train.click()
    assert p.wait(LONG) == "failed"
    sentence, traceback = p.error.value.split("<pre>")
    assert "RuntimeError: &lt;b&gt;no more&lt;/b&gt;" in sentence
    assert traceback.startswith("Traceback (most recent call last)")
    assert "RuntimeError: &lt;b&gt;no more&lt;/b&gt;" in traceback
    assert "<b>no more" not in p.error.value
    assert "<b>failed</b> · step 2 of 6" in p.status.value
    assert len(p.run.history) == 2
    assert enabled(p) == {"train", "step", "reset"}


def test_an_error_goes_when_training_goes_on(panel):
    p = panel(points_run(Failing))
    p.train.click()
    p.wait(LONG)
    p.reset.click()
    assert p.error.value == ""


def test_diverging_is_a_sentence_and_not_a_traceback(panel):
    run = points_run(batch_size=100)
    p = panel(run)
    p.step.click()
    p.wait(LONG)
    run.model.set_weights([1e300] * len(run.model.parameters))
    p.train.click()
    assert p.wait(LONG) == "failed"
    assert "Lower the learning rate." in p.error.value
    assert "Traceback" not in p.error.value
    p.sliders["lr"].value = 0.01
    p.train.click()
    assert p.wait(LONG) == "done"
    assert p.error.value == ""


def test_the_band_is_drawn_and_judged(panel):
    p = panel(band=Band([(0, 100, 200)], tolerance=3))
    assert p.chart.band == [[0, 100, 200]]
    assert "lb-verdict" not in p.status.value
    p.step.click()
    p.wait(LONG)
    assert 'lb-verdict-good">A verdict comes after 3 steps.' in p.status.value
    p.train.click()
    p.wait(LONG)
    assert 'lb-verdict-good">Better than expected' in p.status.value


def test_another_panel_under_the_same_key_stops_the_earlier_one(panel):
    first = panel(points_run(max_steps=None), key="the same")
    first.train.click()
    assert first.driver.alive
    second = panel(points_run(max_steps=None), key="the same")
    assert not first.driver.alive
    assert "<b>stopped</b>" in first.status.value
    assert not second.driver.alive


def test_outside_a_notebook_the_kind_of_run_is_the_key(panel):
    first = panel(points_run(max_steps=None), key=None)
    first.train.click()
    panel(key=None)
    assert not first.driver.alive


def test_close_ends_the_thread_and_keeps_the_history(panel):
    p = panel(points_run(max_steps=None))
    p.step.click()
    p.wait(LONG)
    p.train.click()
    p.close()
    assert not p.driver.alive
    assert p.run.history


def test_a_panel_of_a_run_that_is_done_already(panel, enabled):
    run = points_run()
    list(run)
    p = panel(run)
    assert shown_steps(p) == [1, 2, 3, 4, 5, 6]
    assert enabled(p) == {"reset"}


class Torn(Boundary):
    """A figure whose drawing fails once training has begun."""

    def update(self):
        super().update()
        if self._run.step:
            raise RuntimeError("no ink")


@pytest.mark.parametrize(("every", "state"), [(0, "failed"), (1000, "done")])
def test_a_figure_that_fails_is_shown_and_the_run_stays_sound(panel, every, state):
    run = points_run(max_steps=5)
    made = panel(run, figures=[Torn(run)])
    made.driver.every = every
    made.train.click()
    assert made.wait(30) == state
    assert "RuntimeError: no ink" in made.error.value
    assert state in made.status.value
    assert [step.step for step in run.history] == list(range(1, run.step + 1))


def test_sliders_follow_controls_that_were_set_elsewhere(panel):
    made = panel(points_run(max_steps=3))
    made.run.controls["lr"] = 0.25
    made.step.click()
    made.wait(30)
    assert made.sliders["lr"].value == 0.25


class Patient(PointsRun):
    """Has had enough after three steps, as an LMRun whose patience is at its end."""

    @property
    def finished(self):
        return self.step >= 3 or super().finished


def test_a_run_that_ends_early_is_done(panel, enabled):
    p = panel(points_run(Patient))
    p.train.click()
    assert p.wait(LONG) == "done"
    assert "<b>done</b> · step 3 of 6 · stopped early" in p.status.value
    assert enabled(p) == {"reset"}
    p.reset.click()
    assert "early" not in p.status.value
    assert enabled(p) == {"train", "step", "reset"}
    p.run.max_steps = 2
    p.train.click()
    p.wait(LONG)
    assert "early" not in p.status.value
