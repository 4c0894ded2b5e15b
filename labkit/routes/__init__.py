"""Climbing routes on training boards: data, tokens, a reader of grades, a generator, and how good it is (chapter 6)."""

from .board import ROLES, Board, BoardConfig, Placement, Window, board_configs
from .grades import V_GRADES, difficulties, v_grade
from .route import FramesError, Hold, Route, frames, parse_frames
from .tokens import RouteTokenizer, canonical

__all__ = [
    "ROLES",
    "V_GRADES",
    "Board",
    "BoardConfig",
    "FramesError",
    "Hold",
    "Placement",
    "Route",
    "RouteTokenizer",
    "Window",
    "board_configs",
    "canonical",
    "difficulties",
    "frames",
    "parse_frames",
    "v_grade",
]
