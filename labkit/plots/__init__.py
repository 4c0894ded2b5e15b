"""Still figures: functions that take and return matplotlib Axes, in one visual system."""

from .arena import gradient_distribution, update_ratio
from .confusion import grade_confusion
from .curves import curves, loss_curves
from .points import decision_boundary
from .routes import draw_route, draw_routes
from .schemes import scheme_trade
from .theme import style

__all__ = [
    "curves",
    "decision_boundary",
    "draw_route",
    "draw_routes",
    "grade_confusion",
    "gradient_distribution",
    "loss_curves",
    "scheme_trade",
    "style",
    "update_ratio",
]
