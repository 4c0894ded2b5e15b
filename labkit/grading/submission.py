"""A submission's cells, put right before nbgrader sees them: whatever was copied, moved, edited or deleted."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any


def prepared_cells(submitted: Sequence[Any], released: Sequence[Any]) -> list[Any]:
    """The cells of a submission with the assignment's own cells put right.

    - The grading cells are the release's, one each, at the end: every function is tested as the whole
      notebook leaves it.
    - Of several copies of another cell the last one that was changed counts, with the release's
      metadata; nbgrader itself fails on copies and on metadata that was changed or lost.
    - What the release gives before its first exercise is put back where it was deleted.

    Args:
        submitted: the cells of the submission.
        released: the cells of the release.

    Returns:
        The new list; the metadata of the submission's cells is changed.
    """
    known = {_grade_id(cell): cell for cell in released if _grade_id(cell)}
    by_cell_id = {cell["id"]: grade_id for grade_id, cell in known.items()}
    tests = [cell for cell in known.values() if _is(cell, "grade") and not _is(cell, "solution")]
    written = [cell for cell in known.values() if _is(cell, "grade") and _is(cell, "solution")]
    first_exercise = next((i for i, cell in enumerate(released) if _is(cell, "solution")), 0)
    given = [cell for cell in released[:first_exercise] if _is(cell, "locked")]

    kept: list[Any] = []
    copies: dict[str, list[Any]] = {}
    for cell in submitted:
        grade_id = _grade_id(cell) if _grade_id(cell) in known else by_cell_id.get(cell.get("id"))
        cell["metadata"].pop("nbgrader", None)
        if grade_id is None:
            kept.append(cell)
        elif known[grade_id] not in tests:
            kept.append(cell)
            copies.setdefault(grade_id, []).append(cell)
    for grade_id, cells in copies.items():
        changed = [cell for cell in cells if cell["source"].strip() != known[grade_id]["source"].strip()]
        (changed or cells)[-1]["metadata"]["nbgrader"] = known[grade_id]["metadata"]["nbgrader"]
    missing = [cell for cell in (*given, *written) if _grade_id(cell) not in copies]
    return [c for c in missing if c in given] + kept + [c for c in missing if c in written] + tests


def _nbgrader(cell: Any) -> dict[str, Any]:
    return cell["metadata"].get("nbgrader") or {}


def _grade_id(cell: Any) -> str | None:
    return _nbgrader(cell).get("grade_id")


def _is(cell: Any, role: str) -> bool:
    return bool(_nbgrader(cell).get(role))


def timed_out_cells(path: Path) -> list[str]:
    """The cells that were stopped, by grade id or else by number."""
    import nbformat

    return [
        _grade_id(cell) or f"cell {number}"
        for number, cell in enumerate(nbformat.read(path, as_version=4).cells, start=1)
        if any(output.get("ename") == "CellTimeoutError" for output in cell.get("outputs", []))
    ]
