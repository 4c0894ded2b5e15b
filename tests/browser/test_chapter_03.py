"""Chapter 3 in the built book, from disk, with the network off: the budget decides which model is best."""

import pandas as pd
import pytest

from labkit.files import ROOT, datasets_dir
from labkit.widgets import BudgetExplorer

CHAPTER = ROOT / "_build" / "html" / "book" / "03-arena.html"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHAPTER.is_file(), reason="the book is not built: labkit book build"),
]


@pytest.fixture(params=[1200, 360])
def chapter(new_page, request):
    page = new_page(width=request.param)
    faults = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.context.set_offline(True)
    page.goto(CHAPTER.as_uri())
    page.locator(".lb-budget").first.wait_for()
    yield page
    assert faults == []


def test_the_words_name_the_best_model_at_either_end(chapter, screenshots):
    record = pd.read_csv(datasets_dir() / "names" / "scaling.csv").query("energy <= 220")
    figure, slider = chapter.locator(".lb-budget").first, chapter.locator(".lb-budget input[type=range]").first
    for key, budget in (("End", record.energy.max()), ("Home", record.energy.min())):
        slider.press(key)
        best = BudgetExplorer(record).at(budget).held_out.idxmin()
        assert f"the best is {best} numbers wide" in figure.locator("[aria-live]").first.inner_text()
    chapter.screenshot(path=screenshots / f"chapter-03-{chapter.viewport_size['width']}.png")


def test_nothing_is_wider_than_the_page(chapter):
    assert chapter.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_predictions_are_scored_in_the_recap(chapter):
    chapter.get_by_label("4 times").check()
    assert "1 of 3 predictions right (1 made)" in chapter.locator(".lb-quiz").last.inner_text()
