"""Commands about the session, how it is run (by a player or from a script), and completion."""

import contextlib
import inspect
from collections.abc import Iterable

from labkit.arena import list_agents
from labkit.arena.agent import SETTINGS

from .base import BaseShell
from .commands import Given, command
from .text import table

try:
    import readline
except ImportError:  # Windows: no history and no completion, all else is the same
    readline = None  # type: ignore[assignment]

HISTORY = 1000
INTERRUPTED = 130
INTRO = """The arena: small GPTs learn names, pay for it in energy, and compete.
To begin:  create_agent Tiny 8 1 2     a model of width 8 with 1 layer and 2 heads
           train 100                   then: generate, status, visualize loss, diagnose
help lists the commands; quit leaves."""


class SessionCommands(BaseShell):
    """A session from its first line to its last."""

    def run_script(self, lines: Iterable[str]) -> int:
        """Do all lines, each shown first; the exit status is 1 if any failed, 130 after Ctrl+C."""
        for line in lines:
            if text := line.strip():
                self.say(f"> {text}", "strong")
                if self.onecmd(text):
                    break
            if self.interrupted:
                return INTERRUPTED
        else:
            self.remind()
        return int(self.failed)

    def interact(self) -> int:
        """Play with a person until quit, or the end of the input."""
        self.interactive = True
        self.say(INTRO)
        if saved := list_agents(self.folder):
            self.say(f"saved here: {', '.join(saved)} (load NAME)")
        self._open_history()
        try:
            while True:
                self.postcmd(False, "")
                try:
                    self.cmdloop()
                    return 0
                except KeyboardInterrupt:  # at the prompt: a new line
                    self.say("  (quit leaves)")
        finally:
            self._close_history()

    def postcmd(self, stop: bool, line: str) -> bool:
        """The prompt tells who is current."""
        self.prompt = f"arena ({self.current})> " if self.current else "arena> "
        return stop

    def remind(self) -> None:
        """Say which agents are not saved."""
        if self.unsaved:
            self.say(f"not saved: {', '.join(sorted(self.unsaved))}")

    # -- leaving

    @command("quit", example="quit")
    def do_quit(self, given: Given) -> bool:
        """Leave; asks first when an agent is not saved."""
        if not self.unsaved:
            return True
        if not self.interactive:
            self.remind()
            return True
        return self.confirm(f"not saved: {', '.join(sorted(self.unsaved))}. Leave without?")

    @command("exit", example="exit")
    def do_exit(self, given: Given) -> bool:
        """Leave; the same as quit."""
        return bool(self.do_quit([]))

    # -- help

    @command("help [COMMAND]", example="help train")
    def do_help(self, given: Given) -> None:
        """List the commands, or explain one."""
        if name := given.word(0):
            method = getattr(self, f"do_{self.known(name)}")
            self.say(f"{inspect.getdoc(method)}\n\nusage:    {method.usage.line}\nexample:  {method.example}")
            return
        rows = [(name, (getattr(self, f"do_{name}").__doc__ or "").split("\n")[0]) for name in self.commands]
        self.say(table(("command", "what it does"), rows))
        self.say("help COMMAND says how it is written, with an example; TAB completes.")

    # -- completion

    def completenames(self, text: str, *ignored: object) -> list[str]:
        """Commands that begin so."""
        return [f"{name} " for name in self.commands if name.startswith(text)]

    def completedefault(self, text: str, line: str, begidx: int, endidx: int) -> list[str]:
        """What can stand here, as the command's usage says."""
        words = line[:begidx].split()
        usage = self.commands.get(words[0]) if words else None
        if usage is None:
            return []
        position = sum("=" not in word for word in words[1:])
        found = self._candidates(usage.slot(position), words)
        for key, values in usage.options.items():
            if not any(word.startswith(f"{key}=") for word in words):
                found += [f"{key}={value}" for value in values] or [f"{key}="]
        return [c if c.endswith("=") else f"{c} " for c in sorted(found) if c.lower().startswith(text.lower())]

    def complete_help(self, text: str, *ignored: object) -> list[str]:
        """Commands, for help."""
        return self.completenames(text)

    def _candidates(self, slot: str | None, words: list[str]) -> list[str]:
        if slot is None:
            return []
        if "|" in slot:
            return slot.split("|")
        if slot == "AGENT":
            return [name for name in self.agents if name not in words]
        if slot == "SAVED":
            return list_agents(self.folder)
        return list(SETTINGS) if slot == "KEY" else []

    # -- history

    def _open_history(self) -> None:
        if readline is None:
            return
        readline.set_completer_delims(" \t\n")  # "-" and "=" belong to a word here
        if "libedit" in (readline.__doc__ or ""):
            readline.parse_and_bind("bind ^I rl_complete")
        with contextlib.suppress(OSError):
            readline.read_history_file(self.folder / "history")

    def _close_history(self) -> None:
        if readline is None:
            return
        readline.set_history_length(HISTORY)
        with contextlib.suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True)
            readline.write_history_file(self.folder / "history")
