"""The pace of a run of merges, by a clock that moves only in waits; and a thread that waits for it."""

import math
import threading

import pytest

from labkit.training import BackgroundRun, merge_run
from labkit.training.merge_run import MergeRun

LONG = 30  # seconds after which a wait has failed
TEXT = "the cat and the hat, the rat and the bats 1234\n" * 3


class Clock:
    def __init__(self):
        self.now = 1000.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    monkeypatch.setattr(merge_run, "time", Clock())
    return merge_run.time


def go(run, clock, until):
    """Drive a run as a thread does until that time; the times of its merges."""
    times = []
    while not run.finished:
        if seconds := run.delay():
            if clock.now + seconds > until:
                clock.now = until
                break
            clock.now += seconds
        else:
            next(run)
            times.append(clock.now)
    return times


@pytest.mark.parametrize("pace", [0, -1, -0.5, math.nan, math.inf, "x", True, [1]])
def test_a_pace_that_is_none_is_refused_from_the_start_and_later(pace):
    with pytest.raises(ValueError, match="pace must be a number of merges a second above 0, or None for no limit"):
        MergeRun(TEXT, 300, pace=pace)
    run = MergeRun(TEXT, 300, pace=3)
    with pytest.raises(ValueError, match="got"):
        run.pace = pace
    assert run.pace == 3


def test_merges_come_at_the_pace(clock):
    run = MergeRun(TEXT, 266, pace=4)
    assert go(run, clock, math.inf) == [1000 + k / 4 for k in range(10)]
    assert run.delay() == 0  # it is over: nothing to wait for


def test_without_a_pace_nothing_waits(clock):
    assert go(MergeRun(TEXT, 266), clock, math.inf) == [1000] * 10


def test_a_faster_pace_brings_the_next_merge_forward_and_none_at_once(clock):
    run = MergeRun(TEXT, 300, pace=0.001)
    assert go(run, clock, 1001) == [1000]
    run.pace = 2
    assert go(run, clock, 1002) == [1001.5, 2 * 1001 - 1000]
    run.pace = None
    assert run.delay() == 0
    next(run)
    run.pace = 0.001  # after a merge without a limit the next one is due
    assert run.delay() == 0


def test_turning_the_pace_merges_nothing_and_leaves_no_debt(clock):
    run = MergeRun(TEXT, 300, pace=1)
    next(run)
    for pace in (1.5, 2, 1.2, 3, 1, 2.5, 1, 1.1, 1.3, 1.2, 1):  # 11 events of a slider that is dragged
        run.pace = pace
        assert 0 < run.delay() < 1 / pace + 1e-9
    assert run.step == 1
    assert go(run, clock, 1003) == pytest.approx([1000 + 1 / 3, 1001 + 1 / 3, 1002 + 1 / 3])


def test_merges_asked_for_by_hand_are_not_waited_for_later(clock):
    run = MergeRun(TEXT, 300, pace=1)
    for _ in range(15):
        next(run)
    assert run.delay() == 1


def test_a_merge_that_came_late_is_made_up_for_and_a_pause_is_not(clock):
    run = MergeRun(TEXT, 300, pace=20)
    next(run)
    clock.now += 0.09  # a drawing
    next(run)
    assert run.delay() == pytest.approx(0.01)
    clock.now += 60
    next(run)
    next(run)
    assert run.step == 4
    next(run)
    assert run.delay() == pytest.approx(0.05)


@pytest.mark.parametrize("pace", [0.001, 1e-320])
def test_a_single_step_does_not_wait_and_look_asks_anew(pace):
    run = MergeRun(TEXT, 270, pace=pace)
    driver = BackgroundRun(run)
    for n in (1, 2, 3):
        driver.step()
        assert driver.wait(LONG) == "paused"
        assert run.step == n
    waits, delay = threading.Event(), run.delay

    def told():
        if seconds := delay():
            waits.set()
        return seconds

    run.delay = told
    driver.train()
    assert waits.wait(LONG)
    run.pace = None
    assert (run.step, driver.state) == (3, "running")
    driver.look()
    assert driver.wait(LONG) == "done"
    driver.stop(wait=True)
    assert run.step == 14
