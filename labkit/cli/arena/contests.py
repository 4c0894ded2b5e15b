"""Commands in which agents compete: battle, leaderboard, tournament."""

from collections.abc import Callable
from pathlib import Path
from statistics import fmean

from labkit.arena import Agent, Battle, BattleResult, Round, Side, entries_of, list_agents, load_agent
from labkit.arena.battle import measure, verdict
from labkit.arena.leaderboard import QUALIFYING_SCORE
from labkit.arena.tournament import Tournament

from .base import BaseShell
from .chart import both_losses
from .commands import CommandError, Given, UsageError, command, decimal, whole
from .text import joules, limit, number, paint, progress, stop_on_interrupt, table

LINES = 10
"""How many lines a battle shows on its way."""
SAMPLES, NOTHING = 5, '""'


class ContestCommands(BaseShell):
    """What is done with two agents and more."""

    @command("battle AGENT AGENT [STEPS] [energy=J] [fresh=yes|no]", example="battle Tiny Wide energy=20")
    def do_battle(self, given: Given) -> None:
        """Let two agents train side by side and compare what they have learned.

        The result goes to the leaderboard. Both may make STEPS steps, or spend energy=J joules each: then
        the cheaper model makes more steps. Copies fight, with an energy of their own: your agents stay as
        they are. The copies begin untrained, so that width, layers, heads and learning rate decide; with
        fresh=no they begin with what your agents have learned, and the leaderboard counts what that cost.

        The score, 0 to 100, balances quality (a low perplexity on 100 names never seen) and uniqueness
        (the share of 50 written names that are new). Less than half a point apart is a tie.
        """
        a, b = (self.agent(name) for name in given.words[:2])
        steps = given.whole(2, "STEPS", 0) if given.word(2) else None
        energy = decimal(given.options["energy"], "energy") if "energy" in given.options else None
        if (steps is None) == (energy is None):
            raise UsageError("say how many STEPS each may make, or how much energy=J each may spend: one of the two")
        fresh = given.options.get("fresh", "yes") == "yes"
        battle = Battle(a, b, steps=steps, energy=energy, fresh=fresh, seed=self.seed)
        means = f"{steps:,} steps each" if steps is not None else f"{limit(energy)} each"
        self.say(f"{a.name} against {b.name}: {means}, {'both untrained' if fresh else 'as trained so far'}")
        if not self._fight(battle, steps, energy):
            self.say("the battle is called off: nothing goes to the leaderboard")
            return
        if sum(r.a.loss is not None or r.b.loss is not None for r in battle.rounds) > 1:
            self.say(both_losses(battle.rounds))
        result = battle.result()
        self._tell(result)
        self._enter(battle, result)

    def _fight(self, battle: Battle, steps: int | None, energy: float | None) -> bool:
        """All rounds, some of them shown; False when Ctrl+C ended it."""
        names = (battle.a.name, battle.b.name)
        shown, since = 0, 0
        form = "{:>6}  " + "  ".join(f"{{:>{max(len(name) + 5, 14)}}}  {{:>9}}" for name in names)
        self.say(form.format("round", f"{names[0]} loss", "energy", f"{names[1]} loss", "energy"))
        with stop_on_interrupt() as asked, progress(1, "battle", self.stdout) as bar:
            for round_ in battle:
                done = round_.number / steps if steps else min(_share(side, energy) for side in (round_.a, round_.b))
                bar.update(min(1.0, done) - bar.n)
                if int(done * LINES) > shown or battle.over:
                    shown, rounds = int(done * LINES), battle.rounds[since:]
                    since = round_.number
                    cells = [x for i in (0, 1) for x in (_loss(rounds, i), joules((round_.a, round_.b)[i].energy))]
                    bar.clear()
                    self.say(form.format(round_.number, *cells))
                if asked():
                    self.interrupted = True
                    return False
        return True

    def _tell(self, result: BattleResult) -> None:
        sides = (result.a, result.b)
        rows = [
            (o.name, o.steps, joules(o.energy), o.perplexity, f"{o.uniqueness:.0%}", f"{o.score:.1f}") for o in sides
        ]
        self.say(table(("", "steps", "energy", "perplexity", "unique", "score"), rows))
        for o in sides:
            self.say(f"{o.name} wrote: {', '.join(name or NOTHING for name in o.generated[:SAMPLES])}")
            if o.stopped_because == "diverged":
                self.say(f"{o.name} diverged: {o.trouble}")
        difference = abs(result.a.score - result.b.score)
        if result.winner is None:
            self.say(paint("a tie", "strong", self.stdout) + f": {difference:.2f} points apart")
        else:
            self.say(paint(f"{result.winner} wins", "good", self.stdout) + f" by {difference:.1f} points")

    def _enter(self, battle: Battle, result: BattleResult) -> None:
        """Put both sides on the leaderboard."""
        entries = entries_of(battle, result)
        self.leaderboard.add(*entries)
        ranking = self.leaderboard.ranking(all_attempts=True)
        places = [
            f"{e.agent} {f'{number(e.rating)} points/kJ' if e.qualified else f'under {QUALIFYING_SCORE:g} points'} "
            f"(rank {ranking.index(e) + 1})"
            for e in entries
        ]
        self.say(f"leaderboard: {', '.join(places)} of {len(ranking)} attempts")

    @command("leaderboard [all]", example="leaderboard")
    def do_leaderboard(self, given: Given) -> None:
        """Rank the battles of all times by points per kilojoule: the best of each agent, or all.

        It counts what was learned and what it cost: the score of a battle (0 to 100) over the energy.
        An attempt under 25 points comes after all others: the first steps are the cheapest points.
        """
        every = given.word(0) is not None
        if every and given.words[0] != "all":
            raise UsageError(f"only 'all' can follow, got {given.words[0]!r}")
        ranking = self.leaderboard.ranking(all_attempts=every)
        if not ranking:
            self.say("no battle yet: battle AGENT AGENT 100")
            return
        columns = ["rank", "agent", "points/kJ", "score", "energy", "perplexity", "unique", "steps", "weights"]
        rows = [
            [
                rank,
                e.agent,
                number(e.rating) if e.qualified else "-",
                f"{e.score:.1f}",
                joules(e.energy),
                e.perplexity,
                f"{e.uniqueness:.0%}",
                e.steps,
                e.parameters,
                *([e.when[:16].replace("T", " ")] if every else []),
            ]
            for rank, e in enumerate(ranking, start=1)
        ]
        self.say(table([*columns, "when (UTC)"] if every else columns, rows))

    @command("tournament [STEPS] [FOLDER] [games=N]", example="tournament 100")
    def do_tournament(self, given: Given) -> None:
        """Let all saved agents meet, everybody against everybody, and rate them (Elo).

        Without STEPS they compete as they were saved. With STEPS copies begin untrained and learn for so
        many steps first. FOLDER is another folder of agents. Two agents meet in games=N games (2), each
        with other written names. A rating is 1500 on average; 400 points above are odds of 10 to 1, and
        the interval holds the true rating with 95 % confidence: where two overlap, play more games.
        """
        words = list(given.words)
        steps = whole(words.pop(0), "STEPS") if words and (words[0].lstrip("-").isdigit() or len(words) > 1) else None
        folder = Path(words[0]).expanduser() if words else self.folder
        games = whole(given.options.get("games", "2"), "games")
        if not folder.is_dir() and folder != self.folder:
            raise CommandError(f"there is no folder {folder}")
        with stop_on_interrupt() as asked:
            players = self._players(folder)
            if len(players) < 2:
                hint = f"; save {' '.join(sorted(self.unsaved))}" if self.unsaved else ""
                raise CommandError(f"a tournament needs two saved agents or more, {folder} has {len(players)}{hint}")
            if folder == self.folder and self.unsaved:
                self.say(f"not saved, so not as they are now: {', '.join(sorted(self.unsaved))} (save them to play)")
            if steps is None and (fresh := [name for name, agent in players.items() if not agent.run.step]):
                self.say(f"untrained: {', '.join(fresh)} (tournament STEPS trains copies of all first)")
            if steps is not None:
                self.say(f"{len(players)} untrained copies learn for {steps:,} steps each")
                players = {name: self._pupil(agent, steps, asked) for name, agent in players.items()}
            if asked():
                self.interrupted = True
                self.say("the tournament is called off")
                return
            self._play(players, games, asked)

    def _pupil(self, agent: Agent, steps: int, asked: Callable[[], bool]) -> Agent:
        """An untrained copy with the agent's settings, after so many steps."""
        copy = agent.untrained()
        with progress(steps, f"training {agent.name}", self.stdout) as bar:
            for _ in copy.steps(0 if asked() else steps):
                bar.update()
                if asked():
                    break
        return copy

    def _players(self, folder: Path) -> dict[str, Agent]:
        players = {}
        for name in list_agents(folder):
            try:
                players[name] = load_agent(name, folder, self.names)  # not with names of its own: others compete here
            except (ValueError, OSError) as error:
                self.say(f"left out: {' '.join(str(error).split())}")
        return players

    def _play(self, players: dict[str, Agent], games: int, asked: Callable[[], bool]) -> None:
        """All games, told one by one, then the table; Ctrl+C ends it after a game."""
        scores: list[tuple[float, float]] = []
        predicts: dict[str, float] = {}  # a game's seed changes what is written, not what is predicted

        def play(a: Agent, b: Agent) -> float:
            sides = [measure(x, self.seed + len(scores), ppl=predicts.get(x.name)) for x in (a, b)]
            predicts.update({side.name: side.perplexity for side in sides})
            result = verdict(*sides)
            scores.append((result.a.score, result.b.score))
            return 0.5 if result.winner is None else float(result.winner == a.name)

        tournament = Tournament(players, play, games)
        digits = len(str(tournament.total))
        for game in tournament:
            how = "a tie" if game.result == 0.5 else f"{game.a if game.result else game.b} wins"
            left, right = scores[-1]
            self.say(
                f"game {game.number:>{digits}} of {tournament.total}  {game.a} - {game.b}  "
                f"{left:.1f} : {right:.1f}  {how}"
            )
            if asked():
                self.interrupted = True
                self.say("stopped: the table of the games so far")
                break
        columns = ("rank", "agent", "rating", "95 % between", "games", "won", "drawn", "lost")
        rows = [
            (rank, s.player, f"{s.rating:.0f}", f"{s.low:.0f} and {s.high:.0f}", s.games, s.wins, s.draws, s.losses)
            for rank, s in enumerate(tournament.standings(), start=1)
        ]
        self.say(table(columns, rows))


def _share(side: Side, energy: float | None) -> float:
    """How much of its energy a side has used."""
    return 1.0 if side.stopped_because or not energy else side.energy / energy


def _loss(rounds: list[Round], side: int) -> str:
    """The mean over some rounds; nothing when the side made no step."""
    losses = [x for r in rounds if (x := (r.a, r.b)[side].loss) is not None]
    return number(fmean(losses)) if losses else "stopped"
