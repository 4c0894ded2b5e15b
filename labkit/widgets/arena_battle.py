"""Two agents in the lab, the same means: their curves and their energy live, then the verdict."""

from collections.abc import Mapping
from typing import Any

import ipywidgets as widgets

from labkit.arena import Agent, Battle, BattleResult
from labkit.arena.leaderboard import Leaderboard
from labkit.training import BackgroundRun

from .arena_card import LOSS_LIMIT, REFRESH, number_field
from .arena_html import energy_html, joules, leaderboard_html, meter, verdict_html
from .arena_work import EXPECTED, WINDOW, Fight
from .chart import LineChart
from .panel import Panel, button, error_html, line_of

MEANS = {"steps": 200, "energy": 20.0}
"""What each side may do, or spend in joules, at first."""

COLORS = ["class0", "class1"]


class BattleCard(Panel):
    """A live battle of two agents.

    It is fought by copies, in a daemon thread; the agents stay as they are. Stop ends it after the round
    in progress, and the verdict then says that it was cut short.

    Headless: `battle.start.click()`, then `battle.wait()`; `battle.result` is the verdict.

    Args:
        board: where both sides of a battle that was fought to the end are entered; shown beneath.
        options: `n_names`, `n_held_out`, `seed` of `labkit.arena.Battle`.

    Attributes:
        a, b: who; dropdowns of names.
        means: "steps" or "energy", a toggle.
        amount: how many steps, or joules, each side has.
        beginning: "untrained" or "as trained".
        start, stop: the buttons.
        chart: the running mean of each side's loss.
        fight: the latest battle, None before the first.
    """

    def __init__(self, board: Leaderboard | None = None, **options: Any) -> None:
        self.board, self.options = board, options
        self.fight: Fight | None = None
        self.driver: BackgroundRun | None = None
        self._agents: dict[str, Agent] = {}
        self._amounts: dict[str, float] = dict(MEANS)
        self._refused: Exception | None = None

        self.a, self.b = (_dropdown(side, f"who fights as {side}") for side in "AB")
        self.means = widgets.ToggleButtons(
            options=[("same steps", "steps"), ("same energy", "energy")],
            tooltips=["each side makes so many steps", "each side may spend so many joules"],
        )
        self.amount = number_field("steps", MEANS["steps"], "what each side has", integer=False)
        self.beginning = _dropdown("begin", "with fresh models, or with what they have learned")
        self.beginning.options = ("untrained", "as trained")
        self.beginning.value = "untrained"  # new options choose nothing by themselves
        self.start = button("Start", "primary", self._start, "let them fight")
        self.stop = button("Stop", "", self._stop, "end after this round; the verdict follows")
        self.chart = LineChart(
            series=["A", "B"],
            colors=COLORS,
            x_label="round",
            y_label=f"loss, mean of {WINDOW} (nats)",
            y_limit=LOSS_LIMIT,
            y_zero=False,
        )
        self.energies, self.status, self.error = widgets.HTML(), widgets.HTML(), widgets.HTML()
        self.verdict, self.ranking = widgets.HTML(), widgets.HTML()
        self.means.observe(self._other_means, "value")

        super().__init__(
            [
                widgets.HTML('<span class="lb-arena-title">Battle</span>'),
                line_of(self.a, self.b, self.means, self.amount, self.beginning, self.start, self.stop),
                line_of(self.chart, name="lb-figures"),
                self.energies,
                self.status,
                self.error,
                self.verdict,
                self.ranking,
            ]
        )
        self.add_class("lb-battle")
        self._show_ranking()
        self._update()

    def __repr__(self) -> str:
        return f"{type(self).__name__} ({self.state})"

    @property
    def result(self) -> BattleResult | None:
        """The verdict; None before there is one."""
        return self.fight.result if self.fight else None

    @property
    def state(self) -> str:
        """One of "idle", "fighting", "measuring"; then "done", "cut short", "refused", "stopped" or "failed"."""
        if self._refused is not None:
            return "refused"
        if self.fight is None or self.driver is None:
            return "idle"
        if self.driver.state == "running":
            return "measuring" if self.fight.measuring else "fighting"
        if self.driver.state == "done":
            if self.fight.result is None:
                return "refused"
            return "done" if self.fight.battle and self.fight.battle.over else "cut short"
        return self.driver.state

    @property
    def fighting(self) -> bool:
        """Whether a battle is on."""
        return self.driver is not None and self.driver.state == "running"

    def offer(self, agents: Mapping[str, Agent]) -> None:
        """Who can be chosen. Those chosen before stay chosen."""
        self._agents = dict(agents)
        names = list(agents)
        for place, box in enumerate((self.a, self.b)):
            chosen = box.value if box.value in names else names[min(place, len(names) - 1)] if names else None
            box.options = names
            box.value = chosen
        # B was alone with A at first: as soon as there is another one, let it fight.
        if self.a.value == self.b.value and len(names) > 1:
            self.b.value = next(name for name in names if name != self.a.value)
        if not self.fighting:
            self._update()

    def wait(self, timeout: float | None = 120) -> str:
        """Until the verdict is there; returns the state. For notebooks under test.

        Raises:
            TimeoutError: if it takes more than `timeout` seconds.
        """
        if self.driver is not None:
            self.driver.wait(timeout)
        return self.state

    def end(self, wait: bool = False) -> None:
        """End the battle without a verdict; measuring, which takes seconds, is not waited for."""
        fight, driver = self.fight, self.driver
        if fight is not None and driver is not None:
            fight.abandoned = True
            driver.stop(wait=wait and not fight.measuring)

    def close(self) -> None:
        """End the battle, then take the panel away; `fight` stays."""
        self.end(wait=True)
        if self.fight is not None and self.driver is not None:
            self.driver.on_update = None
            self.fight.tell = lambda: None
        super().close()

    # -- what buttons do: say what is wanted

    def _start(self) -> None:
        if self.fighting:
            return
        self._refused = None
        try:
            if self.a.value is None or self.b.value is None:
                raise ValueError("battle: choose two agents")
            means = {self.means.value: _amount(self.means.value, self.amount.value)}
        except ValueError as error:
            self._refused = error
            self._update()
            return
        a, b = self._agents[self.a.value], self._agents[self.b.value]
        fresh = self.beginning.value == "untrained"
        fight = Fight(a, b, self.board, fresh=fresh, **means, **self.options)
        fight.tell = self._update
        self.fight = fight
        self.driver = BackgroundRun(fight, on_update=self._update, every=REFRESH)
        self.chart.series = [a.name, b.name]
        self.chart.x_max = int(means.get("steps") or 0)
        self.driver.train()

    def _stop(self) -> None:
        if self.fight is not None:
            self.fight.cut_short = True

    def _other_means(self, change: Mapping[str, Any]) -> None:
        self._amounts[change["old"]] = self.amount.value
        self.amount.description = {"steps": "steps", "energy": "joules"}[change["new"]]
        self.amount.value = self._amounts[change["new"]]

    # -- drawing: called from the thread a few times a second, and at each change of state

    def _update(self) -> None:
        fight, fighting = self.fight, self.fighting
        self.start.disabled = fighting or len(self._agents) < 2
        self.stop.disabled = not fighting
        self.status.value = self._status_html()
        self.error.value = self._error_html()
        if fight is None:
            return
        self.energies.value = _energies_html(fight.battle) if fight.battle else ""
        whole = fight.battle is not None and fight.battle.over
        self.verdict.value = verdict_html(fight.result, fight.step, whole) if fight.result else ""
        if not fighting and fight.result is not None:
            self._show_ranking()
        rounds = fight.step
        self.chart.plot(fight.rounds[:rounds], *(losses[:rounds] for losses in fight.losses))

    def _show_ranking(self) -> None:
        if self.board is not None:
            try:
                self.ranking.value = leaderboard_html(self.board.ranking())
            except EXPECTED as error:
                self.ranking.value = error_html(error, expected=EXPECTED)

    def _status_html(self) -> str:
        fight = self.fight
        if fight is None or self._refused is not None:
            return f"<b>{self.state}</b>" + (" · create two agents" if len(self._agents) < 2 else "")
        total = fight.options.get("steps")
        parts = [f"<b>{self.state}</b>", f"round {fight.step:,}" + (f" of {total:,}" if total else "")]
        last = fight.battle.rounds[-1] if fight.battle and fight.battle.rounds else None
        if last is not None and self.state == "fighting":
            for side, losses in zip((last.a, last.b), fight.losses, strict=True):
                if side.stopped_because and side.loss is None:
                    parts.append(f"{side.name} {side.stopped_because}")
                else:
                    parts.append(f"{side.name} loss {losses[fight.step - 1]:.4g}")
        if self.state == "measuring":
            parts.append("predicting held-out names, writing new ones")
        return " · ".join(parts)

    def _error_html(self) -> str:
        error = self.driver.error if self.driver is not None else None
        if error is not None and self._refused is None:
            return error_html(error)
        return error_html(self._refused or (self.fight.problem if self.fight else None), expected=EXPECTED)


def _dropdown(label: str, tip: str) -> widgets.Dropdown:
    made = widgets.Dropdown(description=label, tooltip=tip)
    made.style.description_width = "auto"
    made.add_class("lb-field")
    return made


def _amount(means: str, value: float) -> float:
    """`value` as `Battle` takes it.

    Raises:
        ValueError: for steps that are no whole number.
    """
    if means == "energy":
        return value
    if not float(value).is_integer():
        raise ValueError(f"battle: steps must be a whole number of 0 or more, got {value:g}")
    return int(value)


def _energies_html(battle: Battle) -> str:
    """Both sides' energy: of their limit; without one, the bars compare them."""
    sides = (battle.a, battle.b)
    most = max(side.budget.spent for side in sides)
    lines = []
    for side in sides:
        spent, limit = side.budget.spent, side.budget.limit
        if limit is None:
            bar = meter(spent / most if most else 0.0, f"{side.name}, energy spent, of the side that spent more")
            lines.append(f"{side.name} {bar} {joules(spent)} J spent")
        else:
            lines.append(energy_html(side.name, spent, limit, not side.budget.can_pay(side.run.next_cost())))
    return '<div class="lb-energies">' + "".join(f"<div>{line}</div>" for line in lines) + "</div>"
