"""The start page, by itself and as JupyterLab's first tab."""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.browser

SMALL = {
    "cells": [
        {"cell_type": "markdown", "id": "a", "metadata": {}, "source": "# A small lab"},
        {"cell_type": "code", "id": "b", "metadata": {}, "source": "6 * 7", "execution_count": None, "outputs": []},
    ],
    "metadata": {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "labkit": {"title": "A small lab", "summary": "It multiplies.", "minutes": "1–2", "checks": 3},
    },
    "nbformat": 4,
    "nbformat_minor": 5,
}
NAME = "90-small"


def current(page: Any) -> str:
    """The id of JupyterLab's current tab."""
    return page.evaluate("() => window.jupyterapp?.shell.currentWidget?.id ?? ''")


def tabs(page: Any) -> list[str]:
    """The titles of the tabs in JupyterLab's main area, from left to right."""
    return page.evaluate("() => [...window.jupyterapp.shell.widgets('main')].map((widget) => widget.title.label)")


def open_lab(page: Any, address: str) -> Any:
    """Open JupyterLab and wait for the start page in it; its frame."""
    page.goto(address)
    page.wait_for_function("() => window.jupyterapp?.shell.currentWidget?.id === 'labkit-start'", timeout=60_000)
    frame = page.frame_locator("#labkit-start iframe")
    frame.locator(".lab").first.wait_for()
    return frame


@pytest.fixture
def small(jupyterlab: Any) -> Iterator[Any]:
    """The lab's root with one lab more, of which one of three checks is passed."""
    notebook = jupyterlab.root / "labs" / f"{NAME}.ipynb"
    notebook.write_text(json.dumps(SMALL))
    progress = jupyterlab.state / "progress.json"
    progress.parent.mkdir(exist_ok=True)
    progress.write_text(json.dumps({NAME: {"checks": {"one": True, "two": False}, "total": 3}}))
    yield jupyterlab
    jupyterlab.shutdown_kernels()
    notebook.unlink()
    progress.unlink()
    shutil.rmtree(jupyterlab.root / "_build", ignore_errors=True)


def make_book(root: Path) -> None:
    """A book of one page, with the link to the lab as page.js makes it."""
    html = root / "_build" / "html"
    html.mkdir(parents=True)
    html.joinpath("index.html").write_text(
        "<title>Book</title><h1>Book</h1><script src=_static/lb-server.js></script>"
        f"<script>document.write(`<a target=lab href='${{labbookServer.base_url}}lab/tree/labs/{NAME}.ipynb'>lab</a>`)"
        "</script>"
    )


def test_jupyterlab_opens_at_the_start_page(small: Any, page: Any, screenshots: Path) -> None:
    frame = open_lab(page, small.address())
    entry = frame.locator(".lab", has_text="A small lab")
    assert entry.locator(".state").text_content() == "1 of 3 checks"
    assert "1–2 minutes" in entry.text_content()
    assert tabs(page)[0] == "Lab book"
    box = page.locator("#labkit-start iframe").bounding_box()
    assert box["width"] > 800
    assert box["height"] > 700
    page.wait_for_timeout(1000)  # a question about news would come now
    assert page.locator(".Toastify__toast").all_text_contents() == []
    page.screenshot(path=screenshots / "start-in-lab-light.png")


def test_there_is_one_start_page_after_a_reload(small: Any, page: Any) -> None:
    open_lab(page, small.address())
    page.wait_for_timeout(2000)  # JupyterLab saves the workspace a second after a change
    page.reload()
    page.wait_for_function("() => window.jupyterapp?.shell.currentWidget?.id === 'labkit-start'", timeout=60_000)
    page.evaluate("() => window.jupyterapp.restored")
    page.wait_for_timeout(1000)
    assert tabs(page).count("Lab book") == 1
    assert page.locator("#labkit-start iframe").count() == 1


def test_a_lab_opens_in_the_same_jupyterlab(small: Any, page: Any) -> None:
    frame = open_lab(page, small.address())
    frame.get_by_role("link", name="Open lab 90, A small lab").click()
    small.wait_idle(page)
    assert page.evaluate("() => window.jupyterapp.shell.currentWidget.context.path") == f"labs/{NAME}.ipynb"
    assert "Lab book" in tabs(page)
    assert len(page.context.pages) == 1
    small.run_all(page)


def test_a_file_in_the_address_is_what_opens(small: Any, page: Any) -> None:
    small.open_notebook(page, f"labs/{NAME}.ipynb")
    small.run_all(page)
    page.wait_for_timeout(1000)
    assert "Lab book" not in tabs(page)
    page.evaluate("() => window.jupyterapp.commands.execute('labkit:start')")
    assert current(page) == "labkit-start"


def test_the_launcher_and_the_palette_have_it(small: Any, page: Any) -> None:
    open_lab(page, small.address())
    page.evaluate("() => window.jupyterapp.shell.currentWidget.close()")
    page.locator(".jp-LauncherCard", has_text="start page").first.click()
    page.wait_for_function("() => window.jupyterapp.shell.currentWidget.id === 'labkit-start'")
    page.keyboard.press("Control+Shift+C")
    page.locator(".lm-CommandPalette-input").fill("start page")
    page.locator(".lm-CommandPalette-item", has_text="Lab book: start page").first.wait_for()


def test_the_book_opens_beside_jupyterlab_and_leads_back_to_it(small: Any, page: Any) -> None:
    frame = open_lab(page, small.address())
    assert "not built" in frame.locator("#book").text_content()
    make_book(small.root)
    with page.context.expect_page() as opening:
        frame.get_by_role("link", name="read it").click()  # appears by itself
    book = opening.value
    assert book.title() == "Book"
    book.get_by_role("link", name="lab").click()
    small.wait_idle(page)
    assert len(page.context.pages) == 2


def test_it_follows_the_theme_of_jupyterlab(small: Any, page: Any, screenshots: Path) -> None:
    frame = open_lab(page, small.address())
    background = "() => getComputedStyle(document.documentElement).backgroundColor"
    inner = page.frame(url=re.compile("labkit/start"))
    light = inner.evaluate(background)
    page.evaluate("() => window.jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Dark'})")
    page.wait_for_function("() => document.body.dataset.jpThemeLight === 'false'")
    page.wait_for_timeout(500)
    assert inner.evaluate(background) != light
    assert frame.locator(".lab").count() > 0
    page.screenshot(path=screenshots / "start-in-lab-dark.png")
    page.evaluate("() => window.jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Light'})")


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_by_itself(
    small: Any, new_page: Callable[..., Any], screenshots: Path, width: int, scheme: str
) -> None:
    page = new_page(width=width, color_scheme=scheme)
    page.goto(f"{small.url}labkit/start?token={small.token}")
    page.locator(".lab").first.wait_for()
    wide = page.evaluate("() => document.documentElement.scrollWidth")
    assert wide <= width, f"{wide} px wide"
    page.screenshot(path=screenshots / f"start-{width}-{scheme}.png", full_page=True)
    with page.context.expect_page() as opening:
        page.get_by_role("link", name="Open lab 90").click()
    assert f"lab/tree/labs/{NAME}.ipynb" in opening.value.url


LOG = "reading sources... [ 17%] book/01-value\n" + "a line of the log that is far longer than a phone is wide " * 4
BOOKS = {
    "ready": "read it",
    "building": "is being built",
    "failed": "could not be built",
    "missing": "make book",
}


@pytest.mark.parametrize("state", BOOKS)
def test_the_book_in_every_state(small: Any, new_page: Callable[..., Any], screenshots: Path, state: str) -> None:
    page = new_page(width=360)
    answer = {"book": {"state": state, "log": LOG}, "labs": small.api("labkit/api/status")["labs"]}
    answer["labs"][-1] |= {
        "title": "A_title_without_a_blank_in_it_for_a_file_name",
        "problem": "Broken.",
        "state": "done",
    }
    page.route("**/labkit/api/status", lambda route: route.fulfill(json=answer))
    page.goto(f"{small.url}labkit/start?token={small.token}")
    page.locator("#book", has_text=BOOKS[state]).wait_for()
    if state == "failed":
        page.get_by_text("The end of the log").click()
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 360
    page.screenshot(path=screenshots / f"start-book-{state}.png", full_page=True)


def test_a_server_that_has_stopped_is_told(small: Any, page: Any) -> None:
    page.goto(f"{small.url}labkit/start?token={small.token}")
    page.locator(".lab").first.wait_for()
    page.route("**/labkit/api/status", lambda route: route.abort())
    page.get_by_text("does not answer").wait_for()
    page.unroute("**/labkit/api/status")
    page.get_by_text("does not answer").wait_for(state="hidden")


def test_the_page_in_place_of_the_book(small: Any, new_page: Callable[..., Any], screenshots: Path) -> None:
    page = new_page(width=360, color_scheme="dark")
    page.goto(f"{small.url}book/book/01-value.html?token={small.token}")
    page.get_by_text("not built yet").wait_for()
    page.screenshot(path=screenshots / "start-no-book.png")
    make_book(small.root)
    page.wait_for_function("() => !document.body.textContent.includes('not built yet')")
