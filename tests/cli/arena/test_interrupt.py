"""Ctrl+C in the arena: what it stops, and what is kept."""

import signal

from labkit.arena import Battle


def interrupt_at(agent, step, monkeypatch):
    """Ctrl+C in the middle of a step."""
    train_step = agent.run.train_step

    def pressed():
        if agent.run.step + 1 == step:
            signal.raise_signal(signal.SIGINT)
        return train_step()

    monkeypatch.setattr(agent.run, "train_step", pressed)


def test_ctrl_c_stops_after_the_step_and_keeps_what_was_learned(shell, monkeypatch, play):
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


def test_ctrl_c_in_a_script_ends_it_with_130(shell, monkeypatch, play):
    play(shell, "create_agent Tiny 4 1 2")
    interrupt_at(shell.agents["Tiny"], 2, monkeypatch)
    assert shell.run_script(["train 50\n", "save\n"]) == 130
    assert "> save" not in shell.stdout.getvalue()


def test_ctrl_c_elsewhere_stops_the_command_and_not_the_session(shell, monkeypatch, play):
    play(shell, "create_agent Tiny 4 1 2")

    def interrupted(run):
        raise KeyboardInterrupt

    monkeypatch.setattr("labkit.cli.arena.views.diagnose", interrupted)
    assert play(shell, "diagnose", "switch Tiny") == "stopped\nTiny is the current agent\n"


def test_a_battle_that_is_called_off_is_no_attempt(shell, monkeypatch, play):
    play(shell, "create_agent A 4 1 2", "create_agent B 4 1 1")
    fight = Battle._fight

    def pressed(self, agent):
        signal.raise_signal(signal.SIGINT)
        return fight(self, agent)

    monkeypatch.setattr(Battle, "_fight", pressed)
    assert "called off" in play(shell, "battle A B 50")
    assert shell.leaderboard.entries() == []
