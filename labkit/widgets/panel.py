"""What every control panel is made of: who it is, its buttons, and how it shows an exception."""

import html
import traceback
from collections.abc import Callable
from typing import Any

import ipywidgets as widgets
from IPython import get_ipython


def cell_key(otherwise: str) -> tuple[str, str | None]:
    """Who a panel is: the notebook cell that makes it and which execution of it; else `otherwise`, and None."""
    shell = get_ipython()
    parent: dict[str, Any] = getattr(shell, "get_parent", dict)() if shell is not None else {}
    cell = parent.get("metadata", {}).get("cellId")
    return (f"cell {cell}", parent.get("header", {}).get("msg_id")) if cell else (otherwise, None)


def button(text: str, style: str, act: Callable[[], Any], tip: str) -> widgets.Button:
    """A button that calls `act`. Its style is one of ipywidgets' ("primary", "" ...)."""
    made = widgets.Button(description=text, button_style=style, tooltip=tip)
    made.on_click(lambda _: act())
    return made


def line_of(*items: widgets.Widget, name: str = "lb-controls") -> widgets.Box:
    """A row that wraps where it is narrow."""
    row = widgets.Box(list(items))
    row.add_class(name)
    return row


def error_html(error: BaseException | None, expected: tuple[type[BaseException], ...] = ()) -> str:
    """An exception, escaped: a sentence and its traceback; the sentence alone for what a learner may well meet."""
    if error is None:
        return ""
    if isinstance(error, expected):
        return f'<span class="lb-verdict-bad">{html.escape(str(error))}</span>'
    what = html.escape("".join(traceback.format_exception_only(error)))
    trace = html.escape("".join(traceback.format_exception(error)))
    return f'<b class="lb-verdict-bad">{what}</b><pre>{trace}</pre>'


class Panel(widgets.VBox):
    """A box that takes away all that is in it when it is closed. A subclass ends its threads first."""

    def close(self) -> None:
        """Close what is inside, then the box."""
        _close_parts(self)
        super().close()


def close_whole(widget: widgets.Widget) -> None:
    """Close a widget, its children, their children, and all their styles and layouts.

    ipywidgets closes a box alone: the kernel then keeps the rest, registered, until it ends.
    """
    if not isinstance(widget, Panel):  # which does it itself, when its threads have ended
        _close_parts(widget)
    widget.close()


def _close_parts(widget: widgets.Widget) -> None:
    for child in getattr(widget, "children", ()):
        close_whole(child)
    for name in ("style", "layout"):
        part = getattr(widget, name, None)
        if isinstance(part, widgets.Widget):
            part.close()


class Live(Panel):
    """A figure in a lab. It is there while the kernel is: the notebook keeps its name, not what it shows."""

    def __init__(self, figure: widgets.DOMWidget) -> None:
        self.figure = figure
        super().__init__([figure])

    def __repr__(self) -> str:
        return f"{type(self.figure).__name__}, live"
