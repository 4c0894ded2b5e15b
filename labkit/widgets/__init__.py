"""Interactive figures and panels; each figure is a Python class with a .js module beside it."""

from .arena import ArenaPanel
from .attention import AttentionView
from .boundary import Boundary
from .budget import BudgetExplorer
from .chart import LineChart
from .figure import Figure
from .game_sampler import GameSampler, ValidChart
from .graph import GraphStepper
from .journey import TokenJourney
from .merge_panel import MergePanel
from .overoptimisation import OveroptimisationFigure
from .page_gpt import PageGPT
from .panel import Live
from .policy_panel import PolicyPanel
from .preferences import PreferencePanel
from .quiz import Question, Quiz
from .replay import TrainingReplay
from .reward_sampler import RewardSampler
from .route_board import RouteBoard
from .route_panel import RoutePanel
from .route_writer import RouteWriter
from .sampler import Draw, Judgement, Mark, SamplerPanel
from .simplex import SimplexFigure
from .slider import Slider
from .text_sampler import SampledText, TextSampler
from .token_playground import TokenPlayground
from .trainer import TrainerPanel

__all__ = [
    "ArenaPanel",
    "AttentionView",
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
    "MergePanel",
    "OveroptimisationFigure",
    "PageGPT",
    "PolicyPanel",
    "PreferencePanel",
    "Question",
    "Quiz",
    "RewardSampler",
    "RouteBoard",
    "RoutePanel",
    "RouteWriter",
    "SampledText",
    "SamplerPanel",
    "SimplexFigure",
    "Slider",
    "TextSampler",
    "TokenJourney",
    "TokenPlayground",
    "TrainerPanel",
    "TrainingReplay",
    "ValidChart",
]
