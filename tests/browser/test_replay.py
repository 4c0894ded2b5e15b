"""A run to watch again, in a page from disk and beside a run in JupyterLab: text, losses and cursor agree."""

from functools import partial

import pytest

from labkit.widgets import TrainingReplay

pytestmark = pytest.mark.browser

STEPS = list(range(50, 1001, 50))
RECORD = {
    "format": "labkit-replay-1",
    "about": {"title": "A run of 1,000 steps"},
    "train": [[step, round(1.4 + 3 / step**0.5, 4)] for step in range(1, 1001, 3)],
    "validation": [[step, round(1.5 + 3 / step**0.5, 4)] for step in range(100, 1001, 100)],
    "samples": [[step, f"sample of <b>step</b> {step}\n" + "Wherefore art thou " * 12] for step in STEPS],
}


@pytest.fixture
def open_figure(figure_page):
    return partial(figure_page, ready=".lb-replay", chart=".lb-replay-chart")


def text(page):
    return page.locator(".lb-replay-text").evaluate("element => element.textContent")


def numbers(page):
    return page.locator(".lb-replay-numbers").inner_text()


def check_shown(page, step):
    """Text, numbers and cursor are of this step."""
    assert text(page) == dict(RECORD["samples"])[step]
    train = [loss for at, loss in RECORD["train"] if at <= step][-1]
    expected = f"step {step:,} of 1,000: training loss {train:.3f}"
    measured = [(at, loss) for at, loss in RECORD["validation"] if at <= step]
    if measured:
        at, loss = measured[-1]
        expected += f", validation loss {loss:.3f}" + ("" if at == step else f" (at step {at:,})")
    assert numbers(page) == expected
    assert page.get_by_role("slider").get_attribute("aria-valuetext") == f"step {step:,}"
    assert f"with a cursor at step {step:,}" in page.locator(".lb-replay-chart").get_attribute("aria-label")
    ticks = page.locator(".lb-replay-tick").evaluate_all("all => all.map((tick) => tick.x1.baseVal.value)")
    cursor = page.locator(".lb-replay-cursor").evaluate("line => line.x1.baseVal.value")
    assert cursor == pytest.approx(ticks[STEPS.index(step)])


def test_the_keyboard_goes_from_sample_to_sample(open_figure):
    page = open_figure(TrainingReplay.from_record(RECORD, step=120))
    check_shown(page, 100)
    slider = page.get_by_role("slider", name="step")
    slider.focus()
    for key, step in [("ArrowRight", 150), ("ArrowRight", 200), ("ArrowLeft", 150), ("Home", 50), ("End", 1000)]:
        page.keyboard.press(key)
        check_shown(page, step)
    assert page.get_by_role("status").inner_text().startswith("Step 1,000: training loss 1.4")


def test_pointing_at_the_curve_takes_the_nearest_sample(open_figure):
    page = open_figure(TrainingReplay.from_record(RECORD))
    check_shown(page, 1000)
    chart = page.locator(".lb-replay-chart").bounding_box()
    ticks = page.locator(".lb-replay-tick").evaluate_all("all => all.map((tick) => tick.getBoundingClientRect().x)")
    page.mouse.move(ticks[4] + 5, chart["y"] + 60)
    page.mouse.down()
    check_shown(page, STEPS[4])
    page.mouse.move(ticks[11] - 5, chart["y"] + 80)
    check_shown(page, STEPS[11])
    page.mouse.up()
    page.mouse.move(ticks[1], chart["y"] + 80)
    check_shown(page, STEPS[11])


def test_it_plays_to_its_end_and_stops(open_figure):
    page = open_figure(TrainingReplay.from_record(RECORD, step=850), reduced_motion="no-preference")
    play = page.get_by_role("button")
    assert play.inner_text() == "Play"
    play.click()
    check_shown(page, 900)
    assert play.inner_text() == "Pause"
    page.wait_for_function("() => document.querySelector('.lb-replay-numbers').innerText.startsWith('step 1,000')")
    page.wait_for_function("() => document.querySelector('.lb-replay .lb-button').innerText === 'Play'")
    play.click()  # from the start
    check_shown(page, 50)
    play.click()
    assert play.inner_text() == "Play"
    play.click()
    page.get_by_role("slider").press("ArrowRight")  # by hand: it stays
    assert play.inner_text() == "Play"


def test_nothing_moves_by_itself_where_motion_is_not_wanted(open_figure):
    page = open_figure(TrainingReplay.from_record(RECORD, step=900), reduced_motion="reduce")
    play = page.get_by_role("button")
    for step in (950, 1000, 50):
        assert play.inner_text() == "Next"
        play.click()
        check_shown(page, step)
    page.wait_for_timeout(1200)
    check_shown(page, 50)


def test_a_run_without_samples(open_figure):
    page = open_figure(TrainingReplay.from_record(RECORD | {"samples": []}))
    assert numbers(page) == "No sample has been written yet."
    assert page.get_by_role("button").is_disabled()
    assert page.get_by_role("slider").is_disabled()
    assert page.locator(".lb-replay-chart").get_attribute("aria-label") == "Loss over 1,000 steps; no sample yet"


@pytest.mark.parametrize(("width", "theme"), [(1280, "light"), (1280, "dark"), (360, "light"), (360, "dark")])
def test_it_fits(open_figure, screenshots, width, theme):
    page = open_figure(TrainingReplay.from_record(RECORD, step=400), width, theme)
    assert page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth")
    outside = """() => { const chart = document.querySelector(".lb-replay-chart").getBoundingClientRect();
        return [...document.querySelectorAll(".lb-replay-chart text")].filter((part) => {
            const box = part.getBoundingClientRect();
            return box.right > chart.right + 0.5 || box.left < chart.left - 0.5; })
            .map((part) => part.textContent); }"""
    assert page.evaluate(outside) == []
    page.screenshot(path=screenshots / f"replay-{width}-{theme}.png", full_page=True)


BESIDE = """
import torch
from IPython.display import display
from labkit.gpt import GPTConfig
from labkit.tokenizers import CharTokenizer
from labkit.training.lm import LMRun
from labkit.training.lm_config import LMConfig
from labkit.training.tokens import TokenData
from labkit.widgets import AttentionView, TrainerPanel, TrainingReplay
torch.set_num_threads(1)
words = "to be or not to be that is the question " * 30
tokenizer = CharTokenizer.train(words)
ids = tokenizer.encode(words)
run = LMRun(GPTConfig.preset("modern", tokenizer.vocab_size, n_layer=2, n_head=2, n_embd=16, block_size=16),
            TokenData.from_ids(ids, ids[:200]),
            LMConfig(max_steps=60, batch_size=4, eval_every=20, sample_every=10, device="cpu"),
            write=lambda model, seed: f"written with seed {seed}")
replay = TrainingReplay.from_run(run)
view = AttentionView.of(run, tokenizer, "to be or not to")
panel = TrainerPanel(run, figures=[replay, view])
display(panel)
"""


def test_it_follows_a_run_in_jupyterlab(panel_page, jupyterlab, page, screenshots):
    figure = panel_page(BESIDE, ".lb-replay")
    assert "No sample has been written yet." in figure.inner_text()
    heads = page.locator(".lb-attn")
    colours = "canvas => [...canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data].join()"
    before = heads.locator(".lb-attn-large canvas").evaluate(colours)
    page.get_by_role("button", name="Train", exact=True).click()
    figure.locator("pre", has_text="written with seed 60").wait_for(timeout=60_000)
    n = jupyterlab.in_kernel(page, "print(len(run.samples))")
    assert f"sample {n} of {n}" in figure.inner_text()
    heads.locator(".lb-attn-token").nth(5).click()
    assert jupyterlab.in_kernel(page, "print(view.position)") == "5"
    assert heads.locator(".lb-attn-large canvas").evaluate(colours) != before

    slider = figure.get_by_role("slider")
    slider.focus()
    slider.press("ArrowLeft")  # JupyterLab leaves the key alone
    figure.locator("pre", has_text="written with seed 50").wait_for()
    assert jupyterlab.in_kernel(page, "print(*replay.shown)") == "50 written with seed 50"
    page.set_viewport_size({"width": 1280, "height": 2200})
    page.locator(".lb-panel").first.screenshot(path=screenshots / "replay-lab.png")
