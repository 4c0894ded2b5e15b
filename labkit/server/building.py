"""The book's build in the background: started by the server, ended with it."""

import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, TypedDict

from labkit.book.build import html_folder, is_current

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
TAIL_LINES = 20


class BookState(TypedDict):
    """Whether the book can be read, and the last lines of its build's log where it cannot.

    `updating`: it can be read, and the build that brings it up to date is under way.
    """

    state: Literal["ready", "building", "failed", "missing"]
    updating: bool
    log: str


class BookBuild:
    """The book of the project in `root`, and the process that builds it.

    Args:
        root: the project folder.
        command: builds the book; exits 0 and leaves _build/html/index.html, or else has failed.
    """

    def __init__(self, root: Path, command: Sequence[str]) -> None:
        self.html = html_folder(root)
        self._root = root
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log_file(self) -> Path:
        """What the build said."""
        return self.html.parent / "build.log"

    def is_current(self) -> bool:
        """Whether the book is there and up to date. Reads all that it is made from: not for the event loop."""
        return is_current(self._root)

    def start(self) -> None:
        """Start the build, unless it is under way."""
        if self._is_running():
            return
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        with self.log_file.open("wb") as log:
            # The guard ends the command when its standard input does: with this process, however that ends.
            self._process = subprocess.Popen(
                [sys.executable, "-m", "labkit.server.guard", *self._command],
                cwd=self._root,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def stop(self) -> None:
        """End a build that is under way; wait until it is gone."""
        if self._process is not None:
            self._process.communicate()

    def state(self) -> BookState:
        """How things stand now. A finished book counts, whoever built it."""
        if (self.html / "index.html").is_file():
            return {"state": "ready", "updating": self._is_running(), "log": ""}
        if self._process is None:
            return {"state": "missing", "updating": False, "log": ""}
        return {"state": "building" if self._is_running() else "failed", "updating": False, "log": self._tail()}

    def _is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _tail(self) -> str:
        try:
            text = self.log_file.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""
        return "\n".join(COLOUR.sub("", text).splitlines()[-TAIL_LINES:])
