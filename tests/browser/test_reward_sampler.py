"""Reward-augmented sampling in the page: its probabilities and numbers against labkit.sampling, and every control."""

import base64
import math
import re
from functools import partial

import numpy as np
import pytest
import torch

from labkit.gpt import GPT, GPTConfig
from labkit.sampling.generate import choose
from labkit.sampling.rewards import char_reward_fn
from labkit.tokenizers import CharTokenizer
from labkit.widgets import RewardSampler
from labkit.widgets.figure import module_source

pytestmark = pytest.mark.browser

CHARACTERS = CharTokenizer("\nabcdefgh")
STOI = {character: i for i, character in enumerate(CHARACTERS.characters)}


def lively_model(**changes):
    """A model with no weight at zero, whose weights are halves: the page has the very same ones."""
    sizes = {"n_layer": 2, "n_embd": 12, "n_head": 2, "block_size": 8, "zero_init": False, "init_std": 0.4}
    model = GPT(GPTConfig.preset("modern", CHARACTERS.vocab_size, **sizes | changes), seed=3).eval()
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(p.half())
    return model


def figure_of(model=None, wanted="ab", **settings):
    return RewardSampler.of(model or lively_model(), CHARACTERS, wanted, **{"n_texts": 12} | settings)


IN_PAGE = """async ([source, { config, shapes, weights }, rows, wanted, beta]) => {
    const figure = await import(`data:text/javascript;base64,${source}`);
    const bytes = Uint8Array.from(atob(weights.base64), (c) => c.charCodeAt(0));
    const model = figure.gpt(config, shapes, figure.halves(new DataView(bytes.buffer)));
    return rows.map(([prompt, tokens]) => {
        const found = [];
        let i = 0;
        const steps = figure.writing(model, prompt, (logits) => {
            found.push([[...figure.raised(logits, new Set(wanted), beta)], figure.nats(logits, tokens[i])]);
            return tokens[i++];
        });
        while (i < tokens.length) steps.next();
        return found;
    });
}"""


@pytest.mark.parametrize("beta", [-3.0, 0.0, 0.5, 6.0])
def test_probabilities_and_nats_are_those_of_the_sampler_far_beyond_the_block(page, beta):
    model, prompts, wanted = lively_model(), [[0], [3, 1, 2], [5] * 11], ["a", "c"]
    steps = list(choose(model, prompts, 20, seed=1, window="jump", reward_fn=char_reward_fn(wanted, STOI), beta=beta))
    rows = [[prompt, [step.tokens[i] for step in steps]] for i, prompt in enumerate(prompts)]
    source = base64.b64encode(module_source("reward_sampler").encode()).decode()
    ids = [STOI[letter] for letter in wanted]
    answer = page.evaluate(IN_PAGE, [source, figure_of(model).page_state(), rows, ids, beta])
    for i, found in enumerate(answer):
        for (logits, cost), step in zip(found, steps, strict=True):
            np.testing.assert_allclose(torch.tensor(logits).softmax(-1), step.probabilities[i], rtol=1e-3, atol=1e-5)
            expected = -step.logits[i].log_softmax(-1)[step.tokens[i]]
            assert cost == pytest.approx(float(expected), abs=1e-3)
    spread = torch.stack([step.probabilities[0] for step in steps])
    assert spread.std(1).min() > 0.01  # there is something to compare


# -- the figure


@pytest.fixture
def open_figure(figure_page):
    return partial(figure_page, ready=".lb-reward")


def settled(page):
    """Wait until the texts are written and the curve is whole; returns the texts."""
    page.locator(".lb-reward-texts[aria-busy=false]").wait_for()
    assert page.locator(".lb-reward-dot").count() == 13
    return page.locator(".lb-reward-text").all_text_contents()


def beta_slider(page):
    return page.get_by_role("slider", name="β, the weight of the reward")


def words(page):
    return page.get_by_role("status").text_content()


def by_torch(model, texts, wanted):
    """Share of wanted letters, and perplexity of texts (without the … of one that was cut) under the model alone."""
    nats, tokens, letters = 0.0, 0, "".join(texts).replace("…", "").replace("∅", "")
    for text in texts:
        ids = CHARACTERS.encode("" if text == "∅" else text.rstrip("…"))
        ids += [] if text.endswith("…") else [0]
        with torch.no_grad():
            log_p = model(torch.tensor([[0, *ids[:-1]]]))[0].log_softmax(-1)
        nats -= float(log_p.gather(-1, torch.tensor(ids)[:, None]).sum())
        tokens += len(ids)
    share = sum(letter in wanted for letter in letters) / len(letters)
    return len(letters), share, math.exp(nats / tokens)


@pytest.mark.parametrize("beta", [-2.0, 0.0, 3.0])
def test_the_numbers_are_torchs_of_the_texts_on_the_page(open_figure, beta):
    model = lively_model(block_size=24)
    page = open_figure(figure_of(model, beta=beta, max_new_tokens=20))
    texts = settled(page)
    n, share, perplexity = by_torch(model, texts, "ab")
    assert len(texts) == 12
    found = re.match(r"([\d.]+) % of (\d+) letters are wanted; perplexity ([\d.]+) by the model", words(page))
    assert int(found[2]) == n
    assert float(found[1]) == pytest.approx(100 * share, abs=0.51)
    assert float(found[3]) == pytest.approx(perplexity, rel=6e-3)
    assert ("With β = 0:" in words(page)) == (beta != 0)
    marked = "".join(page.locator(".lb-reward-text mark").all_text_contents())
    assert set(marked) == {"a", "b"}
    assert len(marked) == round(share * n)  # all of them, and nothing else


def test_beta_moves_the_texts_and_the_curve_stays(open_figure):
    page = open_figure(figure_of(beta=0, max_new_tokens=20))
    plain = settled(page)
    curve = page.locator(".lb-reward-line").get_attribute("d")
    shares = []
    for beta in (-4, 0, 2, 8):
        beta_slider(page).fill(str(beta))
        texts = settled(page)
        letters = "".join(texts).replace("…", "").replace("∅", "")
        shares.append(sum(letter in "ab" for letter in letters) / len(letters))
        if beta == 0:
            assert texts == plain  # the same seed
    assert shares == sorted(shares)
    assert shares[0] < 0.05
    assert shares[-1] > 0.9
    beta_slider(page).fill("0")
    settled(page)
    assert page.locator(".lb-reward-line").get_attribute("d") == curve


def test_letters_and_new_texts_are_heard(open_figure):
    page = open_figure(figure_of(beta=3, wanted="a", max_new_tokens=20))
    first = settled(page)
    letters = page.get_by_role("textbox", name="wanted letters")
    letters.fill("c")
    assert settled(page) != first
    assert set("".join(page.locator(".lb-reward-text mark").all_text_contents())) == {"c"}
    letters.fill("a€€")
    assert settled(page) == first
    assert words(page).startswith("Left out, since the model does not know it: “€”. ")
    letters.fill("")
    settled(page)
    assert page.locator(".lb-reward-text mark").count() == 0
    assert words(page) == "No letter is wanted: β changes nothing."
    letters.fill("a")
    assert settled(page) == first
    page.get_by_role("button", name="New texts: write from the next seed").click()
    assert settled(page) != first


def test_one_long_text_has_its_lines(open_figure):
    page = open_figure(figure_of(beta=0, n_texts=1, stop=None, prompt="ab", max_new_tokens=120, wanted="\n"))
    (text,) = settled(page)
    assert len(text) == 120
    assert set(text) <= set(CHARACTERS.characters)


def test_the_kernel_is_told_and_heard_and_nothing_runs_after_the_end(live_figure, page):
    live_figure(figure_of(beta=1.0))
    settled(page)
    beta_slider(page).fill("2.5")
    assert page.evaluate("() => saved('beta')") == [2.5]
    page.evaluate("() => set('beta', -1)")
    assert beta_slider(page).input_value() == "-1"
    page.evaluate("() => set('wanted', 'h')")
    assert page.get_by_role("textbox", name="wanted letters").input_value() == "h"
    settled(page)
    assert page.evaluate("() => end()") == []


def test_all_of_it_works_by_keyboard(open_figure):
    page = open_figure(figure_of(beta=1.0))
    settled(page)
    reached = []
    for _ in range(4):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("() => document.activeElement.ariaLabel"))
    expected = ["wanted letters", "New texts: write from the next seed", "β, the weight of the reward", "the texts"]
    assert reached == expected
    for key in ("Shift+Tab", "ArrowRight"):
        page.keyboard.press(key)
    assert beta_slider(page).get_attribute("aria-valuetext") == "1.1"


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1200])
def test_it_fits(open_figure, screenshots, theme, width):
    page = open_figure(figure_of(beta=2.0, n_texts=30), width=width, theme=theme)
    settled(page)
    assert page.evaluate("() => document.documentElement.scrollWidth") == width
    for box in page.locator(".lb-reward button, .lb-reward input, .lb-reward-texts, .lb-reward-chart").all():
        area = box.bounding_box()
        assert area["x"] >= 12
        assert area["x"] + area["width"] <= width - 12
        assert area["height"] >= 28
    page.screenshot(path=screenshots / f"reward-sampler-{width}-{theme}.png", full_page=True)
