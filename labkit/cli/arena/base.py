"""The shell under the commands: what it remembers, and how it does a line and fails."""

import cmd
import traceback
from pathlib import Path
from typing import IO

from labkit.arena import Agent, OutOfEnergy, list_agents, load_agent
from labkit.arena.leaderboard import Leaderboard
from labkit.data import Names

from .commands import CommandError, Usage, UsageError, nearest, split, there_is
from .text import paint


class BaseShell(cmd.Cmd):
    """Agents in memory, a folder on disk, and a line at a time.

    Args:
        folder: where agents and the leaderboard are kept.
        names: what new agents learn.
        seed: of new agents and of battles.
        stdout: where to write; standard output when left out.

    Attributes:
        agents: name -> agent, those in memory.
        current: the name of the one that commands without a name mean.
        unsaved: names of agents that changed since they were saved.
        failed: whether a command failed.
    """

    def __init__(self, folder: Path, names: Names, seed: int = 42, stdout: IO[str] | None = None) -> None:
        super().__init__(stdout=stdout)
        self.folder, self.names, self.seed = Path(folder), names, seed
        self.leaderboard = Leaderboard(self.folder / "leaderboard.jsonl")
        self.agents: dict[str, Agent] = {}
        self.current: str | None = None
        self.unsaved: set[str] = set()
        self.failed = False
        self.interrupted = False
        self.interactive = False

    # -- what the commands use

    def say(self, text: str = "", colour: str = "") -> None:
        """Write a line."""
        print(paint(text, colour, self.stdout) if colour else text, file=self.stdout, flush=True)

    def agent(self, name: str | None = None) -> Agent:
        """The agent of that name, or the current one.

        Raises:
            CommandError: if it is not in memory.
        """
        name = name or self.current
        if name is None:
            saved = list_agents(self.folder)
            there = f"load one ({', '.join(saved)}) or create one" if saved else "create one"
            raise CommandError(f"there is no agent yet: {there} with 'create_agent Tiny 8 1 2'")
        if name not in self.agents:
            if name in list_agents(self.folder):
                raise CommandError(f"{name} is saved but not in memory: load {name}")
            raise CommandError(there_is("agent", name, self.agents))
        return self.agents[name]

    def read_agent(self, name: str, folder: Path) -> Agent:
        """A saved agent, of this session's names or of its own."""
        try:
            return load_agent(name, folder, self.names)
        except ValueError:
            return load_agent(name, folder)  # it says what is wrong, if it is not the names

    def confirm(self, question: str) -> bool:
        """Ask a player; a script means what it says."""
        if not self.interactive:
            return True
        try:
            return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
        except EOFError:
            self.say()
            return True  # the input has ended: there is nobody to ask

    # -- a line at a time

    @property
    def commands(self) -> dict[str, Usage]:
        """Every command with its usage, in the order of the classes."""
        found: dict[str, Usage] = {}
        for part in type(self).__mro__:
            for name, method in vars(part).items():
                if name.startswith("do_") and hasattr(method, "usage"):
                    found.setdefault(name.removeprefix("do_"), method.usage)
        return found

    def onecmd(self, line: str) -> bool:
        """Do one line; True ends the session. Whatever goes wrong is told, and the session goes on."""
        name, self.interrupted = "", False
        try:
            if line == "EOF":  # what Cmd makes of the input's end
                self.say()
                line = "quit"
            words = split(f"help {line[1:]}" if line.startswith("?") else line)
            if not words:
                return False
            name, *words = words
            return bool(getattr(self, f"do_{self.known(name)}")(words))
        except BrokenPipeError:
            raise
        except UsageError as error:
            self.error(str(error))
            if usage := self.commands.get(name):
                self.say(f"usage: {usage.line}      for example: {getattr(self, f'do_{name}').example}")
        except (ValueError, OSError, OutOfEnergy) as error:
            self.error(str(error))
        except KeyboardInterrupt:
            self.interrupted = True
            self.say("stopped")
        except Exception:
            traceback.print_exc(file=self.stdout)
            self.error("this is a fault of labkit, not yours; your agents are still here")
        return False

    def known(self, name: str) -> str:
        """`name`, when there is such a command.

        Raises:
            CommandError: with the one that may be meant.
        """
        if name in self.commands:
            return name
        near = nearest(name, self.commands)
        meant = f": did you mean {near!r}?" if near else "; 'help' lists the commands"
        raise CommandError(f"unknown command {name!r}{meant}")

    def error(self, text: str) -> None:
        """Say in one line what went wrong."""
        self.failed = True
        self.say(paint("error: ", "bad", self.stdout) + " ".join(text.split()))
