"""Routes on their boards: holds by role, in shapes as well as colours; and several routes side by side."""

from collections.abc import Iterable, Mapping, Sequence
from math import ceil
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from matplotlib.transforms import Bbox

from labkit.routes import ROLES, Board, Hold, Route, v_grade

from . import theme

SHAPES = {"start": "^", "middle": "o", "finish": "s", "foot": "D"}
"""role -> marker: triangle, circle, square, diamond. Who sees no colour reads these."""
COLORS = {
    "TB2": {"start": "good", "middle": "accent", "finish": "bad", "foot": "gradient"},
    "KIL": {"start": "good", "middle": "accent", "finish": "gradient", "foot": "validation"},
}
"""Key of a board -> role -> colour of the theme, near to its lights: green, blue, red and magenta on the Tension board,
green, cyan, magenta and orange on the Kilter board. Other boards have the Tension board's."""
SIZES = {"start": 11.0, "middle": 10.0, "finish": 9.5, "foot": 7.5}
"""role -> size of the marker in points, on axes 4 inches high."""
HEIGHT = 4.0
NAMED_FROM = 0.7
"""On axes smaller than this many times HEIGHT nothing is written beside the holds: it would hide them."""
SIDES = ((8, 0), (-8, 0), (0, -12), (0, 12))
"""Where the name of a start or finish can stand, in points from its hold."""
MOST_PANELS = 60
"""How many boards `draw_routes` draws in one figure."""


def draw_route(
    board: Board,
    holds: Iterable[Hold],
    ax: Axes | None = None,
    *,
    angle: int | None = None,
    grade: int | float | str | None = None,
    title: str | None = None,
    legend: bool = True,
) -> Axes:
    """A board and the holds of a route on it.

    All holds of the board are faint dots, larger where they are known to be better to hold. Starts and finishes are
    named as well, where the axes are large enough. A board whose hold qualities are known is a simulated one, and the
    title says so.

    Args:
        board: to draw.
        holds: of the route; none draws the board alone.
        ax: where to draw; new axes when left out.
        angle: degrees from vertical, for the title.
        grade: a V grade (6), a difficulty (22.4, a float) or words ("V6, asked V5"), for the title.
        title: to begin with, instead of the board's name.
        legend: whether to say below what the shapes are.

    Returns:
        The axes drawn on.

    Raises:
        ValueError: for a hold that the board has not, or a role that there is not.
    """
    holds = tuple(holds)
    for hold in holds:
        if hold.placement not in board.placements:
            raise ValueError(f"board {board.key} has no hold {hold.placement}; is the route on another board?")
        if hold.role not in ROLES:
            raise ValueError(f"a hold's role is one of {', '.join(ROLES)}, got {hold.role!r}")
    ax = ax or _new_axes(board)
    colors = theme.current()
    scale = _scale(ax)
    _background(board, ax, colors, scale)
    for role in ROLES:
        points = [board.placements[hold.placement] for hold in holds if hold.role == role]
        if points:
            look = _look(board, role, colors, scale)
            ax.plot([p.x for p in points], [p.y for p in points], linestyle="none", zorder=3, label=role, **look)
    if scale >= NAMED_FROM:
        _name(board, holds, ax, colors)
    ax.set_title(_title(board, angle, grade, title))
    if legend and holds:
        _legend(board, [role for role in ROLES if any(hold.role == role for hold in holds)], ax, colors)
    return ax


def draw_routes(
    boards: Mapping[str, Board],
    routes: Sequence[Route],
    columns: int = 4,
    titles: Sequence[str] | None = None,
) -> list[Axes]:
    """Several routes side by side, in one figure with one legend.

    Args:
        boards: key -> board, for every board of the routes.
        routes: to draw, at most MOST_PANELS.
        columns: how many stand in a row at most.
        titles: one a route; by default its board's key, angle and grade.

    Returns:
        The axes, one a route.

    Raises:
        ValueError: for no routes or too many, another number of titles, or a route on an unknown board.
    """
    if not 0 < len(routes) <= MOST_PANELS or columns < 1:
        raise ValueError(f"draw_routes draws 1 … {MOST_PANELS} routes in 1 or more columns, got {len(routes):,}")
    if titles is not None and len(titles) != len(routes):
        raise ValueError(f"{len(titles)} titles for {len(routes)} routes: each needs its own")
    if unknown := sorted({route.board for route in routes} - boards.keys()):
        raise ValueError(f"routes on the boards {', '.join(unknown)}, but given are {', '.join(boards) or 'none'}")
    columns = min(columns, len(routes))
    rows = ceil(len(routes) / columns)
    tallest = max(_aspect(boards[route.board]) for route in routes)
    figure, grid = plt.subplots(
        rows, columns, squeeze=False, figsize=(2.4 * columns, (2.3 * tallest + 0.4) * rows + 0.3), layout="compressed"
    )
    axes: list[Axes] = list(grid.flat)
    for i, (ax, route) in enumerate(zip(axes, routes, strict=False)):
        board = boards[route.board]
        draw_route(board, route.holds, ax, legend=False)
        ax.set_title(titles[i] if titles else _title(board, route.angle, route.difficulty, board.key), fontsize="small")
    for ax in axes[len(routes) :]:
        ax.set_axis_off()
    used = [role for role in ROLES if any(hold.role == role for route in routes for hold in route.holds)]
    keys = {route.board for route in routes}
    first = boards[routes[0].board]
    # Where boards differ in colours, the shapes alone say it for all.
    handles = [_handle(first, role, theme.current(), grey=len(keys) > 1) for role in used]
    if handles:
        figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False)
    return axes[: len(routes)]


def _background(board: Board, ax: Axes, colors: dict[str, str], scale: float) -> None:
    """The wall with all its holds, and axes that are no more than its edge."""
    window = board.config.window
    ax.add_patch(
        Rectangle(
            (window.left, window.bottom),
            window.right - window.left,
            window.top - window.bottom,
            facecolor=colors["panel"],
            edgecolor=colors["line"],
            zorder=0,
        )
    )
    placements = board.placements.values()
    areas = [scale**2 * (2.0 + 9.0 * (p.quality if p.quality is not None else 0.3)) for p in placements]
    xs, ys = [p.x for p in placements], [p.y for p in placements]
    ax.scatter(xs, ys, s=areas, color=colors["muted"], alpha=0.45, linewidths=0, zorder=1, label="_holds")
    edge = 0.02 * (window.top - window.bottom)
    ax.set_xlim(window.left - edge, window.right + edge)
    ax.set_ylim(window.bottom - edge, window.top + edge)
    ax.set_aspect("equal")
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)


def _look(board: Board, role: str, colors: dict[str, str], scale: float, grey: bool = False) -> dict[str, Any]:
    color = colors["text" if grey else COLORS.get(board.key, COLORS["TB2"])[role]]
    # A thin edge in the colour of the background parts markers of neighbouring holds.
    return {
        "marker": SHAPES[role],
        "markersize": scale * SIZES[role],
        "color": color,
        "markeredgecolor": colors["bg"],
        "markeredgewidth": 0.8 * scale,
    }


def _name(board: Board, holds: Sequence[Hold], ax: Axes, colors: dict[str, str]) -> None:
    """Write beside the starts and finishes what they are, at the first side of SIDES where no hold of the route is."""
    ax.apply_aspect()  # else the places are those of axes that are not yet as wide as high
    points = {hold: board.placements[hold.placement] for hold in holds}
    boxes = [
        Bbox.from_bounds(x - 5, y - 5, 10, 10) for x, y in (ax.transData.transform((p.x, p.y)) for p in points.values())
    ]
    for hold, place in points.items():
        if hold.role not in ("start", "finish"):
            continue
        text = ax.annotate(
            hold.role,
            (place.x, place.y),
            (0, 0),
            textcoords="offset points",
            va="center",
            fontsize="small",
            color=colors[COLORS.get(board.key, COLORS["TB2"])[hold.role]],
            path_effects=[withStroke(linewidth=2.5, foreground=colors["panel"])],  # dots behind it stay faint
            zorder=2,  # below the holds: should all sides be taken, it hides none
        )
        for across, up in SIDES:
            text.set_position((across, up))
            text.set_horizontalalignment("left" if across > 0 else "right" if across < 0 else "center")
            box = text.get_window_extent()
            if ax.bbox.x0 <= box.x0 and box.x1 <= ax.bbox.x1 and not any(box.overlaps(other) for other in boxes):
                break
        boxes.append(box)


def _title(board: Board, angle: int | None, grade: int | float | str | None, title: str | None) -> str:
    simulated = any(place.quality is not None for place in board.placements.values())
    name = board.config.name if title is None else title
    parts = [f"{name} (simulated)" if simulated and "simulated" not in name.lower() else name]
    if angle is not None:
        parts.append(f"{angle}°")
    if grade is not None:
        parts.append(grade if isinstance(grade, str) else f"V{v_grade(grade) if isinstance(grade, float) else grade}")
    return ", ".join(parts)


def _legend(board: Board, roles: Sequence[str], ax: Axes, colors: dict[str, str]) -> None:
    ax.legend(
        handles=[_handle(board, role, colors) for role in roles],
        loc="upper center",
        bbox_to_anchor=(0.5, 0.0),
        ncols=len(roles),
        columnspacing=1.2,
        handletextpad=0.2,
    )


def _handle(board: Board, role: str, colors: dict[str, str], grey: bool = False) -> Line2D:
    return Line2D([], [], linestyle="none", label=role, **_look(board, role, colors, 0.9, grey))


def _scale(ax: Axes) -> float:
    """Markers keep their size beside the wall: 1 on axes HEIGHT inches high."""
    inches = ax.get_window_extent().height / ax.figure.dpi
    return float(np.clip(inches / HEIGHT, 0.4, 1.6))


def _new_axes(board: Board) -> Axes:
    return plt.subplots(figsize=(HEIGHT / _aspect(board) + 0.4, HEIGHT + 0.8), layout="compressed")[1]


def _aspect(board: Board) -> float:
    window = board.config.window
    return (window.top - window.bottom) / (window.right - window.left)
