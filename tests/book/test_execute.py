"""Notebooks run ahead, several at once, for the pages of a book."""

import json
from types import SimpleNamespace

import nbformat
import pytest
from jupyter_cache import get_cache
from sphinx.errors import ConfigError

from labkit.book import execute

# Ends only when the other notebook runs meanwhile.
MEETS = """
import time
from pathlib import Path
Path({own!r}).touch()
while not Path({other!r}).exists():
    time.sleep(0.05)
print("met", {other!r})
"""


def notebook(path, source):
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    cell = nbformat.v4.new_code_cell(source)
    path.write_text(nbformat.writes(nbformat.v4.new_notebook(cells=[cell], metadata={"kernelspec": kernel})))
    return path


@pytest.fixture
def app(tmp_path):
    """What `run_ahead` asks of Sphinx; the pages are the files of a folder."""
    config = SimpleNamespace(nb_execution_cache_path=str(tmp_path / "cache"), nb_execution_timeout=60)
    return SimpleNamespace(config=config, env=SimpleNamespace(doc2path=lambda name: str(tmp_path / name)))


def kept(app, path):
    """The text that a notebook printed, from the cache as myst-nb reads it."""
    cache = get_cache(app.config.nb_execution_cache_path)
    _, merged = cache.merge_match_into_notebook(nbformat.read(path, as_version=4))
    return merged.cells[0].outputs[0].text.strip()


def run_ahead(app, *names):
    execute.run_ahead(app, app.env, list(names))


def test_two_run_at_once_and_myst_nb_finds_them(app, tmp_path, monkeypatch):
    monkeypatch.setenv(execute.JOBS, "2")
    one = notebook(tmp_path / "one.ipynb", MEETS.format(own="1", other="2"))
    two = notebook(tmp_path / "two.ipynb", MEETS.format(own="2", other="1"))
    run_ahead(app, "one.ipynb", "page.md", "two.ipynb")
    assert (kept(app, one), kept(app, two)) == ("met 2", "met 1")
    assert {path.name for path in tmp_path.iterdir()} >= {"1", "2"}  # each ran in its own folder

    monkeypatch.setattr(execute, "single_nb_execution", lambda *args, **options: pytest.fail("it is there already"))
    run_ahead(app, "one.ipynb", "two.ipynb")


def test_one_that_fails_is_left_to_myst_nb(app, tmp_path, monkeypatch):
    monkeypatch.setenv(execute.JOBS, "2")
    fine, broken = notebook(tmp_path / "fine.ipynb", "print(6 * 7)"), notebook(tmp_path / "broken.ipynb", "1 / 0")
    before = json.loads(broken.read_text())
    run_ahead(app, "broken.ipynb", "fine.ipynb")
    assert kept(app, fine) == "42"
    with pytest.raises(KeyError):
        kept(app, broken)
    assert json.loads(broken.read_text()) == before


def test_without_the_setting_nothing_runs_ahead(app, tmp_path, monkeypatch):
    monkeypatch.delenv(execute.JOBS, raising=False)
    path = notebook(tmp_path / "one.ipynb", "print(1)")
    run_ahead(app, "one.ipynb")
    with pytest.raises(KeyError):
        kept(app, path)


@pytest.mark.parametrize("said", ["0", "-1", "two", "1.5", ""])
def test_a_wrong_number_is_named(monkeypatch, said):
    monkeypatch.setenv(execute.JOBS, said)
    with pytest.raises(ConfigError, match=rf"LABKIT_BOOK_JOBS is '{said}'"):
        execute.jobs()
