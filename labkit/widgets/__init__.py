"""Interactive figures and panels; each figure is a Python class with a .js module beside it."""

from .boundary import Boundary
from .chart import LineChart
from .figure import Figure
from .graph import GraphStepper
from .quiz import Question, Quiz
from .slider import Slider
from .trainer import TrainerPanel

__all__ = ["Boundary", "Figure", "GraphStepper", "LineChart", "Question", "Quiz", "Slider", "TrainerPanel"]
