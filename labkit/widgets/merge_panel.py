"""The panel that trains a tokenizer: merges as they come, and what each of them still saves."""

import html
import math
import time
from collections.abc import Sequence

import ipywidgets as widgets

from labkit.tokenizers import BPETokenizer
from labkit.tokenizers.merges import Merge
from labkit.tokenizers.patterns import PATTERNS
from labkit.training import BackgroundRun, Control
from labkit.training.merge_run import MergeRun

from .chart import LineChart, thinned
from .panel import Panel, button, cell_key, error_html, line_of
from .slider import Slider

REFRESH = 0.1
"""Seconds between two drawings."""
LATEST = 12
"""How many merges are listed."""
FASTEST = 1000.0
"""Merges a second where the pace slider ends; there it means: as fast as it goes."""


class MergePanel(Panel):
    """Train a byte-pair encoding by hand: Train, Pause, Merge one, Stop, Reset; sliders for how far and how fast.

    It learns in a daemon thread, which looks at buttons and sliders before each merge. The size of the vocabulary and
    the pace act at once; another pattern waits for Reset. Making a panel again in the same cell ends the earlier one's
    thread. What goes wrong is shown in the panel.

    Headless: `panel.train.click()`, then `panel.wait()`.

    Args:
        texts: one text, or several, to learn from.
        vocab_size: where the slider of the vocabulary stands at first: 256 bytes, and the merges.
        pattern: how text is cut into chunks at first: "gpt4" or "gpt2".
        most: where the slider of the vocabulary ends.
        pace: merges a second at first; None: as fast as it goes.
        key: who the panel is, where the cell does not say it.

    Attributes:
        run: the merges so far are its `history`.
        driver: the thread.

    Raises:
        ValueError: for what `MergeRun` refuses, and values outside their sliders.
    """

    def __init__(
        self,
        texts: str | Sequence[str],
        vocab_size: int = 1024,
        pattern: str = "gpt4",
        most: int = 4096,
        pace: float | None = 20,
        key: str | None = None,
    ) -> None:
        size = Control("vocab_size", vocab_size, 257, most, integer=True, label="vocabulary size")
        words = "merges a second (right end: no limit)"
        speed = Control("pace", FASTEST if pace is None else pace, 1, FASTEST, log=True, label=words)
        self.run = MergeRun(texts, vocab_size, pattern, None if speed.value >= FASTEST else speed.value)
        who, execution = (key, None) if key else cell_key("merge panel")
        self.driver = BackgroundRun(self.run, who, self._update, REFRESH, batch=execution)
        self.train = button("Train", "primary", self._train, "learn merges up to the vocabulary size")
        self.pause = button("Pause", "", self._pause, "wait; Train goes on")
        self.step = button("Merge one", "", self._step, "learn one merge, then wait")
        self.stop = button("Stop", "", self._stop, "end the thread; Train goes on from here")
        self.reset = button("Reset", "", self._reset, "back to 256 bytes, with the pattern that is chosen")
        self.size, self.pace = Slider(size), Slider(speed)
        self.size.observe(lambda change: self._resize(round(change["new"])), "value")
        self.pace.observe(lambda change: self._turn_pace(change["new"]), "value")
        self.pattern = widgets.Dropdown(options=list(PATTERNS), value=pattern, description="pattern")
        self.pattern.add_class("lb-field")
        self.pattern.observe(lambda change: self._choose(change["new"]), "value")
        self.compression = LineChart(series=["bytes"], x_label="vocabulary size", y_label="bytes per token", height=200)
        self.frequency = LineChart(
            series=["pair"],
            colors=["gradient"],
            x_label="vocabulary size",
            y_label="how often the merged pair stood there (logarithmic)",
            y_log=True,
            height=200,
        )
        self.latest, self.status, self.error = widgets.HTML(), widgets.HTML(), widgets.HTML()
        self._counted: tuple[float, int] = (time.perf_counter(), 0)
        self._rate = 0.0
        controls = line_of(
            *(self.train, self.pause, self.step, self.stop, self.reset, self.pattern, self.size, self.pace)
        )
        charts = line_of(self.compression, self.frequency, name="lb-figures")
        super().__init__([controls, charts, self.status, self.latest, self.error])
        self.add_class("lb-panel")
        self.add_class("lb-merge-panel")
        self._update()

    def __repr__(self) -> str:
        return f"{type(self).__name__} ({self.driver.state}, {256 + self.run.step:,} tokens)"

    @property
    def tokenizer(self) -> BPETokenizer:
        """A tokenizer of what was learned so far, at any time."""
        return self.run.tokenizer

    def wait(self, timeout: float | None = 60) -> str:
        """Until it is done, paused, stopped or failed; returns which. For notebooks under test."""
        return self.driver.wait(timeout)

    def close(self) -> None:
        """End the thread, then take the panel away; `run` keeps what was learned."""
        self._stop()
        self.driver.stop(wait=True)
        self.driver.on_update = None
        super().close()

    # -- what buttons and sliders do: they set what the thread reads, which hears them while it waits for the pace

    def _train(self) -> None:
        self._counted, self._rate = (time.perf_counter(), self.run.step), 0.0
        self.driver.train()

    def _pause(self) -> None:
        self.driver.pause()

    def _step(self) -> None:
        self.driver.step()

    def _stop(self) -> None:
        self.driver.stop()

    def _reset(self) -> None:
        self._stop()
        self.driver.reset()
        self._update()

    def _resize(self, size: int) -> None:
        self.run.vocab_size = size
        self.driver.look()
        if self.driver.state != "running":
            self._update()

    def _turn_pace(self, pace: float) -> None:
        self.run.pace = None if pace >= FASTEST else pace
        self.driver.look()

    def _choose(self, pattern: str) -> None:
        self.run.pattern = pattern
        if not self.run.step and not self.driver.alive:  # nothing to throw away
            self.run.reset()
        self._update()

    # -- drawing: called from the thread a few times a second, and at each change of state

    def _update(self) -> None:
        state, ended = self.driver.state, self.run.finished
        running = state == "running"
        self.train.disabled = running or ended
        self.pause.disabled = not running
        self.step.disabled = running or ended
        self.stop.disabled = state not in ("running", "paused")
        merges = list(self.run.history)  # of this moment
        self.status.value = self._status_html(len(merges))
        self.error.value = error_html(self.driver.error)
        self.latest.value = merges_html(merges[-LATEST:][::-1], self.run.token_bytes)
        shown = thinned(merges)
        sizes = [merge.token + 1 for merge in shown]
        self.compression.x_max = self.frequency.x_max = self.run.vocab_size
        self.compression.plot([256, *sizes], [1.0, *(self.run.n_bytes / merge.tokens for merge in shown)])
        self.frequency.plot([256, *sizes], [math.nan, *(merge.frequency for merge in shown)])

    def _status_html(self, n: int) -> str:
        goal, state = self.run.vocab_size, self.driver.state
        now = time.perf_counter()
        since, before = self._counted
        if state != "running":
            self._rate = 0.0
        elif now - since >= 0.5:
            self._rate = (n - before) / (now - since)
            self._counted = (now, n)
        parts = [f"<b>{state}</b>", f"{256 + n:,} tokens of {goal:,}"]
        if state == "running" and not n:
            parts.append("cutting the text into chunks")
        part = min(1.0, n / (goal - 256))
        parts.append(f'<span class="lb-meter"><span style="width:{100 * part:.0f}%"></span></span>')
        parts.append(f"{self.run.n_bytes / self.run.n_tokens:.2f} bytes per token")
        if self._rate:
            parts.append(f"{self._rate:,.0f} merges/s")
        if self.run.exhausted:
            parts.append("no pair is left: every chunk is one token")
        if self.run.pattern != self.run.used_pattern:
            parts.append(f"learned with {self.run.used_pattern}; Reset begins with {self.run.pattern}")
        return " · ".join(parts)


def visible(token: bytes) -> str:
    """The text of a token with its spaces and line breaks made visible; bytes that are no characters as hex.

    The signs are those of token_playground.js.

    >>> visible(b" the"), visible(bytes([10, 10])), visible("é".encode()[:1])
    ('␣the', '↵↵', '⟨C3⟩')
    """
    shown = []
    for character in token.decode("utf-8", errors="surrogateescape"):
        if "\udc80" <= character <= "\udcff":  # a byte that is no character: a piece of one
            shown.append(f"⟨{ord(character) - 0xDC00:02X}⟩")
        elif character in " \n\t\r":
            shown.append({" ": "␣", "\n": "↵", "\t": "→", "\r": "␍"}[character])
        else:
            shown.append(character if character.isprintable() else f"⟨U+{ord(character):04X}⟩")
    return "".join(shown)


def merges_html(merges: Sequence[Merge], token_bytes: Sequence[bytes]) -> str:
    """A list of merges: the id, what was joined to what, how often the pair stood there."""
    if not merges:
        return '<p class="lb-note">No merges yet: each byte is a token.</p>'
    rows = []
    for merge in merges:
        left, right, joined = (
            f"<code>{html.escape(visible(token_bytes[token]))}</code>"
            for token in (merge.left, merge.right, merge.token)
        )
        rows.append(
            f'<li><span class="lb-num">{merge.token:,}</span><span>{left} + {right} → {joined}</span>'
            f'<span class="lb-num">{merge.frequency:,} times</span></li>'
        )
    return f'<ol class="lb-merges">{"".join(rows)}</ol>'
