"""The arena's panel in JupyterLab, in a notebook of its own: by mouse, by keyboard, on a phone."""

import json

import pytest

pytestmark = pytest.mark.browser

CODE = """
import pathlib, tempfile
from labkit.arena.leaderboard import Leaderboard
from labkit.widgets import ArenaPanel

folder = pathlib.Path(tempfile.mkdtemp())
panel = ArenaPanel(folder=folder, leaderboard=Leaderboard(folder / "board.jsonl"), n_names=5, n_held_out=5)
panel
"""

IN_KERNEL = """async (code) => {
    const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
    const future = kernel.requestExecute({ code, store_history: false });
    let said = "";
    future.onIOPub = (message) => {
        if (message.header.msg_type === "stream") said += message.content.text;
        if (message.header.msg_type === "error") said += message.content.traceback.join("\\n");
    };
    await future.done;
    return said;
}"""
THREADS = "import threading; print(sum(t.name.startswith('train-') for t in threading.enumerate()))"
THEME = "(name) => window.jupyterapp.commands.execute('apputils:change-theme', { theme: name })"

STICKS_OUT = """() => {
    const right = document.querySelector(".lb-arena").getBoundingClientRect().right;
    return [...document.querySelectorAll(".lb-arena *")].filter((element) => {
        const box = element.getBoundingClientRect();
        return box.width && box.right > right + 1 && !element.closest(".lb-scroll, svg");
    }).map((element) => `${element.tagName} ${element.className}`);
}"""


def in_kernel(page, code):
    return page.evaluate(IN_KERNEL, code).strip()


def button(scope, name):
    return scope.get_by_role("button", name=name, exact=True)


def said(scope, text):
    scope.get_by_text(text).first.wait_for(timeout=30_000)


@pytest.fixture
def arena(jupyterlab, page):
    cell = {"id": "arena", "cell_type": "code", "source": CODE, "metadata": {}, "outputs": [], "execution_count": None}
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": kernel}, "cells": [cell]}
    (jupyterlab.root / "labs" / "arena-panel.ipynb").write_text(json.dumps(notebook))
    jupyterlab.open_notebook(page, "labs/arena-panel.ipynb")
    page.evaluate("() => window.jupyterapp.shell.collapseLeft()")
    jupyterlab.run_all(page)
    yield page.locator(".lb-arena").first
    page.evaluate(THEME, "JupyterLab Light")


def create(arena, name, width, rate="0.02", energy="none"):
    form = arena.locator(".lb-form")
    for label, value in {"name": name, "width": width, "heads": 2, "learning rate": rate, "energy, J": energy}.items():
        form.get_by_label(label, exact=True).fill(str(value))
    button(form, "Create").click()


def card(arena, name):
    return arena.locator(".lb-card").filter(has=arena.page.locator(".lb-arena-title", has_text=name))


def test_from_the_first_agent_to_the_verdict(arena, page, screenshots):
    create(arena, "two words", 8)
    said(arena.locator(".lb-form"), "write 1 to 32 letters")
    create(arena, "Tiny", 8, energy="1")
    create(arena, "Wide", 12)
    tiny, wide = card(arena, "Tiny"), card(arena, "Wide")
    said(wide, "no limit")

    button(tiny, "Train").click()
    said(tiny, "out of energy")
    said(tiny, "used up")
    assert tiny.locator("path[data-series=loss]").get_attribute("d").count("L") > 5

    wide.get_by_label("steps", exact=True).fill("100000")
    wide.get_by_label("steps", exact=True).press("Tab")
    button(wide, "Train").click()
    said(wide, "training")
    slider = wide.get_by_role("slider").first
    slider.focus()
    before = in_kernel(page, "print(panel.agents['Wide'].run.controls['lr'])")
    slider.press("ArrowRight")
    page.wait_for_timeout(300)
    after = in_kernel(page, "print(panel.agents['Wide'].run.history[-1].lr)")
    assert float(after) > float(before)
    button(wide, "Generate").click()
    wide.locator(".lb-names li").nth(9).wait_for()
    button(wide, "Stop").click()
    said(wide, "stopped")
    button(wide, "Diagnose").click()
    wide.locator(".lb-finding").wait_for(timeout=30_000)
    button(wide, "Save").click()
    said(wide, "saved as")

    battle = arena.locator(".lb-battle")
    battle.get_by_label("steps", exact=True).fill("30")
    battle.get_by_label("steps", exact=True).press("Tab")
    button(battle, "Start").click()
    battle.locator(".lb-verdict").wait_for(timeout=60_000)
    assert "<b>done</b> · round 30 of 30" in in_kernel(page, "print(panel.battle.status.value)")
    assert battle.locator(".lb-ranks tbody tr").count() == 2
    for name in ("Tiny", "Wide"):
        assert battle.locator(f"path[data-series={name}]").get_attribute("d").count("L") == 29
    assert "round 30" in battle.locator("svg").get_attribute("aria-label")
    assert in_kernel(page, THREADS) == "0"
    page.set_viewport_size({"width": 1280, "height": 2400})
    arena.screenshot(path=screenshots / "arena-light.png")
    page.evaluate(THEME, "JupyterLab Dark")
    page.wait_for_timeout(1000)
    arena.screenshot(path=screenshots / "arena-dark.png")
    page.set_viewport_size({"width": 360, "height": 4000})
    page.wait_for_timeout(1000)
    assert page.evaluate(STICKS_OUT) == []
    arena.screenshot(path=screenshots / "arena-360.png")


def test_running_the_cell_again_stops_all_of_the_panel_before(arena, page, jupyterlab):
    for name in ("Tiny", "Wide"):
        create(arena, name, 8)
        card(arena, name).wait_for()
    in_kernel(
        page,
        "earlier = panel\n"
        "for c in panel.cards.values():\n    c.n.value = 100_000; c.train.click()\n"
        "panel.battle.amount.value = 100_000; panel.battle.start.click()",
    )
    assert in_kernel(page, THREADS) == "3"
    jupyterlab.run_all(page)
    assert in_kernel(page, THREADS) == "0"
    assert in_kernel(page, "print(earlier is not panel, earlier)") == "True ArenaPanel: Tiny (stopped), Wide (stopped)"
