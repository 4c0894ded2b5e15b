"""Lab 5 in JupyterLab, by mouse and keyboard: a tokenizer learns live, and the playground cuts a text with it."""

import pytest

pytestmark = pytest.mark.browser

NOTEBOOK = "labs/05-tokenization.ipynb"
STICKS_OUT = """() => {
    const panel = document.querySelector(".lb-merge-panel");
    const right = panel.getBoundingClientRect().right;
    return [...panel.querySelectorAll("*")].filter((element) => {
        const box = element.getBoundingClientRect();
        return box.width && box.right > right + 1;
    }).map((element) => `${element.tagName} ${element.className}`);
}"""
TOKENS = r"""(n) => {
    const said = /([\d,]+) tokens of/.exec(document.querySelector(".lb-merge-panel").innerText);
    return said && Number(said[1].replace(",", "")) >= n;
}"""


@pytest.fixture
def lab(jupyterlab, open_lab):
    page = open_lab(NOTEBOOK, height=1200)
    for cell in ("setup", "text", "first-panel", "sizes", "playground"):
        jupyterlab.run_cell(page, cell)
        jupyterlab.wait_idle(page)
    return page


def press(panel, name):
    panel.get_by_role("button", name=name, exact=True).click()


def test_merges_come_as_the_buttons_and_sliders_say(jupyterlab, lab, screenshots):
    panel = lab.locator(".lb-merge-panel")
    panel.scroll_into_view_if_needed()
    press(panel, "Merge one")
    lab.wait_for_function(TOKENS, arg=257)
    assert panel.locator(".lb-merges li").count() == 1

    press(panel, "Train")
    lab.wait_for_function(TOKENS, arg=275)
    press(panel, "Pause")  # heard in the wait between two merges
    panel.get_by_text("paused", exact=True).wait_for()
    learned = int(jupyterlab.in_kernel(lab, "print(panel.run.step)"))
    assert learned < 600
    assert panel.locator(".lb-merges li").count() == 12

    # Both sliders act: the pace on the run's own, the size on where it ends.
    pace = panel.get_by_role("slider", name="merges a second")
    pace.focus()
    pace.press("End")
    size = panel.get_by_role("slider", name="vocabulary size")
    size.focus()
    size.press("PageDown")
    goal = int(jupyterlab.in_kernel(lab, "print(panel.run.vocab_size)"))
    assert goal < 1024
    assert jupyterlab.in_kernel(lab, "print(panel.run.pace)") == "None"
    press(panel, "Train")
    panel.get_by_text("done", exact=True).wait_for(timeout=60_000)
    assert int(jupyterlab.in_kernel(lab, "print(panel.tokenizer.vocab_size)")) == goal
    # The axis of frequencies has powers of ten.
    ticks = panel.locator("svg.lb-chart").nth(1).locator(".lb-tick").all_text_contents()
    assert {"1", "10", "100", "1000"} <= set(ticks)
    panel.screenshot(path=screenshots / "lab-05-merges-light.png")

    box = lab.get_by_role("textbox", name="your text")
    box.scroll_into_view_if_needed()
    box.fill("a function, שלום")
    lab.wait_for_timeout(500)
    assert jupyterlab.in_kernel(lab, "print(playground.text)") == "a function, שלום"

    jupyterlab.set_theme(lab, "Dark")
    lab.set_viewport_size({"width": 460, "height": 1800})
    lab.wait_for_timeout(1000)
    panel.scroll_into_view_if_needed()
    assert lab.evaluate(STICKS_OUT) == []
    panel.screenshot(path=screenshots / "lab-05-merges-dark-460.png")
