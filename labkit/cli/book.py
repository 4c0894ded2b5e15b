"""`labkit book`: build the book, or build it and serve it on this machine."""

import functools
import threading
import time
import webbrowser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import Annotated

import typer

from labkit.book.build import BuildError, build, html_folder

app = typer.Typer(help="Build the book, or serve it on 127.0.0.1.", no_args_is_help=True)

Force = Annotated[
    bool, typer.Option("--force", help="Build even if nothing has changed, and run every notebook again.")
]


@app.command("build")
def build_command(force: Force = False) -> None:
    """Build the book into _build/html; every warning is an error."""
    started = time.monotonic()
    try:
        built = build(force=force)
    except BuildError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from None
    page = html_folder() / "index.html"
    typer.echo(f"built in {time.monotonic() - started:.0f} s: {page}" if built else f"up to date: {page}")


@app.command()
def serve(
    force: Force = False,
    port: Annotated[int, typer.Option(help="The port; 0 takes a free one.")] = 0,
    browser: Annotated[bool, typer.Option(help="Open the book in a browser.")] = True,
) -> None:
    """Build the book where it is out of date, then serve it on 127.0.0.1 until Ctrl+C."""
    build_command(force)
    try:
        server = book_server(port)
    except OSError as error:
        typer.echo(f"error: cannot serve on port {port}: {error.strerror}", err=True)
        raise typer.Exit(1) from None
    url = f"http://127.0.0.1:{server.server_port}/"
    typer.echo(f"the book is at {url} (Ctrl+C ends it)")
    if browser:
        threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()
    with server:
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            typer.echo()


def book_server(port: int = 0) -> ThreadingHTTPServer:
    """A server of _build/html, bound to this machine alone."""
    return ThreadingHTTPServer(("127.0.0.1", port), functools.partial(QuietHandler, directory=str(html_folder())))


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves files and logs only what goes wrong."""

    def log_request(self, code: object = "-", size: object = "-") -> None:
        """Say nothing about a request that was answered."""
