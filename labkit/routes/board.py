"""Training boards: where holds are, and what their apps call things. A new board is a new file in datasets/boards."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from labkit.files import datasets_dir

ROLES = ("start", "middle", "finish", "foot")
"""What a hold is for, in the order in which a route names them: feet stand among the middle holds."""


@dataclass(frozen=True)
class Window:
    """The part of the wall that routes are set on, in the board's own units (inches)."""

    left: float
    bottom: float
    right: float
    top: float

    def holds(self, x: float, y: float) -> bool:
        """Whether a point lies inside, edges included."""
        return self.left <= x <= self.right and self.bottom <= y <= self.top


@dataclass(frozen=True)
class BoardConfig:
    """What is known of a board without its holds.

    Attributes:
        key: short, capitals and digits: it begins the board's tokens, as in <TB2_p344_start>.
        name: as people say it.
        layout_id: of the board in its app's database.
        roles: role -> its number in the app's frames, for each of ROLES.
        max_angle: the steepest angle, in degrees from vertical.
        window: where holds of a route lie.
        mirrored: whether each hold has a twin on the other side, so that a route can be turned over.
        first_ascent_after: a day (YYYY-MM-DD): climbs first done by then are left out; None: all count.
    """

    key: str
    name: str
    layout_id: int
    roles: Mapping[str, int]
    max_angle: int
    window: Window
    mirrored: bool
    first_ascent_after: str | None = None

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Z][A-Z0-9]*", self.key):
            raise ValueError(f"the key of a board is capitals and digits, such as TB2, got {self.key!r}")
        if sorted(self.roles) != sorted(ROLES) or len(set(self.roles.values())) < len(ROLES):
            raise ValueError(f"board {self.key}: roles must give {', '.join(ROLES)} a number each, got {self.roles}")
        if not (self.window.left < self.window.right and self.window.bottom < self.window.top):
            raise ValueError(f"board {self.key}: the window is empty: {self.window}")
        if not 0 <= self.max_angle <= 90:
            raise ValueError(f"board {self.key}: max_angle is 0 … 90 degrees, got {self.max_angle!r}")

    @property
    def angles(self) -> range:
        """The angles that a route can be climbed at: every five degrees."""
        return range(0, self.max_angle + 1, 5)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "BoardConfig":
        """The config in a board's file.

        Raises:
            ValueError: for missing or unknown keys, and values that make no board.
        """
        try:
            window = Window(**data["window"])
            return cls(**dict(data) | {"window": window})
        except (TypeError, KeyError) as error:
            raise ValueError(f"not the description of a board: {error}") from error


@dataclass(frozen=True)
class Placement:
    """One hold on the wall.

    Attributes:
        id: of the placement in the app.
        x: to the right, in inches.
        y: up, in inches.
        mirror: the id of its twin on the other side; its own in the middle; None where there is none.
        quality: how good it is to hold, 0 (hardly a hold) to 1 (a jug). Known on simulated boards alone.
    """

    id: int
    x: float
    y: float
    mirror: int | None = None
    quality: float | None = None


class Board:
    """A board with its holds.

    Args:
        config: what the board is.
        placements: its holds, inside the window.

    Attributes:
        config: likewise.
        placements: id -> hold, ascending by id.

    Raises:
        ValueError: for a hold outside the window, an id twice, or a twin that is not there or has another twin.
    """

    def __init__(self, config: BoardConfig, placements: Iterable[Placement]) -> None:
        self.config = config
        self.placements: dict[int, Placement] = {}
        for hold in sorted(placements, key=lambda hold: hold.id):
            if hold.id in self.placements:
                raise ValueError(f"board {config.key}: placement {hold.id} is there twice")
            if not config.window.holds(hold.x, hold.y):
                raise ValueError(f"board {config.key}: placement {hold.id} at {hold.x}, {hold.y} is off the window")
            self.placements[hold.id] = hold
        for hold in self.placements.values():
            twin = self.placements.get(hold.mirror) if hold.mirror is not None else None
            if hold.mirror is not None and (twin is None or twin.mirror != hold.id):
                raise ValueError(f"board {config.key}: placement {hold.id} has the twin {hold.mirror}, not the reverse")

    @property
    def key(self) -> str:
        """The config's."""
        return self.config.key

    @cached_property
    def is_simulated(self) -> bool:
        """Whether the quality of its holds is known, as it is of simulated boards alone."""
        return all(hold.quality is not None for hold in self.placements.values())

    @cached_property
    def twins(self) -> Mapping[int, int]:
        """Hold -> its twin on the other side, for those that have one; empty where the board does not mirror."""
        if not self.config.mirrored:
            return {}
        return {hold.id: hold.mirror for hold in self.placements.values() if hold.mirror is not None}

    def __repr__(self) -> str:
        return f"Board({self.key}, {len(self.placements)} holds)"


def board_configs() -> dict[str, BoardConfig]:
    """All boards in datasets/boards: file name without .json -> config.

    Raises:
        ValueError: for a file that describes none.
    """
    found: dict[str, BoardConfig] = {}
    for path in sorted((datasets_dir() / "boards").glob("*.json")):
        found[path.stem] = read_board_config(path)
    return found


def read_board_config(path: Path) -> BoardConfig:
    """The config in one file.

    Raises:
        ValueError: if it describes no board; it names the file.
        OSError: if it cannot be read.
    """
    try:
        return BoardConfig.from_dict(json.loads(path.read_bytes()))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
