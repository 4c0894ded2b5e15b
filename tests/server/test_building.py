"""The book's build in the background, with commands that stand in for it."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("jupyter_server", reason="JupyterLab is not installed: make lab installs it")

from labkit.book.build import CODE, PAGES, digest
from labkit.server.app import LabBook
from labkit.server.building import TAIL_LINES, BookBuild


def build(root, code):
    """A build started with Python code in place of the book's command."""
    result = BookBuild(root, [sys.executable, "-c", code])
    result.start()
    return result


def wait_for(condition, seconds=15):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.05)


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not (stat.exists() and ") Z " in stat.read_text())  # ended, and its parent has not noticed yet


def test_no_build_was_asked_for(tmp_path):
    assert BookBuild(tmp_path, []).state() == {"state": "missing", "updating": False, "log": ""}


def test_a_build_that_works(tmp_path):
    running = build(
        tmp_path,
        "import pathlib, sys; print('reading', flush=True); sys.stdin.read()\n"
        "while not pathlib.Path('go').exists(): pass\n"
        "pathlib.Path('_build/html').mkdir(); pathlib.Path('_build/html/index.html').touch()",
    )
    wait_for(lambda: "reading" in running.state()["log"])
    assert running.state()["state"] == "building"
    (tmp_path / "go").touch()
    wait_for(lambda: running.state()["state"] != "building")
    wait_for(lambda: running.state() == {"state": "ready", "updating": False, "log": ""})
    running.stop()


def test_a_build_that_fails_shows_the_end_of_its_log(tmp_path):
    running = build(tmp_path, "import sys; [print(n) for n in range(99)]; sys.exit('\\x1b[31mno such chapter\\x1b[0m')")
    wait_for(lambda: running.state()["state"] != "building")
    state = running.state()
    assert state["state"] == "failed"
    assert state["log"].splitlines()[-2:] == ["98", "no such chapter"]
    assert len(state["log"].splitlines()) == TAIL_LINES


def test_a_build_that_leaves_no_book_has_failed(tmp_path):
    running = build(tmp_path, "")
    wait_for(lambda: running.state()["state"] == "failed")


def lab_book(root, code, made_from):
    """The extension on a folder with a finished book, as the server starts it."""
    (root / "_build" / "html").mkdir(parents=True)
    (root / "_build" / "html" / "index.html").touch()
    (root / "_build" / "book.json").write_text(json.dumps({"made_from": made_from}))
    extension = LabBook(build_book=True)
    extension.build = BookBuild(root, [sys.executable, "-c", code])
    asyncio.run(extension._start_jupyter_server_extension(None))
    return extension.build


def test_a_book_that_is_current_is_not_built_again(tmp_path):
    running = lab_book(tmp_path, "print('built')", made_from=digest((*CODE, *PAGES), tmp_path))
    assert running.state() == {"state": "ready", "updating": False, "log": ""}
    assert not running.log_file.exists()


def test_a_book_that_is_out_of_date_can_be_read_while_it_is_built(tmp_path):
    running = lab_book(tmp_path, "import time; time.sleep(60)", made_from="something else")
    assert running.state() == {"state": "ready", "updating": True, "log": ""}
    running.stop()
    assert running.state() == {"state": "ready", "updating": False, "log": ""}


# A build with a process of its own; the second ignores Ctrl+C, as one that hangs does.
CHILD = "[sys.executable, '-c', 'import time; time.sleep(60)']"
POLITE = f"import subprocess, sys; p = subprocess.Popen({CHILD}); print(p.pid, flush=True); p.wait()"
STUBBORN = f"import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); {POLITE}"


@pytest.mark.skipif(sys.platform == "win32", reason="asks for processes as POSIX has them")
@pytest.mark.parametrize("code", [POLITE, STUBBORN])
def test_a_build_ends_with_all_that_it_started(tmp_path, code):
    running = build(tmp_path, code)
    wait_for(lambda: running.state()["log"])
    child = int(running.state()["log"].split()[0])
    assert os.getpriority(os.PRIO_PROCESS, child) >= min(19, os.getpriority(os.PRIO_PROCESS, 0) + 10)
    running.stop()
    wait_for(lambda: not alive(child))


@pytest.mark.skipif(sys.platform == "win32", reason="asks for processes as POSIX has them")
def test_a_build_does_not_outlive_a_server_that_was_killed(tmp_path):
    starter = f"""
import pathlib, sys, time
from labkit.server.building import BookBuild
BookBuild(pathlib.Path({str(tmp_path)!r}), [sys.executable, "-c", {POLITE!r}]).start()
time.sleep(60)
"""
    process = subprocess.Popen([sys.executable, "-c", starter])
    log = tmp_path / "_build" / "build.log"
    wait_for(lambda: log.exists() and log.read_text().strip())
    child = int(log.read_text())
    process.send_signal(signal.SIGKILL)
    process.wait()
    wait_for(lambda: not alive(child))
