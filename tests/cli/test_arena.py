"""The arena in a terminal: a scripted game, each command's help and errors, completion, Ctrl+C, a player."""

import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from labkit.arena import AgentRun, Battle, perplexity
from labkit.arena.leaderboard import Leaderboard
from labkit.cli.arena import default_folder
from labkit.cli.arena.commands import Usage, UsageError, nearest, split
from labkit.cli.arena.shell import Shell
from labkit.cli.arena.text import number, paint, table
from labkit.data.names import split_names

WORDS = ["ada", "adam", "alma", "ana", "anna", "asa", "dada", "eda", "ema", "emma", "lea", "lena", "mae", "mala"]
LABKIT = [sys.executable, "-m", "labkit.cli", "arena"]


@pytest.fixture
def shell(tmp_path):
    """A shell on a dozen names that writes into a string."""
    return Shell(tmp_path / "arena", split_names(WORDS), stdout=io.StringIO())


def play(shell, *lines):
    """What the lines print."""
    start = len(shell.stdout.getvalue())
    for line in lines:
        shell.onecmd(line)
    return shell.stdout.getvalue()[start:]


def run(script, folder, *options, **environment):
    return subprocess.run(
        [*LABKIT, "--folder", str(folder), *options],
        input=script,
        capture_output=True,
        text=True,
        encoding="utf-8",
        env=os.environ | {"PYTHONIOENCODING": "utf-8"} | environment,
        timeout=120,
    )


GAME = """
# from the first agent to a rating
create_agent Tiny 4 1 2 energy=50
create_agent Wide 8 1 2 0.02
agents
switch Tiny
train 25
generate 5 0.8
status
diagnose
visualize loss
battle Tiny Wide 10
battle Tiny Wide energy=0.5
leaderboard
save Tiny Wide
tournament 3 games=1
quit
"""


# -- scripts


def test_a_scripted_game_from_the_first_agent_to_a_rating(tmp_path):
    result = run(GAME, tmp_path)
    out = result.stdout
    assert result.returncode == 0, out + result.stderr
    assert result.stderr == ""
    for said in (
        "> create_agent Tiny 4 1 2 energy=50\nTiny: width 4, 1 layer, 2 heads, 472 weights",
        "Tiny: 25 steps, 25 in all",
        "new, ",
        "> diagnose\nTiny: step 25, loss",
        "leaderboard: Tiny",
        "points/kJ",
        "game 1 of 1  Tiny - Wide",
        "95 % between",
    ):
        assert said in out
    assert "\033" not in out, "colour belongs to a terminal"
    assert "|" not in out, "a bar of progress belongs to a terminal"
    assert max(map(len, out.splitlines())) <= 100
    assert {e.agent for e in Leaderboard(tmp_path / "leaderboard.jsonl").entries()} == {"Tiny", "Wide"}
    assert sorted(p.name for p in tmp_path.glob("*.agent.json")) == ["Tiny.agent.json", "Wide.agent.json"]


def test_the_same_script_and_seed_give_the_same_game_and_another_seed_another(tmp_path):
    script = "create_agent Tiny 4 1 2\ntrain 5\ngenerate 3\n"
    first, again, other = (run(script, tmp_path, "--seed", seed).stdout for seed in ("7", "7", "8"))
    assert first == again
    assert first != other
    assert "not saved: Tiny" in first


def test_a_learning_rate_of_10_is_what_diagnose_names(tmp_path):
    result = run("create_agent Tiny 4 1 2\nconfig learning_rate 10.0\ntrain 25\ndiagnose\n", tmp_path)
    diagnosis = result.stdout.split("> diagnose\n")[1]
    assert "1. learning rate too high (critical)" in diagnosis
    assert "fresh model and a learning rate of 0.01" in " ".join(diagnosis.split())


def test_a_script_goes_on_after_a_failed_command_and_exits_1(tmp_path):
    result = run("trian 5\ncreate_agent Tiny 4 1 2\nagents", tmp_path)
    assert result.returncode == 1
    assert "> trian 5\nerror: unknown command 'trian': did you mean 'train'?\n> create_agent" in result.stdout
    assert "*  Tiny" in result.stdout


def test_options_of_the_command_are_checked(tmp_path):
    result = run("", tmp_path, "--names", "nobody")
    assert result.returncode == 1
    assert result.stderr == "error: unknown names 'nobody'; there are: names, makemore\n"


def test_the_folder_follows_labkit_state(tmp_path, monkeypatch):
    monkeypatch.setenv("LABKIT_STATE", str(tmp_path))
    assert default_folder() == tmp_path / "arena"
    monkeypatch.delenv("LABKIT_STATE")
    assert default_folder().parts[-2:] == (".labkit", "arena")


# -- every command


def test_help_names_every_command_and_each_has_usage_and_example(shell):
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
def test_what_is_wrong_is_said_in_a_line_and_never_as_a_traceback(shell, line, said):
    play(shell, "create_agent Wide 8 1 2", "create_agent Tiny 4 1 2")
    shell.failed = False
    out = play(shell, line)
    assert said in out
    assert out.startswith("error: ")
    assert len(out.splitlines()) == 1 + ("\nusage:" in out)
    assert "Traceback" not in out
    assert shell.failed


def test_commands_for_an_agent_say_how_to_get_one(shell):
    assert "there is no agent yet: create one with 'create_agent Tiny 8 1 2'" in play(shell, "train 5")
    play(shell, "create_agent Tiny 4 1 2", "save", "forget Tiny")
    assert "load one (Tiny) or create one" in play(shell, "status")
    assert "Tiny is saved but not in memory: load Tiny" in play(shell, "switch Tiny")


def test_an_unexpected_exception_is_shown_and_the_session_lives_on(shell, monkeypatch):
    play(shell, "create_agent Tiny 4 1 2")
    monkeypatch.setattr("labkit.cli.arena.views.diagnose", lambda run: 1 / 0)
    out = play(shell, "diagnose")
    assert "ZeroDivisionError" in out
    assert "a fault of labkit" in out
    assert "Tiny" in play(shell, "agents")


def test_energy_that_ends_ends_the_training_and_more_lets_it_go_on(shell):
    out = play(shell, "create_agent Tiny 4 1 2 energy=0.1", "train 50")
    assert "the energy is used up" in out
    done = shell.agents["Tiny"].run.step
    assert 0 < done < 50
    assert "out of energy: the next step costs" in play(shell, "train 1")
    assert "cannot write a name" in play(shell, "config energy 0.1", "generate") or shell.failed
    assert "energy  no limit" in play(shell, "config energy none")
    play(shell, "train 2")
    assert shell.agents["Tiny"].run.step == done + 2


def test_an_agent_in_torch_plays_the_same_game(shell):
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


def test_config_shows_all_settings_one_and_those_that_are_fixed(shell):
    play(shell, "create_agent Tiny 4 1 2 0.05 energy=3")
    assert [line.split() for line in play(shell, "config").splitlines()] == [
        ["Tiny"],
        ["learning_rate", "0.05"],
        ["temperature", "0.5"],
        ["energy", "3", "J"],
    ]
    assert "temperature  0.9" in play(shell, "config temperature 0.9")
    assert "n_embd  4  (fixed)" in play(shell, "config n_embd")


def test_generate_tells_new_names_from_copied_ones(shell):
    play(shell, "create_agent Tiny 4 1 2 0.05", "train 60")
    out = play(shell, "generate 12")
    kinds = {line.split()[-1] for line in out.splitlines()[1:-1]}
    assert kinds <= {"new", "copied", "repeated", "empty"}
    known = shell.agents["Tiny"].known
    for line in out.splitlines()[1:-1]:
        name, points, kind = line.split()
        assert (kind == "copied") == (name in known)
        assert (float(points) == 0) or kind == "new"


def test_a_saved_agent_goes_on_as_if_it_had_never_stopped(shell):
    play(shell, "create_agent Tiny 4 1 2", "train 5", "save", "train 5")
    expected = shell.agents["Tiny"].run.history[-1].loss
    assert "Tiny" in shell.unsaved
    play(shell, "load Tiny")
    assert not shell.unsaved
    play(shell, "train 5")
    assert shell.agents["Tiny"].run.history[-1].loss == expected


def test_a_battle_leaves_the_agents_and_counts_what_earlier_training_cost(shell):
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


def test_a_tournament_leaves_out_what_it_cannot_read_and_says_so(shell):
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


def foreign(shell, name="Foreign"):
    """A saved agent that says that it learned makemore, which would have to be downloaded."""
    play(shell, f"create_agent {name} 4 1 2", f"save {name}", f"forget {name}")
    path = shell.folder / f"{name}.agent.json"
    state = json.loads(path.read_text()) | {"names": {"source": "makemore", "digest": "0123456789abcdef"}}
    path.write_text(json.dumps(state))


def test_a_tournament_leaves_out_a_foreign_agent_and_does_not_go_online(shell, monkeypatch):
    asked = []

    def offline(name):
        asked.append(name)
        raise ConnectionError("there is no network")

    monkeypatch.setattr("labkit.data.names.fetch", offline)
    play(shell, "create_agent A 4 1 2", "create_agent B 4 1 1", "save A B")
    foreign(shell)
    out = play(shell, "tournament games=1")
    assert "left out: " in out
    assert "agent Foreign was trained on other names (source 'makemore'" in out
    assert "game 1 of 1  A - B" in out
    assert asked == []
    assert not shell.failed


def test_a_tournament_leaves_out_a_file_that_cannot_be_opened(shell, monkeypatch):
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


def test_a_folder_that_is_called_like_an_agent_is_none(shell):
    (shell.folder / "Dir.agent.json").mkdir(parents=True)
    out = play(shell, "load Dir", "agents")
    assert "did you mean" not in out
    assert "saved, not in memory" not in out


def test_a_tournament_reads_the_held_out_names_once_for_each_player(shell, monkeypatch):
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


def test_a_battle_ends_with_a_chart_of_both_losses(shell):
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


def test_both_sides_of_a_battle_are_entered_at_once(shell, monkeypatch):
    play(shell, "create_agent A 4 1 2", "create_agent B 4 1 1")
    calls = []
    add = Leaderboard.add
    monkeypatch.setattr(Leaderboard, "add", lambda board, *entries: calls.append(entries) or add(board, *entries))
    play(shell, "battle A B 2")
    assert [[e.agent for e in entries] for entries in calls] == [["A", "B"]]


def test_steps_past_5000_are_said_to_move_hardly_anything(shell):
    play(shell, "create_agent Tiny 4 1 2")
    assert "hardly" not in play(shell, "train 2", "status")
    shell.agents["Tiny"].run.model.step_count = 4999
    assert "steps past 5,000 hardly move anything" in play(shell, "train 2")
    out = play(shell, "status")
    assert "hardly move anything" in out
    assert max(map(len, out.splitlines())) <= 100


def test_pictures_are_written_for_all_charts(shell, tmp_path):
    play(shell, "create_agent Tiny 4 1 2", "train 3")
    for what in ("loss", "gradients", "updates"):
        path = tmp_path / f"{what} now.png"
        assert str(path) in play(shell, f"visualize {what} '{path}'")
        assert path.read_bytes().startswith(b"\x89PNG")
        assert max(map(len, play(shell, f"visualize {what}").splitlines())) <= 100


# -- Ctrl+C


def interrupt_at(agent, step, monkeypatch):
    """Ctrl+C in the middle of a step."""
    train_step = agent.run.train_step

    def pressed():
        if agent.run.step + 1 == step:
            signal.raise_signal(signal.SIGINT)
        return train_step()

    monkeypatch.setattr(agent.run, "train_step", pressed)


def test_ctrl_c_stops_after_the_step_and_keeps_what_was_learned(shell, monkeypatch):
    play(shell, "create_agent Other 4 1 2", "train 3", "create_agent Tiny 4 1 2")
    interrupt_at(shell.agents["Tiny"], 3, monkeypatch)
    before = signal.getsignal(signal.SIGINT)
    out = play(shell, "train 100")
    assert signal.getsignal(signal.SIGINT) is before
    assert "stopped by Ctrl+C after 3 of 100 steps" in out
    tiny, other = (shell.agents[name].run for name in ("Tiny", "Other"))
    assert [p.data for p in tiny.model.params] == [p.data for p in other.model.params]
    play(shell, "train 2")
    assert tiny.step == 5


def test_ctrl_c_in_a_script_ends_it_with_130(shell, monkeypatch):
    play(shell, "create_agent Tiny 4 1 2")
    interrupt_at(shell.agents["Tiny"], 2, monkeypatch)
    assert shell.run_script(["train 50\n", "save\n"]) == 130
    assert "> save" not in shell.stdout.getvalue()


def test_ctrl_c_elsewhere_stops_the_command_and_not_the_session(shell, monkeypatch):
    play(shell, "create_agent Tiny 4 1 2")

    def interrupted(run):
        raise KeyboardInterrupt

    monkeypatch.setattr("labkit.cli.arena.views.diagnose", interrupted)
    assert play(shell, "diagnose", "switch Tiny") == "stopped\nTiny is the current agent\n"


def test_a_battle_that_is_called_off_is_no_attempt(shell, monkeypatch):
    from labkit.arena import Battle

    play(shell, "create_agent A 4 1 2", "create_agent B 4 1 1")
    fight = Battle._fight

    def pressed(self, agent):
        signal.raise_signal(signal.SIGINT)
        return fight(self, agent)

    monkeypatch.setattr(Battle, "_fight", pressed)
    assert "called off" in play(shell, "battle A B 50")
    assert shell.leaderboard.entries() == []


# -- completion and the parts


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("tr", ["train "]),
        ("sw", ["switch "]),
        ("switch ", ["Tiny ", "Wide "]),
        ("switch w", ["Wide "]),
        ("battle ", ["Tiny ", "Wide ", "energy=", "fresh=no ", "fresh=yes "]),
        ("battle Tiny W", ["Wide "]),
        ("battle Tiny Wide f", ["fresh=no ", "fresh=yes "]),
        ("config le", ["learning_rate "]),
        ("visualize ", ["gradients ", "loss ", "updates "]),
        ("load ", ["Kept "]),
        ("save Tiny ", ["Wide "]),
        ("help vis", ["visualize "]),
        ("train ", []),
        ("nonsense ", []),
    ],
)
def test_tab_completes_what_the_usage_allows(shell, line, expected):
    play(shell, "create_agent Kept 4 1 2", "save", "forget Kept")
    play(shell, "create_agent Tiny 4 1 2", "create_agent Wide 8 1 2")
    text = line.rsplit(" ", 1)[-1]
    if " " not in line:
        found = shell.completenames(text)
    else:
        name = line.split()[0]
        complete = getattr(shell, f"complete_{name}", shell.completedefault)
        found = complete(text, line, len(line) - len(text), len(line))
    assert found == expected


def test_a_usage_reads_words_and_options_in_any_order():
    usage = Usage("battle AGENT AGENT [STEPS] [energy=J] [fresh=yes|no]")
    given = usage.read(["fresh=no", "a", "energy=3", "b"])
    assert (given.words, given.options) == (["a", "b"], {"fresh": "no", "energy": "3"})
    assert given.word(2) is None
    with pytest.raises(UsageError, match=r"missing: AGENT$"):
        usage.read(["a"])
    assert Usage("save [AGENT ...]").read(list("abc")).words == ["a", "b", "c"]


def test_words_keep_backslashes_and_quoted_spaces_and_end_at_a_comment():
    assert split(r"tournament 5 'my folder' C:\agents # all") == ["tournament", "5", "my folder", r"C:\agents"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("tournament 10 class#2", ["tournament", "10", "class#2"]),
        ("tournament 10 class#2 # don't", ["tournament", "10", "class#2"]),
        ("save 'a #1' \"b # c\" d#'e f'", ["save", "a #1", "b # c", "d#e f"]),
        ("# all of it", []),
        ("\t#x", []),
        ("train 5 #", ["train", "5"]),
    ],
)
def test_a_comment_begins_at_the_start_of_a_word(line, words):
    assert split(line) == words


def test_nearest_prefers_the_only_word_that_begins_so():
    assert nearest("gen", ["generate", "agents"]) == "generate"
    assert nearest("GENRATE", ["generate", "agents"]) == "generate"
    assert nearest("zzz", ["generate", "agents"]) is None


def test_numbers_and_tables_are_for_reading():
    numbers = (0.0, 0.04123, 3.2967, 12.345, 123.45, 1234.5, 1e9, float("inf"))
    assert [number(x) for x in numbers] == ["0", "0.0412", "3.297", "12.35", "123.5", "1,234", "1.0e+09", "infinite"]
    assert table(("a", "n"), [("x", 5), ("yy", None), ("z", 1234)]) == "a       n\nx       5\nyy      -\nz   1,234"


def test_colour_only_on_a_terminal_that_wants_it(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert paint("x", "good", Terminal()) == "\033[32mx\033[0m"
    assert paint("x", "good", io.StringIO()) == "x"
    monkeypatch.setenv("NO_COLOR", "1")
    assert paint("x", "good", Terminal()) == "x"


# -- a player at a terminal


def test_a_player_completes_with_tab_stops_with_ctrl_c_and_is_asked_before_leaving(tmp_path):
    pexpect = pytest.importorskip("pexpect")
    if not hasattr(pexpect, "spawn"):
        pytest.skip("there are no pseudo-terminals here")
    pytest.importorskip("readline")
    environment = os.environ | {"LABKIT_STATE": str(tmp_path), "TERM": "xterm", "NO_COLOR": "1"}
    child = pexpect.spawn(LABKIT[0], LABKIT[1:], env=environment, timeout=60, dimensions=(40, 100), encoding="utf-8")
    try:
        child.expect("arena> ")
        child.send("cre\t")
        child.expect("create_agent ")
        child.sendline("Tiny 4 1 2")
        child.expect(r"472 weights.*arena \(Tiny\)> ")
        child.sendline("create_agent Wide 4 1 2")
        child.expect(r"arena \(Wide\)> ")
        child.send("switch Ti\t")
        child.expect("switch Tiny ")
        child.sendline("")
        child.expect(r"current agent.*arena \(Tiny\)> ")
        child.sendline("train 100000")
        child.expect("loss [0-9]")
        child.sendintr()
        child.expect(r"stopped by Ctrl\+C.*arena \(Tiny\)> ")
        child.sendintr()
        child.expect("quit leaves")
        child.sendline("quit")
        child.expect("not saved: Tiny, Wide. Leave without")
        child.sendline("n")
        child.expect(r"arena \(Tiny\)> ")
        child.sendline("save Tiny Wide")
        child.expect(r"saved .*arena \(Tiny\)> ")
        child.sendeof()
        child.expect(pexpect.EOF)
        child.wait()
        assert child.exitstatus == 0
    finally:
        child.close(force=True)
    assert "train 100000" in (tmp_path / "arena" / "history").read_text()
    assert (tmp_path / "arena" / "Tiny.agent.json").is_file()
