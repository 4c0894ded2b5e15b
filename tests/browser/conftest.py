"""Chromium, and a JupyterLab as `labkit lab` starts it, for all tests that drive a browser."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import urllib.request
import uuid
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

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

    @staticmethod
    def run_cell(page: Any, cell_id: str) -> None:
        """Run one cell of the notebook that is open, and make it the active one."""
        page.evaluate(RUN_CELL, cell_id)

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
