"""The Jupyter server extension: the start page, the book behind the login, and a JupyterLab plugin."""


def _jupyter_server_extension_points() -> list[dict[str, object]]:
    """What Jupyter asks an extension for. Imported here: building the book needs no server."""
    from .app import LabBook

    return [{"module": "labkit.server", "app": LabBook}]
