"""`labkit arena`: the strategy game of chapter 3 in a terminal, or played from a script."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from labkit.files import state_dir


def default_folder() -> Path:
    """`$LABKIT_STATE/arena`; .labkit/arena in the project when that is not set."""
    return state_dir() / "arena"


def arena(
    folder: Annotated[
        Path | None,
        typer.Option(
            help="Where agents and the leaderboard are kept.", show_default="$LABKIT_STATE/arena, else .labkit/arena"
        ),
    ] = None,
    names: Annotated[str, typer.Option(help="What agents learn: names (embedded) or makemore (downloaded once).")] = (
        "names"
    ),
    seed: Annotated[
        int, typer.Option(min=0, max=2**32 - 1, help="Seeds new agents and battles: the same commands, the same game.")
    ] = 42,
) -> None:
    """Train small GPTs under an energy budget and let them compete.

    With a script, `labkit arena < script.txt`, each command is shown before its output, a command that
    fails does not stop those after it, and the exit status is 1 when any failed (130 after Ctrl+C).
    All output, errors too, is on standard output. `#` at the start of a word begins a comment.
    """
    from labkit.data import load_names

    from .shell import Shell

    try:
        data = load_names(names)
    except (ValueError, OSError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from None
    for stream in (sys.stdin, sys.stdout):
        if hasattr(stream, "reconfigure"):  # a byte or a letter that the encoding lacks ends nothing
            stream.reconfigure(errors="replace")
    shell = Shell(folder or default_folder(), data, seed)
    try:
        status = shell.interact() if sys.stdin.isatty() else shell.run_script(sys.stdin)
    except BrokenPipeError:  # `labkit arena < script | head`
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - Python flushes it on its way out
        status = 1
    raise typer.Exit(status)
