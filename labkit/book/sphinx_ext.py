"""The Sphinx extension of the book; _config.yml lists it.

It renders math as MathML, puts the figures' host, our styles and two small scripts into the
output's _static, and adds the `{open-lab}` directive. Every file comes from labkit: the built
pages ask no other machine for anything.
"""

from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config

from labkit.book import mathml
from labkit.book.build import cache_folder
from labkit.book.docstrings import plain_to_rst
from labkit.book.execute import run_ahead
from labkit.book.figures import figures_script
from labkit.book.open_lab import OpenLab
from labkit.files import write_atomic
from labkit.widgets import figure

FOLDER = Path(__file__).parent
# The Jupyter server answers for this file with `window.labbookServer = {base_url: ...}`.
SERVER_SCRIPT = "// Read from disk or from a plain web server: no lab to open here.\n"


def static_files() -> dict[str, str]:
    """File name -> content of what the extension adds to _static."""
    return {
        "lb-figures.js": figures_script({name: figure.module_source(name) for name in figure.figure_modules()}),
        "lb-server.js": SERVER_SCRIPT,
        "lb-page.js": (FOLDER / "page.js").read_text(encoding="utf-8"),
        "lb-figures.css": figure.style_source(),
        "lb-book.css": (FOLDER / "book.css").read_text(encoding="utf-8"),
    }


def add_static_files(app: Sphinx) -> None:
    """Write the static files beside the doctrees, where Sphinx copies (and fingerprints) them from."""
    folder = Path(app.doctreedir, "lb-static")
    for name, content in static_files().items():
        write_atomic(folder / name, content)
    app.config.html_static_path.append(str(folder))


def set_cache(app: Sphinx, config: Config) -> None:
    """Keep executed notebooks in _build of the project, wherever this build's output goes."""
    config.nb_execution_cache_path = config.nb_execution_cache_path or str(cache_folder(Path(app.srcdir)))


def process_docstring(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """The event handler of autodoc for `plain_to_rst`."""
    plain_to_rst(what, name, lines)


def drop_widget_state(app: Sphinx, pagename: str, *_: Any) -> None:
    """Leave the state of live widgets out of a page: nothing there reads it, and it is long."""
    app.env.nb_metadata[pagename].get("js_files", {}).pop("ipywidgets_state", None)  # type: ignore[attr-defined]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register everything; Sphinx calls this."""
    app.add_html_math_renderer(
        "mathml", inline_renderers=(mathml.visit_math, None), block_renderers=(mathml.visit_math_block, None)
    )
    app.add_config_value("comments_config", {}, "")  # Jupyter Book sets it; its extension we do without
    app.add_directive("open-lab", OpenLab)
    app.connect("config-inited", set_cache)
    app.connect("builder-inited", add_static_files)
    app.connect("env-before-read-docs", run_ahead)
    app.connect("autodoc-process-docstring", process_docstring, priority=400)  # before napoleon, at 500
    app.connect("html-page-context", drop_widget_state, priority=400)  # before myst-nb adds it
    for name in ("lb-figures.css", "lb-book.css"):
        app.add_css_file(name, priority=900)  # after the theme's
    for name in ("lb-server.js", "lb-page.js", "lb-figures.js"):
        app.add_js_file(name, priority=900, loading_method="defer")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
