"""Chapter 1 in the built book, from disk, with the network off."""

import base64
import math

import pytest

from labkit.files import ROOT
from labkit.scalar import Value
from labkit.widgets import GraphStepper
from labkit.widgets.figure import module_source

CHAPTER = ROOT / "_build" / "html" / "book" / "01-value.html"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHAPTER.is_file(), reason="the book is not built: labkit book build"),
]


@pytest.fixture
def chapter(new_page):
    page = new_page()
    faults = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.context.set_offline(True)
    page.goto(CHAPTER.as_uri())
    page.locator(".lb-graph-box").first.wait_for()
    yield page
    assert faults == []


def shown(page, name, kind):
    """The number that the box of the node `name` shows."""
    text = page.locator(f".lb-graph-box [data-node={name}] [data-kind={kind}]").first.text_content()
    return float(text.replace("−", "-"))


def test_dragging_a_node_changes_the_gradients(chapter, screenshots):
    assert (shown(chapter, "a", "grad"), shown(chapter, "b", "grad")) == (7, 2)
    box = chapter.locator(".lb-graph-box [data-node=a]").bounding_box()
    x, y = box["x"] + 20, box["y"] + 20
    chapter.mouse.move(x, y)
    chapter.mouse.down()
    chapter.mouse.move(x - 30, y)
    chapter.mouse.move(x - 60, y)
    chapter.mouse.up()
    a, b = shown(chapter, "a", "value"), shown(chapter, "b", "value")
    assert a == pytest.approx(0)  # 60 of 300 pixels, over a range of ten
    assert b == 3
    for kind in ("grad", "numeric"):
        assert shown(chapter, "a", kind) == pytest.approx(b + 2 * a, abs=1e-3)
        assert shown(chapter, "b", kind) == pytest.approx(a, abs=1e-3)
    chapter.screenshot(path=screenshots / "chapter-01-dragged.png")


def test_the_sliders_answer_to_keys(chapter):
    slider = chapter.locator("input[data-input=b]").first
    slider.focus()
    slider.press("Home")
    assert shown(chapter, "b", "value") == -5
    assert shown(chapter, "a", "grad") == -5 + 2 * 2


def test_stepping_tells_the_whole_story(chapter):
    figure = chapter.locator(".lb-graph-box").first
    words = figure.locator(".lb-say")

    def press(name):
        figure.get_by_role("button", name=name).click()
        return words.inner_text()

    press("to the start")
    story = [press("one step on") for _ in range(9)]
    assert story[0] == "Forward: 2 × 3 = 6."
    assert story[2] == "Forward: 6 + 4 = 10."
    assert story[3] == "Backward starts at the result: its gradient with respect to itself is 1."
    assert story[-1].endswith("added to 0 it makes 2.")
    assert sum(line.startswith("Backward, from") for line in story) == 5  # one for each edge
    assert (shown(chapter, "a", "grad"), shown(chapter, "b", "grad")) == (7, 2)
    press("one step back")
    assert shown(chapter, "b", "grad") == 0


def test_predictions_are_kept_and_scored(chapter):
    ask, recap = chapter.locator(".lb-quiz").first, chapter.locator(".lb-quiz").last
    assert "0 of 3 predictions right" in recap.inner_text()
    ask.get_by_role("spinbutton").fill("0.006")
    ask.get_by_role("spinbutton").press("Tab")
    ask.get_by_label("about 1,000 s").check()
    assert "1 of 3 predictions right (2 made)" in recap.inner_text()
    chapter.reload()
    chapter.locator(".lb-quiz").last.wait_for()
    assert "1 of 3 predictions right" in chapter.locator(".lb-quiz").last.inner_text()


SIMULATE = """async ([source, state]) => {
    const figure = await import(`data:text/javascript;base64,${source}`);
    return figure.simulate(state, ["inputs"]);
}"""


def simulated(page, stepper, **inputs):
    """What the figure's own module answers, without a kernel, when the inputs change to these."""
    source = base64.b64encode(module_source("graph").encode()).decode()
    return page.evaluate(SIMULATE, [source, stepper.page_state() | {"inputs": inputs}])


def everything(x, y):
    c = (x * y + y**3 - 2.0).tanh() / (1 + (-x).exp())
    return (c * c + 1.5).log() + (x - y).relu() + x**y + 3 / y - (-c)


def test_the_page_computes_what_the_engine_computes(page):
    """The module's `simulate` against labkit.scalar, at places that use every operation."""
    stepper = GraphStepper(everything, x=1.5, y=0.5)
    for x, y in [(1.5, 0.5), (0.3, 2.0), (2.0, 0.01), (4.0, 3.0)]:
        answer = simulated(page, stepper, x=x, y=y)
        stepper.inputs = {"x": x, "y": y}
        assert stepper.error == answer["error"] == ""
        for ours, theirs in zip(stepper.nodes, answer["nodes"], strict=True):
            assert math.isclose(ours["data"], theirs["data"], rel_tol=1e-9, abs_tol=1e-12)
            assert math.isclose(ours["grad"], theirs["grad"], rel_tol=1e-9, abs_tol=1e-12)
            if ours["numeric"] is not None:
                assert math.isclose(ours["numeric"], theirs["numeric"], rel_tol=1e-4, abs_tol=1e-4)


@pytest.mark.parametrize(("a", "b"), [(0.0, 0.5), (0.0, 0.0), (0.0, 1.0), (0.0, -1.0), (-2.0, 2.0)])
def test_powers_at_the_edge_are_those_of_the_engine(page, a, b):
    stepper = GraphStepper(lambda a, b: a**b, a=2.0, b=2.0)
    answer = simulated(page, stepper, a=a, b=b)
    stepper.inputs = {"a": a, "b": b}
    assert bool(answer["error"]) == bool(stepper.error)
    if not stepper.error:
        slopes = [float(node["grad"]) for node in stepper.nodes]
        assert [node["grad"] for node in answer["nodes"]] == slopes


def test_an_operation_that_the_page_does_not_know_is_named(page):
    stepper = GraphStepper(lambda a: Value(a.data**3, (a,), (3 * a.data**2,), "cube"), a=2.0)
    assert simulated(page, stepper, a=3.0)["error"] == "this page cannot compute cube again; JupyterLab can"


DRAWN = """async ([source, state]) => {
    const figure = await import(`data:text/javascript;base64,${source}`);
    const model = { get: (name) => state[name], set() {}, save_changes() {}, on() {}, off() {} };
    document.body.replaceChildren();
    figure.default.render({ model, el: document.body });
}"""


def test_an_infinite_slope_is_drawn_as_one(page):
    source = base64.b64encode(module_source("graph").encode()).decode()
    page.evaluate(DRAWN, [source, GraphStepper(lambda a: a**0.5, a=0.0).page_state()])
    assert page.locator("[data-node=a] [data-kind=grad]").text_content() == "∞"


def test_a_wrong_input_is_told_as_the_engine_tells_it(page):
    stepper = GraphStepper(lambda x: x.log(), x=1.0)
    answer = simulated(page, stepper, x=-1.5)
    stepper.inputs = {"x": -1.5}
    assert answer["error"] == stepper.error == "log(-1.5): the argument must be greater than zero"


@pytest.mark.parametrize(("width", "theme"), [(1280, "light"), (1280, "dark"), (360, "light"), (360, "dark")])
def test_the_chapter_fits(new_page, screenshots, width, theme):
    page = new_page(width=width, color_scheme=theme)
    page.goto(CHAPTER.as_uri())
    page.locator(".lb-graph-box").first.wait_for()
    page.wait_for_timeout(500)
    assert page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth")
    page.screenshot(path=screenshots / f"chapter-01-{width}-{theme}.png", full_page=True)
