"""The arena's panel in JupyterLab: energy, the inside and a tournament, by mouse and keyboard, on every width."""

import pytest

pytestmark = pytest.mark.browser

MADE = """
import tempfile, pathlib
from IPython.display import display
from labkit.arena import Agent, AgentConfig, save_agent
from labkit.data import load_names
from labkit.widgets import ArenaPanel
names = load_names()
folder = pathlib.Path(tempfile.mkdtemp())
agents = [Agent(AgentConfig(name, n_embd=4, n_head=2), names, 0.5) for name in ("Poor", "Rich")]
save_agent(agents[0], folder)
panel = ArenaPanel(agents, names, folder=folder, leaderboard=folder / "board.jsonl", n_names=5, n_held_out=5)
display(panel)
"""


def button(scope, name):
    return scope.get_by_role("button", name=name, exact=True)


def said(scope, text):
    scope.get_by_text(text).first.wait_for(timeout=60_000)


@pytest.fixture
def arena(panel_page):
    """A panel of two small agents, one of them saved."""
    return panel_page(MADE, ".lb-arena")


def test_energy_the_inside_and_a_loaded_agent(jupyterlab, arena, page, screenshots):
    poor = arena.locator(".lb-card").first
    button(poor, "Train").click()
    said(poor, "out of energy")
    energy = poor.get_by_label("energy, J", exact=True)
    energy.fill("much")
    energy.press("Enter")
    said(poor, "energy must be a number of joules")
    energy.fill("500")
    energy.press("Enter")
    said(poor, "enough left")
    poor.get_by_label("steps", exact=True).fill("30")
    poor.get_by_label("steps", exact=True).press("Tab")
    button(poor, "Train").click()
    said(poor, "done")
    button(poor, "Inside").click()
    picture = poor.get_by_role("img", name="Gradients and updates of Poor at step")
    picture.wait_for(timeout=60_000)
    assert picture.count() == 1  # the other theme's is hidden
    light = picture.get_attribute("src")
    tournament = arena.locator(".lb-tournament")
    tournament.get_by_label("steps", exact=True).fill("5")
    tournament.get_by_label("steps", exact=True).press("Tab")
    button(tournament, "Start").click()
    said(tournament, "game 2 of 2")
    assert tournament.locator(".lb-ranks tbody tr").count() == 2
    page.set_viewport_size({"width": 1280, "height": 2600})
    arena.screenshot(path=screenshots / "arena-panel-light.png")
    jupyterlab.set_theme(page, "Dark")
    page.wait_for_timeout(1000)
    assert picture.count() == 1
    assert picture.get_attribute("src") != light
    arena.screenshot(path=screenshots / "arena-panel-dark.png")
    jupyterlab.set_theme(page, "Light")
    page.set_viewport_size({"width": 360, "height": 5200})
    page.wait_for_timeout(1000)
    assert jupyterlab.sticks_out(page.locator(".lb-arena").all(), apart=".lb-scroll, svg") == []
    arena.screenshot(path=screenshots / "arena-panel-360.png")

    button(arena.locator(".lb-form"), "Load").click()  # as it was saved: the card is another one
    said(poor, "step 0")
    assert arena.locator(".lb-card").count() == 2
    assert jupyterlab.in_kernel(page, "print(panel.agents['Poor'].budget.limit)") == "0.5"
