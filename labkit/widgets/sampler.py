"""The panel that samples: draw from a model while it trains, and see each sequence judged."""

import contextlib
import html
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import ipywidgets as widgets

from labkit.training import Control
from labkit.training.background import replace_earlier

from .panel import Panel, button, cell_key, error_html, line_of
from .slider import Slider

EARLIER = 4
"""How many of the draws before stay on show, a few words each."""


class Mark(NamedTuple):
    """A stretch of a shown text that is wrong: from `start` up to `end`, and why."""

    start: int
    end: int
    why: str


class Judgement(NamedTuple):
    """What to think of a sequence.

    Attributes:
        kind: decides the colour.
        word: says the same in one word ("new", "broken" ...).
        reason: a sentence, or several lines of them.
        marks: where in the shown text it is wrong.
    """

    kind: Literal["good", "warn", "bad"]
    word: str
    reason: str = ""
    marks: tuple[Mark, ...] = ()


@dataclass
class Draw:
    """What one press of a button drew.

    Attributes:
        temperature: what it was drawn at; 0 is greedy.
        max_len: the most tokens of a sequence.
        wanted: how many sequences were asked for.
        step: the training step at the beginning, where there is one.
        sequences: what came, so far.
        judgements: of each of them.
    """

    temperature: float
    max_len: int
    wanted: int
    step: int | None = None
    sequences: list[Any] = field(default_factory=list)
    judgements: list[Judgement] = field(default_factory=list)

    def count(self, *words: str) -> int:
        """How many were judged to be one of `words`."""
        return sum(judgement.word in words for judgement in self.judgements)

    @property
    def different(self) -> int:
        """How many different sequences came."""
        return len({tuple(sequence) for sequence in self.sequences})


class SamplerPanel(Panel):
    """Sample from a model: temperature, length, how many; each sequence appears as it is drawn, judged.

    Buttons only say what is wanted. A daemon thread draws one sequence after the other, so `write` must
    take the run's lock where a thread trains the same model (`ScalarGPTRun.sample` does). A new request
    replaces the one under way; making a panel again in the same cell ends the earlier one's. An exception
    is shown in the panel.

    Headless: `panel.sample.click()`, then `panel.wait()`; `panel.draws[-1]` is what came.

    Args:
        write: `write(temperature, max_len)` draws one sequence.
        show: the text of a sequence.
        judge: what to think of a sequence: a `Judgement`, or (kind, word, reason).
        lengths: the least and the most of the length slider, in tokens.
        max_len: where it stands at first; the most when left out.
        temperature: where the temperature slider (0 … 2) stands at first.
        count: how many sequences a press draws at first.
        step: the training step now, noted with each draw.
        key: who the panel is, where the cell does not say it.

    Attributes:
        draws: every request that has drawn something, in order.
        error: what was raised, None after a draw that went well.
    """

    def __init__(
        self,
        write: Callable[[float, int], Sequence[Any]],
        show: Callable[[Any], str],
        judge: Callable[[Any], tuple[Any, ...]],
        lengths: tuple[int, int],
        max_len: int | None = None,
        temperature: float = 0.5,
        count: int = 10,
        step: Callable[[], int] | None = None,
        key: str | None = None,
    ) -> None:
        self._write, self._show, self._judge, self._step = write, show, judge, step
        self.draws: list[Draw] = []
        self.error: Exception | None = None
        self._request: Draw | None = None  # what is to be drawn; None: nothing (any more)
        self._shown: Draw | None = None  # what the status line tells of
        self._rows: list[str] = []
        self._changed = threading.Condition()
        self._working = False
        self._thread: threading.Thread | None = None

        self.sample = button("Sample", "primary", self._sample, "draw from the model as it is now")
        self.greedy = button("Greedy", "", self._greedy, "one sequence, the likeliest token each time (temperature 0)")
        self.temperature = Slider(Control("temperature", temperature, 0.0, 2.0))
        self.max_len = Slider(Control("length", max_len or lengths[1], *lengths, integer=True, label="length"))
        self.count = Slider(Control("count", count, 1, 20, integer=True, label="how many"))
        self.listing, self.status, self.earlier = widgets.HTML(), widgets.HTML(), widgets.HTML()
        self.failure = widgets.HTML()
        controls = line_of(self.sample, self.greedy, self.temperature, self.max_len, self.count)
        super().__init__([controls, self.listing, self.status, self.earlier, self.failure])
        self.add_class("lb-panel")
        self.add_class("lb-sampler")
        self._update(None)
        who, execution = (key, None) if key else cell_key(f"sampler {type(self).__name__}")
        replace_earlier(who, execution, self)  # last: whoever stops this one finds it complete

    def __repr__(self) -> str:
        drawn = f"{len(self.draws)} draws" if self.draws else "nothing drawn yet"
        return f"{type(self).__name__} ({drawn})"

    def wait(self, timeout: float | None = 60) -> Draw | None:
        """Until nothing is being drawn; returns the latest draw. For notebooks under test.

        Raises:
            TimeoutError: if it goes on for more than `timeout` seconds.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: not self._working, timeout):
                raise TimeoutError(f"still drawing after {timeout} s")
        return self.draws[-1] if self.draws else None

    def stop(self, wait: bool = False) -> None:
        """End drawing after the sequence in progress."""
        with self._changed:
            self._request = None
            thread = self._thread
        if wait and thread is not None and thread is not threading.current_thread():
            thread.join()
            self._update(self._shown)

    def close(self) -> None:
        """End drawing, then take the panel away; `draws` stays."""
        self.stop(wait=True)
        super().close()

    # -- what buttons do: say what is wanted

    def _sample(self) -> None:
        self._want(self.temperature.value, int(self.count.value))

    def _greedy(self) -> None:
        self._want(0.0, 1)

    def _want(self, temperature: float, count: int) -> None:
        with self._changed:
            self._request = Draw(temperature, int(self.max_len.value), count, self._step() if self._step else None)
            if self._working:
                return  # the thread looks for the request before each sequence
            self._working = True
            self._thread = threading.Thread(target=self._work, name=f"sample-{type(self).__name__}", daemon=True)
            self._thread.start()

    # -- the thread

    def _work(self) -> None:
        while True:
            with self._changed:
                draw = self._request
                if draw is None:  # said under the lock: a request from here on starts another thread
                    self._working = False
                    self._changed.notify_all()
                    return
            try:
                self._draw_one(draw)
            except Exception as error:  # shown by the panel: a thread's own traceback is seen by nobody
                self.error = error
                with contextlib.suppress(Exception):
                    self._update(draw)
                self._finish(draw)

    def _draw_one(self, draw: Draw) -> None:
        place = len(draw.sequences)
        if place == 0:
            self.error = None
            self._update(draw)
        sequence = self._write(draw.temperature, draw.max_len)
        judgement = Judgement(*self._judge(sequence))
        row = _row_html(self._show(sequence), judgement)
        if self._request is not draw:  # another one, or a stop, has come meanwhile
            return
        if place == 0:
            self.draws.append(draw)
        self._rows[place : place + 1] = [row]
        draw.sequences.append(sequence)
        draw.judgements.append(judgement)
        done = len(draw.sequences) == draw.wanted
        if done:
            del self._rows[draw.wanted :]
        self._update(draw)
        if done:
            self._finish(draw)

    def _finish(self, draw: Draw) -> None:
        with self._changed:
            if self._request is draw:
                self._request = None

    # -- drawing the panel

    def tally(self, draw: Draw) -> list[str]:
        """What the status line says of a draw; a subclass may say more."""
        counts = Counter(judgement.word for judgement in draw.judgements)
        return [f"{word} {n} of {len(draw.judgements)}" for word, n in counts.items()]

    def _update(self, draw: Draw | None) -> None:
        self._shown = draw
        now = len(draw.sequences) if draw else 0
        # Rows of the draw before stay, faded, until they are replaced: the page below does not jump.
        rows = [f'<li class="lb-sample{" lb-old" * (i >= now)}">{row}</li>' for i, row in enumerate(self._rows)]
        self.listing.value = f'<ol class="lb-samples">{"".join(rows)}</ol>' if rows else ""
        self.status.value = self._status_html(draw)
        before = [d for d in self.draws if d is not draw][-EARLIER:]
        said = "<br>".join(html.escape(f"before: {' · '.join(self._words(d))}") for d in reversed(before))
        self.earlier.value = f'<p class="lb-note">{said}</p>' if said else ""
        self.failure.value = error_html(self.error)

    def _words(self, draw: Draw) -> list[str]:
        moment = [] if draw.step is None else [f"step {draw.step:,}"]
        return [*moment, f"temperature {draw.temperature:.2g}", *self.tally(draw)]

    def _status_html(self, draw: Draw | None) -> str:
        if draw is None:
            return "<b>idle</b> · nothing drawn yet"
        drawn = len(draw.sequences)
        if self.error is not None:
            state = "failed"
        elif drawn == draw.wanted:
            state = "drawn"
        else:
            state = f"drawing {drawn} of {draw.wanted}" if self._request is draw else "stopped"
        words = self._words(draw)
        return " · ".join([f"<b>{state}</b>", *map(html.escape, words)])


def _row_html(text: str, judgement: Judgement) -> str:
    """One sequence: the word of the judgement, the text with its marks, the reason."""
    parts, at = [], 0
    for mark in sorted(judgement.marks):
        if mark.start < at:  # two marks on the same place: the first one stands
            continue
        parts.append(html.escape(text[at : mark.start]))
        why = html.escape(mark.why, quote=True)
        parts.append(f'<mark class="lb-wrong" title="{why}">{html.escape(text[mark.start : mark.end])}</mark>')
        at = mark.end
    parts.append(html.escape(text[at:]))
    reasons = "".join(f'<p class="lb-note">{html.escape(line)}</p>' for line in judgement.reason.splitlines())
    word = f'<b class="lb-verdict-{judgement.kind}">{html.escape(judgement.word)}</b>'
    return f'{word}<div><span class="lb-text">{"".join(parts)}</span>{reasons}</div>'
