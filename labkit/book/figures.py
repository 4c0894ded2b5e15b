"""The script that draws the figures of a page which has no kernel behind it."""

import json
from collections.abc import Mapping
from pathlib import Path

HOST = Path(__file__).with_name("host.js")


def figures_script(modules: Mapping[str, str]) -> str:
    """One classic script: the sources of the figure modules, then the host that runs them.

    A page on file:// may not import a module from a file, but a classic script may, from a blob
    that it made. Hence the sources as strings. All modules go into the one file that every page
    shares: they are small, and no page can miss one.

    Args:
        modules: module name -> the source of its ECMAScript module, unmodified.
    """
    # ASCII escapes keep U+2028 and the like out of a script whose encoding nobody declares.
    return f"window.lbFigureSources = {json.dumps(dict(modules), indent=1)};\n{HOST.read_text(encoding='utf-8')}"
