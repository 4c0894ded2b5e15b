"""The record of a run: what is kept, what a file must be, and that the curve is the run's own."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.training import Step
from labkit.training.replay import FORMAT, MAX_POINTS, load_record, record_of, save_record


class FakeRun:
    """A history and samples, as a run has them."""

    def __init__(self, losses, eval_every=0, sample_every=0):
        self.history = [
            Step(
                i,
                loss,
                0.1,
                10,
                1.0,
                0.01,
                {"validation": loss + 0.1 if eval_every and i % eval_every == 0 else math.nan},
            )
            for i, loss in enumerate(losses, start=1)
        ]
        self.samples = [(i, f"text {i}\n") for i in range(1, len(losses) + 1) if sample_every and i % sample_every == 0]


def test_a_short_run_is_kept_as_it_is():
    run = FakeRun([4.0, 3.0, 2.0], eval_every=2, sample_every=3)
    record = record_of(run, {"title": "short"})
    assert record == {
        "format": FORMAT,
        "about": {"title": "short"},
        "train": [[1, 4.0], [2, 3.0], [3, 2.0]],
        "validation": [[2, 3.1]],
        "samples": [[3, "text 3\n"]],
    }


@given(st.lists(st.floats(0, 20), min_size=1, max_size=4 * MAX_POINTS))
def test_the_curve_is_thinned_and_its_mean_is_the_runs(losses):
    points = record_of(FakeRun(losses))["train"]
    assert len(points) == min(len(losses), MAX_POINTS)
    assert points[0] == [1, round(losses[0], 5)]
    steps = [step for step, _ in points]
    assert steps == sorted(set(steps))
    assert steps[-1] <= len(losses)
    # Stretches differ by one step at most, so that their means weigh about the same.
    size = (len(losses) - 1) / max(1, len(points) - 1)
    if size.is_integer() and size:
        assert np.mean([loss for _, loss in points[1:]]) == pytest.approx(np.mean(losses[1:]), abs=1e-4)


def test_a_run_that_has_not_begun():
    assert record_of(FakeRun([])) == {"format": FORMAT, "about": {}, "train": [], "validation": [], "samples": []}


def test_a_file_gives_back_what_was_saved(tmp_path):
    run = FakeRun([4.0, 3.0], sample_every=1)
    run.samples[0] = (1, "é\u2028<b>")
    record = record_of(run, {"seed": 3})
    path = save_record(tmp_path / "new" / "replay.json", record)
    assert load_record(path) == record
    assert [p.name for p in path.parent.iterdir()] == ["replay.json"]


def test_about_must_fit_into_json():
    with pytest.raises(ValueError, match="about: "):
        record_of(FakeRun([1.0]), {"model": object()})
    with pytest.raises(ValueError, match="about: "):
        record_of(FakeRun([1.0]), {"loss": math.nan})


GOOD = {"format": FORMAT, "about": {}, "train": [[1, 4.0], [2, 3.0]], "validation": [], "samples": [[2, "x"]]}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("[]", "not a run to replay: expected format 'labkit-replay-1', got 'list'"),
        ("{}", "got None"),
        (json.dumps(GOOD | {"about": 3}), "'about' must be a dict"),
        (json.dumps(GOOD | {"train": "abc"}), r"'train' must be a list of \[step, nats\]"),
        (json.dumps(GOOD | {"train": [[1]]}), r"'train' must be a list of \[step, nats\], got \[1\]"),
        (json.dumps(GOOD | {"samples": [[1, 2]]}), r"'samples' must be a list of \[step, text\]"),
        (json.dumps(GOOD | {"validation": [[1, math.nan]]}), r"'validation' must be a list"),
        (json.dumps(GOOD | {"train": [[2, 1.0], [2, 1.0]]}), "'train' must rise: 2 comes after 2"),
        ("{", "replay.json"),
    ],
)
def test_another_file_is_refused_by_name(tmp_path, content, words):
    path = tmp_path / "replay.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=words) as caught:
        load_record(path)
    assert str(path) in str(caught.value)


def test_saving_what_is_no_record_writes_nothing(tmp_path):
    with pytest.raises(ValueError, match="not a run to replay"):
        save_record(tmp_path / "replay.json", {})
    assert list(tmp_path.iterdir()) == []
