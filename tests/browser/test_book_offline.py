"""The built book, read from disk in Chromium with the network off."""

import os

import pytest

from labkit.book.build import html_folder
from labkit.files import ROOT

pytestmark = pytest.mark.browser

HTML = html_folder()
PAGES = sorted(path.relative_to(HTML).as_posix() for path in HTML.rglob("*.html") if "_static" not in path.parts)
OWN = ("file:", "data:", "blob:")


@pytest.fixture(scope="module", autouse=True)
def built_book():
    if not PAGES:
        pytest.skip(f"there is no book in {HTML.relative_to(ROOT)}: run `labkit book build`")


class Reader:
    """Opens pages and notes what they ask for elsewhere and what they complain about."""

    def __init__(self, context):
        self.context = context
        self.requests = []
        self.complaints = []
        context.set_offline(True)
        context.on("request", lambda request: request.url.startswith(OWN) or self.requests.append(request.url))
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        context.on("console", lambda line: line.type in ("error", "warning") and self.complaints.append(line.text))

    def open(self, name, query=""):
        page = self.context.new_page()
        page.goto((HTML / name).as_uri() + query)
        return page


@pytest.fixture
def reader(browser, request):
    """A reader with a window `width` pixels wide and a colour scheme, 1280 and light when not given."""
    width, scheme = getattr(request, "param", (1280, "light"))
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    yield Reader(context)
    context.close()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_reads_whole(reader, name):
    page = reader.open(name)
    for mount in page.locator("figure.lb-figure .lb-mount").all():
        mount.locator(":scope > :not(.lb-note)").first.wait_for(state="attached")
    assert page.locator(".lb-figure-error").all_inner_texts() == []

    boxes = page.eval_on_selector_all(
        "math", "all => all.map(m => [m.getBoundingClientRect(), m.getAttribute('alttext')])"
    )
    folded = page.locator("details:not([open]) math, .toggle-hidden math").count()
    flat = [source for box, source in boxes if box["width"] < 2 or box["height"] < 2]
    assert len(flat) <= folded, flat

    page.wait_for_timeout(300)  # for what loads late
    assert reader.requests == []
    assert reader.complaints == []


@pytest.mark.parametrize("reader", [(360, "light")], indirect=True)
@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_a_phone(reader, name):
    page = reader.open(name)
    page.wait_for_timeout(100)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_the_search_finds_a_word(reader):
    page = reader.open("search.html", "?q=gradient")
    page.wait_for_selector("#search-results li a")
    assert "glossary.html" in page.locator("#search-results li a").evaluate_all(
        "links => links.map(a => a.href).join()"
    )
    assert reader.requests == []
    assert reader.complaints == []


def test_the_search_field_of_a_page_leads_to_the_results(reader):
    page = reader.open("book/index.html")
    page.keyboard.press("Control+k")
    page.locator("#pst-search-dialog input[name=q]").fill("learning rate")
    page.keyboard.press("Enter")
    page.wait_for_selector("#search-results li a")
    assert page.url.startswith((HTML / "search.html").as_uri())


def test_without_a_server_a_lab_is_a_note(reader):
    page = reader.open("book/01-value.html")
    note = page.locator("details.lb-open-lab").first
    note.locator("summary").click()
    assert "make lab" in note.inner_text()


def test_with_a_server_a_lab_is_a_link(reader):
    reader.context.add_init_script("window.labbookServer = { base_url: '/base/' }")
    page = reader.open("book/01-value.html")
    link = page.locator("a.lb-open-lab").first
    assert link.get_attribute("href") == "/base/lab/tree/labs/01-value.ipynb"
    assert link.get_attribute("target") == "lab"


@pytest.mark.parametrize("reader", [(1280, "light"), (1280, "dark"), (360, "light"), (360, "dark")], indirect=True)
def test_a_page_has_the_readers_theme(reader, request, screenshots):
    """Pictures of whole pages, for people to look at, take two minutes: with LABKIT_SCREENSHOTS set."""
    width, scheme = request.node.callspec.params["reader"]
    for name in PAGES:
        if name in ("index.html", "book/api.html"):  # a redirect; very long, and like the others
            continue
        page = reader.open(name)
        assert page.locator("html").get_attribute("data-theme") == scheme
        if os.environ.get("LABKIT_SCREENSHOTS"):
            page.wait_for_timeout(200)
            stem = name.removesuffix(".html").replace("/", "-")
            page.screenshot(path=screenshots / f"book-{stem}-{scheme}-{width}.png", full_page=True)
        page.close()
