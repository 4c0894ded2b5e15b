"""The panel of chapter 6: train a generator of routes, and have it write on a board while it learns."""

from typing import TYPE_CHECKING, Any

from .route_writer import EVERY, RouteWriter
from .trainer import TrainerPanel

if TYPE_CHECKING:
    from labkit.grading import Band
    from labkit.routes.reader import Reader
    from labkit.routes.rules import Rules
    from labkit.routes.run import RouteRun


class RoutePanel(TrainerPanel):
    """Train a generator by hand, with a board beside it that it writes on.

    The upper part is that of `TrainerPanel`: Train, Pause, Step, Stop, Reset, a slider for every control of the run
    (learning rate, batch size, dropout, grades dropped), the losses. Below is a `RouteWriter`: click holds, have the
    model of this moment write or complete a route, see what the reader and the simulated climber say of it.

    Headless: `panel.train.click()`, `panel.wait()`; `panel.writer.write()`, `panel.writer.wait()`.

    Args:
        run: what to train.
        reader: that judges routes as well; None: the simulated climber alone, on simulated boards.
        rules: how long a route may be; `Rules()` when left out.
        every: training steps from route to route at first, 0 … 500; 0: none while it trains.
        band: the expected band of the loss, drawn and judged.
        key: who the panel is, where the cell does not say it.
        **settings: where the board's sliders stand at first: `board`, `angle`, `grade`, `temperature`, `guidance`,
            `top_k`, `seed`, `holds`, `grades`, as `RouteBoard` has them.

    Attributes:
        writer: the lower part.
        board: its figure.

    Raises:
        ValueError: for what `Generator` and `RouteBoard` refuse.
    """

    def __init__(
        self,
        run: "RouteRun",
        reader: "Reader | None" = None,
        rules: "Rules | None" = None,
        every: int = EVERY,
        band: "Band | None" = None,
        key: str | None = None,
        **settings: Any,
    ) -> None:
        self.writer = RouteWriter(run, reader, rules, every, key, **settings)
        self.board = self.writer.board
        series = ["loss", "validation"] if run.config.eval_every else ["loss"]
        super().__init__(run, band, [self.writer], series, series, key)

    def close(self) -> None:
        """End both threads, then take the panel away; `run` keeps its history."""
        if hasattr(self, "driver"):  # a widget is closed too when its making has failed
            super().close()
