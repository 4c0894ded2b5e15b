"""A route: which holds of a board, for what, at which angle, how hard. And its frames, as the boards' apps write it."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from .board import ROLES, BoardConfig


class Hold(NamedTuple):
    """A hold of a route.

    Attributes:
        placement: which hold of the board.
        role: one of ROLES.
    """

    placement: int
    role: str


@dataclass(frozen=True)
class Route:
    """A route as it is climbed at one angle.

    Attributes:
        board: key of its board.
        angle: degrees from vertical.
        holds: in any order; `tokens.canonical` is the order of the chapter.
        difficulty: on the apps' scale, 10 … 33; None when nobody has graded it.
        climb: which climb it is: the same at all angles, so that a split can keep them together.
        name: what its setter called it.
    """

    board: str
    angle: int
    holds: tuple[Hold, ...]
    difficulty: float | None = None
    climb: str = ""
    name: str = ""


class FramesError(ValueError):
    """Frames that cannot be read; says which part."""


def parse_frames(frames: str, config: BoardConfig) -> tuple[Hold, ...]:
    """The holds in an app's frames: `p344r5p369r6…`, placement and role number in turn.

    Raises:
        FramesError: for what is no frames, or a role that the board has not.
    """
    names: Mapping[int, str] = {number: role for role, number in config.roles.items()}
    parts = re.findall(r"p(\d+)r(\d+)", frames)
    if not parts or "".join(f"p{placement}r{role}" for placement, role in parts) != frames:
        raise FramesError(
            f"not frames such as p344r{config.roles['start']}p369r{config.roles['middle']}: {frames!r:.80}"
        )
    holds = []
    for placement, role in parts:
        if int(role) not in names:
            known = ", ".join(f"{number} {name}" for number, name in sorted(names.items()))
            raise FramesError(f"role {role} of placement {placement} is none of {config.name}'s: {known}")
        holds.append(Hold(int(placement), names[int(role)]))
    return tuple(holds)


def frames(holds: Iterable[Hold], config: BoardConfig) -> str:
    """Holds as an app's frames, so that a route can be typed in there.

    Raises:
        ValueError: for a role that is none of ROLES.
    """
    parts = []
    for hold in holds:
        if hold.role not in config.roles:
            raise ValueError(f"a hold's role is one of {', '.join(ROLES)}, got {hold.role!r}")
        parts.append(f"p{hold.placement}r{config.roles[hold.role]}")
    return "".join(parts)
