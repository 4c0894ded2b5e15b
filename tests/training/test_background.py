"""The thread that drives a run. Nothing here measures time: events say when, timeouts only end a test that hangs."""

import itertools
import threading

import pytest

from labkit.training import Diverged

LONG = 30  # seconds after which a wait has failed


class Gate:
    """Called in a step: says that the step has begun, and waits until it may end."""

    def __init__(self):
        self.begun, self.open = threading.Semaphore(0), threading.Semaphore(0)

    def __call__(self):
        self.begun.release()
        assert self.open.acquire(timeout=LONG)

    def wait_until_begun(self):
        assert self.begun.acquire(timeout=LONG)


def wait_until_step(driver, step):
    """Let it train until so many steps are done."""
    reached = threading.Event()
    driver.run.on_step = lambda: driver.run.step >= step and reached.set()
    assert reached.wait(LONG)


def training_threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("train-")]


def test_train_runs_to_the_end_in_a_daemon_thread(toy, drive):
    seen = []
    driver = drive(toy(max_steps=5, on_step=lambda: seen.append(threading.current_thread())))
    assert (driver.state, driver.alive) == ("idle", False)
    driver.train()
    assert driver.wait(LONG) == "done"
    assert [s.step for s in driver.run.history] == [1, 2, 3, 4, 5]
    assert len(set(seen)) == 1
    assert seen[0].daemon
    assert seen[0] is not threading.current_thread()


def test_the_thread_gives_the_losses_of_a_plain_loop(toy, drive):
    plain, driver = toy(max_steps=50), drive(toy(max_steps=50))
    driver.train()
    driver.wait(LONG)
    assert [s.loss for s in driver.run.history] == [s.loss for s in plain]


def test_pause_waits_after_the_step_in_progress(toy, drive):
    gate = Gate()
    driver = drive(toy(max_steps=None, on_step=gate))
    driver.train()
    gate.wait_until_begun()
    driver.pause()
    gate.open.release()
    assert driver.wait(LONG) == "paused"
    assert driver.run.step == 1
    assert driver.alive
    driver.train()
    gate.wait_until_begun()
    assert driver.state == "running"


def test_pause_does_nothing_where_nothing_runs(toy, drive):
    driver = drive(toy(max_steps=1))
    driver.pause()
    assert (driver.state, driver.alive) == ("idle", False)
    driver.train()
    driver.wait(LONG)
    driver.pause()
    assert driver.wait(LONG) == "done"


def test_step_does_one_step_at_a_time(toy, drive):
    driver = drive(toy(max_steps=3))
    for expected in (1, 2, 3):
        driver.step()
        assert driver.wait(LONG) == "paused"
        assert driver.run.step == expected
    driver.step()
    assert driver.wait(LONG) == "done"
    assert driver.run.step == 3


def test_steps_asked_for_quickly_are_all_done(toy, drive):
    driver = drive(toy(max_steps=None))
    for _ in range(5):
        driver.step()
    assert driver.wait(LONG) == "paused"
    assert driver.run.step == 5


def test_step_while_training_does_one_more_and_pauses(toy, drive):
    gate = Gate()
    driver = drive(toy(max_steps=None, on_step=gate))
    driver.train()
    gate.wait_until_begun()
    driver.step()
    gate.open.release(2)
    assert driver.wait(LONG) == "paused"
    assert driver.run.step == 2


def test_a_step_that_failed_is_not_owed(toy, drive):
    driver = drive(toy(max_steps=None, on_step=lambda: 1 / 0))
    driver.step()
    assert driver.wait(LONG) == "failed"
    driver.run.on_step = None
    driver.step()
    assert driver.wait(LONG) == "paused"
    assert driver.run.step == 1


def test_stop_ends_the_thread_and_train_goes_on(toy, drive):
    driver = drive(toy(max_steps=None))
    driver.train()
    wait_until_step(driver, 3)
    driver.stop(wait=True)
    assert (driver.state, driver.alive) == ("stopped", False)
    assert driver.wait(LONG) == "stopped"
    done = driver.run.step
    assert done >= 3
    driver.run.max_steps = done + 2
    driver.train()
    assert driver.wait(LONG) == "done"
    assert [s.step for s in driver.run.history] == list(range(1, done + 3))


def test_stop_while_paused_ends_the_thread(toy, drive):
    driver = drive(toy(max_steps=None))
    driver.step()
    driver.wait(LONG)
    driver.stop(wait=True)
    assert (driver.state, driver.alive, driver.run.step) == ("stopped", False, 1)


def test_stop_before_the_start_leaves_it_idle(toy, drive):
    driver = drive(toy())
    driver.stop(wait=True)
    assert driver.wait(LONG) == "idle"


def test_train_right_after_stop_is_never_lost(toy, drive):
    driver = drive(toy(max_steps=None))
    driver.train()
    for _ in range(200):
        driver.stop()
        driver.train()
    wait_until_step(driver, driver.run.step + 1)
    assert driver.state == "running"


@pytest.mark.parametrize("moment", ["decided", "said"])
def test_train_while_the_thread_is_about_to_stop_starts_another(toy, drive, monkeypatch, moment):
    stopping, go = threading.Event(), threading.Event()
    driver = drive(toy(max_steps=None))
    become = driver._become

    def slowly(state):
        if state != "stopped":
            return become(state)
        if moment == "said":
            become(state)
        stopping.set()
        assert go.wait(LONG)
        if moment == "decided":
            become(state)

    monkeypatch.setattr(driver, "_become", slowly)
    driver.train()
    driver.stop()
    assert stopping.wait(LONG)
    threading.Timer(0.01, go.set).start()  # `train` waits for the old thread
    driver.train()
    wait_until_step(driver, driver.run.step + 1)
    assert len(training_threads()) == 1


def test_pausing_at_any_moment_settles(toy, drive):
    """Pause against a run that is about to end: it pauses or it is done, and nothing hangs or starts anew."""
    for steps in itertools.chain(range(1, 40), range(40, 1, -1)):
        driver = drive(toy(max_steps=steps))
        driver.train()
        driver.pause()
        state = driver.wait(LONG)
        assert state in ("paused", "done")
        if state == "done":
            assert driver.run.step == steps
        driver.stop(wait=True)
        assert not driver.alive


def test_pause_and_train_in_turn_from_two_threads(toy, drive):
    driver = drive(toy(max_steps=None))
    driver.train()

    def toggle():
        for _ in range(100):
            driver.pause()
            driver.train()

    togglers = [threading.Thread(target=toggle) for _ in range(2)]
    for toggler in togglers:
        toggler.start()
    for toggler in togglers:
        toggler.join(LONG)
        assert not toggler.is_alive()
    wait_until_step(driver, driver.run.step + 1)
    driver.pause()
    assert driver.wait(LONG) == "paused"
    assert [s.step for s in driver.run.history] == list(range(1, driver.run.step + 1))


def test_reset_starts_over(toy, drive):
    driver = drive(toy(max_steps=4))
    driver.train()
    driver.wait(LONG)
    first = [s.loss for s in driver.run.history]
    driver.reset()
    assert (driver.state, driver.run.history, driver.alive) == ("idle", [], False)
    driver.train()
    assert driver.wait(LONG) == "done"
    assert [s.loss for s in driver.run.history] == first


def test_reset_in_the_middle_of_a_step_waits_for_it(toy, drive):
    gate = Gate()
    driver = drive(toy(max_steps=None, on_step=gate))
    driver.train()
    gate.wait_until_begun()
    threading.Timer(0.01, gate.open.release, [10]).start()
    driver.reset()
    assert (driver.state, driver.run.history, driver.run.w, driver.alive) == ("idle", [], 1.0, False)


def test_an_exception_keeps_the_history(toy, drive):
    def fail():
        if driver.run.step == 3:
            raise RuntimeError("no more")

    driver = drive(toy(max_steps=None, on_step=fail))
    driver.train()
    assert driver.wait(LONG) == "failed"
    assert (type(driver.error), str(driver.error)) == (RuntimeError, "no more")
    assert [s.step for s in driver.run.history] == [1, 2, 3]
    driver.run.on_step, driver.run.max_steps = None, 5
    driver.train()
    assert driver.wait(LONG) == "done"
    assert driver.error is None
    assert driver.run.step == 5


def test_diverging_is_a_failure_that_a_lower_learning_rate_gets_past(toy, drive):
    driver = drive(toy(lr=1e30, max_steps=None))
    driver.train()
    assert driver.wait(LONG) == "failed"
    assert isinstance(driver.error, Diverged)
    driver.run.controls["lr"] = 0.1
    driver.run.max_steps = driver.run.step + 3
    driver.train()
    assert driver.wait(LONG) == "done"


def test_wait_gives_up_after_its_timeout(toy, drive):
    gate = Gate()
    driver = drive(toy(max_steps=None, on_step=gate))
    driver.train()
    gate.wait_until_begun()
    with pytest.raises(TimeoutError, match=r"still training after 0.01 s, at step 0"):
        driver.wait(0.01)


def test_the_same_key_stops_the_earlier_driver(toy, drive):
    first = drive(toy(max_steps=None), key="the same key")
    first.train()
    other = drive(toy(max_steps=None), key="another key")
    other.train()
    thread = first._thread
    second = drive(toy(max_steps=None), key="the same key")
    assert (first.state, thread.is_alive()) == ("stopped", False)
    assert thread not in threading.enumerate()
    assert (other.state, other.alive) == ("running", True)
    assert second.state == "idle"


def test_without_a_key_nobody_is_stopped(toy, drive):
    first = drive(toy(max_steps=None))
    first.train()
    drive(toy(max_steps=None))
    assert first.alive


def test_training_again_and_again_leaves_one_thread(toy, drive):
    driver = drive(toy(max_steps=None))
    for _ in range(5):
        driver.train()
        driver.train()
        wait_until_step(driver, driver.run.step + 1)
        assert len(training_threads()) == 1
        driver.stop(wait=True)
        assert training_threads() == []


def test_two_clicks_at_once_start_one_thread(toy, drive, monkeypatch):
    driver = drive(toy(max_steps=None))
    inside, go = threading.Event(), threading.Event()
    join = driver._join

    def slowly():  # holds the first caller just before it starts the thread
        if not inside.is_set():
            inside.set()
            assert go.wait(LONG)
        join()

    monkeypatch.setattr(driver, "_join", slowly)
    clicks = [threading.Thread(target=driver.train) for _ in range(2)]
    clicks[0].start()
    assert inside.wait(LONG)
    clicks[1].start()
    clicks[1].join(0.1)
    go.set()
    for click in clicks:
        click.join(LONG)
    assert len(training_threads()) == 1


def test_the_lock_is_held_during_a_step(toy, drive):
    gate = Gate()
    driver = drive(toy(max_steps=1, on_step=gate))
    driver.train()
    gate.wait_until_begun()
    assert not driver.run.lock.acquire(blocking=False)
    gate.open.release()
    driver.wait(LONG)
    assert driver.run.lock.acquire(blocking=False)
    driver.run.lock.release()


def test_a_reader_gets_the_lock_between_two_steps(toy, drive):
    driver = drive(toy(max_steps=None))
    driver.train()
    wait_until_step(driver, 1)
    for _ in range(20):
        assert driver.run.lock.acquire(timeout=LONG)
        try:
            assert driver.run.w == pytest.approx(0.8**driver.run.step, rel=1e-6)  # never half a step
        finally:
            driver.run.lock.release()


def test_a_control_turned_while_it_trains_acts_on_a_later_step(toy, drive):
    driver = drive(toy(max_steps=None))
    driver.train()
    driver.run.controls["lr"] = 0.25
    wait_until_step(driver, driver.run.step + 2)
    driver.stop(wait=True)
    assert driver.run.history[-1].lr == 0.25
