"""Lab 1 done right passes every check; done as it ships, none, and it gives no answer away."""

LAB = "01-value"
ANSWERS = {"guess-1": -4, "guess-2": "too small", "guess-3": 105, "guess-4": "no", "guess-5": "reciprocal"}
WORK = {
    "stepper-1": "stepper.inputs = {'a': 2.0, 'b': -4.0}",
    "reveal-3": "panel.sliders['lr'].value = 1.0\npanel.train.click()\npanel.wait(120)",
    "second-panel": "wild_panel.sliders['lr'].value = 1.0\nwild.max_steps = 300\n"
    "wild_panel.train.click()\nwild_panel.wait(120)",
}


def test_the_right_answers_pass_everything(answered, change, run_cells):
    answered(ANSWERS, WORK)
    change("first-panel", "max_steps=2000", "max_steps=300")
    change("check-2", "...  # build", "z = (x * x) * (x * x) + x * x; z.backward()  # build")
    change("check-5", "...  # the repaired", "return Value(1 / x.data, (x,), (-1 / x.data**2,), 'reciprocal')  #")
    said = run_cells()
    assert "checks passed: 5 of 5" in said
    assert "predictions right: 5 of 5 (5 made)" in said


def test_as_it_ships_nothing_is_passed_and_nothing_given_away(run_cells):
    said = run_cells()
    assert "checks passed: 0 of 5" in said
    assert said.count("the answer comes when you have made a guess") == len(ANSWERS)
    for answer in ("it is -4", "it is too small", "it is 105", "it is no", "it is reciprocal"):
        assert answer not in said
