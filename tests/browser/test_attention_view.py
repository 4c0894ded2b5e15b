"""Heads by layer over a text, in a page from disk: maps, words and colours are those of the weights."""

from functools import partial

import numpy as np
import pytest

from labkit.widgets import AttentionView

pytestmark = pytest.mark.browser

TEXT = "To be, or\nnot to be"
N_LAYER, N_HEAD = 2, 3
ADVICE = "willReadFrequently"
"""Of a warning by Chromium about reading a canvas more than once, which only the tests do."""


def some_weights(n, n_layer=N_LAYER, n_head=N_HEAD):
    """Causal shares that differ from head to head, each row led by one token."""
    rng = np.random.default_rng(0)
    scores = 3 * rng.normal(size=(n_layer, n_head, n, n))
    scores[..., np.triu_indices(n, 1)[0], np.triu_indices(n, 1)[1]] = -np.inf
    powers = np.exp(scores)
    return powers / powers.sum(-1, keepdims=True)


@pytest.fixture
def view():
    return AttentionView(some_weights(len(TEXT)), list(TEXT), layer=1, head=2, position=12)


@pytest.fixture
def open_figure(figure_page):
    return partial(figure_page, ready=".lb-attn", overlook=ADVICE)


PIXELS = """canvas => { const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return [...data].filter((_, i) => i % 4 === 3); }"""


def pixels(canvas):
    """How opaque each cell is, 0 … 1."""
    return np.array(canvas.evaluate(PIXELS)) / 255


def check_shown(page, view, layer, head, position):
    """Words, colours over the text and the large map are of this head and token."""
    shares = view.shares()[layer, head]
    found = page.locator(".lb-attn-token").evaluate_all("all => all.map((chip) => Number(chip.dataset.share))")
    assert found == pytest.approx(shares[position], abs=1e-3)
    best = int(shares[position].argmax())
    shown = {" ": "␣", "\n": "↵"}
    names = [f"“{shown.get(TEXT[i], TEXT[i])}” at {i}" for i in (position, best)]
    whom = "itself" if best == position else names[1]
    said = page.locator(".lb-say").inner_text()
    assert said.startswith(f"{names[0]}, in layer {layer + 1}, head {head + 1}, looks at {whom} (")
    assert page.locator(".lb-attn-now").evaluate_all(
        "all => all.map((chip) => [...document.querySelectorAll('.lb-attn-token')].indexOf(chip))"
    ) == [position]
    large = pixels(page.locator(".lb-attn-large canvas"))
    assert large == pytest.approx(np.sqrt(shares.ravel()), abs=0.01)
    pressed = page.locator(".lb-attn-map[aria-pressed=true]")
    assert pressed.get_attribute("aria-label") == f"layer {layer + 1}, head {head + 1}"


def test_every_head_has_its_map(open_figure, view):
    page = open_figure(view)
    for layer in range(N_LAYER):
        for head in range(N_HEAD):
            canvas = page.locator(f".lb-attn-map[data-layer='{layer}'][data-head='{head}'] canvas")
            assert pixels(canvas) == pytest.approx(np.sqrt(view.shares()[layer, head].ravel()), abs=0.01)
    check_shown(page, view, 1, 2, 12)


def test_a_map_is_enlarged_and_a_token_chosen(open_figure, view):
    page = open_figure(view)
    page.get_by_role("button", name="layer 1, head 2", exact=True).click()
    check_shown(page, view, 0, 1, 12)
    tokens = page.locator(".lb-attn-token")
    tokens.nth(7).hover()
    check_shown(page, view, 0, 1, 7)
    page.mouse.move(2, 2)
    check_shown(page, view, 0, 1, 12)
    tokens.nth(4).click()
    page.mouse.move(2, 2)
    check_shown(page, view, 0, 1, 4)
    box = page.locator(".lb-attn-large canvas").bounding_box()
    page.mouse.click(box["x"] + 50, box["y"] + 9.5 / len(TEXT) * box["height"])
    page.mouse.move(2, 2)
    check_shown(page, view, 0, 1, 9)


def test_the_keyboard_chooses_heads_and_tokens(open_figure, view):
    page = open_figure(view)
    page.keyboard.press("Tab")  # one stop for all maps: the one that is large
    for key, (layer, head) in [
        ("ArrowUp", (0, 2)),
        ("ArrowLeft", (0, 1)),
        ("Home", (0, 0)),
        ("ArrowLeft", (0, 0)),
        ("ArrowDown", (1, 0)),
        ("End", (1, 2)),
    ]:
        page.keyboard.press(key)
        check_shown(page, view, layer, head, 12)
    page.keyboard.press("Tab")
    for key, position in [("ArrowRight", 13), ("ArrowLeft", 12), ("Home", 0), ("End", len(TEXT) - 1)]:
        page.keyboard.press(key)
        check_shown(page, view, 1, 2, position)
    outline = page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"


def test_the_maps_turn_dark_with_the_page(open_figure, view):
    page = open_figure(view)
    colour = """() => { const canvas = document.querySelector(".lb-attn-large canvas");
        return [...canvas.getContext("2d").getImageData(0, 0, 1, 1).data].slice(0, 3).join(); }"""
    light = page.evaluate(colour)
    page.evaluate("() => { document.documentElement.dataset.theme = 'dark'; }")
    page.wait_for_function(f"(light) => ({colour})() !== light", arg=light)


@pytest.mark.parametrize(("width", "theme"), [(1280, "light"), (1280, "dark"), (360, "light"), (360, "dark")])
def test_it_fits(open_figure, screenshots, width, theme):
    """As many tokens as there may be, and the heads of a GPT-2."""
    tokens = list(("Wherefore art thou\nRomeo? " * 3)[:64])
    page = open_figure(AttentionView(some_weights(64, 4, 12), tokens, position=40), width, theme)
    assert page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth")
    outside = """() => { const right = document.querySelector(".lb-attn").getBoundingClientRect().right;
        return [...document.querySelectorAll(".lb-attn *")].filter((part) => !part.closest(".lb-scroll")
            && part.getBoundingClientRect().right > right + 0.5).map((part) => part.className); }"""
    assert page.evaluate(outside) == []
    page.screenshot(path=screenshots / f"attention-{width}-{theme}.png", full_page=True)
