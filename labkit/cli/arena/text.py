"""How the arena writes: aligned tables, bars, colour where a terminal shows it, a bar of progress."""

import math
import os
import re
import shutil
import signal
import textwrap
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any

from tqdm import tqdm

WIDTH = 100
NUMBER = re.compile(r"-|infinite|-?[0-9][0-9.,]*(e[+-][0-9]+)?( J|%)?")
COLOURS = {"good": "32", "bad": "31", "strong": "1", "muted": "2"}


def width() -> int:
    """Columns to write in: those of the terminal, 100 at most."""
    return min(WIDTH, shutil.get_terminal_size((WIDTH, 24)).columns)


def paint(text: str, colour: str, stream: IO[str]) -> str:
    """`text` in colour on a terminal that wants one (NO_COLOR, no-color.org); the words say it all without."""
    if not stream.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return text
    return f"\033[{COLOURS[colour]}m{text}\033[0m"


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Aligned columns, two spaces apart; a column of numbers is aligned to the right."""
    texts = [[cell(value) for value in row] for row in rows]
    right = [bool(texts) and all(NUMBER.fullmatch(row[i]) for row in texts) for i in range(len(columns))]
    widths = [max(len(row[i]) for row in [columns, *texts]) for i in range(len(columns))]
    lines = [
        "  ".join(t.rjust(w) if r else t.ljust(w) for t, w, r in zip(row, widths, right, strict=True)).rstrip()
        for row in [columns, *texts]
    ]
    return "\n".join(lines).lstrip("\n")


def fill(text: str) -> str:
    """Long lines broken; the rest of a line is indented like its beginning."""
    lines = []
    for line in text.split("\n"):
        indent = " " * (len(line) - len(line.lstrip()))
        lines.append(textwrap.fill(line, width(), subsequent_indent=indent))
    return "\n".join(lines)


def cell(value: object) -> str:
    """A number as a player reads it; "-" for None."""
    if value is None:
        return "-"
    return number(value) if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)


def number(x: float) -> str:
    """Four digits: 0.0412, 3.297, 12.5, 1,234; powers of ten where it is very large or small."""
    if not math.isfinite(x):
        return "infinite" if x == math.inf else "not a number" if math.isnan(x) else "-infinite"
    size = abs(x)
    if not size:
        return "0"
    if not 0.001 <= size < 1e7:
        return f"{x:.1e}"
    digits = 0 if size >= 1000 else 1 if size >= 100 else 2 if size >= 10 else 3 if size >= 1 else 4
    return f"{x:,.{digits}f}"


def joules(x: float) -> str:
    """With the unit."""
    return f"{number(x)} J"


def limit(x: float | None) -> str:
    """What may be spent, as the player wrote it."""
    return "no limit" if x is None else f"{x:,g} J"


def bar(value: float, low: float, high: float, length: int) -> str:
    """`value` between two powers of ten, as a bar on a logarithmic scale; empty when it has no logarithm."""
    if not (value > 0 and math.isfinite(value)):
        return ""
    share = (math.log10(value) - math.log10(low)) / (math.log10(high) - math.log10(low))
    return "#" * max(1, min(length, round(share * length)))


@contextmanager
def stop_on_interrupt() -> Iterator[Callable[[], bool]]:
    """Ctrl+C asks for an end instead of tearing a training step apart; the yielded function tells whether it did.

    Elsewhere than in the main thread no signal can be caught, and it always says no.
    """
    asked = False

    def ask(*_: object) -> None:
        nonlocal asked
        asked = True

    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    before = signal.signal(signal.SIGINT, ask)
    try:
        yield lambda: asked
    finally:
        signal.signal(signal.SIGINT, before)


def progress(total: float, what: str, stream: IO[str]) -> Any:
    """A bar of progress on a terminal; elsewhere nothing is shown."""
    return tqdm(
        total=total,
        desc=what,
        file=stream,
        leave=False,
        ncols=width(),
        disable=not stream.isatty(),
        bar_format="{desc} {percentage:3.0f}% |{bar}| {elapsed}, {remaining} to go{postfix}",
    )
