"""One token's way through the model: the page's own forward pass against the engine's, and every control."""

import base64
import math
import re
from functools import partial
from itertools import accumulate

import pytest

from labkit.scalar import GameGPT, Value, gpt
from labkit.scalar.ops import cross_entropy, numbers, probabilities
from labkit.widgets import TokenJourney
from labkit.widgets.figure import module_source

pytestmark = pytest.mark.browser

WORDS = ["<bos>", "<eos>", "hero", "gold", "wood", "setting", "underworld", "platformer", "a", "strategist"]
WORDS += ["collect", "", " ", "\n"]
EOS = 1
SEQUENCE = [0, 2, 3, 8, 3, 5, 11]
NEAR = 1e-4


def lively_model(**sizes):
    """A model whose weights are large enough that heads look somewhere and units fire."""
    sizes = {"vocab_size": len(WORDS), "n_layer": 2, "n_embd": 8, "n_head": 2, "block_size": 10} | sizes
    model = GameGPT(**sizes, seed=7)
    for p in model.params:
        p.data *= 8
    return model


def engine(model, tokens, monkeypatch):
    """What `GameGPT.forward` computes at each position: attention [layer · head], streams, firing units, logits."""
    found = []
    with monkeypatch.context() as patch:
        for name in ("softmax", "add", "squared_relu"):
            plain = getattr(gpt, name)
            made = {"softmax": "attention", "add": "streams", "squared_relu": "hidden"}[name]

            def noted(*args, plain=plain, made=made):
                result = plain(*args)
                found[-1][made].append(numbers(result))
                return result

            patch.setattr(gpt, name, noted)
        keys, values = model.new_cache()
        for position, token in enumerate(tokens):
            found.append({"attention": [], "streams": [], "hidden": []})
            found[-1]["logits"] = numbers(model.forward(token, position, keys, values))
    return found


def logits_after(model, tokens):
    keys, values = model.new_cache()
    for position, token in enumerate(tokens):
        logits = model.forward(token, position, keys, values)
    return numbers(logits)


@pytest.fixture
def model():
    return lively_model()


@pytest.fixture
def open_figure(figure_page):
    return partial(figure_page, ready=".lb-journey")


def chips(page):
    return page.locator(".lb-token").all_text_contents()


def chosen(page):
    return page.locator(".lb-token").evaluate_all(
        "all => all.flatMap((chip, i) => chip.ariaPressed === 'true' ? [i] : [])"
    )


def strip(page, name):
    """The numbers behind the cells of a strip."""
    both = "cells => [[...cells.numbers], [...cells.children].map((c) => c.style.background)]"
    numbers, colors = page.locator(f"[data-strip={name}]").evaluate(both)
    # Its sign is to be seen in each cell's colour.
    assert all(f"--lb-class{0 if x < 0 else 1})" in color for x, color in zip(numbers, colors, strict=True))
    return numbers


def attention(page, layer, head):
    """The shares that the bars of a head show."""
    bars = page.locator(f"[data-layer='{layer}'][data-head='{head}'] > *")
    return bars.evaluate_all("all => all.map((bar) => parseFloat(bar.style.getPropertyValue('--share')) / 100)")


def next_tokens(page):
    """The rows of next tokens: id -> (logit, probability), in their order; and which id follows."""
    rows = page.locator(".lb-next[data-token]").evaluate_all("all => all.map((row) => ({ ...row.dataset }))")
    follows = [int(row["token"]) for row in rows if row["follows"] == "true"]
    return {int(row["token"]): (float(row["logit"]), float(row["probability"])) for row in rows}, follows


def button(page, tip):
    """The button with this tip: its name is what is seen on it, then the tip."""
    return page.get_by_role("button", name=re.compile(rf"^[^:]+: {re.escape(tip)}$"))


def press(page, tip):
    button(page, tip).click()


def words(page):
    return page.locator(".lb-say").inner_text()


SAMPLE, BACK, AGAIN = "draw the token after the last one", "take the last token away", "back to the tokens at the start"

FORWARD = """async ([source, weights, sizes, sequences]) => {
    const figure = await import(`data:text/javascript;base64,${source}`);
    const pass = figure.forwardPass(Float64Array.from(weights), sizes);
    return sequences.map((tokens) => tokens.map((_, i) => [...pass(tokens, i).logits]));
}"""


def test_every_logit_of_every_prefix_is_the_engines(page, model):
    """The figure's own forward pass, whatever it has kept of the sequences before."""
    figure = TokenJourney(model, WORDS, [0])
    sequences = [SEQUENCE, SEQUENCE[:3], [*SEQUENCE[:3], 9, 9], [9], [0, 2, 3, 8, 3, 5, 11, 11, 4, 12]]
    source = base64.b64encode(module_source("journey").encode()).decode()
    answer = page.evaluate(FORWARD, [source, [p.data for p in model.params], figure.sizes, sequences])
    for tokens, steps in zip(sequences, answer, strict=True):
        for n, logits in enumerate(steps, start=1):
            assert logits == pytest.approx(logits_after(model, tokens[:n]), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("sizes", [{}, {"n_layer": 1, "n_head": 1}, {"n_embd": 12, "n_head": 3}], ids=str)
def test_the_figure_shows_what_the_engine_computes(open_figure, monkeypatch, sizes):
    model = lively_model(**sizes)
    page = open_figure(TokenJourney(model, WORDS, SEQUENCE, eos_id=EOS))
    steps = engine(model, SEQUENCE, monkeypatch)
    for position, step in enumerate(steps):
        page.locator(".lb-token").nth(position).click()
        assert chosen(page) == [position]
        embedding, *streams = step["streams"]
        assert strip(page, "embedding") == pytest.approx(embedding, abs=NEAR)
        for layer in range(model.n_layer):
            assert strip(page, f"attention{layer}") == pytest.approx(streams[2 * layer], abs=NEAR)
            assert strip(page, f"mlp{layer}") == pytest.approx(streams[2 * layer + 1], abs=NEAR)
            firing = sum(h > 0 for h in step["hidden"][layer])
            said = page.locator(f"[data-firing='{layer}']").inner_text()
            assert said == f"MLP: {firing} of {4 * model.n_embd} ReLU² units fire"
            for head in range(model.n_head):
                expected = step["attention"][layer * model.n_head + head]
                assert attention(page, layer, head) == pytest.approx(expected, abs=NEAR)
        check_next_tokens(page, step["logits"], 1.0, *SEQUENCE[position + 1 : position + 2])


def check_next_tokens(page, logits, temperature, following=None):
    rows, follows = next_tokens(page)
    p = probabilities(logits, temperature)
    ranked = sorted(range(len(logits)), key=logits.__getitem__, reverse=True)
    extra = [following] if following is not None and following not in ranked[:10] else []
    assert list(rows) == ranked[:10] + extra
    for token, (logit, probability) in rows.items():
        assert logit == pytest.approx(logits[token], abs=NEAR)
        assert probability == pytest.approx(p[token], abs=NEAR)
    loss = page.locator(".lb-loss")
    if following is None:
        assert follows == []
        assert loss.inner_text() == "nothing follows yet"
    else:
        nats = cross_entropy([Value(z) for z in logits], following).data
        assert follows == [following]
        assert float(loss.get_attribute("data-loss")) == pytest.approx(nats, abs=NEAR)
        assert f"rank {ranked.index(following) + 1} of {len(logits)}" in loss.inner_text()


def test_the_temperature_changes_probabilities_and_keeps_logits_and_loss(open_figure, model):
    page = open_figure(TokenJourney(model, WORDS, SEQUENCE, eos_id=EOS, position=3))
    logits = logits_after(model, SEQUENCE[:4])
    slider = page.get_by_role("slider", name="temperature")
    assert slider.get_attribute("data-lm-suppress-shortcuts") == "true"
    slider.focus()
    for key, temperature in [("Home", 0.1), ("End", 2.0), ("ArrowLeft", 1.95)]:
        slider.press(key)
        check_next_tokens(page, logits, temperature, SEQUENCE[4])
        assert slider.get_attribute("aria-valuetext") == f"{temperature:g}"
        assert "nats (at temperature 1)" in page.locator(".lb-loss").inner_text()
    assert slider.evaluate("input => input === document.activeElement")


@pytest.mark.parametrize("luck", [0.05, 0.5, 0.95])
def test_a_sampled_token_is_drawn_from_the_probabilities_shown(open_figure, model, luck):
    page = open_figure(TokenJourney(model, WORDS, SEQUENCE, temperature=1.5, position=2))
    page.evaluate("luck => { Math.random = () => luck; }", luck)
    p = probabilities(logits_after(model, SEQUENCE), 1.5)
    token = next(i for i, total in enumerate(accumulate(p)) if total > luck)
    press(page, SAMPLE)
    assert len(chips(page)) == len(SEQUENCE) + 1
    assert chosen(page) == [len(SEQUENCE)]
    check_next_tokens(page, logits_after(model, [*SEQUENCE, token]), 1.5)
    assert words(page).startswith("Drawn: “")


def test_back_takes_the_last_token_and_start_again_brings_all(open_figure, model):
    page = open_figure(TokenJourney(model, WORDS, SEQUENCE, position=2))
    before = chips(page)
    press(page, BACK)
    assert chips(page) == before[:-1]
    assert chosen(page) == [len(SEQUENCE) - 2]
    check_next_tokens(page, logits_after(model, SEQUENCE[:-1]), 1.0)
    for _ in SEQUENCE[2:]:
        press(page, BACK)
    assert chips(page) == ["<bos>"]
    back = button(page, BACK)
    assert back.is_disabled()
    assert words(page).startswith("“<bos>” comes first and sees only itself")
    back.press("Enter")  # it has the focus still, and does nothing
    assert chips(page) == ["<bos>"]
    press(page, SAMPLE)
    press(page, AGAIN)
    assert chips(page) == before
    assert chosen(page) == [2]


def test_eos_ends_the_sequence(open_figure, model):
    likeliest = max(range(len(WORDS)), key=logits_after(model, SEQUENCE).__getitem__)
    for eos, best in zip(*(model.state_dict["lm_head"][token] for token in (EOS, likeliest)), strict=True):
        eos.data = best.data  # as likely as the likeliest
    page = open_figure(TokenJourney(model, WORDS, SEQUENCE, eos_id=EOS))
    p = probabilities(logits_after(model, SEQUENCE))
    page.evaluate("luck => { Math.random = () => luck; }", sum(p[:EOS]) + p[EOS] / 2)
    press(page, SAMPLE)
    assert chips(page)[-1] == "<eos>"
    assert "“<eos>” ends the sequence." in words(page)
    assert page.locator(".lb-loss").inner_text() == "the sequence ends here"
    sample = button(page, SAMPLE)
    assert sample.is_disabled()
    sample.press("Enter")
    assert len(chips(page)) == len(SEQUENCE) + 1
    press(page, BACK)
    assert sample.is_enabled()


def test_an_eos_that_is_also_bos_does_not_end_at_the_start(open_figure, model):
    page = open_figure(TokenJourney(model, WORDS, [EOS], eos_id=EOS))
    assert button(page, SAMPLE).is_enabled()


def test_a_full_block_ends_it(open_figure, model):
    page = open_figure(TokenJourney(model, WORDS, SEQUENCE))
    for _ in range(model.block_size - len(SEQUENCE)):
        press(page, SAMPLE)
    assert len(chips(page)) == model.block_size
    assert "The block is full: 10 tokens." in words(page)
    assert button(page, SAMPLE).is_disabled()


def test_the_keyboard_chooses_tokens(open_figure, model):
    page = open_figure(TokenJourney(model, WORDS, SEQUENCE, position=3))
    button(page, AGAIN).focus()
    page.keyboard.press("Tab")  # one stop for all tokens: the chosen one
    for key, expected in [("ArrowRight", 4), ("Home", 0), ("ArrowLeft", 0), ("End", 6), ("ArrowRight", 6)]:
        page.keyboard.press(key)
        assert chosen(page) == [expected]
        assert (
            page.evaluate("() => [...document.activeElement.parentElement.children].indexOf(document.activeElement)")
            == expected
        )
    outline = page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"


def test_a_head_is_shown_on_the_tokens_and_let_go_again(open_figure, model):
    page = open_figure(TokenJourney(model, WORDS, SEQUENCE))
    note = page.get_by_text("filled by the attention of")
    own = note.inner_text()
    for layer, head in [(1, 1), (2, 2)]:
        tip = f"show head {head} of layer {layer} on the tokens"
        press(page, tip)
        assert note.inner_text() == f"filled by the attention of layer {layer}, head {head}"
        assert f"head {head} of layer {layer} looks" in words(page)
        assert page.locator(".lb-head-box [aria-pressed=true]").get_attribute("aria-label") == f"head {head}: {tip}"
        shares = attention(page, layer - 1, head - 1)
        filled = page.locator(".lb-token").evaluate_all(
            "all => all.map((chip) => parseFloat(chip.style.getPropertyValue('--share')))"
        )
        assert filled == pytest.approx([100 * share for share in shares])
    press(page, tip)
    assert note.inner_text() == own


def test_the_number_of_a_cell_is_shown_at_a_tap(open_figure, model):
    page = open_figure(TokenJourney(model, WORDS, SEQUENCE))
    cell = page.locator("[data-strip=mlp1] > *").nth(5)
    cell.click()
    stage = page.get_by_role("group", name="Layer 2")
    assert stage.locator(".lb-readout").inner_text() == cell.get_attribute("title")
    assert cell.get_attribute("title").startswith("dimension 5: ")


STOP = """() => { const { dataset: { strip, layer, head }, textContent } = document.activeElement;
    return strip ?? (head ? `${layer},${head}` : textContent); }"""


def test_the_keyboard_reads_each_number_out(open_figure, model):
    """A strip, or the bars of a head, is one tab stop; its arrow keys say one number after the other."""
    page = open_figure(TokenJourney(model, WORDS, SEQUENCE, position=3))
    page.locator(".lb-token").nth(3).focus()
    stops = []
    for _ in range(2 + 2 * (2 * 2 + 2)):
        page.keyboard.press("Tab")
        stops.append(page.evaluate(STOP))
    of_layer = [["head 1", f"{i},0", "head 2", f"{i},1", f"attention{i}", f"mlp{i}"] for i in (0, 1)]
    assert stops == ["embedding", "normed", *of_layer[0], *of_layer[1]]

    strip_of = page.locator("[data-strip=mlp1]")
    assert strip_of.evaluate("strip => strip === document.activeElement")
    numbers = strip(page, "mlp1")
    readout = page.get_by_role("group", name="Layer 2").locator(".lb-readout")
    for key, i in [("Home", 0), ("ArrowRight", 1), ("ArrowUp", 2), ("ArrowDown", 1), ("End", 7), ("ArrowRight", 7)]:
        page.keyboard.press(key)
        said = f"dimension {i}: "
        assert readout.inner_text().startswith(said)
        assert float(readout.inner_text().removeprefix(said).replace("−", "-")) == pytest.approx(numbers[i], rel=5e-3)
        assert strip_of.get_attribute("aria-valuetext") == readout.inner_text()
        assert [strip_of.get_attribute(f"aria-value{name}") for name in ("min", "now", "max")] == ["0", str(i), "7"]
        assert strip_of.locator(".lb-at").evaluate_all(
            "all => all.map((c) => [...c.parentElement.children].indexOf(c))"
        ) == [i]
    assert page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.locator("[data-layer='1'][data-head='0']").press("End")
    assert readout.inner_text() == f"“a”: {percent(attention(page, 1, 0)[3])}"
    page.get_by_role("slider", name="temperature").focus()
    assert readout.inner_text() == ""


def percent(share):
    return f"{100 * share:.1f} %" if 100 * share < 9.95 else f"{100 * share:.0f} %"


def test_a_number_that_is_read_out_is_the_one_of_now(live_figure, page, model):
    """New weights, in the lab while a panel trains, are said where the reader is."""
    figure = TokenJourney(model, WORDS, SEQUENCE)
    live_figure(figure)
    page.locator("[data-strip=mlp1]").press("End")
    readout = page.get_by_role("group", name="Layer 2").locator(".lb-readout")
    before = readout.inner_text()
    for p in model.params:
        p.data *= -0.5
    figure.update()
    page.evaluate("new_ones => window.set('weights', new_ones)", figure.page_state()["weights"])
    assert readout.inner_text() != before
    assert readout.inner_text() == page.locator("[data-strip=mlp1]").get_attribute("aria-valuetext")


def test_what_cannot_be_seen_has_a_sign(open_figure, model):
    page = open_figure(TokenJourney(model, WORDS, [11, 12, 13]))
    assert chips(page) == ["∅", "␣", "↵"]


def test_two_of_a_word_are_told_apart(open_figure, model):
    page = open_figure(TokenJourney(model, WORDS, SEQUENCE, position=4))
    assert words(page).startswith("“gold” at 4: head ")


def test_new_weights_are_drawn_and_the_focus_stays(live_figure, page, model):
    """As in JupyterLab while a panel trains."""
    figure = TokenJourney(model, WORDS, SEQUENCE)
    live_figure(figure)
    page.locator(".lb-token").nth(2).click()
    for p in model.params:
        p.data *= -0.5
    figure.update()
    page.evaluate("new_ones => window.set('weights', new_ones)", figure.page_state()["weights"])
    check_next_tokens(page, logits_after(model, SEQUENCE[:3]), 1.0, SEQUENCE[3])
    assert page.evaluate("() => document.activeElement.textContent") == "gold"
    model.params[0].data = math.inf  # a run that diverges
    model.params[-1].data = math.nan
    figure.update()
    page.evaluate("new_ones => window.set('weights', new_ones)", figure.page_state()["weights"])
    assert len(chips(page)) == len(SEQUENCE)
    assert page.evaluate("() => window.end()") == []


@pytest.mark.parametrize(("width", "theme"), [(900, "light"), (900, "dark"), (360, "light"), (360, "dark")])
def test_it_fits(open_figure, screenshots, width, theme):
    """With long words, many tokens and the sizes of chapter 2's model."""
    model = lively_model(n_embd=32, n_head=4, block_size=64)
    tokens = [0, *(2 + i % 12 for i in range(29))]
    page = open_figure(TokenJourney(model, WORDS, tokens, temperature=0.7, eos_id=EOS, position=19), width, theme)
    assert page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth")
    outside = """() => { const edge = (part) => part.getBoundingClientRect().right;
        const box = document.querySelector(".lb-journey");
        return [...box.querySelectorAll("*")].filter((part) => edge(part) > edge(box) + 0.5)
            .map((part) => part.className); }"""
    assert page.evaluate(outside) == []
    page.screenshot(path=screenshots / f"journey-{width}-{theme}.png", full_page=True)
