"""The scalar engine and the GPT made of it (chapters 1 and 2). Standard library alone."""

from .check import GradCheck, gradcheck, numeric_gradient
from .gpt import GameGPT
from .nn import MLP, SGD
from .value import Value, topological_order

__all__ = ["MLP", "SGD", "GameGPT", "GradCheck", "Value", "gradcheck", "numeric_gradient", "topological_order"]
