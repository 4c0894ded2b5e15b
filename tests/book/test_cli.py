import threading
import urllib.request

import pytest
from typer.testing import CliRunner

from labkit.book.build import BuildError
from labkit.cli import app, book

runner = CliRunner()


def test_a_failed_build_exits_with_its_reason_last(monkeypatch):
    def fail(force):
        raise BuildError("the book was not built:\n  book/index.md:3: WARNING: what is wrong")

    monkeypatch.setattr(book, "build", fail)
    result = runner.invoke(app, ["book", "build"])
    assert result.exit_code == 1
    assert result.output.splitlines()[-1] == "  book/index.md:3: WARNING: what is wrong"


@pytest.mark.parametrize(("built", "word"), [(True, "built in"), (False, "up to date")])
def test_a_build_says_what_it_did(monkeypatch, built, word):
    monkeypatch.setattr(book, "build", lambda force: built)
    result = runner.invoke(app, ["book", "build"])
    assert result.exit_code == 0
    assert result.output.startswith(word)


def test_the_server_serves_the_book_on_this_machine_only(monkeypatch, tmp_path):
    (tmp_path / "index.html").write_text("the book")
    monkeypatch.setattr(book, "html_folder", lambda: tmp_path)
    with book.book_server() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        assert server.server_address[0] == "127.0.0.1"
        with urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/") as answer:
            assert answer.read() == b"the book"
        server.shutdown()


def test_a_taken_port_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(book, "build", lambda force: False)
    monkeypatch.setattr(book, "html_folder", lambda: tmp_path)
    with book.book_server() as server:
        result = runner.invoke(app, ["book", "serve", "--no-browser", "--port", str(server.server_port)])
    assert result.exit_code == 1
    assert f"port {server.server_port}" in result.output
