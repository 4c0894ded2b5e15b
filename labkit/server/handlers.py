"""What the extension answers. Everything is behind the server's login."""

import functools
import json
from pathlib import Path
from typing import Any

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler, JupyterHandler
from tornado.template import Template
from tornado.web import HTTPError, StaticFileHandler, authenticated

from .building import BookBuild, BookState
from .labs import find_labs

HERE = Path(__file__).resolve().parent


class Page(JupyterHandler):
    """A page from a template, with the house colours in it."""

    def page(self, name: str, **values: Any) -> str:
        """The template `name`, filled in."""
        return template(name).generate(base_url=self.base_url, theme=theme(), **values).decode()


class StartHandler(Page):
    """The start page. What it shows comes from the status."""

    auth_resource = "contents"

    @authenticated
    @authorized
    def get(self) -> None:
        """The page."""
        self.finish(self.page("start.html"))


class StatusHandler(APIHandler):
    """The labs and the book as they are now, as JSON."""

    auth_resource = "contents"
    _track_activity = False  # an open start page asks all the time: the server may still count as idle

    def initialize(self, root: Path, build: BookBuild) -> None:
        """Called by tornado with what `handlers` gives."""
        self.root, self.build = root, build

    @authenticated
    @authorized
    def get(self) -> None:
        """`{"labs": [...], "book": {...}}`."""
        self.finish(json.dumps({"labs": find_labs(self.root), "book": self.build.state()}))


class FileHandler(JupyterHandler, StaticFileHandler):
    """Files of one folder, which no path leads out of (tornado sees to that), for those who are logged in."""

    auth_resource = "contents"

    def parse_url_path(self, url_path: str) -> str:
        """Tornado's, without the one character that no file system takes."""
        if "\0" in url_path:
            raise HTTPError(404)
        return super().parse_url_path(url_path)

    def set_extra_headers(self, path: str) -> None:
        """A file may be another one tomorrow: the browser is to ask, and is told when it is the same."""
        self.set_header("Cache-Control", "no-cache")

    @authenticated
    @authorized
    async def get(self, path: str, include_body: bool = True) -> None:  # type: ignore[override]
        """The file."""
        await StaticFileHandler.get(self, path, include_body)

    @authenticated
    @authorized
    async def head(self, path: str) -> None:  # type: ignore[override]
        """Its headers alone."""
        await StaticFileHandler.get(self, path, include_body=False)


class BookHandler(FileHandler, Page):
    """The built book, or a page that says where it is; while it is being built, the page comes back."""

    def initialize(self, path: str, build: BookBuild) -> None:  # type: ignore[override]
        """Called by tornado with what `handlers` gives."""
        super().initialize(path, default_filename="index.html")
        self.build = build

    @authenticated
    @authorized
    async def get(self, path: str, include_body: bool = True) -> None:  # type: ignore[override]
        """A file of the book."""
        book = self.build.state()
        if book["state"] == "ready":
            await StaticFileHandler.get(self, path, include_body)
        else:
            self.set_status(503)
            self.finish(self.page("no_book.html", book=book, says=no_book(book)))


class BookServerHandler(JupyterHandler):
    """In place of an empty file of the book: tells its pages that a lab server is behind them."""

    auth_resource = "contents"

    @authenticated
    @authorized
    def get(self) -> None:
        """The script."""
        self.set_header("Content-Type", "text/javascript; charset=utf-8")
        self.set_header("Cache-Control", "no-cache")
        self.finish(f"window.labbookServer = {json.dumps({'base_url': self.base_url})};\n")


def no_book(book: BookState) -> str:
    """Why there is no book to read, in one sentence."""
    return {
        "building": "The book is being built; this page turns into it when it is done.",
        "failed": "The book could not be built. The end of the log says why.",
        "missing": "The book is not built yet.",
        "ready": "",
    }[book["state"]]


def handlers(root: Path, build: BookBuild) -> list[tuple[Any, ...]]:
    """The paths below the server's base URL, and what answers them."""
    return [
        (r"/labkit/?", StartHandler),
        (r"/labkit/start", StartHandler),
        (r"/labkit/api/status", StatusHandler, {"root": root, "build": build}),
        (r"/labkit/static/(.+)", FileHandler, {"path": str(HERE / "static")}),
        (r"/book/_static/lb-server\.js", BookServerHandler),
        (r"/book()", BookHandler, {"path": str(build.html), "build": build}),
        (r"/book/(.*)", BookHandler, {"path": str(build.html), "build": build}),
    ]


@functools.cache
def template(name: str) -> Template:
    """A page's template; what is filled in is escaped."""
    return Template((HERE / name).read_text(encoding="utf-8"), name)


@functools.cache
def theme() -> str:
    """The house colours. Imported here, since matplotlib comes with them and takes a moment."""
    from labkit.plots.theme import css

    return css()
