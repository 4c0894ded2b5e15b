"""The board of a lab: a generator writes on it from the kernel, also one that is just being trained; judges look on."""

import html
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import ipywidgets as widgets

from labkit.routes import Hold, Route, frames, v_grade
from labkit.routes.climber import difficulty
from labkit.training import BackgroundRun, Control

from .arena_work import EXPECTED, Jobs
from .panel import Panel, cell_key, error_html, line_of
from .route_board import RouteBoard
from .slider import Slider

if TYPE_CHECKING:
    from labkit.routes.generator import Generator, Wish
    from labkit.routes.reader import Reader
    from labkit.routes.rules import Rules
    from labkit.routes.run import RouteRun

LATEST = 8
"""How many routes are listed."""
EVERY = 50
"""Training steps from one route to the next, at first."""
Verdict = tuple[str, float | None, str]
"""Who, the difficulty, and a word where there is none."""


class Sample(NamedTuple):
    """A route that was written.

    Attributes:
        step: of the training, None for a model that is trained.
        wish: what was asked for.
        guidance: how much the grade counted.
        route: what came.
        verdicts: of the judges.
    """

    step: int | None
    wish: "Wish"
    guidance: float
    route: Route
    verdicts: tuple[Verdict, ...]


class RouteWriter(Panel):
    """A `RouteBoard` that the kernel writes on, and the routes so far as text.

    Of a run, the weights are copied as a route is begun, so that it may train meanwhile. While it trains, a route is
    written every so many steps with the same seed and the same clicked holds; a click on a hold ends that until
    "Write a route" or "Complete" is pressed, so that nobody's own route is written over. The reader, and on simulated
    boards the simulated climber, judge what is on the board as it changes. What goes wrong is shown below. The draws of
    a seed are those of `Generator`, not those of a page.

    Headless: `writer.write()` or `writer.complete()`, then `writer.wait()`.

    Args:
        source: a generator, or the run that trains one.
        reader: another judge; None: there is none.
        rules: how long a route of the run's may be; a generator has its own.
        every: training steps from route to route at first, 0 … 500; 0: none while it trains.
        key: who this is, where the cell does not say it.
        **settings: where the sliders stand at first: `board`, `angle`, `grade`, `temperature`, `guidance`, `top_k`,
            `seed`, `holds`, `grades`, as `RouteBoard` has them.

    Attributes:
        board: the figure.
        samples: the routes written so far.
        error: what went wrong with the latest request, or None.

    Raises:
        ValueError: for what `Generator` and `RouteBoard` refuse.
    """

    def __init__(
        self,
        source: "RouteRun | Generator",
        reader: "Reader | None" = None,
        rules: "Rules | None" = None,
        every: int = EVERY,
        key: str | None = None,
        **settings: Any,
    ) -> None:
        from labkit.routes.generator import Generator  # torch: a kernel without a panel of this kind does not load it

        self.run: RouteRun | None = None
        if isinstance(source, Generator):
            self.generator = source
        else:
            self.run = source
            with source.lock:
                self.generator = Generator(source.model.plain(), source.data.tokenizer, rules)
        self.reader = reader
        self.samples: list[Sample] = []
        self.board = RouteBoard(boards=self.generator.tokenizer.boards.values(), **settings)
        self.board.asks = True
        self._given = self.board.holds  # clicked before the reader came: what is written while it trains keeps them
        own = self.generator.rules
        self.board.rules = {"min_holds": own.min_holds, "max_holds": own.max_holds}
        self.board.on_msg(self._heard)
        self.board.observe(lambda _: self._look(), ["holds", "angle", "board"])
        label = "steps from route to route (0: none while training)"
        self.every = Slider(Control("every", every, 0, 500, integer=True, label=label))
        self.listing, self.failure = widgets.HTML(), widgets.HTML()
        self._written_at = 0  # the step of the latest route
        self._looking = False  # a job that judges is waiting
        self._closing = False
        self._jobs = Jobs()
        who, execution = (f"{key} routes", None) if key else cell_key("route writer")
        self.driver = BackgroundRun(self._jobs, who, self._update, 0.0, batch=execution)
        parts = [self.board, self.listing, self.failure]
        super().__init__(parts if self.run is None else [self.board, line_of(self.every), *parts[1:]])
        self.add_class("lb-route-writer")
        self._look()

    def __repr__(self) -> str:
        return f"{type(self).__name__} ({len(self.samples)} routes written)"

    @property
    def error(self) -> Exception | None:
        """What went wrong with the latest request, or None."""
        return self.driver.error or self._jobs.problem

    def write(self) -> None:
        """Have a route written as the sliders stand, in place of what is on the board."""
        self._ask("writing", lambda: self._write(()))

    def complete(self) -> None:
        """Have the clicked holds completed."""
        self._ask("completing", lambda: self._write(self.board.kept))

    def wait(self, timeout: float | None = 60) -> list[Sample]:
        """Until nothing is written or judged any more; returns `samples`. For notebooks under test.

        Raises:
            TimeoutError: if it goes on for more than `timeout` seconds.
        """
        self.driver.wait(timeout)
        return self.samples

    def update(self) -> None:
        """Write another route if one is due. Called from the training thread, ten times a second at most."""
        if self.run is None or not (every := int(self.every.value)):
            return
        step = self.run.step
        self._written_at = min(self._written_at, step)  # the run has begun anew
        by_hand = self.board.holds and not self.board.asked and self.board.holds != self._given
        if step - self._written_at >= every and not by_hand and not self._jobs.doing:
            self._written_at = step
            self.complete()

    def close(self) -> None:
        """End the thread, then take the figure away; `samples` stays."""
        if hasattr(self, "driver"):  # a widget is closed too when its making has failed
            self._closing = True  # a route that is being written asks for a verdict: no thread may start any more
            self._jobs.cancel()
            self.driver.stop(wait=True)
            self.driver.on_update = None
        super().close()

    # -- what is asked for, from buttons, clicks and the training thread

    def _heard(self, _: Any, content: Any, __: Any) -> None:
        if isinstance(content, dict) and content.get("write") in ("route", "rest"):
            (self.write if content["write"] == "route" else self.complete)()

    def _look(self) -> None:
        """Have what is on the board judged; what is asked for many times meanwhile is done once."""
        if not self._looking:
            self._looking = True
            self._ask("judging", self._judge)

    def _ask(self, word: str, job: Any) -> None:
        if not self._closing:
            self._jobs.ask(word, job)
            self.driver.train()

    # -- what the thread does

    def _write(self, holds: Iterable[Hold]) -> None:
        from labkit.routes.generator import Wish
        from labkit.sampling import Sampling

        board, before, step = self.board, self.board.holds, None
        wish = Wish(board.board, board.angle, board.grade, tuple(holds))
        if self.run is not None:
            with self.run.lock:
                self.generator.model, step = self.run.model.plain(), self.run.step
        sampling, guidance = Sampling(temperature=board.temperature, top_k=board.top_k), board.guidance
        (route,) = self.generator.routes([wish], sampling, guidance, board.seed)
        verdicts = self.verdicts(route)
        self.samples.append(Sample(step, wish, guidance, route, verdicts))
        if board.holds == before and board.board == route.board:  # nobody has clicked meanwhile
            board.show(route, wish.holds, {"grade": wish.grade, "angle": wish.angle, "guidance": guidance})

    def _judge(self) -> None:
        self._looking = False  # what changes from here on is judged anew
        self.board.verdicts = [list(verdict) for verdict in self.verdicts(self.board.route)]

    def verdicts(self, route: Route) -> tuple[Verdict, ...]:
        """What the judges that there are say of a route, finished or not."""
        found: list[Verdict] = []
        if self.reader is not None:
            try:
                says = float(self.reader.predict([route])[0]) if route.holds else None
                found.append(("reader", says, "–"))
            except ValueError as error:  # more holds than it can read
                found.append(("reader", None, str(error)))
        board = self.generator.tokenizer.boards[route.board]
        if board.is_simulated:
            whole = {"start", "finish"} <= {hold.role for hold in route.holds}
            says = difficulty(board, route.holds, route.angle) if whole else None
            found.append(("simulated climber", says, "–"))
        return tuple(found)

    def _update(self) -> None:
        rows = [self._row(sample) for sample in self.samples[: -LATEST - 1 : -1]]
        self.listing.value = f'<ol class="lb-samples">{"".join(rows)}</ol>' if rows else ""
        self.failure.value = error_html(self.error, expected=EXPECTED)

    def _row(self, sample: Sample) -> str:
        wish, route = sample.wish, sample.route
        moment = "" if sample.step is None else f"step {sample.step:,}"
        asked = f"{'any grade' if wish.grade == 'any' else f'V{wish.grade}'} at {wish.angle}° on {wish.board}"
        said = [f"asked for {asked}, guidance {sample.guidance:.3g}"]
        said += [f"{who} V{v_grade(says)} ({says:.1f})" for who, says, _ in sample.verdicts if says is not None]
        text = frames(route.holds, self.generator.tokenizer.boards[route.board].config)
        note = html.escape("; ".join(said))
        return (
            f'<li class="lb-sample"><b>{moment}</b><div><span class="lb-text">{text}</span>'
            f'<p class="lb-note">{note}</p></div></li>'
        )
