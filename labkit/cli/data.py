"""`labkit data`: which data sets there are, where they lie, and bringing those that are downloaded."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .reporting import reporting

if TYPE_CHECKING:
    from labkit.data import Dataset

app = typer.Typer(help="The data sets: list them, download one, say where one lies.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="A name from `labkit data list`.", show_default=False)]


@app.command("list")
def list_command() -> None:
    """Show every data set: its kind, size and license, and whether it is here.

    An embedded set comes with the project, a built one from Python itself; both need no network.
    A downloaded one is fetched once into the cache, which the variable LABKIT_DATA moves.
    """
    from labkit.data.catalogue import CATALOGUE
    from labkit.data.download import cache_dir

    with reporting():
        rows = [("name", "kind", "size", "license", "here")]
        rows += [(item.name, item.kind, _size(item.size), item.license, item.here) for item in CATALOGUE.values()]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for name, kind, size, *rest in rows:
        cells = [name.ljust(widths[0]), kind.ljust(widths[1]), size.rjust(widths[2])]
        cells += [cell.ljust(width) for cell, width in zip(rest, widths[3:], strict=True)]
        typer.echo("  ".join(cells).rstrip())
    typer.echo(f"\ndownloads are kept in {cache_dir()}\n`labkit data get NAME` brings one and says more about it")


@app.command()
def get(name: Name) -> None:
    """Bring a data set here if it is not, and say what it is, under what terms, and where it lies.

    A download that breaks off goes on where it stopped when the command is repeated.
    """
    with reporting():
        item = _dataset(name)
        path = _fetched(item)
        lines = {
            "about": item.about,
            "license": item.license,
            "size": f"{item.size:,} bytes",
            "sha256": item.sha256 + (" (of this Python's version)" if item.kind == "built" else ""),
            "card": item.card,
            "path": path,
        }
    typer.echo(f"{item.name}: {item.kind}")
    for key, value in lines.items():
        typer.echo(f"  {key:<7}  {value}")


@app.command("path")
def path_command(name: Name) -> None:
    """Print the path of a data set and nothing else, for scripts; it is brought here first if it is not.

    For example: wc -c "$(labkit data path shakespeare)"
    """
    with reporting():
        path = _fetched(_dataset(name))
    typer.echo(path)


def _dataset(name: str) -> "Dataset":
    from labkit.data.catalogue import dataset

    return dataset(name)


def _fetched(item: "Dataset") -> Path:
    """The path of a data set; a download shows a bar, on stderr and only to somebody who watches."""
    from tqdm import tqdm

    with tqdm(desc=item.name, unit="B", unit_scale=True, leave=False, delay=0.2, disable=None) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        return item.get(progress)


def _size(n: int) -> str:
    """A number of bytes in the unit that suits it, 1 kB being 1,000 bytes."""
    for unit, scale in (("MB", 1_000_000), ("kB", 1_000)):
        if n >= scale:
            return f"{n / scale:.1f} {unit}"
    return f"{n} B"
