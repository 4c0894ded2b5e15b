"""The scalar engine: numbers that remember how they were made (chapter 1). Standard library alone."""

from .check import GradCheck, gradcheck, numeric_gradient
from .nn import MLP, SGD
from .value import Value, topological_order

__all__ = ["MLP", "SGD", "GradCheck", "Value", "gradcheck", "numeric_gradient", "topological_order"]
