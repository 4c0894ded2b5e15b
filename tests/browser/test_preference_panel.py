"""The preference panel in JupyterLab: answered by mouse and by keys, which JupyterLab leaves alone."""

import base64
import json

import pytest

from labkit.widgets import PreferencePanel
from labkit.widgets.figure import module_source, style_source

pytestmark = pytest.mark.browser

MADE = """
import pathlib, tempfile
from IPython.display import display
from labkit.rlhf.preferences import SimulatedLabeller
from labkit.widgets import PreferencePanel
path = pathlib.Path(tempfile.mkdtemp()) / "mine.jsonl"
names = ["emma", "oliver", "ava", "<b>noah</b>", "mia", "liam", "zoe", "théo", "isabella", "jo", "ann", "<img src=x>"]
pairs = [("first name:", names[i], names[-1 - i]) for i in range(6)]
pairs[2] = ("To be,\\nor", "  not to be,\\nthat is\\n" + "the question " * 60, "")
panel = PreferencePanel(pairs, path, second=SimulatedLabeller(len))
display(panel)
"""

DRAWN = """
import tempfile, threading
from IPython.display import display
from labkit.widgets import PreferencePanel
gate = threading.Semaphore(1)
def draw(i):
    gate.acquire()
    if i == 2 and not mended:
        raise ValueError(f"no route number {i}")
    return "", f"red {i}", f"green {i}"
mended = []
def circle(text):
    color, i = text.split()
    return f'<svg viewBox="0 0 9 9" width="100"><circle cx="4" cy="4" r="4" fill="{color}"/><title>{text}</title></svg>'
panel = PreferencePanel(draw, tempfile.mkdtemp() + "/routes.jsonl", wanted=4, render=circle)
display(panel)
"""


def button(panel, name):
    return panel.get_by_role("button", name=name)


def in_kernel(lab, page, expression):
    return json.loads(lab.in_kernel(page, f"import json; print(json.dumps({expression}))"))


def said(panel, words):
    panel.get_by_role("status").get_by_text(words, exact=True).wait_for()


def shown(panel):
    return panel.locator(".lb-pref-text").all_text_contents()


def test_mouse_keys_and_undo(jupyterlab, panel_page, page, screenshots):
    panel = panel_page(MADE, ".lb-pref")
    cells = page.locator(".jp-Cell").count()
    pairs = in_kernel(jupyterlab, page, "pairs")
    first = shown(panel)
    assert sorted(first) == sorted(pairs[0][1:])
    said(panel, "0 of 6")
    assert button(panel, "Undo").get_attribute("aria-disabled") == "true"
    button(panel, "B is better").click()
    said(panel, "1 of 6")
    (answer,) = in_kernel(jupyterlab, page, "[json.loads(line) for line in path.read_text().splitlines()]")
    assert [answer["prompt"], answer["a"], answer["b"]] == pairs[0]
    assert answer[answer["choice"]] == first[1]

    # The keys of JupyterLab's command mode would add cells (a, b), save (s), undo (u) and move (arrows).
    page.keyboard.press("a")
    said(panel, "2 of 6")
    panel.screenshot(path=screenshots / "preferences-long.png")
    assert sorted(shown(panel)) == sorted([pairs[2][1], "(empty)"])
    page.keyboard.press("Shift+T")
    said(panel, "3 of 6")
    before = shown(panel)
    page.keyboard.press("ArrowRight")
    said(panel, "4 of 6")
    page.keyboard.press("u")
    said(panel, "3 of 6")
    assert shown(panel) == before
    page.keyboard.press("s")
    said(panel, "4 of 6")
    page.keyboard.press("ArrowLeft")
    said(panel, "5 of 6")
    page.keyboard.press("b")
    said(panel, "6 of 6 · done")
    panel.screenshot(path=screenshots / "preferences-done.png")
    for left in range(5, -1, -1):  # with nothing to press but the box itself, the keys are still the panel's
        page.keyboard.press("u")
        said(panel, f"{left} of 6")
    assert shown(panel) == first
    page.keyboard.press("u")
    page.keyboard.press("Control+b")  # none of ours
    for i, key in enumerate("abtb"):
        page.keyboard.press(key)
        said(panel, f"{i + 1} of 6")
    assert in_kernel(jupyterlab, page, "[c.choice for c in panel.comparisons][2]") == "tie"
    assert page.locator(".jp-Cell").count() == cells
    assert panel.locator(".lb-pref-row").count() == 4
    assert panel.get_by_text("Second labeller: the same answer to").count() == 1

    page.keyboard.press("Tab")  # from the box to what it holds; what has the focus can be seen
    panel.screenshot(path=screenshots / "preferences-light.png")
    jupyterlab.set_theme(page, "Dark")
    page.wait_for_timeout(1000)
    panel.screenshot(path=screenshots / "preferences-dark.png")
    jupyterlab.set_theme(page, "Light")
    page.set_viewport_size({"width": 360, "height": 1800})
    page.wait_for_timeout(1000)
    panel.screenshot(path=screenshots / "preferences-360.png")
    assert jupyterlab.sticks_out([panel], apart=".lb-pref-said") == []


def test_pairs_that_are_drawn(jupyterlab, panel_page, page, screenshots):
    panel = panel_page(DRAWN, ".lb-pref")
    said(panel, "0 of 4")
    assert panel.locator(".lb-pref-text svg circle").count() == 2
    panel.screenshot(path=screenshots / "preferences-routes.png")
    button(panel, "A is better").click()
    said(panel, "1 of 4 · drawing the next pair …")
    page.keyboard.press("b")  # there is nothing to answer
    jupyterlab.in_kernel(page, "gate.release(99)")
    said(panel, "1 of 4")
    page.keyboard.press("t")
    said(panel, "2 of 4 · the next pair could not be drawn")
    panel.page.get_by_text("no route number 2").wait_for()
    jupyterlab.in_kernel(page, "mended.append(1)")
    button(panel, "Draw again").click()
    said(panel, "2 of 4")
    page.keyboard.press("a")
    page.get_by_text("no route number 2").wait_for(state="detached")
    said(panel, "3 of 4")
    assert len(in_kernel(jupyterlab, page, "[c.a for c in panel.comparisons]")) == 3


WITH_KERNEL = """async ([source, style, state]) => {
    const figure = await import(`data:text/javascript;base64,${source}`);
    document.head.append(Object.assign(document.createElement("style"), { textContent: style }));
    let changed, shown = state;
    const send = async (message) => { shown = JSON.parse(await window.kernel(JSON.stringify(message))); changed(); };
    figure.default.render({ el: document.body, model: { get: () => shown, on: (_, act) => { changed = act; }, send } });
}"""


def test_the_first_press_on_a_phone(new_page, tmp_path):
    """The hint about keys changes as the button gets the focus, and must not move it away from under the finger."""
    page, panel = new_page(width=360), PreferencePanel([("p", "x", "y")] * 3, tmp_path / "mine.jsonl", key="phone")

    def kernel(message):
        panel.view._handle_custom_msg(json.loads(message), [])
        return json.dumps(panel.view.shown)

    page.expose_function("kernel", kernel)
    source = base64.b64encode(module_source("preferences").encode()).decode()
    page.evaluate(WITH_KERNEL, [source, style_source(), panel.view.shown])
    for name, counter in (("B is better", "1 of 3"), ("Tie", "2 of 3"), ("A is better", "3 of 3 · done")):
        page.evaluate("() => document.activeElement.blur()")
        button(page, name).click()
        said(page, counter)
    assert page.locator(".lb-pref-pair").is_hidden()
    page.keyboard.press("u")
    said(page, "2 of 3")
    assert page.evaluate("() => document.documentElement.scrollWidth") == 360
    panel.close()
