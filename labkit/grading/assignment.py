"""What the notebook of an assignment calls: `check` while the learner works, `grade` when it is graded.

A visible check prints and never raises, so that "Run all" goes through a half-written notebook:

>>> check("2 + 2", lambda: 2 + 2, expected=4, why="two pairs are four things")
right    2 + 2 is 4

`grade` runs the hidden test of one function against whatever the notebook has under that name. Which
cell defined it, and how often, does not matter. Hidden tests are compiled without a file name: no
traceback, warning or `inspect` call in the notebook of a learner can print their source.
"""

import io
import traceback
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from numbers import Real
from pathlib import Path
from typing import Any

from labkit.files import ROOT

ASSIGNMENTS = ROOT / "labs" / "assignments"
HIDDEN_TESTS = "hidden_tests.py"


class WrongAnswerError(AssertionError):
    """An answer that is not right (yet). Its message is all that the learner is shown."""

    def _render_traceback_(self) -> list[str]:
        """What IPython shows in place of a traceback."""
        return str(self).splitlines()


def check(what: str, got: Callable[[], Any], expected: Any, why: str, tolerance: float = 1e-9) -> None:
    """A visible check: print one line when it is right, else what was expected, what came, and why.

    Args:
        what: what is looked at, as the learner would write it: "mul(a, b).data".
        got: computes it, without arguments; when it raises, the check says so.
        expected: what it should be; numbers agree within `tolerance`, sequences element by element.
        why: one sentence, the reason for the expected answer.
        tolerance: relative, and absolute below 1.
    """
    try:
        compare(what, attempt(what, got), expected, why, tolerance)
    except WrongAnswerError as wrong:
        print(f"not yet  {wrong}")
    else:
        print(f"right    {what} is {expected}")


def grade(assignment: str, name: str, namespace: Mapping[str, Any]) -> None:
    """Run the hidden test of one function; it is `test_<name>(function, namespace)` in hidden_tests.py.

    What the function prints or warns meanwhile is dropped: nbgrader takes text on stderr for a failure.

    Args:
        assignment: the folder under labs/assignments.
        name: the graded function.
        namespace: the notebook's `globals()`.

    Raises:
        WrongAnswerError: if the function is missing, fails or is wrong; its message says what is likely wrong.
        FileNotFoundError: if the assignment has no hidden tests (not the learner's fault).
        KeyError: if there is none for this function (not the learner's fault).
    """
    test = _hidden_tests(assignment)[f"test_{name}"]
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        complaint = _complaint(test, name, namespace)
    if complaint:
        raise WrongAnswerError(complaint) from None
    print(f"{name}: right")


@contextmanager
def standing_in(namespace: MutableMapping[str, Any], **functions: Callable[..., Any]) -> Iterator[None]:
    """The notebook has these functions under these names meanwhile: one mistake loses one function's points."""
    learners = {name: namespace[name] for name in functions if name in namespace}
    namespace.update(functions)
    try:
        yield
    finally:
        for name in functions:
            del namespace[name]
        namespace.update(learners)


def attempt(what: str, function: Callable[..., Any], *arguments: Any, hint: str = "") -> Any:
    """Call a learner's function.

    Args:
        what: the call as the learner would write it, for the message.
        function: what to call.
        arguments: what to call it with.
        hint: a sentence to add when it raises.

    Returns:
        What the function returned.

    Raises:
        WrongAnswerError: if it raised, with the error and the learner's line that raised it.
    """
    try:
        return function(*arguments)
    except WrongAnswerError:
        raise
    except NotImplementedError as error:
        raise WrongAnswerError(f"{what}\n    {error or 'not written yet'}") from None
    except Exception as error:
        raise WrongAnswerError(f"{what}\n    {_described(error)}" + (f"\n    {hint}" if hint else "")) from None


def compare(what: str, got: Any, expected: Any, why: str, tolerance: float = 1e-9) -> None:
    """Raise unless `got` is `expected`; the arguments are those of `check`.

    Raises:
        WrongAnswerError: with what was expected, what came, and why.
    """
    if not agree(got, expected, tolerance):
        raise WrongAnswerError(
            f"{what}\n    expected: {_short(expected)}\n    got:      {_short(got)}\n    why:      {why}"
        )


def agree(got: Any, expected: Any, tolerance: float = 1e-9) -> bool:
    """Whether two answers are the same: numbers within `tolerance`, sequences element by element."""
    if isinstance(expected, Real) and isinstance(got, Real):
        a, b = float(got), float(expected)
        return a == b or abs(a - b) <= tolerance * max(1.0, abs(b))  # equality first: infinities
    if isinstance(expected, (list, tuple)) and isinstance(got, Sequence) and not isinstance(got, str):
        return len(got) == len(expected) and all(agree(g, e, tolerance) for g, e in zip(got, expected, strict=True))
    return bool(got == expected)


def _hidden_tests(assignment: str) -> dict[str, Any]:
    """The namespace of an assignment's hidden tests."""
    source = Path(ASSIGNMENTS, assignment, HIDDEN_TESTS).read_text(encoding="utf-8")
    tests: dict[str, Any] = {"__name__": "hidden_tests"}
    exec(compile(source, "<hidden tests>", "exec"), tests)
    return tests


def _complaint(test: Callable[..., None], name: str, namespace: Mapping[str, Any]) -> str:
    """What the hidden test has against the function; empty when it is right."""
    function = namespace.get(name)
    if not callable(function):
        return f"{name} is not defined: the cell that defines it is missing, or stopped with an error."
    try:
        test(function, namespace)
    except WrongAnswerError as wrong:
        return str(wrong)
    except KeyboardInterrupt:
        return f"{name} ran too long and was stopped: is there a loop that never ends?"
    except BaseException as error:  # SystemExit too: grading goes on with the next function
        return f"{name}\n    {_described(error)}"
    return ""


def _described(error: BaseException) -> str:
    """An exception in one line, with the learner's line that raised it when there is one."""
    text = _short("".join(traceback.format_exception_only(error)).strip().splitlines()[-1])
    # A cell of a notebook has source lines, but no file; the hidden tests have neither.
    lines = [
        frame.line
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.line and not Path(frame.filename).exists()
    ]
    return f"raised {text}" + (f"\n    at the line: {lines[-1]}" if lines else "")


def _short(value: Any, limit: int = 300) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= limit else f"{text[:limit]}…"
