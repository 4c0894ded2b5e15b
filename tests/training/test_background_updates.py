"""What the thread that drives a run tells meanwhile, and what clicks, cells and failures do to it."""

import gc
import threading

import pytest

LONG = 30  # seconds after which a wait has failed


def test_updates_come_at_each_change_of_state(toy, drive):
    states = []
    driver = drive(toy(max_steps=3), on_update=lambda: states.append((driver.state, driver.run.step)), every=1000)
    driver.step()
    driver.wait(LONG)
    driver.train()
    driver.wait(LONG)
    assert states == [("running", 0), ("paused", 1), ("done", 3)]


def test_updates_come_between_steps(toy, drive):
    steps = []
    driver = drive(toy(max_steps=4), on_update=lambda: steps.append(driver.run.step), every=0)
    driver.train()
    driver.wait(LONG)
    assert steps == [0, 1, 2, 3, 4, 4]


@pytest.mark.parametrize("act", ["train", "step"])
def test_wait_returns_after_the_last_update(toy, drive, act):
    """What a panel shows after `wait` is the end, not the step before it."""
    drawing, go, ended = threading.Event(), threading.Event(), []

    def on_update():
        if driver.state in ("done", "paused"):
            drawing.set()
            assert go.wait(LONG)
            ended.append(driver.run.step)

    driver = drive(toy(max_steps=1), on_update=on_update)
    getattr(driver, act)()
    assert drawing.wait(LONG)
    threading.Timer(0.01, go.set).start()
    driver.wait(LONG)
    assert ended == [1]


def test_an_update_that_fails_is_reported_and_ends_the_thread(toy, drive):
    def on_update():
        if driver.run.step == 2:
            raise RuntimeError("cannot draw")

    driver = drive(toy(max_steps=None), on_update=on_update, every=0)
    driver.train()
    assert driver.wait(LONG) == "failed"
    assert str(driver.error) == "cannot draw"
    assert len(driver.run.history) == 2


@pytest.mark.parametrize("click", ["pause", "train", "step"])
def test_a_stop_under_way_is_not_undone_by_a_click(toy, drive, click):
    inside, go_on = threading.Event(), threading.Event()

    def slow():
        inside.set()
        assert go_on.wait(30)

    driver = drive(toy(max_steps=None, on_step=slow))
    driver.train()
    assert inside.wait(30)
    stopping = threading.Thread(target=driver.stop, kwargs={"wait": True})
    stopping.start()
    while driver._wanted != "stop":
        pass
    clicking = threading.Thread(target=getattr(driver, click))
    clicking.start()
    go_on.set()
    stopping.join(30)
    assert not stopping.is_alive()
    clicking.join(30)
    driver.stop(wait=True)


def test_one_execution_of_a_cell_may_drive_several_runs(toy, drive):
    first, second = (drive(toy(max_steps=None), key="cell", batch="1") for _ in range(2))
    first.train()
    second.train()
    assert first.alive
    assert second.alive
    drive(toy(), key="cell", batch="2")
    assert not first.alive
    assert not second.alive


def test_collections_are_short_while_any_run_trains(toy, drive):
    first, second = drive(toy(max_steps=None)), drive(toy(max_steps=None))
    for driver in (first, second):
        driver.train()
        driver.pause()
        driver.wait(30)
    assert gc.get_freeze_count() == 0  # paused
    inside = threading.Event()
    first.run.on_step = inside.set
    first.train()
    assert inside.wait(30)
    assert gc.get_freeze_count() > 0
    second.stop(wait=True)
    assert gc.get_freeze_count() > 0
    first.stop(wait=True)
    assert gc.get_freeze_count() == 0


def test_a_reset_that_fails_is_shown(toy, drive):
    driver = drive(toy(max_steps=2))

    def broken():
        raise RuntimeError("no model")

    driver.run.build = broken
    driver.reset()
    assert driver.state == "failed"
    assert str(driver.error) == "no model"
