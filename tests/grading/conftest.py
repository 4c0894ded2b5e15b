"""Every assignment with its known-wrong solutions; what a test asks for decides what it runs over.

`assignment`: once for each assignment. `wrong`: once for each file wrong_NN_name/FUNCTION__MISTAKE.py, with the
assignment it belongs to. `submitted`: likewise, for the first file of each function alone.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from labkit.grading.assignment import ASSIGNMENTS


@dataclass(frozen=True)
class Assignment:
    """The source of one assignment, read for tests.

    Attributes:
        name: its folder's.
        notebook: its source notebook, solved.
        functions: the points of each graded function, in order.
        question: the name of the written question.
        question_points: the most points for it.
    """

    name: str
    notebook: dict
    functions: dict
    question: str
    question_points: float

    @classmethod
    def read(cls, name):
        notebook = json.loads((ASSIGNMENTS / name / f"{name}.ipynb").read_text(encoding="utf-8"))
        points = {"code": {}, "markdown": {}}
        for cell in notebook["cells"]:
            role = cell["metadata"].get("nbgrader", {})
            if role.get("grade"):
                points[cell["cell_type"]][role["grade_id"]] = float(role["points"])
        ((question, question_points),) = points["markdown"].items()
        return cls(name, notebook, points["code"], question, question_points)

    @property
    def wrong(self):
        """The known-wrong solutions: FUNCTION__MISTAKE -> file."""
        folder = Path(__file__).parent / f"wrong_{self.name.replace('-', '_')}"
        return {path.stem: path for path in sorted(folder.glob("*.py"))}

    @property
    def one_wrong_each(self):
        """The first known-wrong solution of each function: nbgrader takes a second or two for a submission."""
        return {
            stem: path for function in self.functions for stem, path in [next(iter(self.wrong_of(function).items()))]
        }

    def wrong_of(self, function):
        """The known-wrong solutions of one function."""
        return {stem: path for stem, path in self.wrong.items() if stem.split("__")[0] == function}

    def namespace(self):
        """What the notebook has once the given cells and the reference solutions have run."""
        namespace = {}
        for cell in self.notebook["cells"]:
            role = cell["metadata"].get("nbgrader", {})
            if cell["cell_type"] == "code" and not role["grade"] and not cell["id"].startswith("check-"):
                exec("".join(cell["source"]), namespace)
        return namespace


ALL = [Assignment.read(path.stem) for path in sorted(ASSIGNMENTS.glob("*/*.ipynb")) if path.stem == path.parent.name]


def pytest_generate_tests(metafunc):
    if "wrong" in metafunc.fixturenames:
        cases = {f"{each.name}-{stem}": (each, path) for each in ALL for stem, path in each.wrong.items()}
        metafunc.parametrize(("assignment", "wrong"), cases.values(), ids=cases)
    elif "submitted" in metafunc.fixturenames:
        cases = {f"{each.name}-{stem}": (each, stem) for each in ALL for stem in each.one_wrong_each}
        metafunc.parametrize(("assignment", "submitted"), cases.values(), ids=cases)
    elif "assignment" in metafunc.fixturenames:
        metafunc.parametrize("assignment", ALL, ids=[each.name for each in ALL])


@pytest.fixture(scope="session")
def assignment_named():
    return {each.name: each for each in ALL}.__getitem__


@pytest.fixture(scope="session")
def wrong_named():
    """(assignment, file) of a known-wrong solution, by its FUNCTION__MISTAKE."""
    found = {stem: (each, path) for each in ALL for stem, path in each.wrong.items()}
    assert len(found) == sum(len(each.wrong) for each in ALL), "two assignments have a wrong solution of one name"
    return found.__getitem__
