"""The figure that replays a run: what it shows, and that it follows a run."""

import math

import pytest
import traitlets as t

from labkit.training import Step
from labkit.training.replay import save_record
from labkit.widgets import TrainingReplay

RECORD = {
    "format": "labkit-replay-1",
    "about": {"title": "A tiny run"},
    "train": [[1, 4.0], [50, 3.0], [100, 2.0]],
    "validation": [[50, 3.1], [100, 2.2]],
    "samples": [[40, "zq"], [80, "the"], [100, "there"]],
}


class FakeRun:
    def __init__(self):
        self.history, self.samples = [], []

    def go(self, step, text=None, validation=math.nan):
        self.history.append(Step(step, 4 / step, 0.1, 10, 1.0, 0.01, {"validation": validation}))
        if text is not None:
            self.samples.append((step, text))


def test_the_cursor_stands_at_the_last_sample_up_to_a_step():
    assert TrainingReplay.from_record(RECORD).shown == (100, "there")
    for step, expected in [(40, 40), (79, 40), (80, 80), (10_000, 100)]:
        assert TrainingReplay.from_record(RECORD, step=step).shown[0] == expected
    with pytest.raises(ValueError, match=r"no sample up to step 39; there are samples at \[40, 80, 100\]"):
        TrainingReplay.from_record(RECORD, step=39)


def test_a_file_is_read(tmp_path):
    path = save_record(tmp_path / "replay.json", RECORD)
    assert TrainingReplay.from_record(path).record == RECORD
    assert TrainingReplay.from_record(str(path)).record == RECORD
    with pytest.raises(ValueError, match="not a run to replay"):
        TrainingReplay.from_record({"format": "other"})


def test_it_says_what_there_is_to_see():
    assert TrainingReplay.from_record(RECORD).caption() == (
        "A tiny run, to watch again: the validation loss from 3.10 nats at step 50 to 2.20 at step 100, "
        "and 3 samples of what the model wrote on the way."
    )
    empty = {**RECORD, "about": {}, "train": [], "validation": [], "samples": []}
    figure = TrainingReplay.from_record(empty)
    assert figure.caption() == "A training run, to watch again: no step yet."
    assert figure.shown is None


def test_it_follows_a_run_and_stays_where_it_was_put():
    run = FakeRun()
    figure = TrainingReplay.from_run(run, {"title": "Live"})
    assert figure.shown is None
    run.go(1)
    figure.update()
    run.go(2, "b", validation=2.0)
    run.go(3)
    figure.update()
    assert figure.shown == (2, "b")
    run.go(4, "d")
    figure.update()
    assert figure.shown == (4, "d")  # the newest
    figure.place = 0
    run.go(5, "e")
    figure.update()
    assert figure.shown == (2, "b")
    assert figure.record["about"] == {"title": "Live"}
    assert figure.record["validation"] == [[2, 2.0]]
    run.__init__()  # a reset
    figure.update()
    assert figure.shown is None


def test_nothing_is_sent_while_nothing_was_written():
    run = FakeRun()
    run.go(1, "a")
    figure = TrainingReplay.from_run(run)
    sent = []
    figure.observe(lambda change: sent.append(change["new"]), "record")
    run.go(2)
    figure.update()
    assert sent == []
    run.go(3, "c")
    figure.update()
    assert len(sent) == 1
    TrainingReplay.from_record(RECORD).update()  # no run behind it


def test_a_place_that_cannot_be():
    with pytest.raises(t.TraitError):
        TrainingReplay.from_record(RECORD).place = -2
