"""Interactive figures and panels; each figure is a Python class with a .js module beside it."""

from .arena import ArenaPanel
from .boundary import Boundary
from .budget import BudgetExplorer
from .chart import LineChart
from .figure import Figure
from .game_sampler import GameSampler, ValidChart
from .graph import GraphStepper
from .journey import TokenJourney
from .panel import Live
from .quiz import Question, Quiz
from .sampler import Draw, Judgement, Mark, SamplerPanel
from .slider import Slider
from .trainer import TrainerPanel

__all__ = [
    "ArenaPanel",
    "Boundary",
    "BudgetExplorer",
    "Draw",
    "Figure",
    "GameSampler",
    "GraphStepper",
    "Judgement",
    "LineChart",
    "Live",
    "Mark",
    "Question",
    "Quiz",
    "SamplerPanel",
    "Slider",
    "TokenJourney",
    "TrainerPanel",
    "ValidChart",
]
