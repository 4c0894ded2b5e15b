"""Chromium, pages in it, and one JupyterLab, for all tests that drive a browser."""

import base64
import shutil
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from labkit.book.figures import figures_script
from labkit.files import ROOT
from labkit.widgets.figure import Figure, module_source, style_source

from .lab import TIMEOUT, Lab, running_lab

CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

CHART_FITS = """(selector) => {
    const chart = document.querySelector(selector);
    return Math.abs(chart.viewBox.baseVal.width - chart.clientWidth) < 2;
}"""

LIVE = """async ([source, state]) => {
    const figure = await import(`data:text/javascript;base64,${source}`);
    const decoded = (value) => typeof value?.base64 !== "string" ? value
        : new DataView(Uint8Array.from(atob(value.base64), (c) => c.charCodeAt(0)).buffer);
    const heard = {}, saved = [];
    for (const name in state) state[name] = decoded(state[name]);
    const model = { get: (name) => state[name], set(name, value) { state[name] = value; heard[`change:${name}`]?.(); },
        save_changes() { saved.push({ ...state }); },
        on(event, act) { heard[event] = act; }, off(event) { delete heard[event]; } };
    document.body.replaceChildren();
    const end = figure.default.render({ model, el: document.body });
    window.set = (name, value) => { model.set(name, decoded(value)); return new Promise(requestAnimationFrame); };
    window.saved = (name) => saved.map((state) => state[name]);
    window.end = () => { end(); return Object.keys(heard); };
}"""


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium under Playwright: `browser.new_context()`."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        pytest.skip("there is no Chromium on this machine")
    sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed: make test installs it")
    with sync_api.sync_playwright() as playwright:
        chrome = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
        yield chrome
        chrome.close()


FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Lets `new_page` know that a test has failed."""
    report = yield
    item.stash[FAILED] = item.stash.get(FAILED, False) or report.failed
    return report


@pytest.fixture
def new_page(browser: Any, request: pytest.FixtureRequest, screenshots: Path) -> Iterator[Callable[..., Any]]:
    """Makes pages: `new_page(width=360, color_scheme="dark")`. Fails a test whose pages ask beyond this machine.

    Of a failed test the pages are kept as screenshots, and their consoles are printed.
    """
    contexts, outside, said = [], [], []

    def note(request: Any) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in ("http", "https", "ws", "wss") and parts.hostname != "127.0.0.1":
            outside.append(request.url)

    def make(width: int = 1280, height: int = 900, **options: Any) -> Any:
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        context.set_default_timeout(1000 * TIMEOUT)
        context.on("request", note)
        context.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
        context.on("weberror", lambda error: said.append(f"uncaught: {error.error}"))
        contexts.append(context)
        return context.new_page()

    yield make
    if request.node.stash.get(FAILED, False):
        print(*said, sep="\n")
        pages = [page for context in contexts for page in context.pages]
        for number, page in enumerate(pages):
            page.screenshot(path=screenshots / f"failed-{request.node.name}-{number}.png")
    for context in contexts:
        context.close()
    assert outside == []


@pytest.fixture
def page(new_page: Callable[..., Any]) -> Any:
    """A page of a fresh context, 1280 x 900."""
    return new_page()


@pytest.fixture
def figure_page(new_page: Callable[..., Any], tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Opens pages of one figure, as a built book has it, from disk with the network off; complaints fail the test.

    `figure_page(figure, 360, "dark", ready=".lb-attn")`: `ready` selects what is there once the figure is drawn,
    `chart` a chart that takes the page's width a moment later; a console line with `overlook` in it is no complaint.
    """
    complaints: list[str] = []

    def opened(
        figure: Figure,
        width: int = 900,
        theme: str = "light",
        *,
        ready: str,
        chart: str | None = None,
        overlook: str | None = None,
        **options: Any,
    ) -> Any:
        def note(line: Any) -> None:
            if line.type in ("error", "warning") and not (overlook and overlook in line.text):
                complaints.append(line.text)

        (tmp_path / "lb-figures.js").write_text(figures_script({figure.module: module_source(figure.module)}))
        style = f"<style>{style_source()} body {{ background: var(--lb-bg); margin: 0; padding: 12px; }}</style>"
        (tmp_path / "page.html").write_text(
            f'<!doctype html><html data-theme="{theme}"><meta charset="utf-8">'
            f'<meta name="viewport" content="width=device-width">{style}{figure.page_html()}'
            '<script defer src="lb-figures.js"></script>'
        )
        page = new_page(width=width, **options)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", note)
        page.context.set_offline(True)
        page.goto((tmp_path / "page.html").as_uri())
        page.locator(ready).first.wait_for()
        if chart:
            page.wait_for_function(CHART_FITS, arg=chart)
        return page

    yield opened
    assert complaints == []


@pytest.fixture
def live_figure(page: Any) -> Callable[[Figure], None]:
    """Draws a figure into `page` as JupyterLab does, a kernel behind it.

    There, `set(name, value)` is the kernel's, `saved(name)` lists what it was told, `end()` names what is still heard.
    """

    def drawn(figure: Figure) -> None:
        source = base64.b64encode(module_source(figure.module).encode()).decode()
        page.evaluate(LIVE, [source, figure.page_state()])

    return drawn


@pytest.fixture
def open_lab(jupyterlab: Lab, page: Any) -> Iterator[Callable[..., Any]]:
    """Opens a notebook in JupyterLab, the sidebar away: `open_lab("labs/01-value.ipynb", height=1200)` gives the page.

    Cells that are run afterwards draw at `width`.

    Fails a test whose page has an error; afterwards JupyterLab is light again.
    """
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))

    def opened(notebook: str, height: int = 900, width: int = 1280) -> Any:
        jupyterlab.open_notebook(page, notebook)
        page.evaluate("() => window.jupyterapp.shell.collapseLeft()")
        page.set_viewport_size({"width": width, "height": height})
        return page

    yield opened
    jupyterlab.set_theme(page, "Light")
    assert errors == []


@pytest.fixture
def panel_page(jupyterlab: Lab, open_lab: Callable[..., Any]) -> Callable[[str, str], Any]:
    """Shows panels in JupyterLab: `panel_page(code, ".lb-arena")` runs the code in a notebook; gives the first panel.

    As `open_lab` does, it fails a test whose page has an error, and leaves JupyterLab light.
    """

    def shown(code: str, selector: str) -> Any:
        page = open_lab("labs/03-arena.ipynb")
        jupyterlab.set_source(page, "first-panel", code)
        jupyterlab.run_cell(page, "first-panel")
        panel = page.locator(selector).first
        panel.wait_for(timeout=60_000)
        return panel

    return shown


@pytest.fixture(scope="session")
def jupyterlab(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """One JupyterLab for all tests of a run; see `Lab` for what it can do."""
    with running_lab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


@pytest.fixture(scope="session")
def screenshots() -> Path:
    """Where pictures for people to look at go; git ignores it."""
    folder = ROOT / "screenshots"
    folder.mkdir(exist_ok=True)
    return folder
