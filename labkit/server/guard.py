"""`python -m labkit.server.guard COMMAND...`: run a command at low priority that cannot outlive its starter.

The starter holds the other end of this process's standard input. When it closes it, or is gone, the
command ends with all that it started. (There is no such thing as a child that dies with its parent
on every system; a pipe that closes is.)
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence

GRACE = 5.0
"""Seconds that the command has to clean up."""


def start(command: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start `command` in a group of its own, so that it can be ended with all that it started."""
    if sys.platform == "win32":
        flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.BELOW_NORMAL_PRIORITY_CLASS
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, creationflags=flags)
    os.nice(10)
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)


def interrupt(process: subprocess.Popen[bytes]) -> None:
    """Ask the command to end, as Ctrl+C does; where that takes too long, make it."""
    if sys.platform == "win32":
        subprocess.run(["taskkill", "/F", "/T", "/PID", str(process.pid)], capture_output=True)
        return
    signal_group(process, signal.SIGINT)
    try:
        process.wait(GRACE)
    except subprocess.TimeoutExpired:
        signal_group(process, signal.SIGKILL)


def signal_group(process: subprocess.Popen[bytes], number: int) -> None:
    """Send a signal to the command and to what it started, if any of it is left."""
    if sys.platform != "win32":
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)


def main(command: Sequence[str]) -> int:
    """Run `command`; its exit status."""
    process = start(command)
    # Ctrl+C in the starter's terminal reaches this process too; the starter decides what it means.
    # (Set after the start: what is ignored here would be ignored in the command as well.)
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        os.read(0, 1)  # returns when the other end is closed; sys.stdin would hold a lock at exit
        interrupt(process)

    threading.Thread(target=watch, daemon=True).start()
    status = process.wait()
    if sys.platform != "win32":
        signal_group(process, signal.SIGKILL)  # what it started and left behind
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
