"""Lab 7 done right passes every check; done as it ships, none; what is missing or wrong is named."""

import json

import pytest

LAB = "07-rlhf"
FIRST = ("setup", "writer", "second", "first-panel")
PART_2 = (*FIRST, "check-1", "reward-panel", "folds")
PART_3 = (*PART_2, "fits")
PART_4 = (*PART_2, "policy-panel", "again-panel")
PART_5 = (*PART_3, "proxy", "far-panel")
CLICK = """
while pair := clicking.wait():
    clicking.choose(second.choose(pair.left, pair.right))
"""
JUDGE = """
while pair := judging.wait():
    judging.choose({!r})
"""
RULE = """
def my_rule(name):
    n_vowels = sum(letter in "aeiou" for letter in name)
    return n_vowels - abs(len(name) - 6) / 4
"""
TRAINED = """
{panel}.train.click()
assert {panel}.wait(120) == "done", {panel}.driver.error
"""
WALKED = """
for name, distance in {}.items():
    board_panel(name).close()
    walks[name].max_steps = 1
    list(walks[name])
    walks[name].history[-1].extra["distance"] = distance
"""
AT_END = "Measured = type('Measured', (), {'__init__': lambda self, a: setattr(self, 'accuracy', a)})\n"


@pytest.fixture(autouse=True)
def _small(change):
    """Less of what takes time: models that learn for a moment."""
    change("writer", "max_steps=400", "max_steps=2")
    change("reward-panel", '"max_steps": 60', '"max_steps": 2')
    change("fits", '"max_steps": 100', '"max_steps": 4')
    change("policy-panel", "max_steps=100, beta=0.3", "max_steps=2, batch_size=8, beta=0.3")
    change("proxy", "max_steps=100,", "max_steps=2, batch_size=8,")
    change("proxy", "many(300)", "many(30)")


@pytest.fixture
def larger(change):
    """Enough for policies to go too far: the shares of the real lab, in fewer steps."""
    change("writer", "max_steps=2", "max_steps=90")
    change("reward-panel", '"max_steps": 2', '"max_steps": 40')
    change("fits", '"max_steps": 4', '"max_steps": 30')
    change("folds", "k=5", "k=2")
    change("fits", "pairs(500", "pairs(200")
    small = "max_steps=2, batch_size=8, beta=0.3, lr=0.0007"
    change("policy-panel", small, "max_steps=40, batch_size=16, beta=0.3, lr=0.002")
    change("proxy", "max_steps=2, batch_size=8,", "max_steps=30, batch_size=24,")
    change("cures", "n=3", "n=2")
    change("proxy", "lr=0.0007", "lr=0.003")
    change("proxy", "many(30)", "many(300)")


def again(cells, name, old, new, settings):
    """A cell with a switch, run once for each setting."""
    assert cells[name].count(old) == 1
    cells[name] = "\n".join(cells[name].replace(old, new.format(*values)) for values in settings)


def test_the_right_answers_pass_everything(larger, cells, answered, run_cells):
    cells["own-rule"] = RULE
    again(cells, "measure", "n_answers = 30\ngo = False", "n_answers = {}\ngo = True", [(30,), (300,), (1000,)])
    cures = [("none", 0), ("kl", 0.5), ("ensemble", 0), ("stop", 0)]
    again(cells, "cure", 'cure = ""  # "none", "kl", "ensemble" or "stop"\nbeta = 0.03',
          "cure = {!r}\nbeta = {}", cures)  # fmt: skip
    guesses = {
        "guess-1": 1.0,
        "guess-2": 0.6,
        "guess-3": 0.7,
        "guess-4": 10,
        "guess-5": "lower",
        "guess-6": "kl",
        "guess-7": 0.2,
    }
    work = {
        "guess-1": CLICK,
        "reward-panel": TRAINED.format(panel="reward_panel"),
        "policy-panel": TRAINED.format(panel="policy_panel"),
        "again-panel": JUDGE.format("a"),
        "far-panel": TRAINED.format(panel="far_panel"),
        "menu": WALKED.format({"RLOO": 0.004, "PPO": 0.002, "GRPO as published": 0.2}),
    }
    answered(guesses, work)
    said = run_cells()
    assert "checks passed: 9 of 9" in said, said
    assert "(7 made)" in said
    assert "agreement: you said 1.0, it is 1.0: right" in said
    assert "true reward: you said lower, it is lower: right" in said
    assert "GRPO as published: you said 0.2, it is 0.2: right" in said
    for question in ("knows you", "right after 300 answers", "you like the policy's", "best cure"):
        assert f"{question}: you said" in said
    assert ": no\n" not in said  # every fact holds


def test_as_it_ships_nothing_is_passed_and_nothing_given_away(cells, change, run_cells):
    change("proxy", "> 0.65", "> 0")  # it has learned nothing here
    said = run_cells()
    assert "checks passed: 0 of 9" in said
    assert said.count("the answer comes when you have made a guess") == 7
    assert "it is" not in said


def test_what_must_be_done_first_is_said_and_stays_hidden(cells, answered, run_cells):
    names = ("guess-1", "guess-2", "guess-3", "guess-4", "guess-5", "guess-6", "guess-7")
    answered(dict.fromkeys(names, 1), {})
    said = run_cells()
    assert "agreement: click first" in said
    assert "knows you: train it" in said
    assert "right after 300 answers: measure it first" in said
    assert "you like the policy's: judge ten pairs first" in said
    assert "true reward: train to the end first" in said
    assert "best cure: try all of them first" in said
    assert "GRPO as published: train it first" in said
    assert "you said" not in said


@pytest.mark.parametrize(
    ("choices", "hint"),
    [
        ("", "Nothing was clicked yet"),
        ("abab", "4 of 30"),
        ("a" * 15 + "s" * 15, "Only 15 were answered"),
        ("a" * 15 + "t" * 15, "15 of 30 are ties"),
    ],
)
def test_clicks_that_teach_little_are_told_why(cells, refused, choices, hint):
    words = {"a": "a", "b": "b", "t": "tie", "s": "skip"}
    cells["first-panel"] += f"\nfor choice in {[words[c] for c in choices]}:\n    clicking.choose(choice)"
    refused("1 clicks", hint, *FIRST, "check-1")


@pytest.mark.parametrize(
    ("rule", "hint"),
    [
        ("0", "says the same of every name"),
        ("name[0] == 'a'", "They like"),
        ("name.vowels", "AttributeError"),
        ("-len(name)", "80 % is asked for"),
    ],
)
def test_a_rule_that_is_not_the_second_labellers_is_told_an_example(change, refused, rule, hint):
    change("own-rule", "return 0", f"return {rule}")
    refused("2 rule", hint, *FIRST, "own-rule", "check-2")


@pytest.mark.parametrize(
    ("done", "hint"),
    [
        ("", "These are not your answers yet"),
        (CLICK, "2 steps done"),
        (CLICK + "\nFEW", "run the cell above again"),
        (CLICK + "\nFEW\nKNOWN", "leave the learning rate at its start"),
    ],
)
def test_a_model_that_has_not_learned_is_told_what_to_press(cells, refused, done, hint):
    cells["first-panel"] += done.split("FEW")[0]
    cells["reward-panel"] += TRAINED.format(panel="reward_panel")
    if "FEW" in done:
        cells["reward-panel"] += "\nlearning.history[-1] = replace(learning.history[-1], step=40, loss=0.6)"
    cells["folds"] += "\nknows = 0.6" if "KNOWN" in done else "\nknows = None"
    refused("3 your model", hint, *PART_2, "check-3")


@pytest.mark.parametrize(
    ("fits", "hint"),
    [
        ({}, "Nothing was measured yet"),
        ({30: 0.5, 300: 0.7}, "Measure 1000 answers too"),
        ({30: 0.7, 300: 0.7, 1000: 0.6}, "teach no more than 30"),
    ],
)
def test_answers_that_were_not_counted_are_asked_for(cells, refused, fits, hint):
    cells["fits"] = f"{AT_END}fits = {{n: Measured(a) for n, a in {fits}.items()}}"
    refused("4 how many", hint, "setup", "fits", "check-4")


def test_a_policy_that_has_not_moved_and_was_not_judged_is_told_so(cells, refused):
    cells["policy-panel"] += TRAINED.format(panel="policy_panel")
    said = refused("5 policy", "2 steps done: train to step 40", *PART_4, "check-5", "check-6")
    assert "6 ask again: not yet. Train the policy first" in said


@pytest.mark.parametrize(("rewards", "passed"), [([0.0] * 40, False), ([i / 40 for i in range(40)], True)])
def test_the_reward_has_to_rise(cells, only, run_cells, rewards, passed):
    cells["policy-panel"] = f"""
from types import SimpleNamespace
chasing = SimpleNamespace(history=[SimpleNamespace(extra={{"reward": reward}}) for reward in {rewards}])
"""
    only("setup", "policy-panel", "check-5")
    said = run_cells()
    assert ("5 policy: passed" in said) is passed
    assert ("The reward is no higher" in said) is not passed


@pytest.mark.parametrize(
    ("at", "judged", "hint"),
    [
        (0, 10, "were written at step 0"),
        (40, 4, "4 of 10 pairs judged"),
    ],
)
def test_names_of_the_reference_or_too_few_are_no_second_look(cells, refused, at, judged, hint):
    cells["again-panel"] = f"""
from types import SimpleNamespace
rewards, judged_at = [0.0] * 40, {at}
judging = SimpleNamespace(comparisons=[SimpleNamespace(choice="a")] * {judged})
"""
    refused("6 ask again", hint, "setup", "again-panel", "check-6")


@pytest.mark.parametrize(
    ("done", "hint"),
    [
        ("", "0 steps done"),
        ("far.controls['beta'] = 0.5" + TRAINED.format(panel="far_panel"), "β is not at 0"),
        (TRAINED.format(panel="far_panel") + "far.history[-1].extra['true'] = 9.0", "did not fall"),
    ],
)
def test_a_chase_that_did_not_go_too_far_is_told_why(cells, refused, done, hint):
    cells["far-panel"] += f"\n{done}"
    refused("7 too far", hint, *PART_5, "check-7")


@pytest.mark.parametrize(
    ("cures", "hint"),
    [
        ({}, "Not tried yet: ensemble, kl, none, stop"),
        ({"none": -1, "kl 0.5": 3, "stop": 2}, "Not tried yet: ensemble"),
        ({"none": -1, "kl 0.01": 1, "ensemble": -3, "stop": 2.1}, "the best is at +2.10"),
    ],
)
def test_cures_that_were_not_tried_or_do_not_help_are_named(cells, refused, cures, hint):
    cells["cures"] = f"begin = (0, 2.0, 0)\ncures = {{name: (3.0, true, 9.0) for name, true in {cures}.items()}}"
    refused("8 cured", hint, "setup", "cures", "check-8")


@pytest.mark.parametrize(
    ("walked", "hint"),
    [
        ({}, "None has walked to its end yet"),
        ({"RLOO": 0.004}, "RLOO is there: now another one"),
        ({"RLOO": 0.4, "PPO": 0.2}, "leave β at 0.5"),
    ],
)
def test_methods_that_are_not_there_are_told_so(cells, refused, walked, hint):
    cells["menu"] += WALKED.format(walked)
    refused("9 optimum", hint, "setup", "menu", "check-9")


def test_the_menu_shows_the_method_that_was_chosen_and_keeps_its_walk(cells, only, run_cells):
    cells["menu"] += """
first = place.children[0]
first.run.max_steps = 1
first.train.click()
first.wait(60)
menu.value = "DPO"
assert place.children[0].run is walks["DPO"]
menu.value = "RLOO"
assert place.children[0] is not first
assert place.children[0].run.step == 1
print("kept")
"""
    only("setup", "menu")
    assert "kept" in run_cells()


def test_clicks_are_on_disk_and_the_next_session_goes_on_with_them(cells, only, run_cells, tmp_path):
    cells["first-panel"] += "\nclicking.choose('a'); clicking.choose('b')"
    only(*FIRST)
    run_cells()
    rows = (tmp_path / "lab-07" / "clicks.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(rows) == 2
    assert all(json.loads(row)["prompt"] == "" for row in rows)
    cells["first-panel"] = cells["first-panel"].rsplit("\n", 1)[0] + "\nprint(clicking)"
    assert "2 of 30" in run_cells()
