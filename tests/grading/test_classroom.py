"""Each assignment through nbgrader: release, grade, feedback; known-wrong solutions and, for one, broken submissions.

    .venv-classroom/bin/python -m pytest tests/grading -m classroom

All submissions of an assignment are graded in one course (about two seconds each), once for the whole module.
"""

import copy
import csv
import json
import shutil

import pytest
from typer.testing import CliRunner

from labkit.cli import app
from labkit.grading import classroom
from labkit.grading.assignment import ASSIGNMENTS
from labkit.grading.classroom import ClassroomError
from labkit.grading.grades import Row, Status, read_csv

pytestmark = pytest.mark.classroom
pytest.importorskip("nbgrader", reason="nbgrader is not here: use .venv-classroom (tools/setup_env.py classroom)")

NAME = "01-value"  # what is handed in broken, copied, late or not at all is this one
RECURSIVE = "topological_order__recursive"
"""The one whose feedback is read: it fails by an exception of its own."""
TIMEOUT = 8
SWALLOWS_INTERRUPTS = """
import time
while True:
    try:
        time.sleep(60)
    except BaseException:
        pass
"""


# -- submissions: notebooks, made from the source (all solved) or the release (nothing solved)


def source_of(cell):
    return "".join(cell["source"])


def cell_of(notebook, cell_id):
    return next(cell for cell in notebook["cells"] if cell["id"] == cell_id)


def with_source(notebook, cell_id, source):
    result = copy.deepcopy(notebook)
    cell_of(result, cell_id)["source"] = source
    return result


def without(notebook, *cell_ids):
    return notebook | {"cells": [cell for cell in notebook["cells"] if cell["id"] not in cell_ids]}


def with_code(notebook, source, place=3):
    """A cell of the student's own."""
    cell = {"cell_type": "code", "id": "own", "metadata": {}, "source": source, "outputs": [], "execution_count": None}
    return notebook | {"cells": [*notebook["cells"][:place], cell, *notebook["cells"][place:]]}


def edited(notebook):
    """Copied, moved and emptied cells, cells of its own, an answer in the first of two copies, outputs."""
    result = with_code(copy.deepcopy(notebook), "import sys\nprint('a warning', file=sys.stderr)\n1 / 0")
    cells = result["cells"]
    cells.append(copy.deepcopy(cell_of(result, "grade-power")))  # the same test twice
    cells.insert(2, copy.deepcopy(cell_of(result, "write-mul")))  # the same solution twice
    cells.insert(0, copy.deepcopy(cell_of(result, "check-backward")))  # before there is anything to check
    cell_of(result, "grade-mul")["source"] = "print('changed by the student')"
    cells.remove(moved := cell_of(result, "write-backward"))
    cells.append(moved)  # its definition after its test
    cell_of(result, "why-add")["source"] = "x * x: 3 instead of 6, since both paths count."
    cells.append(copy.deepcopy(cell_of(result, "why-add")) | {"source": classroom.TEXT_STUB})
    cell_of(result, "check-mul")["metadata"] = {"nbgrader": {"grade_id": "check-mul", "schema_version": 1}}
    cell_of(result, "check-power")["metadata"] = {"nbgrader": {"grade_id": "unknown", "grade": True, "points": 100}}
    cell_of(result, "setup")["outputs"] = [{"output_type": "stream", "name": "stderr", "text": "old"}]
    return result


def stripped(notebook):
    """Saved by a tool that drops all metadata."""
    return notebook | {"metadata": {}, "cells": [cell | {"metadata": {}} for cell in notebook["cells"]]}


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """By assignment: a course with everybody's submission graded; its rows by student, and its folder."""
    courses = {}

    def course_of(assignment):
        if assignment.name not in courses:
            courses[assignment.name] = new_course(assignment, tmp_path_factory.mktemp("course"))
        return courses[assignment.name]

    return course_of


@pytest.fixture
def each_course(graded, assignment):
    return graded(assignment)


@pytest.fixture(scope="module")
def course(graded, assignment_named):
    """The one with broken submissions too."""
    return graded(assignment_named(NAME))


@pytest.fixture(scope="module")
def full(assignment_named):
    return assignment_named(NAME).functions


def new_course(assignment, root):
    released = json.loads((classroom.release(assignment.name, root) / f"{assignment.name}.ipynb").read_text("utf-8"))
    submissions = {"reference": assignment.notebook, "released": released}
    deep = {stem: path for stem, path in assignment.wrong.items() if stem == RECURSIVE}
    for stem, path in (assignment.one_wrong_each | deep).items():
        function = stem.split("__")[0]
        submissions[stem] = with_source(assignment.notebook, f"write-{function}", path.read_text(encoding="utf-8"))
    if assignment.name == NAME:
        submissions |= changed(assignment.notebook, assignment.functions)
        submit_broken(root, json.dumps(assignment.notebook))
    for student, notebook in submissions.items():
        submit(root, student, json.dumps(notebook), assignment.name)
    # Only the course with broken submissions has cells that never end; the others are not to fail on a busy machine.
    timeout = TIMEOUT if assignment.name == NAME else 60
    return {row.student: row for row in classroom.grade(assignment.name, root, timeout=timeout)}, root


def changed(solved, functions):
    """By student, notebooks that were worked on with a heavy hand, or do harm."""
    return {
        "edited": edited(solved),
        "deleted": without(solved, "setup", "node-class", "why-add", *(f"grade-{f}" for f in functions)),
        "stripped": stripped(solved),
        "stopped": with_code(solved, "while True:\n    pass"),
        "hangs": with_code(solved, SWALLOWS_INTERRUPTS),
        "dies": with_source(solved, "write-mul", "import os\n\n\ndef mul(a, b):\n    os._exit(1)"),
    }


def submit_broken(root, solved):
    """Files that are no notebooks of a known student."""
    submit(root, "corrupt", solved[:2000])
    submit(root, "not a name", solved)
    (root / "submitted" / "renamed" / NAME).mkdir(parents=True)
    (root / "submitted" / "renamed" / NAME / "homework.ipynb").write_text(solved)
    (root / "submitted" / "linked" / NAME).mkdir(parents=True)
    (root / "submitted" / "linked" / NAME / f"{NAME}.ipynb").symlink_to(ASSIGNMENTS / NAME / f"{NAME}.ipynb")
    (root / "students.txt").write_text("reference\nabsent\n../outside\n")


def submit(root, student, text, name=NAME):
    path = root / "submitted" / student / name / f"{name}.ipynb"
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")


def functions(row, assignment_functions):
    return {name: points for name, points in row.points.items() if name in assignment_functions}


# -- the release


def test_the_release_has_neither_solutions_nor_hidden_tests(each_course, assignment):
    _, root = each_course
    name = assignment.name
    folder = root / "release" / name
    assert [path.name for path in folder.rglob("*")] == [f"{name}.ipynb"]
    released = json.loads((folder / f"{name}.ipynb").read_text(encoding="utf-8"))
    text = "\n".join(source_of(cell) for cell in released["cells"])
    secrets = ["SOLUTION", "HIDDEN", "hidden_tests", "import grade", "For the teacher"]
    for cell in assignment.notebook["cells"]:
        for part in source_of(cell).split("### BEGIN SOLUTION\n")[1:]:
            secrets += [line.strip() for line in part.split("### END")[0].splitlines() if len(line.strip()) > 15]
    assert len(secrets) > 20
    assert [secret for secret in secrets if secret in text] == []
    assert not list(root.rglob("hidden_tests.py"))


def test_the_release_runs_from_top_to_bottom_and_says_what_is_to_do(each_course, assignment):
    import nbformat
    from nbclient import NotebookClient

    name = assignment.name
    notebook = nbformat.read(each_course[1] / "release" / name / f"{name}.ipynb", as_version=4)
    NotebookClient(notebook, timeout=30, kernel_name="python3", coalesce_streams=True).execute()  # raises at an error
    for function in assignment.functions:
        (output,) = cell_of(notebook, f"check-{function}").outputs
        assert output.text.startswith("not yet")
        assert "not written yet: put your code in place of this line" in output.text


# -- the grades


def test_the_reference_gets_everything_but_the_written_question(each_course, assignment):
    row = each_course[0]["reference"]
    total = sum(assignment.functions.values())
    assert (row.status, functions(row, assignment.functions)) == (Status.GRADED, assignment.functions), row.detail
    assert (row.total, row.maximum) == (total, total + assignment.question_points)
    assert row.needs_hand_grading
    assert row.points[assignment.question] is None


def test_the_unmodified_release_is_graded_and_gets_nothing(each_course, assignment):
    row = each_course[0]["released"]
    nothing = dict.fromkeys(assignment.functions, 0.0)
    assert (row.status, functions(row, assignment.functions), row.total) == (Status.GRADED, nothing, 0), row.detail
    assert not row.needs_hand_grading  # nothing was written


def test_a_wrong_solution_loses_the_points_of_its_test_and_no_others(each_course, assignment, submitted):
    # All the others: test_grade.py, without nbgrader.
    row = each_course[0][submitted]
    kept = assignment.functions | {submitted.split("__")[0]: 0.0}
    assert (row.status, functions(row, assignment.functions)) == (Status.GRADED, kept), row.detail


def test_copied_moved_changed_and_added_cells_do_not_matter(course, full):
    row = course[0]["edited"]
    assert (row.status, functions(row, full)) == (Status.GRADED, full), row.detail
    assert row.needs_hand_grading  # the copy of the answer that says something


def test_lost_metadata_does_not_matter(course, full):
    row = course[0]["stripped"]
    assert (row.status, functions(row, full)) == (Status.GRADED, full), row.detail
    assert row.needs_hand_grading


def test_deleted_cells_do_not_matter(course, full):
    row = course[0]["deleted"]
    assert (row.status, functions(row, full)) == (Status.GRADED, full), row.detail
    assert row.points["why-add"] == 0
    assert not row.needs_hand_grading


@pytest.mark.parametrize(
    ("student", "status", "detail"),
    [
        ("corrupt", Status.CORRUPT, "not a notebook"),
        ("dies", Status.KERNEL_DIED, "Python process ended"),
        ("hangs", Status.TIMED_OUT, "could not be interrupted"),
        ("absent", Status.MISSING, ""),
        ("renamed", Status.MISSING, "found homework.ipynb"),
        ("linked", Status.REFUSED, "a link that leaves"),
        ("not a name", Status.REFUSED, "a student id"),
        ("../outside", Status.REFUSED, "a student id"),
    ],
)
def test_what_could_not_be_graded_is_told_apart_and_has_no_points(course, student, status, detail):
    row = course[0][student]
    assert row.status == status
    assert detail in row.detail
    assert (row.points, row.total, row.maximum) == ({}, None, 15)


def test_a_cell_that_was_stopped_is_reported_and_the_rest_is_graded(course, full):
    row = course[0]["stopped"]
    assert (row.status, functions(row, full)) == (Status.TIMED_OUT, full)
    assert "stopped after" in row.detail


def test_the_table_has_a_row_for_everybody_and_blanks_where_there_are_no_points(course):
    rows, root = course
    with (root / f"grades-{NAME}.csv").open(encoding="utf-8", newline="") as file:
        table = {line["student"]: line for line in csv.DictReader(file)}
    assert set(table) == set(rows)
    assert (table["reference"]["mul"], table["reference"]["total"], table["reference"]["max"]) == ("2", "12", "15")
    assert table["reference"]["needs_hand_grading"] == "yes"
    assert (table["dies"]["status"], table["dies"]["mul"], table["dies"]["total"]) == ("kernel died", "", "")
    assert read_csv(root / f"grades-{NAME}.csv") == [
        row if row.points else Row(row.student, row.status, row.detail, {}, row.maximum) for row in rows.values()
    ]


# -- what goes back


@pytest.fixture(scope="module")
def pages(course):
    """The feedback by student, after the written answer of one has been marked."""
    _, root = course
    call = ["classroom", "mark", NAME, "edited", "2.5", "--comment", "Which rule adds them?", "--root", str(root)]
    result = CliRunner().invoke(app, call)
    assert (result.exit_code, result.output) == (0, "edited: 14.5 of 15\n")
    return {page.parts[-3]: page.read_text(encoding="utf-8") for page in classroom.feedback(NAME, root)}


def test_the_feedback_has_the_message(pages):
    assert "dies" not in pages
    page = pages[RECURSIVE]
    assert "raised RecursionError" in page
    assert "An explicit stack (a list) has no limit" in page
    assert "grading/assignment.py" not in page


def test_nothing_of_the_hidden_tests_comes_back(each_course, assignment, request):
    _, root = each_course
    if assignment.name == NAME:
        request.getfixturevalue("pages")  # are written with the mark, and once
    written = list(root.glob("feedback/*/*/*.html")) or classroom.feedback(assignment.name, root)
    hidden = (ASSIGNMENTS / assignment.name / "hidden_tests.py").read_text(encoding="utf-8")
    code = {line.strip() for line in hidden.splitlines() if len(line.strip()) > 25 and '"' not in line}
    assert {page.parts[-3] for page in written} >= set(assignment.one_wrong_each)
    for page in written:
        text = page.read_text(encoding="utf-8")
        assert not [line for line in code if line in text]
        assert "grading/assignment.py" not in text


def test_a_mark_for_the_written_answer_goes_into_the_table_and_the_feedback(course, pages):
    _, root = course
    row = next(row for row in read_csv(root / f"grades-{NAME}.csv") if row.student == "edited")
    assert (row.points["why-add"], row.total, row.needs_hand_grading) == (2.5, 14.5, False)
    assert "Which rule adds them?" in pages["edited"]
    for student, points in (("edited", 4), ("dies", 1), ("nobody", 1)):
        with pytest.raises(ClassroomError):
            classroom.mark(NAME, student, points, root=root)


# -- the command line, and what is refused


def test_a_second_grading_forgets_the_first(course, assignment_named, tmp_path):
    root = tmp_path
    for part in ("release", "source"):
        shutil.copytree(course[1] / part, root / part)
    submit(root, "ada", json.dumps(assignment_named(NAME).notebook))
    runner = CliRunner()
    result = runner.invoke(app, ["classroom", "grade", NAME, "--root", str(root)])
    assert result.exit_code == 0, result.output
    assert "ada  graded       12 of 15    a written answer waits\n1 submissions: 1 graded\n" in result.output
    (root / "submitted" / "ada" / NAME / f"{NAME}.ipynb").write_text("{}")
    (row,) = classroom.grade(NAME, root)
    assert (row.status, row.points) == (Status.CORRUPT, {})
    with pytest.raises(ClassroomError, match="nothing is graded yet"):
        classroom.feedback(NAME, root)


@pytest.mark.parametrize("name", ["../01-value", "01-value/../01-value", "..", "", "02-none", "*"])
def test_only_an_assignment_can_be_named(name, tmp_path):
    for step in (classroom.release, classroom.grade, classroom.feedback):
        with pytest.raises(ClassroomError, match="no assignment"):
            step(name, tmp_path)
    assert not list(tmp_path.iterdir())


def test_nothing_submitted_is_said(tmp_path):
    result = CliRunner().invoke(app, ["classroom", "grade", NAME, "--root", str(tmp_path)])
    assert result.exit_code == 1
    assert "nothing to grade" in result.output


def test_nobody_is_graded_when_the_reference_fails(assignment_named, tmp_path, monkeypatch):
    folder = tmp_path / "assignments" / NAME
    shutil.copytree(ASSIGNMENTS / NAME, folder)
    notebook = with_source(assignment_named(NAME).notebook, "write-mul", WRONG_MUL)
    (folder / f"{NAME}.ipynb").write_text(json.dumps(notebook))
    monkeypatch.setattr(classroom, "ASSIGNMENTS", folder.parent)
    with pytest.raises(ClassroomError, match=r"reference solution of 01-value does not pass here \(cell grade-mul\)"):
        classroom.release(NAME, tmp_path / "course")


WRONG_MUL = "def mul(a, b):\n    ### BEGIN SOLUTION\n    return Node(0.0, (a, b), (0.0, 0.0))\n    ### END SOLUTION"
