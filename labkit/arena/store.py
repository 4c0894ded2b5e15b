"""Agents on disk: one JSON file each. Reading one runs no code."""

import difflib
import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from labkit.data import Names
from labkit.files import refuse_not_finite, write_atomic

from .agent import Agent
from .config import check_name

FORMAT = "labkit-agent-1"
SUFFIX = ".agent.json"
LONGEST = 20
"""Digits of a whole number in a file; what is counted in a game has fewer."""


def agent_path(name: str, folder: str | Path) -> Path:
    """Where the agent `name` lies, which is always directly inside `folder`.

    Raises:
        ValueError: for a name that is none (and so for every path), or if a link lies there.
    """
    path = Path(folder) / f"{check_name(name)}{SUFFIX}"
    if path.is_symlink():
        raise ValueError(f"{path} is a link to {path.readlink()}; agents are plain files: remove it")
    return path


def save_agent(agent: Agent, folder: str | Path) -> Path:
    """Write the agent with its training state, beside and renamed into place.

    Raises:
        ValueError: if its name differs from another agent's only in upper and lower case (on some
            systems that is one file), or it holds a number that is not finite.
    """
    path = agent_path(agent.name, folder)
    for other in list_agents(folder):
        if other != agent.name and other.lower() == agent.name.lower():
            raise ValueError(
                f"{folder}: there is an agent {other!r} already; choose a name that differs in more than case"
            )
    try:
        text = json.dumps({"format": FORMAT, **agent.state_dict()}, allow_nan=False)
    except ValueError as error:
        raise ValueError(f"{path}: not written: agent {agent.name} holds a number that is not finite") from error
    return write_atomic(path, text + "\n")


def load_agent(name: str, folder: str | Path, names: Names | None = None) -> Agent:
    """Read an agent; it trains on as if it had never stopped.

    Args:
        name: the agent's.
        folder: where it was saved.
        names: what it was trained on; found by its source when left out.

    Raises:
        ValueError: for an unknown name (with those there are), or a file that is not this agent (with
            the file and what is wrong).
    """
    path = agent_path(name, folder)
    if not path.is_file():
        raise ValueError(_unknown(name, folder))
    try:
        state = read_json(path)
        if not isinstance(state, dict) or state.get("format") != FORMAT:
            found = state.get("format") if isinstance(state, dict) else type(state).__name__
            raise ValueError(f"not an agent: expected format {FORMAT!r}, got {found!r}")
        agent = Agent.from_state(state, names)
        if agent.name != name:
            raise ValueError(f"it holds the agent {agent.name!r}; rename it to {agent.name}{SUFFIX}")
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return agent


def list_agents(folder: str | Path) -> list[str]:
    """The names of the agents in a folder, sorted; none when there is no such folder."""
    found = []
    for path in filter(Path.is_file, Path(folder).glob(f"*{SUFFIX}")):
        try:
            found.append(check_name(path.name.removesuffix(SUFFIX)))
        except ValueError:  # somebody else's file
            continue
    return sorted(found)


def read_json(path: Path) -> Any:
    """The content of a JSON file in which every number is finite.

    Raises:
        ValueError: for anything else; it says what, and the caller says which file.
    """
    try:
        text = path.read_text(encoding="utf-8")
        return json.loads(text, parse_constant=refuse_not_finite, parse_float=_finite, parse_int=whole_number)
    except UnicodeDecodeError as error:
        raise ValueError(f"not a text file (byte {error.start} is no UTF-8)") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON, or cut off: line {error.lineno}, column {error.colno}: {error.msg}") from None
    except RecursionError:
        raise ValueError("not an agent: nested too deeply") from None


def whole_number(text: str) -> int:
    """A whole number of a JSON file, none so long that arithmetic with fractions cannot hold it.

    Raises:
        ValueError: for one of more than 20 digits.
    """
    if len(text) > LONGEST:
        raise ValueError(f"a whole number with {len(text.lstrip('-'))} digits is too large")
    return int(text)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        refuse_not_finite(text)
    return number


def _unknown(name: str, folder: str | Path) -> str:
    there: Iterable[str] = list_agents(folder)
    if not there:
        return f"unknown agent {name!r}: there is none in {folder} yet"
    lower = {known.lower(): known for known in there}
    near = difflib.get_close_matches(name.lower(), lower, n=1)
    hint = f"did you mean {lower[near[0]]!r}; " if near else ""
    return f"unknown agent {name!r}: {hint}there are: {', '.join(there)}"
