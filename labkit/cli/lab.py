"""`labkit lab`: the labs in JupyterLab, on this machine alone, beginning at the start page."""

import http.client
import json
import os
import secrets
import signal
import urllib.request
import webbrowser
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from labkit.files import ROOT


def lab(
    options: Annotated[list[str] | None, typer.Argument(help="Further options for JupyterLab, after `--`.")] = None,
    browser: Annotated[bool, typer.Option(help="Open JupyterLab in a browser.")] = True,
    port: Annotated[
        int | None, typer.Option(help="The port, 0 for any free one. Left out: 8888 or, where that is taken, another.")
    ] = None,
    root: Annotated[Path, typer.Option(help="The folder with labs/ and book/.", file_okay=False, exists=True)] = ROOT,
) -> None:
    """Open the labs in JupyterLab. The book is built in the background unless it is up to date."""
    try:
        from jupyterlab.labapp import LabApp
    except ImportError:
        typer.echo("error: JupyterLab is not installed here; `make lab` in the project folder installs it.", err=True)
        raise typer.Exit(1) from None
    root = root.resolve()
    if not (root / "labs").is_dir():
        typer.echo(f"error: there is no folder labs in {root}; --root says where the project is.", err=True)
        raise typer.Exit(1)
    if url := running_lab(root):
        typer.echo(f"The lab book is already open at {url}")
        if browser:
            webbrowser.open(url)
        return
    token = secrets.token_hex(24)
    # As flags these settings go before those in the user's own Jupyter configuration.
    flags = {f"--{name}": value for name, value in server_settings(root, port, token, browser).items()}
    for option in options or []:
        flags.pop(option.partition("=")[0], None)  # Jupyter refuses a flag that is given twice
    server = LabApp.initialize_server([*(f"{flag}={value}" for flag, value in flags.items()), *(options or [])])
    # Ctrl+C stops at once, and the kernels too. Nothing is lost: the page keeps what it has not saved yet.
    signal.signal(signal.SIGINT, lambda *_: server.stop(from_signal=True))
    # The callback comes after the one with which the server begins to listen.
    server.io_loop.add_callback(
        typer.echo, f"The lab book is at {server.connection_url}lab?token={token}\nCtrl+C stops it."
    )
    server.start()


def server_settings(root: Path, port: int | None, token: str, browser: bool) -> dict[str, object]:
    """What JupyterLab is started with: reachable from this machine, and asking nothing of the network.

    (Its news and update notices are disabled by our plugin's package.json.)
    """
    from labkit.server.app import LABEXTENSIONS

    settings: dict[str, object] = {
        "ServerApp.root_dir": root,
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.port": 8888 if port is None else port,
        "ServerApp.port_retries": 50 if port is None else 0,
        "ServerApp.open_browser": browser,
        "ServerApp.log_level": "WARN",
        "LabApp.log_level": "WARN",
        "ServerApp.jpserver_extensions": {"jupyterlab": True, "labkit.server": True},
        "IdentityProvider.token": token,
        "LabApp.extra_labextensions_path": LABEXTENSIONS,
        "LabApp.extension_manager": "readonly",
        "LabBook.build_book": root == ROOT,
        # Kernels listen on 127.0.0.1, where any user of the machine may connect: encrypted where both ends can.
        "KernelManager.transport_encryption": "auto",
    }
    if hasattr(os, "geteuid") and os.geteuid() == 0:  # in a container; Windows has no such user
        settings["ServerApp.allow_root"] = True
    return settings


def running_lab(root: Path) -> str | None:
    """The address of a lab of the folder `root` that is running already."""
    from jupyter_server.serverapp import list_running_servers

    servers: Iterator[dict[str, Any]] = list_running_servers()
    for server in servers:
        if Path(server["root_dir"]).resolve() == root and answers(server):
            return f"{server['url']}lab?token={server['token']}"
    return None


def answers(server: dict[str, Any]) -> bool:
    """Whether a server that Jupyter has on its list is alive and has the lab book."""
    request = urllib.request.Request(
        f"{server['url']}labkit/api/status", headers={"Authorization": f"token {server['token']}"}
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # this machine is behind no proxy
    try:
        with opener.open(request, timeout=5) as response:
            return "labs" in json.load(response)
    except (OSError, ValueError, TypeError, http.client.HTTPException):  # the port is another program's now
        return False
