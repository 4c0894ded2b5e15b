"""The panel of chapter 6, headless: it trains, writes with the model of the moment, and judges what is clicked."""

import itertools
import threading

import pytest
import torch

from labkit.gpt import GPT
from labkit.routes import Hold, frames
from labkit.routes.climber import difficulty
from labkit.routes.generator import Generator, Wish
from labkit.routes.grammar import Grammar
from labkit.routes.reader import Reader, reader_model
from labkit.routes.rules import faults
from labkit.routes.run import RouteData, RouteRun, route_model
from labkit.routes.setter import simulate
from labkit.routes.simulated import simulated_board
from labkit.routes.tokens import RouteTokenizer
from labkit.sampling import Sampling
from labkit.training.lm_config import LMConfig
from labkit.widgets import RoutePanel, RouteWriter

LONG = 60
BOARD = simulated_board("tension")
TOKENIZER = RouteTokenizer([BOARD])
ROUTES = list(simulate([BOARD], 60, 0))
START, MIDDLE, FINISH = Hold(420, "start"), Hold(540, "middle"), Hold(760, "finish")
SIZES = {"n_layer": 1, "n_embd": 8, "n_head": 2}


def route_run(**options):
    data = RouteData.of(ROUTES[:50], ROUTES[50:], TOKENIZER)
    config = LMConfig(**{"max_steps": 12, "batch_size": 4, "eval_every": 6} | options)
    return RouteRun(route_model(TOKENIZER.vocab_size, **SIZES), data, config)


@pytest.fixture(scope="module")
def reader():
    model = GPT(reader_model(TOKENIZER.vocab_size, **SIZES)).eval()
    torch.nn.init.normal_(model.head.weight)  # else it says the mean of any route
    return Reader(model, TOKENIZER, 18.0, 3.0)


@pytest.fixture
def made():
    """Makes panels, closed at the end of the test."""
    panels = []
    keys = (f"route panel test {i}" for i in itertools.count())

    def make(kind=RoutePanel, source=None, **options):
        source = source or route_run()
        panels.append(kind(source, **{"key": next(keys)} | options))
        return panels[-1]

    yield make
    for panel in panels:
        panel.close()


def press(board, what):
    """As the page does it."""
    board._handle_custom_msg({"write": what}, [])


def test_it_writes_while_it_trains_always_valid_and_lists_what_came(made):
    panel = made(every=1, grade=5, angle=40, guidance=2.0)
    panel.train.click()
    assert panel.wait(LONG) == "done"
    samples = panel.writer.wait(LONG)
    assert panel.writer.error is None
    assert samples
    assert [s.step for s in samples] == sorted({s.step for s in samples})
    for sample in samples:
        assert faults(sample.route.holds, BOARD) == []
        assert (sample.wish, sample.guidance) == (Wish("TB2", 40, 5), 2.0)
    assert panel.board.route.holds == samples[-1].route.holds
    assert panel.board.asked == {"grade": 5, "angle": 40, "guidance": 2.0}
    listed = panel.writer.listing.value
    assert listed.count("<li") == min(len(samples), 8)
    assert frames(samples[-1].route.holds, BOARD.config) in listed
    assert f"step {samples[-1].step}" in listed
    assert set(panel.sliders) >= {"lr", "dropout", "drop_grade"}
    assert panel.chart.series == ["loss", "validation"]


def test_it_writes_with_the_model_as_it_is_now(made):
    run = route_run()
    panel = made(source=run, every=0, temperature=0.0, grade=3, angle=30)
    for _ in range(2):
        panel.step.click()
        panel.wait(LONG)
        press(panel.board, "route")
        sample = panel.writer.wait(LONG)[-1]
        (expected,) = Generator(run.model.plain(), TOKENIZER).routes([Wish("TB2", 30, 3)], Sampling(temperature=0))
        assert sample.route == expected
        assert panel.board.route.holds == expected.holds
        assert sample.step == run.step
    assert [s.step for s in panel.writer.samples] == [1, 2]


def test_clicked_holds_are_judged_at_once_and_completed(made, reader):
    panel = made(reader=reader, every=0, angle=40)
    board = panel.board
    board.place([START, MIDDLE])
    panel.writer.wait(LONG)
    ((who, says, _), judge) = board.verdicts
    assert (who, says) == ("reader", pytest.approx(float(reader.predict([board.route])[0])))
    assert judge == ["simulated climber", None, "–"]  # no finish yet
    board.place([START, MIDDLE, FINISH])
    panel.writer.wait(LONG)
    assert board.verdicts[0][1] != says
    assert board.verdicts[1][1] == pytest.approx(difficulty(BOARD, board.route.holds, 40))
    board.angle = 20
    panel.writer.wait(LONG)
    assert board.verdicts[1][1] == pytest.approx(difficulty(BOARD, board.route.holds, 20))
    press(board, "rest")
    sample = panel.writer.wait(LONG)[-1]
    assert {START, MIDDLE, FINISH} <= set(sample.route.holds)
    assert set(board.kept) == {START, MIDDLE, FINISH}
    assert faults(sample.route.holds, BOARD) == []
    assert [list(verdict) for verdict in sample.verdicts] == board.verdicts


def test_training_does_not_write_over_what_was_set_by_hand(made):
    panel = made(every=1)
    panel.board.place([START])
    panel.train.click()
    panel.wait(LONG)
    assert panel.writer.wait(LONG) == []
    assert panel.board.kept == panel.board.route.holds == (START,)
    panel.writer.complete()
    panel.writer.wait(LONG)
    panel.reset.click()  # the count of steps begins anew
    panel.train.click()
    panel.wait(LONG)
    samples = panel.writer.wait(LONG)
    assert len(samples) > 1
    assert all(START in sample.route.holds for sample in samples)


def test_wishes_that_cannot_come_true_are_said_in_words_and_the_next_one_is_heard(made):
    panel = made(every=0)
    panel.board.place([Hold(place, "start") for place in (420, 425, 430)])
    press(panel.board, "rest")
    panel.writer.wait(LONG)
    assert "at most 2 holds to start, 3 are required" in panel.writer.failure.value
    assert "<pre>" not in panel.writer.failure.value  # no traceback: it may well happen
    press(panel.board, "route")
    panel.writer.wait(LONG)
    assert panel.writer.failure.value == ""
    assert len(panel.writer.samples) == 1


def test_an_exception_while_writing_is_shown_with_its_traceback(made, monkeypatch):
    panel = made(every=0)

    def broken(*_):
        raise RuntimeError("<b>no more</b>")

    monkeypatch.setattr(Grammar, "__call__", broken)
    panel.writer.write()
    assert panel.writer.driver.wait(LONG) == "failed"
    assert "&lt;b&gt;no more&lt;/b&gt;" in panel.writer.failure.value
    assert "<pre>" in panel.writer.failure.value


def test_a_trained_generator_writes_without_a_run(made):
    generator = route_run().generator()
    writer = made(RouteWriter, generator, grade=2, seed=7)
    writer.write()
    (sample,) = writer.wait(LONG)
    assert sample.step is None
    assert sample.route.holds == generator.routes([Wish("TB2", 25, 2)], seed=7)[0].holds


def test_holds_given_at_first_are_completed_while_it_trains(made):
    given = Hold(420, "start")
    panel = made(every=1, holds=[given])
    panel.train.click()
    panel.wait(LONG)
    samples = panel.writer.wait(LONG)
    assert samples
    assert all(given in sample.route.holds for sample in samples)


def test_closed_in_the_middle_of_a_route_nothing_goes_on(made, monkeypatch):
    panel = made()
    writer = panel.writer
    writer.wait(LONG)
    writing, closed = threading.Event(), threading.Event()
    real = writer.generator.routes

    def slow(*arguments):
        writing.set()
        closed.wait(LONG)
        return real(*arguments)

    monkeypatch.setattr(writer.generator, "routes", slow)
    writer.write()
    assert writing.wait(LONG)
    threading.Timer(0.2, closed.set).start()
    panel.close()
    writer._look()
    assert not writer.driver.alive
