"""What the threads of the arena's panel do: one small thing after the other, so that each can be the last.

A `BackgroundRun` drives them, as it drives a run. Buttons only write down what is wanted.
"""

import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from labkit.arena import Agent, Battle, BattleResult, Generated, OutOfEnergy, Round, measurements
from labkit.arena.agent import WINDOW
from labkit.arena.diagnose import Diagnosis, diagnose
from labkit.arena.leaderboard import Leaderboard, entries_of
from labkit.training import Step

from .arena_inside import inside_html

EXPECTED = (ValueError, OSError, OutOfEnergy)
"""What a job may raise and a sentence tells: a name that is taken, a file that is broken, no energy."""


def running_mean(values: Sequence[float]) -> float:
    """The mean of the last values."""
    last = values[-WINDOW:]
    return sum(last) / len(last)


class Jobs:
    """Things to do, one after the other.

    Attributes:
        doing: what is being done, in a word; "" for nothing.
        problem: what the last thing came to grief on, where that may well happen.
        cancelled: whether the rest was called off.
    """

    def __init__(self) -> None:
        self.tell: Callable[[], None] = lambda: None
        self.doing = ""
        self.problem: Exception | None = None
        self.cancelled = False
        self._jobs: deque[tuple[str, Callable[[], object]]] = deque()

    def ask(self, word: str, job: Callable[[], object]) -> None:
        """Do `job` when its turn comes; `word` says what it is."""
        self._fresh()
        self._jobs.append((word, job))

    def cancel(self) -> None:
        """Call off what is not begun."""
        self._jobs = deque()  # the thread may hold the old one
        self.cancelled = True

    def _fresh(self) -> None:
        self.problem, self.cancelled = None, False

    # -- what a BackgroundRun drives

    @property
    def step(self) -> int:
        """Nothing is counted here."""
        return 0

    def reset(self) -> None:
        """Call everything off."""
        self.cancel()

    def __next__(self) -> object:
        jobs = self._jobs
        if not jobs:
            return self._go_on()
        word, job = jobs.popleft()
        self._begin(word)
        try:
            job()
        except EXPECTED as error:
            self.problem = error
        return word

    def _go_on(self) -> object:
        """What there is to do besides jobs."""
        self.doing = ""
        raise StopIteration

    def _begin(self, word: str) -> None:
        if self.doing != word:
            self.doing = word
            self.tell()


@dataclass
class Writing:
    """The names that a press of Generate asked for."""

    wanted: int
    names: list[Generated] = field(default_factory=list)


class AgentWork(Jobs):
    """What one agent does: jobs first, then names, then training.

    Attributes:
        agent: whose work it is.
        until: the step at which training ends.
        writing: the latest names, and how many are wanted.
        diagnosis: the latest.
        inside: the latest picture of gradients and updates, as HTML; "" before the first.
    """

    def __init__(self, agent: Agent) -> None:
        super().__init__()
        self.agent = agent
        self.until = 0
        self.writing = Writing(0)
        self.diagnosis: Diagnosis | None = None
        self.inside = ""
        self._training: Iterator[Step] | None = None

    @property
    def training(self) -> bool:
        """Whether there are steps to make."""
        return self._training is not None

    def train(self, n: int) -> None:
        """Make `n` more steps.

        Raises:
            ValueError: for a number below 0.
        """
        steps = self.agent.steps(n)
        self._fresh()
        self.until = self.agent.run.step + n
        self._training = steps

    def write(self, n: int) -> None:
        """Write `n` names, in place of those before."""
        self._fresh()
        self.writing = Writing(n)

    def diagnose(self) -> None:
        """Find out what is wrong."""
        self.ask("diagnosing", self._diagnose)

    def look_inside(self) -> None:
        """Measure gradients and updates, and draw them."""
        self.ask("looking inside", self._look_inside)

    def cancel(self) -> None:
        """Nothing more after the step, or the name, in progress."""
        super().cancel()
        self._training = None
        self.writing = Writing(len(self.writing.names), self.writing.names)

    @property
    def step(self) -> int:
        """Training steps done."""
        return self.agent.run.step

    def reset(self) -> None:
        """A fresh model that has spent nothing."""
        super().reset()
        self._fresh()
        self.agent.run.reset()
        self.agent.trouble = ""
        self.writing, self.diagnosis, self.inside = Writing(0), None, ""

    def _go_on(self) -> object:
        writing, training = self.writing, self._training
        if len(writing.names) < writing.wanted:
            self._begin("writing")
            self._write(writing)
            return writing
        if training is not None:
            self._begin("training")
            if next(training, None) is None and self._training is training:
                self._training = None
            return training
        return super()._go_on()

    def _write(self, writing: Writing) -> None:
        try:
            [name] = self.agent.generate(1)
        except OutOfEnergy as error:
            self.problem = error
            writing.wanted = len(writing.names)
            return
        if name.new and name.name in {earlier.name for earlier in writing.names}:
            name = replace(name, score=0.0, new=False)
        writing.names.append(name)

    def _diagnose(self) -> None:
        self.diagnosis = diagnose(self.agent.run)

    def _look_inside(self) -> None:
        self.inside = inside_html(measurements(self.agent.run), self.agent.name)


class Fight:
    """A battle from beginning to verdict: its rounds, then the measuring, then the leaderboard.

    Args:
        a: one agent.
        b: the other.
        board: where both attempts are entered when the battle was fought to the end.
        options: for `Battle`.

    Attributes:
        battle: None before it begins.
        result: None before it is over.
        rounds: their numbers.
        losses: for each side, the running mean of its loss at each round; nan where it made no step.
        cut_short: set it, and the verdict comes after the round in progress.
        abandoned: set it, and there is none.
        measuring: whether the verdict is being found.
        problem: what the battle, or the leaderboard, refused.
    """

    def __init__(self, a: Agent, b: Agent, board: Leaderboard | None = None, **options: Any) -> None:
        self.agents, self.board, self.options = (a, b), board, options
        self.tell: Callable[[], None] = lambda: None
        self.reset()

    def reset(self) -> None:
        """From the beginning."""
        self.battle: Battle | None = None
        self.result: BattleResult | None = None
        self.rounds: list[int] = []
        self.losses: tuple[list[float], list[float]] = ([], [])
        self._raw: tuple[list[float], list[float]] = ([], [])
        self.cut_short = self.abandoned = self.measuring = False
        self.problem: Exception | None = None

    @property
    def step(self) -> int:
        """Rounds fought."""
        return len(self.rounds)

    def __next__(self) -> object:
        if self.abandoned or self.result is not None or self.problem is not None:
            raise StopIteration
        if self.battle is None:
            return self._begin()
        done = None if self.cut_short else next(self.battle, None)
        if done is None:
            return self._measure(self.battle)
        self._note(done)
        return done

    def _begin(self) -> object:
        a, b = self.agents
        try:
            self.battle = Battle(a, b, **self.options)
        except ValueError as error:
            self.problem = error
        return self

    def _note(self, done: Round) -> None:
        for side, raw, means in zip((done.a, done.b), self._raw, self.losses, strict=True):
            if side.loss is None:
                means.append(math.nan)
            else:
                raw.append(side.loss)
                means.append(running_mean(raw))
        self.rounds.append(done.number)  # last: whoever draws finds a value for each round

    def _measure(self, battle: Battle) -> object:
        self.measuring = True
        self.tell()
        result = battle.result()
        self.measuring = False
        if self.abandoned:
            return result
        self.result = result
        if self.board is not None and battle.over:
            try:
                self.board.add(*entries_of(battle, result))
            except EXPECTED as error:
                self.problem = error
        return result
