"""Data that comes with the project, and data that is downloaded once by name."""

from .catalogue import CATALOGUE, Dataset, dataset
from .download import SOURCES, fetch
from .game_check import GameCheck, Problem, check_game
from .game_grammar import BOS, EOS, TOKENS, decode, encode
from .games import generate_game, load_games, write_games
from .names import Names, load_names
from .points import Points, load_points, make_points
from .text import TEXTS, Text, load_text

__all__ = [
    "BOS",
    "CATALOGUE",
    "EOS",
    "SOURCES",
    "TEXTS",
    "TOKENS",
    "Dataset",
    "GameCheck",
    "Names",
    "Points",
    "Problem",
    "Text",
    "check_game",
    "dataset",
    "decode",
    "encode",
    "fetch",
    "generate_game",
    "load_games",
    "load_names",
    "load_points",
    "load_text",
    "make_points",
    "write_games",
]
