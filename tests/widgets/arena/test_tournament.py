"""The arena's tournament, headless."""

import pytest

from labkit.arena import Agent, AgentConfig, Tournament
from labkit.arena.tournament import standings
from labkit.data.names import split_names
from labkit.widgets.arena_tournament import Contest

LONG = 60  # seconds after which a wait has failed


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


def test_a_tournament_needs_agents_of_the_same_names(agent):
    lists = {"Ann": ["anna", "bob", "cleo"], "Dan": ["dora", "emil", "fay"]}
    few = [Agent(AgentConfig(name, n_embd=4, n_head=2), split_names(words)) for name, words in lists.items()]
    with pytest.raises(ValueError, match="the agents learn different names"):
        Contest({agent.name: agent for agent in few}, steps=0, games=1)
