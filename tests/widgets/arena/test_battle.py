"""The arena's battle, headless: equal steps or equal energy, the verdict and the leaderboard."""

from pathlib import Path

import numpy as np
import pytest

from labkit.arena.leaderboard import Leaderboard

LONG = 60  # seconds after which a wait has failed


def test_a_battle_of_equal_steps(panel, agent, drawn, fight):
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


def test_a_battle_of_equal_energy(panel, agent, drawn, fight):
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


def test_identical_agents_tie(panel, agent, fight):
    p = panel(agent("One"), agent("Two"))
    fight(p)
    assert p.battle.result.winner is None
    assert "A tie: " in p.battle.verdict.value
    assert "(winner)" not in p.battle.verdict.value


def test_agents_fight_as_trained_when_asked(panel, agent, fight):
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
def test_a_battle_that_cannot_be_is_said(panel, agent, fields, said, fight):
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


def test_the_leaderboard_is_entered_and_shown(panel, agent, tmp_path, fight):
    board = Leaderboard(tmp_path / "board.jsonl")
    p = panel(agent("One"), agent("Two", n_embd=8), leaderboard=board)
    assert "The leaderboard is empty" in p.battle.ranking.value
    fight(p)
    assert {entry.agent for entry in board.entries()} == {"One", "Two"}
    entry = next(entry for entry in board.entries() if entry.agent == "One")
    outcome = p.battle.result.a
    assert (entry.score, entry.energy, entry.steps) == (outcome.score, outcome.energy, 6)
    assert "<td>One</td>" in p.battle.ranking.value


def test_what_was_spent_before_counts_on_the_leaderboard(panel, agent, tmp_path, fight):
    board = Leaderboard(tmp_path / "board.jsonl")
    p = panel(agent("One"), agent("Two"), leaderboard=board)
    p.agents["One"].train(3)
    before = p.agents["One"].budget.spent
    fight(p, beginning="as trained", amount=2)
    entry = next(entry for entry in board.entries() if entry.agent == "One")
    assert entry.energy == pytest.approx(before + p.battle.result.a.energy)
    assert entry.steps == 5


def test_a_broken_leaderboard_is_said_and_the_verdict_stands(panel, agent, tmp_path, fight):
    (tmp_path / "board.jsonl").write_text("no entry\n")
    p = panel(agent("One"), agent("Two"), leaderboard=Leaderboard(tmp_path / "board.jsonl"))
    assert "line 1" in p.battle.ranking.value
    assert fight(p) == "done"
    assert "line 1" in p.battle.error.value
    assert p.battle.result is not None


def test_an_exception_in_a_battle_is_shown_escaped(panel, agent, monkeypatch, fight):
    p = panel(agent("One"), agent("Two"))
    monkeypatch.setattr("labkit.arena.battle.Battle._fight", lambda *_: 1 / 0)
    assert fight(p) == "failed"
    assert "ZeroDivisionError" in p.battle.error.value
    monkeypatch.undo()
    assert fight(p) == "done"
    assert p.battle.error.value == ""


def test_a_diverging_side_is_told(panel, agent, fight):
    p = panel(agent("Calm"), agent("Wild", learning_rate=100.0))
    fight(p, amount=60)
    outcome = p.battle.result.b
    assert ("Wild: step" in p.battle.verdict.value) == bool(outcome.trouble)
    assert p.battle.result.winner in ("Calm", None)


@pytest.mark.parametrize("kind", [str, Path])
def test_a_leaderboard_may_be_given_as_a_path(panel, agent, tmp_path, kind, fight):
    p = panel(agent("One"), agent("Two"), leaderboard=kind(tmp_path / "board.jsonl"))
    fight(p)
    assert {entry.agent for entry in Leaderboard(tmp_path / "board.jsonl").entries()} == {"One", "Two"}


def test_a_leaderboard_that_is_none_is_refused_in_a_sentence(panel, agent):
    with pytest.raises(TypeError, match="leaderboard must be a Leaderboard or the path of its file, got 3"):
        panel(agent(), leaderboard=3)
