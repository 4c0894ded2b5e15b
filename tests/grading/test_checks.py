"""What labs call: bands, facts, predictions and checks, and the file that remembers them."""

import json
import os

import numpy as np
import pytest

from labkit.grading.checks import Band, Lab, fact
from labkit.grading.progress import load_progress, progress_file

BAND = [(0, 0.6, 0.8), (100, 0.2, 0.6), (200, 0.1, 0.2)]


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    """The folder of progress.json."""
    monkeypatch.setenv("LABKIT_STATE", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture
def lab():
    return Lab("01-value", ["product", "chain"])


# -- bands and facts


def test_a_band_is_linear_between_its_points_and_level_outside():
    steps = [-5, 0, 25, 50, 100, 150, 200, 1000]
    at, low, high = np.array(BAND).T
    found = np.array([Band(BAND).at(step) for step in steps])
    assert found == pytest.approx(np.column_stack([np.interp(steps, at, low), np.interp(steps, at, high)]))


@pytest.mark.parametrize(
    ("points", "words"),
    [
        ([], "at least one"),
        ([(0, 2, 1)], r"low \(2\) is above high \(1\) at step 0"),
        ([(5, 0, 1), (5, 0, 1)], "must rise, got 5 and then 5"),
        ([(5, 0, 1), (2, 0, 1)], "must rise, got 5 and then 2"),
    ],
)
def test_a_band_that_makes_no_sense(points, words):
    with pytest.raises(ValueError, match=words):
        Band(points)


@pytest.mark.parametrize(
    ("losses", "kind", "words"),
    [
        ([0.7] * 9, "good", "A verdict comes after 10 steps."),
        ([0.7] * 10, "good", "In the expected band (0.7 over the last 10 steps; expected 0.564 to 0.782)."),
        ([0.7] * 50 + [0.05] * 50, "good", "Better than expected (0.05 over the last 10 steps"),
        ([0.7] * 100, "warn", "Above the expected band (0.7 over the last 10 steps; expected 0.2 to 0.6)"),
        ([0.7] * 99 + [float("nan")], "bad", "not a finite number"),
        ([0.7] * 50 + [2.0] * 50, "bad", "the learning rate is too high"),
    ],
)
def test_verdicts(losses, kind, words):
    verdict = Band([(0, 0.6, 0.8), (100, 0.2, 0.6)] if len(losses) > 10 else [(10, 0.564, 0.782)], 10).verdict(losses)
    assert (verdict.kind, words in verdict.text) == (kind, True)


def test_a_verdict_judges_the_mean_and_not_the_last_loss():
    losses = [0.7] * 81 + [0.3] * 18 + [1.5]
    assert Band(BAND).verdict(losses).kind == "good"


def test_a_verdict_on_the_recent_part_of_a_long_curve():
    losses = [0.7] * 50 + [0.4] * 50
    band = Band(BAND)
    assert band.verdict([losses[0], *losses[-20:]], step=100) == band.verdict(losses)


def test_facts_read_the_same_on_every_machine(capsys):
    fact("loss under 2.0", True)
    fact("loss under 1.0", np.float64(1.2) < 1.0)
    assert capsys.readouterr().out == "loss under 2.0: yes\nloss under 1.0: no\n"


# -- predictions


@pytest.mark.parametrize(
    ("guess", "answer", "tolerance", "outcome"),
    [
        (7, 7.0, 0.0, "right"),
        (7.2, 7.0, 0.25, "right"),
        (7.3, 7.0, 0.25, "not this time"),
        (0.1 + 0.2, 0.3, 0.0, "right"),
        (" Tanh", "tanh", 0.0, "right"),
        ("relu", "tanh", 0.0, "not this time"),
        ("7", 7, 0.0, "right"),
    ],
)
def test_a_prediction_is_scored(lab, capsys, guess, answer, tolerance, outcome):
    lab.predict("slope", guess)
    lab.reveal("slope", answer, tolerance, why="Because.")
    assert capsys.readouterr().out == (
        f"slope: you say {guess}.\nslope: you said {guess}, it is {answer}: {outcome}. Because.\n"
    )


def test_without_a_guess_the_answer_stays_hidden(lab, capsys):
    lab.predict("slope", None)
    lab.reveal("slope", 12345, why="Because of 12345.")
    lab.summary()
    out = capsys.readouterr().out
    assert out.startswith(
        "slope: no guess yet; put yours in place of None.\nslope: the answer comes when you have made"
    )
    assert out.endswith("predictions right: 0 of 1 (0 made)\n")
    assert "12345" not in out
    lab.predict("slope", 12345)
    lab.reveal("slope", 12345)
    assert capsys.readouterr().out.endswith("it is 12345: right.\n")


def test_an_answer_that_needs_work_first_can_ask_for_a_guess(lab):
    assert not lab.guessed("slope")
    lab.predict("slope", None)
    assert not lab.guessed("slope")
    lab.predict("slope", 0)
    assert lab.guessed("slope")


def test_the_first_guess_counts(lab, capsys):
    lab.predict("slope", 3)
    lab.predict("slope", 4)  # before the answer a guess may change
    lab.reveal("slope", 7)
    lab.predict("slope", 7)
    lab.reveal("slope", 7)
    out = capsys.readouterr().out.splitlines()
    assert out[-2] == "slope: the answer is known; your first guess, 4, counts."
    assert out[-1] == "slope: you said 4, it is 7: not this time."


def test_only_what_was_asked_can_be_revealed(lab):
    with pytest.raises(ValueError, match="no question 'slope' was asked; asked so far: none"):
        lab.reveal("slope", 7)
    lab.predict("sign", "+")
    with pytest.raises(ValueError, match="asked so far: sign"):
        lab.reveal("slope", 7)


# -- checks and progress


def test_checks_answer_at_once_and_are_summed_up(lab, capsys):
    lab.check("product", True, "look at the sign")
    lab.check("chain", False, "the inner derivative is missing")
    lab.predict("a", 1)
    lab.reveal("a", 1)
    capsys.readouterr()
    lab.check("product", np.bool_(True), "")
    lab.check("chain", False, "the inner derivative is missing")
    lab.summary()
    assert capsys.readouterr().out.splitlines() == [
        "product: passed",
        "chain: not yet. the inner derivative is missing",
        "checks passed: 1 of 2",
        "  product: passed",
        "  chain: open",
        "predictions right: 1 of 1 (1 made)",
    ]


def test_an_unknown_check_is_answered_with_the_known_ones(lab, state):
    with pytest.raises(ValueError, match="no check 'sum' in lab 01-value; there are: product, chain"):
        lab.check("sum", True, "")
    assert not state.exists()


def test_checks_are_remembered_in_one_file(lab, state):
    assert load_progress() == {}
    lab.check("product", True, "")
    lab.check("chain", False, "")
    Lab("02-scalar-gpt", ["dot"]).check("dot", True, "")
    assert progress_file() == state / "progress.json"
    stored = json.loads((state / "progress.json").read_text())
    assert stored == load_progress()
    assert stored["01-value"]["checks"] == {"product": True, "chain": False}
    assert (stored["01-value"]["total"], stored["02-scalar-gpt"]["total"]) == (2, 1)
    assert os.listdir(state) == ["progress.json"]


def test_a_check_once_passed_stays_passed(lab):
    lab.check("product", True, "")
    lab.check("product", False, "")
    assert load_progress()["01-value"]["checks"] == {"product": True}


@pytest.mark.parametrize(
    "broken", [b"", b'{"01-value": {"che', b"[1, 2]", b'{"01-value": 3}', b'{"01-value": {}}', b"\xff\xfe"]
)
def test_a_broken_file_is_set_aside_and_never_lost(lab, state, broken):
    state.mkdir()
    (state / "progress.json").write_bytes(broken)
    lab.check("product", True, "")
    assert (state / "progress.json.broken").read_bytes() == broken
    assert load_progress()["01-value"]["checks"] == {"product": True}


def test_where_nothing_can_be_written_the_check_still_answers(lab, tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LABKIT_STATE", str(tmp_path / "file" / "folder"))
    monkeypatch.setattr("labkit.grading.progress.load_progress", dict)
    lab.check("product", True, "")
    assert capsys.readouterr().out == "product: passed\n"
