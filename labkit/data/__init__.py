"""Data that comes with the project, and data that is downloaded once by name."""

from .download import SOURCES, fetch
from .game_check import GameCheck, Problem, check_game
from .game_grammar import BOS, EOS, TOKENS, decode, encode
from .games import generate_game, load_games, write_games
from .names import Names, load_names
from .points import Points, load_points, make_points

__all__ = [
    "BOS",
    "EOS",
    "SOURCES",
    "TOKENS",
    "GameCheck",
    "Names",
    "Points",
    "Problem",
    "check_game",
    "decode",
    "encode",
    "fetch",
    "generate_game",
    "load_games",
    "load_names",
    "load_points",
    "make_points",
    "write_games",
]
