"""The server extension behind `labkit lab`, asked over HTTP."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

pytest.importorskip("jupyterlab", reason="JupyterLab is not installed: make lab installs it")

from labkit.cli.lab import answers
from labkit.server.handlers import no_book, template

BASE = "/some/where/"
NOTEBOOK = {
    "cells": [{"cell_type": "markdown", "metadata": {}, "source": ["Read this.\n", "# A **first** heading\n"]}],
    "metadata": {},
    "nbformat": 4,
    "nbformat_minor": 5,
}


class Server:
    """A running `labkit lab` and how to ask it."""

    def __init__(self, url, token, root, environment):
        self.url, self.token, self.root, self.environment = url, token, root, environment
        self.address = urlsplit(url)

    def get(self, path, login=True, method="GET"):
        """(status, headers, text) for `path` below the base URL, sent as it is: nothing is normalised."""
        connection = http.client.HTTPConnection(self.address.hostname, self.address.port, timeout=30)
        headers = {"Authorization": f"token {self.token}"} if login else {}
        connection.request(method, self.address.path + path, headers=headers)
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        return response.status, response.headers, text

    def status(self):
        return json.loads(self.get("labkit/api/status")[2])


def command(root, *options):
    return [sys.executable, "-m", "labkit.cli", "lab", "--no-browser", "--port", "0", "--root", str(root), *options]


@contextmanager
def running(folder, *options):
    root = folder / "root"
    (root / "labs").mkdir(parents=True)
    (root / "book").mkdir()
    environment = {key: value for key, value in os.environ.items() if not key.startswith("JUPYTER")}
    environment |= {f"JUPYTER_{name}_DIR": str(folder / name) for name in ("CONFIG", "DATA", "RUNTIME")}
    environment["LABKIT_STATE"] = str(folder / "state")
    log = folder / "log"
    with log.open("w") as stderr:
        process = subprocess.Popen(
            command(root, *options), env=environment, stdout=subprocess.PIPE, stderr=stderr, text=True
        )
    watchdog = threading.Timer(60, process.kill)
    watchdog.start()
    said = process.stdout.readline()
    watchdog.cancel()
    try:
        assert "lab?token=" in said, log.read_text()
        url, _, token = said.split()[-1].partition("lab?token=")
        yield Server(url, token, root, environment), process
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running(tmp_path_factory.mktemp("server"), "--", f"--ServerApp.base_url={BASE}") as (server, _):
        yield server


@pytest.fixture
def book(server):
    """A book of three files."""
    html = server.root / "_build" / "html"
    for name in ("index.html", "book/index.html", "_static/lb-server.js"):
        path = html / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"<p>{name}</p>")
    yield html
    for path in sorted(html.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()


@pytest.mark.parametrize(
    "path",
    [
        "labkit/start",
        "labkit/static/start.css",
        "labkit/static/start.js",
        "book/",
        "book/index.html",
        "book/nothing.html",
        "book/_static/lb-server.js",
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_nothing_is_answered_without_the_login(server, book, path, method):
    status, headers, text = server.get(path, login=False, method=method)
    # HEAD: jupyter_server refuses what it does not redirect, and tornado knows no HEAD for some
    assert (status, headers.get("Location", "")[: len(BASE) + 5]) == (302, f"{BASE}login") or status in (403, 405)
    assert "<p>" not in text
    assert "labbookServer" not in text


def test_the_status_is_not_told_without_the_login(server):
    assert server.get("labkit/api/status", login=False)[0] == 403


def test_the_book_is_served_from_its_folder(server, book):
    assert server.get("book/")[2] == "<p>index.html</p>"
    assert server.get("book/book/index.html")[2] == "<p>book/index.html</p>"
    for path in ("book", "book/book"):  # a folder without its slash
        status, headers, _ = server.get(path)
        assert (status, headers["Location"]) == (301, f"{BASE}{path}/")
    assert server.get("book/nothing.html")[0] == 404


@pytest.mark.parametrize(
    "path",
    [
        "../../secret.txt",
        "%2e%2e/%2e%2e/secret.txt",
        "..%2f..%2fsecret.txt",
        "book/../../../secret.txt",
        "..\\..\\secret.txt",
        "%00",
        "/etc/passwd",
        "%2fetc%2fpasswd",
    ],
)
@pytest.mark.parametrize("folder", ["book/", "labkit/static/"])
def test_no_path_leads_out_of_a_folder(server, book, folder, path):
    (server.root / "secret.txt").write_text("secret")
    status, _, text = server.get(folder + path)
    assert status in (400, 403, 404)
    assert "secret</" not in text.replace("secret.txt", "")
    assert "root:" not in text


def test_a_page_of_the_book_learns_where_it_is(server, book):
    status, headers, text = server.get("book/_static/lb-server.js")
    assert status == 200
    assert headers["Content-Type"].startswith("text/javascript")
    assert text == f'window.labbookServer = {{"base_url": "{BASE}"}};\n'


def test_where_there_is_no_book_a_page_says_so(server):
    for path in ("book/", "book/book/01-value.html"):
        status, _, text = server.get(path)
        assert status == 503
        assert "not built yet" in text
    assert server.status()["book"] == {"state": "missing", "updating": False, "log": ""}


@pytest.mark.parametrize("state", ["building", "failed", "missing"])
def test_the_page_in_place_of_the_book_comes_back_unless_the_build_failed(state):
    book = {"state": state, "updating": False, "log": ""}
    page = template("no_book.html").generate(base_url="/", theme="", book=book, says=no_book(book)).decode()
    assert ('http-equiv="refresh"' in page) == (state != "failed")


def test_who_may_not_read_the_contents_is_answered_nothing(tmp_path, monkeypatch):
    (tmp_path / "nobody.py").write_text(
        "from jupyter_server.auth.authorizer import Authorizer\n"
        "class Nobody(Authorizer):\n"
        "    def is_authorized(self, handler, user, action, resource): return resource != 'contents'\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with running(tmp_path, "--", "--ServerApp.authorizer_class=nobody.Nobody") as (server, _):
        assert server.get("api/me")[0] == 200
        for path in ("labkit/start", "labkit/api/status", "labkit/static/start.css", "book/_static/lb-server.js"):
            assert server.get(path)[0] == 403, path


@pytest.mark.parametrize("answer", [b"SSH-2.0-OpenSSH_9.6\r\n", b"HTTP/1.0 200 OK\r\n\r\n5", b""])
def test_another_program_on_the_port_of_a_lab_is_no_lab(answer):
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve():
            connection, _ = listening.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        assert not answers({"url": f"http://127.0.0.1:{listening.getsockname()[1]}/", "token": "abc"})


def test_the_start_page_knows_the_base_url(server):
    status, _, text = server.get("labkit/start")
    assert status == 200
    assert f'data-base-url="{BASE}"' in text
    assert "--lb-accent" in text
    assert "http://" not in text
    assert "https://" not in text


def test_jupyterlab_loads_the_plugin_and_asks_for_no_news(server):
    text = server.get("lab")[2]
    config = json.loads(text.split('type="application/json">')[1].split("</script>")[0])
    assert "labkit" in [extension["name"] for extension in config["federated_extensions"]]
    assert "@jupyterlab/apputils-extension:announcements" in config["disabledExtensions"]
    status, headers, _ = server.get("lab/extensions/labkit/static/remoteEntry.js")
    assert status == 200
    assert "javascript" in headers["Content-Type"]


def test_a_second_lab_of_the_same_folder_is_the_first(server):
    result = subprocess.run(
        command(server.root), env=server.environment, capture_output=True, text=True, timeout=60, check=True
    )
    assert result.stdout.strip() == f"The lab book is already open at {server.url}lab?token={server.token}"


def test_a_folder_without_labs_is_refused(tmp_path):
    result = subprocess.run(command(tmp_path), capture_output=True, text=True, timeout=60)
    assert result.returncode == 1
    assert "there is no folder labs" in result.stderr


def test_a_lab_is_listed_with_what_is_done_and_with_its_chapter(server):
    about = {"title": "Two", "summary": "Does it.", "minutes": "45–60", "checks": 2}
    write(server.root / "labs" / "02-two.ipynb", NOTEBOOK | {"metadata": {"labkit": about}})
    write(server.root / "labs" / "01-one.ipynb", NOTEBOOK)
    (server.root / "labs" / "03-broken.ipynb").write_text("{")
    write(server.root / "book" / "02-two.ipynb", NOTEBOOK)
    progress = Path(server.environment["LABKIT_STATE"]) / "progress.json"
    one, two, broken = server.status()["labs"]
    assert (one["title"], one["state"], one["chapter"]) == ("A **first** heading", "new", "")
    assert (broken["title"], broken["problem"]) == ("03-broken", "This file is not a readable notebook.")
    assert two == about | {
        "number": 2,
        "name": "02-two",
        "path": "labs/02-two.ipynb",
        "state": "new",
        "passed": 0,
        "chapter": "book/02-two.html",
        "problem": "",
    }
    for checks, state in (({"a": False}, "started"), ({"a": True}, "started"), ({"a": True, "b": True}, "done")):
        write(progress, {"02-two": {"checks": checks, "total": 2}})
        entry = server.status()["labs"][1]
        assert (entry["state"], entry["passed"]) == (state, sum(checks.values()))
    # Recorded with an earlier version of the lab: of more checks, of fewer, of others.
    a, b, c = {"a": True}, {"b": True}, {"c": True}
    for checks, total, shown in ((a | b | c, 3, ("started", 2)), (a, 1, ("started", 1)), (a | b | c, 2, ("done", 2))):
        write(progress, {"02-two": {"checks": checks, "total": total}})
        entry = server.status()["labs"][1]
        assert (entry["state"], entry["passed"], entry["checks"]) == (*shown, 2)


def write(path, data):
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(data))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot send Ctrl+C to one process")
def test_ctrl_c_stops_it_without_a_word_more(tmp_path):
    with running(tmp_path) as (_, process):
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        assert process.stdout.read() == "Ctrl+C stops it.\n"
        assert not list((tmp_path / "RUNTIME").glob("jpserver-*.json"))
