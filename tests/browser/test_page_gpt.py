"""A GPT that writes in the page: its own forward pass against torch's, its sampling, and every control."""

import base64
import copy
import re
from functools import partial

import numpy as np
import pytest
import torch

from labkit.gpt import GPT, GPTConfig
from labkit.sampling import Sampling, generate, probabilities
from labkit.tokenizers import CharTokenizer
from labkit.widgets import PageGPT
from labkit.widgets.figure import module_source

pytestmark = pytest.mark.browser

CHARACTERS = CharTokenizer("\n :EMORabcdehilnorstu")
NEAR = 1e-4


def lively_model(preset="modern", **changes):
    """A model with no weight at zero, whose weights are halves: the page has the very same ones."""
    sizes = {"n_layer": 2, "n_embd": 12, "n_head": 2, "block_size": 8, "zero_init": False, "init_std": 0.4}
    model = GPT(GPTConfig.preset(preset, CHARACTERS.vocab_size, **sizes | changes), seed=3).eval()
    rng = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for p in model.parameters():
            if p.ndim == 1:  # gains, shifts and biases start at one and zero
                p.add_(0.3 * torch.randn(p.shape, generator=rng))
            p.copy_(p.half())
    return model


def source():
    return base64.b64encode(module_source("page_gpt").encode()).decode()


IN_PAGE = """async ([source, config, shapes, weights, act, argument]) => {
    const figure = await import(`data:text/javascript;base64,${source}`);
    const bytes = Uint8Array.from(atob(weights), (c) => c.charCodeAt(0));
    const model = figure.gpt(config, shapes, figure.halves(new DataView(bytes.buffer)));
    return eval(act)(figure, model, argument);
}"""


def in_page(page, model, act, argument=None):
    """What the function `act` of (module, model, argument) returns in the page."""
    state = PageGPT.of(model, CHARACTERS).page_state()
    state = [state["config"], state["shapes"], state["weights"]["base64"]]
    return page.evaluate(IN_PAGE, [source(), *state, f"({act})", argument])


LOGITS = """(figure, model, lists) => lists.map((tokens) => {
    model.reset();
    return tokens.map((token) => { model.read(token); return [...model.logits()]; });
})"""

RECIPES = [
    {"preset": "modern"},
    {"preset": "micro"},
    {"preset": "gpt2"},
    {"preset": "modern", "n_embd": 6, "n_head": 1, "n_layer": 1},
    {"preset": "micro", "n_embd": 9, "n_head": 3},
    {"preset": "modern", "norm_gain": True, "tied": True, "bias": True, "activation": "gelu", "rope_base": 500.0},
    {"preset": "modern", "positions": "none", "norm": "layernorm", "activation": "relu", "qk_norm": False},
    {"preset": "gpt2", "norm": "rmsnorm", "final_norm": False, "tied": False, "norm_eps": 0.1},
]


@pytest.mark.parametrize("recipe", RECIPES, ids=str)
def test_every_logit_of_every_position_is_torchs(page, recipe):
    model = lively_model(**recipe)
    rng = np.random.default_rng(0)
    lists = [rng.integers(CHARACTERS.vocab_size, size=n).tolist() for n in (8, 1, 5)]
    with torch.no_grad():
        expected = [model(torch.tensor([tokens]))[0].tolist() for tokens in lists]
    answer = in_page(page, model, LOGITS, lists)
    for here, there in zip(answer, expected, strict=True):
        np.testing.assert_allclose(here, there, rtol=NEAR, atol=NEAR)
    assert np.std(expected[0]) > 0.1  # there is something to compare


def test_a_model_of_the_course_agrees_to_its_last_position(page):
    """Its real width and length, weights as they are drawn: only here does rounding to float16 come in."""
    model = GPT(GPTConfig.preset("modern", CHARACTERS.vocab_size, block_size=256, zero_init=False)).eval()
    rounded = copy.deepcopy(model)
    with torch.no_grad():
        for p in rounded.parameters():
            p.copy_(p.half())
        tokens = torch.randint(CHARACTERS.vocab_size, (1, 256), generator=torch.Generator().manual_seed(0))
        exact, expected = model(tokens)[0].numpy(), rounded(tokens)[0].numpy()
    answer = np.array(in_page(page, model, LOGITS, [tokens[0].tolist()])[0])
    assert np.abs(answer - expected).max() < NEAR
    assert np.abs(answer - exact).max() < 0.02  # what half the bits cost


WRITE = """(figure, model, { prompt, n }) => {
    const [tokens, seen] = [[], []];
    const steps = figure.writing(model, prompt, (logits) => {
        seen.push([...logits]);
        return figure.choose(logits, 0, 99, null);
    });
    while (tokens.length < n) {
        const token = steps.next().value;
        if (token !== null) tokens.push(token);
    }
    return { tokens, seen };
}"""


@pytest.mark.parametrize("block_size", [1, 2, 7, 8])
@pytest.mark.parametrize("prompt", [1, 6, 8, 9, 21])
def test_greedy_text_is_the_samplers_far_beyond_the_block(page, block_size, prompt):
    model = lively_model(block_size=block_size)
    ids = np.random.default_rng(prompt).integers(CHARACTERS.vocab_size, size=prompt).tolist()
    seen = []

    def note(rows, logits):
        seen.append(logits[0].tolist())
        return logits

    expected = generate(model, [ids], 30, Sampling(temperature=0), hook=note, window="jump")[0]
    answer = in_page(page, model, WRITE, {"prompt": ids, "n": 30})
    assert answer["tokens"] == expected
    np.testing.assert_allclose(answer["seen"], seen, rtol=NEAR, atol=NEAR)


def test_halves_are_what_numpy_reads(page):
    bits = np.arange(2**16, dtype="<u2")
    bits = bits[np.isfinite(bits.view("<f2"))]
    answer = page.evaluate(
        """async ([source, text]) => {
            const { halves } = await import(`data:text/javascript;base64,${source}`);
            const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
            return [...halves(new DataView(bytes.buffer, 2))];
        }""",
        [source(), base64.b64encode(b"\0\0" + bits.tobytes()).decode()],
    )
    assert answer == bits.view("<f2").astype(float).tolist()


CHOOSE = """async ([source, logits, temperature, topK, seed, n]) => {
    const { choose, generator } = await import(`data:text/javascript;base64,${source}`);
    const random = generator(seed), counts = logits.map(() => 0);
    for (let i = 0; i < n; i++) counts[choose(Float64Array.from(logits), temperature, topK, random)]++;
    return counts;
}"""


@pytest.mark.parametrize(("temperature", "top_k"), [(1, 9), (0.5, 9), (2, 3), (0.7, 4), (0, 9), (1, 1)])
def test_tokens_are_drawn_as_often_as_they_should(page, temperature, top_k):
    logits, n = [0.5, -1.0, 2.0, 2.0, 0.0, -30.0, 1.0], 20_000
    counts = page.evaluate(CHOOSE, [source(), logits, temperature, top_k, 5, n])
    expected = probabilities(torch.tensor(logits), Sampling(temperature=temperature, top_k=top_k)).numpy()
    assert np.abs(np.array(counts) / n - expected).max() < 4 * 0.5 / n**0.5  # four standard deviations
    assert all(count == 0 for count, p in zip(counts, expected, strict=True) if p < 1e-9)


def test_seeds_give_numbers_that_look_random_and_differ(page):
    rows = page.evaluate(
        """async (source) => {
            const { generator } = await import(`data:text/javascript;base64,${source}`);
            return [...Array(200), 2 ** 31 - 1].map((_, seed) => {
                const random = generator(seed || 0);
                return Array.from({ length: 100 }, random);
            });
        }""",
        source(),
    )
    numbers = np.array(rows[:200])
    assert ((numbers >= 0) & (numbers < 1)).all()
    assert len(np.unique(numbers)) > 0.999 * numbers.size
    for sample in (numbers.ravel(), numbers[:, 0]):  # along a sequence, and from seed to seed
        counts = np.histogram(sample, 10, (0, 1))[0]
        expected = len(sample) / 10
        assert ((counts - expected) ** 2 / expected).sum() < 30  # chi-squared with 9 degrees of freedom


# -- the figure


@pytest.fixture
def open_figure(figure_page):
    return partial(figure_page, ready=".lb-page-gpt")


def figure_of(model=None, **settings):
    return PageGPT.of(model or lively_model(), CHARACTERS, **{"prompt": "ROMEO:", "max_new_tokens": 40} | settings)


def sample_button(page):
    return page.get_by_role("button", name="Sample: have the model write on from the prompt")


def stop_button(page):
    return page.get_by_role("button", name="Stop: end the text here")


def text(page):
    return page.get_by_role("region", name="the text")


def status(page):
    return page.get_by_role("status")


def written(page):
    """The text when it is finished, prompt and all."""
    sample_button(page).click()
    sample_button(page).wait_for()
    return text(page).text_content()


def set_range(page, name, value):
    page.get_by_role("slider", name=name).fill(str(value))


def test_greedy_text_in_the_page_is_torchs(open_figure):
    model = lively_model()
    page = open_figure(figure_of(model, temperature=0))
    prompt = CHARACTERS.encode("ROMEO:")
    expected = CHARACTERS.decode(generate(model, [prompt], 40, Sampling(temperature=0), window="jump")[0])
    assert written(page) == "ROMEO:" + expected
    assert page.locator(".lb-page-text b").text_content() == "ROMEO:"
    assert status(page).text_content() == "40 tokens written, with seed 1."
    assert re.fullmatch(r"[\d,]+ tokens a second", page.locator(".lb-page-rate").text_content())


def test_a_seed_repeats_its_text_and_the_next_press_takes_the_next_seed(open_figure):
    page = open_figure(figure_of(seed=7))
    seed = page.get_by_role("spinbutton", name="seed")
    first = written(page)
    assert seed.input_value() == "7"
    second = written(page)
    assert (seed.input_value(), status(page).text_content()) == ("8", "40 tokens written, with seed 8.")
    assert second != first
    seed.fill("7")
    seed.press("Tab")
    assert written(page) == first
    set_range(page, "temperature", 0.2)
    colder = written(page)
    assert seed.input_value() == "7"  # something else was changed: the same seed again
    assert colder != first


def test_sliders_change_what_is_drawn(open_figure):
    page = open_figure(figure_of())
    set_range(page, "top-k", 1)
    greedy = written(page)
    set_range(page, "top-k", CHARACTERS.vocab_size)
    assert page.get_by_role("slider", name="top-k").get_attribute("aria-valuetext") == "all"
    set_range(page, "temperature", 0)
    assert page.get_by_role("slider", name="temperature").get_attribute("aria-valuetext") == "0, always the likeliest"
    assert written(page) == greedy


def test_a_long_text_streams_and_can_be_stopped_and_begun_again(open_figure):
    page = open_figure(figure_of(max_new_tokens=10**9))
    sample_button(page).click()
    page.wait_for_function("() => document.querySelector('.lb-page-text').textContent.length > 2000")
    stop_button(page).click()  # the page hears while the model writes
    sample_button(page).wait_for()
    length = len(text(page).text_content())
    assert status(page).text_content() == f"{length - 6:,} tokens written, with seed 1."
    scrolled = page.locator(".lb-page-text").evaluate("it => it.scrollHeight - it.scrollTop - it.clientHeight")
    assert scrolled < 2  # the end stayed in sight
    page.wait_for_timeout(100)
    assert len(text(page).text_content()) == length
    # Begun and stopped at once, many times: one text at a time, and none goes on behind the reader's back.
    page.evaluate("() => { for (let i = 0; i < 21; i++) document.querySelector('.lb-page-gpt button').click(); }")
    page.wait_for_function("() => document.querySelector('.lb-page-text').textContent.length > 500")
    stop_button(page).click()
    length = len(text(page).text_content())
    page.wait_for_timeout(100)
    assert len(text(page).text_content()) == length


def test_the_page_draws_frames_while_the_model_writes(open_figure):
    page = open_figure(figure_of(max_new_tokens=10**9))
    sample_button(page).click()
    lengths = page.evaluate(
        """async () => {
            const lengths = [];
            for (let i = 0; i < 20; i++) {
                await new Promise(requestAnimationFrame);
                lengths.push(document.querySelector(".lb-page-text").textContent.length);
            }
            return lengths;
        }"""
    )
    stop_button(page).click()
    assert len(set(lengths)) > 10  # it comes bit by bit


def test_what_the_model_does_not_know_is_left_out_and_named(open_figure):
    page = open_figure(figure_of(temperature=0))
    plain = written(page)
    prompt = page.get_by_role("textbox", name="prompt")
    prompt.fill("RO€ME🎭O:€")
    assert written(page) == plain
    assert status(page).text_content() == (
        "Left out, since the model does not know them: “€”, “🎭”. 40 tokens written, with seed 1."
    )
    for nothing in ("", "€"):
        prompt.fill(nothing)
        sample_button(page).click()
        assert "needs something to go on from" in status(page).text_content()
        assert sample_button(page).is_visible()


def test_a_prompt_longer_than_the_window_is_shown_whole(open_figure):
    model = lively_model()
    page = open_figure(figure_of(model, prompt="ROMEO: \nhello there", temperature=0))
    ids = CHARACTERS.encode("ROMEO: \nhello there")
    expected = CHARACTERS.decode(generate(model, [ids], 40, Sampling(temperature=0), window="jump")[0])
    assert written(page) == "ROMEO: \nhello there" + expected


def test_all_of_it_works_by_keyboard(open_figure):
    page = open_figure(figure_of())
    reached = []
    for _ in range(6):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("() => document.activeElement.ariaLabel"))
    assert reached[:3] == ["prompt", "temperature", "top-k"]
    assert reached[3].startswith("Sample: ")
    assert reached[4:] == ["seed", "the text"]
    for key in ("Shift+Tab", "Shift+Tab", "Space"):
        page.keyboard.press(key)
    page.wait_for_function("() => document.querySelector('[role=status]').textContent.startsWith('40 tokens')")
    assert page.evaluate("() => document.activeElement.ariaLabel").startswith("Sample: ")  # the focus stayed
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("ArrowLeft")
    assert page.get_by_role("slider", name="top-k").input_value() == str(CHARACTERS.vocab_size - 1)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_fits_a_phone(open_figure, screenshots, theme):
    page = open_figure(figure_of(max_new_tokens=400), width=360, theme=theme)
    written(page)
    assert page.evaluate("() => document.documentElement.scrollWidth") == 360
    for box in page.locator(".lb-page-gpt button, .lb-page-gpt input, .lb-page-gpt textarea").all():
        area = box.bounding_box()
        assert area["x"] >= 12
        assert area["x"] + area["width"] <= 348
        assert area["height"] >= 28
    page.screenshot(path=screenshots / f"page-gpt-360-{theme}.png", full_page=True)
