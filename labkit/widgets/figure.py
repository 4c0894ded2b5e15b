"""One figure, two hosts: the base class of every interactive figure.

A figure is one ECMAScript module in the anywidget form, in its own .js file beside its Python class:

    export default { render({ model, el }) { ... } }      // draw; read model.get(name)
    export function simulate(state, changed) { ... }      // optional: the kernel's stand-in

In JupyterLab the kernel feeds it: a change made in the figure reaches Python (`model.set`,
`model.save_changes`), Python answers by setting traits, `model.on("change:name")` redraws.
In the built page there is no kernel. `page_html` writes the figure's state into the page; the host
script (labkit.book) hands it to the same module through a model of the same form, and calls
`simulate(state, changed)` after every save_changes(), whose returned traits are then set.

Modules may use what common.js defines: it is put in front of each of them, since a module in a page
on file:// cannot import another one.
"""

import base64
import html
import json
from pathlib import Path
from typing import Any, ClassVar

import anywidget

from labkit.plots import theme

FOLDER = Path(__file__).parent
USES = {"reward_sampler": ("page_gpt.model",), "route_board": ("page_gpt.model",)}
"""Module -> parts of other modules that it is made with: the forward pass is there once."""


def module_source(name: str) -> str:
    """The whole ECMAScript module of the figure `name`: common.js, what it USES, its parts (`name`.part.js), itself."""
    used = [FOLDER / f"{part}.js" for part in USES.get(name, ())]
    files = [FOLDER / "common.js", *used, *sorted(FOLDER.glob(f"{name}.*.js")), FOLDER / f"{name}.js"]
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


def style_source() -> str:
    """The CSS of all figures: the theme's custom properties, figures.css, then the figures' own (`name`.css)."""
    files = [FOLDER / "figures.css", *sorted(set(FOLDER.glob("*.css")) - {FOLDER / "figures.css"})]
    return theme.css() + "".join(file.read_text(encoding="utf-8") for file in files)


def figure_modules() -> list[str]:
    """The names of every figure module there is (`graph` for graph.js ...)."""
    return sorted(path.stem for path in FOLDER.glob("*.js") if path.stem != "common" and "." not in path.stem)


class Figure(anywidget.AnyWidget):
    """An interactive figure. A subclass names its module and the traits a page needs.

    Attributes:
        module: the stem of the .js file.
        page_traits: the synced traits that are written into a built page; none keeps the figure
            out of pages (a control panel that needs a kernel).
    """

    module: ClassVar[str]
    page_traits: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "module" in cls.__dict__:
            cls._esm = module_source(cls.module)
            cls._css = style_source()

    def caption(self) -> str:
        """One sentence that says what there is to see: the figure's alt text and its caption."""
        return type(self).__name__

    def page_state(self) -> dict[str, Any]:
        """The traits of `page_traits`, as JSON can hold them (bytes as {"base64": ...})."""
        state = {}
        for name in self.page_traits:
            value = getattr(self, name)
            state[name] = {"base64": base64.b64encode(value).decode()} if isinstance(value, bytes) else value
        return state

    def page_html(self) -> str:
        """The figure for a page without a kernel: its state, its caption, and a word for no JavaScript."""
        # "\u003c" is the same JSON string, and neither ends the script element nor opens a comment in it.
        state = json.dumps(self.page_state(), separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
        return (
            f'<figure class="lb-figure" data-lb-module="{self.module}">'
            f'<script type="application/json">{state}</script>'
            '<div class="lb-mount"><p class="lb-note">This figure is drawn by JavaScript, which is off here.</p></div>'
            f"<figcaption>{html.escape(self.caption())}</figcaption></figure>"
        )

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """JupyterLab picks the live widget; a page takes the HTML; a terminal the text."""
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is None:
            return None
        data, metadata = bundle
        data["text/plain"] = f"{type(self).__name__}: {self.caption()}"
        if self.page_traits:
            data["text/html"] = self.page_html()
        return data, metadata
