import json
import math

import pytest

from labkit.arena import Battle, Flops, battle_score, perplexity, uniqueness
from labkit.arena.battle import measure, verdict
from labkit.data.names import Names, split_names


def losses(battle):
    return [(r.number, r.a.loss, r.b.loss, r.a.energy, r.b.energy) for r in battle]


def test_identical_agents_spend_the_same_and_tie(make):
    battle = Battle(make("a"), make("b"), steps=12)
    rounds = list(battle)
    assert [r.number for r in rounds] == list(range(1, 13))
    assert all(r.a.loss == r.b.loss and r.a.energy == r.b.energy and r.a.step == r.b.step for r in rounds)
    assert [r.a.stopped_because for r in rounds] == [None] * 11 + ["done"]
    result = battle.result()
    assert result.winner is None
    assert result.a.generated == result.b.generated
    assert (result.a.score, result.a.perplexity) == (result.b.score, result.b.perplexity)
    assert (result.a.steps, result.b.steps) == (12, 12)
    assert battle.rounds == rounds
    assert list(battle) == []  # over stays over


def test_the_same_battle_gives_the_same_result(make):
    first, again = (Battle(make("a", seed=1), make("b", seed=2), steps=8) for _ in range(2))
    assert losses(first) == losses(again)
    assert first.result() == again.result() == again.result()
    assert first.result().a.generated != first.result().b.generated


def test_the_one_that_learns_wins_and_is_measured_as_documented(make):
    battle = Battle(make("slow", learning_rate=0.0001), make("quick", n_embd=8), steps=150, n_names=30)
    list(battle)
    result = battle.result()
    assert result.winner == "quick"
    for side, agent in ((result.a, battle.a), (result.b, battle.b)):
        assert side.name == agent.name
        assert len(side.generated) == 30
        assert side.perplexity == perplexity(agent.run.model, agent.names.held_out)
        assert side.uniqueness == uniqueness(side.generated, agent.names.train)
        assert side.score == battle_score(side.perplexity, side.uniqueness)
        assert side.stopped_because == "done"
    mirrored = Battle(make("quick", n_embd=8), make("slow", learning_rate=0.0001), steps=150, n_names=30)
    list(mirrored)
    assert mirrored.result().winner == "quick"


def test_with_equal_energy_the_cheaper_model_makes_more_steps(make):
    energy = 40 * Flops(4, 1, 27).training(5) * 1e-6
    battle = Battle(make("small"), make("large", n_embd=8), energy=energy)
    rounds = list(battle)
    result = battle.result()
    assert result.a.steps > 1.5 * result.b.steps > 0
    assert len(rounds) == result.a.steps
    for side, agent in ((result.a, battle.a), (result.b, battle.b)):
        assert side.stopped_because == "out of energy"
        assert side.energy <= energy < side.energy + agent.run.next_cost() * 1e-6
    last = rounds[result.b.steps - 1]
    assert (last.b.stopped_because, last.a.stopped_because) == ("out of energy", None)
    after = rounds[result.b.steps]
    assert (after.b.loss, after.b.step, after.b.energy) == (None, last.b.step, last.b.energy)


def test_too_little_energy_for_one_step_is_a_battle_without_rounds(make):
    battle = Battle(make("a"), make("b"), energy=0)
    assert list(battle) == []
    result = battle.result()
    assert result.winner is None
    assert (result.a.steps, result.a.energy, result.a.stopped_because) == (0, 0, "out of energy")


def test_the_agents_stay_as_they_are(make):
    a, b = make("a", energy=1.0), make("b", energy=1.0, n_embd=8)
    a.train(5)
    before = [json.dumps(agent.state_dict()) for agent in (a, b)]
    for fresh in (True, False):
        battle = Battle(a, b, steps=4, fresh=fresh)
        list(battle)
        battle.result()
        assert [json.dumps(agent.state_dict()) for agent in (a, b)] == before


def test_measuring_does_not_change_what_comes(make):
    plain, looked_at = (Battle(make("a", seed=1), make("b", seed=2), steps=6) for _ in range(2))
    for number, _ in enumerate(looked_at, start=1):
        if number == 3:
            state = looked_at.a.run.model.rng.getstate()
            assert looked_at.result().a.stopped_because is None
            assert looked_at.a.run.model.rng.getstate() == state
    list(plain)
    assert looked_at.result() == plain.result()


def test_fresh_or_as_they_are(make, numbers):
    a, b = make("a", energy=1.0), make("b", energy=1.0)
    a.train(100)
    a.configure("learning_rate", 0.02)
    fresh = Battle(a, b, steps=3)
    assert [r.a.step for r in fresh] == [1, 2, 3]
    assert fresh.a.run.history[0].lr == 0.02  # the settings come along
    further = Battle(a, b, steps=3, fresh=False)
    assert [r.a.step for r in further] == [101, 102, 103]
    a.train(3)
    last = [s[:5] for s in numbers(a.run.history[-3:])]
    assert [s[:5] for s in numbers(further.a.run.history[-3:])] == last
    assert further.a.budget.spent < a.budget.spent  # a budget of its own
    as_they_are = Battle(a, b, steps=0, fresh=False)
    assert list(as_they_are) == []
    assert as_they_are.result().a.perplexity < as_they_are.result().b.perplexity


def test_a_side_that_diverges_stops_and_the_other_goes_on(make):
    battle = Battle(make("a"), make("b"), steps=6)
    rounds = [next(battle), next(battle)]
    for p in battle.a.run.model.state_dict["lm_head"][0]:
        p.data = math.nan
    rounds += battle
    assert [r.a.stopped_because for r in rounds] == [None, None] + ["diverged"] * 4
    assert [r.b.step for r in rounds] == [1, 2, 3, 4, 5, 6]
    result = battle.result()
    assert (result.a.stopped_because, result.a.steps, result.b.stopped_because) == ("diverged", 2, "done")
    assert "step 3" in result.a.trouble
    assert math.isfinite(result.a.perplexity)  # its last sound model is measured


def test_a_model_that_was_never_sound_scores_nothing(make):
    battle = Battle(make("a"), make("b"), steps=2)
    for p in battle.a.run.model.params:
        p.data = math.nan
    list(battle)
    result = battle.result()
    assert (result.a.perplexity, result.a.uniqueness, result.a.score) == (math.inf, 0, 0)
    assert result.a.stopped_because == "diverged"


@pytest.mark.parametrize(
    ("means", "message"),
    [
        ({}, "give steps or energy, one of the two"),
        ({"steps": 1, "energy": 1}, "give steps or energy, one of the two"),
        ({"steps": -1}, "steps must be 0 or more, got -1"),
        ({"energy": -1}, "energy must be a number of joules"),
        ({"steps": 1, "n_names": 0}, "n_names and n_held_out must be 1 or more"),
    ],
)
def test_means_that_cannot_be(make, means, message):
    with pytest.raises(ValueError, match=message):
        Battle(make("a"), make("b"), **means)


def test_who_cannot_fight(make):
    with pytest.raises(ValueError, match="both agents are called 'a'"):
        Battle(make("a"), make("a"), steps=1)
    with pytest.raises(ValueError, match="perplexities compare on the same names only"):
        Battle(make("a"), make("b", data=split_names(["ann", "bo", "cy"])), steps=1)


def test_names_without_held_out_ones_are_refused_before_the_first_round(make):
    data = Names(train=["ann", "bo"], held_out=[], source="two")
    with pytest.raises(ValueError, match="battle: the names 'two' hold none out"):
        Battle(make("a", data=data), make("b", data=data), steps=1)


def test_what_was_spent_before_belongs_to_the_state_that_fights(make):
    """Read in the same moment as the copy: a thread may be training the agent."""
    a, b = make("a"), make("b")
    a.train(4)
    spent = a.budget.spent
    state_dict = a.run.state_dict

    def and_a_step_more():
        state = state_dict()
        next(a.run)
        return state

    a.run.state_dict = and_a_step_more
    battle = Battle(a, b, steps=1, fresh=False)
    assert a.run.step == 5
    assert battle.steps_before == {"a": 4, "b": 0}
    assert battle.spent_before == {"a": spent, "b": 0}
    fresh = Battle(a, b, steps=1)
    assert (fresh.steps_before, fresh.spent_before) == ({"a": 0, "b": 0}, {"a": 0, "b": 0})


def test_measuring_without_a_battle_is_the_same(make):
    a, b = make("a"), make("b", n_embd=8)
    a.train(60)
    before = json.dumps([agent.state_dict() for agent in (a, b)])
    expected = Battle(a, b, steps=0, fresh=False, seed=3).result()
    sides = [measure(agent, seed=3) for agent in (a, b)]
    found = verdict(*sides)
    assert found.winner == expected.winner
    for one, other in ((found.a, expected.a), (found.b, expected.b)):
        assert (one.score, one.generated, one.perplexity) == (other.score, other.generated, other.perplexity)
    assert measure(a, seed=3, ppl=sides[0].perplexity) == sides[0]
    assert measure(a, seed=4, ppl=9.0).perplexity == 9.0
    assert json.dumps([agent.state_dict() for agent in (a, b)]) == before
