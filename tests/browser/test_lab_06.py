"""Lab 6 in JupyterLab, by mouse: holds are clicked and completed, and a generator writes while it learns."""

import pytest

pytestmark = pytest.mark.browser

NOTEBOOK = "labs/06-routes.ipynb"
KEPT = "s = {0}.samples[-1]; print(len(s.wish.holds), set(s.wish.holds) <= set(s.route.holds), s.route.board)"


@pytest.fixture
def lab(jupyterlab, open_lab):
    page = open_lab(NOTEBOOK, height=1200)
    jupyterlab.set_source(page, "collection", "collection = Collection.simulated(2000)")
    for cell in ("setup", "models", "first-panel"):
        jupyterlab.run_cell(page, cell)
        jupyterlab.wait_idle(page)
    return page


def press(panel, name):
    panel.get_by_role("button", name=name, exact=True).click()


def click_hold(page, writer, number, role):
    """The hold that is drawn as the `number`th, from the bottom."""
    writer.locator(".lb-rb-role", has_text=role).click()
    box = writer.locator(".lb-rb-dots circle").nth(number).bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)


def complete_two(page, writer):
    """Click a start and a middle hold, and have the rest written."""
    writer.locator(".lb-rb").scroll_into_view_if_needed()
    clear = writer.get_by_role("button", name="Clear")
    if clear.is_enabled():
        clear.click()
    click_hold(page, writer, 120, "start")
    click_hold(page, writer, 250, "middle")
    assert writer.locator(".lb-rb-mine").count() == 2
    before = writer.locator(".lb-sample").count()
    writer.get_by_role("button", name="Complete").click()
    page.wait_for_function("([writer, n]) => writer.querySelectorAll('.lb-sample').length > n",
                           arg=[writer.element_handle(), before])  # fmt: skip


def test_holds_are_completed_and_the_generator_writes_while_it_learns(jupyterlab, lab, screenshots):
    first = lab.locator(".lb-route-writer")
    complete_two(lab, first)
    assert jupyterlab.in_kernel(lab, KEPT.format("writer")) == "2 True TB2"
    said = first.locator(".lb-rb-about")
    assert "reader" in said.inner_text()
    assert "simulated climber" in said.inner_text()
    first.screenshot(path=screenshots / "lab-06-writer-light.png")

    for cell in ("collection", "reader-panel", "route-panel"):
        jupyterlab.run_cell(lab, cell)
        jupyterlab.wait_idle(lab)
    panel = lab.locator(".lb-panel").last
    every = panel.get_by_role("slider", name="steps from route to route")
    every.focus()
    every.press("Home")
    every.press("ArrowRight")
    press(panel, "Train")
    panel.locator(".lb-sample").first.wait_for(timeout=60_000)
    complete_two(lab, panel)  # by the model of that moment
    press(panel, "Pause")
    panel.get_by_text("paused", exact=True).wait_for()
    assert jupyterlab.in_kernel(lab, KEPT.format("route_panel.writer")) == "2 True TB2"
    assert int(jupyterlab.in_kernel(lab, "print(route_panel.writer.samples[-1].step)")) > 0
    panel.screenshot(path=screenshots / "lab-06-panel-light.png")

    jupyterlab.set_theme(lab, "Dark")
    lab.set_viewport_size({"width": 460, "height": 1800})
    lab.wait_for_timeout(1000)
    panel.scroll_into_view_if_needed()
    assert jupyterlab.sticks_out([panel]) == []
    panel.screenshot(path=screenshots / "lab-06-panel-dark-460.png")
