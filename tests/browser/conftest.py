"""Chromium, and a JupyterLab as `labkit lab` starts it, for all tests that drive a browser."""

import base64
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.request
import uuid
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from labkit.book.figures import figures_script
from labkit.widgets.figure import Figure, module_source, style_source

REPO = Path(__file__).resolve().parents[2]
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

KERNEL_IDLE = """() => {
    const panel = window.jupyterapp?.shell.currentWidget;
    const kernel = panel?.sessionContext?.session?.kernel;
    return Boolean(panel?.context?.isReady && kernel?.connectionStatus === "connected" && kernel.status === "idle");
}"""

RUN_ALL = """() => {
    window.labbookRun = undefined;
    window.jupyterapp.commands.execute("notebook:run-all-cells").then(
        (passed) => { window.labbookRun = { passed }; },
        (error) => { window.labbookRun = { passed: false, error: String(error) }; },
    );
}"""

CODE_CELLS = """() => window.jupyterapp.shell.currentWidget.content.widgets
    .filter((cell) => cell.model.type === "code" && cell.model.sharedModel.source.trim())
    .map((cell) => ({
        count: cell.model.executionCount,
        errors: cell.model.outputs.toJSON().filter((output) => output.output_type === "error")
            .map((output) => `${output.ename}: ${output.evalue}`),
    }))"""


TIMEOUT = 60
"""Seconds for what a page waits for: a machine that is busy with another worker's kernel is slow, not wrong."""

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

RUN_CELL = """async (id) => {
    const notebook = window.jupyterapp.shell.currentWidget.content;
    notebook.activeCellIndex = notebook.widgets.findIndex((cell) => cell.model.id === id);
    await window.jupyterapp.commands.execute("notebook:run-cell");
}"""

PUT = """async ([id, code]) => {
    const cell = window.jupyterapp.shell.currentWidget.content.widgets.find((cell) => cell.model.id === id);
    cell.model.sharedModel.setSource(code);
}"""

STICKS_OUT = """(panel, apart) => {
    const right = panel.getBoundingClientRect().right;
    return [...panel.querySelectorAll("*")].filter((element) => {
        const box = element.getBoundingClientRect();
        const hangs = element.textContent && !element.textContent.trim(); // a space where a line ends
        return box.width && box.right > right + 1 && !hangs && !(apart && element.closest(apart));
    }).map((element) => `${element.tagName} ${element.className}`);
}"""

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

SET_THEME = "(name) => window.jupyterapp.commands.execute('apputils:change-theme', { theme: name })"


@dataclass
class Lab:
    """A running `labkit lab`."""

    url: str
    """Up to and with the base URL's last slash."""
    token: str
    root: Path
    """Its root folder: a copy of labs/ and book/ that tests may write to."""
    state: Path
    """Its LABKIT_STATE."""
    process: subprocess.Popen[str]

    def api(self, path: str, method: str = "GET") -> Any:
        """An answer of the server's, from JSON."""
        request = urllib.request.Request(
            self.url + path, method=method, headers={"Authorization": f"token {self.token}"}
        )
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as response:
            text = response.read()
        return json.loads(text) if text else None

    @staticmethod
    def in_kernel(page: Any, code: str) -> str:
        """What `code` prints in the kernel of the notebook that is open."""
        said: str = page.evaluate(IN_KERNEL, code)
        return said.strip()

    @classmethod
    def wait_in_kernel(cls, page: Any, code: str, wanted: str) -> None:
        """Wait until `code` prints `wanted` in the kernel of the notebook that is open."""
        end = time.monotonic() + TIMEOUT
        while (said := cls.in_kernel(page, code)) != wanted:
            assert time.monotonic() < end, f"{code} says {said!r}, not {wanted!r}"
            page.wait_for_timeout(50)

    @staticmethod
    def run_cell(page: Any, cell_id: str) -> None:
        """Run one cell of the notebook that is open, and make it the active one."""
        page.evaluate(RUN_CELL, cell_id)

    @staticmethod
    def set_source(page: Any, cell_id: str, code: str) -> None:
        """Put `code` into one cell of the notebook that is open."""
        page.evaluate(PUT, [cell_id, code])

    @staticmethod
    def sticks_out(panels: list[Any], apart: str | None = None) -> list[str]:
        """What reaches beyond the right edge of one of the panels; `apart` selects what may, since it scrolls."""
        assert panels
        return [element for panel in panels for element in panel.evaluate(STICKS_OUT, apart)]

    @staticmethod
    def set_theme(page: Any, theme: str) -> None:
        """Make JupyterLab "Light" or "Dark"; the server remembers it."""
        page.evaluate(SET_THEME, f"JupyterLab {theme}")

    def shutdown_kernels(self) -> None:
        """End every kernel, so that the next notebook starts in a fresh one."""
        for session in self.api("api/sessions"):
            self.api(f"api/sessions/{session['id']}", "DELETE")

    def address(self, path: str = "") -> str:
        """JupyterLab in a workspace of its own (no tabs of an earlier test), with the file `path` open."""
        tree = f"/tree/{quote(path)}" if path else ""
        return f"{self.url}lab/workspaces/test-{uuid.uuid4().hex[:8]}{tree}?token={self.token}"

    def open_notebook(self, page: Any, path: str, timeout: float = 60) -> None:
        """Open the notebook `path` (from the root, as labs/01-value.ipynb) and wait for its fresh kernel."""
        self.shutdown_kernels()
        page.goto(self.address(path))
        self.wait_idle(page, timeout)

    def run_all(self, page: Any, timeout: float = 120) -> None:
        """Run all cells of the notebook that is open; fails with the notebook's own errors."""
        page.evaluate(RUN_ALL)
        page.wait_for_function("() => window.labbookRun", timeout=timeout * 1000)
        self.wait_idle(page, timeout)
        result, cells = page.evaluate("() => window.labbookRun"), page.evaluate(CODE_CELLS)
        errors = [error for cell in cells for error in cell["errors"]]
        assert result["passed"], f"running all cells failed: {errors or result}"
        assert all(cell["count"] for cell in cells), f"cells without an execution count: {cells}"

    def wait_idle(self, page: Any, timeout: float = 60) -> None:
        """Wait until the kernel of the notebook that is open is connected and has nothing to do."""
        page.wait_for_function(KERNEL_IDLE, timeout=timeout * 1000)


@contextmanager
def running_lab(folder: Path, *options: str) -> Iterator[Lab]:
    """`labkit lab` on a free port, with nothing of the user's and nothing of the checkout to write to.

    Args:
        folder: an empty folder, for the root and for all that Jupyter keeps.
        options: further options for JupyterLab.
    """
    root = folder / "root"
    for name in ("labs", "book"):
        shutil.copytree(REPO / name, root / name, ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
    environment = {key: value for key, value in os.environ.items() if not key.startswith("JUPYTER")}
    environment |= {"LABKIT_STATE": str(folder / "state")}
    for name in ("CONFIG_DIR", "DATA_DIR", "RUNTIME_DIR"):
        environment[f"JUPYTER_{name}"] = str(folder / name.lower())
    for name in ("SETTINGS_DIR", "WORKSPACES_DIR"):
        environment[f"JUPYTERLAB_{name}"] = str(folder / name.lower())
    log = folder / "lab.log"
    command = [sys.executable, "-m", "labkit.cli", "lab", "--no-browser", "--port", "0", "--root", str(root)]
    command += ["--", "--LabApp.expose_app_in_browser=True", *options]
    with log.open("w") as stderr:
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=stderr, text=True)
    assert process.stdout is not None
    watchdog = threading.Timer(90, process.kill)
    watchdog.start()
    said = process.stdout.readline()
    watchdog.cancel()
    if "http://" not in said:
        process.kill()
        pytest.fail(f"`labkit lab` did not start: {said}\n{log.read_text()}")
    url, _, token = said.split()[-1].partition("lab?token=")
    try:
        yield Lab(url, token, root, folder / "state", process)
    finally:
        process.send_signal(signal.SIGINT)  # as Ctrl+C; it ends the kernels too
        try:
            process.wait(20)
        finally:
            process.kill()
            process.wait()


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
    folder = REPO / "screenshots"
    folder.mkdir(exist_ok=True)
    return folder
