"""Run the book's notebooks, several at once, into the cache from which the pages are made.

myst-nb runs each notebook that the cache lacks when it reads that page, one after another. With LABKIT_BOOK_JOBS
above 1 they have been run by then. A notebook that fails here is not kept: it fails again there, and is reported.
"""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import nbformat
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from jupyter_cache.executors.utils import single_nb_execution
from sphinx.application import Sphinx
from sphinx.errors import ConfigError
from sphinx.util import logging

JOBS = "LABKIT_BOOK_JOBS"
logger = logging.getLogger(__name__)


def jobs() -> int:
    """How many notebooks to run at once: LABKIT_BOOK_JOBS, or 1, which keeps a learner's machine free.

    Raises:
        ConfigError: if it is no whole number above 0.
    """
    said = os.environ.get(JOBS, "1")
    if not said.isdecimal() or int(said) < 1:
        raise ConfigError(f"{JOBS} is {said!r}: it must be a whole number above 0")
    return int(said)


def run_ahead(app: Sphinx, env: Any, docnames: list[str]) -> None:
    """Execute what the cache lacks of the notebooks among the pages that Sphinx is about to read."""
    at_once = jobs()
    if at_once == 1:
        return
    folder = app.config.nb_execution_cache_path
    cache = get_cache(folder)
    # Later chapters take longer: the longest first, so that none is left alone at the end.
    stale = [path for path in sorted(notebooks(app, docnames), reverse=True) if executed(path, folder) is None]

    def execute(path: Path) -> tuple[Path, Any]:
        return path, single_nb_execution(
            nbformat.read(path, as_version=4),
            cwd=str(path.parent),
            timeout=app.config.nb_execution_timeout,
            allow_errors=False,
        )

    with ThreadPoolExecutor(at_once) as pool:
        for done in as_completed([pool.submit(execute, path) for path in stale]):
            path, result = done.result()
            if result.err is None:
                note = {"execution_seconds": result.time}
                # The database is written to from one thread.
                cache.cache_notebook_bundle(
                    CacheBundleIn(result.nb, str(path), data=note), check_validity=False, overwrite=True
                )
                logger.info("executed %s in %.0f s", path.name, result.time)


def notebooks(app: Sphinx, docnames: list[str]) -> Iterator[Path]:
    """The files of those pages that are notebooks."""
    for name in docnames:
        path = Path(app.env.doc2path(name))
        if path.suffix == ".ipynb":
            yield path


def executed(path: Path, folder: Path | str) -> nbformat.NotebookNode | None:
    """A notebook with the outputs that it had in the last build of the book.

    Args:
        path: the notebook.
        folder: the cache of the builds.

    Returns:
        The notebook; None where the cache has no run of just these cells.
    """
    try:
        _, notebook = get_cache(str(folder)).merge_match_into_notebook(nbformat.read(path, as_version=4))
    except KeyError:
        return None
    return notebook
