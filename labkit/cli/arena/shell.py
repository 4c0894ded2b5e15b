"""All commands of the arena in one shell."""

from .agents import AgentCommands
from .contests import ContestCommands
from .session import SessionCommands
from .views import ViewCommands


class Shell(AgentCommands, ViewCommands, ContestCommands, SessionCommands):
    """The game; see `BaseShell` for what it is made with."""
