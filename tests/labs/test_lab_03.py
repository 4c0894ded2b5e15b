"""Lab 3 done right passes every check; done as it ships, none; a battle lost is told why."""

import pytest

LAB = "03-arena"
ANSWERS = {
    "guess-1": 27,
    "guess-2": 3.5,
    "guess-3": "Snail",
    "guess-4": 2,
    "guess-5": "above",
    "guess-6": "Dora",
    "guess-7": 3,
}
FINDINGS = {
    "Ada": "learning rate too low",
    "Ben": "exploding gradients",
    "Cleo": "learning rate too high",
    "Dora": "healthy",
    "Eli": "dead neurons",
}
STEPS = "return int(joules / (Flops(n_embd, 1, 27).training(7) * JOULES_PER_FLOP))"
START = "\n{0}.battle.start.click()\nassert {0}.battle.wait(120) == 'done', {0}.battle\n"


def create(panel, name, width=8, heads=2, rate=0.01, energy="none"):
    """What a learner fills in and clicks, as code for the cell after the panel."""
    values = {"name": name, "n_embd": width, "n_head": heads, "learning_rate": rate, "energy": energy}
    filled = "".join(f"{panel}.form.{key}.value = {value!r}\n" for key, value in values.items())
    return f"\n{filled}{panel}.form.create.click()\n{panel}.form.driver.wait(60)\nassert {name!r} in {panel}.cards\n"


def trained(name, steps):
    card = f"panel.cards[{name!r}]"
    return f"{card}.n.value = {steps}\n{card}.train.click()\n{card}.wait()\n{card}.generate.click()\n{card}.wait()\n"


TOURNAMENT = "".join(
    f"{create('panel', name, width, 2, rate)}{trained(name, steps)}panel.cards[{name!r}].save.click()\npanel.wait()\n"
    for name, width, rate, steps in (("Sound", 8, 0.01, 150), ("Small", 4, 0.02, 150), ("Slow", 8, 0.0001, 20))
)
HARE = "\nrate_panel.cards['Hare'].sliders['lr'].value = {}\n" + START.format("rate_panel")
WORK = {
    "first-panel": TOURNAMENT,
    "rate-panel": HARE.format(0.01),
    "size-panel": create("size_panel", "Mini", 4, 2, 0.02) + START.format("size_panel"),
    "names-panel": create("names_panel", "Calm", 16, 4, 0.002) + START.format("names_panel"),
}


def test_the_right_answers_pass_everything(cells, answered, change, run_cells):
    answered(ANSWERS, WORK)
    change("cost", "...  # return a whole number", STEPS)
    change("tournament", "games_per_pair = 2", "games_per_pair = 8")
    cells["findings"] = f"findings = {FINDINGS}"
    said = run_cells()
    assert "checks passed: 7 of 7" in said
    assert "predictions right: 7 of 7 (7 made)" in said
    assert "3 J, 16 wide: 19 steps" in said
    assert "Hare" in said[said.index("score_per_kj") :]  # the leaderboard
    assert "Ada: step 60" in said  # the second opinion


def test_as_it_ships_nothing_is_passed_and_nothing_given_away(run_cells, tmp_path):
    said = run_cells()
    assert "checks passed: 0 of 7" in said
    assert said.count("the answer comes when you have made a guess") == len(ANSWERS)
    for answer in ("it is 27", "it is 3.4", "it is Snail", "it is 2", "it is above", "it is Dora", "it is 3.2"):
        assert answer not in said
    for finding in ("learning rate too", "dead neurons", "exploding"):
        assert finding not in said
    assert not (tmp_path / "lab-03").exists()  # nothing is written that nobody asked for


@pytest.mark.parametrize(
    ("body", "hint"),
    [
        ("pass", "return a number"),
        ("return joules / (Flops(n_embd, 1, 27).training(7) * JOULES_PER_FLOP)", "round down"),
        ("return round(joules / (Flops(n_embd, 1, 27).training(7) * JOULES_PER_FLOP))", "round down"),
        ("return int(joules / (Flops(n_embd, 1, 27).sequence(7) * JOULES_PER_FLOP))", "goes backward too"),
        ("return int(joules / (Flops(n_embd, 1, 27).training(6) * JOULES_PER_FLOP))", "seven predictions"),
        ("return int(joules / Flops(n_embd, 1, 27).training(7))", "orders of magnitude"),
        ("return int(joules / (Flops(n_embd, 2, 27).training(7) * JOULES_PER_FLOP))", "those of one step"),
    ],
)
def test_a_wrong_cost_is_told_why(change, refused, body, hint):
    change("cost", "...  # return a whole number", body)
    refused("2 cost", hint, "setup", "cost", "check-2")


@pytest.mark.parametrize(
    ("work", "hint"),
    [
        ("", "No battle was fought. Choose your agent"),
        (START.format("rate_panel"), "the rate is too high"),
        (HARE.format(0.1), "the rate is too high"),
        (HARE.format(0.0005), "the rate is too low"),
        ("\nrate_panel.battle.amount.value = 4.0" + HARE.format(0.01), "The rules: same energy, 6 joules"),
        ("\nsnail.run.controls['lr'] = 0.0001" + HARE.format(0.01), "Snail was changed"),
        (
            create("rate_panel", "Other", 4) + "rate_panel.battle.a.value = 'Other'" + START.format("rate_panel"),
            "You won with another shape",
        ),
        (
            create("rate_panel", "Other", 4) + "rate_panel.battle.b.value = 'Other'" + START.format("rate_panel"),
            "Snail did not fight",
        ),
        ("\nrate_panel.battle.beginning.value = 'as trained'" + HARE.format(0.01), "begin untrained"),
    ],
)
def test_a_first_battle_not_won_is_told_why(cells, refused, work, hint):
    cells["rate-panel"] += work
    refused("3 learning rate", hint, "setup", "rules", "rate-panel", "check-3")


@pytest.mark.parametrize(
    ("work", "hint"),
    [
        ("", "Create an agent"),
        (create("size_panel", "Mine", 16, 4), "You made Giant again (21 steps against Giant's 21)"),
        (create("size_panel", "Mine", 32, 4), "32 wide made 5 steps against Giant's 21"),
        (create("size_panel", "Mine", 4, 2, 1.0), "Your rate is 1"),
        (create("size_panel", "Mine", 12, 4), "5 are asked for"),
    ],
)
def test_a_second_battle_not_won_is_told_why(cells, refused, work, hint):
    cells["size-panel"] += work + (START.format("size_panel") if work else "")
    refused("4 size", hint, "setup", "rules", "size-panel", "check-4")


def test_who_learned_the_sixty_names_by_heart_is_told(cells, refused):
    cells["names-panel"] += create("names_panel", "Mini") + START.format("names_panel")
    said = refused(
        "5 sixty names", "It read each name 15 times at rate 0.01", "setup", "rules", "names-panel", "check-5"
    )
    assert "It learns by heart" in said


def test_the_ward_says_which_number_speaks_against_a_finding(cells, only, run_cells):
    wrong = {
        "Ada": ("healthy", "the next update is 0.0004"),
        "Ben": ("learning rate too high", "these steps did not make them"),
        "Cleo": ("exploding_gradients", "steps that long made its weights"),
        "Dora": ("dead neurons", "below guessing, and nothing else"),
        "Eli": ("healthy", "78% of its units"),
    }
    only("setup", "ward", "findings", "check-6")
    for name, (said, _) in wrong.items():
        cells[f"again-{name}"] = f"findings = {FINDINGS | {name: said}}\n{cells['check-6']}"
    cells["nonsense"] = f"findings = {FINDINGS | {'Ada': 'flu'}}\n{cells['check-6']}"
    said = run_cells()
    assert "passed" not in said
    assert "'flu' is none of the five" in said
    for name, (finding, hint) in wrong.items():
        assert f"{name}, {finding.replace('_', ' ')}?" in said
        assert hint in said


def test_two_agents_make_no_tournament(cells, only, run_cells):
    pair = TOURNAMENT[: TOURNAMENT.index("panel.form.name.value = 'Slow'")]
    cells["first-panel"] += pair
    only("setup", "first-panel", "tournament", "check-7")
    assert "2 saved agents have played: train and save three" in run_cells()
