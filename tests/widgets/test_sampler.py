"""The sampler's panel, headless: buttons are clicked, sliders are set, `wait` waits."""

import threading

import pytest

from labkit.data import BOS, EOS, encode, load_games
from labkit.training import GamesRun
from labkit.widgets import GameSampler, Judgement, Mark, SamplerPanel, TrainerPanel, ValidChart

LONG = 30
VALID = (
    "genre puzzle setting castle entities ghost resources gold mechanics solve spend gold goals survive difficulty easy"
)


class Letters:
    """A model of the letters a, b, c ...; it can be held before a sequence, and told to fail."""

    def __init__(self):
        self.asked = []
        self.go, self.begun = threading.Event(), threading.Event()
        self.go.set()
        self.fails = False

    def write(self, temperature, max_len):
        self.begun.set()
        assert self.go.wait(LONG)
        if self.fails:
            raise RuntimeError("<i>out of ink</i>")
        self.asked.append((temperature, max_len))
        return [len(self.asked)] * 3

    @staticmethod
    def judge(sequence):
        odd = sequence[0] % 2
        return ("good", "odd", "") if odd else ("bad", "even", "<b>even</b>")


@pytest.fixture
def letters():
    return Letters()


@pytest.fixture
def panel(letters, made):
    return made(SamplerPanel, letters.write, show=lambda s: f"<{s[0]}>", judge=letters.judge, lengths=(2, 9), count=3)


@pytest.fixture(scope="module")
def run():
    return GamesRun(n_embd=4, n_head=2, max_steps=4)


def game(text):
    return encode(text)


def test_sample_draws_as_the_sliders_stand(panel, letters):
    assert "nothing drawn yet" in panel.status.value
    panel.temperature.value, panel.max_len.value, panel.count.value = 0.75, 5, 4
    panel.sample.click()
    draw = panel.wait(LONG)
    assert letters.asked == [(0.75, 5)] * 4
    assert (draw.temperature, draw.max_len, draw.wanted, draw.step) == (0.75, 5, 4, None)
    assert draw.sequences == [[1] * 3, [2] * 3, [3] * 3, [4] * 3]
    assert (draw.count("odd"), draw.count("odd", "even"), draw.different) == (2, 4, 4)
    assert panel.status.value == "<b>drawn</b> · temperature 0.75 · odd 2 of 4 · even 2 of 4"
    assert panel.listing.value.count("<li") == 4
    assert panel.failure.value == ""


def test_greedy_draws_one_at_temperature_zero(panel, letters):
    panel.greedy.click()
    panel.wait(LONG)
    assert letters.asked == [(0.0, 9)]
    assert panel.temperature.value == 0.5


def test_what_comes_out_is_escaped_and_the_verdict_is_a_word_too(panel):
    panel.sample.click()
    panel.wait(LONG)
    assert '<b class="lb-verdict-good">odd</b><div><span class="lb-text">&lt;1&gt;</span></div>' in panel.listing.value
    assert '<p class="lb-note">&lt;b&gt;even&lt;/b&gt;</p>' in panel.listing.value


def test_marks_stand_around_their_words(made):
    marks = (Mark(4, 7, 'not "two"'), Mark(0, 1, "a"), Mark(5, 6, "within another"))
    panel = made(
        SamplerPanel,
        lambda temperature, max_len: [0],
        show=lambda s: "a & <b> c",
        judge=lambda s: Judgement("bad", "broken", "", marks),
        lengths=(2, 9),
        count=1,
    )
    panel.sample.click()
    panel.wait(LONG)
    assert '<mark class="lb-wrong" title="a">a</mark> &amp; ' in panel.listing.value
    assert '<mark class="lb-wrong" title="not &quot;two&quot;">&lt;b&gt;</mark> c</span>' in panel.listing.value
    assert "within another" not in panel.listing.value


def test_a_new_request_replaces_the_one_under_way(panel, letters):
    letters.go.clear()
    panel.sample.click()
    assert letters.begun.wait(LONG)
    panel.temperature.value = 1.5
    panel.sample.click()
    letters.go.set()
    panel.wait(LONG)
    assert [temperature for temperature, _ in letters.asked] == [0.5, 1.5, 1.5, 1.5]
    assert [draw.temperature for draw in panel.draws] == [1.5]  # of the first one nothing had come
    assert sum(t.name.startswith("sample-") for t in threading.enumerate()) <= 1


def test_draws_before_stay_in_a_few_words(panel):
    for temperature in (0.1, 0.2):
        panel.temperature.value = temperature
        panel.sample.click()
        panel.wait(LONG)
    assert "before: temperature 0.1 · odd 2 of 3 · even 1 of 3" in panel.earlier.value
    assert "0.2" not in panel.earlier.value


def test_rows_of_the_draw_before_fade_until_they_are_replaced(panel, letters):
    panel.sample.click()
    panel.wait(LONG)
    letters.go.clear()
    letters.begun.clear()
    panel.sample.click()
    assert letters.begun.wait(LONG)
    assert panel.listing.value.count("lb-old") == 3
    assert "drawing 0 of 3" in panel.status.value
    letters.go.set()
    panel.wait(LONG)
    assert "lb-old" not in panel.listing.value
    panel.greedy.click()
    panel.wait(LONG)
    assert panel.listing.value.count("<li") == 1


def test_an_exception_is_shown_escaped_and_goes_with_the_next_draw(panel, letters):
    letters.fails = True
    panel.sample.click()
    panel.wait(LONG)
    assert "<b>failed</b>" in panel.status.value
    assert "RuntimeError: &lt;i&gt;out of ink&lt;/i&gt;" in panel.failure.value
    assert "<i>" not in panel.failure.value
    assert (panel.draws, str(panel.error)) == ([], "<i>out of ink</i>")
    letters.fails = False
    panel.sample.click()
    assert panel.wait(LONG).wanted == 3
    assert panel.failure.value == ""


def test_a_judge_that_fails_is_shown_too(made):
    panel = made(SamplerPanel, lambda t, n: [1], show=str, judge=lambda s: 1 / 0, lengths=(2, 9))
    panel.sample.click()
    panel.wait(LONG)
    assert "ZeroDivisionError" in panel.failure.value


def test_another_panel_under_the_same_key_ends_the_earlier_one(made, letters):
    options = {"show": str, "judge": letters.judge, "lengths": (2, 9), "key": "the same"}
    first = made(SamplerPanel, letters.write, **options)
    letters.go.clear()
    first.sample.click()
    assert letters.begun.wait(LONG)
    threading.Timer(0.05, letters.go.set).start()
    made(SamplerPanel, letters.write, **options)
    assert len(letters.asked) == 1  # the one in progress came to its end, no other was begun
    assert "<b>stopped</b>" in first.status.value


def test_waiting_has_an_end(panel, letters):
    letters.go.clear()
    panel.sample.click()
    with pytest.raises(TimeoutError, match="still drawing"):
        panel.wait(0.05)
    letters.go.set()


def test_a_game_is_new_or_a_copy(run, made):
    panel = made(GameSampler, run)
    assert panel.judged(game(VALID)) == Judgement("good", "new")
    assert panel.judged(game(load_games("train")[7]))[:2] == ("warn", "copy")


@pytest.mark.parametrize(
    ("ids", "marked", "reason"),
    [
        (game(VALID.replace("setting castle", "castle setting")), ["castle"], "expected 'setting', found 'castle'"),
        (game(VALID.replace("spend gold", "spend wood")), ["wood"], "mechanic 'spend wood' needs wood"),
        (game(VALID)[:-1], ["…"], "it was cut off"),
        (game(VALID.removesuffix(" difficulty easy")), ["<eos>"], "expected a goal or 'difficulty', found '<eos>'"),
        (
            game(VALID.replace("solve", "store food").replace("goals survive", "goals defeat hero")),
            ["puzzle", "food", "hero"],
            "needs food",
        ),
        ([BOS, BOS, EOS], ["<bos>"], "expected 'genre', found '<bos>'"),
        ([BOS, EOS], ["<eos>"], "expected 'genre'"),
    ],
)
def test_a_broken_game_has_the_words_marked_and_the_reason_under_it(run, made, ids, marked, reason):
    panel = made(GameSampler, run)
    judgement = panel.judged(ids)
    text = panel._show(ids)
    assert judgement[:2] == ("bad", "broken")
    assert [text[mark.start : mark.end] for mark in judgement.marks] == marked
    assert reason in judgement.reason
    assert all(mark.why in judgement.reason.splitlines() for mark in judgement.marks)


def test_a_valid_game_is_shown_without_its_ends(run, made):
    assert made(GameSampler, run)._show(game(VALID)) == VALID


def test_games_are_drawn_while_the_run_trains(made):
    run = GamesRun(n_embd=4, n_head=2, max_steps=None, measure_every=10**6)
    trainer, sampler = made(TrainerPanel, run), made(GameSampler, run, count=4)
    trainer.train.click()
    sampler.sample.click()
    draw = sampler.wait(LONG)
    assert trainer.driver.alive
    trainer.close()
    assert len(draw.sequences) == 4
    assert all(ids[0] == BOS for ids in draw.sequences)
    assert 0 <= draw.step <= run.step
    assert f"step {draw.step:,} · temperature 0.5 · valid 0 of 4 · new 0 of 4 · different" in sampler.status.value
    assert "broken by syntax 4, by a rule 0" in sampler.status.value


def test_the_frame_has_a_row_a_draw(run, made):
    panel = made(GameSampler, run, count=2)
    for ids in (game(VALID), game(VALID.replace("spend gold", "spend wood")), [BOS, EOS]):
        panel._write = lambda temperature, max_len, ids=ids: ids
        panel.sample.click()
        panel.wait(LONG)
    frame = panel.frame()
    assert frame[["games", "different", "valid", "new", "broken syntax", "broken rule"]].to_numpy().tolist() == [
        [2, 1, 2, 2, 0, 0],
        [2, 1, 0, 0, 0, 2],
        [2, 1, 0, 0, 2, 0],
    ]
    assert repr(panel) == "GameSampler (3 draws)"


def test_the_share_of_valid_games_is_drawn_beside_the_loss(made):
    run = GamesRun(n_embd=4, n_head=2, max_steps=2, measure_every=1, n_samples=2, n_validation=1)
    trainer = made(TrainerPanel, run, figures=[ValidChart(run)])
    trainer.train.click()
    trainer.wait(LONG)
    assert trainer.figures[0].caption() == "valid from 0 at step 1 to 0 at step 2"
