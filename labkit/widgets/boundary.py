"""The decision boundary of a small net, drawn while it learns."""

import numpy as np
import traitlets as t

from labkit.training import PointsRun

from .figure import Figure


class Boundary(Figure):
    """The plane coloured by the class that the net gives each place, and the training points.

    Args:
        run: whose net and points to show; `update()` reads them again.
        extent: the plane shown is -extent … extent on both axes.
    """

    module = "boundary"
    page_traits = ("weights", "sizes", "points", "extent", "alt")
    weights = t.Bytes(b"").tag(sync=True)
    sizes = t.List(t.Int(), []).tag(sync=True)
    points = t.Bytes(b"").tag(sync=True)
    extent = t.Float(1.4).tag(sync=True)
    alt = t.Unicode("").tag(sync=True)

    def __init__(self, run: PointsRun, extent: float = 1.4) -> None:
        super().__init__(extent=extent)
        self._run = run
        self._noise: float | None = None
        self.update()

    def update(self) -> None:
        """Send the net as it is now; the points only when the noise has moved them."""
        run = self._run
        with run.lock:
            weights, sizes = run.model.get_weights(), run.model.sizes
        noise = run.controls["noise"]
        if noise != self._noise:
            positions = zip(run.points.at(noise), run.points.labels, strict=True)
            self.points = np.asarray([(x, y, label) for (x, y), label in positions], dtype="<f4").tobytes()
            self._noise = noise
        self.sizes = sizes  # before the weights that fit it: the page draws when the weights change
        self.weights = np.asarray(weights, dtype="<f4").tobytes()
        self.alt = self.caption()

    def caption(self) -> str:
        """What there is to see."""
        return f"The side of the boundary that the net puts each of {len(self._run.points)} points on."
