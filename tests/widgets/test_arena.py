"""The arena's panel, headless: buttons are clicked, sliders are set, `wait` waits."""

import base64
import gc
import itertools
import math
import re
import sys
import threading
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from ipywidgets.widgets.widget import _instances as widget_instances

from labkit.arena import Agent, AgentConfig, Tournament, load_agent, measurements, save_agent
from labkit.arena.leaderboard import Leaderboard
from labkit.arena.tournament import standings
from labkit.data.names import split_names
from labkit.training import BackgroundRun
from labkit.widgets import ArenaPanel
from labkit.widgets.arena_tournament import Contest
from labkit.widgets.arena_work import Jobs

LONG = 60


@pytest.fixture(scope="module")
def names(few_names):
    return few_names


@pytest.fixture
def agent(tiny_agent):
    """`agent("Tiny", energy=...)` is a tiny agent."""
    return lambda name="Tiny", energy=None, **options: tiny_agent(name, energy, **options)


@pytest.fixture
def panel(names):
    """Panels that are closed at the end of the test."""
    made = []
    keys = (f"arena test {i}" for i in itertools.count())

    def make(*agents, **options):
        defaults = {"names": names, "key": next(keys), "n_names": 5, "n_held_out": 2}
        made.append(ArenaPanel(agents, **defaults | options))
        return made[-1]

    yield make
    for each in made:
        each.close()


def enabled(card):
    return {
        name
        for name in ("train", "stop", "generate", "diagnose", "inside", "reset", "save")
        if not getattr(card, name).disabled
    }


def drawn(chart):
    return np.frombuffer(chart.data, "<f4").reshape(len(chart.series) + 1, -1)


def fill(form, **values):
    for name, value in values.items():
        getattr(form, name).value = value
    form.create.click()
    form.panel.wait(LONG)


def fight(p, means="steps", amount=6, **fields):
    p.battle.means.value = means
    p.battle.amount.value = amount
    for name, value in fields.items():
        getattr(p.battle, name).value = value
    p.battle.start.click()
    return p.battle.wait(LONG)


# -- the form


def test_an_agent_is_created_as_the_form_says(panel):
    p = panel()
    fill(p.form, name="Tiny", n_embd=4, n_layer=2, n_head=2, learning_rate=0.02, energy="5")
    card = p.cards["Tiny"]
    config = card.agent.config
    assert (config.n_embd, config.n_layer, config.n_head, config.learning_rate) == (4, 2, 2, 0.02)
    assert card.agent.budget.limit == 5
    assert card.agent.names is p.names
    assert p.form.error.value == ""
    assert "width 4 · 2 layers · 2 heads" in card.children[0].value
    assert f"{len(card.agent.run.model.params):,} parameters" in card.children[0].value
    assert repr(p) == "ArenaPanel: Tiny (idle)"


def test_an_agent_in_torch_is_created_trained_and_loaded_again(panel, tmp_path):
    p = panel(folder=tmp_path)
    assert p.form.engine.options == ("scalar", "torch")
    fill(p.form, name="Slow", n_embd=4, n_head=2)
    fill(p.form, name="Fast", n_embd=4, n_head=2, engine="torch")
    slow, fast = (p.cards[name] for name in ("Slow", "Fast"))
    assert (slow.agent.config.engine, fast.agent.config.engine) == ("scalar", "torch")
    assert "parameters · torch" in fast.children[0].value
    assert "torch" not in slow.children[0].value
    for card in (slow, fast):
        card.n.value = 5
        card.train.click()
        card.generate.click()
        card.diagnose.click()
        card.inside.click()
        assert card.wait(LONG) == "done"
    losses = [[step.loss for step in card.agent.run.history] for card in (slow, fast)]
    assert losses[1] == pytest.approx(losses[0], abs=1e-9)
    assert [g.name for g in fast.generated] == [g.name for g in slow.generated]
    assert fast.diagnosis.kind == slow.diagnosis.kind
    assert "Fast" in fast.picture.value
    fast.save.click()
    fast.wait(LONG)
    p.form.refresh()
    p.form.load.click()
    p.wait(LONG)
    assert p.cards["Fast"].agent.config.engine == "torch"
    assert p.cards["Fast"].agent.run.step == 5


@pytest.mark.parametrize("said", ["none", " NONE ", ""])
def test_energy_without_limit(panel, said):
    p = panel()
    fill(p.form, name="Tiny", n_embd=4, energy=said)
    assert p.cards["Tiny"].agent.budget.limit is None
    assert "no limit" in p.cards["Tiny"].energy.value


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"name": ""}, "write 1 to 32 letters"),
        ({"name": "../passwd"}, "write 1 to 32 letters"),
        ({"name": "<b>"}, "&lt;b&gt;"),
        ({"name": "CON"}, "Windows keeps this name"),
        ({"name": "there"}, "there is an agent &#x27;There&#x27; already"),
        ({"n_embd": 6}, "n_head may be 1, 2, 3, 6"),
        ({"n_layer": 0}, "n_layer must be a whole number 1 … 8"),
        ({"learning_rate": 0}, "learning_rate must be 0.0001 … 100"),
        ({"learning_rate": math.nan}, "learning_rate must be"),
        ({"energy": "much"}, "energy must be a number of joules"),
        ({"energy": "-1"}, "energy must be a number of joules"),
        ({"energy": "inf"}, "energy must be a number of joules"),
    ],
)
def test_what_cannot_be_is_said_at_the_form(panel, agent, values, said):
    p = panel(agent("There"))
    fill(p.form, **{"name": "Tiny"} | values)
    assert said in p.form.error.value
    assert "Traceback" not in p.form.error.value
    assert "<b>" not in p.form.error.value
    assert list(p.cards) == ["There"]
    fill(p.form, name="Good", n_embd=4, n_layer=1, n_head=2, learning_rate=0.1, energy="1")
    assert p.form.error.value == ""


# -- a card


def test_train_to_done(panel, agent):
    p = panel(agent(energy=100))
    card = p.cards["Tiny"]
    assert enabled(card) == {"train", "generate", "diagnose", "inside", "reset", "save"}
    assert "save" not in [b.description.lower() for b in card.children[1].children]  # no folder, no button
    card.n.value = 7
    card.train.click()
    assert p.wait(LONG) == {"Tiny": "done"}
    assert "<b>done</b> · step 7" in card.status.value
    assert f"loss {card.agent.run.history[-1].loss:.4g}" in card.status.value
    assert drawn(card.chart)[0].tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert "of 100 J" in card.energy.value
    assert "enough left" in card.energy.value
    assert 'role="meter"' in card.energy.value
    card.n.value = 2
    card.train.click()
    card.wait(LONG)
    assert card.agent.run.step == 9


def test_the_card_trains_to_the_losses_of_a_plain_loop(panel, agent):
    card = panel(agent()).cards["Tiny"]
    card.n.value = 5
    card.train.click()
    card.wait(LONG)
    assert [s.loss for s in card.agent.run.history] == [s.loss for s in agent().train(5)]


def test_the_rate_acts_on_the_next_step_and_the_temperature_on_the_next_name(panel, agent):
    card = panel(agent()).cards["Tiny"]
    card.n.value = 1
    for rate in (0.25, 0.5):
        card.sliders["lr"].value = rate
        card.train.click()
        card.wait(LONG)
    assert [s.lr for s in card.agent.run.history] == [0.25, 0.5]
    card.sliders["temperature"].value = 0
    card.generate.click()
    card.wait(LONG)
    assert len({one.name for one in card.generated}) == 1


def test_a_negative_number_of_steps_is_refused_in_the_card(panel, agent):
    card = panel(agent()).cards["Tiny"]
    card.n.value = -1
    card.train.click()
    assert "a number of steps is 0 or more" in card.error.value
    assert card.agent.run.step == 0


def test_energy_runs_out_and_the_card_says_so(panel, agent):
    cost = agent().run.next_cost() * 1e-6
    card = panel(agent(energy=4 * cost)).cards["Tiny"]
    card.train.click()
    assert card.wait(LONG) == "out of energy"
    assert 0 < card.agent.run.step < card.n.value
    assert "<b>out of energy</b>" in card.status.value
    assert "the next step takes" in card.status.value
    assert "used up" in card.energy.value
    card.generate.click()
    assert card.wait(LONG) == "out of energy"


def test_names_that_cannot_be_paid_are_a_sentence(panel, agent):
    card = panel(agent(energy=0)).cards["Tiny"]
    card.generate.click()
    card.wait(LONG)
    assert "agent Tiny cannot write a name" in card.error.value
    assert "Traceback" not in card.error.value
    assert card.generated == []


def test_stop_and_go_on(panel, agent):
    card = panel(agent()).cards["Tiny"]
    card.n.value = 1_000_000
    card.train.click()
    assert enabled(card) == {"stop", "generate", "diagnose", "inside", "save"}
    card.stop.click()
    assert card.wait(LONG) == "stopped"
    assert "<b>stopped</b>" in card.status.value
    assert enabled(card) == {"train", "generate", "diagnose", "inside", "reset", "save"}
    before = card.agent.run.step
    card.n.value = 2
    card.train.click()
    assert card.wait(LONG) == "done"
    assert card.agent.run.step == before + 2


def test_names_and_a_diagnosis_while_it_trains(panel, agent):
    card = panel(agent()).cards["Tiny"]
    card.n.value = 30
    card.train.click()
    card.generate.click()
    card.diagnose.click()
    assert card.wait(LONG) == "done"
    assert card.agent.run.step == 30
    assert len(card.generated) == 10
    assert card.diagnosis is not None


def test_names_are_told_apart_in_words(panel, agent, monkeypatch):
    tiny = agent()
    written = iter(["emma", "zzz", "zzz", "", *["emma"] * 6])
    known = tiny.names.train[0]
    monkeypatch.setattr(tiny, "write", lambda temperature=None: {"emma": known}.get(name := next(written), name))
    card = panel(tiny).cards["Tiny"]
    card.generate.click()
    card.wait(LONG)
    words = [word for word in ("copied", "new", "repeated", "empty") if f">{word}<" in card.names.value]
    assert words == ["copied", "new", "repeated", "empty"]
    assert [one.new for one in card.generated[:4]] == [False, True, False, False]
    assert all(one.score == 0 for one in card.generated if not one.new)
    assert "new 1 of 10" in card.names.value


def test_a_learning_rate_of_10_is_diagnosed(panel, agent):
    card = panel(agent(learning_rate=10.0)).cards["Tiny"]
    card.n.value = 30
    card.train.click()
    card.diagnose.click()
    card.wait(LONG)
    finding = card.diagnosis.findings[0]
    assert finding.kind == "learning_rate_too_high"
    assert "learning rate too high (critical)" in card.findings.value
    assert finding.evidence.replace("'", "&#x27;") in card.findings.value
    assert finding.remedy in card.findings.value
    card.reset.click()
    assert card.wait(LONG) == "idle"
    assert (card.agent.run.step, card.agent.budget.spent, card.findings.value) == (0, 0, "")


def test_a_healthy_or_young_agent_is_called_so(panel, agent):
    card = panel(agent()).cards["Tiny"]
    card.diagnose.click()
    card.wait(LONG)
    assert "too early to say" in card.findings.value


def test_diverging_is_a_sentence(panel, agent):
    tiny = agent()
    p = panel(tiny)
    card = p.cards["Tiny"]
    card.n.value = 2
    card.train.click()
    card.wait(LONG)
    for parameter in tiny.run.model.params:
        parameter.data = 1e300
    card.train.click()
    assert card.wait(LONG) == "diverged"
    assert "Lower the learning rate." in card.error.value
    assert "Traceback" not in card.error.value
    card.reset.click()
    assert card.error.value == ""


def test_an_exception_is_shown_escaped(panel, agent, monkeypatch):
    tiny = agent()

    def torn():
        raise RuntimeError("<b>no more</b>")

    monkeypatch.setattr(tiny.run, "train_step", torn)
    card = panel(tiny).cards["Tiny"]
    card.train.click()
    assert card.wait(LONG) == "failed"
    assert "RuntimeError: &lt;b&gt;no more&lt;/b&gt;" in card.error.value
    assert "Traceback" in card.error.value
    assert "<b>no more" not in card.error.value
    monkeypatch.undo()
    card.train.click()
    assert card.wait(LONG) == "done"
    assert card.error.value == ""


# -- energy after creation


def test_a_used_up_card_goes_on_with_more_energy(panel, agent):
    cost = agent().run.next_cost() * 1e-6
    card = panel(agent(energy=4 * cost)).cards["Tiny"]
    assert card.limit.value == str(4 * cost)
    card.train.click()
    assert card.wait(LONG) == "out of energy"
    made = card.agent.run.step
    card.limit.value = "1000"
    assert card.agent.budget.limit == 1000
    assert card.state != "out of energy"
    assert "enough left" in card.energy.value
    assert "out of energy" not in card.status.value
    card.n.value = 3
    card.train.click()
    assert card.wait(LONG) == "done"
    assert card.agent.run.step == made + 3
    card.limit.value = "None "
    assert card.agent.budget.limit is None
    assert "no limit" in card.energy.value


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("much", "energy must be a number of joules, 0 or more, or none; got &#x27;much&#x27;"),
        ("-1", "energy must be a number of joules"),
        ("<b>", "&lt;b&gt;"),
        ("0", "J are spent already, so the limit cannot be 0 J"),
    ],
)
def test_energy_that_cannot_be_is_said_in_the_card(panel, agent, text, said):
    card = panel(agent(energy=100)).cards["Tiny"]
    card.n.value = 2
    card.train.click()
    card.wait(LONG)
    card.limit.value = text
    assert said in card.error.value
    assert "Traceback" not in card.error.value
    assert card.agent.budget.limit == 100
    card.limit.value = "200"
    assert (card.agent.budget.limit, card.error.value) == (200, "")


def test_the_energy_field_follows_what_is_set_elsewhere_and_changes_no_digit(panel, agent):
    card = panel(agent(energy=1 / 3)).cards["Tiny"]
    assert (card.limit.value, card.agent.budget.limit) == (str(1 / 3), 1 / 3)
    card.agent.configure("energy", 30)
    card.generate.click()
    card.wait(LONG)
    assert card.limit.value == "30"
    card.agent.configure("energy", None)
    card.generate.click()
    card.wait(LONG)
    assert card.limit.value == "none"
    assert card.agent.budget.limit is None


def test_the_inside_is_a_picture_with_its_numbers_in_words(panel, agent):
    tiny = agent()
    tiny.train(3)
    loss = tiny.run.history[-1].loss
    card = panel(tiny).cards["Tiny"]
    assert card.picture.value == ""
    settings = dict(mpl.rcParams)
    card.inside.click()
    assert card.wait(LONG) == "done"
    light, dark = re.findall(
        r'class="lb-picture lb-when-(?:light|dark)" alt="([^"]+)" src="([^"]+)"', card.picture.value
    )
    assert light[0] == dark[0]
    assert light[1] != dark[1]
    for _, source in (light, dark):
        assert source.startswith("data:image/png;base64,")
        assert base64.b64decode(source.partition(",")[2]).startswith(b"\x89PNG")
    m = measurements(tiny.run)
    assert len(m.matrices) == 9
    for name, matrix in m.matrices.items():
        assert f"{name}: gradient {matrix.gradient_rms:.2g}, update {matrix.update_ratio:.2g}" in light[0]
    assert "of Tiny at step 3" in light[0]
    assert plt.get_fignums() == []
    assert dict(mpl.rcParams) == settings
    assert (tiny.run.step, tiny.run.history[-1].loss) == (3, loss)
    card.reset.click()
    assert card.picture.value == ""


def test_two_cards_may_look_inside_while_they_train(panel, agent):
    p = panel(agent("One"), agent("Two"))
    settings = dict(mpl.rcParams)
    for card in p.cards.values():
        card.n.value = 20
        card.train.click()
        card.inside.click()
    assert p.wait(LONG) == {"One": "done", "Two": "done"}
    assert all("lb-picture" in card.picture.value for card in p.cards.values())
    assert dict(mpl.rcParams) == settings


# -- save and load


def test_save_and_load(panel, agent, tmp_path):
    p = panel(agent(), folder=tmp_path)
    card = p.cards["Tiny"]
    assert p.form.saved.options == ()
    card.n.value = 3
    card.train.click()
    card.save.click()
    p.wait(LONG)
    assert load_agent("Tiny", tmp_path, p.names).run.step in (0, 1, 2, 3)  # saving comes first
    card.save.click()
    p.wait(LONG)
    assert "saved as" in card.status.value
    assert p.form.saved.options == ("Tiny",)

    other = panel(folder=tmp_path)
    other.form.load.click()
    other.wait(LONG)
    assert other.cards["Tiny"].agent.run.step == 3
    assert drawn(other.cards["Tiny"].chart)[0].tolist() == [1, 2, 3]

    card.train.click()
    p.wait(LONG)
    p.form.load.click()  # a card of that name goes back to what was saved
    p.wait(LONG)
    assert p.cards["Tiny"] is not card
    assert p.agents["Tiny"].run.step == 3
    assert len(p._row.children) == 1


def test_what_cannot_be_loaded_or_saved_is_said(panel, agent, tmp_path):
    p = panel(agent(), folder=tmp_path)
    p.form.load.click()
    assert "there is no saved agent yet" in p.form.error.value
    save_agent(agent("Broken"), tmp_path)
    (tmp_path / "Broken.agent.json").write_text('{"format": "<b>"}')
    p.form.refresh()
    p.form.load.click()
    p.wait(LONG)
    assert "not an agent" in p.form.error.value
    assert "<b>" not in p.form.error.value
    save_agent(agent("TINY"), tmp_path)
    p.cards["Tiny"].save.click()
    p.wait(LONG)
    assert "differs in more than case" in p.cards["Tiny"].error.value


# -- the battle


def test_a_battle_of_equal_steps(panel, agent):
    p = panel(agent("A", learning_rate=0.01), agent("B", learning_rate=0.05))
    assert (p.battle.a.value, p.battle.b.value) == ("A", "B")
    assert fight(p, "steps", 6) == "done"
    result = p.battle.result
    assert (result.a.steps, result.b.steps) == (6, 6)
    assert drawn(p.battle.chart)[0].tolist() == [1, 2, 3, 4, 5, 6]
    assert p.battle.chart.series == ["A", "B"]
    assert len(set(p.battle.chart.colors)) == 2
    raw = [r.a.loss for r in p.battle.fight.battle.rounds]
    assert drawn(p.battle.chart)[1][-1] == pytest.approx(sum(raw) / 6, rel=1e-6)
    assert "<b>done</b> · round 6 of 6" in p.battle.status.value
    for outcome in (result.a, result.b):
        assert f"<td>{outcome.score:.1f}</td>" in p.battle.verdict.value
        assert f"<td>{outcome.perplexity:.4g}</td>" in p.battle.verdict.value
        assert f"{outcome.name} wrote:" in p.battle.verdict.value
    assert ("wins" in p.battle.verdict.value) == (result.winner is not None)
    assert all(agent.run.step == 0 for agent in p.agents.values())  # copies fought


def test_a_battle_of_equal_energy(panel, agent):
    p = panel(agent("Small"), agent("Wide", n_embd=8))
    assert fight(p, "energy", 0.2) == "done"
    result = p.battle.result
    assert result.a.steps > result.b.steps > 0
    assert {result.a.stopped_because, result.b.stopped_because} == {"out of energy"}
    assert p.battle.energies.value.count("used up") == 2
    assert p.battle.energies.value.count('role="meter"') == 2
    _, small, wide = drawn(p.battle.chart)
    assert np.isfinite(small).all()
    assert np.isfinite(wide).sum() == result.b.steps


def test_the_toggle_keeps_both_numbers(panel):
    battle = panel().battle
    battle.amount.value = 11
    battle.means.value = "energy"
    assert battle.amount.description == "joules"
    battle.amount.value = 3.5
    battle.means.value = "steps"
    assert (battle.amount.value, battle.amount.description) == (11, "steps")
    battle.means.value = "energy"
    assert battle.amount.value == 3.5


def test_identical_agents_tie(panel, agent):
    p = panel(agent("One"), agent("Two"))
    fight(p)
    assert p.battle.result.winner is None
    assert "A tie: " in p.battle.verdict.value
    assert "(winner)" not in p.battle.verdict.value


def test_agents_fight_as_trained_when_asked(panel, agent):
    p = panel(agent("One"), agent("Two"))
    p.cards["One"].n.value = 4
    p.cards["One"].train.click()
    p.wait(LONG)
    fight(p, beginning="as trained", amount=2)
    assert [side.step for side in (p.battle.fight.battle.rounds[-1].a, p.battle.fight.battle.rounds[-1].b)] == [6, 2]


def test_stop_gives_the_verdict_so_far(panel, agent, tmp_path):
    board = Leaderboard(tmp_path / "board.jsonl")
    p = panel(agent("One"), agent("Two"), leaderboard=board)
    p.battle.amount.value = 1_000_000
    p.battle.start.click()
    assert not p.battle.stop.disabled
    p.battle.stop.click()
    assert p.battle.wait(LONG) == "cut short"
    assert "Cut short after" in p.battle.verdict.value
    assert board.entries() == []


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"b": "One"}, "both agents are called"),
        ({"amount": 1.5}, "steps must be a whole number"),
        ({"amount": -1}, "steps must be 0 or more"),
        ({"means": "energy", "amount": -1}, "energy must be a number of joules"),
    ],
)
def test_a_battle_that_cannot_be_is_said(panel, agent, fields, said):
    p = panel(agent("One"), agent("Two"))
    assert fight(p, **fields) == "refused"
    assert said in p.battle.error.value
    assert "Traceback" not in p.battle.error.value
    assert fight(p, b="Two") == "done"
    assert p.battle.error.value == ""


def test_without_two_agents_there_is_no_battle(panel, agent):
    p = panel(agent("One"))
    assert p.battle.start.disabled
    assert "create two agents" in p.battle.status.value
    p.add(agent("Two"))
    assert not p.battle.start.disabled
    assert (p.battle.a.value, p.battle.b.value) == ("One", "Two")
    p.add(agent("Three"))
    assert (p.battle.a.value, p.battle.b.value) == ("One", "Two")


def test_the_leaderboard_is_entered_and_shown(panel, agent, tmp_path):
    board = Leaderboard(tmp_path / "board.jsonl")
    p = panel(agent("One"), agent("Two", n_embd=8), leaderboard=board)
    assert "The leaderboard is empty" in p.battle.ranking.value
    fight(p)
    assert {entry.agent for entry in board.entries()} == {"One", "Two"}
    entry = next(entry for entry in board.entries() if entry.agent == "One")
    outcome = p.battle.result.a
    assert (entry.score, entry.energy, entry.steps) == (outcome.score, outcome.energy, 6)
    assert "<td>One</td>" in p.battle.ranking.value


def test_what_was_spent_before_counts_on_the_leaderboard(panel, agent, tmp_path):
    board = Leaderboard(tmp_path / "board.jsonl")
    p = panel(agent("One"), agent("Two"), leaderboard=board)
    p.agents["One"].train(3)
    before = p.agents["One"].budget.spent
    fight(p, beginning="as trained", amount=2)
    entry = next(entry for entry in board.entries() if entry.agent == "One")
    assert entry.energy == pytest.approx(before + p.battle.result.a.energy)
    assert entry.steps == 5


def test_a_broken_leaderboard_is_said_and_the_verdict_stands(panel, agent, tmp_path):
    (tmp_path / "board.jsonl").write_text("no entry\n")
    p = panel(agent("One"), agent("Two"), leaderboard=Leaderboard(tmp_path / "board.jsonl"))
    assert "line 1" in p.battle.ranking.value
    assert fight(p) == "done"
    assert "line 1" in p.battle.error.value
    assert p.battle.result is not None


def test_an_exception_in_a_battle_is_shown_escaped(panel, agent, monkeypatch):
    p = panel(agent("One"), agent("Two"))
    monkeypatch.setattr("labkit.arena.battle.Battle._fight", lambda *_: 1 / 0)
    assert fight(p) == "failed"
    assert "ZeroDivisionError" in p.battle.error.value
    monkeypatch.undo()
    assert fight(p) == "done"
    assert p.battle.error.value == ""


def test_a_diverging_side_is_told(panel, agent):
    p = panel(agent("Calm"), agent("Wild", learning_rate=100.0))
    fight(p, amount=60)
    outcome = p.battle.result.b
    assert ("Wild: step" in p.battle.verdict.value) == bool(outcome.trouble)
    assert p.battle.result.winner in ("Calm", None)


# -- the tournament


def test_a_tournament_rates_everybody(panel, agent):
    rates = {"Good": 0.02, "Also": 0.03, "Stuck": 1e-4}
    p = panel(*(agent(name, learning_rate=rate) for name, rate in rates.items()))
    t = p.tournament
    assert (t.state, t.table.value) == ("idle", "")
    t.steps.value, t.games.value = 60, 2
    t.start.click()
    assert t.wait(LONG) == "done"
    assert [pupil.run.step for pupil in t.contest.pupils.values()] == [60, 60, 60]
    assert all(one.run.step == 0 for one in p.agents.values())  # copies compete
    plain = Tournament({name: None for name in p.agents}, lambda *_: 0.5)
    games = t.contest.tournament.games
    assert [(g.a, g.b) for g in games] == [(g.a, g.b) for g in plain]
    assert t.standings == standings(games, sorted(p.agents))
    assert t.standings[-1].player == "Stuck"
    for row in t.standings:
        said = (row.player, f"{row.rating:.0f}", f"{row.low:.0f} and {row.high:.0f}")
        assert "".join(f"<td>{cell}</td>" for cell in said) in t.table.value
    assert "<b>done</b> · game 6 of 6 · " in t.status.value
    t.steps.value = 0  # the agents as they are
    p.agents["Stuck"].train(2)
    t.start.click()
    assert t.wait(LONG) == "done"
    assert [pupil.run.step for pupil in t.contest.pupils.values()] == [0, 0, 2]


@pytest.mark.parametrize(
    ("fields", "said"),
    [({"steps": -1}, "a number of steps is 0 or more"), ({"games": 0}, "games_per_pair must be 1 or more")],
)
def test_a_tournament_that_cannot_be_is_said(panel, agent, fields, said):
    p = panel(agent("One"))
    t = p.tournament
    assert t.start.disabled
    assert "create two agents" in t.status.value
    p.add(agent("Two"))
    assert not t.start.disabled
    for name, value in fields.items():
        getattr(t, name).value = value
    t.start.click()
    assert (t.wait(LONG), said in t.error.value, "Traceback" in t.error.value) == ("refused", True, False)
    t.steps.value = t.games.value = 1
    t.start.click()
    assert (t.wait(LONG), t.error.value) == ("done", "")


def test_a_stopped_tournament_keeps_its_games_and_a_closed_one_ends(panel, agent, monkeypatch):
    p = panel(agent("One"), agent("Two"))
    t = p.tournament
    played = []
    monkeypatch.setattr(Contest, "_play", lambda *_: played.append(t.stop.click()) or 0.5)
    t.steps.value, t.games.value = 0, 50
    t.start.click()
    assert t.wait(LONG) == "cut short"
    assert len(played) == 1
    assert t.standings[0].games == 1
    t.steps.value = 1_000_000
    t.start.click()
    assert t.state == "learning"
    p.stop(wait=True)
    assert t.state == "stopped"
    assert not t.driver.alive


# -- threads


def test_another_panel_under_the_same_key_stops_the_earlier_one(panel, agent):
    first = panel(agent("One"), agent("Two"), key="the same arena")
    for card in first.cards.values():
        card.n.value = 1_000_000
        card.train.click()
    first.battle.amount.value = 1_000_000
    first.battle.start.click()
    assert all(card.driver.alive for card in first.cards.values())
    panel(agent("One"), key="the same arena")
    assert not any(card.driver.alive for card in first.cards.values())
    assert not first.battle.driver.alive
    assert "<b>stopped</b>" in first.cards["One"].status.value
    assert "<b>stopped</b>" in first.battle.status.value


def test_outside_a_notebook_the_panel_itself_is_the_key(panel, agent):
    first = panel(agent(), key=None)
    first.cards["Tiny"].n.value = 1_000_000
    first.cards["Tiny"].train.click()
    panel(key=None)
    assert not first.cards["Tiny"].driver.alive


def test_measuring_is_not_waited_for(panel, agent, monkeypatch):
    p = panel(agent("One"), agent("Two"))
    inside, go = threading.Event(), threading.Event()

    def slow(*_):
        inside.set()
        assert go.wait(LONG)
        raise RuntimeError("nobody listens any more")

    monkeypatch.setattr("labkit.arena.battle.Battle.result", slow)
    p.battle.amount.value = 0
    p.battle.start.click()
    assert inside.wait(LONG)
    assert p.battle.state == "measuring"
    p.stop(wait=True)
    assert p.battle.driver.alive
    go.set()
    p.battle.driver._join()
    assert p.battle.result is None


def test_no_press_is_lost_while_a_thread_is_on_its_way_out():
    work, done = Jobs(), []
    driver = BackgroundRun(work)
    for i in range(300):
        work.ask("counting", lambda i=i: done.append(i))
        driver.train()
    assert driver.wait(LONG) == "done"
    assert done == list(range(300))
    driver.stop(wait=True)


def test_all_at_once(panel, agent):
    p = panel(agent("One"), agent("Two"), agent("Three"))
    for card in p.cards.values():
        card.n.value = 15
        card.train.click()
        card.generate.click()
    p.battle.amount.value = 15
    p.battle.start.click()
    assert p.wait(LONG) == {"One": "done", "Two": "done", "Three": "done"}
    assert p.battle.state == "done"
    assert [a.run.step for a in p.agents.values()] == [15, 15, 15]
    assert p.agents["One"].run.history[-1].loss == p.agents["Two"].run.history[-1].loss


# -- what is refused, and what is closed


def test_a_panel_that_was_refused_leaves_its_cell_usable(panel, agent, monkeypatch):
    said = []  # a widget's __del__ closes it, whatever there is of it
    monkeypatch.setattr(sys, "unraisablehook", lambda args: said.append(str(args.exc_value)))
    first = panel(agent("One"), key="a cell")
    with pytest.raises(ValueError, match="there is an agent 'Two' already"):
        panel(agent("Two"), agent("Two"), key="a cell")
    with pytest.raises(AttributeError):
        panel("no agent", names=None, key="a cell")
    gc.collect()
    again = panel(agent("Two"), key="a cell")
    assert list(again.cards) == ["Two"]
    again.stop(wait=True)
    assert first.cards["One"].state == "idle"
    assert said == []


@pytest.mark.parametrize("kind", [str, Path])
def test_a_leaderboard_may_be_given_as_a_path(panel, agent, tmp_path, kind):
    p = panel(agent("One"), agent("Two"), leaderboard=kind(tmp_path / "board.jsonl"))
    fight(p)
    assert {entry.agent for entry in Leaderboard(tmp_path / "board.jsonl").entries()} == {"One", "Two"}


def test_a_leaderboard_that_is_none_is_refused_in_a_sentence(panel, agent):
    with pytest.raises(TypeError, match="leaderboard must be a Leaderboard or the path of its file, got 3"):
        panel(agent(), leaderboard=3)


def test_closing_the_panel_closes_every_widget_of_it(panel, agent, tmp_path):
    before = set(widget_instances)
    for folder in (None, tmp_path):
        p = panel(agent("One"), agent("Two"), folder=folder, leaderboard=tmp_path / "board.jsonl")
        p.cards["One"].train.click()
        p.wait(LONG)
        assert len(set(widget_instances) - before) > 100
        p.close()
        assert set(widget_instances) - before == set()


def test_a_replaced_card_is_closed_and_hears_no_more(panel, agent):
    p = panel(agent())
    first = p.cards["Tiny"]
    first.n.value = 1_000_000
    first.train.click()
    before = len(widget_instances)
    second = p.add(agent(), replace=True)
    after = len(widget_instances)  # a plain number: pytest would print them all
    assert after == before
    assert not first.driver.alive
    assert first.driver.on_update is None
    assert (second.state, list(p.cards.values()), p._row.children) == ("idle", [second], (second,))


def test_a_tournament_needs_agents_of_the_same_names():
    lists = {"Ann": ["anna", "bob", "cleo"], "Dan": ["dora", "emil", "fay"]}
    few = [Agent(AgentConfig(name, n_embd=4, n_head=2), split_names(words)) for name, words in lists.items()]
    with pytest.raises(ValueError, match="the agents learn different names"):
        Contest({agent.name: agent for agent in few}, steps=0, games=1)
