"""Drive a run in a daemon thread that listens between steps.

A loop that blocks the cell hears no slider and no button. Here the callbacks of buttons only set
what is wanted; the thread looks at it before every step. It runs as a daemon: a kernel that ends
takes it along.
"""

import contextlib
import gc
import threading
import time
from collections.abc import Callable
from typing import Literal, Protocol

State = Literal["idle", "running", "paused", "stopped", "done", "failed"]


class Steps(Protocol):
    """What a thread can drive: a `Run`, or what goes on and counts like one (the rounds of a battle)."""

    @property
    def step(self) -> int:
        """How many steps are done."""

    def __next__(self) -> object:
        """Do the next one; StopIteration when there is none."""

    def reset(self) -> None:
        """Start over."""

    # `delay() -> float`, where there is one: seconds until the next step may come. The thread asks before each step,
    # but not before a single one, and waits: buttons are heard in the wait, and end it without a step.


class Stoppable(Protocol):
    """What works in a thread of its own, and can be told to end."""

    def stop(self, wait: bool = False) -> None:
        """End the thread; with `wait`, return when it has ended."""


_drivers: dict[str, tuple[str | None, list[Stoppable]]] = {}
"""key -> (batch, what was made under it)."""


def replace_earlier(key: str, batch: str | None, new: Stoppable) -> None:
    """Stop what was made under `key` before, except in the same batch; remember `new` for the next time.

    Args:
        key: who this is, such as a notebook's cell.
        batch: which execution of it; None: each is on its own.
        new: what takes the place.
    """
    earlier_batch, earlier = _drivers.get(key, (None, []))
    if batch is None or batch != earlier_batch:
        for driver in earlier:
            driver.stop(wait=True)
        earlier = []
    _drivers[key] = (batch, [*earlier, new])


class _ShortCollections:
    """Keeps what is in memory out of the garbage collector's sight while any run trains.

    A full collection walks every object of every imported package, with all threads held: 35 to
    100 ms in which no slider is heard. Training itself leaves no cycles behind.
    """

    def __init__(self) -> None:
        self._runs = 0
        self._lock = threading.Lock()

    def begin(self) -> None:
        """One more run trains."""
        with self._lock:
            self._runs += 1
            if self._runs == 1:
                gc.freeze()

    def end(self) -> None:
        """One run less; after the last one collections are as they were."""
        with self._lock:
            self._runs -= 1
            if self._runs == 0:
                gc.unfreeze()


_short_collections = _ShortCollections()


class BackgroundRun:
    """Train, pause, step, stop and reset a run from outside.

    While it trains, the garbage collector leaves alone what was in memory before (`gc.freeze`).

    Args:
        run: what to drive.
        key: who this is. A new driver under the same key stops those before it, so that running
            a notebook's cell again leaves no orphan; None opts out.
        batch: drivers of the same key and the same batch live side by side: the panels that one
            execution of a cell makes. None: each is on its own.
        on_update: called from the thread after some of the steps and at each change of state.
        every: the least time between two updates, in seconds.

    Attributes:
        state: "idle" before the first step, then "running", "paused", "stopped" by the user,
            "done" at max_steps, or "failed".
        error: what was raised in a step when the state is "failed".
    """

    def __init__(
        self,
        run: Steps,
        key: str | None = None,
        on_update: Callable[[], None] | None = None,
        every: float = 0.1,
        batch: str | None = None,
    ) -> None:
        self.run = run
        self.on_update = on_update
        self.every = every
        self.state: State = "idle"
        self.error: Exception | None = None
        self._wanted: Literal["run", "pause", "stop"] = "stop"
        self._single_steps = 0
        self._asked = 0  # counts the calls that ask to go on
        self._told = True  # on_update has returned since the last change of state
        self._changed = threading.Condition()
        self._starting = threading.Lock()  # two clicks at once (the main thread's and a subshell's): one thread
        self._thread: threading.Thread | None = None
        if key is not None:
            replace_earlier(key, batch, self)

    @property
    def alive(self) -> bool:
        """Whether the thread is there."""
        return self._thread is not None and self._thread.is_alive()

    def train(self) -> None:
        """Go on, from wherever the run is."""
        self._want("run")

    def pause(self) -> None:
        """Wait after the step in progress."""
        with self._changed:
            if self.state == "running" and self._wanted == "run":  # a stop that is under way stays one
                self._wanted = "pause"
                self._changed.notify_all()  # it may be in a wait for the run's pace

    def look(self) -> None:
        """End a wait for the run's pace, and ask for it anew: something about the run was changed."""
        with self._changed:
            self._changed.notify_all()

    def step(self) -> None:
        """Do one step, then wait."""
        self._want("pause", single_steps=1)

    def stop(self, wait: bool = False) -> None:
        """End the thread after the step in progress; `train` starts another one."""
        with self._changed:
            self._wanted, self._single_steps = "stop", 0
            self._changed.notify_all()
        if wait:
            self._join()

    def reset(self) -> None:
        """Stop, then start the run over; waits for the step in progress."""
        with self._starting:  # a click on Train meanwhile waits
            self.stop(wait=True)
            try:
                self.run.reset()
            except Exception as error:  # shown by the panel, as one in a step is
                self.error = error
                self._become("failed")
            else:
                self.error = None
                self._become("idle")

    def wait(self, timeout: float | None = None) -> State:
        """Until training stops by itself or is paused; returns the state then.

        Raises:
            TimeoutError: if it goes on for more than `timeout` seconds.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._settled and self._told, timeout):
                raise TimeoutError(f"still training after {timeout} s, at step {self.run.step}")
        return self.state

    @property
    def _settled(self) -> bool:
        if self.state in ("done", "failed"):
            return True
        if self._wanted == "pause":
            return self.state == "paused" and not self._single_steps
        return self._wanted == "stop" and self.state in ("idle", "stopped")

    def _want(self, wanted: Literal["run", "pause"], single_steps: int = 0) -> None:
        with self._starting:
            with self._changed:
                self._asked += 1
                if self.state in ("running", "paused") and self.alive and self._wanted != "stop":
                    self._wanted = wanted
                    self._single_steps += single_steps
                    self._changed.notify_all()
                    return
            self._join()  # a thread that was told to end, or has decided to, may still be on its way out
            self._wanted, self._single_steps = wanted, single_steps
            self.error = None
            self.state = "running"
            thread = threading.Thread(target=self._work, name=f"train-{type(self.run).__name__}", daemon=True)
            thread.start()
            self._thread = thread

    def _join(self) -> None:
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def _become(self, state: State) -> None:
        with self._changed:
            self.state, self._told = state, False
        try:
            if self.on_update is not None:
                self.on_update()
        except Exception as error:
            self.error = self.error or error
            raise
        finally:  # now `wait` may return: what is on show fits the state
            with self._changed:
                self._told = True
                self._changed.notify_all()

    def _work(self) -> None:
        try:
            _short_collections.begin()
            try:
                end = self._train_until_told()
            finally:
                _short_collections.end()
        except Exception as error:  # shown by the panel: a thread's own traceback is seen by nobody
            self.error = error
            end = "failed"
        try:
            self._become(end)
        except Exception:  # the drawing failed, not the run: once more, now that `error` says so
            with contextlib.suppress(Exception):
                self._become(end)

    def _train_until_told(self) -> State:
        self._become("running")
        told = time.perf_counter()
        while True:
            if self._wanted != "run":
                with self._changed:
                    if self._wanted == "stop":
                        # Said under the lock: a `train` from here on starts another thread.
                        self.state, self._told = "stopped", False
                        return "stopped"
                    single = self._single_steps > 0
                    self._single_steps -= single
                if not single:
                    self._pause()
                    continue
            elif self._waits():
                continue
            asked = self._asked
            if next(self.run, None) is None:
                with self._changed:
                    if self._asked != asked:  # meanwhile there is something to do again
                        continue
                    self.state, self._told = "done", False
                    return "done"
            if self.on_update is not None and (now := time.perf_counter()) - told >= self.every:
                told = now
                self.on_update()
            # Between two steps the lock is free only for an instant: let whoever waits have it.
            time.sleep(0)

    def _waits(self) -> bool:
        """Wait for the run's pace, or until somebody says something; False where the step is due at once."""
        delay = getattr(self.run, "delay", None)
        if delay is None:
            return False
        with self._changed:
            if self._wanted == "run" and (seconds := delay()) > 0:
                self._changed.wait(min(seconds, threading.TIMEOUT_MAX))
                return True
            return self._wanted != "run"

    def _pause(self) -> None:
        _short_collections.end()
        try:
            self._become("paused")
            with self._changed:
                self._changed.wait_for(lambda: self._wanted != "pause" or self._single_steps > 0)
                if self._wanted != "stop":
                    self.state = "running"
        finally:
            _short_collections.begin()
