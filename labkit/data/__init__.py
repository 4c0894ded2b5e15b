"""Data that comes with the project, and data that is downloaded once by name."""

from .download import SOURCES, fetch
from .points import Points, load_points, make_points

__all__ = ["SOURCES", "Points", "fetch", "load_points", "make_points"]
