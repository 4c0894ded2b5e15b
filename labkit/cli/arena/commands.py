"""What a command of the arena is: its usage line says how many words it takes, and completes them.

@command("train N", example="train 200")
def do_train(self, given: Given) -> None:
    '''Train the current agent.'''
"""

import functools
import math
import re
import shlex
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any


class CommandError(ValueError):
    """The player asked for something that cannot be; one line says what and what can."""


class UsageError(CommandError):
    """Words are missing, too many, or not of the kind that the usage names."""


@dataclass
class Given:
    """The words after a command.

    Attributes:
        words: those without a key, in their order.
        options: those written key=value.
    """

    words: list[str] = field(default_factory=list)
    options: dict[str, str] = field(default_factory=dict)

    def word(self, i: int) -> str | None:
        """The i-th word, if there is one."""
        return self.words[i] if i < len(self.words) else None

    def whole(self, i: int, name: str, least: int = 1) -> int:
        """The i-th word as a whole number."""
        return whole(self.words[i], name, least)


def whole(text: str, name: str, least: int = 1) -> int:
    """A whole number of `least` or more.

    Raises:
        UsageError: for anything else.
    """
    try:
        number = int(text)
    except ValueError:
        number = least - 1
    if number < least:
        raise UsageError(f"{name} must be a whole number of {least} or more, got {text!r}")
    return number


def decimal(text: str, name: str) -> float:
    """A finite number.

    Raises:
        UsageError: for anything else.
    """
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise UsageError(f"{name} must be a number, got {text!r}")
    return number


@dataclass(frozen=True)
class Usage:
    """A usage line, read: `battle AGENT AGENT [STEPS] [energy=J]`.

    In brackets is what may be left out, `a|b` is a choice, `...` repeats the word before it, and key=VALUE
    may stand anywhere.
    """

    line: str

    @property
    def slots(self) -> list[str]:
        """The words in their order, without brackets and options."""
        return [w for w in re.sub(r"[][]", "", self.line).split()[1:] if "=" not in w and w != "..."]

    @property
    def options(self) -> dict[str, list[str]]:
        """The values to choose from by key, [] for any."""
        pairs = (w.split("=") for w in re.sub(r"[][]", "", self.line).split() if "=" in w)
        return {key: value.split("|") if "|" in value else [] for key, value in pairs}

    def slot(self, i: int) -> str | None:
        """What belongs at position i."""
        slots = self.slots
        if i < len(slots):
            return slots[i]
        return slots[-1] if slots and "..." in self.line else None

    def read(self, words: list[str]) -> Given:
        """Words and options apart.

        Raises:
            UsageError: for too few or too many words, or an unknown key.
        """
        given = Given()
        for word in words:
            key, equals, value = word.partition("=")
            if not equals:
                given.words.append(word)
            elif key not in self.options:
                raise UsageError(f"{word!r}: " + there_is("setting", key, self.options))
            elif self.options[key] and value not in self.options[key]:
                raise UsageError(f"{key} must be {' or '.join(self.options[key])}, got {value!r}")
            else:
                given.options[key] = value
        needed = [w for w in re.sub(r"\[[^]]*\]", "", self.line).split()[1:] if "=" not in w]
        if len(given.words) < len(needed):
            raise UsageError(f"missing: {', '.join(needed[len(given.words) :])}")
        if len(given.words) > len(self.slots) and "..." not in self.line:
            raise UsageError(f"too much: {' '.join(given.words[len(self.slots) :])}")
        return given


def command(usage: str, example: str) -> Callable[..., Any]:
    """Make a method `do_NAME(self, given)` a command; its docstring is its help."""

    def wrap(method: Callable[[Any, Given], bool | None]) -> Callable[[Any, list[str]], bool | None]:
        @functools.wraps(method)
        def do(self: Any, words: list[str]) -> bool | None:
            return method(self, Usage(usage).read(words))

        do.usage, do.example = Usage(usage), example  # type: ignore[attr-defined]
        return do

    return wrap


def split(line: str) -> list[str]:
    """The words of a line: quotes hold a folder with spaces together, # at the start of a word begins a comment.

    Raises:
        UsageError: for a quote that does not end.
    """
    reader = shlex.shlex(_without_comment(line), posix=True, punctuation_chars=False)
    reader.commenters = ""  # for shlex any # begins one, in the middle of a word too
    reader.whitespace_split, reader.escape = True, ""  # a backslash belongs to a path of Windows
    try:
        return list(reader)
    except ValueError:
        raise UsageError("a quotation mark is open at the end of the line") from None


def _without_comment(line: str) -> str:
    quote = ""
    for i, character in enumerate(line):
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character == "#" and (i == 0 or line[i - 1].isspace()):
            return line[:i]
    return line


def there_is(kind: str, name: str, known: Iterable[str]) -> str:
    """`unknown kind 'name': did you mean 'x'?`, or what there is."""
    known = sorted(known)
    near = nearest(name, known)
    if near:
        return f"unknown {kind} {name!r}: did you mean {near!r}?"
    return f"unknown {kind} {name!r}; there is: {', '.join(known)}" if known else f"there is no {kind} here"


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The one that begins so, else the one that is most alike."""
    lower = {name.lower(): name for name in known}
    begins = [name for key, name in lower.items() if word and key.startswith(word.lower())]
    if len(begins) == 1:
        return begins[0]
    near = get_close_matches(word.lower(), lower, n=1)
    return lower[near[0]] if near else None
