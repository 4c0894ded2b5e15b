"""Everybody against everybody in the lab: games one by one, then ratings with their uncertainty."""

from collections.abc import Iterator, Mapping
from typing import Any

import ipywidgets as widgets

from labkit.arena import Agent, Game, Standing, Tournament
from labkit.arena.battle import measure, verdict
from labkit.training import BackgroundRun, Step

from .arena_card import REFRESH, number_field
from .arena_html import standings_html
from .arena_work import EXPECTED
from .panel import Panel, button, error_html, line_of

STEPS, GAMES = 100, 2


class Contest:
    """A tournament from beginning to end, one small thing after the other, as a `BackgroundRun` drives it.

    Copies take part: untrained ones that learn for `steps` steps first, or the agents as they are at 0.

    Args:
        agents: by name.
        steps: how many each copy learns.
        games: how often two meet, each time with other written names.
        seed: seeds the writing.
        options: `n_names`, `n_held_out` of `labkit.arena.battle.measure`.

    Attributes:
        tournament: with the games so far.
        pupils: the copies, by name, as far as they are made.
        learning: the name of the one that learns; "" when all have.
        step: training steps and games done.
        cut_short: set it, and it ends after what is in progress.
        problem: what was refused, if anything.

    Raises:
        ValueError: for fewer than two agents, no games, a number of steps below 0, or agents of different names.
    """

    def __init__(self, agents: Mapping[str, Agent], steps: int, games: int, seed: int = 0, **options: Any) -> None:
        if steps < 0:
            raise ValueError(f"tournament: a number of steps is 0 or more, got {steps}")
        if len({agent.names.digest for agent in agents.values()}) > 1:
            raise ValueError("tournament: the agents learn different names; perplexities compare on the same ones only")
        self.steps, self.seed, self.options = steps, seed, options
        self.tournament = Tournament(dict(agents), self._play, games)
        self.pupils: dict[str, Agent] = {}
        self._predicts: dict[str, float] = {}  # a game's seed changes what is written, not what is predicted
        self._waiting = list(agents.values())
        self._lesson: Iterator[Step] = iter(())
        self.learning = self._waiting[0].name
        self.step = 0
        self.cut_short = False
        self.problem: Exception | None = None

    def reset(self) -> None:
        """A contest is made anew instead."""
        self.cut_short = True

    def __next__(self) -> object:
        if self.cut_short or self.problem is not None:
            raise StopIteration
        done: object = next(self._lesson, None)
        if done is None and self._waiting:
            agent = self._waiting.pop(0)
            done = self.pupils[agent.name] = pupil = agent.untrained() if self.steps else agent.copy()
            self._lesson, self.learning = pupil.steps(self.steps), agent.name
        if done is None:
            self.learning = ""
            try:
                done = next(self.tournament)
            except EXPECTED as error:
                self.problem = error
                raise StopIteration from None
        self.step += 1
        return done

    def _play(self, a: Agent, b: Agent) -> float:
        seed = self.seed + len(self.tournament.games)
        sides = []
        for agent in (self.pupils[a.name], self.pupils[b.name]):
            side = measure(agent, seed, ppl=self._predicts.get(agent.name), **self.options)
            self._predicts[agent.name] = side.perplexity
            sides.append(side)
        result = verdict(*sides)
        return 0.5 if result.winner is None else float(result.winner == a.name)


class TournamentCard(Panel):
    """A round robin over the agents of the panel, in a daemon thread; the agents stay as they are.

    Headless: `panel.tournament.start.click()`, then `panel.wait()`.

    Args:
        options: `n_names`, `n_held_out`, `seed` of `labkit.arena.Battle`.

    Attributes:
        steps: how many steps untrained copies learn first; 0: the agents compete as they are.
        games: how often two meet.
        start, stop: the buttons.
        contest: the latest; None before the first.
    """

    def __init__(self, **options: Any) -> None:
        self.options = options
        self.contest: Contest | None = None
        self.driver: BackgroundRun | None = None
        self._agents: dict[str, Agent] = {}
        self._refused: Exception | None = None
        self.steps = number_field("steps", STEPS, "fresh copies learn so many first; 0: the agents as they are")
        self.games = number_field("games", GAMES, "how often two meet")
        self.start = button("Start", "primary", self._start, "everybody against everybody")
        self.stop = button("Stop", "", self._stop, "end after this game; the table counts the games so far")
        self.status, self.error, self.table = widgets.HTML(), widgets.HTML(), widgets.HTML()
        super().__init__(
            [
                widgets.HTML('<span class="lb-arena-title">Tournament</span>'),
                line_of(self.steps, self.games, self.start, self.stop),
                self.status,
                self.error,
                self.table,
            ]
        )
        self.add_class("lb-tournament")
        self._update()

    def __repr__(self) -> str:
        return f"{type(self).__name__} ({self.state})"

    @property
    def standings(self) -> list[Standing]:
        """The table of the games so far, the highest rating first."""
        return self.contest.tournament.standings() if self.contest and self.contest.tournament.games else []

    @property
    def state(self) -> str:
        """One of "idle", "learning", "playing"; then "done", "cut short", "refused", "stopped" or "failed"."""
        contest, driver = self.contest, self.driver
        if self._refused is not None or (contest is not None and contest.problem is not None):
            return "refused"
        if contest is None or driver is None:
            return "idle"
        if driver.state == "running":
            return "learning" if contest.learning else "playing"
        if driver.state == "done":
            return "done" if len(contest.tournament.games) == contest.tournament.total else "cut short"
        return driver.state

    def offer(self, agents: Mapping[str, Agent]) -> None:
        """Who takes part in the next tournament."""
        self._agents = dict(agents)
        if self.driver is None or self.driver.state != "running":
            self._update()

    def wait(self, timeout: float | None = 120) -> str:
        """Until it is over; returns the state. For notebooks under test.

        Raises:
            TimeoutError: if it takes more than `timeout` seconds.
        """
        if self.driver is not None:
            self.driver.wait(timeout)
        return self.state

    def end(self, wait: bool = False) -> None:
        """End the tournament; a game, which takes seconds and changes nothing, is not waited for."""
        if self.contest is not None and self.driver is not None:
            self.driver.stop(wait=wait and self.contest.learning != "")

    def close(self) -> None:
        """End the tournament, then take the card away; `contest` stays."""
        self.end(wait=True)
        if self.driver is not None:
            self.driver.on_update = None
        super().close()

    def _start(self) -> None:
        if self.driver is not None and self.driver.state == "running":
            return
        try:
            self.contest, self._refused = (
                Contest(self._agents, self.steps.value, self.games.value, **self.options),
                None,
            )
        except ValueError as error:
            self._refused = error
            self._update()
            return
        self._refused = None
        self.driver = BackgroundRun(self.contest, on_update=self._update, every=REFRESH)
        self.driver.train()

    def _stop(self) -> None:
        if self.contest is not None:
            self.contest.cut_short = True

    def _update(self) -> None:
        running = self.driver is not None and self.driver.state == "running"
        self.start.disabled = running or len(self._agents) < 2
        self.stop.disabled = not running
        self.status.value = self._status_html()
        if self._refused is None and self.driver is not None and self.driver.error is not None:
            self.error.value = error_html(self.driver.error)
        else:
            problem = self._refused or (self.contest.problem if self.contest else None)
            self.error.value = error_html(problem, expected=EXPECTED)
        self.table.value = standings_html(self.standings)

    def _status_html(self) -> str:
        contest, parts = self.contest, [f"<b>{self.state}</b>"]
        if contest is None or self._refused is not None:
            return parts[0] + (" · create two agents" if len(self._agents) < 2 else "")
        games = contest.tournament.games
        if contest.learning and (pupil := contest.pupils.get(contest.learning)):
            parts.append(f"{pupil.name}, step {pupil.run.step:,} of {contest.steps:,}")
        parts.append(f"game {len(games):,} of {contest.tournament.total:,}")
        if games:
            parts.append(_said(games[-1]))
        return " · ".join(parts)


def _said(game: Game) -> str:
    how = "a tie" if game.result == 0.5 else f"{game.a if game.result else game.b} wins"
    return f"{game.a} against {game.b}: {how}"
