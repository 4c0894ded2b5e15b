import itertools
import math
import random
from collections import Counter

import numpy as np
import pytest

from labkit.arena.tournament import Game, Tournament, elo_ratings, schedule, standings


def games(*results):
    """`("a", "b", 1)` for each game; a number of them: `("a", "b", 1, 5)`."""
    return [Game(i, a, b, result) for a, b, result, *n in results for i in range(*(n or [1]))]


# -- ratings


@pytest.mark.parametrize(("wins", "losses"), [(1, 1), (3, 1), (10, 1), (1, 7), (40, 60)])
def test_two_players_have_the_known_formula(wins, losses):
    played = games(("a", "b", 1, wins), ("b", "a", 1, losses))
    ratings, errors = elo_ratings(played, ["a", "b"], prior=0)
    assert ratings["a"] - ratings["b"] == pytest.approx(400 * math.log10(wins / losses), abs=1e-6)
    assert ratings["a"] + ratings["b"] == pytest.approx(3000)
    # The odds' logarithm has the variance 1/wins + 1/losses; a rating is half of the difference.
    known = 400 / math.log(10) * math.sqrt(1 / wins + 1 / losses) / 2
    assert errors == pytest.approx({"a": known, "b": known})
    with_prior, _ = elo_ratings(played, ["a", "b"], prior=1)
    assert with_prior["a"] - with_prior["b"] == pytest.approx(400 * math.log10((wins + 0.5) / (losses + 0.5)))


def test_a_draw_is_half_a_win_and_half_a_loss():
    drawn = elo_ratings(games(("a", "b", 0.5, 4), ("a", "b", 1)), ["a", "b"])
    split = elo_ratings(games(("a", "b", 1, 2), ("b", "a", 1, 2), ("a", "b", 1)), ["a", "b"])
    assert drawn == split


def test_only_draws_make_equals():
    ratings, _ = elo_ratings(games(("a", "b", 0.5, 3), ("b", "c", 0.5, 9)), ["a", "b", "c"])
    assert ratings == pytest.approx({"a": 1500, "b": 1500, "c": 1500})


def strengths_by_minorisation(played, names, prior, rounds=20_000):
    """Bradley-Terry by Zermelo's iteration (Hunter 2004), which has nothing in common with Newton's method."""
    n = len(names)
    points = {(a, b): prior / 2 / (n - 1) for a, b in itertools.permutations(names, 2)}
    for game in played:
        points[game.a, game.b] += game.result
        points[game.b, game.a] += 1 - game.result
    strength = dict.fromkeys(names, 1.0)
    for _ in range(rounds):
        for a in names:
            others = [b for b in names if b != a]
            met = sum((points[a, b] + points[b, a]) / (strength[a] + strength[b]) for b in others)
            strength[a] = sum(points[a, b] for b in others) / met
    elo = {a: 400 * math.log10(s) for a, s in strength.items()}
    mean = sum(elo.values()) / n
    return {a: 1500 + x - mean for a, x in elo.items()}


@pytest.mark.parametrize("prior", [0, 0.5, 1])
def test_the_fit_is_that_of_another_method(prior):
    rng = random.Random(3)
    names = ["a", "b", "c", "d"]
    played = [Game(i, *rng.sample(names, 2), rng.choice([1, 1, 0.5, 0])) for i in range(40)]
    ratings, _ = elo_ratings(played, names, prior)
    assert ratings == pytest.approx(strengths_by_minorisation(played, names, prior, 2000), abs=1e-4)


def test_no_other_ratings_are_likelier():
    played = games(("a", "b", 1, 3), ("b", "a", 1), ("b", "c", 1, 2), ("c", "b", 0.5), ("c", "a", 1))
    names = ["a", "b", "c"]
    ratings, _ = elo_ratings(played, names, prior=0)

    def log_likelihood(at):
        total = 0.0
        for game in played:
            p = 1 / (1 + 10 ** ((at[game.b] - at[game.a]) / 400))
            total += game.result * math.log(p) + (1 - game.result) * math.log(1 - p)
        return total

    for name, by in itertools.product(names, (-1, 1)):
        assert log_likelihood(ratings | {name: ratings[name] + by}) < log_likelihood(ratings)


def test_an_unbeaten_player_is_finite_and_on_top():
    rows = standings(games(("a", "b", 1, 50), ("b", "c", 1, 2), ("c", "b", 1), ("a", "c", 1)), ["a", "b", "c"])
    assert [row.player for row in rows] == ["a", "b", "c"]
    assert all(map(math.isfinite, (rows[0].rating, rows[0].low, rows[0].high)))
    assert rows[0].high - rows[0].low > rows[1].high - rows[1].low > 0


def test_a_hundred_wins_without_a_loss():
    ratings, errors = elo_ratings(games(("a", "b", 1, 1000)), ["a", "b"])
    assert ratings["a"] - ratings["b"] == pytest.approx(400 * math.log10(1000.5 / 0.5))
    assert errors["a"] > 100


@pytest.mark.parametrize(
    "played",
    [
        games(("a", "b", 1, 5)),
        games(("a", "b", 1), ("b", "a", 1)),  # c never played
        games(("a", "b", 0.5), ("b", "c", 1), ("a", "c", 1)),  # c only lost
        [],
    ],
)
def test_without_a_prior_endless_ratings_are_refused(played):
    with pytest.raises(ValueError, match="use a prior above 0"):
        elo_ratings(played, ["a", "b", "c"], prior=0)


def test_before_any_game_all_are_equal_and_nothing_is_known():
    rows = standings([], ["b", "a", "c"])
    assert [(row.player, row.rating, row.games) for row in rows] == [("a", 1500, 0), ("b", 1500, 0), ("c", 1500, 0)]
    assert rows[0].high - rows[0].low > 400


def test_one_player_alone():
    assert elo_ratings([], ["a"]) == ({"a": 1500.0}, {"a": 0.0})


@pytest.mark.parametrize(
    ("played", "players", "prior", "message"),
    [
        (games(("a", "x", 1)), ["a", "b"], 1, "game 0, a - x, is not one of two players known"),
        (games(("a", "a", 1)), ["a", "b"], 1, "a - a"),
        ([], ["a", "a"], 1, "different names"),
        ([], [], 1, "one or more"),
        ([], ["a", "b"], -1, "prior must be 0 or more"),
    ],
)
def test_what_cannot_be_rated(played, players, prior, message):
    with pytest.raises(ValueError, match=message):
        elo_ratings(played, players, prior)


def test_a_confidence_that_cannot_be():
    with pytest.raises(ValueError, match="between 0 and 1"):
        standings([], ["a", "b"], confidence=1.0)


def test_neither_the_order_of_players_nor_of_games_matters():
    rng = random.Random(5)
    names = list("abcde")
    played = [Game(i, *rng.sample(names, 2), rng.choice([1, 0.5, 0])) for i in range(60)]
    expected = standings(played, names)
    for _ in range(5):
        rng.shuffle(names)
        rng.shuffle(played)
        for row, known in zip(standings(played, names), expected, strict=True):
            assert row.player == known.player
            assert (row.rating, row.low, row.high) == pytest.approx((known.rating, known.low, known.high))


STRENGTHS = {"a": -200, "b": -100, "c": 0, "d": 0, "e": 100, "f": 200}


def chance(rng, draws=0.0):
    """A game between strengths, drawn with a probability, else as the Elo scale says."""

    def play(x, y):
        if rng.random() < draws:
            return 0.5
        return float(rng.random() < 1 / (1 + 10 ** ((y - x) / 400)))

    return play


@pytest.mark.parametrize("games_per_pair", [4, 20])
@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_known_strengths_lie_in_the_intervals_as_often_as_promised(games_per_pair, confidence):
    rng = random.Random(7)
    inside, errors = 0, []
    for _ in range(150):
        tournament = Tournament(STRENGTHS, chance(rng), games_per_pair)
        assert len(list(tournament)) == tournament.total == 15 * games_per_pair
        for row in tournament.standings(confidence):
            inside += row.low <= 1500 + STRENGTHS[row.player] <= row.high
            errors.append(row.rating - 1500 - STRENGTHS[row.player])
    n = 150 * len(STRENGTHS)
    # Within a tournament the six are not independent: three binomial standard deviations of 150 · 5.
    assert inside / n == pytest.approx(confidence, abs=3 * math.sqrt(confidence * (1 - confidence) / (150 * 5)))
    assert abs(np.mean(errors)) < 1e-6


def test_draws_make_the_intervals_too_wide_rather_than_too_narrow():
    rng = random.Random(8)
    rows = []
    for _ in range(60):
        tournament = Tournament(dict.fromkeys("abcd", 0), chance(rng, draws=0.5), 10)
        list(tournament)
        rows += tournament.standings()
    assert sum(row.low <= 1500 <= row.high for row in rows) / len(rows) > 0.95


# -- the tournament


@pytest.mark.parametrize("n", [2, 3, 4, 5, 6, 9])
@pytest.mark.parametrize("games_per_pair", [1, 2, 3, 4])
def test_everybody_meets_everybody(n, games_per_pair):
    names = [f"p{i}" for i in range(n)]
    pairs = schedule(names, games_per_pair)
    assert Counter(frozenset(pair) for pair in pairs) == {
        frozenset(pair): games_per_pair for pair in itertools.combinations(names, 2)
    }
    first = Counter(pairs)
    for a, b in itertools.combinations(names, 2):
        assert abs(first[a, b] - first[b, a]) == games_per_pair % 2
    in_round = n // 2
    for start in range(0, len(pairs), in_round):  # in each round everybody plays at most once
        playing = list(itertools.chain(*pairs[start : start + in_round]))
        assert len(set(playing)) == len(playing)


def test_it_is_an_iterator_of_games():
    tournament = Tournament({"weak": 1, "strong": 2, "same": 2}, lambda x, y: (x > y) + 0.5 * (x == y))
    assert iter(tournament) is tournament
    first = next(tournament)
    assert first.number == 1
    assert tournament.games == [first]
    assert sum(row.games for row in tournament.standings()) == 2
    rest = list(tournament)
    assert [game.number for game in rest] == [2, 3, 4, 5, 6]
    assert list(tournament) == []
    rows = {row.player: row for row in tournament.standings()}
    assert {name: (row.wins, row.draws, row.losses) for name, row in rows.items()} == {
        "weak": (0, 0, 4),
        "strong": (2, 2, 0),
        "same": (2, 2, 0),
    }
    assert rows["strong"].rating == pytest.approx(rows["same"].rating)
    assert all(row.low < row.rating < row.high for row in rows.values())


def test_the_table():
    tournament = Tournament({"weak": 1, "strong": 3, "middle": 2}, lambda x, y: x > y)
    list(tournament)
    table = tournament.table()
    assert table["player"].tolist() == ["strong", "middle", "weak"]
    assert table.index.tolist() == [1, 2, 3]
    assert list(table.columns) == ["player", "rating", "low", "high", "games", "wins", "draws", "losses"]
    narrow = tournament.table(confidence=0.5)
    assert (narrow["high"] < table["high"]).all()


def test_the_order_of_the_players_changes_nothing():
    players = {"a": 0.2, "b": 0.5, "c": 0.9, "d": 0.4}
    tables = []
    for names in itertools.islice(itertools.permutations(players), 0, 24, 5):
        tournament = Tournament({name: players[name] for name in names}, chance(random.Random(1)), 6)
        list(tournament)
        tables.append((tournament.games, tournament.standings()))
    assert all(table == tables[0] for table in tables)


def test_a_game_that_failed_is_played_again():
    calls = []

    def play(x, y):
        calls.append((x, y))
        if len(calls) == 2:
            raise RuntimeError("out of energy")
        return 1

    tournament = Tournament({"a": "A", "b": "B"}, play, 3)
    next(tournament)
    with pytest.raises(RuntimeError, match="out of energy"):
        next(tournament)
    assert len(tournament.games) == 1
    assert len(list(tournament)) == 2
    assert calls[1] == calls[2]


@pytest.mark.parametrize("result", [2, -1, 0.7, math.nan, None, "1"])
def test_a_result_that_cannot_be(result):
    tournament = Tournament({"a": 1, "b": 2}, lambda x, y: result)
    with pytest.raises(ValueError, match=r"game a - b: the result must be 1, 0\.5 or 0"):
        next(tournament)
    assert tournament.games == []


def test_tournaments_that_cannot_be():
    with pytest.raises(ValueError, match="two players or more, got 1"):
        Tournament({"a": 1}, max)
    with pytest.raises(ValueError, match="games_per_pair must be 1 or more"):
        Tournament({"a": 1, "b": 2}, max, 0)
