"""Which of two samples is better? A panel that asks, keeps each answer, and counts how far a second labeller agrees."""

import os
import threading
from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import ipywidgets as widgets
import traitlets as t

from labkit.training import BackgroundRun

from .arena_work import EXPECTED, Jobs
from .figure import Figure
from .panel import Panel, cell_key, error_html
from .preference_work import SecondLabeller, checked, how_many, unanswered

if TYPE_CHECKING:
    from labkit.rlhf.preferences import Choice, Comparison, PreferenceFile

    from .preference_work import Second

AHEAD = 2
"""How many pairs are ready at most: the one on show and the next one, drawn while the reader reads."""
LATEST = 30
"""How many answers are listed."""


class Pair(NamedTuple):
    """Two samples after a prompt, as the panel has them on show."""

    prompt: str
    left: str
    right: str


class PreferenceView(Figure):
    """The samples, the buttons and the list of a `PreferencePanel`, which feeds it."""

    module = "preferences"
    shown: "t.Dict[str, Any]" = t.Dict({}).tag(sync=True)
    """What there is to see; see `PreferencePanel._shown`."""

    def caption(self) -> str:
        """How far it is."""
        return f"two samples side by side; {self.shown.get('counter', 'none yet')}"


class PreferencePanel(Panel):
    """Two samples side by side: which is better?

    A press of A or of the left arrow says the left one, B or the right arrow the right one, T a tie, S skips, U takes
    the last answer back, and the one before it, as far as the file goes. Each answer is on the disk before the next
    pair comes, and a panel on the same file goes on where that ends.

    Which sample of a pair is on the left is as good as random, since people lean to one side; it depends on the pair
    and the seed alone. Answers are kept in the pair's own order.

    Headless: `while pair := panel.wait(): panel.choose("a" if len(pair.left) > len(pair.right) else "b")`.

    Args:
        pairs: (prompt, a, b) each; or what draws pair number i, from 0, such as from a model: `pairs(i)` is called in a
            thread, one pair ahead. If something else trains the model meanwhile, it must take the run's lock.
        path: the JSONL file of the answers, there already or not; or a `PreferenceFile`.
        wanted: how many answers there are to be with those in the file, skipped ones too; None: to all pairs that
            there are, 30 where they are drawn.
        second: who else judges these pairs: somebody's `PreferenceFile` or answers, a `SimulatedLabeller`, or what says
            "a", "b" or "tie" of (a, b), at once.
        render: makes HTML or SVG of a sample, which goes into the page as it is: it must escape what it has from the
            sample. None: samples are shown as plain text.
        labeller: who answers; each has a file of their own.
        seed: of the sides.
        key: who the panel is, where the cell does not say it.

    Attributes:
        file: the answers on disk.
        view: the figure.
        error: what went wrong last, or None.

    Raises:
        ValueError: for a pair that is none, a broken file, or one with another labeller's answers.
    """

    def __init__(
        self,
        pairs: "Sequence[Sequence[str]] | Callable[[int], Sequence[str]]",
        path: "str | os.PathLike[str] | PreferenceFile",
        wanted: int | None = None,
        second: "Second | None" = None,
        render: Callable[[str], str] | None = None,
        labeller: str = "you",
        seed: int = 0,
        key: str | None = None,
    ) -> None:
        from labkit.rlhf.preferences import PreferenceFile  # a kernel without a panel of this kind loads none of it

        self.file = path if isinstance(path, PreferenceFile) else PreferenceFile(path)
        self.render, self.labeller, self.seed = render, labeller, seed
        self.second = None if second is None else SecondLabeller(second)
        answered = self.file.comparisons
        for other in {comparison.labeller for comparison in answered} - {labeller}:
            raise ValueError(f"{self.file.path} has answers of {other!r}: give {labeller!r} a file of their own")
        self._draw = pairs if callable(pairs) else None
        self._ahead: deque[tuple[str, str, str]] = deque() if callable(pairs) else unanswered(pairs, answered)
        most = None if callable(pairs) else len(answered) + len(self._ahead)
        self.wanted = how_many(wanted, most)
        self._answers = answered
        self._error: Exception | None = None
        self._closing = False
        self._turn = 0  # counts changes of the pair on show: a key that was meant for another one is left out
        self._guard = threading.RLock()  # the thread and the callbacks both draw
        self.view, self.failure = PreferenceView(), widgets.HTML()
        self.view.on_msg(self._heard)
        super().__init__([self.view, self.failure])
        self.add_class("lb-panel")
        self.add_class("lb-preferences")
        self._jobs = Jobs()
        who, execution = (key, None) if key else cell_key("preferences")
        self.driver = BackgroundRun(self._jobs, who, self._update, 0.0, batch=execution)
        self._update()
        self._fill()

    def __repr__(self) -> str:
        return f"{type(self).__name__} ({self.state}, {len(self._answers)} of {self.wanted})"

    @property
    def comparisons(self) -> "list[Comparison]":
        """All answers in the file, the oldest first."""
        return self.file.comparisons

    @property
    def pair(self) -> Pair | None:
        """What is on show: None while the next pair is being drawn, and at the end."""
        with self._guard:
            if len(self._answers) >= self.wanted or not self._ahead:
                return None
            prompt, a, b = self._ahead[0]
            return Pair(prompt, b, a) if self._swapped(prompt, a, b) else Pair(prompt, a, b)

    @property
    def state(self) -> Literal["choosing", "drawing", "failed", "done"]:
        """Whether there is a pair to choose from; "failed": the next one could not be drawn."""
        with self._guard:
            if self.pair is not None:
                return "choosing"
            if self._draw is None or len(self._answers) >= self.wanted:
                return "done"
            return "failed" if self._trouble else "drawing"

    @property
    def error(self) -> Exception | None:
        """What went wrong last, or None."""
        return self._error or self._trouble

    @property
    def _trouble(self) -> Exception | None:
        """Of the thread that draws."""
        return self.driver.error or self._jobs.problem

    def choose(self, choice: "Choice") -> None:
        """Answer: "a" is the sample on the left, "b" the one on the right; or "tie", or "skip".

        Raises:
            ValueError: for another word; if there is no pair on show.
        """
        from labkit.rlhf.preferences import CHOICES, MIRRORED, Comparison

        if choice not in CHOICES:
            raise ValueError(f"choose: must be one of {', '.join(CHOICES)}, got {choice!r}")
        with self._guard:
            if self.pair is None:
                raise ValueError(f"choose: there is no pair on show ({self.state}); wait() waits for it")
            prompt, a, b = self._ahead[0]
            meant = MIRRORED[choice] if self._swapped(prompt, a, b) else choice
            self.file.append(Comparison(prompt, a, b, meant, self.labeller))  # first: what fails is still on show
            self._ahead.popleft()
            self._turned()
        self._fill()

    def undo(self) -> "Comparison | None":
        """Take the last answer out of the file and show its pair again; returns it, None when there is none."""
        with self._guard:
            last = self.file.undo()
            if last is not None:
                self._ahead.appendleft((last.prompt, last.a, last.b))
                self._turned()
        return last

    def wait(self, timeout: float | None = 60) -> Pair | None:
        """Until there is a pair on show, which it returns; None at the end. For notebooks under test.

        Raises:
            TimeoutError: if drawing takes more than `timeout` seconds.
            Exception: what was raised when the pair was drawn.
        """
        if self.state == "drawing":
            self.driver.wait(timeout)
        if self.state == "failed" and self._trouble is not None:
            raise self._trouble
        return self.pair

    def close(self) -> None:
        """End drawing, then take the panel away; `file` stays."""
        if hasattr(self, "driver"):  # a widget is closed too when its making has failed
            self._closing = True
            self._jobs.cancel()
            self.driver.stop(wait=True)
            self.driver.on_update = None
        super().close()

    # -- what comes from the page

    def _heard(self, _: Any, content: Any, __: Any) -> None:
        if not isinstance(content, dict):
            return
        try:
            if content.get("undo"):
                self.undo()
            elif content.get("again"):
                self._fill()
            elif content.get("turn") == self._turn and self.pair is not None:
                self.choose(content.get("choose", ""))
        except Exception as error:  # shown: nobody sees what a callback raises
            self._error = error
            self._update()

    # -- pairs

    def _swapped(self, *pair: str) -> bool:
        from labkit.rlhf.preferences import draw

        return draw(self.seed, *pair) < 0.5

    def _turned(self) -> None:
        """Another pair is on show."""
        self._turn += 1
        self._error = None
        self._answers = self.file.comparisons
        self._update()

    def _next_number(self) -> int | None:
        """The number of the pair to be drawn next; None: none is needed now. Undoing and answering do not change it."""
        with self._guard:
            number = len(self._answers) + len(self._ahead)
            return number if len(self._ahead) < AHEAD and number < self.wanted else None

    def _fill(self) -> None:
        """Have pairs drawn. Never under the guard: a thread that ends waits for it, and `train` for the thread."""
        if self._draw is not None and not self._closing and self._next_number() is not None:
            self._jobs.ask("drawing", self._draw_next)
            self.driver.train()

    def _draw_next(self) -> None:
        if self._draw is None or (number := self._next_number()) is None:
            return
        pair = checked(self._draw(number), f"pairs({number})")
        with self._guard:
            self._ahead.append(pair)
        if not self._closing and self._next_number() is not None:
            self._jobs.ask("drawing", self._draw_next)

    # -- drawing: called from the thread when it has a pair, and after each answer

    def _update(self) -> None:
        with self._guard:
            self.view.shown = self._shown()
            self.failure.value = error_html(self.error, expected=EXPECTED)

    def _shown(self) -> dict[str, Any]:
        pair, state, n = self.pair, self.state, len(self._answers)
        theirs, said = self.second.judge(self._answers) if self.second else ([None] * n, "")
        counts = Counter({"a": "preference", "b": "preference"}.get(c.choice, c.choice) for c in self._answers)
        kinds = [(counts[kind], kind) for kind in ("preference", "tie", "skip") if counts[kind]]
        rows = [
            {"number": i + 1, "choice": c.choice, "a": c.a, "b": c.b, "second": theirs[i]}
            for i, c in list(enumerate(self._answers))[: -LATEST - 1 : -1]
        ]
        return {
            "turn": self._turn,
            "state": state,
            "counter": f"{n} of {self.wanted}",
            "part": n / self.wanted,
            "prompt": pair.prompt if pair else "",
            "samples": [self._rendered(pair.left), self._rendered(pair.right)] if pair else [],
            "html": self.render is not None,
            "tally": ", ".join(f"{count} {kind}{'s' * (count != 1)}" for count, kind in kinds),
            "said": said,
            "file": self.file.path.name,
            "rows": rows,
            "earlier": max(0, n - LATEST),
        }

    def _rendered(self, sample: str) -> str:
        if self.render is None:
            return sample
        try:
            return str(self.render(sample))
        except Exception as error:  # of one sample: it can be skipped
            return error_html(error)
