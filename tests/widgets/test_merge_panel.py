"""The merge panel, headless: buttons are clicked, sliders are set, `wait` waits."""

import itertools
import math
import threading

import numpy as np
import pytest

from labkit.tokenizers import BPETokenizer
from labkit.tokenizers.merges import learn_merges_naive
from labkit.tokenizers.patterns import count_chunks
from labkit.training.merge_run import MergeRun
from labkit.widgets import MergePanel
from labkit.widgets.merge_panel import LATEST, visible

LONG = 30
TEXT = "the cat and the hat, the rat and <b>the</b> 1234 bats\n" * 3


@pytest.fixture
def panel(made):
    """`panel(texts, vocab_size=…)`: a panel without pauses between its merges."""
    return lambda texts=TEXT, **options: made(MergePanel, texts, **{"vocab_size": 270, "pace": None} | options)


def curve(chart):
    return np.frombuffer(chart.data, "<f4").reshape(2, -1).tolist()


def pairs(run):
    return [(merge.left, merge.right) for merge in run.history]


def test_a_run_learns_what_the_rule_says_and_stops_at_the_size():
    run = MergeRun(TEXT, 270)
    rule = list(itertools.islice(learn_merges_naive(count_chunks(TEXT, "gpt4")), 14))
    assert list(run) == rule
    assert run.finished
    assert run.tokenizer == BPETokenizer.train(TEXT, 270)
    assert [run.token_bytes[token] for token in range(270)] == [run.tokenizer.token_bytes(t) for t in range(270)]
    run.vocab_size = 272
    assert [merge.token for merge in run] == [270, 271]


def test_a_run_of_a_short_text_ends_when_no_pair_is_left():
    run = MergeRun(["ab ab", "ab"], 300)
    assert [run.token_bytes[merge.token] for merge in run] == [b"ab", b" ab"]
    assert run.exhausted
    assert (run.n_bytes, run.n_tokens) == (7, 3)
    assert next(run, None) is None
    run.reset()
    assert len(list(run)) == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"texts": ""}, "no text"),
        ({"texts": [b"ab"]}, "item 0 is bytes"),
        ({"vocab_size": 256}, "vocab_size must be 257"),
        ({"vocab_size": 300.0}, "vocab_size must be 257"),
        ({"pattern": "gpt3"}, "pattern must be one of gpt2, gpt4"),
    ],
)
def test_a_run_of_nothing_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        MergeRun(**{"texts": TEXT, "vocab_size": 300} | options)


def test_train_and_wait(panel, enabled):
    p = panel()
    assert "<b>idle</b> · 256 tokens of 270" in p.status.value
    assert enabled(p) == {"train", "step", "reset"}
    assert repr(p) == "MergePanel (idle, 256 tokens)"
    p.train.click()
    assert p.wait(LONG) == "done"
    assert p.error.value == ""
    assert "<b>done</b> · 270 tokens of 270" in p.status.value
    assert p.tokenizer == BPETokenizer.train(TEXT, 270)
    assert enabled(p) == {"reset"}


def test_the_curves_are_of_the_merges(panel):
    p = panel()
    p.train.click()
    p.wait(LONG)
    sizes, ratios = curve(p.compression)
    assert sizes == list(range(256, 271))
    n = len(TEXT.encode())
    for size, ratio in zip(sizes, ratios, strict=True):
        assert ratio == pytest.approx(n / len(BPETokenizer(p.tokenizer.merges[: int(size) - 256]).encode(TEXT)))
    _, frequencies = curve(p.frequency)
    assert math.isnan(frequencies[0])
    assert frequencies[1:] == [merge.frequency for merge in p.run.history]


def test_the_latest_merges_are_listed_newest_first_and_escaped(panel):
    p = panel(vocab_size=300)
    assert "No merges yet" in p.latest.value
    p.step.click()
    assert p.wait(LONG) == "paused"
    assert p.latest.value.count("<li>") == 1
    assert "<code>t</code> + <code>h</code> → <code>th</code>" in p.latest.value
    p.train.click()
    p.wait(LONG)
    assert p.latest.value.count("<li>") == LATEST
    assert p.latest.value.index(f">{255 + p.run.step}<") < p.latest.value.index(f">{254 + p.run.step}<")
    assert "<b>the" not in p.latest.value


def test_one_at_a_time_then_on_to_another_size(panel, enabled):
    p = panel()
    for n in (1, 2):
        p.step.click()
        assert p.wait(LONG) == "paused"
        assert p.run.step == n
    assert enabled(p) == {"train", "step", "stop", "reset"}
    p.size.value = 260
    p.train.click()
    assert p.wait(LONG) == "done"
    assert p.tokenizer.vocab_size == 260
    p.size.value = 265
    assert "train" in enabled(p)
    p.train.click()
    p.wait(LONG)
    assert p.tokenizer == BPETokenizer.train(TEXT, 265)


def test_another_pattern_waits_for_reset(panel):
    p = panel(vocab_size=300)
    p.train.click()
    p.wait(LONG)
    gpt4 = pairs(p.run)
    p.pattern.value = "gpt2"
    assert "learned with gpt4; Reset begins with gpt2" in p.status.value
    assert p.tokenizer.pattern == "gpt4"
    p.reset.click()
    assert p.wait(LONG) == "idle"
    assert (p.run.step, curve(p.compression)) == (0, [[256], [1]])
    p.train.click()
    p.wait(LONG)
    assert p.tokenizer.pattern == "gpt2"
    assert pairs(p.run) == list(BPETokenizer.train(TEXT, p.tokenizer.vocab_size, "gpt2").merges) != gpt4


def test_before_the_first_merge_a_pattern_needs_no_reset(panel):
    p = panel()
    p.pattern.value = "gpt2"
    assert "Reset begins" not in p.status.value
    assert p.tokenizer.pattern == "gpt2"


def wait_for_the_pace(panel, merges):
    """Train until so many merges are done and the thread waits: it asks for `delay` under the lock of the buttons."""
    waits, delay = threading.Event(), panel.run.delay

    def told():
        seconds = delay()
        if seconds > 0 and panel.run.step == merges:
            waits.set()
        return seconds

    panel.run.delay = told
    panel.train.click()
    assert waits.wait(LONG)


@pytest.mark.parametrize("act", ["pause", "stop", "reset"])
def test_buttons_are_heard_in_a_wait_for_the_pace(panel, act):
    p = panel(pace=1)
    p.run.pace = 0.001  # a quarter of an hour
    wait_for_the_pace(p, 1)
    getattr(p, act).click()
    assert p.wait(LONG) == {"pause": "paused", "stop": "stopped", "reset": "idle"}[act]
    assert p.run.step == (0 if act == "reset" else 1)


def test_a_merge_by_hand_ends_a_wait_for_the_pace(panel):
    p = panel(pace=1)
    p.run.pace = 0.001
    wait_for_the_pace(p, 1)
    p.step.click()
    assert p.wait(LONG) == "paused"
    assert p.run.step == 2


def test_the_slider_of_the_pace_is_heard_in_a_wait_and_its_right_end_is_no_limit(panel):
    p = panel(vocab_size=270, pace=1)
    p.run.pace = 0.001
    wait_for_the_pace(p, 1)
    p.size.value = 275
    assert (p.run.step, p.driver.state) == (1, "running")
    p.pace.value = 1000
    assert p.wait(LONG) == "done"
    assert p.error.value == ""
    assert p.run.pace is None
    assert p.run.step == 19


def test_a_smaller_vocabulary_ends_a_wait_for_the_pace(panel):
    p = panel(pace=1)
    p.run.pace = 0.001
    wait_for_the_pace(p, 1)
    p.size.value = 257
    assert p.wait(LONG) == "done"
    assert p.run.step == 1


def test_what_goes_wrong_in_the_thread_is_shown(panel):
    p = panel(texts="half a \ud83d character")
    p.train.click()
    assert p.wait(LONG) == "failed"
    assert "Traceback" in p.error.value
    assert "U+D83D" in p.error.value


def test_a_panel_made_again_ends_the_thread_of_the_earlier_one(panel):
    p = panel(pace=1, key="same")
    p.train.click()
    q = panel(key="same")
    assert p.driver.state == "stopped"
    assert not p.driver.alive
    assert q.run.step == 0


def test_what_cannot_be_seen_is_made_visible():
    assert visible(b" a\n\t\r") == "␣a↵→␍"
    assert visible("é".encode()[1:] + b"x") == "⟨A9⟩x"
    assert visible("שלום".encode()) == "שלום"
    assert visible("\u200d".encode()) == "⟨U+200D⟩"
