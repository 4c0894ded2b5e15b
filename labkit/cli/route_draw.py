"""`labkit routes draw`: routes on their boards, as a picture; from frames or out of a table."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from labkit.files import write_atomic
from labkit.routes import Board, Route, parse_frames

from .reporting import Overwrite, check_output, interruptible, reporting
from .route_folder import board_named, load_models

PICTURES = (".png", ".svg", ".pdf")
DPI = 160


def draw(
    what: Annotated[
        str,
        typer.Argument(
            metavar="FRAMES|FILE.csv", help="A route as the app writes it, or a table of routes.", show_default=False
        ),
    ],
    board: Annotated[
        str | None, typer.Option(help="The board of the frames: TB2, KIL.", show_default="a table says it")
    ] = None,
    angle: Annotated[int | None, typer.Option(help="For the title of frames.", min=0, show_default="none")] = None,
    row: Annotated[
        list[int] | None, typer.Option(help="Which route of the table, from 1; may be repeated.", min=1)
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="A folder that `labkit routes train` wrote: it knows where the board's holds are.",
            show_default="the simulated boards",
        ),
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the picture goes.")] = Path("route.png"),
    overwrite: Overwrite = False,
) -> None:
    """Draw a route on its board, or the routes of a table side by side.

    For example: labkit routes draw p344r5p369r6p603r7 --board TB2 --angle 40
    """
    from labkit.routes.table import read_routes

    with reporting(), interruptible():
        is_table = what.lower().endswith(".csv")
        check_picture(output, overwrite, [what] if is_table else [])
        boards = load_models(model).boards if model is not None else _simulated()
        if is_table:
            if board is not None or angle is not None:
                raise ValueError(f"--board and --angle are for frames: {what} says them itself")
            routes = _rows(list(read_routes(what)), row or [], what)
        else:
            if row:
                raise ValueError("--row is for a table of routes, a file that ends in .csv")
            if board is None:
                raise ValueError(f"--board says whose holds the frames name: {' or '.join(boards)}")
            on = board_named(board, boards)
            if angle is not None and angle not in on.config.angles:
                raise ValueError(f"--angle of {on.config.name} is 0, 5 … {on.config.max_angle} degrees, got {angle}")
            routes = [Route(on.key, 0 if angle is None else angle, parse_frames(what.strip(), on.config))]
        known_holds(routes, boards, " (on the simulated board; --model DIR names another)" * (model is None))
        picture(output, routes, boards, with_angle=is_table or angle is not None)
    on_simulated = " on simulated boards" if model is None else ""
    typer.echo(f"{len(routes)} route{'s' * (len(routes) != 1)}{on_simulated} drawn; the picture is {output}")


def check_picture(path: Path, overwrite: bool, sources: Sequence[str] = ()) -> None:
    """That a picture can be written there.

    Raises:
        ValueError: if not.
    """
    if path.suffix.lower() not in PICTURES:
        raise ValueError(f"a picture ends in {', '.join(PICTURES)}, got {path}")
    check_output(path, overwrite, sources)


def known_holds(routes: Sequence[Route], boards: Mapping[str, Board], hint: str = "") -> None:
    """That all holds are on their boards.

    Raises:
        ValueError: for the first that is not.
    """
    for route in routes:
        board = board_named(route.board, boards)
        for hold in route.holds:
            if hold.placement not in board.placements:
                raise ValueError(f"board {board.key} has no placement {hold.placement}{hint}")


def picture(path: Path, routes: Sequence[Route], boards: Mapping[str, Board], with_angle: bool = True) -> None:
    """Write one route large, or several side by side.

    Args:
        path: its ending says the format.
        routes: to draw; `known_holds` has looked at them.
        boards: key -> board.
        with_angle: whether the angle of a single route is known.
    """
    import matplotlib as mpl

    mpl.use("Agg")  # no window, wherever it runs
    import matplotlib.pyplot as plt

    from labkit.plots import draw_route, draw_routes, style

    content = io.BytesIO()
    with style():
        if len(routes) == 1:
            route = routes[0]
            angle = route.angle if with_angle else None
            ax = draw_route(boards[route.board], route.holds, angle=angle, grade=route.difficulty)
        else:
            ax = draw_routes(boards, routes)[0]
        figure = ax.get_figure(root=True)
        assert figure is not None
        try:
            figure.savefig(content, format=path.suffix[1:].lower(), dpi=DPI, bbox_inches="tight")
        finally:
            plt.close(figure)
    write_atomic(path, content.getvalue())


def _simulated() -> dict[str, Board]:
    from labkit.routes.simulated import LAYOUTS, simulated_board

    return {board.key: board for board in map(simulated_board, LAYOUTS)}


def _rows(routes: list[Route], rows: Sequence[int], source: str) -> list[Route]:
    """Those asked for; all when none are.

    Raises:
        ValueError: for a row that is not there, and more than a picture holds.
    """
    from labkit.plots.routes import MOST_PANELS

    if beyond := [row for row in rows if row > len(routes)]:
        raise ValueError(f"--row {beyond[0]}: {source} has {len(routes):,} routes")
    chosen = [routes[row - 1] for row in rows] or routes
    if not 0 < len(chosen) <= MOST_PANELS:
        raise ValueError(f"{source} has {len(chosen):,} routes, a picture 1 … {MOST_PANELS}: choose with --row")
    return chosen
