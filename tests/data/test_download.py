"""Downloads, from a server of our own on 127.0.0.1."""

import dataclasses
import errno
import hashlib
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from filelock import FileLock

from labkit.data import SOURCES, download, fetch, transfer
from labkit.data.download import Source, cache_dir, partial
from labkit.files import ROOT

CONTENT = bytes(range(256)) * 1000  # four chunks
HALF = len(CONTENT) // 2
PAGE = b"\n<!DOCTYPE html><title>Sign in</title>"


class Handler(BaseHTTPRequestHandler):
    """Answers `/text` with the content and knows ranges; what else it can do is in `do_GET`."""

    def do_GET(self):
        self.server.asked.append((self.path, self.headers.get("Range")))
        start = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").removesuffix("-"))
        end = len(CONTENT)
        if self.path == "/old":  # no ranges
            start = 0
        if self.path == "/breaks" and len(self.server.asked) == 1:
            end = HALF
        if self.path == "/strict" and start:
            self.send_error(416)
        elif self.path in ("/text", "/old", "/breaks", "/strict"):
            self.answer(CONTENT[start:end], 206 if start else 200, start, len(CONTENT) - start)
        elif self.path == "/shifted":  # another range than the one asked for
            self.answer(CONTENT[start - 1 :] if start else CONTENT, 206 if start else 200, start - 1)
        elif self.path == "/page":
            self.answer(PAGE)
        elif self.path == "/endless":
            self.answer(CONTENT * 8)
        elif self.path == "/nothing":
            self.answer(b"", length=len(CONTENT))
        elif self.path == "/unmeasured":
            self.answer(CONTENT[:HALF], length=None)
        elif self.path == "/rubbish":
            self.wfile.write(b"who is there?\r\n\r\n")
        else:
            self.send_error(404)

    def answer(self, content, status=200, start=0, length=-1):
        self.send_response(status)
        if length is not None:
            self.send_header("Content-Length", str(len(content) if length == -1 else length))
        if status == 206:
            self.send_header("Content-Range", f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}")
        self.end_headers()
        try:
            self.wfile.write(content)
        except ConnectionError:  # the client had enough
            self.close_connection = True

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    """`.asked` lists the requests: path and range."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.asked = []
        server.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=[0.01], daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LABKIT_DATA", str(tmp_path / "cache"))
    return tmp_path / "cache"


def sources(url, content=CONTENT):
    source = Source("hamlet.txt", url, hashlib.sha256(content).hexdigest(), len(content), "a play", "none", "names")
    return {"hamlet": source}


def files(cache):
    """What a user would see in the cache: not the empty file of the lock."""
    return sorted(path.name for path in cache.glob("*") if not path.name.startswith(".")) if cache.exists() else []


def left_by_an_earlier_try(cache, content=CONTENT[:HALF]):
    cache.mkdir(exist_ok=True)
    partial(cache / "hamlet.txt").write_bytes(content)


# -- a whole download


def test_a_file_is_downloaded_once(server, cache):
    known = sources(f"{server.url}/text")
    path = fetch("hamlet", known)
    assert path == cache / "hamlet.txt"
    assert path.read_bytes() == CONTENT
    assert fetch("hamlet", known) == path
    assert server.asked == [("/text", None)]
    assert files(cache) == ["hamlet.txt"]


def test_progress_is_told(server):
    told = []
    fetch("hamlet", sources(f"{server.url}/text"), progress=lambda done, total: told.append((done, total)))
    assert [total for _, total in told] == [len(CONTENT)] * len(told)
    done = [done for done, _ in told]
    assert done == sorted(done)
    assert done[-1] == len(CONTENT)
    assert len(done) >= 4


def test_a_file_put_there_by_hand_is_used_and_its_folder_is_not_written_to(cache, monkeypatch):
    cache.mkdir()
    (cache / "hamlet.txt").write_bytes(CONTENT)
    monkeypatch.setattr(download, "FileLock", None)  # a lock would be a file
    before = cache.stat().st_mtime_ns
    assert fetch("hamlet", sources("http://127.0.0.1:9/nobody")).read_bytes() == CONTENT
    assert os.listdir(cache) == ["hamlet.txt"]
    assert cache.stat().st_mtime_ns == before


def test_a_download_with_a_wrong_checksum_is_thrown_away(server, cache):
    with pytest.raises(ValueError, match=r"the download from .*/text is not the known file: 256,000 of") as error:
        fetch("hamlet", sources(f"{server.url}/text", CONTENT[::-1]))
    assert hashlib.sha256(CONTENT).hexdigest() in str(error.value)
    assert "It was thrown away. Try again later, or put the known file at" in str(error.value)
    assert files(cache) == []


def test_a_file_without_end_is_not_read_to_its_end(server, cache):
    told = []
    with pytest.raises(ValueError, match="is not the known file: it is longer than 256,000 bytes"):
        fetch("hamlet", sources(f"{server.url}/endless"), progress=lambda done, total: told.append(done))
    assert max(told) <= len(CONTENT) + transfer.CHUNK
    assert files(cache) == []


def test_a_wrong_file_in_the_cache_is_an_error_and_stays(server, cache):
    cache.mkdir()
    (cache / "hamlet.txt").write_bytes(b"mine")
    with pytest.raises(ValueError, match=r"hamlet\.txt in the data cache is not the known file"):
        fetch("hamlet", sources(f"{server.url}/text"))
    assert (cache / "hamlet.txt").read_bytes() == b"mine"
    assert server.asked == []


# -- what goes wrong on the way


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/none", r"answered with HTTP 404 Not Found\. Try again later"),
        ("/page", r"answered with a web page, not the data: a proxy or the sign-in page .*\. Try again later"),
        ("/nothing", r"answered with nothing\. Try again later"),
        ("/rubbish", r"could not be reached \(who is there\?"),
    ],
)
def test_what_the_server_does_not_give_is_asked_for_by_hand(server, cache, path, message):
    with pytest.raises(ConnectionError, match=f"could not download hamlet: {server.url}{path} {message}") as error:
        fetch("hamlet", sources(server.url + path))
    assert f"put it at {cache / 'hamlet.txt'}. names needs no network." in str(error.value)
    assert files(cache) == []


def test_a_server_that_is_down_is_said_with_where_to_put_the_file(server, cache):
    server.shutdown()
    server.server_close()
    with pytest.raises(ConnectionError, match=r"could not be reached \(.*refused\)") as error:
        fetch("hamlet", sources(f"{server.url}/text"), timeout=5)
    assert f"put it at {cache / 'hamlet.txt'}" in str(error.value)


def test_shakespeare_out_of_reach_says_what_needs_no_network(server):
    known = {"shakespeare": dataclasses.replace(SOURCES["shakespeare"], url=f"{server.url}/none")}
    with pytest.raises(ConnectionError, match="python-topics needs no network"):
        fetch("tinyshakespeare", known)


# -- a download that broke off


@pytest.mark.parametrize("path", ["/breaks", "/unmeasured"])
def test_what_arrived_is_kept_and_the_next_try_goes_on(server, cache, path):
    with pytest.raises(ConnectionError, match=r"broke off after 128,000 of 256,000 bytes.*go on from byte 128,000"):
        fetch("hamlet", sources(f"{server.url}{path}"))
    assert files(cache) == ["hamlet.txt.part"]
    assert partial(cache / "hamlet.txt").read_bytes() == CONTENT[:HALF]
    told = []
    path = fetch("hamlet", sources(f"{server.url}/text"), progress=lambda done, total: told.append(done))
    assert path.read_bytes() == CONTENT
    assert server.asked[1:] == [("/text", f"bytes={HALF}-")]
    assert told[0] > HALF
    assert files(cache) == ["hamlet.txt"]


def test_an_interrupt_keeps_what_arrived(server, cache):
    def interrupt(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch("hamlet", sources(f"{server.url}/text"), progress=interrupt)
    assert files(cache) == ["hamlet.txt.part"]
    assert fetch("hamlet", sources(f"{server.url}/text")).read_bytes() == CONTENT
    assert server.asked[1][1] == f"bytes={transfer.CHUNK}-"


@pytest.mark.parametrize(("path", "requests"), [("/old", 1), ("/strict", 2), ("/shifted", 2)])
def test_a_server_that_does_not_go_on_where_asked_begins_again(server, cache, path, requests):
    left_by_an_earlier_try(cache)
    assert fetch("hamlet", sources(f"{server.url}{path}")).read_bytes() == CONTENT
    assert server.asked[0] == (path, f"bytes={HALF}-")
    assert len(server.asked) == requests


@pytest.mark.parametrize("wrong", [b"x" * HALF, b"x" * len(CONTENT), b"x" * (len(CONTENT) + 9)])
def test_a_wrong_beginning_is_found_out_and_dropped(server, cache, wrong):
    left_by_an_earlier_try(cache, wrong)
    assert fetch("hamlet", sources(f"{server.url}/text")).read_bytes() == CONTENT
    assert server.asked[-1] == ("/text", None)
    assert files(cache) == ["hamlet.txt"]


def test_a_file_that_is_wrong_twice_is_an_error(server, cache):
    left_by_an_earlier_try(cache)
    other = CONTENT[:-1] + b"?"
    with pytest.raises(ValueError, match="is not the known file"):
        fetch("hamlet", sources(f"{server.url}/text", other))
    assert [asked for _, asked in server.asked] == [f"bytes={HALF}-", None]
    assert files(cache) == []


def test_a_whole_file_that_only_lacked_its_name_is_not_asked_for(server, cache):
    left_by_an_earlier_try(cache, CONTENT)
    assert fetch("hamlet", sources(f"{server.url}/text")).read_bytes() == CONTENT
    assert server.asked == []


def test_a_web_page_does_not_cost_what_had_arrived(server, cache):
    left_by_an_earlier_try(cache)
    with pytest.raises(ConnectionError, match="a web page, not the data"):
        fetch("hamlet", sources(f"{server.url}/page"))
    assert partial(cache / "hamlet.txt").read_bytes() == CONTENT[:HALF]


# -- the disk


class FullDisk:
    """A file on a disk with room for 100 bytes."""

    def __init__(self, file, number):
        self.file, self.number = file, number

    def write(self, chunk):
        self.file.write(chunk[:100])
        raise OSError(self.number, os.strerror(self.number))

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.file.close()


@pytest.mark.parametrize("number", sorted(transfer.FULL))
@pytest.mark.parametrize("resumed", [False, True])
def test_a_full_disk_is_said_and_freed(server, cache, monkeypatch, number, resumed):
    if resumed:
        left_by_an_earlier_try(cache)
    whole = Path.open

    def opened(path, mode="r", **options):
        file = whole(path, mode, **options)
        return FullDisk(file, number) if path.suffix == ".part" and mode in ("wb", "ab") else file

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", opened)
        with pytest.raises(OSError, match=r"the disk is full: .*cache cannot take the data .*LABKIT_DATA"):
            fetch("hamlet", sources(f"{server.url}/text"))
    assert files(cache) == []
    assert fetch("hamlet", sources(f"{server.url}/text")).read_bytes() == CONTENT


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_another_error_of_the_disk_keeps_what_arrived(server, cache, monkeypatch, call):
    def fail(*args):
        raise OSError(errno.EIO, "I/O error")

    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail)
        with pytest.raises(OSError, match=r"cannot write to the data cache .* \(I/O error\); let LABKIT_DATA"):
            fetch("hamlet", sources(f"{server.url}/text"))
    assert files(cache) == ["hamlet.txt.part"]
    assert fetch("hamlet", sources(f"{server.url}/text")).read_bytes() == CONTENT
    assert len(server.asked) == 1


def test_a_cache_that_cannot_be_made_is_said(server, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LABKIT_DATA", str(tmp_path / "file" / "cache"))
    with pytest.raises(OSError, match=r"cannot write to the data cache .*; let LABKIT_DATA name a folder of yours"):
        fetch("hamlet", sources(f"{server.url}/text"))
    assert server.asked == []


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="for root every folder can be written")
def test_a_read_only_cache_without_the_file_is_said(server, cache):
    cache.mkdir(mode=0o555)
    with pytest.raises(OSError, match=r"cannot write to the data cache .*Permission denied"):
        fetch("hamlet", sources(f"{server.url}/text"))


# -- two at once


def test_two_processes_download_once(server, cache):
    code = (
        "import sys; from labkit.data.download import Source, fetch\n"
        "url, sha256, size = sys.argv[1:]\n"
        "print(fetch('hamlet', {'hamlet': Source('hamlet.txt', url, sha256, int(size), '', '', '')}))"
    )
    known = sources(f"{server.url}/text")["hamlet"]
    command = [sys.executable, "-c", code, known.url, known.sha256, str(known.size)]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate(timeout=60)[0].strip() for process in started] == [str(cache / "hamlet.txt")] * 2
    assert server.asked == [("/text", None)]
    assert files(cache) == ["hamlet.txt"]


def test_a_process_that_never_ends_is_not_waited_for_forever(server, cache, monkeypatch):
    monkeypatch.setattr(download, "PATIENCE", 0)
    cache.mkdir()
    with FileLock(cache / ".hamlet.txt.lock"), pytest.raises(TimeoutError, match="another process has been download"):
        fetch("hamlet", sources(f"{server.url}/text"))
    assert server.asked == []


# -- names and places


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(ValueError, match="unknown data 'hamlet'; there are: shakespeare, makemore-names"):
        fetch("hamlet")


def test_where_the_cache_is(tmp_path, monkeypatch, cache):
    assert cache_dir() == cache
    monkeypatch.delenv("LABKIT_DATA")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_dir() == tmp_path / "xdg" / "labkit"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_dir() == tmp_path / ".cache" / "labkit"


@pytest.mark.parametrize("name", SOURCES)
def test_the_known_files_have_the_known_checksums(name, monkeypatch):
    folder = ROOT.parent / "shared" / "datasets"
    source = SOURCES[name]
    if not (folder / source.file).is_file():
        pytest.skip(f"no {source.file} in {folder}")
    monkeypatch.setenv("LABKIT_DATA", str(folder))
    assert fetch(name) == folder / source.file
    assert (folder / source.file).stat().st_size == source.size


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES.keys())
def test_sources_are_https_with_a_whole_checksum(source):
    assert source.url.startswith("https://")
    assert len(bytes.fromhex(source.sha256)) == 32
