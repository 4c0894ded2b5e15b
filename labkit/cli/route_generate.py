"""`labkit routes generate`: routes to order, to be typed into the board's app."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from labkit.routes import Board, Route, frames, parse_frames, v_grade

from .reporting import Overwrite, check_output, interruptible, reporting
from .route_draw import check_picture, picture
from .route_folder import (
    BestOf,
    Folder,
    Guidance,
    How,
    Models,
    Temperature,
    TopK,
    TopP,
    board_named,
    load_models,
    write_table,
)

if TYPE_CHECKING:
    from labkit.routes.generator import Wish


def generate(
    folder: Folder,
    board: Annotated[str, typer.Option(help="Which board: TB2, KIL.", show_default=False)],
    angle: Annotated[int, typer.Option(help="Degrees from vertical, by fives.", show_default=False)],
    grade: Annotated[str, typer.Option(help="A V grade, such as 6, or any.")] = "any",
    n: Annotated[int, typer.Option("-n", "--n", help="How many routes.", min=1)] = 5,
    temperature: Temperature = None,
    top_k: TopK = None,
    top_p: TopP = None,
    guidance: Guidance = None,
    best_of: BestOf = None,
    holds: Annotated[
        str | None,
        typer.Option(metavar="FRAMES", help="Holds that each route must have, such as p344r5p369r6."),
    ] = None,
    mirror: Annotated[bool, typer.Option("--mirror", help="Each route's mirror image, too.")] = False,
    free: Annotated[
        bool, typer.Option("--free", help="Without the grammar: what comes may be no route, and is then said to be.")
    ] = False,
    seed: Annotated[int | None, typer.Option(help="For the same routes again.", min=0, show_default="none")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE.csv", help="Write a table.", show_default=False)
    ] = None,
    draw: Annotated[Path | None, typer.Option(metavar="FILE.png", help="Draw the routes.", show_default=False)] = None,
    overwrite: Overwrite = False,
) -> None:
    """Write routes for a board, an angle and a grade, and say how hard they are.

    The frames are what the board's app understands. For example:
    labkit routes generate route-models --board TB2 --angle 40 --grade 6 -n 5
    """
    with reporting(), interruptible():
        _check_files(output, draw, overwrite, n * (1 + mirror))
        models = load_models(folder)
        on = board_named(board, models.boards)
        wish = _wish(on, angle, grade, holds)
        if mirror and not on.config.mirrored:
            raise ValueError(f"--mirror: {on.config.name} is not the same on both sides")
        if free and ((best_of or 1) > 1 or wish.holds):
            raise ValueError("--free takes what comes first: leave out --best-of and --holds")
        asked = 1 if free else best_of
        how = How.asked(models.reader is not None, temperature, top_k, top_p, guidance, asked, seed)
        routes = _free(how, models, wish, n) if free else how.routes(models, [wish] * n)
        if mirror:
            routes = _with_mirrors(routes, on, models)
        for number, route in enumerate(routes, start=1):
            typer.echo("\n".join(_told(number, route, wish, models.boards)))
        if output is not None:
            write_table(output, routes, [wish] * len(routes), models.boards)
            typer.echo(f"the routes are in {output}")
        if draw is not None and routes:
            picture(draw, routes, models.boards)
            typer.echo(f"the picture is {draw}")


def _check_files(output: Path | None, draw: Path | None, overwrite: bool, n: int) -> None:
    """That what is asked for can be written.

    Raises:
        ValueError: if not.
    """
    from labkit.plots.routes import MOST_PANELS

    if output is not None:
        if output.suffix.lower() != ".csv":
            raise ValueError(f"--output ends in .csv, got {output}")
        check_output(output, overwrite)
    if draw is not None:
        check_picture(draw, overwrite)
        if n > MOST_PANELS:
            raise ValueError(f"--draw draws up to {MOST_PANELS} routes, not {n}: draw some of them from --output")


def _wish(board: Board, angle: int, grade: str, holds: str | None) -> "Wish":
    """What is asked for.

    Raises:
        ValueError: for a grade that is none, or what are no frames; the rest is said by the generator.
    """
    from labkit.routes.generator import Wish

    wanted: int | Literal["any"] = "any"
    if grade.lower() != "any":
        digits = grade.lower().removeprefix("v")
        if not (digits.isascii() and digits.isdigit()):
            raise ValueError(f"--grade is a V grade such as 6, or any, got {grade!r}")
        wanted = int(digits)
    had = parse_frames(holds.strip(), board.config) if holds else ()
    return Wish(board.key, angle, wanted, had)


def _free(how: How, models: Models, wish: "Wish", n: int) -> list[Route]:
    """What comes without the grammar; what is no route is told, and left out."""
    written = how.free(models, [wish] * n)
    for each in written:
        if each.route is None:
            typer.echo(f"no route: {each.problem}\n  {models.generator.tokenizer.decode(each.ids)}")
    routes = [each.route for each in written if each.route is not None]
    typer.echo(f"without the grammar {len(routes)} of {n} are routes")
    return _read(routes, models)


def _read(routes: Sequence[Route], models: Models) -> list[Route]:
    """With the difficulty that the reader reads; without a reader, with none."""
    read: Iterable[float | None] = models.reader.predict(routes).tolist() if models.reader else [None] * len(routes)
    return [replace(route, difficulty=each) for route, each in zip(routes, read, strict=True)]


def _with_mirrors(routes: Sequence[Route], board: Board, models: Models) -> list[Route]:
    """Each route, and after it its mirror image; where a hold has no twin there is none."""
    from labkit.routes.novelty import mirror_image

    found: list[Route] = []
    for route in routes:
        found.append(route)
        if image := mirror_image(route, board):
            found += _read([image], models)
        else:
            typer.echo(f"route {len(found)} has no mirror image: one of its holds has no twin", err=True)
    return found


def _told(number: int, route: Route, wish: "Wish", boards: Mapping[str, Board]) -> list[str]:
    """A route in three lines: how hard, its frames, its holds."""
    from labkit.routes.bulk import simulator

    board = boards[route.board]
    asked = "any grade" if wish.grade == "any" else f"V{wish.grade}"
    grades = []
    if route.difficulty is not None:
        grades.append(f"V{v_grade(route.difficulty)} by the reader ({route.difficulty:.1f})")
    if board.is_simulated:
        true = simulator(boards)(route)
        grades.append(f"V{v_grade(true)} by the simulator ({true:.1f}; the board is simulated)")
    holds = ", ".join(f"{hold.placement} {hold.role}" for hold in route.holds)
    return [
        f"{number}. {board.key} at {route.angle}°, {asked} asked for" + (": " + ", ".join(grades) if grades else ""),
        f"   frames: {frames(route.holds, board.config)}",
        f"   {len(route.holds)} holds: {holds}",
    ]
