"""Writes a text in a thread, token by token, and keeps what each token was drawn from."""

import copy
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor

from labkit.gpt import GPT
from labkit.sampling import Choice, Sampling, stream
from labkit.training.lm import LMRun

State = Literal["idle", "writing", "done", "stopped", "failed"]

KEEP = 8_000_000
"""How many logits of a text stay in memory; older ones are computed again when somebody looks."""


@dataclass
class Written:
    """A text in the making.

    Attributes:
        ids: its tokens so far, the prompt's first.
        n_prompt: how many of them are the prompt.
        end: how many there will be.
        sampling: how they are drawn.
        seed: of the draws.
        chosen: positions of tokens that were put in by hand, ascending.
        model: the model as it was when the text was begun; None before that.
        step: of its training, where there is one.
        logits: position -> what the model said before that token, [vocab_size], nothing applied to it.
    """

    ids: list[int]
    n_prompt: int
    end: int
    sampling: Sampling
    seed: int
    chosen: list[int] = field(default_factory=list)
    model: GPT | None = None
    step: int | None = None
    logits: dict[int, Tensor] = field(default_factory=dict)


class TextWriter:
    """One text at a time, in a daemon thread; a new request replaces the one under way.

    Of a run the model is copied between two steps, so that a text is of one model and training need not wait for it.

    Args:
        source: a model, or a run that may be training in another thread.
        tell: called from the thread when there is something new, and at the end.
        every: the least time between two calls, in seconds.

    Attributes:
        text: what is or was being written, None before the first request.
        state: where that stands.
        error: what was raised when the state is "failed".
    """

    def __init__(self, source: GPT | LMRun, tell: Callable[[], None] = lambda: None, every: float = 0.1) -> None:
        self._source, self._tell, self._every = source, tell, every
        self.text: Written | None = None
        self.state: State = "idle"
        self.error: Exception | None = None
        self._looked_for: tuple[Written, int] | None = None
        self._changed = threading.Condition()
        self._working = False
        self._news = False  # something has changed since the last call of tell
        self._thread: threading.Thread | None = None

    @property
    def block_size(self) -> int:
        """How many tokens the model sees at once."""
        return self._model.config.block_size

    @property
    def _model(self) -> GPT:
        return self._source.model if isinstance(self._source, LMRun) else self._source

    def write(self, prompt: Sequence[int], n_new: int, sampling: Sampling, seed: int) -> None:
        """Begin a text of `n_new` tokens after the prompt, with the model as it is now."""
        self._begin(Written(list(prompt), len(prompt), len(prompt) + n_new, sampling, seed))

    def branch(self, position: int, token: int, n_new: int, sampling: Sampling, seed: int) -> None:
        """Cut the text before `position`, put `token` there, and go on for `n_new` tokens, with the text's own model.

        Raises:
            ValueError: for a position outside the text (the one after its end will do), or a token that is none.
        """
        with self._changed:
            old = self.text
            if old is None:
                raise ValueError("branch: there is no text yet")
            length = len(old.ids)
            if not 1 <= position <= length:
                raise ValueError(f"branch: position must be 1 … {length}, got {position}")
            vocab_size = self._model.config.vocab_size
            if not 0 <= token < vocab_size:
                raise ValueError(f"branch: token must be 0 … {vocab_size - 1}, got {token}")
            new = Written(
                [*old.ids[:position], token],
                min(old.n_prompt, position),
                position + 1 + n_new,
                sampling,
                seed,
                [*(at for at in old.chosen if at < position), position],
                old.model,
                old.step,
                {at: logits for at, logits in list(old.logits.items()) if at <= position},
            )
            self._begin(new)

    def look(self, position: int) -> None:
        """Have the logits of a position at hand, if they are not: `tell` is called when they are."""
        with self._changed:
            text = self.text
            if text is None or self.state == "failed" or position in text.logits:
                return
            if 1 <= position <= len(text.ids):
                self._looked_for = (text, position)
                self._start()

    def stop(self, wait: bool = False) -> None:
        """End after the token in progress."""
        with self._changed:
            self._looked_for = None
            if self.state == "writing":
                self.state, self._news = "stopped", True
            thread = self._thread
        if wait and thread is not None and thread is not threading.current_thread():
            thread.join()

    def wait(self, timeout: float | None = 60) -> State:
        """Until nothing is being written; returns the state then.

        Raises:
            TimeoutError: if it goes on for more than `timeout` seconds.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: not self._working, timeout):
                raise TimeoutError(f"still writing after {timeout} s")
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(1)  # torch aborts a process that ends while one of its threads is on its way out
        return self.state

    def _begin(self, text: Written) -> None:
        with self._changed:
            self.text, self.state, self.error = text, "writing", None
            self._looked_for = None
            self._start()

    def _start(self) -> None:
        if not self._working:
            self._working = True
            self._thread = threading.Thread(target=self._work, name="sample-text", daemon=True)
            self._thread.start()

    # -- the thread

    def _work(self) -> None:
        with torch.no_grad():  # holds for this thread alone
            text: Written | None = None  # what is being written
            choices: Iterator[Choice] = iter(())
            told = 0.0
            while True:
                with self._changed:
                    wanted = self.text if self.state == "writing" else None
                    looked_for, self._looked_for = self._looked_for, None
                    if wanted is None and looked_for is None and not self._news:
                        self._working = False  # said under the lock: a request from here on starts another thread
                        self._changed.notify_all()
                        return
                try:
                    if looked_for is not None:
                        self._read(*looked_for)
                    elif wanted is not None:
                        if wanted is not text:
                            text, choices = wanted, self._choices(wanted)
                        self._extend(wanted, choices)
                        self._news = True
                    now = time.perf_counter()
                    if now - told >= self._every or looked_for is not None or self.state != "writing":
                        told, self._news = now, False
                        self._tell()
                except Exception as error:  # shown by the panel: a thread's own traceback is seen by nobody
                    with self._changed:
                        if wanted is not None and wanted is not self.text:
                            continue  # another text was asked for meanwhile: this one is nobody's concern
                        self._news = self.error is None  # the drawing may be what failed: tell once more, no oftener
                        self.error, self.state = error, "failed"

    def _choices(self, text: Written) -> Iterator[Choice]:
        if text.model is None:
            self._take_model(text)
        assert text.model is not None
        # One pass gives what was said before every token of the prompt, as far as they see back to its first.
        first = text.ids[: text.model.config.block_size]
        if any(at not in text.logits for at in range(1, len(first))):
            said = self._logits(text.model, first)
            text.logits |= {at + 1: row for at, row in enumerate(said[: len(first) - 1])}
        n_new = text.end - len(text.ids)
        return stream(text.model, list(text.ids), n_new, text.sampling, seed=text.seed, window="slide")

    def _take_model(self, text: Written) -> None:
        if isinstance(self._source, LMRun):
            with self._source.lock:
                text.model, text.step = copy.deepcopy(self._source.model).eval(), self._source.step
        else:
            text.model = self._source

    def _extend(self, text: Written, choices: Iterator[Choice]) -> None:
        choice = next(choices, None)
        if choice is not None:
            self._keep(text, len(text.ids), choice.logits.detach().to("cpu", torch.float32, copy=True))
            text.ids.append(choice.token)
        if choice is None or len(text.ids) >= text.end:
            with self._changed:
                if self.text is text and self.state == "writing":
                    self.state = "done"

    def _read(self, text: Written, position: int) -> None:
        """What the model says before a position: it sees the last block_size tokens."""
        if text.model is None:
            self._take_model(text)
        assert text.model is not None
        seen = text.ids[max(0, position - text.model.config.block_size) : position]
        self._keep(text, position, self._logits(text.model, seen)[-1])

    @staticmethod
    def _logits(model: GPT, ids: Sequence[int]) -> Tensor:
        """[tokens, vocab_size], on the CPU."""
        training = model.training
        model.eval()
        try:
            return model(torch.tensor([list(ids)], device=model.device))[0].to("cpu", torch.float32)
        finally:
            model.train(training)

    @staticmethod
    def _keep(text: Written, position: int, logits: Tensor) -> None:
        while text.logits and (len(text.logits) + 1) * logits.numel() > KEEP:
            del text.logits[next(iter(text.logits))]
        text.logits[position] = logits
