"""Curves: one or several, each with its name at its end in place of a legend."""

import math
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.text import Annotation

LABEL_HEIGHT = 11
"""The least distance of two labels, in points."""


def curves(
    curves: Mapping[str, Sequence[float]],
    ax: Axes | None = None,
    x: Sequence[float] | None = None,
    x_label: str = "step",
    y_label: str = "",
    log: bool = False,
) -> Axes:
    """Draw curves, each with its name at its end in place of a legend.

    Args:
        curves: name -> one number for each place on the horizontal axis.
        ax: where to draw; new axes when left out.
        x: the places; 1, 2, 3 … when left out.
        x_label: what is on the horizontal axis.
        y_label: the measure and its unit.
        log: a logarithmic vertical axis, when one wild curve would flatten the others.

    Returns:
        The axes drawn on.

    Raises:
        ValueError: for a curve that is empty, or not as long as `x`.
    """
    ax = ax or plt.subplots()[1]
    labels = []
    for name, numbers in curves.items():
        values = list(numbers)  # a column of `run.frame()` will do too
        places = list(range(1, len(values) + 1)) if x is None else list(x)
        if not values:
            raise ValueError(f"curves: {name!r} has no numbers")
        if len(places) != len(values):
            raise ValueError(f"curves: {name!r} has {len(values)} numbers for {len(places)} places")
        (line,) = ax.plot(places, values)
        labels.append(
            ax.annotate(
                name,
                (places[-1], values[-1]),
                (4, 0),
                textcoords="offset points",
                color=line.get_color(),
                va="center",
                fontsize="small",
            )
        )
    ax.set(xlabel=x_label, ylabel=y_label)
    if log:
        ax.set_yscale("log")
    else:
        ax.set_ylim(bottom=0)
    ax.margins(x=0.02)
    _part(labels, ax)
    return ax


def _part(labels: Sequence[Annotation], ax: Axes) -> None:
    """Push labels of lines that end close together apart, upwards."""
    points_per_pixel = 72 / ax.figure.dpi
    last = -math.inf
    for height, label in sorted(((ax.transData.transform(label.xy)[1], label) for label in labels), key=lambda h: h[0]):
        at = max(height * points_per_pixel, last + LABEL_HEIGHT)
        label.set_position((4, at - height * points_per_pixel))
        last = at


def loss_curves(
    losses: Mapping[str, Sequence[float]],
    ax: Axes | None = None,
    y_label: str = "loss (nats)",
    log: bool = False,
) -> Axes:
    """`curves` of the loss of each step, the first step first."""
    return curves(losses, ax, y_label=y_label, log=log)
