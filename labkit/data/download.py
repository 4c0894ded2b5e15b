"""Public files that are downloaded once, by name, and checked against a known SHA-256."""

import hashlib
import http.client
import os
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from labkit.files import write_atomic


@dataclass(frozen=True)
class Source:
    """Where a file comes from and what it must be.

    Attributes:
        file: its name in the cache.
        url: its public address.
        sha256: its checksum, in hexadecimal.
        about: what it is and under what terms, for cards and messages.
    """

    file: str
    url: str
    sha256: str
    about: str


SOURCES = {
    "tinyshakespeare": Source(
        "tinyshakespeare.txt",
        "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
        "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
        "1,115,394 characters of Shakespeare's plays (public domain), put together by A. Karpathy",
    ),
    "makemore-names": Source(
        "makemore-names.txt",
        "https://raw.githubusercontent.com/karpathy/makemore/master/names.txt",
        "0a30b5557f192f32ab962680889aac5f6fda0f4cecf40a6d0b5694f58ea8cc4d",
        "32,032 given names, one a line, from the makemore project",
    ),
}


def cache_dir() -> Path:
    """`$LABKIT_DATA` when it is set, else labkit in the user's cache folder."""
    if chosen := os.environ.get("LABKIT_DATA"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "labkit"


def fetch(name: str, sources: dict[str, Source] = SOURCES, timeout: float = 30) -> Path:
    """The path of the file `name`, downloaded when it is not in the cache yet.

    A file whose checksum is wrong is never used: a wrong one in the cache is an error (it may be
    yours), a wrong download is thrown away.

    Args:
        name: a key of `sources`.
        sources: what can be fetched.
        timeout: how long to wait for the server, in seconds.

    Raises:
        ValueError: for an unknown name or a wrong checksum.
        ConnectionError: if the server cannot be reached; it says where to put the file by hand.
    """
    if name not in sources:
        raise ValueError(f"unknown data {name!r}; there are: {', '.join(sources)}")
    source = sources[name]
    path = cache_dir() / source.file
    if path.is_file():
        _verify(path.read_bytes(), source, f"{path} in the data cache")
        return path
    try:
        with urllib.request.urlopen(source.url, timeout=timeout) as response:
            content = response.read()
    except (OSError, http.client.HTTPException) as error:  # a URLError is an OSError; a download cut short is not
        raise ConnectionError(
            f"could not download {name} from {source.url} ({error}). Fetch it on another machine and put it at {path}."
        ) from error
    _verify(content, source, f"the download from {source.url}")
    return write_atomic(path, content)


def _verify(content: bytes, source: Source, what: str) -> None:
    actual = hashlib.sha256(content).hexdigest()
    if actual != source.sha256:
        raise ValueError(
            f"{what} is not the known file: SHA-256 {actual}, expected {source.sha256}. Delete it and try again."
        )
