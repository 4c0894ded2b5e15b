"""`labkit data`, without a network: what is downloaded is put into the cache by the test, or out of reach."""

import dataclasses
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from labkit.cli import app
from labkit.data import CATALOGUE, SOURCES, catalogue
from labkit.data.topics import python_topics
from labkit.files import datasets_dir


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LABKIT_DATA", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def unreachable(monkeypatch):
    """No server answers for shakespeare: port 9 of this machine is nobody's."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    source = dataclasses.replace(SOURCES["shakespeare"], url="http://127.0.0.1:9/input.txt")
    changed = dataclasses.replace(CATALOGUE["shakespeare"], source=source)
    monkeypatch.setattr(catalogue, "CATALOGUE", {**CATALOGUE, "shakespeare": changed})


def run(*arguments):
    return CliRunner().invoke(app, ["data", *arguments])


def test_the_list_is_a_table_of_all_sets(cache):
    cache.mkdir()
    (cache / "tinyshakespeare.txt.part").write_bytes(b"x" * 111_540)
    result = run("list")
    assert (result.exit_code, result.stderr) == (0, "")
    head, *rows = result.stdout.split("\n\n")[0].splitlines()
    assert head.split() == ["name", "kind", "size", "license", "here"]
    assert [row.split()[0] for row in rows] == list(CATALOGUE)
    assert max(map(len, rows)) < 80
    by_name = {row.split()[0]: row for row in rows}
    assert by_name["shakespeare"].endswith("1.1 MB  public domain  partly (10 %)")
    assert by_name["makemore-names"].endswith("no")
    assert by_name["python-topics"].endswith("yes")
    assert {row[head.index("license")] for row in rows} <= set("MPp")  # the columns stand under their heads
    assert str(cache) in result.stdout


def test_get_says_what_a_set_is_and_where(cache):
    result = run("get", "python-topics")
    assert (result.exit_code, result.stderr) == (0, "")
    (path,) = cache.glob("python-topics-*.txt")
    assert path.read_text(encoding="utf-8") == python_topics()
    for part in (f"path     {path}", "license  PSF-2.0", CATALOGUE["python-topics"].sha256, "of this Python's version"):
        assert part in result.stdout
    result = run("get", "points")
    assert f"path     {datasets_dir() / 'points'}\n" in result.stdout
    assert "of this Python's version" not in result.stdout


@pytest.mark.parametrize(("name", "path"), [("names", datasets_dir() / "names"), ("points", datasets_dir() / "points")])
def test_path_prints_the_path_alone(name, path):
    result = run("path", name)
    assert (result.exit_code, result.stdout, result.stderr) == (0, f"{path}\n", "")


def test_the_path_of_the_built_text_is_that_of_a_file(cache):
    result = run("path", "python-topics")
    (path,) = cache.glob("python-topics-*.txt")
    assert (result.stdout, result.stderr) == (f"{path}\n", "")


@pytest.mark.parametrize("command", ["get", "path"])
def test_without_a_network_one_line_says_what_to_do(command, cache, unreachable):
    result = run(command, "shakespeare")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("error: could not download shakespeare: http://127.0.0.1:9/input.txt could not be")
    assert f"put it at {cache / 'tinyshakespeare.txt'}. python-topics needs no network.\n" in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_wrong_file_in_the_cache_is_shown_and_refused(cache):
    cache.mkdir()
    (cache / "tinyshakespeare.txt").write_text("to be")
    assert "public domain  damaged\n" in run("list").stdout
    result = run("path", "tinyshakespeare")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "in the data cache is not the known file" in result.stderr


@pytest.mark.parametrize("command", ["get", "path"])
def test_an_unknown_name(command):
    result = run(command, "shakespear")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("error: unknown data set 'shakespear'; did you mean 'shakespeare'? There are: ")


def test_help_names_the_commands():
    result = run("--help")
    assert result.exit_code == 0
    for command in ("list", "get", "path"):
        assert f" {command} " in result.stdout


def test_the_command_line_stays_light():
    code = "import sys, labkit.cli; print(*(name for name in ('torch', 'numpy', 'tqdm') if name in sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert "torch" not in result.stdout
