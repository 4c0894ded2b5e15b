"""`check` and `grade`, and the hidden tests of assignment 1 against known-wrong answers; no nbgrader needed."""

import json
import sys
import traceback
from pathlib import Path

import pytest

from labkit.grading import assignment
from labkit.grading.assignment import WrongAnswerError, agree, check, grade

FOLDER = assignment.ASSIGNMENTS / "01-value"
WRONG = sorted((Path(__file__).parent / "wrong_01_value").glob("*.py"))
FUNCTIONS = ["mul", "power", "reversed_div", "topological_order", "backward", "numeric_gradient"]


@pytest.fixture
def tests_of(tmp_path, monkeypatch):
    """Writes hidden tests into an assignment of their own, called `demo`."""
    monkeypatch.setattr(assignment, "ASSIGNMENTS", tmp_path)

    def write(source):
        (tmp_path / "demo").mkdir()
        (tmp_path / "demo" / "hidden_tests.py").write_text(source)

    return write


def reference():
    """The namespace of the source notebook: Node and the reference solutions."""
    namespace = {}
    for cell in json.loads((FOLDER / "01-value.ipynb").read_text(encoding="utf-8"))["cells"]:
        if cell["id"] == "node-class" or cell["id"].startswith("write-"):
            exec("".join(cell["source"]), namespace)
    return namespace


def complaint(name, namespace, assignment_name="01-value"):
    try:
        grade(assignment_name, name, namespace)
    except WrongAnswerError as wrong:
        return str(wrong)
    return ""


# -- assignment 1


def test_the_reference_passes_every_hidden_test():
    namespace = reference()
    assert {name: complaint(name, namespace) for name in FUNCTIONS} == dict.fromkeys(FUNCTIONS, "")


@pytest.mark.parametrize("path", WRONG, ids=lambda path: path.stem)
def test_a_wrong_solution_fails_the_test_about_it(path):
    # That it fails no other, test_assignment_01.py shows.
    namespace = reference()
    exec(path.read_text(encoding="utf-8"), namespace)
    assert complaint(path.stem.split("__")[0], namespace)


def test_there_are_wrong_solutions_for_every_function():
    assert {path.stem.split("__")[0] for path in WRONG} == set(FUNCTIONS)


@pytest.mark.parametrize(
    ("stem", "hint"),
    [
        ("mul__swapped_local_grads", "each child's slope is the other's number"),
        ("reversed_div__operands_as_given", "node / number"),
        ("topological_order__recursive", "explicit stack"),
        ("topological_order__shared_nodes_twice", "more than once"),
        ("backward__assigns_instead_of_adding", "is added"),
        ("numeric_gradient__forward_difference", "one-sided"),
        ("numeric_gradient__divided_by_h", "2 * h apart"),
        ("numeric_gradient__inputs_stay_moved", "must come back"),
    ],
)
def test_the_message_says_what_is_likely_wrong(stem, hint):
    namespace = reference()
    exec((Path(__file__).parent / "wrong_01_value" / f"{stem}.py").read_text(encoding="utf-8"), namespace)
    assert hint in complaint(stem.split("__")[0], namespace)


def test_a_function_that_returns_nothing_is_told_so():
    assert "returned None: is the `return` missing?" in complaint("mul", reference() | {"mul": lambda a, b: None})


# -- grade


def test_a_missing_function_is_named(tests_of):
    tests_of("def test_f(f, namespace):\n    f()\n")
    assert complaint("f", {}, "demo").startswith("f is not defined")
    assert complaint("f", {"f": 3}, "demo").startswith("f is not defined")


def test_whatever_the_function_does_only_a_message_comes_out(tests_of):
    tests_of("def test_f(f, namespace):\n    f()\n")

    def leaves():
        raise SystemExit(3)

    def hangs():
        raise KeyboardInterrupt

    def fails():
        return {}["key"]

    assert "SystemExit" in complaint("f", {"f": leaves}, "demo")
    assert "too long" in complaint("f", {"f": hangs}, "demo")
    assert "KeyError: 'key'" in complaint("f", {"f": fails}, "demo")


def test_no_frame_and_no_line_of_the_hidden_test_is_in_the_traceback(tests_of):
    tests_of("def test_f(f, namespace):\n    secret_limit = 12345\n    assert f() < secret_limit\n")
    seen = []

    def looks_around():
        seen.append("".join(traceback.format_stack()))
        return 99999

    with pytest.raises(WrongAnswerError) as caught:
        grade("demo", "f", {"f": looks_around})
    assert "hidden tests" in seen[0]  # the frame is there for the asking, its source is not
    shown = "".join(traceback.format_exception(caught.value)) + seen[0]
    assert "secret_limit" not in shown
    assert "12345" not in shown
    assert caught.value.__suppress_context__
    assert caught.value._render_traceback_() == str(caught.value).splitlines()


def test_what_the_function_prints_does_not_reach_the_cell(tests_of, capsys):
    tests_of("def test_f(f, namespace):\n    f()\n")

    def noisy():
        print("debugging")
        print("deprecated", file=sys.stderr)

    grade("demo", "f", {"f": noisy})
    assert capsys.readouterr() == ("f: right\n", "")  # nbgrader takes text on stderr for a failure


def test_missing_hidden_tests_are_not_the_learners_fault(tests_of):
    with pytest.raises(FileNotFoundError):
        grade("demo", "f", {"f": print})
    tests_of("")
    with pytest.raises(KeyError, match="test_f"):
        grade("demo", "f", {"f": print})


# -- check


def test_check_prints_what_expected_got_and_why(capsys):
    check("2 + 2", lambda: 5, expected=4, why="two pairs")
    out = capsys.readouterr().out
    assert out.startswith("not yet  2 + 2")
    assert "expected: 4" in out
    assert "got:      5" in out
    assert "why:      two pairs" in out


def test_check_does_not_raise_for_a_stub_or_an_error(capsys):
    def stub():
        raise NotImplementedError("not written yet: put your code in place of this line")

    check("f()", stub, expected=1, why="")
    check("g()", lambda: 1 / 0, expected=1, why="")
    out = capsys.readouterr().out
    assert "not written yet" in out
    assert "raised ZeroDivisionError: division by zero" in out


@pytest.mark.parametrize(
    ("got", "expected", "same"),
    [
        (1, 1.0, True),
        (1.0 + 1e-12, 1.0, True),
        (1e9 + 0.5, 1e9, True),
        (1.001, 1.0, False),
        (float("nan"), 1.0, False),
        (float("inf"), float("inf"), True),
        ([1, 2], (1.0, 2.0), True),
        ([1], [1, 2], False),
        ([[1], 2], [[1.0], 2.0], True),
        (None, 1.0, False),
        ("12", ["1", "2"], False),
    ],
)
def test_agree(got, expected, same):
    assert agree(got, expected) is same
