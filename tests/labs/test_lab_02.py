"""Lab 2 done right passes every check; done as it ships, none, and it gives no answer away."""

import pytest

LAB = "02-scalar-gpt"
ANSWERS = {"guess-1": 4.3, "guess-2": "rule", "guess-3": 2.7, "guess-4": 1, "guess-5": 1, "guess-6": "attend"}
RIGHT_COST = "return n_layer * (12 * n_embd**2 + 2 * t * n_embd) + vocab_size * n_embd"
TRAIN = """
sampler.sample.click()
sampler.wait()
panel.train.click()
panel.wait(300)
for sampler.temperature.value in (0.2, 1.8):
    sampler.sample.click()
    sampler.wait()
"""
# Training for 1,500 steps takes too long here: after 300 the draws say that they are later ones.
LATER = """
for draw in sampler.draws[1:]:
    draw.step += 1500
    cool = draw.temperature < 1
    draw.judgements = [type(j)("good" if cool else "bad", "new" if cool else "broken") for j in draw.judgements]
"""
WORK = {
    "guess-1": TRAIN,
    "stepper": "stepper.inputs = stepper.inputs | {'scale': 0.12}",
    "guess-5": LATER,
}


def repaired(cells):
    """The suspect function with the root of a head's size."""
    source = cells["suspects"]
    attend = source[source.index("def attend") : source.index("def cross_entropy")]
    return attend.replace("def attend", "def fixed").replace("math.sqrt(len(query))", "math.sqrt(size)")


def test_the_right_answers_pass_everything(cells, answered, change, run_cells):
    answered(ANSWERS, WORK)
    change("first-panel", "max_steps=3000", "max_steps=300, n_samples=2, n_validation=1")
    change("formula", "...  # return your formula", RIGHT_COST)
    cells["fixed"] = repaired(cells)
    said = run_cells()
    assert "checks passed: 6 of 6" in said
    assert "predictions right: 6 of 6 (6 made)" in said


def test_as_it_ships_nothing_is_passed_and_nothing_given_away(run_cells):
    said = run_cells()
    assert "checks passed: 0 of 6" in said
    assert said.count("the answer comes when you have made a guess") == len(ANSWERS)
    for answer in ("it is 4.3", "it is rule", "it is 2.72", "it is 1", "it is attend"):
        assert answer not in said


@pytest.mark.parametrize(
    ("formula", "hint"),
    [
        ("pass", "Return a number"),
        ("return n_layer * 12 * n_embd**2 + vocab_size * n_embd", "as large as attention"),
        ("return n_layer * (12 * n_embd**2 + t * n_embd) + vocab_size * n_embd", "Attention multiplies twice"),
        ("return n_layer * (12 * n_embd**2 + 2 * t * n_embd)", "the matrix of the logits"),
        ("return n_layer * (8 * n_embd**2 + 2 * t * n_embd) + vocab_size * n_embd", "as large as four square matrices"),
        ("return n_layer * (4 * n_embd**2 + 2 * t * n_embd) + vocab_size * n_embd", "as large as the MLP"),
        ("return 12 * n_embd**2 + 2 * t * n_embd + vocab_size * n_embd", "Does every layer count?"),
        ("return 1", "matrix by matrix"),
    ],
)
def test_a_wrong_formula_is_told_what_it_lacks(change, only, run_cells, formula, hint):
    change("formula", "...  # return your formula", formula)
    only("setup", "count", "formula", "check-4")
    assert hint in run_cells()


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        ("def fixed(query, keys, values, n_head=1): pass", "Write the repaired function"),
        ("def fixed(query): return query", "fixed raised TypeError"),
        ("fixed = attend", "still that of the original"),
        ("def fixed(query, keys, values, n_head=1): return [0.0] * len(query)", "With one head the original is right"),
        (
            "def fixed(query, keys, values, n_head=1): return attend(query, keys, values, 1)",
            "Two heads are not yet two attentions",
        ),
    ],
)
def test_a_wrong_repair_is_told_why(cells, only, run_cells, wrong, hint):
    cells["fixed"] = wrong
    only("setup", "suspects", "fixed", "check-6")
    assert hint in run_cells()
