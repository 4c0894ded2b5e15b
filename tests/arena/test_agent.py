import dataclasses
import json
import re

import pytest

from labkit.arena import Agent, AgentConfig, AgentRun, Budget, OutOfEnergy
from labkit.data.names import split_names
from labkit.training import BackgroundRun, Diverged

# -- the config


@pytest.mark.parametrize("name", ["a", "Alice", "x-1", "snake_case", "A" * 32])
def test_names_that_are_allowed(name):
    assert AgentConfig(name).name == name


@pytest.mark.parametrize(
    "name", ["", "1a", "-a", "a b", "a/b", "../x", "ä", "a.b", "A" * 33, "a\n", None, 3, "con", "Aux", "COM1", "nul"]
)
def test_names_that_no_file_should_have(name):
    with pytest.raises(ValueError, match=f"agent name {re.escape(repr(name))}: "):
        AgentConfig(name)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_embd": 6, "n_head": 4}, "n_embd must be divisible by n_head, got 6 and 4; n_head may be 1, 2, 3, 6"),
        ({"n_embd": 1000}, "n_embd must be a whole number 2 … 128, got 1000"),
        ({"n_layer": 0}, "n_layer must be a whole number 1 … 8, got 0"),
        ({"n_layer": 1.0}, "n_layer must be a whole number"),
        ({"n_head": True}, "n_head must be a whole number"),
        ({"block_size": 1}, "block_size must be a whole number 2 … 64, got 1"),
        ({"seed": -1}, "seed must be a whole number"),
        ({"learning_rate": 0}, "learning_rate must be 0.0001 … 100, got 0"),
        ({"learning_rate": float("nan")}, "learning_rate must be"),
        ({"learning_rate": "fast"}, "learning_rate must be"),
        ({"engine": "jax"}, "unknown engine 'jax'; there is 'scalar' and 'torch'"),
        ({"engine": None}, "unknown engine None; there is 'scalar' and 'torch'"),
    ],
)
def test_a_value_that_cannot_be_is_named_with_what_can(options, message):
    with pytest.raises(ValueError, match=f"agent bob: {re.escape(message)}"):
        AgentConfig("bob", **options)


def test_a_config_as_data():
    config = AgentConfig("bob", n_embd=8, learning_rate=0.1)
    assert AgentConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config
    with pytest.raises(ValueError, match="unknown in the config: power"):
        AgentConfig.from_dict(config.to_dict() | {"power": 9})
    with pytest.raises(ValueError, match="missing in the config: engine, n_embd"):
        AgentConfig.from_dict({k: v for k, v in config.to_dict().items() if k not in ("n_embd", "engine")})
    with pytest.raises(ValueError, match="expected a config with the keys name"):
        AgentConfig.from_dict([])
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.name = "eve"


# -- training


def test_it_learns_its_names(make):
    agent = make(n_embd=8)
    steps = agent.train(120)
    assert [s.step for s in steps] == list(range(1, 121))
    assert sum(s.loss for s in steps[-20:]) < 0.7 * sum(s.loss for s in steps[:20])
    assert agent.stopped_because == "done"
    assert agent.run.history == steps


def test_the_run_alone_is_the_same_loop(make, numbers):
    a, b = make(), make()
    stepped = a.train(6)
    b.run.max_steps = 6
    assert numbers(b.run) == numbers(stepped)
    assert b.stopped_because == "done"


def test_a_loop_that_breaks_goes_on_where_it_was(make, numbers):
    whole, agent = make(), make()
    for step in agent.steps(10):
        if step.step == 3:
            break
    assert agent.stopped_because is None
    agent.train(4)
    assert numbers(agent.run.history) == numbers(whole.train(7))
    with pytest.raises(ValueError, match="0 or more, got -1"):
        agent.steps(-1)
    assert agent.train(0) == []


def test_energy_ends_training_before_the_step_that_it_cannot_pay(make, numbers):
    free = make()
    steps = free.train(8)
    enough_for_five = steps[4].extra["energy"]
    for extra, expected in ((0, 5), (1e-7, 5), (-1e-7, 4)):
        agent = make(energy=enough_for_five + extra)
        made = agent.train(8)
        assert numbers(made) == numbers(steps[:expected])
        assert agent.stopped_because == "out of energy"
        assert agent.budget.spent <= agent.budget.limit
        assert not agent.budget.can_pay(agent.run.next_cost())
        assert agent.train(3) == []  # it stays so
    agent.configure("energy", "none")
    assert numbers(agent.train(4)) == numbers(steps[4:])  # and goes on as if nothing had been
    assert agent.stopped_because == "done"


def test_a_thread_that_drives_the_run_ends_with_the_energy(make):
    agent = make(energy=make().train(3)[-1].extra["energy"])
    driver = BackgroundRun(agent.run)
    driver.train()
    assert driver.wait(30) == "done"
    assert agent.run.step == 3
    assert agent.stopped_because == "out of energy"


def test_divergence_is_raised_by_the_run_and_told_by_the_agent(make):
    raising, told = make(), make()
    for agent in (raising, told):
        agent.train(2)
        agent.run.model.params[0].data = float("nan")
        for p in agent.run.model.state_dict["lm_head"][0]:
            p.data = float("nan")
    spent = told.budget.spent
    with pytest.raises(Diverged):
        next(raising.run)
    assert told.train(5) == []
    assert raising.stopped_because == told.stopped_because == "diverged"
    assert "step 3" in told.trouble
    assert len(told.run.history) == 2
    assert told.budget.spent > spent  # a step that failed is paid all the same
    told.train(1)
    assert (told.stopped_because, told.trouble) == ("done", "")  # from the last sound model


def test_reset_is_a_fresh_agent_with_all_its_energy(make, numbers):
    agent = make(energy=1.0)
    first = agent.train(3)
    agent.configure("temperature", 1.5)
    agent.run.reset()
    assert (agent.budget.spent, agent.budget.limit, agent.stopped_because) == (0, 1.0, None)
    assert agent.settings()["temperature"] == 1.5
    assert numbers(agent.train(3)) == numbers(first)


def test_resuming_is_the_same_as_never_having_stopped(make, numbers, names):
    whole, agent = make(energy=1.0), make(energy=1.0)
    agent.configure("learning_rate", 0.02)
    whole.configure("learning_rate", 0.02)
    agent.train(25)
    agent.generate(2)
    state = json.loads(json.dumps(agent.state_dict(), allow_nan=False))
    resumed = Agent.from_state(state, names)
    assert resumed.config == agent.config
    assert resumed.settings() == agent.settings()
    assert resumed.stopped_because == agent.stopped_because == "done"
    whole.train(25)
    whole.generate(2)
    whole.train(20)
    resumed.train(20)
    assert numbers(resumed.run.history) == numbers(whole.run.history)
    assert resumed.budget.spent_flops == whole.budget.spent_flops
    assert resumed.generate(3) == whole.generate(3)


def test_a_state_that_does_not_fit_changes_nothing(make, names):
    agent = make(energy=1.0)
    agent.train(2)
    state = json.dumps(agent.run.state_dict())
    other = make(n_embd=8).run.state_dict()
    good = agent.run.state_dict()
    for wrong in (
        other,
        None,
        good | {"budget": {"limit": 1}},
        good | {"stopped_because": "tired"},
        {**good, "state": None, "budget": {"limit": 9, "spent_flops": 0}},
    ):
        with pytest.raises(ValueError, match=r"\w"):
            agent.run.load_state_dict(wrong)
        assert json.dumps(agent.run.state_dict()) == state
    missing = {key: value for key, value in good.items() if key != "budget"}
    with pytest.raises(ValueError, match="energy: expected limit and spent_flops, got None"):
        agent.run.load_state_dict(missing)
    assert json.dumps(agent.run.state_dict()) == state


def test_an_agent_is_not_measured_on_what_another_split_taught_it(make):
    state = make().state_dict()
    with pytest.raises(ValueError, match="agent a was trained on other names"):
        Agent.from_state(state, split_names(["ann", "bo", "cy"]))
    with pytest.raises(ValueError, match="agent a needs the names it was trained on: unknown names 'yours'"):
        Agent.from_state(state)
    with pytest.raises(ValueError, match="not an agent: names, run missing"):
        Agent.from_state({"config": {}})


# -- writing


def test_what_it_writes(make, names):
    agent = make(n_embd=8)
    agent.train(150)
    written = agent.generate(40, temperature=1.0)
    assert len(written) == 40
    seen = set()
    for one in written:
        assert one.new == (one.name != "" and one.name not in names.train and one.name not in seen)
        assert 0 <= one.score <= 100
        assert one.new or one.score == 0
        assert len(one.name) <= agent.config.block_size
        seen.add(one.name)
    assert any(one.new and one.score > 0 for one in written)
    assert agent.generate(3, temperature=0)[1].new is False  # the likeliest name, once more


def test_writing_is_paid_by_the_token(make):
    agent = make()
    before = agent.budget.spent_flops
    name = agent.write(0.8)
    ended = len(name) < agent.config.block_size
    assert agent.budget.spent_flops - before == agent.run.flops.sampling(len(name) + ended)


def test_the_longest_name_fits_the_block(make):
    agent = make()
    lengths = {len(agent.write(1.0)) for _ in range(60)}  # untrained: one letter in 27 ends a name
    assert max(lengths) == agent.config.block_size


def test_out_of_energy_while_writing(make):
    agent = make()
    longest = agent.run.flops.sampling(agent.config.block_size)
    agent.run.budget = Budget(3.5 * longest * 1e-6)
    written = agent.generate(50)
    assert 3 <= len(written) < 50
    assert agent.stopped_because == "out of energy"
    assert agent.budget.spent <= agent.budget.limit
    with pytest.raises(OutOfEnergy, match="agent a cannot write a name: this takes"):
        agent.generate(1)
    with pytest.raises(ValueError, match="1 or more, got 0"):
        agent.generate(0)


# -- settings


def test_settings(make):
    agent = make()
    agent.configure("learning_rate", "0.2")
    agent.configure("temperature", 1)
    agent.configure("energy", 12)
    assert agent.settings() == {"learning_rate": 0.2, "temperature": 1.0, "energy": 12.0}
    assert next(agent.run).lr == 0.2


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("lr", 1, "unknown setting 'lr'; what can be set: learning_rate, temperature, energy"),
        ("n_embd", 8, "n_embd is fixed when an agent is made: create another one. Here is what can be set: learning"),
        ("learning_rate", "fast", "learning_rate must be a number, got 'fast'"),
        ("learning_rate", 0, "learning_rate: 0.0 is outside 0.0001 … 100.0"),
        ("temperature", None, "temperature must be a number, got None"),
        ("temperature", -1, "temperature: -1.0 is outside 0.0 … 2.0"),
        ("energy", "nan", "energy must be a number, got 'nan'"),
        ("energy", -5, "energy must be a number of joules, 0 or more (None: no limit), got -5"),
    ],
)
def test_a_setting_that_cannot_be_changes_nothing(make, key, value, message):
    agent = make(energy=3)
    before = agent.settings()
    with pytest.raises(ValueError, match=re.escape(message)):
        agent.configure(key, value)
    assert agent.settings() == before


def test_the_embedded_names_are_what_an_agent_learns_unless_told():
    agent = Agent(AgentConfig("a", n_embd=4, n_head=1))
    assert agent.names.source == "names"
    assert isinstance(agent.run, AgentRun)
    assert len(agent.run.documents) == len(agent.names.train)


@pytest.mark.parametrize("heat", [-1, 9, float("nan"), float("inf")])
def test_a_temperature_has_the_same_limits_everywhere(make, heat):
    agent = make()
    for ask in (agent.write, lambda t: agent.generate(2, t)):
        with pytest.raises(ValueError, match=r"temperature: .* is outside 0\.0 … 2\.0"):
            ask(heat)
    assert agent.budget.spent == 0


def test_an_untrained_copy_has_the_settings_and_nothing_else(make, numbers):
    agent, other = make(energy=5), make()
    agent.train(3)
    agent.configure("temperature", 1.5)
    copy = agent.untrained()
    assert (copy.run.step, copy.budget.spent, copy.budget.limit) == (0, 0, None)
    assert (copy.config, copy.names) == (agent.config, agent.names)
    assert copy.settings()["temperature"] == 1.5
    assert numbers(copy.train(2)) == numbers(other.train(2))


def test_a_copy_goes_on_as_the_agent_does_and_leaves_it_alone(make, numbers):
    agent = make(energy=5)
    agent.train(3)
    copy = agent.copy()
    assert copy.state_dict() == agent.state_dict()
    made = numbers(copy.train(2))
    assert agent.run.step == 3
    assert numbers(agent.train(2)) == made
