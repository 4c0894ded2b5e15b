"""What is committed of a notebook, and that those of the book and the labs are so."""

import copy
import json

import nbformat
import pytest
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from typer.testing import CliRunner

from labkit.book import build
from labkit.cli.notebooks import app, cleaned, differences, find_notebooks, problems, serialised
from labkit.files import ROOT


def code(*outputs, metadata=None, count=None, source="1 + 1"):
    return {
        "cell_type": "code",
        "id": f"c{count}",
        "metadata": metadata or {},
        "execution_count": count,
        "outputs": list(outputs),
        "source": [source],
    }


def display(kind="display_data", metadata=None, **data):
    output = {
        "output_type": kind,
        "metadata": metadata or {},
        "data": {k.replace("__", "/"): v for k, v in data.items()},
    }
    return output | ({"execution_count": 99} if kind == "execute_result" else {})


@pytest.fixture
def notebook():
    """A notebook as JupyterLab leaves it."""
    widget = {"application/vnd.jupyter.widget-view+json": {"model_id": "abc"}}
    return {
        "nbformat": 4,
        "nbformat_minor": 4,
        "metadata": {
            "kernelspec": {"display_name": ".venv (3.12)", "language": "python", "name": "venv"},
            "language_info": {"name": "python", "version": "3.12.1"},
            "widgets": {"application/vnd.jupyter.widget-state+json": {"state": {}}},
            "labkit": {"chapter": 1},
            "toc": {},
        },
        "cells": [
            {"cell_type": "markdown", "metadata": {"collapsed": True}, "source": ["# Naïve"]},
            code({"output_type": "stream", "name": "stdout", "text": ["2\n"]}, count=7),
            code(
                display("execute_result", text__plain=["2"], image__png="iVBOR"),
                display(image__png="iVBOR", metadata={"image/png": {"width": 3}}),
                display(**{"image/svg+xml": ["<svg/>"], "image/jpeg": "x", "text/html": ["<b>2</b>"]}),
                {"output_type": "display_data", "metadata": {}, "data": {**widget, "text/plain": ["Panel"]}},
                {"output_type": "display_data", "metadata": {}, "data": widget},
                metadata={"tags": ["x"], "nbgrader": {"grade": True}, "editable": False, "execution": {}},
                count=None,
            ),
        ],
    }


def test_images_and_widget_views_go_and_text_stays(notebook):
    outputs = cleaned(notebook)["cells"][2]["outputs"]
    assert [output["data"] for output in outputs] == [
        {"text/plain": ["2"]},
        {"image/svg+xml": ["<svg/>"], "text/html": ["<b>2</b>"]},
        {"text/plain": ["Panel"]},
    ]
    assert all(output["metadata"] == {} for output in outputs)


def test_streams_and_errors_stay(notebook):
    error = {"output_type": "error", "ename": "E", "evalue": "v", "traceback": []}
    notebook["cells"].append(code(error, count=3))
    result = cleaned(notebook)
    assert result["cells"][1]["outputs"] == notebook["cells"][1]["outputs"]
    assert result["cells"][3]["outputs"] == [error]


def test_counts_are_renumbered_from_one(notebook):
    cells = cleaned(notebook)["cells"]
    assert [cell["execution_count"] for cell in cells if cell["cell_type"] == "code"] == [1, 2]
    assert cells[2]["outputs"][0]["execution_count"] == 2


def test_metadata_is_what_the_course_uses(notebook):
    result = cleaned(notebook)
    assert result["metadata"] == {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
        "labkit": {"chapter": 1},
    }
    assert [cell["metadata"] for cell in result["cells"]] == [{}, {}, {"tags": ["x"], "nbgrader": {"grade": True}}]


def test_cleaning_again_changes_nothing_and_the_original_is_not_touched(notebook):
    before = copy.deepcopy(notebook)
    once = cleaned(notebook)
    assert notebook == before
    assert cleaned(once) == once
    assert once != before


def test_a_clean_notebook_is_valid_and_is_stored_as_nbformat_stores_it(notebook):
    result = cleaned(notebook)
    nbformat.validate(result)
    assert serialised(result) == nbformat.writes(nbformat.from_dict(result)) + "\n"


def stored(path, notebook, clean=True):
    path.write_text(serialised(cleaned(notebook) if clean else notebook), encoding="utf-8")
    return path


def test_problems_of_a_clean_and_of_a_raw_notebook(tmp_path, notebook):
    assert problems(stored(tmp_path / "clean.ipynb", notebook)) == []
    assert problems(stored(tmp_path / "raw.ipynb", notebook, clean=False)) == [
        "not clean: run `labkit notebooks clean`"
    ]


@pytest.mark.parametrize(
    "path",
    [
        "/home/ann/labs/x.py",
        "/Users/ann/x",
        "/root/x",
        "/work/main/x",
        "/tmp/abc",
        "/var/folders/a/b",
        r"C:\Users\ann\x",
    ],
)
def test_machine_paths_are_found(tmp_path, notebook, path):
    notebook["cells"][1]["outputs"][0]["text"] = [f"read {path}\n"]
    (problem,) = problems(stored(tmp_path / "x.ipynb", notebook))
    assert problem.startswith("cell 1: machine path")


@pytest.mark.parametrize(
    "text", ["labs/01-value.ipynb", "datasets/points/moons.csv", "https://example.org/tmpfile", "a/b"]
)
def test_other_paths_are_none_of_our_business(tmp_path, notebook, text):
    notebook["cells"][1]["outputs"][0]["text"] = [text]
    assert problems(stored(tmp_path / "x.ipynb", notebook)) == []


def test_stored_errors_are_found_unless_they_are_meant(tmp_path, notebook):
    error = {"output_type": "error", "ename": "NameError", "evalue": "no x", "traceback": ["NameError"]}
    notebook["cells"] += [code(error), code(error, metadata={"tags": ["raises-exception"]})]
    assert problems(stored(tmp_path / "x.ipynb", notebook)) == [
        "cell 3: a stored NameError (no x) in a cell not tagged raises-exception"
    ]


@pytest.mark.parametrize(
    "text", ["", "{", "{}", "[]", '{"cells": 3, "metadata": {}}', '{"cells": [{}], "metadata": {}}']
)
def test_what_is_no_notebook_is_said(tmp_path, text):
    path = tmp_path / "x.ipynb"
    path.write_text(text)
    (problem,) = problems(path)
    assert problem.startswith("not a readable notebook: ")


def test_the_commands(tmp_path, notebook):
    path = stored(tmp_path / "x.ipynb", notebook, clean=False)
    run = CliRunner().invoke
    result = run(app, ["check", str(path)])
    assert result.exit_code == 1
    assert f"{path}: not clean" in result.stderr
    assert f"cleaned {path}" in run(app, ["clean", str(path)]).stdout
    assert json.loads(path.read_text()) == cleaned(notebook)
    assert run(app, ["clean", str(path)]).stdout == ""
    result = run(app, ["check", str(path)])
    assert (result.exit_code, result.stdout) == (0, "1 notebooks are clean\n")


def test_notebooks_are_found_in_book_and_labs_alone(tmp_path):
    for name in ("book/1.ipynb", "labs/a/2.ipynb", "labs/.ipynb_checkpoints/3.ipynb", "_build/4.ipynb", "5.ipynb"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    assert find_notebooks(tmp_path) == [tmp_path / "book/1.ipynb", tmp_path / "labs/a/2.ipynb"]


@pytest.mark.parametrize("path", find_notebooks(), ids=lambda path: str(path.relative_to(ROOT)))
def test_the_notebooks_of_the_book_and_the_labs_are_clean(path):
    assert problems(path) == []


# -- what is stored, and what a run shows


def stream(text, name="stdout"):
    return {"output_type": "stream", "name": name, "text": text}


def of(*outputs, tags=()):
    """A notebook of one cell with these outputs."""
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    cell = code(*outputs, metadata={"tags": list(tags)}, count=1)
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": kernel}, "cells": [cell]}


def test_a_run_that_shows_the_same_is_no_difference():
    stored = of(stream(["loss 1\n", "loss 2\n"]), stream("careful\n", "stderr"), display(text__plain=["Figure"]))
    pieces = [stream("loss 1\n"), stream("careful\n", "stderr"), stream("loss 2\n")]
    run = of(*pieces, display(text__plain="Figure", image__png="iVBOR"), display(image__png="iVBOR"))
    assert differences(stored, run) == []


@pytest.mark.parametrize(
    ("stored", "run", "lines"),
    [
        (stream("loss 2.31\n"), stream("loss 2.32\n"), ["-loss 2.31", "+loss 2.32"]),
        (stream("a\nb\nc\n"), stream("a\nc\n"), ["-b"]),
        (stream("a\n"), stream("a\n", "stderr"), ["+a", "-a"]),
        (
            display("execute_result", text__plain="0.5"),
            display("execute_result", text__plain="0.25"),
            ["-0.5", "+0.25"],
        ),
        (display(text__html="<b>1</b>"), display(text__plain="1"), ["-<b>1</b>", "+1"]),
        (
            {"output_type": "error", "ename": "ValueError", "evalue": "n < 0", "traceback": ["line 1"]},
            {"output_type": "error", "ename": "TypeError", "evalue": "n < 0", "traceback": ["line 2"]},
            ["-ValueError: n < 0", "+TypeError: n < 0"],
        ),
    ],
)
def test_another_text_is_shown_line_by_line(stored, run, lines):
    (difference,) = differences(of(stored), of(run))
    first, *rest = difference.splitlines()
    assert first == "cell c1:"
    shown = [line.strip() for line in rest]
    assert sorted(line for line in shown if not line.startswith(("---", "+++", "@@"))) == sorted(lines)


def test_an_output_that_is_missing_or_new_is_a_difference():
    assert "+surprise" in differences(of(), of(stream("surprise")))[0]
    assert "-expected" in differences(of(stream("expected")), of())[0]


def test_a_cell_that_says_so_is_not_compared():
    assert differences(of(stream("1 s"), tags=["nbval-ignore-output"]), of(stream("2 s"))) == []


def test_chapters_are_compared_with_the_last_build(tmp_path, monkeypatch):
    monkeypatch.setattr(build, "cache_folder", lambda: tmp_path / "cache")
    path = tmp_path / "one.ipynb"
    path.write_text(json.dumps(of(stream("2\n"))))
    never = CliRunner().invoke(app, ["compare", str(path)])
    assert (never.exit_code, never.output) == (
        1,
        f"{path}: no run of these cells is kept: `labkit book build` runs them\n",
    )

    cache = get_cache(str(tmp_path / "cache"))
    run = nbformat.reads(json.dumps(of(stream("2\n"))), as_version=4)
    cache.cache_notebook_bundle(CacheBundleIn(run, str(path)), check_validity=False)
    same = CliRunner().invoke(app, ["compare", str(path)])
    assert (same.exit_code, same.output) == (0, "1 notebooks show what is stored of them\n")

    path.write_text(json.dumps(of(stream("3\n"))))
    other = CliRunner().invoke(app, ["compare", str(path)])
    assert other.exit_code == 1
    assert other.output.startswith(f"{path}: cell c1:\n")
    assert {"-3", "+2"} <= set(other.output.split())


def test_what_cannot_be_compared_is_said(tmp_path):
    broken = tmp_path / "broken.ipynb"
    broken.write_text('{"cells": [')
    result = CliRunner().invoke(app, ["compare", str(broken), str(tmp_path / "no.ipynb")])
    assert result.exit_code == 1
    first, second = result.output.splitlines()
    assert first.startswith(f"{broken}: not a readable notebook: JSONDecodeError")
    assert second.startswith(f"{tmp_path / 'no.ipynb'}: not a readable notebook: FileNotFoundError")
