"""`labkit routes`: climbing routes out of a board's database, and simulated ones."""

from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .reporting import Overwrite, check_output, interruptible, reporting

if TYPE_CHECKING:
    from labkit.routes import Route

app = typer.Typer(help="Climbing routes: import or simulate them, learn to read and write them.", no_args_is_help=True)

Output = Annotated[Path, typer.Option("--output", "-o", help="Where the routes go.")]
DATABASES = (".db", ".sqlite", ".sqlite3")
ALL = "all"


@app.command("import")
def import_command(
    database: Annotated[
        Path,
        typer.Argument(
            metavar="DB",
            help="The SQLite file that `boardlib database` downloaded; only read.",
            show_default=False,
        ),
    ],
    board: Annotated[
        str,
        typer.Option(help="Which board: a file's name in datasets/boards, such as kilter.", show_default=False),
    ],
    output: Output = Path("routes.csv"),
    overwrite: Overwrite = False,
) -> None:
    """Write the routes of a board's database as a table, and say what was left out and why.

    For example: labkit routes import kilter.db --board kilter --output routes.csv
    """
    from labkit.routes import board_configs
    from labkit.routes.boardlib import import_routes
    from labkit.routes.table import write_routes

    with reporting(), interruptible():
        configs = board_configs()
        if board not in configs:
            raise ValueError(f"there is no board {board!r}; there are: {', '.join(configs)}")
        check_output(output, overwrite, [database])
        imported = import_routes(database, configs[board])
        first = next(imported.routes, None)
        if first is None:
            typer.echo("\n".join(imported.report.lines()), err=True)
            raise ValueError(f"{database} has no route of {configs[board].name} to keep; {output} is not written")
        write_routes(output, _counted(chain([first], imported.routes), None), [configs[board]])
    typer.echo("\n".join(imported.report.lines()))
    typer.echo(f"the routes are in {output}")


@app.command()
def simulate(
    n: Annotated[int, typer.Option(help="How many routes.", min=1)] = 1000,
    board: Annotated[str, typer.Option(help=f"Which simulated board: tension, kilter or {ALL}.")] = ALL,
    seed: Annotated[int, typer.Option(help="The same seed gives the same routes.")] = 0,
    output: Output = Path("simulated-routes.csv"),
    overwrite: Overwrite = False,
) -> None:
    """Write simulated routes: no board's, no person's. As a table, or, into a file.db, as a board's database.

    For example: labkit routes simulate --n 100000 --board kilter --output simulated.db
    """
    from labkit.routes.boardlib import write_database
    from labkit.routes.setter import simulate as simulated_routes
    from labkit.routes.simulated import LAYOUTS, simulated_board
    from labkit.routes.table import write_routes

    with reporting(), interruptible():
        as_database = output.suffix.lower() in DATABASES
        if not as_database and output.suffix.lower() != ".csv":
            raise ValueError(f"--output ends in .csv, or in {', '.join(DATABASES)} for a database, got {output}")
        if as_database and board == ALL:
            raise ValueError(f"a database is of one board: name it with --board, {' or '.join(LAYOUTS)}")
        boards = [simulated_board(name) for name in (LAYOUTS if board == ALL else [board])]
        check_output(output, overwrite)
        routes = _counted(simulated_routes(boards, n, seed), n)
        written = write_database(output, boards[0], routes) if as_database else write_routes(output, routes)
    names = " and ".join(each.config.name for each in boards)
    typer.echo(f"{written:,} simulated routes on {names} (simulated boards) are in {output}")


def _counted(routes: Iterable["Route"], total: int | None) -> Iterator["Route"]:
    """The routes, with a bar on stderr for somebody who watches."""
    from tqdm import tqdm

    yield from tqdm(routes, total=total, unit="route", leave=False, delay=0.2, disable=None)
