"""Loss curves: one run or several, with the band they are expected in."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
from matplotlib.axes import Axes


def loss_curves(
    curves: Mapping[str, Sequence[float]],
    ax: Axes | None = None,
    y_label: str = "loss (nats)",
    log: bool = False,
) -> Axes:
    """Draw losses over steps, each with its name at its end in place of a legend.

    Args:
        curves: name -> the loss of each step, the first step first.
        ax: where to draw; new axes when left out.
        y_label: the measure and its unit.
        log: a logarithmic loss axis, when one wild curve would flatten the others.

    Returns:
        The axes drawn on.
    """
    ax = ax or plt.subplots()[1]
    for name, losses in curves.items():
        losses = list(losses)  # a column of `run.frame()` will do too
        if not losses:
            raise ValueError(f"loss_curves: no losses for {name!r}")
        (line,) = ax.plot(range(1, len(losses) + 1), losses)
        ax.annotate(
            name,
            (len(losses), losses[-1]),
            (4, 0),
            textcoords="offset points",
            color=line.get_color(),
            va="center",
            fontsize="small",
        )
    ax.set(xlabel="step", ylabel=y_label)
    if log:
        ax.set_yscale("log")
    else:
        ax.set_ylim(bottom=0)
    ax.margins(x=0.02)
    return ax
