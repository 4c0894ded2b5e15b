"""A round robin and its Elo ratings: a tournament is an iterator of games, as a run is one of steps.

    for game in tournament:
        print(game.a, game.b, game.result)
    tournament.table()

How the ratings are fitted says `elo_ratings`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Generic, TypeVar

from .elo import PRIOR, Game, elo_ratings

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Game", "Standing", "Tournament", "elo_ratings", "schedule", "standings"]

Player = TypeVar("Player")

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Standing:
    """One player's place.

    Attributes:
        player: its name.
        rating: on the Elo scale, 1500 on average over the players.
        low, high: the ends of the confidence interval.
        games, wins, draws, losses: counted.
    """

    player: str
    rating: float
    low: float
    high: float
    games: int
    wins: int
    draws: int
    losses: int


class Tournament(Generic[Player]):
    """Everybody against everybody.

    The order of the games depends on the names alone. In each round of n - 1 (n for an odd number)
    everybody plays once, so that the table is fair at any time; who is `a` changes from game to game of a pair.

    Args:
        players: name -> whatever `play` takes: agents, models, functions.
        play: called with two players; 1 if the first wins, 0.5 for a draw, 0 if the second wins.
        games_per_pair: how often two meet; an even number gives both the same number of first moves.
        prior: see `elo_ratings`.

    Attributes:
        games: those played so far.
        total: how many there are in all.

    Raises:
        ValueError: for fewer than two players or no games.
    """

    def __init__(
        self,
        players: Mapping[str, Player],
        play: Callable[[Player, Player], float],
        games_per_pair: int = 2,
        prior: float = PRIOR,
    ) -> None:
        if len(players) < 2:
            raise ValueError(f"a tournament needs two players or more, got {len(players)}")
        if games_per_pair < 1:
            raise ValueError(f"games_per_pair must be 1 or more, got {games_per_pair}")
        self.players = dict(sorted(players.items()))
        self.play = play
        self.prior = prior
        self.games: list[Game] = []
        self._schedule = schedule(list(self.players), games_per_pair)
        self.total = len(self._schedule)

    def __iter__(self) -> Iterator[Game]:
        return self

    def __next__(self) -> Game:
        """Play the next game.

        What `play` raises comes through, and the game is still to be played.

        Raises:
            ValueError: for a result that is not 1, 0.5 or 0.
        """
        if len(self.games) == self.total:
            raise StopIteration
        a, b = self._schedule[len(self.games)]
        result = self.play(self.players[a], self.players[b])
        if result not in (0, 0.5, 1):
            raise ValueError(f"game {a} - {b}: the result must be 1, 0.5 or 0, got {result!r}")
        game = Game(len(self.games) + 1, a, b, float(result))
        self.games.append(game)
        return game

    def standings(self, confidence: float = CONFIDENCE) -> list[Standing]:
        """The table of the games so far, the highest rating first."""
        return standings(self.games, list(self.players), self.prior, confidence)

    def table(self, confidence: float = CONFIDENCE) -> "pd.DataFrame":
        """`standings` as a DataFrame, index "rank" from 1."""
        import pandas as pd

        frame = pd.DataFrame([asdict(standing) for standing in self.standings(confidence)])
        frame.index = pd.RangeIndex(1, len(frame) + 1, name="rank")
        return frame


def schedule(names: Sequence[str], games_per_pair: int) -> list[tuple[str, str]]:
    """Round by round (the circle method): one stays, the others move on by one seat."""
    seats: list[str | None] = [*names, None] if len(names) % 2 else [*names]
    half = len(seats) // 2
    games = []
    for cycle in range(games_per_pair):
        for turn in range(len(seats) - 1):
            for i, (a, b) in enumerate(zip(seats[:half], reversed(seats[half:]), strict=True)):
                if a is not None and b is not None:
                    games.append((b, a) if (cycle + (turn if i == 0 else 0)) % 2 else (a, b))
            seats = [seats[0], seats[-1], *seats[1:-1]]
    return games


def standings(
    games: Iterable[Game], players: Sequence[str], prior: float = PRIOR, confidence: float = CONFIDENCE
) -> list[Standing]:
    """Ratings with intervals and counts, the highest rating first; equal ones in the order of the names.

    Args:
        games: in any order.
        players: all names, those without a game too.
        prior: see `elo_ratings`.
        confidence: of the intervals.

    Raises:
        ValueError: as `elo_ratings`, and for a confidence that is not between 0 and 1.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be between 0 and 1, got {confidence}")
    games = list(games)
    ratings, errors = elo_ratings(games, players, prior)
    width = NormalDist().inv_cdf((1 + confidence) / 2)
    rows = []
    for name in sorted(players):
        results = [g.result if g.a == name else 1 - g.result for g in games if name in (g.a, g.b)]
        rating, half = ratings[name], width * errors[name]
        wins, draws, losses = (results.count(x) for x in (1, 0.5, 0))
        rows.append(Standing(name, rating, rating - half, rating + half, len(results), wins, draws, losses))
    return sorted(rows, key=lambda row: -round(row.rating, 6))
