"""Points in the plane and the side of the boundary that a net puts them on."""

from collections.abc import Callable, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap

from . import theme


def decision_boundary(
    score: Callable[[tuple[float, float]], float],
    positions: Sequence[tuple[float, float]],
    labels: Sequence[int],
    ax: Axes | None = None,
    extent: float = 1.4,
    cells: int = 40,
) -> Axes:
    """Colour the plane by a score (positive: class +1), with the points on top.

    Args:
        score: the net: a position to a number.
        positions: the points.
        labels: -1 or +1 for each.
        ax: where to draw; new axes when left out.
        extent: the plane shown is -extent … extent.
        cells: the score is asked at cells × cells places.

    Returns:
        The axes drawn on.
    """
    ax = ax or plt.subplots(figsize=(4, 4))[1]
    colors = theme.LIGHT
    fade = LinearSegmentedColormap.from_list("classes", [colors["class0"], colors["bg"], colors["class1"]])
    places = np.linspace(-extent, extent, cells)
    field = np.tanh([[score((x, y)) / 2 for x in places] for y in places])
    ax.imshow(
        field,
        interpolation="bilinear",
        cmap=fade,
        vmin=-1.6,
        vmax=1.6,
        extent=(-extent, extent, -extent, extent),
        origin="lower",
    )
    for label, marker, color in ((-1, "o", colors["class0"]), (1, "s", colors["class1"])):
        xy = np.array([p for p, at in zip(positions, labels, strict=True) if at == label]).reshape(-1, 2)
        ax.scatter(
            xy[:, 0],
            xy[:, 1],
            s=22,
            marker=marker,
            color=color,
            edgecolor=colors["bg"],
            linewidth=0.7,
            label=f"class {label:+d}",
        )
    ax.set(xlabel="x", ylabel="y", xlim=(-extent, extent), ylim=(-extent, extent), aspect="equal")
    ax.grid(False)
    return ax
