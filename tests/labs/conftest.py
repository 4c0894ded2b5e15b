"""What the tests of all labs share: a lab's cells, answered as a learner would, and run without a kernel."""

import json

import pytest

from labkit.files import ROOT
from labkit.training import background


@pytest.fixture(autouse=True)
def _own_state(tmp_path, monkeypatch):
    monkeypatch.setenv("LABKIT_STATE", str(tmp_path))
    yield
    for _, drivers in background._drivers.values():
        for driver in drivers:
            driver.stop(wait=True)


@pytest.fixture
def cells(request):
    """The code cells of the module's `LAB`, by id."""
    notebook = json.loads((ROOT / "labs" / f"{request.module.LAB}.ipynb").read_text(encoding="utf-8"))
    return {cell["id"]: "".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"}


@pytest.fixture
def change(cells):
    """Replaces what a cell says once: `change("check-2", "...  # build", "z = x")`."""

    def replace(name, old, new):
        assert cells[name].count(old) == 1, f"{old!r} in the cell {name}"
        cells[name] = cells[name].replace(old, new)

    return replace


@pytest.fixture
def answered(cells, change):
    """Fills in the guesses, and does work after cells: what a learner clicks and drags there."""

    def answer(guesses, work):
        for name, guess in guesses.items():
            change(name, "guess = None", f"guess = {guess!r}")
        for name, clicks in work.items():
            cells[name] += f"\n{clicks}"

    return answer


@pytest.fixture
def run_cells(cells, capsys):
    """Runs all cells in one namespace, and returns what was printed."""

    def run():
        namespace = {}
        for source in cells.values():
            exec(source, namespace)
        return capsys.readouterr().out

    return run


@pytest.fixture
def only(cells):
    """Leaves the named cells alone, in the lab's order: `only("setup", "check-2")`."""

    def keep(*names):
        for name in [name for name in cells if name not in names]:
            del cells[name]

    return keep


@pytest.fixture
def refused(only, run_cells):
    """Runs the named cells alone: the check has to say "not yet", and the hint. Returns what was printed."""

    def run(check, hint, *names):
        only(*names)
        said = run_cells()
        assert f"{check}: not yet. " in said
        assert hint in said
        return said

    return run
