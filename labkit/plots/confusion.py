"""How judged V grades of routes meet the wanted or true ones."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.patches import Rectangle

from . import theme


def grade_confusion(wanted: Sequence[int], judged: Sequence[int], ax: Axes | None = None) -> Axes:
    """How often routes of one V grade are judged to be of another.

    Each row is a grade that was wanted (or is true); its shades are shares of the row, its numbers are routes. The
    outlined diagonal is right; the title has the shares that are right and at most one grade off.

    Args:
        wanted: V grades.
        judged: V grades of the same routes.
        ax: where to draw; new axes when left out.

    Returns:
        The axes drawn on.

    Raises:
        ValueError: for no grades, or another number of the one than of the other.
    """
    if not len(wanted) or len(wanted) != len(judged):
        raise ValueError(f"as many judged as wanted grades, and at least one: {len(wanted):,} and {len(judged):,}")
    rows, columns = np.asarray(wanted, int), np.asarray(judged, int)
    first, last = int(min(rows.min(), columns.min())), int(max(rows.max(), columns.max()))
    counts = np.zeros((last - first + 1, last - first + 1), int)
    np.add.at(counts, (rows - first, columns - first), 1)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    size = 1.6 + 0.36 * len(counts)
    ax = ax or plt.subplots(figsize=(max(size, 3.6), max(size, 3.4)), layout="constrained")[1]
    colors = theme.current()
    shades = LinearSegmentedColormap.from_list("shares", [colors["bg"], colors["accent"]])
    ax.imshow(shares, cmap=shades, vmin=0, vmax=1, origin="lower")
    for (row, column), count in np.ndenumerate(counts):
        if count:
            ink = _ink(shades(shares[row, column]), colors)
            ax.text(column, row, f"{count:,}", ha="center", va="center", fontsize="small", color=ink)
    for i in range(len(counts)):
        ax.add_patch(Rectangle((i - 0.5, i - 0.5), 1, 1, fill=False, edgecolor=colors["text"], linewidth=1.2))
    names = [f"V{grade}" for grade in range(first, last + 1)]
    ax.set_xticks(range(len(names)), names, fontsize="small")
    ax.set_yticks(range(len(names)), names, fontsize="small")
    ax.grid(False)
    off = np.abs(rows - columns)
    ax.set(xlabel="judged", ylabel="wanted", title=f"{np.mean(off == 0):.0%} exact, {np.mean(off <= 1):.0%} within ±1")
    return ax


def _ink(surface: Sequence[float], colors: dict[str, str]) -> str:
    """Of the background's and the text's colour the one that stands out more on a surface (contrast of WCAG 2.1)."""
    light = _light(surface)
    against = {name: _light(to_rgb(colors[name])) for name in ("bg", "text")}
    return colors[
        max(against, key=lambda name: (max(against[name], light) + 0.05) / (min(against[name], light) + 0.05))
    ]


def _light(color: Sequence[float]) -> float:
    """Relative luminance (WCAG 2.1)."""
    channels = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in color[:3]]
    return 0.2126 * channels[0] + 0.7152 * channels[1] + 0.0722 * channels[2]
