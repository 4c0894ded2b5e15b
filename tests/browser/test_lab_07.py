"""Lab 7 in JupyterLab, by mouse and keys: thirty clicks, a reward model of them, and policies that chase it."""

import pytest

pytestmark = pytest.mark.browser

NOTEBOOK = "labs/07-rlhf.ipynb"
KEYS = ("a", "b", "ArrowLeft", "ArrowRight", "a", "b", "t")


@pytest.fixture
def lab(jupyterlab, open_lab):
    page = open_lab(NOTEBOOK, height=1300)
    jupyterlab.run_all(page, timeout=300)
    return page


def press(panel, name):
    panel.get_by_role("button", name=name, exact=True).click()


def run(jupyterlab, lab, *cells):
    for cell in cells:
        jupyterlab.run_cell(lab, cell)
        jupyterlab.wait_idle(lab, 120)


def answer(lab, panel, n):
    """N answers: the first by mouse, the others by keys, which JupyterLab must leave alone."""
    for i in range(n):
        panel.get_by_role("status").get_by_text(f"{i} of {n}", exact=True).wait_for()
        if i < 4:
            panel.get_by_role("button", name=f"{'AB'[i % 2]} is better").click()
        else:
            lab.keyboard.press(KEYS[i % len(KEYS)])
    panel.get_by_role("status").get_by_text(f"{n} of {n} · done", exact=True).wait_for()


def said(lab, cell):
    """What the outputs of a cell say."""
    return lab.evaluate(
        """(id) => window.jupyterapp.shell.currentWidget.content.widgets.find((cell) => cell.model.id === id)
            .model.outputs.toJSON().map((output) => [output.text ?? ""].flat().join("")).join("")""",
        cell,
    )


def trained(lab, panel, timeout=240):
    """Press Train and wait for the end."""
    panel.scroll_into_view_if_needed()
    press(panel, "Train")
    panel.get_by_text("done", exact=True).wait_for(timeout=1000 * timeout)


def test_thirty_clicks_become_a_policy_that_then_goes_too_far(jupyterlab, lab, screenshots):
    cells = lab.locator(".jp-Cell").count()
    clicking = lab.locator(".lb-preferences").first
    clicking.scroll_into_view_if_needed()
    clicking.screenshot(path=screenshots / "lab-07-clicks-light.png")
    answer(lab, clicking, 30)
    assert lab.locator(".jp-Cell").count() == cells
    assert jupyterlab.in_kernel(lab, "print(len(clicking.comparisons))") == "30"
    clicking.screenshot(path=screenshots / "lab-07-clicked-light.png")
    run(jupyterlab, lab, "check-1")
    assert "1 clicks: passed" in said(lab, "check-1")

    run(jupyterlab, lab, "reward-panel")
    assert "the answers are yours" in said(lab, "reward-panel")
    trained(lab, lab.locator(".lb-panel:has(path[data-series=validation])"))
    run(jupyterlab, lab, "knows", "check-3")
    assert "3 your model: passed" in said(lab, "check-3")

    # A policy chases it; the sliders act while it trains.
    run(jupyterlab, lab, "policy-panel")
    first = lab.locator(".lb-policy").first
    assert first.locator(".lb-sample").count() == 10
    before = first.locator(".lb-sample").all_inner_texts()
    first.scroll_into_view_if_needed()
    press(first, "Train")
    beta = first.get_by_role("slider", name="β, the KL weight")
    beta.focus()
    beta.press("Home")
    first.get_by_text("done", exact=True).wait_for(timeout=240_000)
    assert float(jupyterlab.in_kernel(lab, "print(chasing.history[-1].extra['kl'])")) > 0.5
    assert float(jupyterlab.in_kernel(lab, "print(chasing.controls['beta'])")) == 0
    assert first.locator(".lb-sample").all_inner_texts() != before
    first.screenshot(path=screenshots / "lab-07-policy-light.png")
    run(jupyterlab, lab, "again-panel")
    judging = lab.locator(".lb-preferences").nth(1)
    judging.scroll_into_view_if_needed()
    answer(lab, judging, 10)
    run(jupyterlab, lab, "check-5", "check-6")
    assert "5 policy: passed" in said(lab, "check-5")
    assert "6 ask again: passed" in said(lab, "check-6")

    # With β = 0 the proxy rises and the truth falls.
    far = lab.locator(".lb-policy").nth(1)
    trained(lab, far)
    run(jupyterlab, lab, "read", "check-7")
    assert "7 too far: passed" in said(lab, "check-7")
    chart = far.locator("svg.lb-chart").first
    assert chart.locator("path[data-series=true]").get_attribute("d").count("L") >= 19
    assert any(text.startswith("−") for text in chart.locator(".lb-tick").all_text_contents())  # below 0 is drawn
    far.screenshot(path=screenshots / "lab-07-far-light.png")

    # The toy board: a method from the menu walks to the optimum.
    menu = lab.locator("select:has(option:text-is('RLOO'))")
    menu.scroll_into_view_if_needed()
    menu.select_option("PPO")
    board = lab.locator(".lb-panel:has(path[data-series=distance])")
    jupyterlab.wait_in_kernel(lab, "print(place.children[0].run is walks.get('PPO'))", "True")
    press(board, "Train")
    jupyterlab.wait_in_kernel(lab, "print(walks['PPO'].step > 20)", "True")
    press(board, "Pause")
    board.screenshot(path=screenshots / "lab-07-board-light.png")
    assert float(jupyterlab.in_kernel(lab, "s = walks['PPO'].history; print(s[0].extra['distance'])")) > 0.2

    jupyterlab.set_theme(lab, "Dark")
    lab.set_viewport_size({"width": 460, "height": 1800})
    lab.wait_for_timeout(1000)
    panels = [clicking, first, far, board]
    assert jupyterlab.sticks_out(panels) == []
    for name, panel in (("clicked", clicking), ("far", far)):
        panel.scroll_into_view_if_needed()
        panel.screenshot(path=screenshots / f"lab-07-{name}-dark-460.png")
