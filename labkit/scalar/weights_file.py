"""Weights of a scalar model as plain text: a line `{name}|{row}|{values}` for every row of every matrix.

    lm_head|3|0.01250000,-0.08010000, ...

It can be read with the eye and diffed, and reading it runs no code. Eight decimals: what is read back
is within 5e-9 of what was written.
"""

import math
import re
from collections.abc import Iterator
from pathlib import Path

from labkit.files import write_atomic

from .value import Value

NUMBER = re.compile(r"-?\d+(\.\d+)?(e[-+]?\d+)?", re.ASCII)
Matrices = dict[str, list[list[Value]]]


def save(path: str | Path, state_dict: Matrices) -> Path:
    """Write the matrices beside `path`, and rename into place: a reader never meets half a file.

    Raises:
        ValueError: for a weight that is not finite; an older file stays as it was.
    """
    path = Path(path)
    lines = []
    for name, rows in state_dict.items():
        for i, row in enumerate(rows):
            bad = [p.data for p in row if not math.isfinite(p.data)]
            if bad:
                raise ValueError(f"{path}: not written: {name}, row {i} holds {bad[0]}, which is no weight to keep")
            lines.append(f"{name}|{i}|{','.join(f'{p.data:.8f}' for p in row)}\n")
    return write_atomic(path, "".join(lines))


def load(path: str | Path, state_dict: Matrices) -> None:
    """Set the matrices to what `save` wrote for matrices of the same names and sizes.

    Raises:
        ValueError: with the file, the line and what was expected there; nothing is changed then.
    """
    path = Path(path)
    wanted = [(name, i, row) for name, rows in state_dict.items() for i, row in enumerate(rows)]
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()  # bytes that are no text fail below
    found = []
    for number, ((name, i, row), line) in enumerate(zip(wanted, lines, strict=False), start=1):
        found.append(_parse(f"{path}, line {number}", line, name, i, len(row)))
    if len(lines) < len(wanted):
        name, i, row = wanted[len(lines)]
        raise ValueError(f"{path}, line {len(lines) + 1}: the file ends, expected {_row(name, i, len(row))}")
    if len(lines) > len(wanted):
        raise ValueError(
            f"{path}, line {len(wanted) + 1}: expected the end of the file after {len(wanted)} rows, "
            f"found {_shown(lines[len(wanted)])}"
        )
    for (_, _, row), values in zip(wanted, found, strict=True):
        for p, x in zip(row, values, strict=True):
            p.data = x


def _parse(where: str, line: str, name: str, i: int, width: int) -> list[float]:
    """The numbers of one line, which must be row `i` of matrix `name`."""
    head, _, tail = line.rpartition("|")
    if head != f"{name}|{i}":
        raise ValueError(f"{where}: expected {_row(name, i, width)}, found {_shown(line)}")
    texts = tail.split(",")
    if len(texts) != width:
        raise ValueError(f"{where}: expected {_row(name, i, width)}, found {len(texts)} values")
    return list(_numbers(where, texts))


def _numbers(where: str, texts: list[str]) -> Iterator[float]:
    for column, text in enumerate(texts, start=1):
        # float() alone would also take "1_0", " 1 " and digits of other scripts.
        x = float(text) if NUMBER.fullmatch(text) else math.nan
        if not math.isfinite(x):
            raise ValueError(f"{where}: value {column} must be a finite number, found {_shown(text)}")
        yield x


def _row(name: str, i: int, width: int) -> str:
    return f"{name!r}, row {i}, with {width} values"


def _shown(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:40] + "…")
