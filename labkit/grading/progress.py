"""What a learner has done in each lab, kept in one small file so that the start page can show it."""

import contextlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from labkit.files import state_dir, write_atomic

Progress = dict[str, dict[str, Any]]


def progress_file() -> Path:
    """`$LABKIT_STATE/progress.json`; the folder is .labkit in the project when that is not set."""
    return state_dir() / "progress.json"


def load_progress() -> Progress:
    """By lab: {"checks": {name: passed}, "total": n, "updated": ISO time}; empty when there is none yet.

    A file that cannot be read as that is set aside as progress.json.broken, never overwritten.
    """
    path = progress_file()
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(data, dict) or not all(
            isinstance(entry, dict) and isinstance(entry.get("checks"), dict) for entry in data.values()
        ):
            raise ValueError("not an object of labs with their checks")
    except OSError:  # not there yet, or not ours to read
        return {}
    except ValueError:
        with contextlib.suppress(OSError):
            path.replace(path.with_suffix(".json.broken"))
        return {}
    return data


def record(lab: str, check: str, passed: bool, total: int) -> None:
    """Note the outcome of one check of `lab`, which has `total` checks in all.

    A check once passed stays passed: learners go back and try other settings. Where the folder
    cannot be written (a read-only checkout) nothing is kept and nothing fails.
    """
    progress = load_progress()
    entry = progress.setdefault(lab, {"checks": {}})
    entry["checks"][check] = passed or bool(entry["checks"].get(check))
    entry["total"] = total
    entry["updated"] = datetime.now(UTC).isoformat(timespec="seconds")
    try:
        write_atomic(progress_file(), json.dumps(progress, indent=1, sort_keys=True) + "\n")
    except OSError:
        return
