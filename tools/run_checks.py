"""Run every check of the project and end with one summary; `make test` calls it in .venv.

python tools/run_checks.py [STAGE ...]     all stages when none is named
"""

import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
CLASSROOM = ROOT / ".venv-classroom" / BIN.name
PYTEST = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
# The cells of one notebook share a kernel: loadscope keeps them in one worker.
NBVAL = ["--nbval", "--nbval-cell-timeout=300", "--nbval-kernel-name=python3", "-n2", "--dist=loadscope"]

# Tests in a browser are short or long: whichever worker is done first takes over from the other.
BROWSER = ["-m", "browser", "-n2", "--dist=worksteal"]

# Two notebooks at once: torch with two threads in each would have them wait for one another, for minutes.
ONE_THREAD = {"OMP_NUM_THREADS": "1"}
SETTINGS = {
    "notebooks": ONE_THREAD,
    "grading": ONE_THREAD,
    "book": ONE_THREAD | {"LABKIT_BOOK_JOBS": "2"},
    "browser": ONE_THREAD,
}

INTERRUPTED = 130

# A course is graded one cell after the other, on one core: each by a command of its own, the first with all tests that
# are of no course.
COURSES = sorted(path.name for path in (ROOT / "labs" / "assignments").glob("[0-9]*"))
GRADING: list[str | Path] = [
    CLASSROOM / Path(sys.executable).name,
    *PYTEST[1:],
    "-m",
    "classroom",
    "tests/grading",
    "-k",
]
OTHERS = f"not ({' or '.join(COURSES[1:])})"

AT_ONCE = 2  # of a stage's commands

STAGES: dict[str, list[list[str | Path]]] = {
    "lint": [[BIN / "ruff", "check", "."], [BIN / "ruff", "format", "--check", "."]],
    "types": [[BIN / "mypy"]],
    "floors": [[BIN / "lint-imports"]],
    "hygiene": [[BIN / "labkit", "notebooks", "check"]],
    "unit": [[*PYTEST, "-n2", "-m", "not browser and not classroom", "tests"]],
    "notebooks": [[*PYTEST, *NBVAL, "labs"]],
    "grading": [[*GRADING, course] for course in (OTHERS, *reversed(COURSES[1:]))],
    # The chapters run once: a build for the pages keeps what their cells showed.
    "book": [[BIN / "labkit", "book", "build"]],
    "chapters": [[BIN / "labkit", "notebooks", "compare"]],
    "browser": [[*PYTEST, *BROWSER, "tests"]],
}


def run(command: list[str | Path], environment: dict[str, str], output: IO[bytes] | None = None) -> int:
    """The exit status of one command; a tool that cannot be started has failed, and says so."""
    try:
        return subprocess.run(command, cwd=ROOT, env=environment, stdout=output, stderr=output).returncode
    except OSError as error:
        print(f"could not run {command[0]}: {error}", file=sys.stderr)
        return 127
    except KeyboardInterrupt:
        return INTERRUPTED


def run_all(commands: list[list[str | Path]], environment: dict[str, str]) -> list[int]:
    """The exit statuses of a stage's commands; several run side by side, and print in their order."""
    if len(commands) == 1:  # seen while it runs
        return [run(commands[0], environment)]
    with ThreadPoolExecutor(AT_ONCE) as pool, ExitStack() as files:
        kept = [files.enter_context(tempfile.TemporaryFile()) for _ in commands]
        running = [pool.submit(run, command, environment, file) for command, file in zip(commands, kept, strict=True)]
        codes = []
        for job, file in zip(running, kept, strict=True):
            try:
                codes.append(job.result())
            except KeyboardInterrupt:  # the commands have heard it too
                codes.append(INTERRUPTED)
            file.seek(0)
            print(file.read().decode(errors="replace"), end="", flush=True)
    return codes


def main(names: list[str]) -> int:
    """Run the stages named, or all; 0 when every one passed."""
    unknown = [name for name in names if name not in STAGES]
    if unknown:
        print(f"unknown stage {unknown[0]!r}; there are: {', '.join(STAGES)}", file=sys.stderr)
        return 2
    environment = os.environ | {
        "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        # Containers often set it; then each of some hundred workers and kernels compiles all of labkit for itself.
        "PYTHONDONTWRITEBYTECODE": "",
    }
    # Notebooks under test must not show a developer's own progress, nor write into it.
    state = tempfile.TemporaryDirectory()
    environment["LABKIT_STATE"] = state.name
    results: list[tuple[str, bool, float]] = []
    for name in names or STAGES:
        print(f"\n== {name}", flush=True)
        started = time.monotonic()
        # Every command of a stage runs, so that one failure does not hide the next.
        codes = run_all(STAGES[name], environment | SETTINGS.get(name, {}))
        results.append((name, not any(codes), time.monotonic() - started))
        if INTERRUPTED in codes:
            break
    print("\n== summary")
    for name, passed, seconds in results:
        print(f"{'passed' if passed else 'FAILED':7} {name:10} {seconds:6.1f} s")
    failed = [name for name, passed, _ in results if not passed]
    total = sum(seconds for _, _, seconds in results)
    print(f"\n{len(results) - len(failed)} passed, {len(failed)} failed")
    print(f"make test: {'FAILED: ' + ', '.join(failed) if failed else 'everything passed'} ({total:.0f} s)")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
