"""The build on a small book of its own: what it makes, and what stops it."""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from labkit.book import build as book
from labkit.files import ROOT

PAGE = """# A page

Inline $a < b$, and on a line of its own:

$$
c = a b
$$ (eq-product)

{eq}`eq-product` has a number.

```{open-lab} labs/01-first.ipynb
```

```{code-cell} python3
from labkit.widgets import LineChart
LineChart()
```

```{code-cell} python3
import matplotlib.pyplot as plt
plt.plot([1, 2])
plt.show()
```
"""
FRONT = '---\nfile_format: mystnb\nkernelspec:\n  name: python3\n  display_name: "Python 3"\n---\n'


def write_project(root, page):
    """A project with the real configuration and one page."""
    (root / "book").mkdir(parents=True, exist_ok=True)
    (root / "labs").mkdir(exist_ok=True)
    (root / "labs" / "01-first.ipynb").write_text("{}")
    shutil.copy(ROOT / "_config.yml", root)
    (root / "_toc.yml").write_text("format: jb-book\nroot: book/index\n")
    (root / "book" / "references.bib").write_text("@misc{a, title = {A}, author = {B}, year = 2020}\n")
    (root / "book" / "index.md").write_text(page)
    return root


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    root = write_project(tmp_path_factory.mktemp("project"), FRONT + PAGE)
    assert book.build(root)
    return root


@pytest.fixture(scope="module")
def page(built):
    return (built / "_build" / "html" / "book" / "index.html").read_text(encoding="utf-8")


def test_math_is_mathml_with_its_number(page):
    assert 'alttext="a &lt; b"' in page
    assert re.search(r'<div class="math[^>]*id="equation-eq-product"', page)
    assert '<span class="eqno">(1)' in page
    assert "mathjax" not in re.sub(r'class="[^"]*"', "", page).lower()


def test_a_figure_is_its_html_and_not_a_widget_view(page):
    assert 'data-lb-module="chart"' in page
    assert "widget-view" not in page
    assert "widget-state" not in page


def test_open_lab_is_a_note_with_the_path(page):
    assert 'data-lb-path="labs/01-first.ipynb"' in page


def test_nothing_is_loaded_from_elsewhere(built):
    for path in (built / "_build" / "html").rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert not re.findall(r"""<(?:script|link|img|iframe)[^>]+(?:src|href)=["'](?:https?:)?//[^"']*""", text), (
            path.name
        )


def test_the_figure_modules_are_in_the_host_script(built):
    script = (built / "_build" / "html" / "_static" / "lb-figures.js").read_text(encoding="utf-8")
    sources = json.loads(script.removeprefix("window.lbFigureSources = ").split(";\n// Draws", 1)[0])
    assert "export default" in sources["chart"]


def test_an_unchanged_book_is_not_built_again(built):
    assert book.is_current(built)
    assert not book.build(built)


def test_a_change_makes_it_out_of_date(built):
    config = built / "_config.yml"
    text = config.read_text()
    config.write_text(text + "# changed\n")
    assert not book.is_current(built)
    config.write_text(text)
    assert book.is_current(built)


def test_warnings_stop_the_build_and_the_last_book_stays(built):
    before = (built / "_build" / "html" / "book" / "index.html").read_text(encoding="utf-8")
    source = (built / "book" / "index.md").read_text()
    write_project(built, "# A page\n\n$\\nosuch$ {term}`nowhere`\n\n```{open-lab} labs/99-none.ipynb\n```\n")
    try:
        with pytest.raises(book.BuildError) as caught:
            book.build(built)
        assert "unknown command \\nosuch" in str(caught.value)
        assert "there is no labs/99-none.ipynb" in str(caught.value)
        assert "nowhere" in str(caught.value)
        assert str(built) not in str(caught.value)
        assert not book.is_current(built)
        assert (built / "_build" / "html" / "book" / "index.html").read_text(encoding="utf-8") == before
        assert not list((built / "_build").glob(".book-*"))
    finally:
        write_project(built, source)


def test_a_failing_cell_stops_the_build(tmp_path):
    root = write_project(tmp_path, FRONT + "# A page\n\n```{code-cell} python3\n1 / 0\n```\n")
    with pytest.raises(book.BuildError, match="ZeroDivisionError"):
        book.build(root)
    assert not book.html_folder(root).exists()


def test_an_interrupted_build_is_not_a_finished_one(tmp_path, monkeypatch):
    root = write_project(tmp_path, PAGE)

    def interrupted(root, output):
        (output / "_build" / "html").mkdir(parents=True)
        (output / "_build" / "html" / "index.html").write_text("half a book")
        raise KeyboardInterrupt

    monkeypatch.setattr(book, "_run_jupyter_book", interrupted)
    with pytest.raises(KeyboardInterrupt):
        book.build(root)
    assert not book.is_current(root)
    assert not book.html_folder(root).exists()


def finished(root, output):
    """In place of jupyter-book."""
    (output / "_build" / "html").mkdir(parents=True)
    (output / "_build" / "html" / "index.html").write_text("a book")


def failed(root, output):
    raise book.BuildError("no luck")


def test_of_two_builds_at_once_the_second_waits_and_finds_the_book_current(tmp_path, monkeypatch, capsys):
    root = write_project(tmp_path, PAGE)
    started, go_on, runs, results = threading.Event(), threading.Event(), [], []

    def slow(root, output):
        runs.append(output)
        started.set()
        assert go_on.wait(20)
        finished(root, output)

    monkeypatch.setattr(book, "_run_jupyter_book", slow)
    monkeypatch.setattr(book, "LOCK_POLL", 0.01)
    sleep = book.time.sleep
    looks = []

    def look_again(seconds):  # the first build goes on when the second has looked three times
        looks.append(seconds)
        if len(looks) == 3:
            go_on.set()
        sleep(seconds)

    monkeypatch.setattr(book.time, "sleep", look_again)
    first = threading.Thread(target=lambda: results.append(book.build(root)), daemon=True)
    first.start()
    assert started.wait(20)
    second = threading.Thread(target=lambda: results.append(book.build(root)), daemon=True)
    second.start()
    for thread in (first, second):
        thread.join(20)
    assert results == [True, False]
    assert len(runs) == 1
    assert capsys.readouterr().out.count("another build") == 1


def test_a_build_that_was_killed_holds_no_lock(tmp_path):
    code = (
        "import pathlib, sys, time; from labkit.book import build\n"
        "with build._only_build(pathlib.Path(sys.argv[1])): print('locked', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "locked\n"
        with (tmp_path / ".lock").open("ab") as file:
            assert not book._lock(file.fileno())
        process.kill()
    with (tmp_path / ".lock").open("ab") as file:
        assert book._lock(file.fileno())


def test_a_forced_build_that_fails_leaves_the_book_out_of_date(tmp_path, monkeypatch):
    root = write_project(tmp_path, PAGE)
    monkeypatch.setattr(book, "_run_jupyter_book", finished)
    book.build(root)
    assert book.is_current(root)
    monkeypatch.setattr(book, "_run_jupyter_book", failed)
    with pytest.raises(book.BuildError):
        book.build(root, force=True)
    assert not book.is_current(root)
    assert (book.html_folder(root) / "index.html").is_file()


def test_a_book_that_cannot_be_moved_is_a_failed_build_and_the_last_one_stays(tmp_path, monkeypatch):
    root = write_project(tmp_path, PAGE)
    monkeypatch.setattr(book, "_run_jupyter_book", finished)
    book.build(root)
    (book.html_folder(root) / "index.html").write_text("the last book")
    rename = Path.rename

    def refuse(path, target):
        if path.name == "html" and path.parent.parent != root:  # the new book, out of its folder
            raise OSError("Directory not empty")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(book.BuildError, match="Directory not empty"):
        book.build(root, force=True)
    assert (book.html_folder(root) / "index.html").read_text() == "the last book"
    assert not book.is_current(root)


def test_code_that_changed_forgets_the_executed_notebooks(tmp_path, monkeypatch):
    monkeypatch.setattr(book, "_run_jupyter_book", finished)
    root = write_project(tmp_path, PAGE)
    (root / "labkit").mkdir()
    (root / "labkit" / "value.py").write_text("x = 1\n")
    book.build(root)
    executed = root / "_build" / ".jupyter_cache" / "global.db"
    executed.write_text("outputs")
    write_project(root, PAGE + "\nMore.\n")
    assert book.build(root)
    assert executed.exists()
    (root / "labkit" / "value.py").write_text("x = 2\n")
    assert book.build(root)
    assert not executed.exists()


def test_the_digest_sees_names_and_contents_and_ignores_caches(tmp_path):
    (tmp_path / "labkit").mkdir()
    (tmp_path / "labkit" / "a.py").write_text("1")
    first = book.digest(["labkit"], tmp_path)
    (tmp_path / "labkit" / "__pycache__").mkdir()
    (tmp_path / "labkit" / "__pycache__" / "a.pyc").write_text("1")
    assert book.digest(["labkit"], tmp_path) == first
    (tmp_path / "labkit" / "a.py").rename(tmp_path / "labkit" / "b.py")
    assert book.digest(["labkit"], tmp_path) != first


def test_what_a_killed_build_left_is_removed_once_it_is_old(tmp_path):
    old, new = tmp_path / ".book-old", tmp_path / ".book-new"
    for folder in (old, new):
        (folder / "_build").mkdir(parents=True)
    os.utime(old, (0, 0))
    book._drop_leftovers(tmp_path)
    assert [folder.name for folder in tmp_path.iterdir()] == [".book-new"]
