"""How the commands report what the user has to mend."""

import os
import signal
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

Overwrite = Annotated[bool, typer.Option("--overwrite", help="Write over an older file.")]


@contextmanager
def reporting() -> Iterator[None]:
    """Turn what the user has to mend into one line and exit status 1."""
    try:
        yield
    except BrokenPipeError:  # of `| head`: nothing is wrong, and typer ends quietly
        raise
    except (ValueError, OSError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from None


@contextmanager
def interruptible() -> Iterator[None]:
    """Ctrl+C ends in one line; for commands that write a file only when it is whole."""
    try:
        yield
    except KeyboardInterrupt:
        typer.echo("stopped; nothing was written", err=True)
        raise typer.Exit(130) from None


@contextmanager
def stopping() -> Iterator[threading.Event]:
    """Ctrl+C is noted, for the loop to stop after the step, when the state is whole; the second one stops at once."""
    asked = threading.Event()

    def note(*_: object) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()

    before = signal.signal(signal.SIGINT, note)
    try:
        yield asked
    finally:
        signal.signal(signal.SIGINT, before)


def check_output(output: Path, overwrite: bool, sources: Iterable[str | Path] = ()) -> None:
    """That a command's result can be written, before the work.

    Args:
        output: where it is to go.
        overwrite: whether an older file may be written over.
        sources: what the command reads: never written over.

    Raises:
        ValueError: if it cannot; it says what to name in its place.
    """
    if output.is_dir():
        raise ValueError(f"{output} is a folder; --output names a file")
    for source in sources:
        if output.exists() and Path(source).exists() and output.samefile(source):
            raise ValueError(f"{output} is what is read: --output names another file")
    if output.exists() and not overwrite:
        raise ValueError(f"{output} is there already: --overwrite writes over it, --output names another file")
    folder = next(folder for folder in output.absolute().parents if folder.exists())  # the others are made, at the end
    if not folder.is_dir():
        raise ValueError(f"{folder} is a file, so there can be no {output}: --output names a file elsewhere")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ValueError(f"{folder} may not be written to: --output names a file elsewhere")
