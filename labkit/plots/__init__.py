"""Still figures: functions that take and return matplotlib Axes, in one visual system."""

from .curves import loss_curves
from .points import decision_boundary
from .theme import style

__all__ = ["decision_boundary", "loss_curves", "style"]
