"""Where the project's files are, and how a file is written so that it is never half there."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

PACKAGE = Path(__file__).resolve().parent
ROOT = PACKAGE.parent
"""The project folder, when labkit is installed editable (as `make lab` does)."""


def datasets_dir() -> Path:
    """The folder of the embedded datasets: inside an installed wheel, else beside the package.

    Raises:
        FileNotFoundError: if neither is there.
    """
    for folder in (PACKAGE / "_datasets", ROOT / "datasets"):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(f"no datasets folder beside {PACKAGE}: install labkit from its checkout (pip install -e .)")


def state_dir() -> Path:
    """`$LABKIT_STATE`, where what a learner did is kept; .labkit in the project when that is not set."""
    return Path(os.environ.get("LABKIT_STATE") or ROOT / ".labkit")


def write_atomic(path: str | os.PathLike[str], content: str | bytes) -> Path:
    """Write `content` beside `path` and rename it into place: readers see the old file or the new one.

    Args:
        path: the file to write; its folder is made when missing.
        content: text (written as UTF-8, line ends as they are) or bytes.

    Returns:
        The path written.
    """
    target = Path(path)
    with replacing(target) as part:
        part.write_bytes(content.encode() if isinstance(content, str) else content)
    return target


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """For what is too large to be had in one piece: an empty file beside `path`, renamed into place after the block.

    If the block raises, the file beside is removed and `path` is as it was. Its folder is made when missing.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".part")
    os.close(handle)
    try:
        yield Path(name)
        with open(name, "rb+") as file:
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(name, 0o666 & ~umask)  # mkstemp makes 0600; a shared folder expects the usual mode
        os.replace(name, target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def refuse_not_finite(text: str) -> NoReturn:
    """For `json.loads(text, parse_constant=refuse_not_finite)`: Python would read NaN and Infinity, JSON has neither.

    Raises:
        ValueError: always; it says which.
    """
    raise ValueError(f"{text} is not a finite number")
