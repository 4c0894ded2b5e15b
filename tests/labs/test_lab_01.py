"""Lab 1 done right passes every check; done as it ships, none, and it gives no answer away."""

import json

import pytest

from labkit.files import ROOT
from labkit.training import background

CELLS = {
    cell["id"]: "".join(cell["source"])
    for cell in json.loads((ROOT / "labs" / "01-value.ipynb").read_text(encoding="utf-8"))["cells"]
    if cell["cell_type"] == "code"
}
ANSWERS = {"guess-1": -4, "guess-2": "too small", "guess-3": 105, "guess-4": "no", "guess-5": "reciprocal"}
WORK = {
    "stepper-1": "stepper.inputs = {'a': 2.0, 'b': -4.0}",
    "reveal-3": "panel.sliders['lr'].value = 1.0\npanel.train.click()\npanel.wait(120)",
    "second-panel": "wild_panel.sliders['lr'].value = 1.0\nwild.max_steps = 300\n"
    "wild_panel.train.click()\nwild_panel.wait(120)",
}


@pytest.fixture(autouse=True)
def _own_state(tmp_path, monkeypatch):
    monkeypatch.setenv("LABKIT_STATE", str(tmp_path))
    yield
    for _, drivers in background._drivers.values():
        for driver in drivers:
            driver.stop(wait=True)


def done(cells, capsys):
    """Run the cells in one namespace, and return what was printed."""
    namespace = {}
    for source in cells.values():
        exec(source, namespace)
    return capsys.readouterr().out


def test_the_right_answers_pass_everything(capsys):
    cells = dict(CELLS)
    for name, answer in ANSWERS.items():
        assert cells[name].count("guess = None") == 1
        cells[name] = cells[name].replace("guess = None", f"guess = {answer!r}")
    for name, work in WORK.items():
        cells[name] += f"\n{work}"
    cells["first-panel"] = cells["first-panel"].replace("max_steps=2000", "max_steps=300")
    cells["check-2"] = cells["check-2"].replace("...  # build", "z = (x * x) * (x * x) + x * x; z.backward()  # build")
    cells["check-5"] = cells["check-5"].replace(
        "...  # the repaired", "return Value(1 / x.data, (x,), (-1 / x.data**2,), 'reciprocal')  # the repaired"
    )
    said = done(cells, capsys)
    assert "checks passed: 5 of 5" in said
    assert "predictions right: 5 of 5 (5 made)" in said


def test_as_it_ships_nothing_is_passed_and_nothing_given_away(capsys):
    said = done(CELLS, capsys)
    assert "checks passed: 0 of 5" in said
    assert said.count("the answer comes when you have made a guess") == len(ANSWERS)
    for answer in ("it is -4", "it is too small", "it is 105", "it is no", "it is reciprocal"):
        assert answer not in said
