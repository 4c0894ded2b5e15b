"""The leaderboard: every attempt, one JSON object a line, ranked by score over energy.

A line is written whole and stays: the ranking is computed when it is asked for. Two processes may add
at the same time (a lock beside the file); a line that is no entry is an error with file and line, and
nothing is written over it.
"""

import json
import math
import reprlib
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from filelock import FileLock, Timeout

from labkit.files import write_atomic

from .store import whole_number

if TYPE_CHECKING:
    import pandas as pd

    from .battle import Battle, BattleResult

QUALIFYING_SCORE = 25.0
"""The least score that is ranked by points per kilojoule. The first steps of any training are the cheapest points,
and without it ten steps of the smallest model would lead the board."""
LOCK_SECONDS = 30
"""How long to wait for another writer; one writes for milliseconds."""


@dataclass(frozen=True)
class Entry:
    """One attempt of one agent.

    Attributes:
        agent: its name.
        score: 0 … 100, as the battle scores.
        energy: joules spent to get there.
        perplexity: on held-out names; at least 1, and infinite for a model that has diverged.
        uniqueness: the share of its names that are new, 0 … 1.
        steps: training steps.
        parameters: weights of the model.
        when: ISO 8601 with a time zone; now when left out.

    Raises:
        ValueError: for a value of another kind or out of range, with its name.
    """

    agent: str
    score: float
    energy: float
    perplexity: float
    uniqueness: float
    steps: int
    parameters: int
    when: str = ""

    def __post_init__(self) -> None:
        if not self.when:
            object.__setattr__(self, "when", datetime.now(UTC).isoformat(timespec="seconds"))
        if not isinstance(self.agent, str) or not self.agent.strip() or not self.agent.isprintable():
            raise ValueError(f"agent must be a name in one line, got {self.agent!r}")
        for name, low, high in (
            ("score", 0.0, math.inf),
            ("energy", 0.0, math.inf),
            ("perplexity", 1.0, math.inf),
            ("uniqueness", 0.0, 1.0),
        ):
            x = getattr(self, name)
            number = isinstance(x, int | float) and not isinstance(x, bool)
            finite = number and (abs(x) <= sys.float_info.max or (name == "perplexity" and x == math.inf))
            if not finite or not low <= x <= high:
                limits = f"of {low:g} or more" if high == math.inf else f"{low:g} … {high:g}"
                raise ValueError(f"{name} must be a number {limits}, got {reprlib.repr(x)}")
            object.__setattr__(self, name, float(x))
        for name in ("steps", "parameters"):
            n = getattr(self, name)
            if not isinstance(n, int) or isinstance(n, bool) or n < 0:
                raise ValueError(f"{name} must be a whole number of 0 or more, got {n!r}")
        try:
            zone = datetime.fromisoformat(self.when).tzinfo
        except (TypeError, ValueError):
            raise ValueError(
                f"when must be a date and time as in 2026-01-31T12:00:00+00:00, got {self.when!r}"
            ) from None
        if zone is None:
            raise ValueError(f"when needs a time zone, as in 2026-01-31T12:00:00+00:00, got {self.when!r}")

    @property
    def rating(self) -> float:
        """Score over energy, in points per kilojoule: 1000 · score / energy.

        Without energy it is infinite for a score above zero, and zero for a score of zero: nothing
        bought with nothing is no feat.
        """
        if self.score == 0:
            return 0.0
        return 1000 * self.score / self.energy if self.energy else math.inf

    @property
    def qualified(self) -> bool:
        """Whether the score is high enough to be ranked by its rating."""
        return self.score >= QUALIFYING_SCORE

    def to_row(self) -> dict[str, Any]:
        """As a line of the file holds it: JSON has no infinity, so such a perplexity is null."""
        row = asdict(self)
        return row if math.isfinite(self.perplexity) else row | {"perplexity": None}

    @classmethod
    def from_row(cls, row: object) -> Self:
        """What a line of the file holds.

        Raises:
            ValueError: for a row that is not an object with exactly the fields of an entry.
        """
        names = [field.name for field in fields(cls)]
        if not isinstance(row, Mapping):
            raise ValueError(f"expected an object with {', '.join(names)}, got {type(row).__name__}")
        if missing := [name for name in names if name not in row]:
            raise ValueError(f"no {', '.join(missing)}")
        if unknown := [str(name) for name in row if name not in names]:
            raise ValueError(f"unknown: {', '.join(unknown)}")
        if not row["when"]:  # only a new entry is dated for its writer
            raise ValueError(f"when must be a date and time, got {row['when']!r}")
        return cls(**row) if row["perplexity"] is not None else cls(**{**row, "perplexity": math.inf})


class Leaderboard:
    """All attempts on disk, and their ranking.

    Every attempt is kept. The ranking has one row per agent, its best attempt, unless all are asked for.
    The order: first those with at least 25 points, by points per kilojoule; then the others, by score. Of equals the
    higher score leads, then the lower perplexity, then who was first.

    Args:
        path: the JSON Lines file; it appears with the first entry, its lock (`path` + ".lock") beside it.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def add(self, entry: Entry, *more: Entry) -> int:
        """Keep an attempt, or several: all of them in one write, or none.

        Returns:
            Its rank among all attempts, 1 for the best; of several, that of the best one.

        Raises:
            ValueError: if the file has a line that is no entry; the file is then as it was.
            TimeoutError: if another writer holds the lock for half a minute.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        lock = self.path.with_name(f"{self.path.name}.lock")
        try:
            with FileLock(lock, timeout=LOCK_SECONDS):
                entries = [*self.entries(), entry, *more]
                write_atomic(self.path, "".join(f"{json.dumps(e.to_row(), ensure_ascii=False)}\n" for e in entries))
        except Timeout:
            raise TimeoutError(f"{self.path}: another writer has held {lock} for {LOCK_SECONDS} s") from None
        ranked = _ranked(entries)
        return min(ranked.index(added) for added in (entry, *more)) + 1

    def entries(self) -> list[Entry]:
        """All attempts, the oldest first; none when there is no file yet.

        Raises:
            ValueError: for a line that is no entry, with file, line and reason.
        """
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return []
        entries = []
        for number, line in enumerate(content.split(b"\n"), start=1):
            if not line.strip():
                continue
            try:
                entries.append(Entry.from_row(json.loads(line, parse_int=whole_number)))
            except (ValueError, RecursionError) as error:  # bytes that are no text and text that is no JSON, too
                reason = "nested too deeply" if isinstance(error, RecursionError) else error
                raise ValueError(
                    f"{self.path}, line {number}: not an entry of the leaderboard ({reason}). "
                    "Mend the line or take it out; nothing was changed."
                ) from None
        return entries

    def ranking(self, all_attempts: bool = False) -> list[Entry]:
        """The best first: the best attempt of each agent, or all attempts.

        Raises:
            ValueError: as `entries`.
        """
        ranked = _ranked(self.entries())
        if all_attempts:
            return ranked
        best: dict[str, Entry] = {}
        for entry in ranked:
            best.setdefault(entry.agent, entry)
        return list(best.values())

    def table(self, all_attempts: bool = False) -> "pd.DataFrame":
        """`ranking` as a DataFrame: index "rank" from 1, a column per field and "score_per_kj" after the score.

        Raises:
            ValueError: as `entries`.
        """
        import pandas as pd

        ranking = self.ranking(all_attempts)
        columns = [field.name for field in fields(Entry)]
        frame = pd.DataFrame([asdict(entry) for entry in ranking], columns=columns)
        frame.insert(2, "score_per_kj", [entry.rating for entry in ranking])
        frame.index = pd.RangeIndex(1, len(ranking) + 1, name="rank")
        return frame


def entries_of(battle: "Battle", result: "BattleResult") -> list[Entry]:
    """The attempts of both sides of a battle; what one had trained and spent before counts if it fought on that."""
    return [
        Entry(
            agent=agent.name,
            score=outcome.score,
            energy=battle.spent_before[agent.name] + outcome.energy,
            perplexity=outcome.perplexity,
            uniqueness=outcome.uniqueness,
            steps=battle.steps_before[agent.name] + outcome.steps,
            parameters=len(agent.run.model.params),
        )
        for agent, outcome in ((battle.a, result.a), (battle.b, result.b))
    ]


def _ranked(entries: list[Entry]) -> list[Entry]:
    """The best first; sorting is stable, so of equals the earlier line leads."""
    return sorted(entries, key=lambda e: (not e.qualified, -e.rating if e.qualified else 0, -e.score, e.perplexity))
