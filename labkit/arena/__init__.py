"""The arena of chapter 3: small agents that learn names, pay for it in energy, and compete."""

from .agent import Agent, Generated
from .battle import TIE_POINTS, Battle, BattleResult, Outcome, Round, Side
from .config import AgentConfig, check_name
from .diagnose import Diagnosis, Finding, diagnose
from .energy import JOULES_PER_FLOP, Budget, Flops, OutOfEnergy
from .leaderboard import Entry, Leaderboard, entries_of
from .measure import Measurements, measurements
from .run import AgentRun, StopReason
from .score import battle_score, name_score, negative_log_likelihood, perplexity, quality, uniqueness
from .store import agent_path, list_agents, load_agent, save_agent
from .tournament import Game, Standing, Tournament

__all__ = [
    "JOULES_PER_FLOP",
    "TIE_POINTS",
    "Agent",
    "AgentConfig",
    "AgentRun",
    "Battle",
    "BattleResult",
    "Budget",
    "Diagnosis",
    "Entry",
    "Finding",
    "Flops",
    "Game",
    "Generated",
    "Leaderboard",
    "Measurements",
    "OutOfEnergy",
    "Outcome",
    "Round",
    "Side",
    "Standing",
    "StopReason",
    "Tournament",
    "agent_path",
    "battle_score",
    "check_name",
    "diagnose",
    "entries_of",
    "list_agents",
    "load_agent",
    "measurements",
    "name_score",
    "negative_log_likelihood",
    "perplexity",
    "quality",
    "save_agent",
    "uniqueness",
]
