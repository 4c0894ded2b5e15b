"""The playground's box: long texts that end as they were, and texts with more characters than it takes."""

import pytest

from labkit.tokenizers import BPETokenizer, ByteTokenizer, CharTokenizer
from labkit.widgets import TokenPlayground

pytestmark = pytest.mark.browser

PROSE = "the function takes a string\n" * 300
SCHEMES = {"bpe": BPETokenizer.train(PROSE, 275), "bytes": ByteTokenizer(), "characters": CharTokenizer.train(PROSE)}
TYPE = """(box, values) => { for (const value of values) {
    box.value = value;
    box.dispatchEvent(new Event("input"));
} }"""
COUNTED = "() => !document.querySelector('.lb-tp').textContent.includes('…')"  # all schemes, and the note says nothing
FOLLOWED = """(text) => { const box = document.querySelector("textarea");
    new MutationObserver((changes, observer) => {
        observer.disconnect();
        box.value = text;
        box.dispatchEvent(new Event("input"));
    }).observe(document.querySelector(".lb-tp-counts"), { childList: true }); }"""
"""The next time that the counts are drawn, when other schemes still wait, this is typed."""


@pytest.fixture
def opened(figure_page):
    """`opened(text, max_text)`: the page with a figure."""

    def page(text, max_text=None):
        figure = TokenPlayground(SCHEMES, text)
        if max_text is not None:
            figure.set_trait("max_text", max_text)
        page = figure_page(figure, ready=".lb-tp-token")
        page.wait_for_function(COUNTED)
        return page

    return page


def write(page, *values):
    page.locator("textarea").evaluate(TYPE, list(values))


def said(page):
    return page.locator(".lb-tp-main > .lb-note").inner_text()


def table(page):
    return page.locator("tbody").inner_text()


def shown(page):
    return page.locator("textarea").input_value()


@pytest.mark.parametrize("text", [PROSE[:5000], PROSE[:30]], ids=["long", "short"])
def test_a_text_that_ends_as_it_was_is_counted(opened, text):
    page = opened(text)
    before = said(page), table(page)
    write(page, PROSE, text)  # typed and deleted before the pause is over
    page.wait_for_function(COUNTED)
    assert (said(page), table(page)) == before
    write(page, text)  # pasted over itself
    page.wait_for_function(COUNTED)
    assert (said(page), table(page)) == before


def test_a_key_while_other_schemes_still_wait(opened):
    page = opened("a")
    page.evaluate(FOLLOWED, PROSE)
    write(page, PROSE)
    page.wait_for_function("() => document.querySelector('.lb-tp-counts').textContent.includes('8,400 characters')")
    page.wait_for_function(COUNTED)
    assert f"{len(PROSE):,}" in table(page)


@pytest.mark.parametrize("character", ["x", "é", "🚀", "𠮷"])
@pytest.mark.parametrize("limit", [7, 5001])
def test_more_than_the_box_takes_is_cut_off_between_characters(opened, character, limit):
    page = opened("a", limit)
    rule = f"The text was cut: the box takes {limit:,} characters."
    write(page, "a" + character * limit)
    page.wait_for_function(COUNTED)
    page.get_by_text(rule).wait_for()
    assert shown(page) == "a" + character * (limit - 1)
    assert "\ufffd" not in page.locator(".lb-tp-tokens").inner_text()
    assert f"{limit:,} characters" in page.locator(".lb-tp-counts").inner_text()
    write(page, shown(page))  # as many as it takes
    page.wait_for_function(COUNTED)
    page.wait_for_function("() => !document.querySelector('.lb-tp').textContent.includes('was cut')")
    assert shown(page) == "a" + character * (limit - 1)
    write(page, shown(page) + "b")  # typed at the limit: nothing changes
    page.get_by_text(rule).wait_for()
    assert shown(page) == "a" + character * (limit - 1)


def test_the_cursor_stays_where_it_was_when_the_end_is_cut_off(opened):
    page = opened("abcdefg", 7)
    page.locator("textarea").focus()
    page.locator("textarea").evaluate("(box) => box.setSelectionRange(2, 2)")
    page.keyboard.type("x")
    assert shown(page) == "abxcdef"
    assert page.locator("textarea").evaluate("(box) => [box.selectionStart, box.selectionEnd]") == [3, 3]
