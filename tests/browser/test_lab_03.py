"""Lab 3 in JupyterLab, by mouse and keyboard, as a learner would: the arena's panel, and the first battle."""

import pytest

pytestmark = pytest.mark.browser

NOTEBOOK = "labs/03-arena.ipynb"
THREADS = "import threading; print(sum(t.name.startswith('train-') for t in threading.enumerate()))"
SAID = """(id) => window.jupyterapp.shell.currentWidget.content.widgets
    .find((cell) => cell.model.id === id).model.outputs.toJSON().map((output) => output.text).join("")"""


def button(scope, name):
    return scope.get_by_role("button", name=name, exact=True)


def said(scope, text):
    scope.get_by_text(text).first.wait_for()


@pytest.fixture
def lab(jupyterlab, page):
    """The lab, open; no cell has run."""
    jupyterlab.open_notebook(page, NOTEBOOK)
    page.evaluate("() => window.jupyterapp.shell.collapseLeft()")
    yield page
    jupyterlab.set_theme(page, "Light")


@pytest.fixture
def arena(jupyterlab, lab):
    """The first panel, after the cells that make it."""
    for cell in ("setup", "first-panel"):
        jupyterlab.run_cell(lab, cell)
    return lab.locator(".lb-arena").first


def create(arena, name, width, rate="0.02", energy="none"):
    form = arena.locator(".lb-form")
    for label, value in {"name": name, "width": width, "heads": 2, "learning rate": rate, "energy, J": energy}.items():
        form.get_by_label(label, exact=True).fill(str(value))
    button(form, "Create").click()


def card(arena, name):
    return arena.locator(".lb-card").filter(has=arena.page.locator(".lb-arena-title", has_text=name))


def test_from_the_first_agent_to_the_verdict(jupyterlab, arena, page, screenshots):
    button(arena, "Create").click()  # as the form is filled in
    card(arena, "Tiny").wait_for()
    create(arena, "two words", 8)
    said(arena.locator(".lb-form"), "write 1 to 32 letters")
    create(arena, "Poor", 8, energy="1")
    create(arena, "Wide", 12)
    poor, wide = card(arena, "Poor"), card(arena, "Wide")
    said(wide, "no limit")

    button(poor, "Train").click()
    said(poor, "out of energy")
    said(poor, "used up")
    assert poor.locator("path[data-series=loss]").get_attribute("d").count("L") > 5

    wide.get_by_label("steps", exact=True).fill("100000")
    wide.get_by_label("steps", exact=True).press("Tab")
    button(wide, "Train").click()
    said(wide, "training")
    slider = wide.get_by_role("slider").first
    slider.focus()
    before = jupyterlab.in_kernel(page, "print(panel.agents['Wide'].run.controls['lr'])")
    slider.press("ArrowRight")
    jupyterlab.wait_in_kernel(page, f"print(panel.agents['Wide'].run.history[-1].lr > {before})", "True")
    button(wide, "Generate").click()
    wide.locator(".lb-names li").nth(9).wait_for()
    button(wide, "Stop").click()
    said(wide, "stopped")
    button(wide, "Diagnose").click()
    wide.locator(".lb-finding").wait_for()
    button(wide, "Save").click()
    said(wide, "saved as")

    battle = arena.locator(".lb-battle")
    battle.get_by_label("A", exact=True).select_option("Wide")
    battle.get_by_label("steps", exact=True).fill("30")
    battle.get_by_label("steps", exact=True).press("Tab")
    button(battle, "Start").click()
    battle.locator(".lb-verdict").wait_for(timeout=60_000)
    assert "<b>done</b> · round 30 of 30" in jupyterlab.in_kernel(page, "print(panel.battle.status.value)")
    assert battle.locator(".lb-ranks tbody tr").count() == 2
    for name in ("Poor", "Wide"):
        assert battle.locator(f"path[data-series={name}]").get_attribute("d").count("L") == 29
    assert "round 30" in battle.locator("svg").get_attribute("aria-label")
    assert jupyterlab.in_kernel(page, THREADS) == "0"
    jupyterlab.run_cell(page, "guess-1")
    jupyterlab.run_cell(page, "check-1")
    page.set_viewport_size({"width": 1280, "height": 2400})
    arena.screenshot(path=screenshots / "lab-03-arena-light.png")
    jupyterlab.set_theme(page, "Dark")
    page.wait_for_timeout(1000)
    arena.screenshot(path=screenshots / "lab-03-arena-dark.png")
    page.set_viewport_size({"width": 360, "height": 4000})
    page.wait_for_timeout(1000)
    assert jupyterlab.sticks_out(page.locator(".lb-arena").all(), apart=".lb-scroll, svg") == []
    arena.screenshot(path=screenshots / "lab-03-arena-360.png")


def test_running_the_cell_again_stops_all_of_the_panel_before(jupyterlab, arena, page):
    for name in ("Small", "Wide"):
        create(arena, name, 8)
        card(arena, name).wait_for()
    jupyterlab.in_kernel(
        page,
        "earlier = panel\n"
        "for c in panel.cards.values():\n    c.n.value = 100_000; c.train.click()\n"
        "panel.battle.amount.value = 100_000; panel.battle.start.click()",
    )
    assert jupyterlab.in_kernel(page, THREADS) == "3"
    jupyterlab.run_cell(page, "first-panel")
    assert jupyterlab.in_kernel(page, THREADS) == "0"
    stopped = "True ArenaPanel: Small (stopped), Wide (stopped)"
    assert jupyterlab.in_kernel(page, "print(earlier is not panel, earlier)") == stopped


def test_the_first_battle_lost_then_won_by_the_slider(jupyterlab, lab, screenshots):
    jupyterlab.run_all(lab)
    arena = lab.locator(".lb-arena").nth(1)
    arena.scroll_into_view_if_needed()
    battle, rate = arena.locator(".lb-battle"), card(arena, "Hare").get_by_role("slider").first
    button(battle, "Start").click()
    said(battle, "Snail wins")
    jupyterlab.run_cell(lab, "check-3")
    assert "the rate is too high" in lab.evaluate(SAID, "check-3")

    rate.focus()
    for key, enough in (("PageDown", 0.06), ("ArrowLeft", 0.02)):
        for _ in range(50):
            if float(jupyterlab.in_kernel(lab, "print(hare.run.controls['lr'])")) < enough:
                break
            rate.press(key)
            lab.wait_for_timeout(100)
    button(battle, "Start").click()
    said(battle, "Hare wins")
    jupyterlab.run_cell(lab, "check-3")
    assert lab.evaluate(SAID, "check-3").strip() == "3 learning rate: passed"
    assert battle.locator("path[data-series=Hare]").get_attribute("d").count("L") > 50
    lab.set_viewport_size({"width": 1280, "height": 1600})
    arena.screenshot(path=screenshots / "lab-03-battle-light.png")
    jupyterlab.set_theme(lab, "Dark")
    lab.wait_for_timeout(1000)
    arena.screenshot(path=screenshots / "lab-03-battle-dark.png")
