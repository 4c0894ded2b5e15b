"""What is kept of a run so that it can be watched again: the loss curve, and what the model wrote on the way."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from labkit.files import write_atomic

from .run import Step

FORMAT = "labkit-replay-1"
MAX_POINTS = 300
"""Points of a training curve: more than a page is wide would only make the page heavier."""


class Recorded(Protocol):
    """A run that evaluates and writes samples, as `labkit.training.lm.LMRun` does."""

    history: list[Step]
    samples: list[tuple[int, str]]


def record_of(run: Recorded, about: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A run as it is now, as JSON can hold it.

    The training loss is the mean over as many equal stretches as `MAX_POINTS` allows, each at its middle step; the
    first step stands by itself.

    Args:
        run: what to record; it may go on afterwards.
        about: what else a reader should know (title, data, size, seed ...), as JSON can hold it.

    Returns:
        A dict with "format", "about", "train" [[step, nats], ...], "validation" [[step, nats], ...] and
        "samples" [[step, text], ...], each by ascending step.

    Raises:
        ValueError: for an `about` that JSON cannot hold.
    """
    history, samples = list(run.history), list(run.samples)
    record = {
        "format": FORMAT,
        "about": dict(about or {}),
        "train": _smoothed(history),
        "validation": [[step.step, round(nats, 5)] for step in history if math.isfinite(nats := _validation(step))],
        "samples": [[step, text] for step, text in samples],
    }
    try:
        json.dumps(record["about"], allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ValueError(f"about: {error}") from error
    return record


def save_record(path: str | Path, record: Mapping[str, Any]) -> Path:
    """Write a record as JSON, beside and renamed into place."""
    return write_atomic(path, json.dumps(check_record(record), ensure_ascii=False, indent=1, allow_nan=False) + "\n")


def load_record(path: str | Path) -> dict[str, Any]:
    """Read what `save_record` wrote.

    Raises:
        ValueError: if the file is no such record; the message names the file.
    """
    try:
        return check_record(json.loads(Path(path).read_text(encoding="utf-8")))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def check_record(record: Any) -> dict[str, Any]:
    """The record, if it is one.

    Raises:
        ValueError: for anything else, with what is wrong.
    """
    if not isinstance(record, Mapping) or record.get("format") != FORMAT:
        found = record.get("format") if isinstance(record, Mapping) else type(record).__name__
        raise ValueError(f"not a run to replay: expected format {FORMAT!r}, got {found!r}")
    if not isinstance(record.get("about"), Mapping):
        raise ValueError("a replay's 'about' must be a dict")
    for name, what in (("train", "[step, nats]"), ("validation", "[step, nats]"), ("samples", "[step, text]")):
        rows = record.get(name)
        if not isinstance(rows, Sequence) or isinstance(rows, str):
            raise ValueError(f"a replay's {name!r} must be a list of {what}")
        _check_rows(name, what, rows)
    return dict(record)


def _check_rows(name: str, what: str, rows: Sequence[Any]) -> None:
    last = -math.inf
    for row in rows:
        good = isinstance(row, Sequence) and not isinstance(row, str) and len(row) == 2 and _is_number(row[0])
        if not good or not (isinstance(row[1], str) if name == "samples" else _is_number(row[1])):
            raise ValueError(f"a replay's {name!r} must be a list of {what}, got {row!r}")
        if row[0] <= last:
            raise ValueError(f"the steps of a replay's {name!r} must rise: {row[0]:g} comes after {last:g}")
        last = row[0]


def _is_number(x: Any) -> bool:
    return isinstance(x, int | float) and not isinstance(x, bool) and math.isfinite(x)


def _validation(step: Step) -> float:
    return step.extra.get("validation", math.nan)


def _smoothed(history: Sequence[Step]) -> list[list[float]]:
    if not history:
        return []
    first, rest = history[0], history[1:]
    points: list[list[float]] = [[first.step, round(first.loss, 5)]]
    parts = min(len(rest), MAX_POINTS - 1)
    for i in range(parts):
        stretch = rest[i * len(rest) // parts : (i + 1) * len(rest) // parts]
        mean = sum(step.loss for step in stretch) / len(stretch)
        middle = (stretch[0].step + stretch[-1].step) / 2
        points.append([int(middle) if middle.is_integer() else middle, round(mean, 5)])
    return points
