"""Make the virtual environments of the lab book. Standard library alone: nothing is installed yet.

    python3 tools/setup_env.py [lab] [dev] [classroom]

`lab` is what a learner needs, in .venv; `dev` adds the tools of `make test` to it; `classroom` puts
nbgrader into .venv-classroom, which sees .venv through a .pth file, so that JupyterLab in .venv
never loads nbgrader's extensions. A group whose files have not changed is not installed again.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GROUPS = {
    "lab": (".venv", "requirements.txt"),
    "dev": (".venv", "requirements-dev.txt"),
    "classroom": (".venv-classroom", "requirements-classroom.txt"),
}


def venv_python(name: str) -> Path:
    """The interpreter of the environment `name`, on Windows as elsewhere."""
    folder = "Scripts/python.exe" if os.name == "nt" else "bin/python"
    return ROOT / name / folder


def digest(group: str) -> str:
    """What an installed group depends on: its files, the pins, this interpreter and this folder."""
    import tomllib  # here, since an older Python has no tomllib and must get as far as main's message

    files = ["constraints.txt", "requirements.txt", GROUPS[group][1]]
    parts = [Path(ROOT, name).read_bytes() for name in files]
    # Of pyproject.toml what is installed counts, not the settings of the tools.
    project = tomllib.loads(Path(ROOT, "pyproject.toml").read_text(encoding="utf-8"))["project"]
    parts += [repr(project).encode(), made_for().encode()]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def made_for() -> str:
    """What an environment is bound to: the interpreter, and the folder that its scripts name."""
    return f"{sys.version}\n{ROOT}\n"


def works(name: str) -> bool:
    """Whether an environment is there, whole, and made for this interpreter in this folder."""
    note = ROOT / name / ".made-for"
    if not note.is_file() or note.read_text() != made_for():
        return False
    try:
        return subprocess.run([venv_python(name), "-m", "pip", "--version"], capture_output=True).returncode == 0
    except OSError:
        return False


def create(name: str) -> None:
    """A fresh environment `name`, in place of a broken one."""
    print(f"-- creating {name} with Python {sys.version.split()[0]}", flush=True)
    shutil.rmtree(ROOT / name, ignore_errors=True)
    result = subprocess.run([sys.executable, "-m", "venv", str(ROOT / name)])
    if result.returncode:
        sys.exit(
            f"error: could not create {name}. On Debian and Ubuntu the venv module is a package of "
            "its own: install python3-venv, then run the same command again."
        )
    (ROOT / name / ".made-for").write_text(made_for())


def pip(python: Path, *arguments: str) -> None:
    """Run pip in view of the user; stop with its own words when it fails."""
    command = [str(python), "-m", "pip", "install", "--disable-pip-version-check", *arguments]
    if subprocess.run(command, cwd=ROOT).returncode:
        sys.exit(
            "error: pip could not install everything (its message is above). What was installed so "
            "far is kept: run the same command again once the cause is mended."
        )


def install(group: str) -> None:
    """Install one group into its environment, unless it is there already."""
    name, requirements = GROUPS[group]
    python = venv_python(name)
    stamp = ROOT / name / f".installed-{group}"
    wanted = digest(group)
    if stamp.is_file() and stamp.read_text() == wanted and python.exists():
        return
    if not works(name):
        create(name)
    started = time.monotonic()
    note = " (torch and JupyterLab: some minutes the first time)" if group == "lab" else ""
    print(f"-- installing {requirements} into {name}{note}", flush=True)
    if group == "lab":
        index = os.environ.get("TORCH_INDEX")
        if index:  # see README: the CPU build of torch, where the default brings CUDA
            torch = next(line for line in Path(ROOT, requirements).read_text().split() if line.startswith("torch=="))
            pip(python, torch, "--index-url", index)
        pip(python, "-r", requirements)
        pip(python, "--no-deps", "-e", ".")
    elif group == "classroom":
        site = subprocess.check_output(
            [str(venv_python(".venv")), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], text=True
        ).strip()
        own = subprocess.check_output(
            [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], text=True
        )
        # `site.addsitedir` also reads the .pth files over there, the editable labkit among them.
        # JUPYTER_PATH comes first in Jupyter's search: for nbconvert's templates and for the `python3`
        # kernel, which means "this interpreter" there, whatever kernels the user's home has.
        data = str(ROOT / ".venv" / "share" / "jupyter")
        Path(own.strip(), "student.pth").write_text(
            f"import site; site.addsitedir({site!r})\n"
            f"import os; paths = [{data!r}, *os.environ.get('JUPYTER_PATH', '').split(os.pathsep)]; "
            "os.environ['JUPYTER_PATH'] = os.pathsep.join(dict.fromkeys(filter(None, paths)))\n"
        )
        pip(python, "-r", requirements)
        pip(python, "--no-deps", "-e", ".")  # for the command .venv-classroom/bin/labkit
    else:
        pip(python, "-r", requirements)
    stamp.write_text(wanted)
    print(f"-- {group} is ready ({time.monotonic() - started:.0f} s)", flush=True)


def main(groups: list[str]) -> None:
    """Install the named groups in order; `lab` comes first, since the others stand on it."""
    if sys.version_info < (3, 11):  # noqa: UP036 - this file runs before anything has checked it
        sys.exit(f"error: Python 3.11 or later is needed; this is {sys.version.split()[0]} ({sys.executable}).")
    unknown = [group for group in groups if group not in GROUPS]
    if unknown:
        sys.exit(f"error: unknown group {unknown[0]!r}; known: {', '.join(GROUPS)}.")
    for group in GROUPS:
        if group in groups or group == "lab":
            install(group)


if __name__ == "__main__":
    main(sys.argv[1:])
