"""The table of grades: one row a student, kept as CSV, with a status that tells a real zero from a failure."""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from labkit.files import write_atomic


class Status(StrEnum):
    """What became of a submission."""

    GRADED = "graded"
    TIMED_OUT = "timed out"
    KERNEL_DIED = "kernel died"
    CORRUPT = "corrupt"
    MISSING = "missing"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass
class Row:
    """One student's line in the table of grades.

    Attributes:
        student: the id, which is the folder's name under submitted/.
        status: what became of the submission.
        detail: one sentence when that is not simply "graded".
        points: per graded function or question; None for what has no points (yet).
        maximum: the most points there are.
        needs_hand_grading: whether a written answer waits for the teacher.
    """

    student: str
    status: Status
    detail: str = ""
    points: dict[str, float | None] = field(default_factory=dict)
    maximum: float = 0.0
    needs_hand_grading: bool = False

    @property
    def total(self) -> float | None:
        """The points so far; None when nothing could be graded."""
        known = [points for points in self.points.values() if points is not None]
        return sum(known) if known else None


def write_csv(rows: Iterable[Row], path: Path) -> None:
    """Write the table, a column for each graded function or question."""
    rows = list(rows)
    names = list(dict.fromkeys(name for row in rows for name in row.points))
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["student", "status", "detail", *names, "total", "max", "needs_hand_grading"])
    for row in rows:
        numbers = [*(row.points.get(name) for name in names), row.total, row.maximum]
        cells = ["" if number is None else f"{number:g}" for number in numbers]
        table.writerow([row.student, row.status, row.detail, *cells, "yes" if row.needs_hand_grading else "no"])
    write_atomic(path, text.getvalue())


def read_csv(path: Path) -> list[Row]:
    """What `write_csv` wrote; empty when nothing is graded yet."""
    if not path.is_file():
        return []
    rows = []
    with path.open(encoding="utf-8", newline="") as file:
        for entry in csv.DictReader(file):
            fixed = [entry.pop(key) for key in ("student", "status", "detail", "total", "max", "needs_hand_grading")]
            student, status, detail, total, maximum, waits = fixed
            points = {name: float(text) if text else None for name, text in entry.items()} if total else {}
            rows.append(Row(student, Status(status), detail, points, float(maximum), waits == "yes"))
    return rows
