"""The GPT in the page: how many tokens a second a model of 0.8 M weights writes in Chromium, in plain JavaScript.

Counted is the processor time of the page's own thread, as Chromium says it: other programs on the machine do not
count. The weights are random, which is harder than trained ones: half of the ReLU units fire, and are computed.
"""

import base64
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from labkit.gpt import GPT, GPTConfig
from labkit.tokenizers import CharTokenizer
from labkit.widgets import PageGPT
from labkit.widgets.figure import module_source

VOCABULARY = "".join(map(chr, range(32, 97)))  # as many characters as Shakespeare has
ROUNDS = 7
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]

MODELS = {
    "GPT-2's recipe, 818,048 parameters": GPTConfig.preset("gpt2", 65, n_layer=4, n_head=4, n_embd=128, block_size=128),
    "modern recipe, 803,072 parameters": GPTConfig.preset("modern", 65, block_size=256, zero_init=False),
}

LOAD = """async ([source, config, shapes, weights]) => {
    window.figure = await import(`data:text/javascript;base64,${source}`);
    const bytes = Uint8Array.from(atob(weights), (c) => c.charCodeAt(0));
    window.model = figure.gpt(config, shapes, figure.halves(new DataView(bytes.buffer)));
    window.random = figure.generator(1);
}"""

BEGIN = "() => { window.steps = figure.writing(model, [0], (logits) => figure.choose(logits, 0.8, 40, random)); }"

WRITE = "(n) => { for (let made = 0; made < n;) if (steps.next().value !== null) made++; }"


def measure(peers: Path | None) -> dict[str, float]:
    """Tokens a second inside the first window, and beyond it where the older half is forgotten again and again."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None or find_spec("playwright") is None:
        missing = "Chromium on the PATH" if chromium is None else "Playwright"
        print(f"page       there is no {missing}: the figures of an earlier run are kept")
        return {}
    from playwright.sync_api import sync_playwright

    figures = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        for name, config in MODELS.items():
            page = browser.new_page()
            first, later = _rates(page, config)
            figures[f"{name}: tokens a second"] = first
            figures[f"{name}: beyond its window"] = later
            page.close()
        browser.close()
    return figures


def _rates(page: Any, config: GPTConfig) -> tuple[float, float]:
    """The best rounds' tokens a second: to the end of the first window, and over two more halves of it."""
    state = PageGPT.of(GPT(config), CharTokenizer(VOCABULARY), prompt=" ").page_state()
    source = base64.b64encode(module_source("page_gpt").encode()).decode()
    page.evaluate(LOAD, [source, state["config"], state["shapes"], state["weights"]["base64"]])
    chrome = page.context.new_cdp_session(page)
    chrome.send("Performance.enable", {"timeDomain": "threadTicks"})

    def seconds(tokens: int) -> float:
        started = _task_seconds(chrome)
        page.evaluate(WRITE, tokens)
        return _task_seconds(chrome) - started

    block = config.block_size
    first, later = [], []
    for _ in range(ROUNDS):
        page.evaluate(BEGIN)
        first.append(seconds(block))  # the prompt is one token: the last of these fills the window
        later.append(seconds(block))
    return block / min(first), block / min(later)


def _task_seconds(chrome: Any) -> float:
    """How long the page's thread has worked, in seconds of processor time."""
    metrics = chrome.send("Performance.getMetrics")["metrics"]
    return float(next(metric["value"] for metric in metrics if metric["name"] == "TaskDuration"))
