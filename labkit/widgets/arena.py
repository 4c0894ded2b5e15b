"""The arena in the lab: create agents, train them on a budget, let them fight."""

import html
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import ipywidgets as widgets

from labkit.arena import Agent, AgentConfig, list_agents, load_agent
from labkit.arena.config import ENGINES
from labkit.arena.leaderboard import Leaderboard
from labkit.data import Names, load_names
from labkit.training import BackgroundRun
from labkit.training.background import replace_earlier

from .arena_battle import BattleCard
from .arena_card import AgentCard, limit_of, number_field, text_field
from .arena_tournament import TournamentCard
from .arena_work import EXPECTED, Jobs
from .panel import Panel, button, cell_key, close_whole, error_html, line_of

ENERGY = "30"
"""Joules in the form at first: about 200 steps of the smallest model of chapter 2."""


class AgentForm(Panel):
    """A line to create an agent, and to load one that was saved.

    What cannot be is said at the form. Building and reading take place in a daemon thread, so the card is
    there after `wait()`.

    Args:
        panel: where the cards go.

    Attributes:
        name, n_embd, n_layer, n_head, learning_rate, engine, energy: the fields; energy "none" is without limit.
        create: the button.
        saved, load: which agent of the folder, and the button; not shown where the panel has no folder.
        error: what was refused, and why.
    """

    def __init__(self, panel: "ArenaPanel") -> None:
        self.panel = panel
        self.work = Jobs()
        self.work.tell = self._update
        self.driver = BackgroundRun(self.work, on_update=self._update)
        self.name = text_field("name", "", "Tiny", "letters, digits, _ and -")
        self.n_embd = number_field("width", 16, "n_embd; divisible by the heads")
        self.n_layer = number_field("layers", 1, "n_layer")
        self.n_head = number_field("heads", 4, "n_head")
        self.learning_rate = number_field("learning rate", 0.01, "at the first step", integer=False)
        tip = "scalar: chapter 2's; torch: chapter 4's, the same losses for the same energy, sooner"
        self.engine = widgets.Dropdown(options=ENGINES, description="engine", tooltip=tip)
        self.engine.style.description_width = "auto"
        self.engine.add_class("lb-field")
        self.energy = text_field("energy, J", ENERGY, "none", "joules it may spend in all; none: without limit")
        self.create = button("Create", "primary", self._create, "an untrained agent")
        self.saved = widgets.Dropdown(description="saved", tooltip="agents of the folder")
        self.saved.style.description_width = "auto"
        self.saved.add_class("lb-field")
        self.load = button("Load", "", self._load, "read it; a card of the same name is replaced")
        self.status, self.error = widgets.HTML(), widgets.HTML()
        shape = [self.name, self.n_embd, self.n_layer, self.n_head]
        fields = [*shape, self.learning_rate, self.engine, self.energy, self.create]
        if panel.folder is not None:
            fields += [self.saved, self.load]
        else:
            close_whole(self.saved)
            close_whole(self.load)
        title = widgets.HTML('<span class="lb-arena-title">New agent</span>')
        super().__init__([title, line_of(*fields), self.status, self.error])
        self.add_class("lb-form")
        self.refresh()
        self._update()

    def refresh(self) -> None:
        """Look again which agents lie in the folder."""
        if self.panel.folder is not None:
            chosen, names = self.saved.value, list_agents(self.panel.folder)
            self.saved.options = names
            self.saved.value = chosen if chosen in names else names[0] if names else None

    def end(self, wait: bool = False) -> None:
        """End making or reading after what is in progress; the form's own thread does not wait for itself."""
        self.driver.stop(wait)

    def close(self) -> None:
        """End the thread, then take the form away."""
        self.end(wait=True)
        self.driver.on_update = None
        self.work.tell = lambda: None
        super().close()

    def _create(self) -> None:
        try:
            config = AgentConfig(
                self.name.value.strip(),
                n_embd=self.n_embd.value,
                n_layer=self.n_layer.value,
                n_head=self.n_head.value,
                learning_rate=self.learning_rate.value,
                engine=self.engine.value,
            )
            energy = limit_of(self.energy.value)
            self.panel.check_free(config.name)
        except ValueError as error:
            self.work.problem = error
            self._update()
            return
        self._do(f"making {config.name} …", lambda: self.panel.add(Agent(config, self.panel.names, energy)))

    def _load(self) -> None:
        name, folder = self.saved.value, self.panel.folder
        if name is None or folder is None:
            self.work.problem = ValueError("load: there is no saved agent yet")
            self._update()
            return
        self._do(f"reading {name} …", lambda: self._read(name, folder))

    def _read(self, name: str, folder: str | Path) -> None:
        names = self.panel.names
        try:
            agent = load_agent(name, folder, names)
        except ValueError:
            agent = load_agent(name, folder)  # trained on other names than the panel's: its own, by their source
        self.panel.add(agent, replace=True)

    def _do(self, word: str, job: Callable[[], object]) -> None:
        self.work.ask(word, job)
        self.driver.train()

    def _update(self) -> None:
        busy = self.driver.state == "running"
        self.status.value = html.escape(self.work.doing) if busy else ""
        problem = self.work.problem
        self.error.value = error_html(problem, EXPECTED) if problem else error_html(self.driver.error)


class ArenaPanel(Panel):
    """The arena: a form, a card for each agent, a battle, a tournament.

    Everything slow is done in daemon threads; buttons only say what is wanted. Making a panel again in the
    same cell ends what the earlier one does. An exception is shown where it happened.

    Headless: `panel.cards["Tiny"].train.click()` or `panel.battle.start.click()`, then `panel.wait()`.

    Args:
        agents: those that are there from the beginning.
        names: what new agents learn; those of the first agent, or the embedded list, when left out.
        folder: where agents are saved and loaded; without one there is no Save and no Load.
        leaderboard: where battles are entered, or the path of its file; shown under the battle.
        key: who the panel is, where the cell does not say it.
        battle_options: `n_names`, `n_held_out`, `seed` of `labkit.arena.Battle`.

    Attributes:
        form: the `AgentForm`.
        cards: name -> `AgentCard`.
        battle: the `BattleCard`.
        tournament: the `TournamentCard`.
    """

    def __init__(
        self,
        agents: Iterable[Agent] = (),
        names: Names | None = None,
        folder: str | Path | None = None,
        leaderboard: Leaderboard | str | Path | None = None,
        key: str | None = None,
        **battle_options: Any,
    ) -> None:
        agents = list(agents)
        self.names = names or (agents[0].names if agents else load_names())
        self.folder = folder
        self.cards: dict[str, AgentCard] = {}
        board = Leaderboard(leaderboard) if isinstance(leaderboard, str | Path) else leaderboard
        if not isinstance(board, Leaderboard | None):
            raise TypeError(f"leaderboard must be a Leaderboard or the path of its file, got {leaderboard!r}")
        self.battle = BattleCard(board, **battle_options)
        self.tournament = TournamentCard(**battle_options)
        self.form = AgentForm(self)
        self._row = line_of(name="lb-cards")
        super().__init__([self.form, self._row, self.battle, self.tournament])
        self.add_class("lb-panel")
        self.add_class("lb-arena")
        for agent in agents:
            self.add(agent)
        who, execution = (key, None) if key else cell_key(f"arena {type(self).__name__}")
        replace_earlier(who, execution, self)  # last: whoever stops this one finds it complete; no thread is on yet

    def __repr__(self) -> str:
        there = ", ".join(f"{name} ({card.state})" for name, card in self.cards.items()) or "no agents yet"
        return f"{type(self).__name__}: {there}"

    @property
    def agents(self) -> dict[str, Agent]:
        """The agents of the cards, by name."""
        return {name: card.agent for name, card in self.cards.items()}

    def check_free(self, name: str) -> None:
        """Raise a ValueError if an agent is called so, or would be the same file on some systems."""
        for other in self.cards:
            if other.lower() == name.lower():
                raise ValueError(f"there is an agent {other!r} already; choose another name")

    def add(self, agent: Agent, replace: bool = False) -> AgentCard:
        """A card for `agent`.

        Args:
            agent: it goes on from where it is.
            replace: whether it may take the place of a card of the same name.

        Raises:
            ValueError: for a name that is taken.
        """
        earlier = self.cards.get(agent.name) if replace else None
        if earlier is None:
            self.check_free(agent.name)
        else:
            earlier.end()
        self.cards[agent.name] = AgentCard(agent, self.folder, self.form.refresh)
        self._row.children = list(self.cards.values())
        if earlier is not None:
            earlier.close()
        self.battle.offer(self.agents)
        self.tournament.offer(self.agents)
        return self.cards[agent.name]

    def wait(self, timeout: float | None = 120) -> dict[str, str]:
        """Until nothing is being done; returns the state of each agent. For notebooks under test.

        Raises:
            TimeoutError: if something goes on for more than `timeout` seconds.
        """
        self.form.driver.wait(timeout)
        states = {name: card.wait(timeout) for name, card in self.cards.items()}
        self.battle.wait(timeout)
        self.tournament.wait(timeout)
        return states

    def stop(self, wait: bool = False) -> None:
        """End all threads after what is in progress. A later press of a button goes on."""
        if not self.children:  # it was refused while it was made, and is thrown away
            return
        parts: list[AgentForm | AgentCard | BattleCard | TournamentCard]
        parts = [self.form, *self.cards.values(), self.battle, self.tournament]
        for part in parts:
            part.end()
        if wait:  # all were told first
            for part in parts:
                part.end(wait=True)

    def close(self) -> None:
        """End all threads, then take the panel away; `agents` stays."""
        self.stop(wait=True)
        super().close()
