"""`labkit classroom`: hand out an assignment, grade what came in, hand back the feedback."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from labkit.grading import classroom

app = typer.Typer(help="For teachers: release, grade and return an assignment (needs nbgrader).", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The assignment, a folder in labs/assignments: 01-value.")]
Root = Annotated[Path, typer.Option(help="The course folder.", show_default="_classroom")]


@contextmanager
def _reporting() -> Iterator[None]:
    """Turn what the teacher has to mend into one sentence and exit status 1."""
    try:
        yield
    except classroom.ClassroomError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from None


@app.command()
def release(name: Name, root: Root = classroom.COURSE) -> None:
    """Make the students' version: no solutions, no hidden tests."""
    with _reporting():
        folder = classroom.release(name, root)
    typer.echo(f"{name} is released: hand out what is in {folder}")
    for path in sorted(folder.rglob("*")):
        typer.echo(f"  {path.relative_to(folder)}")


@app.command()
def grade(
    name: Name,
    root: Root = classroom.COURSE,
    timeout: Annotated[int, typer.Option(min=1, help="Seconds that one cell may take.")] = classroom.TIMEOUT,
) -> None:
    """Grade what is in submitted/STUDENT/NAME/NAME.ipynb and write grades-NAME.csv."""
    with _reporting():
        rows = classroom.grade(name, root, timeout)
    width = max(len(row.student) for row in rows)
    for row in rows:
        points = "" if row.total is None else f"{row.total:g} of {row.maximum:g}"
        notes = [row.detail] if row.detail else []
        notes += ["a written answer waits"] if row.needs_hand_grading else []
        typer.echo(f"{row.student:<{width}}  {row.status:<11}  {points:<10}  {'; '.join(notes)}".rstrip())
    counts = Counter(str(row.status) for row in rows)
    typer.echo(f"{len(rows)} submissions: {', '.join(f'{count} {status}' for status, count in counts.items())}")
    typer.echo(f"written: {root / f'grades-{name}.csv'}")


@app.command()
def feedback(name: Name, root: Root = classroom.COURSE) -> None:
    """Write an HTML page for every graded submission."""
    with _reporting():
        pages = classroom.feedback(name, root)
    typer.echo(f"{len(pages)} pages:")
    for page in pages:
        typer.echo(f"  {page}")


@app.command()
def mark(
    name: Name,
    student: Annotated[str, typer.Argument(help="The student's id.")],
    points: Annotated[float, typer.Argument(help="Points for the written question.")],
    comment: Annotated[str, typer.Option(help="Shown to the student in the feedback.")] = "",
    root: Root = classroom.COURSE,
) -> None:
    """Enter the points for a written answer, after `grade`."""
    with _reporting():
        row = classroom.mark(name, student, points, comment, root)
    typer.echo(f"{student}: {row.total:g} of {row.maximum:g}")
