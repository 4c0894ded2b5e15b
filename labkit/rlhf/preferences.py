"""Which of two samples is better: answers kept on disk, how well two labellers agree, and a labeller that is simulated.

A reward model learns from such answers, and so does DPO (Christiano et al. 2017; Rafailov et al. 2023).
"""

import hashlib
import json
import math
import os
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, NamedTuple, Self, get_args

from filelock import FileLock, Timeout

from labkit.files import write_atomic

Choice = Literal["a", "b", "tie", "skip"]
CHOICES: tuple[Choice, ...] = get_args(Choice)
MIRRORED: dict[Choice, Choice] = {"a": "b", "b": "a", "tie": "tie", "skip": "skip"}
LOCK_SECONDS = 10
"""How long to wait for another writer; one writes for milliseconds."""


@dataclass(frozen=True)
class Comparison:
    """One answer.

    Attributes:
        prompt: what both samples go on from; may be empty.
        a, b: the samples.
        choice: which is better: "a", "b", "tie" (as good) or "skip" (no answer).
        labeller: who says so.

    Raises:
        ValueError: for another choice, or a text that is none, with its name.
    """

    prompt: str
    a: str
    b: str
    choice: Choice
    labeller: str = "you"

    def __post_init__(self) -> None:
        for name in ("prompt", "a", "b", "labeller"):
            if not isinstance(value := getattr(self, name), str):
                raise ValueError(f"{name} must be a text, got {type(value).__name__}")
        if self.choice not in CHOICES:
            raise ValueError(f"choice must be one of {', '.join(CHOICES)}, got {self.choice!r}")

    @property
    def mirrored(self) -> Self:
        """The same answer with a and b changed round."""
        return type(self)(self.prompt, self.b, self.a, MIRRORED[self.choice], self.labeller)

    @classmethod
    def from_row(cls, row: object) -> Self:
        """What a line of a file holds: an object with prompt, a, b, choice, and labeller if it is not "you".

        Raises:
            ValueError: for anything else. Other fields are no error: they stay in the file.
        """
        if not isinstance(row, dict):
            raise ValueError(f"expected an object with prompt, a, b and choice, got {type(row).__name__}")
        if missing := [name for name in ("prompt", "a", "b", "choice") if name not in row]:
            raise ValueError(f"no {', '.join(missing)}")
        return cls(row["prompt"], row["a"], row["b"], row["choice"], row.get("labeller", "you"))


class PreferenceFile:
    """Answers in a file, one JSON object a line, each on the disk before `append` returns.

    Two processes may write at the same time (a lock beside the file). A last line that was cut off while it was written
    is no answer; the next change puts it into `path` + ".cut-off". Any other line that is no answer is an error, and
    nothing is written over it.

    Args:
        path: the JSON Lines file; it appears with the first answer, its lock (`path` + ".lock") beside it.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)

    def __len__(self) -> int:
        return len(self.comparisons)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.path)!r})"

    @property
    def comparisons(self) -> list[Comparison]:
        """All answers, the oldest first; none when there is no file yet.

        Raises:
            ValueError: for a line that is no answer, with file, line and reason.
        """
        return [comparison for comparison, _ in self._lines()[0]]

    def append(self, comparison: Comparison, *more: Comparison) -> None:
        """Keep an answer, or several in one write.

        Raises:
            ValueError: if the file has a line that is no answer; the file is then as it was.
            OSError: if it cannot be written; the file is then as it was.
            TimeoutError: if another writer holds the lock for ten seconds.
        """
        # ASCII: any text can be written, lone surrogates too.
        lines = "".join(f"{json.dumps(asdict(each))}\n" for each in (comparison, *more)).encode()
        with self._alone():
            _, end, whole = self._mended()
            rest = lines if whole else b"\n" + lines
            with self.path.open("ab", buffering=0) as file:  # else closing would write what is left once more
                try:
                    while rest:
                        rest = rest[file.write(rest) :]
                    os.fsync(file.fileno())
                except OSError:  # a full disk: half a line must not stay
                    os.truncate(self.path, end)
                    raise

    def undo(self) -> Comparison | None:
        """Take the last answer out and return it; None when there is none.

        The file is written beside and renamed: whatever happens, it is the old one or the new one.

        Raises:
            ValueError, OSError, TimeoutError: as `append`.
        """
        if not self.path.exists():
            return None
        with self._alone():
            lines, _, _ = self._mended()
            if not lines:
                return None
            last, start = lines[-1]
            write_atomic(self.path, self.path.read_bytes()[:start])  # as bytes: fields that we do not know stay
            return last

    @contextmanager
    def _alone(self) -> Iterator[None]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        lock = self.path.with_name(f"{self.path.name}.lock")
        try:
            with FileLock(lock, timeout=LOCK_SECONDS):
                yield
        except Timeout:
            raise TimeoutError(f"{self.path}: another writer has held {lock} for {LOCK_SECONDS} s") from None

    def _mended(self) -> tuple[list[tuple[Comparison, int]], int, bool]:
        """The answers, where the file ends, and whether its last line does: what is cut off is put aside."""
        lines, cut_off = self._lines()
        content = self.path.read_bytes() if self.path.exists() else b""
        if cut_off:
            with self.path.with_name(f"{self.path.name}.cut-off").open("ab") as file:
                file.write(cut_off + b"\n")
            content = content[: -len(cut_off)]
            write_atomic(self.path, content)
        return lines, len(content), not content or content.endswith(b"\n")

    def _lines(self) -> tuple[list[tuple[Comparison, int]], bytes]:
        """Each answer and the byte at which its line starts; then what is cut off at the end, b"" for nothing."""
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return [], b""
        found, start = [], 0
        rows = content.split(b"\n")  # and nowhere else: U+2028 ends no line of JSON Lines
        for number, row in enumerate(rows, start=1):
            if row.strip():
                try:
                    found.append((Comparison.from_row(_json(row)), start))
                except _NotJSONError as error:
                    if number == len(rows):
                        return found, row
                    raise self._refusal(number, error) from None
                except ValueError as error:
                    raise self._refusal(number, error) from None
            start += len(row) + 1
        return found, b""

    def _refusal(self, number: int, reason: ValueError) -> ValueError:
        return ValueError(
            f"{self.path}, line {number}: not an answer ({reason}). Mend the line or take it out; nothing was changed."
        )


class _NotJSONError(ValueError):
    """Bytes that are no JSON, as half a line is."""


def _json(line: bytes) -> object:
    try:
        return json.loads(line.decode())
    except UnicodeDecodeError as error:
        raise _NotJSONError(f"byte {error.start + 1} is no UTF-8") from None
    except json.JSONDecodeError as error:
        raise _NotJSONError(f"no JSON, or cut off, at column {error.colno}: {error.msg}") from None
    except RecursionError:
        raise ValueError("nested too deeply") from None


class Agreement(NamedTuple):
    """How far two labellers agree.

    Attributes:
        n: pairs that both have answered.
        share: of them with the same answer; nan without any.
        kappa: Cohen's: 0 as by chance, 1 always; nan where both give one and the same answer to everything, by which
            chance explains all.
    """

    n: int
    share: float
    kappa: float


def agreement(first: Iterable[Comparison], second: Iterable[Comparison]) -> Agreement:
    """Cohen's kappa, (observed - expected) / (1 - expected), of the answers "a", "b" and "tie" (Cohen 1960).

    The same pair with its samples changed round is the same pair; skipped ones are left out. Where a pair was answered
    several times, the first answers belong together, then the second ones.

    >>> yours = [Comparison("", "ab", "ba", "a"), Comparison("", "c", "d", "b"), Comparison("", "e", "f", "a")]
    >>> theirs = [Comparison("", "ba", "ab", "b"), Comparison("", "c", "d", "b"), Comparison("", "e", "f", "tie")]
    >>> agreement(yours, theirs)
    Agreement(n=3, share=0.6666666666666666, kappa=0.5)
    """
    ours = list(first)
    both = [(c.choice, other) for c, other in zip(ours, counterparts(ours, second), strict=True) if other is not None]
    n = len(both)
    if not n:
        return Agreement(0, math.nan, math.nan)
    mine, theirs = Counter(pair[0] for pair in both), Counter(pair[1] for pair in both)
    same = sum(one == other for one, other in both)
    chance = sum(mine[choice] * theirs[choice] for choice in mine)  # times n²; whole numbers: 1 - 1 is exactly 0
    kappa = (same * n - chance) / (n * n - chance) if chance < n * n else math.nan
    return Agreement(n, same / n, kappa)


def counterparts(first: Iterable[Comparison], second: Iterable[Comparison]) -> list[Choice | None]:
    """For each answer of `first` the one that `second` gives to that pair, by the first's a and b; None: there is none.

    They belong together as for `agreement`.
    """
    waiting: dict[tuple[str, ...], deque[Comparison]] = {}
    for comparison in second:
        if comparison.choice != "skip":
            waiting.setdefault(_pair(comparison), deque()).append(comparison)
    found: list[Choice | None] = []
    for comparison in first:
        others = waiting.get(_pair(comparison)) if comparison.choice != "skip" else None
        other = others.popleft() if others else None
        found.append(None if other is None else (other if other.a == comparison.a else other.mirrored).choice)
    return found


def _pair(comparison: Comparison) -> tuple[str, ...]:
    return (comparison.prompt, *sorted((comparison.a, comparison.b)))


def draw(seed: int, *texts: str) -> float:
    """A number of [0, 1) that is as good as random, and always the same for the same seed and texts."""
    digest = hashlib.sha256(json.dumps([seed, *texts]).encode()).digest()
    return int.from_bytes(digest[:6]) / 2**48


@dataclass(frozen=True)
class SimulatedLabeller:
    """Prefers the sample of the higher reward, with errors. It has no favourite side, and always answers the same.

    >>> SimulatedLabeller(len).choose("long", "longer")
    'b'

    Args:
        reward: what a sample is worth to it.
        error_rate: how likely it says the wrong one, 0 … 1.
        scale: in place of `error_rate`, Bradley and Terry's noise: it says a with probability
            sigmoid((reward(a) - reward(b)) / scale), so that close pairs are the hard ones (Bradley and Terry 1952).
        tie_within: rewards that are no further apart than this are a tie; equal ones always are.
        seed: of its errors.

    Raises:
        ValueError: for values out of range, or both kinds of noise.
    """

    reward: Callable[[str], float]
    error_rate: float = 0.0
    scale: float | None = None
    tie_within: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.error_rate <= 1:
            raise ValueError(f"error_rate must be 0 … 1, got {self.error_rate}")
        if self.scale is not None and not 0 < self.scale < math.inf:
            raise ValueError(f"scale must be above 0, got {self.scale}; leave it out for none")
        if self.scale is not None and self.error_rate:
            raise ValueError("give error_rate or scale, not both: each says how often it errs")
        if not self.tie_within >= 0:
            raise ValueError(f"tie_within must be 0 or more, got {self.tie_within}")

    def choose(self, a: str, b: str) -> Choice:
        """Which of two samples is better: "a", "b" or "tie".

        Raises:
            ValueError: for a reward that is not finite.
        """
        # By the samples' order, not by their places: (b, a) gets the mirrored answer.
        low, high = sorted((a, b))
        gap = self._value(low) - self._value(high)
        if abs(gap) <= self.tie_within:
            return "tie"
        u = draw(self.seed, low, high)
        if self.scale is None:
            says_low = (gap > 0) != (u < self.error_rate)
        else:
            says_low = u < (1 + math.tanh(gap / self.scale / 2)) / 2  # the sigmoid, without overflow
        return "a" if says_low == (a == low) else "b"

    def label(self, pairs: Iterable[Sequence[str]], labeller: str = "simulated") -> list[Comparison]:
        """Its answers to pairs of (prompt, a, b)."""
        return [Comparison(prompt, a, b, self.choose(a, b), labeller) for prompt, a, b in pairs]

    def _value(self, text: str) -> float:
        value = float(self.reward(text))
        if not math.isfinite(value):
            raise ValueError(f"the reward of {text!r} is {value}; it must be finite")
        return value
