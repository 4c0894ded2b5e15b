"""What it buys to cut a text one way or another: bits per byte against what a scheme costs."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.text import Annotation
from matplotlib.transforms import Bbox

from . import theme

COSTS = {
    "tokens_per_byte": "tokens per byte of text (fewer: a window holds more text)",
    "vocab_size": "vocabulary (tokens)",
    "embedding_share": "share of the parameters that are embeddings (%)",
}
"""What can be on the horizontal axis: column of a row -> label."""

FAMILIES = {"BPE": "o", "words": "s"}
"""Schemes whose name begins so belong together: a marker of their own, and a line. Others stand alone."""

SIDES = ((6, 4), (6, -11), (-6, 4), (-6, -11), (0, 8), (0, -16), (6, 16), (6, -24), (-6, 16), (-6, -24))
"""Where a label can stand, in points from its point: the first that is free."""


def scheme_trade(rows: Sequence[Mapping[str, Any]], cost: str = "tokens_per_byte", ax: Axes | None = None) -> Axes:
    """Each scheme as a point: how well a model guesses, against what the scheme costs. Lower is better.

    Args:
        rows: of bench/records/schemes.csv, or like them: "scheme", "bits_per_byte" and the cost; numbers may be text.
            Columns "seed_0" … are drawn as a range.
        cost: "tokens_per_byte", "vocab_size" or "embedding_share".
        ax: where to draw; new axes when left out.

    Returns:
        The axes drawn on.

    Raises:
        ValueError: for no rows, an unknown cost, or a row without what is drawn.
    """
    if cost not in COSTS:
        raise ValueError(f"scheme_trade: cost is one of {', '.join(COSTS)}, got {cost!r}")
    if not rows:
        raise ValueError("scheme_trade: there are no rows to draw; bench/records/schemes.csv has some")
    ax = ax or plt.subplots()[1]
    labels: list[Annotation] = []
    for family, points in _families(rows, cost).items():
        color = theme.current()["class0" if family == "BPE" else "class1" if family == "words" else "text"]
        xs, ys = [x for x, *_ in points], [y for _, y, *_ in points]
        joined = "-" if family in FAMILIES else "none"
        ax.plot(xs, ys, FAMILIES.get(family, "D"), linestyle=joined, color=color, linewidth=1.0)
        for x, y, low, high, name in points:
            ax.plot([x, x], [low, high], color=color, linewidth=2.5, alpha=0.5, solid_capstyle="butt")
            label = ax.annotate(name, (x, y), (0, 0), textcoords="offset points", color=color, fontsize="small")
            labels.append(label)
    if cost == "vocab_size":
        ax.set_xscale("log")
        ticks = [64, 256, 1024, 4096, 16384]
        ax.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
        ax.minorticks_off()
    ax.set(xlabel=COSTS[cost], ylabel="validation loss (bits per byte)")
    ax.margins(x=0.15, y=0.2)
    _part(labels, ax)
    return ax


def _part(labels: Sequence[Annotation], ax: Axes) -> None:
    """Move each label to a side of its point where it hides no other label and no point."""
    ax.autoscale_view()  # else the places are those of the empty axes
    points = [ax.transData.transform(label.xy) for label in labels]
    taken = [Bbox.from_extents(x - 5, y - 5, x + 5, y + 5) for x, y in points]
    for label in labels:
        for across, up in SIDES:
            label.set_position((across, up))
            label.set_horizontalalignment("left" if across > 0 else "right" if across < 0 else "center")
            box = label.get_window_extent()
            if box.x0 >= ax.bbox.x0 and not any(box.overlaps(other) for other in taken):
                break
        taken.append(box)


def _families(rows: Sequence[Mapping[str, Any]], cost: str) -> dict[str, list[tuple[float, float, float, float, str]]]:
    """By family: (cost, loss, lowest and highest of the seeds, name) of its schemes, along the axis."""
    found: dict[str, list[tuple[float, float, float, float, str]]] = {}
    for number, row in enumerate(rows):
        if lacking := [key for key in ("scheme", "bits_per_byte", cost) if row.get(key) in (None, "")]:
            raise ValueError(f"scheme_trade: row {number} has no {', '.join(lacking)}")
        name = str(row["scheme"])
        scale = 100.0 if cost == "embedding_share" else 1.0
        x, y = scale * float(row[cost]), float(row["bits_per_byte"])
        seeds = [float(value) for key, value in row.items() if str(key).startswith("seed_")] or [y]
        family = next((family for family in FAMILIES if name.startswith(family)), name)
        found.setdefault(family, []).append((x, y, min(seeds), max(seeds), name))
    return {family: sorted(points) for family, points in found.items()}
