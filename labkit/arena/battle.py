"""Two agents, the same means: a battle is an iterator of rounds, as a run is one of steps.

for round in Battle(a, b, steps=500):
    print(round.a.loss, round.b.loss)
"""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace

from .agent import Agent
from .energy import Budget
from .run import StopReason
from .score import battle_score, perplexity, uniqueness

N_NAMES, N_HELD_OUT = 50, 100
"""How many names are written, and how many held-out ones predicted, to measure an agent."""
TIE_POINTS = 0.5
"""Scores closer than this are a tie: it is about what two names of fifty, more or less new, are worth."""


@dataclass(frozen=True)
class Side:
    """One agent in one round.

    Attributes:
        name: the agent's.
        step: how many steps it has done, those before the battle included.
        loss: of this round's step, in nats; None when it made none.
        energy: joules spent in this battle.
        stopped_because: why it makes no more steps; None while it does.
    """

    name: str
    step: int
    loss: float | None
    energy: float
    stopped_because: StopReason | None


@dataclass(frozen=True)
class Round:
    """Both sides after one round; `number` counts from 1."""

    number: int
    a: Side
    b: Side


@dataclass(frozen=True)
class Outcome:
    """What one side reached.

    Attributes:
        name: the agent's.
        steps: made in this battle; of an agent that was measured without one, all.
        energy: joules spent, likewise.
        perplexity: on held-out names.
        uniqueness: the share of `generated` that is new.
        score: 0 … 100, see `battle_score`.
        generated: the names it wrote.
        stopped_because: "done", "out of energy", "diverged", or None if the battle was cut short.
        trouble: what was said when it diverged, else "".
    """

    name: str
    steps: int
    energy: float
    perplexity: float
    uniqueness: float
    score: float
    generated: list[str]
    stopped_because: StopReason | None
    trouble: str


@dataclass(frozen=True)
class BattleResult:
    """Both outcomes, and the winner's name (None for a tie)."""

    a: Outcome
    b: Outcome
    winner: str | None


class Battle:
    """Two agents train side by side with the same means; then they are measured.

    The battle works on copies: the agents that are given stay as they are, and the same battle gives
    the same result again. The copies have a fresh budget. In a round each side that still can makes
    one step, so with equal energy the cheaper model makes more steps. A side that diverges or runs out
    stops, with its last sound model, and the other goes on.

    Args:
        a: one agent.
        b: the other, with another name and the same data.
        steps: how many each may make; or
        energy: how many joules each may spend.
        fresh: True: both begin untrained, so their settings decide alone. False: from what they have learned.
        n_names: how many names each writes for the result, at its own temperature.
        n_held_out: how many held-out names they are asked to predict.
        seed: seeds the writing.

    Attributes:
        a, b: the copies that fight.
        rounds: what happened so far.
        steps_before, spent_before: by name, the steps and joules of the state that a side began with; 0 when fresh.

    Raises:
        ValueError: for two agents of one name or of different data, data without held-out names, or means that
            cannot be.
    """

    def __init__(
        self,
        a: Agent,
        b: Agent,
        steps: int | None = None,
        energy: float | None = None,
        fresh: bool = True,
        n_names: int = N_NAMES,
        n_held_out: int = N_HELD_OUT,
        seed: int = 0,
    ) -> None:
        if a.name == b.name:
            raise ValueError(f"battle: both agents are called {a.name!r}; the winner would have no name of its own")
        if a.names.digest != b.names.digest:
            raise ValueError(
                f"battle: {a.name} learned {a.names.source!r} and {b.name} learned {b.names.source!r}; "
                "perplexities compare on the same names only"
            )
        if not a.names.held_out:
            raise ValueError(f"battle: the names {a.names.source!r} hold none out to measure the agents on")
        if (steps is None) == (energy is None):
            raise ValueError("battle: give steps or energy, one of the two")
        if steps is not None and steps < 0:
            raise ValueError(f"battle: steps must be 0 or more, got {steps}")
        if n_names < 1 or n_held_out < 1:
            raise ValueError(f"battle: n_names and n_held_out must be 1 or more, got {n_names} and {n_held_out}")
        self.steps, self.seed, self.n_names, self.n_held_out = steps, seed, n_names, n_held_out
        self.a, self.b = (agent.untrained() if fresh else agent.copy() for agent in (a, b))
        self.steps_before = {agent.name: agent.run.step for agent in (self.a, self.b)}
        self.spent_before = {agent.name: agent.budget.spent for agent in (self.a, self.b)}
        for agent in (self.a, self.b):
            agent.run.budget = Budget(energy)
            agent.run.stopped_because = None
            agent.run.max_steps = None  # the battle says when it ends
        self.rounds: list[Round] = []

    def __iter__(self) -> Iterator[Round]:
        return self

    def __next__(self) -> Round:
        if self.over:
            raise StopIteration
        done = Round(len(self.rounds) + 1, self._fight(self.a), self._fight(self.b))
        self.rounds.append(done)
        return done

    @property
    def over(self) -> bool:
        """Whether both sides have stopped."""
        return all(self._stopped(agent) is not None for agent in (self.a, self.b))

    def _made(self, agent: Agent) -> int:
        return agent.run.step - self.steps_before[agent.name]

    def _stopped(self, agent: Agent) -> StopReason | None:
        if agent.stopped_because is not None:
            return agent.stopped_because
        if self.steps is not None and self._made(agent) >= self.steps:
            return "done"
        # Looked at ahead of the step: the last step's round already tells that it was the last.
        return None if agent.budget.can_pay(agent.run.next_cost()) else "out of energy"

    def _fight(self, agent: Agent) -> Side:
        """A step of one side, unless it has stopped."""
        step = agent.next_step() if self._stopped(agent) is None else None
        loss = step.loss if step is not None else None
        return Side(agent.name, agent.run.step, loss, agent.budget.spent, self._stopped(agent))

    # -- measuring

    def result(self) -> BattleResult:
        """Measure both and name the winner.

        It may be asked for at any time, and measures the models as they are then. Predicting and
        writing for the result costs the agents nothing.
        """
        return verdict(self._measure(self.a), self._measure(self.b))

    def _measure(self, agent: Agent) -> Outcome:
        outcome = measure(agent, self.seed, self.n_names, self.n_held_out)
        return replace(outcome, steps=self._made(agent), stopped_because=self._stopped(agent))


def measure(
    agent: Agent, seed: int = 0, n_names: int = N_NAMES, n_held_out: int = N_HELD_OUT, ppl: float | None = None
) -> Outcome:
    """How good an agent is now: what it predicts, and what it writes at its own temperature.

    It costs the agent nothing and leaves it as it was.

    Args:
        agent: whom to measure.
        seed: seeds the writing; the same for both sides of a battle.
        n_names: how many names it writes.
        n_held_out: how many held-out names it is asked to predict.
        ppl: its perplexity on these, where it is known: only the writing depends on the seed.

    Raises:
        ValueError: if there are no held-out names.
    """
    model, bos = agent.run.model, agent.names.bos
    generated = [""] * n_names
    with agent.run.lock:
        sound = all(map(math.isfinite, model.get_weights()))
        if ppl is None:  # infinite for a model that diverged before it ever was sound
            held_out = agent.names.held_out[:n_held_out]  # the split shuffled them, so the first are a sample
            ppl = perplexity(model, held_out) if sound else math.inf
        if sound:
            own, model.rng = model.rng, random.Random(seed)
            heat, longest = agent.run.controls["temperature"], model.block_size + 1
            try:
                generated = [agent.names.decode(model.sample(bos, bos, heat, longest)) for _ in generated]
            finally:
                model.rng = own
    unique = uniqueness(generated, agent.known)
    return Outcome(
        name=agent.name,
        steps=agent.run.step,
        energy=agent.budget.spent,
        perplexity=ppl,
        uniqueness=unique,
        score=battle_score(ppl, unique, model.vocab_size),
        generated=generated,
        stopped_because=agent.stopped_because,
        trouble=agent.trouble,
    )


def verdict(a: Outcome, b: Outcome) -> BattleResult:
    """Both outcomes with the winner, who leads by `TIE_POINTS` or more."""
    winner = None
    if abs(a.score - b.score) >= TIE_POINTS:
        winner = a.name if a.score > b.score else b.name
    return BattleResult(a, b, winner)
