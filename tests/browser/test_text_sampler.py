"""The text sampler in JupyterLab: text as it comes, bars that follow the sliders, another token put in."""

import json

import pytest

pytestmark = pytest.mark.browser

MADE = """
import torch
from IPython.display import display
from labkit.gpt import GPT, GPTConfig
from labkit.tokenizers import CharTokenizer
from labkit.widgets import TextSampler
torch.set_num_threads(1)
tokenizer = CharTokenizer.train("\\n abcdefghijklmnopqrstuvwxyz.,ABC")
model = GPT(GPTConfig.preset("gpt2", tokenizer.vocab_size, n_layer=1, n_head=2, n_embd=16, block_size=32))
with torch.no_grad():
    for p in model.parameters():
        p.mul_(6)  # lively: some tokens are much likelier than others
panel = TextSampler(model, tokenizer, "a b\\nABC", length=120)
display(panel)
"""


@pytest.fixture
def writer(panel_page):
    return panel_page(MADE, ".lb-writer")


def button(scope, name):
    return scope.get_by_role("button", name=name, exact=True)


def in_kernel(lab, page, expression):
    return json.loads(lab.in_kernel(page, f"import json; print(json.dumps({expression}))"))


def shown(panel):
    """The text in the page, without the place after its end."""
    return "".join(
        piece.replace("↵", "") for piece in panel.locator(".lb-writer-token:not(.lb-writer-next)").all_text_contents()
    )


def rows(panel):
    """token -> (before, after), as the bars' rows have them."""
    found = panel.locator(".lb-writer-row").evaluate_all("all => all.map((row) => ({ ...row.dataset }))")
    return {int(row["token"]): (float(row["before"]), float(row["after"])) for row in found}


def written(page, panel):
    panel.get_by_text("done", exact=True).wait_for(timeout=60_000)
    page.locator(".lb-writer-next").wait_for()


def test_sample_look_and_branch(jupyterlab, writer, page, screenshots):
    button(writer, "Sample").click()
    written(page, writer)
    assert shown(writer) == in_kernel(jupyterlab, page, "panel.text")
    assert shown(writer).startswith("a b\nABC")

    tokens = writer.locator(".lb-writer-token")
    tokens.nth(20).click()
    writer.get_by_text("” at 20: the model gave it").wait_for()
    before = rows(writer)
    expected = in_kernel(
        jupyterlab,
        page,
        "torch.softmax(model(torch.tensor([panel.tokens[:20]]))[0, -1], -1).tolist()",
    )
    assert len(before) == 12
    for token, (probability, _) in before.items():
        assert probability == pytest.approx(expected[token], abs=2e-4)

    # A slider moves the second bars, and those alone.
    temperature = writer.get_by_role("slider", name="temperature")
    temperature.focus()
    for _ in range(30):
        temperature.press("ArrowLeft")
    page.wait_for_function(
        "(old) => [...document.querySelectorAll('.lb-writer-row')].some((row) => Number(row.dataset.after) > old)",
        arg=max(after for _, after in before.values()) + 0.01,
    )
    assert {token: pair[0] for token, pair in rows(writer).items()} == {t: pair[0] for t, pair in before.items()}

    # Arrow keys go from token to token, and JupyterLab leaves them alone.
    page.locator(".lb-writer-text").focus()
    page.keyboard.press("ArrowRight")
    writer.get_by_text("” at 21: the model gave it").wait_for()
    assert in_kernel(jupyterlab, page, "panel.view.position") == 21

    # Another token there: cut, put in, gone on from.
    start = shown(writer)[:21]
    row = writer.locator(".lb-writer-row[data-here=false]").first
    token = int(row.get_attribute("data-token"))
    row.click()
    page.locator(".lb-writer-byhand").wait_for()
    written(page, writer)
    assert shown(writer) == in_kernel(jupyterlab, page, "panel.text")
    assert shown(writer)[:21] == start
    assert in_kernel(jupyterlab, page, "panel.tokens[21]") == token
    assert writer.locator(".lb-writer-byhand").count() == 1

    page.set_viewport_size({"width": 1280, "height": 1400})
    writer.screenshot(path=screenshots / "text-sampler-light.png")
    jupyterlab.set_theme(page, "Dark")
    page.wait_for_timeout(1000)
    writer.screenshot(path=screenshots / "text-sampler-dark.png")
    jupyterlab.set_theme(page, "Light")
    page.set_viewport_size({"width": 360, "height": 2400})
    page.wait_for_timeout(1000)
    writer.screenshot(path=screenshots / "text-sampler-360.png")
    assert jupyterlab.sticks_out(page.locator(".lb-writer").all()) == []


def test_stop_and_a_prompt_that_cannot_be_read(jupyterlab, writer, page):
    jupyterlab.in_kernel(page, "panel.length.value = 1000")
    button(writer, "Sample").click()
    writer.get_by_text("writing", exact=True).wait_for()
    button(writer, "Stop").click()
    writer.get_by_text("stopped", exact=True).wait_for()
    held = shown(writer)
    assert 7 < len(held) < 1007

    prompt = writer.get_by_role("textbox")
    prompt.fill("a#")
    writer.get_by_text("character '#' (U+0023) at position 1 is not among").wait_for()
    button(writer, "Sample").click()
    prompt.fill("cab")
    page.wait_for_function("() => !document.querySelector('.lb-writer').innerText.includes('U+0023')")
    assert shown(writer) == held
    jupyterlab.in_kernel(page, "panel.length.value = 10")
    button(writer, "Sample").click()
    written(page, writer)
    assert shown(writer).startswith("cab")
    assert len(shown(writer)) == 13
