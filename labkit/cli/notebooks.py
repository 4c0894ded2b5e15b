"""`labkit notebooks`: keep what is committed of a notebook small and comparable."""

import difflib
import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from labkit.files import ROOT, write_atomic

app = typer.Typer(help="Clean the notebooks, or check what is stored of them.", no_args_is_help=True)

# Text is compared by the tests; images and widget views differ from run to run and bloat the diffs.
DROPPED_TYPES = re.compile(r"^(image/(?!svg)|application/vnd\.jupyter\.widget)")
MOST_LINES = 40
"""Of a difference that are shown."""
MOST_STORED = 200_000
"""Characters of one output. A figure that carries a whole model is made again by each build, and not stored."""
# A path in an output that exists only where the notebook was run.
MACHINE_PATH = re.compile(
    r"(?<![\w./-])(?:/(?:home|Users|root|work|tmp|private|var/folders)/|[A-Z]:\\\\?Users\\)[^\s\"'<>]*"
)
NOT_COMPARED = "nbval-ignore-output"
"""The tag of a cell whose outputs may differ from machine to machine; of nbval, which runs the labs."""
CELL_METADATA = {"tags", "nbgrader", "labkit", "mystnb", "glue", "jupyter"}

UNREADABLE = (OSError, ValueError, KeyError, TypeError, AttributeError)
"""What reading a file raises that is no notebook."""

Notebook = dict[str, Any]


def find_notebooks(root: Path = ROOT) -> list[Path]:
    """The notebooks of the book, the labs and the assignments."""
    return sorted(
        path
        for folder in ("book", "labs")
        for path in (root / folder).rglob("*.ipynb")
        if ".ipynb_checkpoints" not in path.parts
    )


def cleaned(notebook: Notebook) -> Notebook:
    """A copy without images, widget views, editor state; execution counts numbered from 1."""
    result: Notebook = json.loads(json.dumps(notebook))
    kept = {key: result["metadata"][key] for key in ("kernelspec", "labkit") if key in result["metadata"]}
    kept["kernelspec"] = {"display_name": "Python 3", "language": "python", "name": "python3"}
    result["metadata"] = kept | {"language_info": {"name": "python"}}
    result["nbformat"], result["nbformat_minor"] = 4, 5
    count = 0
    for number, cell in enumerate(result["cells"]):
        cell["id"] = cell.get("id") or f"cell-{number}"
        cell["metadata"] = {key: value for key, value in cell["metadata"].items() if key in CELL_METADATA}
        if cell["cell_type"] == "code":
            count += 1
            cell["execution_count"] = count
            cell["outputs"] = list(_cleaned_outputs(cell["outputs"], count))
    return result


def _cleaned_outputs(outputs: list[dict[str, Any]], count: int) -> Iterator[dict[str, Any]]:
    for output in outputs:
        if output["output_type"] == "execute_result":
            output["execution_count"] = count
        if "data" in output:
            output["data"] = {
                kind: data
                for kind, data in output["data"].items()
                if not DROPPED_TYPES.match(kind) and sum(map(len, data)) <= MOST_STORED
            }
            output["metadata"] = {}
            if not output["data"]:
                continue
        yield output


def problems(path: Path) -> list[str]:
    """What keeps a notebook from being clean, one sentence each; empty when it is clean."""
    try:
        text = path.read_text(encoding="utf-8")
        notebook = json.loads(text)
        clean_text = serialised(cleaned(notebook))
    except UNREADABLE as error:
        return [f"not a readable notebook: {error!r}"]
    found = []
    if text != clean_text:
        found.append("not clean: run `labkit notebooks clean`")
    for number, cell in enumerate(notebook["cells"]):
        found += [
            f"cell {number}: machine path {match.group()!r}"
            for match in MACHINE_PATH.finditer(json.dumps(cell).replace("\\n", "\n"))
        ]
        found += [
            f"cell {number}: a stored {output['ename']} ({output['evalue']}) in a cell not tagged raises-exception"
            for output in cell.get("outputs", [])
            if output["output_type"] == "error" and "raises-exception" not in cell["metadata"].get("tags", [])
        ]
    return found


def serialised(notebook: Notebook) -> str:
    """A notebook as it is stored: sorted keys, one space of indent, a final newline (as nbformat does)."""
    return json.dumps(notebook, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


Paths = Annotated[list[Path] | None, typer.Argument(help="Notebooks; all of book/ and labs/ when left out.")]


@app.command()
def clean(paths: Paths = None) -> None:
    """Drop images, widget views and editor state; renumber the execution counts."""
    for path in paths or find_notebooks():
        text = path.read_text(encoding="utf-8")
        new = serialised(cleaned(json.loads(text)))
        if new != text:
            write_atomic(path, new)
            typer.echo(f"cleaned {path}")


@app.command()
def check(paths: Paths = None) -> None:
    """Say what is not clean; exit 1 when anything is not."""
    _report(paths or find_notebooks(), problems, "are clean")


@app.command()
def compare(paths: Paths = None) -> None:
    """Compare what is stored of the chapters with what the last build of the book showed; exit 1 at a difference."""
    chapters = [path for path in find_notebooks() if path.parent == ROOT / "book"]
    _report(paths or chapters, changes, "show what is stored of them")


def _report(notebooks: list[Path], problems_of: Callable[[Path], list[str]], well: str) -> None:
    """Print the problems of notebooks and exit 1; or that all of them are well."""
    failed = False
    for path in notebooks:
        for problem in problems_of(path):
            failed = True
            typer.echo(f"{path}: {problem}", err=True)
    if failed:
        raise typer.Exit(1)
    typer.echo(f"{len(notebooks)} notebooks {well}")


def changes(path: Path) -> list[str]:
    """Where the last build of the book showed something else than is stored of a notebook; see `differences`."""
    from labkit.book.build import cache_folder
    from labkit.book.execute import executed

    try:
        stored, run = json.loads(path.read_text(encoding="utf-8")), executed(path, cache_folder())
    except UNREADABLE as error:
        return [f"not a readable notebook: {error!r}"]
    return ["no run of these cells is kept: `labkit book build` runs them"] if run is None else differences(stored, run)


def differences(stored: Notebook, executed: Notebook) -> list[str]:
    """Where the cells of a notebook, run anew, do not show what is stored below them.

    As nbval compares: kind by kind, in order within each; images and widget views aside.

    Args:
        stored: the notebook as it is committed.
        executed: the same cells with the outputs of a run.

    Returns:
        For each such cell a line that names it, and the lines that differ: - as stored, + as run.
    """
    found = []
    for before, after in zip(cleaned(stored)["cells"], cleaned(executed)["cells"], strict=True):
        if before["cell_type"] != "code" or NOT_COMPARED in before["metadata"].get("tags", []):
            continue
        old, new = _texts(before["outputs"]), _texts(after["outputs"])
        changed = [
            line
            for kind in sorted(old.keys() | new.keys())
            for line in difflib.unified_diff(
                old.get(kind, "").splitlines(), new.get(kind, "").splitlines(), f"stored {kind}", kind, lineterm="", n=0
            )
        ]
        if changed:
            found.append("\n    ".join([f"cell {before['id']}:", *changed[:MOST_LINES]]))
    return found


def _texts(outputs: list[dict[str, Any]]) -> dict[str, str]:
    """The text of outputs by kind: the streams, errors, each type of data."""
    texts: dict[str, list[str]] = defaultdict(list)
    for output in outputs:
        if output["output_type"] == "stream":  # however many pieces it came in
            texts[output["name"]].append("".join(output["text"]))
        elif output["output_type"] == "error":
            texts["error"].append(f"{output['ename']}: {output['evalue']}\n")
        else:
            for kind, data in output["data"].items():
                text = data if isinstance(data, (str, list)) else [json.dumps(data, sort_keys=True)]
                texts[kind].append("".join(text) + "\n")
    return {kind: "".join(parts) for kind, parts in texts.items()}
