"""Release, grade and hand back an assignment: nbgrader, made safe to run over whatever came in.

    _classroom/
      students.txt                         who is expected, one id a line (optional; yours)
      submitted/STUDENT/NAME/NAME.ipynb    what came in (yours; never changed)
      source/  release/NAME/               the assignment as nbgrader needs it; what students get
      prepared/  autograded/               submissions on their way through
      feedback/STUDENT/NAME/NAME.html      what students get back
      grades-NAME.csv  gradebook.db        the result

Two things are done around nbgrader. Each submission is *prepared*: a copy in which the grading cells
are the assignment's own, at the end, so that a copied, moved, edited or deleted cell changes nothing.
And each ends with a status, so that a file that could not be graded is never a row of zeros. The
reference solution is graded first; when it does not pass, nobody is graded.

Grading runs the learners' code with the rights of whoever starts it: use an account or a container
without anything to lose.
"""

import importlib.util
import logging
import os
import re
import shutil
import sys
import sysconfig
import tempfile
import warnings
from pathlib import Path
from typing import NamedTuple

from labkit.files import ROOT, write_atomic

from .assignment import ASSIGNMENTS, HIDDEN_TESTS
from .grades import Row, Status, read_csv, write_csv
from .submission import prepared_cells, timed_out_cells

COURSE = ROOT / "_classroom"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]*")
CODE_STUB = 'raise NotImplementedError("not written yet: put your code in place of this line")'
TEXT_STUB = "*Write your answer here, in place of this line.*"
TIMEOUT = 30


class ClassroomError(Exception):
    """Something the teacher has to mend; the message says what."""


class Failure(NamedTuple):
    """What stopped a step: the exception's name and message."""

    kind: str
    message: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.message}"


def release(name: str, root: Path = COURSE) -> Path:
    """Make the students' version of an assignment: no solutions, no hidden tests.

    Args:
        name: the folder under labs/assignments.
        root: the course folder.

    Returns:
        The folder to hand out.

    Raises:
        ClassroomError: if there is no such assignment, or its reference solution does not pass.
    """
    _require_nbgrader()
    _check_reference(_source(name))
    return _generate(name, root)


def grade(name: str, root: Path = COURSE, timeout: int = TIMEOUT) -> list[Row]:
    """Grade every submission of an assignment and write grades-NAME.csv.

    Args:
        name: the folder under labs/assignments.
        root: the course folder.
        timeout: seconds that one cell may take.

    Returns:
        One row a student, sorted.

    Raises:
        ClassroomError: if there is no such assignment or nothing is submitted, or if the reference
            solution does not pass its own tests here.
    """
    _require_nbgrader()
    source = _source(name)
    students = _students(root)
    if not students:
        raise ClassroomError(f"nothing to grade: put submissions in {root / 'submitted'}/STUDENT/{name}/{name}.ipynb")
    _check_reference(source)
    _generate(name, root)
    rows = [_grade_one(name, student, root, timeout) for student in students]
    write_csv(rows, _table(name, root))
    return rows


def feedback(name: str, root: Path = COURSE) -> list[Path]:
    """Write one HTML page for every graded submission.

    Args:
        name: the folder under labs/assignments.
        root: the course folder.

    Returns:
        The pages.

    Raises:
        ClassroomError: if nothing is graded yet, or a page could not be written.
    """
    _require_nbgrader()
    from nbgrader.converters import GenerateFeedback

    _source(name)
    if not list(root.glob(f"autograded/*/{name}/{name}.ipynb")):
        raise ClassroomError(f"nothing is graded yet: run `labkit classroom grade {name}` first")
    failure = _convert(GenerateFeedback, name, root)
    if failure:
        raise ClassroomError(f"nbgrader could not write the feedback for {name}: {failure}")
    return sorted(root.glob(f"feedback/*/{name}/{name}.html"))


def mark(name: str, student: str, points: float, comment: str = "", root: Path = COURSE) -> Row:
    """Enter the points for the written question of one student, and bring grades-NAME.csv up to date.

    Args:
        name: the folder under labs/assignments.
        student: the student's id.
        points: from 0 to the question's maximum.
        comment: shown to the student in the feedback.
        root: the course folder.

    Returns:
        The student's new row.

    Raises:
        ClassroomError: if the submission is not graded yet, or the points are out of range.
    """
    _require_nbgrader()
    from nbgrader.api import Gradebook

    rows = read_csv(_table(name, root))
    place = next((i for i, row in enumerate(rows) if row.student == student and row.points), None)
    if place is None:
        raise ClassroomError(f"no graded submission of {name} by {student!r} in {_table(name, root)}")
    with Gradebook(_database(root)) as gradebook:
        written = [
            cell.name for cell in gradebook.find_notebook(name, name).grade_cells if cell.cell_type == "markdown"
        ]
        if len(written) != 1:
            raise ClassroomError(f"{name} has {len(written)} written questions; `mark` is for one")
        entry = gradebook.find_grade(written[0], name, name, student)
        if not 0 <= points <= entry.max_score:
            raise ClassroomError(f"{points:g} points for {written[0]}: from 0 to {entry.max_score:g} can be given")
        entry.manual_score, entry.needs_manual_grade = points, False
        gradebook.find_comment(written[0], name, name, student).manual_comment = comment or None
        gradebook.db.commit()
    rows[place] = _graded_row(name, student, root, rows[place].status, rows[place].detail)
    write_csv(rows, _table(name, root))
    return rows[place]


# -- the course folder


def _source(name: str) -> Path:
    """The folder of an assignment's source, once the name is sure to be one."""
    known = sorted(path.parent.name for path in ASSIGNMENTS.glob("*/*.ipynb") if path.stem == path.parent.name)
    if name not in known:
        raise ClassroomError(f"no assignment {name!r} in {ASSIGNMENTS}; there is: {', '.join(known) or 'none'}")
    return ASSIGNMENTS / name


def _students(root: Path) -> list[str]:
    """Whoever submitted something or is in students.txt."""
    roster = root / "students.txt"
    expected = roster.read_text(encoding="utf-8").split() if roster.is_file() else []
    return sorted({*expected, *(path.name for path in root.glob("submitted/*") if not path.name.startswith("."))})


def _table(name: str, root: Path) -> Path:
    return root / f"grades-{name}.csv"


def _database(root: Path) -> str:
    return f"sqlite:///{(root / 'gradebook.db').resolve()}"


def _generate(name: str, root: Path) -> Path:
    """Copy the source without its hidden tests into the course, and make the release from it."""
    from nbgrader.converters import GenerateAssignment

    copy = root / "source" / name
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(
        _source(name), copy, ignore=shutil.ignore_patterns(HIDDEN_TESTS, "__pycache__", ".ipynb_checkpoints")
    )
    failure = _convert(GenerateAssignment, name, root)
    if failure:
        raise ClassroomError(f"nbgrader could not make the release of {name}: {failure}")
    return root / "release" / name


# -- nbgrader


def _require_nbgrader() -> None:
    """Stop with advice where nbgrader is missing; else let it find its own tools."""
    if importlib.util.find_spec("nbgrader") is None:
        raise ClassroomError(
            "nbgrader is not installed in this environment: use .venv-classroom/bin/labkit "
            "(made by `python3 tools/setup_env.py classroom`), or pip install -e .[classroom]"
        )
    # nbgrader starts `alembic` by that name, which an environment that is not activated does not have.
    scripts, path = sysconfig.get_path("scripts"), os.environ.get("PATH", os.defpath)
    if scripts not in path.split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join([scripts, path])


class _Causes(logging.Handler):
    """Keeps the exception that nbgrader logs, since it raises something general in its place."""

    cause: BaseException | None = None

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.ERROR:
            self.cause = sys.exc_info()[1] or self.cause


def _convert(converter: type, name: str, root: Path, student: str = "*", timeout: int = TIMEOUT) -> Failure | None:
    """Run one of nbgrader's converters over an assignment; say what stopped it, if anything did."""
    from nbgrader.coursedir import CourseDirectory
    from traitlets.config import Config

    root.mkdir(parents=True, exist_ok=True)
    config = Config()
    config.CourseDirectory.root = str(root.resolve())
    config.CourseDirectory.assignment_id = name
    config.CourseDirectory.student_id = student
    config.CourseDirectory.submitted_directory = "prepared"
    config.ClearSolutions.code_stub = {"python": CODE_STUB}
    config.ClearSolutions.text_stub = TEXT_STUB
    config.ExecutePreprocessor.timeout = timeout
    # A cell has ended, and its last output is on the way: within 4 s, says nbgrader, which a busy machine may miss.
    config.ExecutePreprocessor.iopub_timeout = timeout
    config.Execute.extra_arguments = ["--log-level=ERROR"]
    causes = _Causes()
    log = logging.Logger("nbgrader")  # on its own: nothing of it reaches the terminal
    log.addHandler(causes)
    run = converter(coursedir=CourseDirectory(config=config, log=log), config=config, log=log, force=True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # sqlalchemy's, about nbgrader
            run.start()
    except Exception as error:
        cause = causes.cause or error
        return Failure(type(cause).__name__, " ".join(str(cause).split())[:200])
    return None


def _check_reference(source: Path) -> None:
    """Run the source notebook, hidden tests and all: what fails for the solution would fail for everyone."""
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(source / f"{source.name}.ipynb", as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        NotebookClient(
            notebook,
            timeout=TIMEOUT,
            allow_errors=True,
            kernel_name="python3",
            resources={"metadata": {"path": folder}},
            extra_arguments=["--log-level=ERROR"],
        ).execute()
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                raise ClassroomError(
                    f"the reference solution of {source.name} does not pass here (cell {cell.id}): "
                    f"{output.ename}: {output.evalue}"
                )


# -- one submission


def _grade_one(name: str, student: str, root: Path, timeout: int) -> Row:
    """Prepare and autograde one submission; every way it can fail is a status."""
    from nbgrader.converters import Autograde

    for folder in ("prepared", "autograded", "feedback"):  # nothing of an earlier submission stays
        if NAME.fullmatch(student):
            shutil.rmtree(root / folder / student / name, ignore_errors=True)
    problem = _prepare(name, student, root)
    if problem:
        return Row(student, *problem, *_no_points(name, root))
    failure = _convert(Autograde, name, root, student, timeout)
    if failure:
        known = {
            "DeadKernelError": (Status.KERNEL_DIED, "its Python process ended (os._exit, a crash, too much memory)"),
            "CellTimeoutError": (Status.TIMED_OUT, f"a cell ran for over {timeout} s and could not be interrupted"),
        }
        status, detail = known.get(failure.kind, (Status.FAILED, str(failure)))
        return Row(student, status, detail, *_no_points(name, root))
    late = timed_out_cells(root / "autograded" / student / name / f"{name}.ipynb")
    if late:
        detail = f"stopped after {timeout} s: {', '.join(late)}; the rest is graded"
        return _graded_row(name, student, root, Status.TIMED_OUT, detail)
    return _graded_row(name, student, root, Status.GRADED)


def _prepare(name: str, student: str, root: Path) -> tuple[Status, str] | None:
    """Write the prepared copy of a submission; say why when there is none to write."""
    import nbformat

    submitted = root / "submitted"
    path = submitted / student / name / f"{name}.ipynb"
    if not NAME.fullmatch(student):
        return Status.REFUSED, "a student id is made of letters, digits and . _ @ -"
    if not path.resolve().is_relative_to(submitted.resolve() / student):
        return Status.REFUSED, "the file is a link that leaves the student's folder"
    if not path.is_file():
        others = sorted(other.name for other in path.parent.glob("*.ipynb"))
        return Status.MISSING, f"found {', '.join(others)}, not {name}.ipynb" if others else ""
    released = nbformat.read(root / "release" / name / f"{name}.ipynb", as_version=4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about cell ids that come twice; nbformat mends them
        try:
            notebook = nbformat.reads(path.read_text(encoding="utf-8"), as_version=4)
            notebook.cells = prepared_cells(notebook.cells, released.cells)
            text = nbformat.writes(notebook)
        except Exception as error:  # a file can be broken in any way
            return Status.CORRUPT, f"not a notebook: {type(error).__name__}"
    write_atomic(root / "prepared" / student / name / f"{name}.ipynb", text)
    return None


# -- the table


def _no_points(name: str, root: Path) -> tuple[dict[str, float | None], float]:
    from nbgrader.api import Gradebook

    with Gradebook(_database(root)) as gradebook:
        cells = gradebook.find_notebook(name, name).grade_cells
        return {}, sum(cell.max_score for cell in cells)


def _graded_row(name: str, student: str, root: Path, status: Status, detail: str = "") -> Row:
    """What the gradebook has for one student."""
    from nbgrader.api import Gradebook

    with Gradebook(_database(root)) as gradebook:
        notebook = gradebook.find_submission_notebook(name, name, student)
        order = {cell.name: place for place, cell in enumerate(gradebook.find_notebook(name, name).source_cells)}
        grades = sorted(notebook.grades, key=lambda entry: order[entry.name])
        return Row(
            student,
            status,
            detail,
            {e.name: None if e.manual_score is None and e.auto_score is None else e.score for e in grades},
            notebook.max_score,
            any(entry.needs_manual_grade for entry in grades),
        )
