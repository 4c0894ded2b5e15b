"""Whether a model is right as often as it says: the reliability diagram."""

import math
from collections.abc import Sequence

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from labkit.rlhf.calibration import Bin, expected_calibration_error

from . import theme

Z = 1.96
"""Standard deviations to either side that hold 95 % of a normal distribution."""


def reliability_diagram(bins: Sequence[Bin], ax: Axes | None = None, title: str = "") -> Axes:
    """How often a model is right, against how sure it was (Guo et al. 2017).

    On the diagonal a model can be believed; a point below it is a boast, above it a doubt, and the coloured line is by
    how much. A whisker holds the accuracies that so many answers leave likely (95 %, Wilson 1927); the numbers below
    are the answers of each bin.

    Args:
        bins: of `labkit.rlhf.calibration.reliability`.
        ax: where to draw; new axes when left out.
        title: what stands before the expected calibration error (ECE), such as "before".

    Returns:
        The axes drawn on.

    Raises:
        ValueError: for no bins.
    """
    if not bins:
        raise ValueError(
            "reliability_diagram: there are no bins to draw; labkit.rlhf.calibration.reliability makes some"
        )
    error, n = expected_calibration_error(bins), sum(bin.n for bin in bins)
    ax = ax or plt.subplots(figsize=(4.4, 4.4), layout="constrained")[1]
    colors = theme.current()
    ax.plot([0, 1], [0, 1], color=colors["muted"], linewidth=1.0, linestyle="--")
    for bin in bins:
        color = colors["bad" if bin.gap < 0 else "good"]
        x = bin.confidence
        ax.plot([x, x], [x, bin.accuracy], color=color, linewidth=5.0, alpha=0.5, solid_capstyle="butt")
        ax.plot([x, x], wilson(bin.accuracy, bin.n), color=colors["muted"], linewidth=1.0)
        ax.text(x, -0.03, f"{bin.n:,}", ha="center", va="top", fontsize="x-small", color=colors["muted"])
    xs, ys = [bin.confidence for bin in bins], [bin.accuracy for bin in bins]
    ax.plot(xs, ys, "o-", color=colors["accent"], markersize=4.0)
    left = min(0.5, *(bin.low for bin in bins))
    ax.set(xlim=(left - 0.02, 1.02), ylim=(-0.1, 1.04), xlabel="confidence (small numbers: answers)", ylabel="accuracy")
    above = sum(bin.n * bin.gap for bin in bins) < 0  # on the side where the points are not
    ax.text(
        left + 0.1,
        left + (0.12 if above else 0.08),
        "calibrated",
        va="bottom" if above else "top",
        rotation=45,
        rotation_mode="anchor",
        transform_rotates_text=True,
        fontsize="small",
        color=colors["muted"],
        zorder=1,
    )
    said = f"ECE {error:.1%} ({n:,} answers)"
    ax.set_title(f"{title}: {said}" if title else said)
    return ax


def wilson(share: float, n: int) -> tuple[float, float]:
    """Between which shares the true one lies, 95 % sure, when `share` of n answers was right (Wilson 1927)."""
    middle = (share + Z * Z / (2 * n)) / (1 + Z * Z / n)
    half = Z / (1 + Z * Z / n) * math.sqrt(share * (1 - share) / n + Z * Z / (4 * n * n))
    return max(middle - half, 0.0), min(middle + half, 1.0)
