"""Chapter 2 in the built book, from disk, with the network off: its model writes a game in the page."""

import pytest

from labkit.data import check_game
from labkit.files import ROOT

CHAPTER = ROOT / "_build" / "html" / "book" / "02-scalar-gpt.html"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHAPTER.is_file(), reason="the book is not built: labkit book build"),
]


@pytest.fixture(params=[1200, 360])
def chapter(new_page, request):
    page = new_page()
    page.set_viewport_size({"width": request.param, "height": 900})
    faults = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.context.set_offline(True)
    page.goto(CHAPTER.as_uri())
    page.locator("button", has_text="Sample a token").first.wait_for()
    yield page
    assert faults == []


def test_the_model_in_the_page_writes_a_game(chapter, screenshots):
    """Nearly greedy, the trained model makes no mistake of syntax: the page has its weights and its arithmetic."""
    figure = chapter.locator(".lb-journey").first
    figure.locator("input[type=range]").press("Home")  # the lowest temperature
    sample = figure.locator("button", has_text="Sample a token")
    for _ in range(32):
        if sample.is_disabled():
            break
        sample.click()
    chips = [text.strip() for text in figure.locator(".lb-tokens button").all_inner_texts()]
    assert chips[0] == "<bos>"
    assert chips[-1] == "<eos>"
    assert [p.message for p in check_game(" ".join(chips[1:-1])).problems if p.rule == "syntax"] == []
    chapter.screenshot(path=screenshots / f"chapter-02-{chapter.viewport_size['width']}.png")


def test_nothing_is_wider_than_the_page(chapter):
    assert chapter.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_predictions_are_scored_in_the_recap(chapter):
    chapter.get_by_label("10 times", exact=True).check()
    recap = chapter.locator(".lb-quiz").last
    recap.scroll_into_view_if_needed()
    assert "1 of 3 predictions right (1 made)" in recap.inner_text()
