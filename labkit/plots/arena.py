"""The inside of an agent in training: how large the gradients of each matrix are, and its updates."""

import math

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from labkit.arena.findings import SMALLEST_RATIO
from labkit.arena.measure import MatrixMeasure, Measurements, measurements
from labkit.scalar.gpt import INIT_STD
from labkit.training import ScalarGPTRun

from . import theme

HEALTHY_RATIO = (SMALLEST_RATIO, 0.2)
"""Update to weight: below, nothing is learned in a hundred steps; sound training at learning rate 0.01 has 0.125 at
step 0 and 0.05 at step 20."""
SPAN = 1e-8
"""How far below the largest gradient the axis goes: a single weight may be ten orders lower, and says nothing."""


def gradient_distribution(run: ScalarGPTRun | Measurements, ax: Axes | None = None) -> Axes:
    """How large the gradients of single weights are, a box per matrix, in the order of the forward pass.

    A box holds the middle half, its line is the median, the whiskers reach from the 5th to the 95th
    percentile. Gradients that are exactly zero have no logarithm: their share is written beside the box.

    Args:
        run: a run, measured by a probe that does not change it; or measurements made already.
        ax: where to draw; new axes when left out.

    Returns:
        The axes drawn on.
    """
    m = run if isinstance(run, Measurements) else measurements(run)
    matrices = _forward_order(m)
    ax = ax or _new_axes(len(matrices))
    colors = theme.current()
    sizes = {name: [abs(g) for g in x.gradients if g and math.isfinite(g)] for name, x in matrices.items()}
    largest = max((max(size) for size in sizes.values() if size), default=1.0)
    rows = [i for i, size in enumerate(sizes.values()) if size]
    if rows:  # all gradients may be zero, or not finite
        ax.boxplot(
            [size for size in sizes.values() if size],
            positions=rows,
            orientation="horizontal",
            whis=(5, 95),
            showfliers=False,
            widths=0.6,
            patch_artist=True,
            boxprops={"facecolor": colors["gradient"], "edgecolor": colors["gradient"], "alpha": 0.55},
            medianprops={"color": colors["text"], "linewidth": 1.6},
            whiskerprops={"color": colors["gradient"]},
            capprops={"color": colors["gradient"]},
        )
    for i, x in enumerate(matrices.values()):
        _beside(ax, i, _without_logarithm(x), colors)
    ax.set_xscale("log")
    shown = [size for values in sizes.values() for size in _whisker(values)]
    ax.set_xlim(max(min(shown, default=largest) / 2, largest * SPAN), largest * 2)
    ax.set_xlabel("|gradient| of one weight (nats per unit of weight)")
    return _rows(ax, list(matrices))


def update_ratio(run: ScalarGPTRun | Measurements, ax: Axes | None = None) -> Axes:
    """How large the next update of each matrix is beside its weights: |Δw| / |w|, with the healthy band.

    A wild learning rate makes the weights large, and beside those its updates look small again. The
    diamonds compare with weights of the first size: far right of the band, they give it away.

    Args:
        run: a run, measured by a probe that does not change it; or measurements made already.
        ax: where to draw; new axes when left out.

    Returns:
        The axes drawn on.
    """
    m = run if isinstance(run, Measurements) else measurements(run)
    matrices = _forward_order(m)
    ax = ax or _new_axes(len(matrices))
    colors = theme.current()
    ratios = [x.update_ratio for x in matrices.values()]
    beside_fresh = [x.update_rms / INIT_STD for x in matrices.values()]
    drawn = [r for r in (*ratios, *beside_fresh) if r > 0 and math.isfinite(r)]
    low, high = HEALTHY_RATIO
    left, right = min([low, *drawn]) / 5, max([high, *drawn]) * 5
    ax.axvspan(low, high, color=colors["good"], alpha=0.16, linewidth=0)
    ax.annotate(
        "healthy",
        (math.sqrt(low * high), 1),
        (0, 3),
        xycoords=("data", "axes fraction"),
        textcoords="offset points",
        ha="center",
        color=colors["good"],
        fontsize="small",
    )
    for i, (x, ratio) in enumerate(zip(matrices.values(), ratios, strict=True)):
        if ratio > 0 and math.isfinite(ratio):
            fine = low <= ratio <= high
            ax.barh(i, ratio - left, left=left, height=0.6, color=colors["accent" if fine else "bad"])
        else:
            _beside(ax, i, _without_ratio(x), colors)
    for i, ratio in enumerate(beside_fresh):
        if ratio > 0 and math.isfinite(ratio):
            edge = colors["text" if ratio <= high else "bad"]
            ax.plot(ratio, i, "D", markersize=4.5, color=colors["bg"], markeredgecolor=edge)
    ax.set_xscale("log")
    ax.set_xlim(left, right)
    ax.set_xlabel(f"next update / weights, |Δw| / |w|\n◇ beside weights of {INIT_STD:g}")
    return _rows(ax, list(matrices))


def _forward_order(m: Measurements) -> dict[str, MatrixMeasure]:
    """The matrices as a token meets them: the head, third in `state_dict`, comes last."""
    return {name: x for name, x in m.matrices.items() if name != "lm_head"} | {"lm_head": m.matrices["lm_head"]}


def _without_logarithm(x: MatrixMeasure) -> str:
    """What is to be said of the gradients that a logarithmic axis cannot show."""
    if not all(map(math.isfinite, x.gradients)):
        return "not finite"
    share = x.gradients.count(0.0) / len(x.gradients)
    return "all zero" if share == 1 else f"{share:.0%} zero" if share >= 0.005 else ""


def _without_ratio(x: MatrixMeasure) -> str:
    """Why a matrix has no bar."""
    if not (math.isfinite(x.update_rms) and math.isfinite(x.weight_rms)):
        return "not finite"
    return "no update" if x.weight_rms else "all weights zero"


def _whisker(values: list[float]) -> tuple[float, ...]:
    """The 5th percentile, where the whisker ends."""
    return (sorted(values)[len(values) // 20],) if values else ()


def _beside(ax: Axes, row: int, text: str, colors: dict[str, str]) -> None:
    """Write at the right end of a row."""
    ax.annotate(
        text,
        (1, row),
        (3, 0),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        va="center",
        fontsize="small",
        color=colors["muted"],
    )


def _rows(ax: Axes, names: list[str]) -> Axes:
    """One row a matrix, the first on top."""
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.grid(False, axis="y")
    return ax


def _new_axes(rows: int) -> Axes:
    return plt.subplots(figsize=(6.4, 1.2 + 0.27 * rows), layout="constrained")[1]
