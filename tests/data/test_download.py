"""Downloads, from a server of our own on 127.0.0.1."""

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from labkit.data import SOURCES, fetch
from labkit.data.download import Source, cache_dir
from labkit.files import ROOT

CONTENT = b"to be, or not to be\n"


@pytest.fixture
def server():
    """A server of `/text` (whole), `/short` (cut off) and nothing else; `.asked` lists the requests."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.server.asked.append(self.path)
            if self.path not in ("/text", "/short"):
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(CONTENT)))
            self.end_headers()
            self.wfile.write(CONTENT if self.path == "/text" else CONTENT[:5])

        def log_message(self, *args):
            pass

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
    return {"hamlet": Source("hamlet.txt", url, hashlib.sha256(content).hexdigest(), "a line")}


def test_a_file_is_downloaded_once(server, cache):
    known = sources(f"{server.url}/text")
    path = fetch("hamlet", known)
    assert path == cache / "hamlet.txt"
    assert path.read_bytes() == CONTENT
    assert fetch("hamlet", known) == path
    assert server.asked == ["/text"]
    assert [file.name for file in cache.iterdir()] == ["hamlet.txt"]


def test_a_download_with_a_wrong_checksum_is_thrown_away(server, cache):
    with pytest.raises(ValueError, match=r"the download from .*/text is not the known file: SHA-256") as error:
        fetch("hamlet", sources(f"{server.url}/text", b"something else"))
    assert hashlib.sha256(CONTENT).hexdigest() in str(error.value)
    assert not cache.exists() or not list(cache.iterdir())


def test_a_wrong_file_in_the_cache_is_an_error_and_stays(server, cache):
    cache.mkdir()
    (cache / "hamlet.txt").write_bytes(b"mine")
    with pytest.raises(ValueError, match=r"hamlet\.txt in the data cache is not the known file"):
        fetch("hamlet", sources(f"{server.url}/text"))
    assert (cache / "hamlet.txt").read_bytes() == b"mine"
    assert server.asked == []


@pytest.mark.parametrize("path", ["/none", "/short"])
def test_what_the_server_does_not_give_is_asked_for_by_hand(server, cache, path):
    with pytest.raises(ConnectionError, match="could not download hamlet from") as error:
        fetch("hamlet", sources(server.url + path))
    assert f"put it at {cache / 'hamlet.txt'}" in str(error.value)
    assert not cache.exists() or not list(cache.iterdir())


def test_a_server_that_is_down_is_said_with_where_to_put_the_file(server, cache):
    server.shutdown()
    server.server_close()
    with pytest.raises(ConnectionError) as error:
        fetch("hamlet", sources(f"{server.url}/text"), timeout=5)
    assert server.url in str(error.value)
    assert f"put it at {cache / 'hamlet.txt'}" in str(error.value)


def test_a_file_put_there_by_hand_is_used(cache):
    cache.mkdir()
    (cache / "hamlet.txt").write_bytes(CONTENT)
    assert fetch("hamlet", sources("http://127.0.0.1:9/nobody")).read_bytes() == CONTENT


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(ValueError, match="unknown data 'hamlet'; there are: tinyshakespeare, makemore-names"):
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
    if not (folder / SOURCES[name].file).is_file():
        pytest.skip(f"no {SOURCES[name].file} in {folder}")
    monkeypatch.setenv("LABKIT_DATA", str(folder))
    assert fetch(name) == folder / SOURCES[name].file


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES.keys())
def test_sources_are_https_with_a_whole_checksum(source):
    assert source.url.startswith("https://")
    assert len(bytes.fromhex(source.sha256)) == 32
