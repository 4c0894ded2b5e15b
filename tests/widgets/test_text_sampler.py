"""The panel that writes, headless: what it shows is what the model says, and what it writes is `generate`'s."""

import threading
import time

import pytest
import torch

from labkit.gpt import GPT, GPTConfig
from labkit.sampling import Sampling, generate
from labkit.tokenizers import CharTokenizer
from labkit.training.lm import LMRun
from labkit.training.lm_config import LMConfig
from labkit.training.tokens import TokenData
from labkit.widgets import TextSampler
from labkit.widgets.text_sampler import TOP

LONG = 30
CHARACTERS = "\n abcdefghijklmnopqrstuvwxyz"


@pytest.fixture(scope="module")
def tokenizer():
    return CharTokenizer.train(CHARACTERS)


@pytest.fixture
def model(tokenizer):
    """Lively: some tokens are much likelier than others."""
    model = GPT(GPTConfig.preset("gpt2", tokenizer.vocab_size, n_layer=1, n_head=2, n_embd=16, block_size=8))
    with torch.no_grad():
        for p in model.parameters():
            p.mul_(6)
    return model


@pytest.fixture
def made(made, model, tokenizer):
    """`made(prompt=…)`: a panel of the model, or of the one given."""
    options = {"length": 20, "prompt": "ab"}
    return lambda source=model, **others: made(TextSampler, source, tokenizer, **options | others)


def logits_before(model, ids, position):
    with torch.no_grad():
        return model.eval()(torch.tensor([ids[max(0, position - model.config.block_size) : position]]))[0, -1]


def shown(panel):
    return {row["token"]: (row["before"], row["after"]) for row in panel.view.next["rows"]}


@pytest.mark.parametrize(
    "laws", [{}, {"temperature": 0.0}, {"temperature": 1.3, "top_k": 5, "repetition_penalty": 1.5}]
)
def test_it_writes_what_generate_writes(made, model, tokenizer, laws):
    panel = made(seed=3, **laws)
    panel.sample.click()
    assert panel.wait(LONG) == "done"
    assert panel.error is None
    sampling = Sampling(**{"temperature": 0.8} | laws)
    (expected,) = generate(model, [tokenizer.encode("ab")], 20, sampling, seed=3)
    assert panel.tokens == tokenizer.encode("ab") + expected
    assert panel.text == "ab" + tokenizer.decode(expected)
    assert "".join(panel.view.text["pieces"]) == panel.text
    assert panel.view.text["n_prompt"] == 2
    assert not panel.view.text["writing"]
    assert "<b>done</b> · 20 tokens" in panel.status.value


def test_bars_are_the_models_own_at_every_place(made, model):
    """Also in the prompt, where text is longer than the model sees, and for the token that would come next."""
    panel = made(prompt="the quick brown fox", temperature=0.5)
    panel.sample.click()
    panel.wait(LONG)
    for position in range(len(panel.tokens) + 1):
        panel.view.position = position
        panel.wait(LONG)
        assert panel.view.next["position"] == position
        if position == 0:
            assert panel.view.next["rows"] == []
            continue
        logits = logits_before(model, panel.tokens, position)
        before, after = logits.softmax(0), (logits / 0.5).softmax(0)
        bars = shown(panel)
        assert len(bars) == TOP
        for token, pair in bars.items():
            assert pair == pytest.approx((float(before[token]), float(after[token])), abs=2e-5)
        here = [row["token"] for row in panel.view.next["rows"] if row["here"]]
        assert here == panel.tokens[position : position + 1]
        assert panel.view.next["others"] == pytest.approx(
            [1 - sum(pair[i] for pair in bars.values()) for i in (0, 1)], abs=1e-3
        )


def test_sliders_move_the_second_bars_alone_and_run_no_model(made, model, monkeypatch):
    panel = made()
    panel.sample.click()
    panel.wait(LONG)
    panel.view.position = 10
    old = shown(panel)
    monkeypatch.setattr(GPT, "forward", lambda *_, **__: pytest.fail("a model run"))
    panel.top_k.value = 3
    assert panel.view.next["left"] == 3
    assert sum(after > 0 for _, after in shown(panel).values()) == 3
    panel.top_k.value = 0
    panel.temperature.value = 0
    assert max(after for _, after in shown(panel).values()) == 1
    panel.temperature.value = 1
    assert all(before == pytest.approx(after, abs=1e-5) for before, after in shown(panel).values())
    panel.top_p.value = 0.01
    assert panel.view.next["left"] == 1
    panel.top_p.value = 1
    panel.repetition_penalty.value = 2
    assert any(before != pytest.approx(after, abs=1e-3) for before, after in shown(panel).values())
    assert {token: before for token, (before, _) in shown(panel).items() if token in old} == {
        token: before for token, (before, _) in old.items() if token in shown(panel)
    }


def test_a_branch_is_cut_put_in_and_gone_on_from(made, model, tokenizer):
    panel = made(seed=4)
    panel.sample.click()
    panel.wait(LONG)
    start = panel.text[:9]
    panel.length.value = 6
    panel.branch(9, "q")
    assert panel.wait(LONG) == "done"
    assert panel.text[:10] == start + "q"
    (expected,) = generate(model, [tokenizer.encode(start + "q")], 6, Sampling(temperature=0.8), seed=4)
    assert panel.text[10:] == tokenizer.decode(expected)
    assert panel.view.text["chosen"] == [9]
    assert panel.view.next["position"] == 9
    assert [row["piece"] for row in panel.view.next["rows"] if row["here"]] == ["q"]
    panel.branch(12, "x")
    panel.wait(LONG)
    panel.branch(len(panel.tokens), "y")  # after the end
    panel.wait(LONG)
    assert panel.view.text["chosen"] == [9, 12, 19]
    panel.branch(1, "z")  # inside the prompt
    panel.wait(LONG)
    assert panel.view.text["chosen"] == [1]
    assert panel.view.text["n_prompt"] == 1
    assert panel.text.startswith("az")


def test_a_row_that_was_pressed_in_the_figure(made):
    panel = made()
    panel.sample.click()
    panel.wait(LONG)
    panel._heard(panel.view, {"branch": [5, 3]}, [])
    panel.wait(LONG)
    assert panel.tokens[5] == 3
    before = panel.tokens
    for nonsense in (
        {"branch": [5, 999]},
        {"branch": [999, 1]},
        {"branch": [1]},
        {"branch": ["a", "b"]},
        {},
        "x",
        None,
    ):
        panel._heard(panel.view, nonsense, [])
        panel.wait(LONG)
    assert panel.tokens == before
    assert panel.error is None


def test_branches_that_cannot_be(made):
    panel = made()
    with pytest.raises(ValueError, match="there is no text yet"):
        panel.branch(1, "a")
    panel.sample.click()
    panel.wait(LONG)
    for position in (0, -1, 23):
        with pytest.raises(ValueError, match=f"position must be 1 … 22, got {position}"):
            panel.branch(position, "a")
    for token, words in [("ab", "must be one token, it is 2"), (28, "token must be 0 … 27, got 28"), ("#", "'#'")]:
        with pytest.raises(ValueError, match=words):
            panel.branch(5, token)


def test_another_takes_the_next_seed_and_sample_repeats(made):
    panel = made(temperature=1.5)
    texts = []
    for press in (panel.sample, panel.sample, panel.another):
        press.click()
        panel.wait(LONG)
        texts.append(panel.text)
    assert texts[0] == texts[1] != texts[2]
    assert panel.seed.value == 1
    panel.seed.value = 999
    panel.another.click()
    panel.wait(LONG)
    assert panel.seed.value == 0
    assert panel.text == texts[0]


def test_a_prompt_with_a_character_that_the_model_does_not_know(made):
    panel = made()
    panel.sample.click()
    panel.wait(LONG)
    before = panel.text
    panel.prompt.value = "a<b>"
    assert "&#x27;&lt;&#x27; (U+003C) at position 1 is not among" in panel.failure.value
    assert "Traceback" not in panel.failure.value
    panel.sample.click()
    assert panel.wait(LONG) == "done"
    assert panel.text == before
    panel.prompt.value = "c"
    assert panel.failure.value == ""
    panel.sample.click()
    panel.wait(LONG)
    assert panel.text[0] == "c"


def test_an_empty_prompt_is_a_new_line_where_there_is_one(made, tokenizer):
    panel = made(prompt="")
    panel.sample.click()
    panel.wait(LONG)
    assert panel.text[0] == "\n"
    panel.tokenizer = CharTokenizer.train("abc")
    panel.sample.click()
    assert "the prompt is empty" in panel.failure.value


def test_stop_and_a_request_that_takes_over(made):
    panel = made(length=1000)
    panel.sample.click()
    end = time.monotonic() + LONG
    while len(panel.tokens) < 5 and time.monotonic() < end:
        time.sleep(0.001)
    panel.stop.click()
    assert panel.wait(LONG) == "stopped"
    assert 5 <= len(panel.tokens) < 1002
    assert len(panel.view.text["pieces"]) == len(panel.tokens)
    assert "<b>stopped</b>" in panel.status.value
    panel.sample.click()
    panel.length.value = 3
    panel.prompt.value = "xyz"
    panel.sample.click()
    assert panel.wait(LONG) == "done"
    assert panel.text.startswith("xyz")
    assert len(panel.text) == 6


def test_an_exception_is_shown_and_the_panel_goes_on(made, monkeypatch):
    panel = made()
    plain = GPT.forward

    def broken(*_, **__):
        raise RuntimeError("<i>out of ink</i>")

    monkeypatch.setattr(GPT, "forward", broken)
    panel.sample.click()
    assert panel.wait(LONG) == "failed"
    assert "&lt;i&gt;out of ink&lt;/i&gt;" in panel.failure.value
    assert "<b>failed</b>" in panel.status.value
    monkeypatch.setattr(GPT, "forward", plain)
    panel.sample.click()
    assert panel.wait(LONG) == "done"
    assert panel.failure.value == ""


def test_a_model_that_has_diverged(made, model):
    with torch.no_grad():
        model.wte.weight.fill_(torch.nan)
    panel = made()
    panel.sample.click()
    assert panel.wait(LONG) == "failed"
    assert "diverged" in panel.failure.value
    panel.temperature.value = 0.3


def test_old_logits_are_dropped_and_computed_again(made, model, monkeypatch):
    from labkit.widgets import text_writer

    monkeypatch.setattr(text_writer, "KEEP", 5 * model.config.vocab_size)
    panel = made()
    panel.sample.click()
    panel.wait(LONG)
    assert len(panel.writer.text.logits) <= 5
    panel.view.position = 4
    panel.wait(LONG)
    before = logits_before(model, panel.tokens, 4).softmax(0)
    assert shown(panel)[panel.tokens[4]][0] == pytest.approx(float(before[panel.tokens[4]]), abs=2e-5)


@pytest.fixture
def run(tokenizer):
    ids = tokenizer.encode("the quick brown fox jumps over the lazy dog\n" * 20)
    config = GPTConfig.preset("modern", tokenizer.vocab_size, n_layer=1, n_head=2, n_embd=16, block_size=16)
    return LMRun(
        config,
        TokenData.from_ids(ids, ids),
        LMConfig(max_steps=None, schedule="constant", batch_size=2, eval_every=0, device="cpu"),
    )


def test_a_text_is_of_one_model_while_the_run_trains(made, run):
    panel = made(run, prompt="the", length=300)
    go_on = threading.Event()
    go_on.set()

    def train():
        while go_on.is_set():
            next(run)

    thread = threading.Thread(target=train)
    thread.start()
    try:
        panel.sample.click()
        panel.wait(LONG)
        text = panel.writer.text
        step = run.step
        while run.step < step + 5:
            time.sleep(0.001)
    finally:
        go_on.clear()
        thread.join()
    assert panel.error is None
    assert run.step > 0
    assert f"model of step {text.step:,}" in panel.status.value
    assert len(panel.tokens) == 303
    for position in (2, 100, 302):
        expected = logits_before(text.model, text.ids, position)
        assert text.logits[position] == pytest.approx(expected, abs=1e-3)
    panel.sample.click()
    panel.wait(LONG)
    assert panel.writer.text.step == run.step
    before = panel.writer.text.model
    panel.branch(10, "z")  # goes on with the model that wrote what is before it
    panel.wait(LONG)
    assert panel.writer.text.model is before


def test_the_run_is_not_changed_by_a_sample(made, run, tokenizer):
    losses = []
    for sampled in (False, True):
        run.reset()
        panel = made(run, prompt="the")
        for _ in range(4):
            next(run)
            if sampled:
                panel.sample.click()
                panel.wait(LONG)
        losses.append([step.loss for step in run.history])
    assert losses[0] == losses[1]


def test_the_same_cell_again_ends_the_earlier_one(made):
    first = made(length=1000, key="the cell")
    first.sample.click()
    second = made(key="the cell")
    assert first.wait(LONG) in ("stopped", "done")
    assert "idle" in repr(second)
