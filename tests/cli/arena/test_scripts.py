"""The arena in a terminal, as a process of its own: scripted games, and a player who types."""

import os
import subprocess
import sys

import pytest

from labkit.arena.leaderboard import Leaderboard
from labkit.cli.arena import default_folder

LABKIT = [sys.executable, "-m", "labkit.cli", "arena"]


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
