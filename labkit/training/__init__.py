"""Training as an iterator of steps: the `Run` contract, its live controls, and the thread that drives it."""

from .background import BackgroundRun
from .controls import Control, Controls
from .games import GamesRun, trained_game_gpt
from .points import PointsRun
from .run import Diverged, Run, Step
from .scalar_gpt import ScalarGPTRun

__all__ = [
    "BackgroundRun",
    "Control",
    "Controls",
    "Diverged",
    "GamesRun",
    "PointsRun",
    "Run",
    "ScalarGPTRun",
    "Step",
    "trained_game_gpt",
]
