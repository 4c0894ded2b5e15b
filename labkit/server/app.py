"""The extension as the Jupyter server knows it: its settings, its handlers and the book's build."""

import asyncio
import sys
from pathlib import Path

from jupyter_server.extension.application import ExtensionApp
from jupyter_server.serverapp import ServerApp
from traitlets import Bool

from .building import BookBuild
from .handlers import handlers

LABEXTENSIONS = Path(__file__).resolve().parent / "labextension"
"""For `LabApp.extra_labextensions_path`: the folder with the JupyterLab plugin."""

BUILD_COMMAND = (sys.executable, "-m", "labkit.cli", "book", "build")


class LabBook(ExtensionApp):
    """The lab book in a Jupyter server whose root folder has labs/ and book/."""

    name = "labkit"
    extension_url = "/labkit/start"
    load_other_extensions = True
    build_book = Bool(False, config=True, help="Build the book in the background unless it is up to date.")

    def initialize_handlers(self) -> None:
        """Called by the server once it has its own handlers."""
        assert self.serverapp is not None
        root = Path(self.serverapp.root_dir)
        self.build = BookBuild(root, BUILD_COMMAND)
        self.handlers.extend(handlers(root, self.build))

    async def _start_jupyter_server_extension(self, serverapp: ServerApp) -> None:
        if self.build_book and not await asyncio.to_thread(self.build.is_current):
            self.build.start()

    async def stop_extension(self) -> None:
        """The server is stopping: so does the build."""
        self.build.stop()
