"""`labkit notebooks`: keep what is committed of a notebook small and comparable."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from labkit.files import ROOT, write_atomic

app = typer.Typer(help="Clean the notebooks, or check that they are clean.", no_args_is_help=True)

# Text is compared by the tests; images and widget views differ from run to run and bloat the diffs.
DROPPED_TYPES = re.compile(r"^(image/(?!svg)|application/vnd\.jupyter\.widget)")
MOST_STORED = 200_000
"""Characters of one output. A figure that carries a whole model is made again by each build, and not stored."""
# A path in an output that exists only where the notebook was run.
MACHINE_PATH = re.compile(
    r"(?<![\w./-])(?:/(?:home|Users|root|work|tmp|private|var/folders)/|[A-Z]:\\\\?Users\\)[^\s\"'<>]*"
)
CELL_METADATA = {"tags", "nbgrader", "labkit", "mystnb", "glue", "jupyter"}

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
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
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
    failed = False
    notebooks = paths or find_notebooks()
    for path in notebooks:
        for problem in problems(path):
            failed = True
            typer.echo(f"{path}: {problem}", err=True)
    if failed:
        raise typer.Exit(1)
    typer.echo(f"{len(notebooks)} notebooks are clean")
