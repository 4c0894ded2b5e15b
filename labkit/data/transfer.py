"""One file over HTTP: resumed where an earlier try broke off, and accepted only with the known SHA-256.

What has arrived lies in a `.part` file until it is whole and checked. A resumed file needs no ETag: the
checksum tells whether its two halves belong together.
"""

import contextlib
import errno
import hashlib
import http.client
import os
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

CHUNK = 64 * 1024
"""Bytes read at once: progress is reported after each."""

Progress = Callable[[int, int], None]
"""Called with the bytes that are there and the bytes of the whole file."""

NETWORK_ERRORS = (OSError, http.client.HTTPException)  # a URLError is an OSError; a reply that is no HTTP is not
FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}  # no space left; a quota used up (Windows has none)


def receive(
    url: str, part: Path, size: int, sha256: str, timeout: float = 30, progress: Progress | None = None
) -> None:
    """Fill `part` with the file at `url`, from the byte on at which an earlier try broke off.

    Args:
        url: its address.
        part: where it is put; its folder exists. A file that is there already is taken for its beginning.
        size: the bytes of the whole file.
        sha256: its checksum, in hexadecimal.
        timeout: how long to wait for the server to say something, in seconds.
        progress: told after each chunk.

    Raises:
        ConnectionError: if the server cannot be reached, refuses, answers with a web page, or breaks off;
            what has arrived stays in `part`.
        ValueError: if the whole file has another checksum; `part` is gone.
        OSError: if `part` cannot be written; `part` is gone when the disk is full.
    """
    progress = progress or (lambda done, total: None)
    resumed = part.is_file() and part.stat().st_size > 0
    if not (resumed and part.stat().st_size >= size):  # a whole one is only to be checked
        _append(url, part, size, timeout, progress)
    if (actual := digest(part)) != sha256 and resumed:  # the beginning may have been another file's: once more, whole
        part.unlink()
        _append(url, part, size, timeout, progress)
        actual = digest(part)
    if actual != sha256:
        received = part.stat().st_size
        part.unlink()
        if received > size:
            found = f"it is longer than {size:,} bytes"
        else:
            found = f"{received:,} of {size:,} bytes with SHA-256 {actual}, expected {sha256}"
        raise ValueError(f"the download from {url} is not the known file: {found}")


def digest(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _append(url: str, part: Path, size: int, timeout: float, progress: Progress) -> None:
    """Ask for what `part` lacks and write it; from the start where the server knows no ranges."""
    done = part.stat().st_size if part.is_file() else 0
    with _open(url, done, timeout) as response:
        if response.status != http.client.PARTIAL_CONTENT or _first_byte(response) != done:
            done = 0
        length = response.headers.get("Content-Length", "")
        expected = done + int(length) if length.isdecimal() else size
        chunk = _read(response, url, done, expected)
        if done == 0 and not chunk:
            raise ConnectionError(f"{url} answered with nothing")
        if done == 0 and _is_web_page(chunk):
            raise ConnectionError(
                f"{url} answered with a web page, not the data: "
                "a proxy or the sign-in page of a network may stand in between"
            )
        with _freed_when_full(part), part.open("ab" if done else "wb") as file:
            while chunk and done <= size:  # a longer file is not the known one, however long
                file.write(chunk)
                done += len(chunk)
                progress(done, max(size, done))
                chunk = _read(response, url, done, expected)
            file.flush()
            os.fsync(file.fileno())
    if done < expected and done < size:
        raise ConnectionError(f"{url} broke off after {done:,} of {expected:,} bytes")


@contextlib.contextmanager
def _open(url: str, start: int, timeout: float) -> Iterator[http.client.HTTPResponse]:
    request = urllib.request.Request(url, headers={"Range": f"bytes={start}-"} if start else {})
    try:
        response = urllib.request.urlopen(request, timeout=timeout)
    except urllib.error.HTTPError as error:
        error.close()
        if start and error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
            with _open(url, 0, timeout) as whole:
                yield whole
            return
        raise ConnectionError(f"{url} answered with HTTP {error.code} {error.reason}") from error
    except NETWORK_ERRORS as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        raise ConnectionError(f"{url} could not be reached ({reason})") from error
    with response:
        yield response


def _read(response: http.client.HTTPResponse, url: str, done: int, expected: int) -> bytes:
    try:
        return response.read(CHUNK)
    except NETWORK_ERRORS as error:
        raise ConnectionError(f"{url} broke off after {done:,} of {expected:,} bytes ({error})") from error


def _first_byte(response: http.client.HTTPResponse) -> int | None:
    """Where a partial answer begins, from `Content-Range: bytes 5-19/20`."""
    unit, _, span = response.headers.get("Content-Range", "").partition(" ")
    first = span.partition("-")[0]
    return int(first) if unit == "bytes" and first.isdecimal() else None


def _is_web_page(beginning: bytes) -> bool:
    return beginning.removeprefix(b"\xef\xbb\xbf").lstrip()[:9].lower().startswith((b"<!doctype", b"<html", b"<head"))


@contextlib.contextmanager
def _freed_when_full(part: Path) -> Iterator[None]:
    """On a full disk drop what was written: it may be cut off anywhere, and the room is needed."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            part.unlink(missing_ok=True)
        raise
