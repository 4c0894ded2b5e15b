"""Public files that are downloaded once, by name, and checked against a known SHA-256."""

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from .transfer import FULL, Progress, digest, receive

PATIENCE = 600.0
"""Seconds to wait for another process that is downloading the same file."""


@dataclass(frozen=True)
class Source:
    """Where a file comes from and what it must be.

    Attributes:
        file: its name in the cache.
        url: its public address.
        sha256: its checksum, in hexadecimal.
        size: its length in bytes.
        about: what it is, in a line.
        license: its terms.
        instead: a data set for those who have no network.
    """

    file: str
    url: str
    sha256: str
    size: int
    about: str
    license: str
    instead: str


SOURCES = {
    "shakespeare": Source(
        "tinyshakespeare.txt",
        "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
        "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
        1_115_394,
        "scenes of Shakespeare's plays, put together by A. Karpathy for char-rnn (tinyshakespeare)",
        "public domain",
        "python-topics",
    ),
    "makemore-names": Source(
        "makemore-names.txt",
        "https://raw.githubusercontent.com/karpathy/makemore/master/names.txt",
        "0a30b5557f192f32ab962680889aac5f6fda0f4cecf40a6d0b5694f58ea8cc4d",
        228_145,
        "32,032 given names, one a line, that A. Karpathy's makemore took from ssa.gov",
        "MIT",
        "names",
    ),
}

ALIASES = {"tinyshakespeare": "shakespeare"}
"""Names under which others know these files."""


def cache_dir() -> Path:
    """`$LABKIT_DATA` when it is set, else labkit in the user's cache folder."""
    if chosen := os.environ.get("LABKIT_DATA"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "labkit"


def fetch(
    name: str,
    sources: Mapping[str, Source] = SOURCES,
    timeout: float = 30,
    progress: Progress | None = None,
) -> Path:
    """The path of the file `name`, downloaded when it is not in the cache yet.

    A file whose checksum is wrong is never used: a wrong one in the cache is an error (it may be
    yours), a wrong download is thrown away. A download that broke off goes on where it stopped.
    Nothing is written to a cache that has the file.

    Args:
        name: a key of `sources`.
        sources: what can be fetched.
        timeout: how long to wait for the server, in seconds.
        progress: told the bytes so far and in all, during a download.

    Raises:
        ValueError: for an unknown name or a wrong checksum.
        ConnectionError: if the server cannot be reached or breaks off; it says where to put the file by hand.
        TimeoutError: if another process has been downloading it for ten minutes.
        OSError: if the cache cannot be written; it says whether the disk is full.
    """
    name = ALIASES.get(name, name)
    if name not in sources:
        raise ValueError(f"unknown data {name!r}; there are: {', '.join(sources)}")
    source = sources[name]
    path = cache_dir() / source.file
    if not path.is_file():
        with _only_process(path, name), cache_errors(path.parent):
            if not path.is_file():  # another process may have brought it meanwhile
                _download(name, source, path, timeout, progress)
    verify(path, source)
    return path


def partial(path: Path) -> Path:
    """Where what has arrived of the file `path` lies during its download, and after it broke off."""
    return path.with_name(f"{path.name}.part")


def verify(path: Path, source: Source) -> None:
    """Check a file in the cache.

    Raises:
        ValueError: if it is not what `source` says.
    """
    if (actual := digest(path)) != source.sha256:
        raise ValueError(
            f"{path} in the data cache is not the known file: SHA-256 {actual}, expected {source.sha256}. "
            "Delete it and try again."
        )


@contextlib.contextmanager
def cache_errors(folder: Path) -> Iterator[None]:
    """Say what to do when the cache cannot be written.

    Raises:
        OSError: in place of one from the file system; ConnectionError and TimeoutError go through.
    """
    try:
        yield
    except (ConnectionError, TimeoutError):
        raise
    except OSError as error:
        reason = error.strerror or str(error)
        if error.errno in FULL:
            raise OSError(
                f"the disk is full: {folder} cannot take the data ({reason}); nothing half-written was left there. "
                "Make room, or let LABKIT_DATA name a folder on another disk."
            ) from error
        raise OSError(
            f"cannot write to the data cache {folder} ({reason}); let LABKIT_DATA name a folder of yours"
        ) from error


@contextlib.contextmanager
def _only_process(path: Path, name: str) -> Iterator[None]:
    """Hold the lock of a file in the cache; the empty lock file stays, as removing it would let two in."""
    lock = FileLock(path.with_name(f".{path.name}.lock"), timeout=PATIENCE)
    with cache_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire()
        except Timeout:
            raise TimeoutError(
                f"another process has been downloading {name} for {PATIENCE / 60:.0f} minutes: "
                "wait for it or end it, then try again"
            ) from None
    try:
        yield
    finally:
        lock.release()


def _download(name: str, source: Source, path: Path, timeout: float, progress: Progress | None) -> None:
    part = partial(path)
    try:
        receive(source.url, part, source.size, source.sha256, timeout, progress)
    except ConnectionError as error:
        kept = part.stat().st_size if part.is_file() else 0
        again = f"Run it again to go on from byte {kept:,}" if kept else "Try again later"
        raise ConnectionError(
            f"could not download {name}: {error}. {again}, or get the file on another machine and put it at {path}. "
            f"{source.instead} needs no network."
        ) from error
    except ValueError as error:
        raise ValueError(
            f"could not download {name}: {error}. It was thrown away. Try again later, or put the known file at {path}."
        ) from None
    os.replace(part, path)
