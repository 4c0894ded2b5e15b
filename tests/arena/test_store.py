import json
import os
import re

import pytest

from labkit.arena import list_agents, load_agent, save_agent
from labkit.arena.store import FORMAT, SUFFIX


def test_what_is_saved_comes_back_and_goes_on(make, names, numbers, tmp_path):
    whole, agent = make(energy=2.0), make(energy=2.0)
    agent.train(10)
    path = save_agent(agent, tmp_path / "new" / "folder")
    assert path == tmp_path / "new" / "folder" / f"a{SUFFIX}"
    loaded = load_agent("a", path.parent, names)
    assert loaded.config == agent.config
    assert (loaded.budget.limit, loaded.budget.spent_flops) == (2.0, agent.budget.spent_flops)
    loaded.train(10)
    whole.train(20)
    assert numbers(loaded.run.history) == numbers(whole.run.history)
    assert [p.data for p in loaded.run.model.params] == [p.data for p in whole.run.model.params]


def test_saving_again_replaces_and_leaves_nothing_beside(make, names, tmp_path):
    agent = make()
    for steps in (2, 3):
        agent.train(steps)
        save_agent(agent, tmp_path)
    assert load_agent("a", tmp_path, names).run.step == 5
    assert [path.name for path in tmp_path.iterdir()] == [f"a{SUFFIX}"]


def test_the_embedded_names_are_found_by_their_source(make, tmp_path):
    agent = make("b", data=None)
    agent.train(1)
    save_agent(agent, tmp_path)
    assert load_agent("b", tmp_path).names == agent.names


def test_agents_that_are_there(make, tmp_path):
    assert list_agents(tmp_path / "nowhere") == []
    for name in ("zoe", "Bob"):
        save_agent(make(name), tmp_path)
    for other in ("notes.txt", "leaderboard.json", f".hidden{SUFFIX}", f"con{SUFFIX}", f"a b{SUFFIX}"):
        (tmp_path / other).write_text("{}")
    assert list_agents(tmp_path) == ["Bob", "zoe"]


def test_an_unknown_name_is_answered_with_those_there_are(make, tmp_path):
    with pytest.raises(ValueError, match=f"unknown agent 'bob': there is none in {re.escape(str(tmp_path))} yet"):
        load_agent("bob", tmp_path)
    for name in ("Alice", "bert"):
        save_agent(make(name), tmp_path)
    with pytest.raises(ValueError, match="unknown agent 'alcie': did you mean 'Alice'; there are: Alice, bert"):
        load_agent("alcie", tmp_path)
    with pytest.raises(ValueError, match="unknown agent 'xyz': there are: Alice, bert"):
        load_agent("xyz", tmp_path)


def test_names_that_differ_in_case_alone_would_be_one_file_elsewhere(make, tmp_path):
    save_agent(make("bob"), tmp_path)
    with pytest.raises(ValueError, match="there is an agent 'bob' already"):
        save_agent(make("Bob"), tmp_path)
    assert list_agents(tmp_path) == ["bob"]


# -- names that would leave the folder


@pytest.mark.parametrize(
    "name", ["../a", "a/b", "/etc/passwd", "..", ".", "", "a\\b", "C:a", "a\0", "con", "LPT1", "a.agent.json", None]
)
def test_a_name_that_is_a_path_is_refused(make, tmp_path, name):
    inside = tmp_path / "inside"
    save_agent(make(), tmp_path)  # what "../a" would reach
    inside.mkdir()
    with pytest.raises(ValueError, match=f"agent name {re.escape(repr(name))}: "):
        load_agent(name, inside)
    agent = make()
    object.__setattr__(agent.config, "name", name)  # past the config's own check
    with pytest.raises(ValueError, match="agent name"):
        save_agent(agent, inside)
    assert list(inside.iterdir()) == []


def test_a_link_is_not_followed(make, names, tmp_path):
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    target = save_agent(make(), outside)
    before = target.read_bytes()
    inside.mkdir()
    os.symlink(target, inside / target.name)
    with pytest.raises(ValueError, match=r"is a link to .*outside.*; agents are plain files: remove it"):
        load_agent("a", inside, names)
    with pytest.raises(ValueError, match="is a link"):
        save_agent(make(), inside)
    assert target.read_bytes() == before


# -- files that are not agents


def broken(state):
    """name -> (the text of a file that is no agent, what is said about it)."""
    run, text = state["run"], json.dumps(state)
    model = run["state"]
    return {
        "empty": ("", "not JSON, or cut off: line 1, column 1"),
        "cut off": (text[: len(text) // 2], "not JSON, or cut off: line 1"),
        "a list": ("[]", f"expected format '{FORMAT}', got 'list'"),
        "another format": (json.dumps(run), "expected format 'labkit-agent-1', got 'labkit-run-1'"),
        "nan": (text.replace(str(model["weights"][0]), "NaN", 1), "NaN is not a finite number"),
        "infinite": (text.replace(str(model["weights"][0]), "1e999", 1), "1e999 is not a finite number"),
        "deep": ("[" * 100_000, "nested too deeply"),
        "long": (text.replace('"step_count": 2', '"step_count": 1' + 400 * "0", 1), "a whole number with 401 digits"),
        "no run": (json.dumps({k: v for k, v in state.items() if k != "run"}), "run missing"),
        "config": (json.dumps(state | {"config": state["config"] | {"n_embd": 5}}), "n_embd must be divisible"),
        "huge": (json.dumps(state | {"config": state["config"] | {"n_embd": 10**9}}), "n_embd must be a whole number"),
        "shape": (json.dumps(state | {"config": state["config"] | {"n_embd": 8}}), "expected {"),
        "weights": (json.dumps(state | {"run": run | {"state": model | {"weights": [1.0]}}}), "expected 440 numbers"),
        "budget": (json.dumps(state | {"run": run | {"budget": None}}), "energy: expected limit"),
        "names": (json.dumps(state | {"names": "mine"}), "names must have source and digest"),
        "renamed": (json.dumps(state | {"config": state["config"] | {"name": "eve"}}), "rename it to eve.agent.json"),
    }


KINDS = [
    *(
        "empty",
        "cut off",
        "a list",
        "another format",
        "nan",
        "infinite",
        "deep",
        "long",
        "no run",
        "config",
        "huge",
        "shape",
    ),
    *("weights", "budget", "names", "renamed"),
]


@pytest.mark.parametrize("kind", KINDS)
def test_a_broken_file_is_named_with_what_is_wrong_and_changes_nothing(make, names, tmp_path, kind):
    agent = make()
    agent.train(2)
    path = save_agent(agent, tmp_path)
    state = json.loads(path.read_text())
    cases = broken(state)
    assert list(cases) == KINDS
    text, message = cases[kind]
    path.write_text(text)
    before = json.dumps(agent.state_dict())
    with pytest.raises(ValueError, match=re.escape(message)) as error:
        load_agent("a", tmp_path, names)
    assert str(path) in str(error.value)
    assert json.dumps(agent.state_dict()) == before
    assert path.read_text() == text


def test_a_file_that_is_no_text_or_no_file(tmp_path):
    (tmp_path / f"a{SUFFIX}").write_bytes(b"\x80\x04pickle")
    with pytest.raises(ValueError, match=r"not a text file \(byte 0 is no UTF-8\)"):
        load_agent("a", tmp_path)
    (tmp_path / f"b{SUFFIX}").mkdir()
    with pytest.raises(ValueError, match="unknown agent 'b': there are: a"):
        load_agent("b", tmp_path)  # a folder is no agent, and is not offered as one
    assert list_agents(tmp_path) == ["a"]


def test_an_agent_that_cannot_be_written_leaves_the_old_file(make, tmp_path):
    agent = make()
    path = save_agent(agent, tmp_path)
    before = path.read_bytes()
    agent.run.model.params[0].data = float("inf")
    with pytest.raises(ValueError, match="not written: agent a holds a number that is not finite"):
        save_agent(agent, tmp_path)
    assert path.read_bytes() == before
