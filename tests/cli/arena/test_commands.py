"""Every command of the arena in a terminal: its help, what it does and what it refuses."""

import json
from pathlib import Path

import pytest

from labkit.arena import AgentRun, Battle, perplexity
from labkit.arena.leaderboard import Leaderboard


def test_help_names_every_command_and_each_has_usage_and_example(shell, play):
    overview = play(shell, "help")
    for name, usage in shell.commands.items():
        assert f"\n{name}" in overview
        text = play(shell, f"help {name}")
        assert f"usage:    {usage.line}" in text
        assert f"example:  {name}" in text
        assert usage.line.split()[0] == name
        assert max(map(len, text.splitlines())) <= 100
    assert max(map(len, overview.splitlines())) <= 100
    assert play(shell, "?train") == play(shell, "help train")
    assert not shell.failed


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("create-agent X 4 1 2", "did you mean 'create_agent'?"),
        ("gen", "did you mean 'generate'?"),
        ("xyzzy", "unknown command 'xyzzy'; 'help' lists the commands"),
        ("create_agent X 4 1", "missing: N_HEAD\nusage: create_agent NAME"),
        ("create_agent X four 1 2", "N_EMBD must be a whole number of 1 or more, got 'four'\nusage:"),
        ("create_agent X 5 1 2", "n_embd must be divisible by n_head, got 5 and 2"),
        ("create_agent X 4 1 2 fast", "LEARNING_RATE must be a number, got 'fast'"),
        ("create_agent X 4 1 2 enrgy=3", "unknown setting 'enrgy': did you mean 'energy'?"),
        ("create_agent X 4 1 2 engine=jax", "engine must be scalar or torch, got 'jax'"),
        ("create_agent X 4 1 2 energy=-1", "energy must be a number of joules, 0 or more"),
        ("create_agent a/b 4 1 2", "agent name 'a/b'"),
        ("create_agent tiny 4 1 2", "there is an agent Tiny already"),
        ("agents now", "too much: now\nusage: agents"),
        ("switch Tinny", "unknown agent 'Tinny': did you mean 'Tiny'?"),
        ("status Nobody", "unknown agent 'Nobody'; there is: Tiny, Wide"),
        ("train", "missing: N\nusage: train N      for example: train 200"),
        ("train 0", "N must be a whole number of 1 or more, got '0'"),
        ("train 1.5", "N must be a whole number"),
        ("generate 3 hot", "TEMPERATURE must be a number"),
        ("generate 3 -1", "temperature: -1.0 is outside 0.0 … 2.0"),
        ("generate 2 9", "temperature: 9.0 is outside 0.0 … 2.0"),
        ("config learning_rate 1e-6", "error: learning_rate: 1e-06 is outside 0.0001 … 100.0"),
        ("config learning 1", "did you mean 'learning_rate'?"),
        ("config learning_rate 1000", "1000"),
        ("config n_embd 8", "n_embd is fixed when an agent is made"),
        ("visualize loss", "Tiny has made no step yet: train 100"),
        ("visualize los", "unknown chart 'los': did you mean 'loss'?"),
        ("visualize updates x.exe", "a picture ends in .png, .svg, .pdf, got 'x.exe'"),
        ("battle Tiny Wide", "one of the two\nusage: battle AGENT AGENT"),
        ("battle Tiny Wide 5 energy=2", "one of the two"),
        ("battle Tiny Tiny 5", "both agents are called 'Tiny'"),
        ("battle Tiny Wide 5 fresh=maybe", "fresh must be yes or no, got 'maybe'"),
        ("leaderboard everything", "only 'all' can follow"),
        ("tournament", "needs two saved agents or more"),
        ("tournament 5 /does/not/exist", "there is no folder"),
        ("tournament five here", "STEPS must be a whole number"),
        ("save Nobody", "unknown agent 'Nobody'"),
        ("load Nobody", "unknown agent 'Nobody'"),
        ("forget Nobody", "unknown agent 'Nobody'"),
        ("help trian", "did you mean 'train'?"),
        ('load "Tiny', "a quotation mark is open"),
        ("quit now", "too much: now"),
    ],
)
def test_what_is_wrong_is_said_in_a_line_and_never_as_a_traceback(shell, line, said, play):
    play(shell, "create_agent Wide 8 1 2", "create_agent Tiny 4 1 2")
    shell.failed = False
    out = play(shell, line)
    assert said in out
    assert out.startswith("error: ")
    assert len(out.splitlines()) == 1 + ("\nusage:" in out)
    assert "Traceback" not in out
    assert shell.failed


def test_commands_for_an_agent_say_how_to_get_one(shell, play):
    assert "there is no agent yet: create one with 'create_agent Tiny 8 1 2'" in play(shell, "train 5")
    play(shell, "create_agent Tiny 4 1 2", "save", "forget Tiny")
    assert "load one (Tiny) or create one" in play(shell, "status")
    assert "Tiny is saved but not in memory: load Tiny" in play(shell, "switch Tiny")


def test_an_unexpected_exception_is_shown_and_the_session_lives_on(shell, monkeypatch, play):
    play(shell, "create_agent Tiny 4 1 2")
    monkeypatch.setattr("labkit.cli.arena.views.diagnose", lambda run: 1 / 0)
    out = play(shell, "diagnose")
    assert "ZeroDivisionError" in out
    assert "a fault of labkit" in out
    assert "Tiny" in play(shell, "agents")


def test_energy_that_ends_ends_the_training_and_more_lets_it_go_on(shell, play):
    out = play(shell, "create_agent Tiny 4 1 2 energy=0.1", "train 50")
    assert "the energy is used up" in out
    done = shell.agents["Tiny"].run.step
    assert 0 < done < 50
    assert "out of energy: the next step costs" in play(shell, "train 1")
    assert "cannot write a name" in play(shell, "config energy 0.1", "generate") or shell.failed
    assert "energy  no limit" in play(shell, "config energy none")
    play(shell, "train 2")
    assert shell.agents["Tiny"].run.step == done + 2


def test_an_agent_in_torch_plays_the_same_game(shell, play):
    out = play(shell, "create_agent Slow 4 1 2", "create_agent Fast 4 1 2 engine=torch")
    assert "Slow: width 4, 1 layer, 2 heads, 472 weights, learning rate 0.01" in out
    assert "Fast: width 4, 1 layer, 2 heads, 472 weights, in torch, learning rate 0.01" in out
    assert "engine torch, seed 42" in play(shell, "status")
    assert "engine  torch  (fixed)" in play(shell, "config engine")
    assert "a tie" in play(shell, "battle Slow Fast 20")
    told = []
    for name in ("Slow", "Fast"):
        told.append(play(shell, f"switch {name}", "train 12", "generate 5", "diagnose").replace(name, "it"))
    assert told[0] == told[1]
    saved = play(shell, "save Fast", "forget Fast", "load Fast")
    assert "472 weights, in torch; 12 steps" in saved
    assert "engine=torch computes in tensors" in play(shell, "help create_agent")
    assert not shell.failed


def test_config_shows_all_settings_one_and_those_that_are_fixed(shell, play):
    play(shell, "create_agent Tiny 4 1 2 0.05 energy=3")
    assert [line.split() for line in play(shell, "config").splitlines()] == [
        ["Tiny"],
        ["learning_rate", "0.05"],
        ["temperature", "0.5"],
        ["energy", "3", "J"],
    ]
    assert "temperature  0.9" in play(shell, "config temperature 0.9")
    assert "n_embd  4  (fixed)" in play(shell, "config n_embd")


def test_generate_tells_new_names_from_copied_ones(shell, play):
    play(shell, "create_agent Tiny 4 1 2 0.05", "train 60")
    out = play(shell, "generate 12")
    kinds = {line.split()[-1] for line in out.splitlines()[1:-1]}
    assert kinds <= {"new", "copied", "repeated", "empty"}
    known = shell.agents["Tiny"].known
    for line in out.splitlines()[1:-1]:
        name, points, kind = line.split()
        assert (kind == "copied") == (name in known)
        assert (float(points) == 0) or kind == "new"


def test_a_saved_agent_goes_on_as_if_it_had_never_stopped(shell, play):
    play(shell, "create_agent Tiny 4 1 2", "train 5", "save", "train 5")
    expected = shell.agents["Tiny"].run.history[-1].loss
    assert "Tiny" in shell.unsaved
    play(shell, "load Tiny")
    assert not shell.unsaved
    play(shell, "train 5")
    assert shell.agents["Tiny"].run.history[-1].loss == expected


def test_a_battle_leaves_the_agents_and_counts_what_earlier_training_cost(shell, play):
    play(shell, "create_agent A 4 1 2", "create_agent B 4 1 1 0.05", "train 5", "save A B")
    before = shell.agents["B"].state_dict()
    out = play(shell, "battle A B 4")
    assert "wins" in out or "a tie" in out
    play(shell, "battle A B 4 fresh=no")
    assert shell.agents["B"].state_dict() == before
    assert not shell.unsaved
    fresh, trained = (e for e in shell.leaderboard.entries() if e.agent == "B")
    assert (fresh.steps, trained.steps) == (4, 9)
    assert trained.energy > fresh.energy
    assert len(play(shell, "leaderboard").splitlines()) == 3
    assert len(play(shell, "leaderboard all").splitlines()) == 5


def test_a_tournament_leaves_out_what_it_cannot_read_and_says_so(shell, play):
    play(shell, "create_agent A 4 1 2", "create_agent B 4 1 1", "create_agent C 4 1 4", "save A B C")
    (shell.folder / "Broken.agent.json").write_text("{")
    play(shell, "create_agent D 4 1 2")
    out = play(shell, "tournament 2")
    assert "left out:" in out
    assert "Broken.agent.json" in out
    assert "not saved, so not as they are now: D" in out
    assert "game 6 of 6" in out
    assert len(out.split("95 % between")[1].splitlines()) == 4
    assert "untrained: A, B, C" in play(shell, "tournament games=1")


def foreign(play, shell, name="Foreign"):
    """A saved agent that says that it learned makemore, which would have to be downloaded."""
    play(shell, f"create_agent {name} 4 1 2", f"save {name}", f"forget {name}")
    path = shell.folder / f"{name}.agent.json"
    state = json.loads(path.read_text()) | {"names": {"source": "makemore", "digest": "0123456789abcdef"}}
    path.write_text(json.dumps(state))


def test_a_tournament_leaves_out_a_foreign_agent_and_does_not_go_online(shell, monkeypatch, play):
    asked = []

    def offline(name):
        asked.append(name)
        raise ConnectionError("there is no network")

    monkeypatch.setattr("labkit.data.names.fetch", offline)
    play(shell, "create_agent A 4 1 2", "create_agent B 4 1 1", "save A B")
    foreign(play, shell)
    out = play(shell, "tournament games=1")
    assert "left out: " in out
    assert "agent Foreign was trained on other names (source 'makemore'" in out
    assert "game 1 of 1  A - B" in out
    assert asked == []
    assert not shell.failed


def test_a_tournament_leaves_out_a_file_that_cannot_be_opened(shell, monkeypatch, play):
    play(shell, "create_agent A 4 1 2", "create_agent B 4 1 1", "create_agent C 4 1 1", "save A B C")
    read_text = Path.read_text

    def denied(path, *args, **options):
        if path.name.startswith("C."):
            raise PermissionError(13, "Permission denied", str(path))
        return read_text(path, *args, **options)

    monkeypatch.setattr(Path, "read_text", denied)
    out = play(shell, "tournament games=1")
    assert "left out: [Errno 13] Permission denied" in out
    assert "C.agent.json" in out
    assert "game 1 of 1  A - B" in out


def test_a_folder_that_is_called_like_an_agent_is_none(shell, play):
    (shell.folder / "Dir.agent.json").mkdir(parents=True)
    out = play(shell, "load Dir", "agents")
    assert "did you mean" not in out
    assert "saved, not in memory" not in out


def test_a_tournament_reads_the_held_out_names_once_for_each_player(shell, monkeypatch, play):
    play(shell, "create_agent A 4 1 2 0.05", "train 40", "create_agent B 4 1 1", "create_agent C 4 1 4", "save A B C")
    agents = dict(shell.agents)
    asked = []
    monkeypatch.setattr("labkit.arena.battle.perplexity", lambda *args: asked.append(args) or perplexity(*args))
    monkeypatch.setattr(AgentRun, "state_dict", None)  # nobody is copied
    out = play(shell, "tournament games=3")
    monkeypatch.undo()
    assert len(asked) == 3
    lines = [line.split() for line in out.splitlines() if line.startswith("game ")]
    assert len(lines) == 9
    for i, (a, b, left, right) in enumerate((x[4], x[6], x[7], x[9]) for x in lines):
        result = Battle(agents[a], agents[b], steps=0, fresh=False, seed=shell.seed + i).result()
        assert (left, right) == (f"{result.a.score:.1f}", f"{result.b.score:.1f}")


def test_a_battle_ends_with_a_chart_of_both_losses(shell, play):
    play(shell, "create_agent Tiny 4 1 2", "create_agent Wide 8 1 2")
    out = play(shell, "battle Tiny Wide 30")
    chart = out.split("loss in nats")[1].split("perplexity")[0]
    assert "* Tiny" in out
    assert "o Wide" in out
    assert chart.count("*") > 5
    assert chart.count("o") > 5
    assert out.index("round") < out.index("loss in nats") < out.index("wins" if "wins" in out else "a tie")
    assert max(map(len, out.splitlines())) <= 100
    assert "loss in nats" not in play(shell, "battle Tiny Wide 0")
    assert not shell.failed


def test_both_sides_of_a_battle_are_entered_at_once(shell, monkeypatch, play):
    play(shell, "create_agent A 4 1 2", "create_agent B 4 1 1")
    calls = []
    add = Leaderboard.add
    monkeypatch.setattr(Leaderboard, "add", lambda board, *entries: calls.append(entries) or add(board, *entries))
    play(shell, "battle A B 2")
    assert [[e.agent for e in entries] for entries in calls] == [["A", "B"]]


def test_steps_past_5000_are_said_to_move_hardly_anything(shell, play):
    play(shell, "create_agent Tiny 4 1 2")
    assert "hardly" not in play(shell, "train 2", "status")
    shell.agents["Tiny"].run.model.step_count = 4999
    assert "steps past 5,000 hardly move anything" in play(shell, "train 2")
    out = play(shell, "status")
    assert "hardly move anything" in out
    assert max(map(len, out.splitlines())) <= 100


def test_pictures_are_written_for_all_charts(shell, tmp_path, play):
    play(shell, "create_agent Tiny 4 1 2", "train 3")
    for what in ("loss", "gradients", "updates"):
        path = tmp_path / f"{what} now.png"
        assert str(path) in play(shell, f"visualize {what} '{path}'")
        assert path.read_bytes().startswith(b"\x89PNG")
        assert max(map(len, play(shell, f"visualize {what}").splitlines())) <= 100
