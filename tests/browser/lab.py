"""A JupyterLab as `labkit lab` starts it, and what tests do in it."""

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
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from labkit.files import ROOT

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
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
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
