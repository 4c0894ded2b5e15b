"""Charts of lines of text."""

import math
from collections.abc import Sequence
from statistics import fmean

from labkit.arena import Round

from .agents import WINDOW
from .text import number, width

HEIGHT = 18
WILD = 30
"""Largest over smallest: from here on a linear scale shows one point and a floor."""
MARKERS = ("*", "o")


def steps_chart(title: str, y: Sequence[float]) -> str:
    """Points, and the mean of the last `WINDOW` of them as a line; a logarithmic scale where they differ wildly."""
    steps = [i for i, v in enumerate(y, start=1) if math.isfinite(v)]
    finite = [v for v in y if math.isfinite(v)]
    log = wild(finite)
    series = [("·", steps, finite), ("braille", steps, running_means(finite))]
    scale = " (logarithmic scale)" if log else ""
    head = f"{title}{scale}; dots are steps, the line is the mean of the last {WINDOW}"
    return "\n".join([head, *_draw(series, len(y), "step", log)])


def both_losses(rounds: Sequence[Round]) -> str:
    """The running means of both sides' losses, each with a mark of its own; a side that has stopped has none."""
    series, who = [], []
    for marker, sides in zip(MARKERS, ([r.a for r in rounds], [r.b for r in rounds]), strict=True):
        who.append(f"{marker} {sides[0].name}")
        made = [(i, side.loss) for i, side in enumerate(sides, start=1) if side.loss is not None]
        series.append((marker, [i for i, _ in made], running_means([loss for _, loss in made])))
    log = wild([v for _, _, means in series for v in means])
    scale = " (logarithmic scale)" if log else ""
    head = f"{', '.join(who)}: loss in nats{scale}, the mean of the last {WINDOW} rounds"
    return "\n".join([head, *_draw(series, len(rounds), "round", log)])


def running_means(y: Sequence[float]) -> list[float]:
    """At each place the mean of the last `WINDOW` values."""
    return [fmean(y[max(0, i - WINDOW) : i]) for i in range(1, len(y) + 1)]


def wild(y: Sequence[float]) -> bool:
    """Whether they need a logarithmic scale."""
    return bool(y) and min(y) > 0 and max(y) / min(y) > WILD


def _draw(series: Sequence[tuple[str, list[int], list[float]]], n: int, what: str, log: bool) -> list[str]:
    """(marker, x, y), those without a line as points; x is 1 … n, of `what`."""
    import plotext as plt

    def height(v: float) -> float:
        return math.log10(v) if log else v

    every = [v for _, _, y in series for v in y]
    low, high = (height(f(every, default=1.0)) for f in (min, max))
    ticks = [low + i * (high - low) / 5 for i in range(6)] if high > low else [low]
    plt.clear_figure()
    plt.theme("clear")
    plt.plot_size(width(), HEIGHT)
    for marker, x, y in series:
        (plt.plot if marker == "braille" else plt.scatter)(x, [height(v) for v in y], marker=marker)
    plt.xticks(sorted({1 + round(i * (n - 1) / 4) for i in range(5)}))
    plt.yticks(ticks, [number(10**t if log else t) for t in ticks])
    plt.xlabel(what)
    return [line.rstrip() for line in plt.uncolorize(plt.build()).rstrip().split("\n")]
