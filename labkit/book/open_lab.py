"""`{open-lab} labs/01-value.ipynb`: a link where the lab's server serves the book, a note elsewhere."""

import html
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

logger = logging.getLogger(__name__)


class OpenLab(SphinxDirective):
    """How to open a notebook of the project. `page.js` makes a link of it where there is a server."""

    required_arguments = 1
    option_spec = {"label": directives.unchanged}  # noqa: RUF012 (docutils declares it so)

    def run(self) -> list[nodes.Node]:
        """The note, as HTML; a notebook that is not there is a warning, hence a failed build."""
        path = self.arguments[0]
        if not Path(self.env.srcdir, path).is_file():
            logger.warning("open-lab: there is no %s", path, location=self.get_location(), type="labkit")
        return [nodes.raw("", note_html(path, self.options.get("label", "Open the lab")), format="html")]


def note_html(path: str, label: str) -> str:
    """The collapsed note that says how to open the notebook at `path`."""
    shown = html.escape(path)
    return (
        f'<details class="lb-open-lab" data-lb-path="{shown}"><summary>{html.escape(label)}</summary>'
        f"<p>In the project folder run <code>make lab</code>, then open <code>{shown}</code>.</p></details>"
    )
