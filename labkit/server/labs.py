"""What the start page lists: the labs in their order, and how far the learner is in each."""

import functools
import json
import re
from pathlib import Path
from typing import Any, Literal, TypedDict

from labkit.grading.progress import Progress, load_progress

NUMBERED = "[0-9][0-9]-*.ipynb"
HEADING = re.compile(r"^#+\s+(.+?)\s*#*$", re.MULTILINE)


class LabEntry(TypedDict):
    """One lab, as the page shows it."""

    number: int
    name: str
    path: str
    title: str
    summary: str
    minutes: str
    state: Literal["new", "started", "done"]
    passed: int
    checks: int
    chapter: str
    problem: str


def find_labs(root: Path) -> list[LabEntry]:
    """The notebooks labs/NN-name.ipynb of the project in `root`, in order."""
    progress = load_progress()
    return [_entry(root, path, progress) for path in sorted((root / "labs").glob(NUMBERED))]


def _entry(root: Path, path: Path, progress: Progress) -> LabEntry:
    name = path.stem
    about, problem = _about(path, path.stat().st_mtime_ns)
    record = progress.get(name, {})
    outcomes = record.get("checks")
    # The notebook says how many checks it has now; what is recorded may be from before it was changed.
    total = next((n for n in (about.get("checks"), record.get("total")) if isinstance(n, int)), 0)
    passed = min(sum(map(bool, outcomes.values())) if isinstance(outcomes, dict) else 0, total)
    done = total > 0 and passed == total == record.get("total")
    return {
        "number": int(name[:2]),
        "name": name,
        "path": f"labs/{path.name}",
        "title": str(about.get("title") or name),
        "summary": str(about.get("summary", "")),
        "minutes": str(about.get("minutes", "")),
        "state": "done" if done else "started" if record else "new",
        "passed": passed,
        "checks": total,
        "chapter": _chapter(root, name),
        "problem": problem,
    }


def _chapter(root: Path, name: str) -> str:
    """The page of the chapter of the same number, from the book's first page; empty where there is none."""
    chapters = sorted((root / "book").glob(f"{name[:2]}-*.ipynb"))
    return f"book/{chapters[0].stem}.html" if chapters else ""


@functools.lru_cache(maxsize=100)
def _about(path: Path, _modified: int) -> tuple[dict[str, Any], str]:
    """What a notebook says about itself, and what is wrong with it; read again when it was modified."""
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        about = notebook["metadata"].get("labkit", {})
        return {"title": _heading(notebook), **about}, ""
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return {}, "This file is not a readable notebook."


def _heading(notebook: dict[str, Any]) -> str:
    """The first heading of a notebook; empty where there is none."""
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown" and (match := HEADING.search("".join(cell["source"]))):
            return str(match[1])
    return ""
