"""The arena's panel as a whole: its threads, what it refuses, and what is closed with it."""

import gc
import sys
import threading

import pytest
from ipywidgets.widgets.widget import _instances as widget_instances

from labkit.training import BackgroundRun
from labkit.widgets.arena_work import Jobs

LONG = 60  # seconds after which a wait has failed


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
