"""Build the book: every warning is an error, and a book is either whole or not there.

The build goes into a folder of its own and is moved to _build/html when it is finished. What it was
made from is noted in _build/book.json, so that a book that is up to date is not built again. One build
runs at a time, behind the lock of _build/.lock.
"""

import contextlib
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from labkit.files import ROOT, write_atomic

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

CODE = ("labkit", "datasets", "requirements.txt", "constraints.txt")
"""What a cell's output depends on, beside the cell."""
PAGES = ("book", "_config.yml", "_toc.yml")
IGNORED = {"__pycache__", ".ipynb_checkpoints"}
PROBLEM = re.compile(r"\b(WARNING|ERROR|CRITICAL): |Error: ")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
LOCK_POLL = 0.5
"""Seconds between two looks at whether another build is done."""


class BuildError(RuntimeError):
    """The book was not built; the message says why."""


def digest(names: Iterable[str], root: Path = ROOT) -> str:
    """A fingerprint of the named files and folders under `root`: every path with its content."""
    result = hashlib.sha256()
    for name in names:
        top = root / name
        for path in [top] if top.is_file() else sorted(top.rglob("*")):
            if path.is_file() and IGNORED.isdisjoint(path.parts):
                content = hashlib.sha256(path.read_bytes()).hexdigest()
                result.update(f"{path.relative_to(root).as_posix()}\0{content}\n".encode())
    return result.hexdigest()


def cache_folder(root: Path = ROOT) -> Path:
    """Where executed notebooks are kept, wherever a build's output goes."""
    return root / "_build" / ".jupyter_cache"


def html_folder(root: Path = ROOT) -> Path:
    """Where the finished book is."""
    return root / "_build" / "html"


def is_current(root: Path = ROOT) -> bool:
    """Whether the finished book was made from what is here now."""
    return (html_folder(root) / "index.html").is_file() and _stamp(root) == digest((*CODE, *PAGES), root)


def build(root: Path = ROOT, force: bool = False) -> bool:
    """Build the book of the project in `root`, unless it is up to date. Waits for a build that is under way.

    Args:
        root: the folder with _config.yml.
        force: build in any case, and run every notebook again.

    Returns:
        Whether there was something to build.

    Raises:
        BuildError: if the book was not built. The last finished one stays, marked as out of date.
    """
    if not force and is_current(root):
        return False
    target = html_folder(root)
    target.parent.mkdir(exist_ok=True)
    with _only_build(target.parent):
        if not force and is_current(root):  # by the build that was waited for
            return False
        if force:
            _stamp_file(root).unlink(missing_ok=True)
        made_from = digest((*CODE, *PAGES), root)  # before the build: a later edit shows as a difference
        _drop_stale_cache(root, force)
        _drop_leftovers(target.parent)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".book-") as folder:
            _run_jupyter_book(root, Path(folder))
            _stamp_file(root).unlink(missing_ok=True)
            _put_in_place(Path(folder, "_build", "html"), target, Path(folder, "old"))
        write_atomic(_stamp_file(root), json.dumps({"made_from": made_from}) + "\n")
    return True


@contextlib.contextmanager
def _only_build(folder: Path) -> Iterator[None]:
    """Hold the lock of `folder`, which the system releases when this process ends, however it ends."""
    with Path(folder, ".lock").open("ab") as file:
        waiting = False
        while not _lock(file.fileno()):
            if not waiting:
                print("another build of the book is under way: waiting for it", flush=True)
                waiting = True
            time.sleep(LOCK_POLL)
        yield


def _lock(file: int) -> bool:
    """Lock an open file until it is closed; False if another has it locked."""
    try:
        if sys.platform == "win32":
            os.lseek(file, 0, os.SEEK_SET)
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:  # a file system without locks: better a build without one than none
        return True
    return True


def _put_in_place(finished: Path, target: Path, old: Path) -> None:
    """Move the finished book to `target`, and what was there to `old`; back again if that does not work."""
    try:
        if target.exists():
            target.rename(old)
        finished.rename(target)
    except OSError as error:
        if old.exists():
            with contextlib.suppress(OSError):
                old.rename(target)
        raise BuildError(f"the book was built but could not be moved to {target}: {error}") from error


def _run_jupyter_book(root: Path, output: Path) -> None:
    """One full build, shown as it goes; its warnings are repeated in the error."""
    command = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()", "build", str(root)]
    command += ["--path-output", str(output), "-W", "--keep-going"]
    # The notebooks' kernel is this environment's, whatever is installed for the user or the system.
    environment = os.environ | {"JUPYTER_PREFER_ENV_PATH": "1", "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"}
    problems = []
    with subprocess.Popen(
        command,
        cwd=root,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            line = line.replace(f"{output.name}{os.sep}_build{os.sep}", "")  # name the place where the book will be
            print(line, end="", flush=True)
            plain = COLOUR.sub("", line).strip().replace(f"{root}{os.sep}", "")
            if PROBLEM.search(plain):
                problems.append(plain)
    if process.returncode or not Path(output, "_build", "html", "index.html").is_file():
        reasons = "\n  ".join(dict.fromkeys(problems)) or f"jupyter-book ended with status {process.returncode}"
        raise BuildError(f"the book was not built:\n  {reasons}")


def _drop_leftovers(folder: Path) -> None:
    """Remove what builds left that were killed; a folder that changed within the hour may be in use."""
    for left in folder.glob(".book-*"):
        if time.time() - left.stat().st_mtime > 3600:
            shutil.rmtree(left, ignore_errors=True)


def _drop_stale_cache(root: Path, force: bool) -> None:
    """Forget executed notebooks when the code or the data that they ran with has changed."""
    cache = cache_folder(root)
    note = cache / "labkit.sha256"
    wanted = digest(CODE, root)
    if not force and note.is_file() and note.read_text() == wanted:
        return
    shutil.rmtree(cache, ignore_errors=True)
    write_atomic(note, wanted)


def _stamp_file(root: Path) -> Path:
    return root / "_build" / "book.json"


def _stamp(root: Path) -> str | None:
    try:
        stamp: str = json.loads(_stamp_file(root).read_text(encoding="utf-8"))["made_from"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return stamp
