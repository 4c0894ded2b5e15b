import csv

import pytest

from labkit.data import check_game, decode, encode, load_games
from labkit.data.game_grammar import BOS, EOS
from labkit.files import datasets_dir
from labkit.training import GamesRun, trained_game_gpt
from labkit.training.games import train_game_gpt


@pytest.fixture(scope="module")
def trained():
    return trained_game_gpt()


def test_the_stored_model_predicts_unseen_games_as_its_record_says(trained):
    with (datasets_dir() / "games" / "training.csv").open() as file:
        last = list(csv.DictReader(file))[-1]
    games = [encode(game) for game in load_games("validation")[:30]]
    loss = sum(trained.loss(game).data for game in games) / len(games)
    assert int(last["step"]) == 5000
    assert loss == pytest.approx(float(last["validation"]), abs=0.1)


def test_most_games_of_the_stored_model_are_valid_and_none_is_copied(trained):
    trained.rng.seed(5)
    games = [trained.sample(BOS, EOS, 0.5) for _ in range(30)]
    valid = [game for game in games if check_game(game)]
    assert len(valid) >= 20
    known = set(load_games("train"))
    assert not [game for game in valid if decode(game) in known]


def test_a_run_measures_its_model_now_and_then():
    run = GamesRun(max_steps=5, measure_every=3, n_samples=2, n_validation=2)
    steps = list(run)
    assert steps[0].extra == steps[1].extra == {}
    assert steps[2].extra.keys() == {"validation", "valid", "new"}
    assert steps[4].extra == steps[2].extra
    assert steps[2].extra["validation"] < 5


def test_what_a_perfect_and_a_copying_model_would_be_judged(trained):
    run = GamesRun(n_samples=4, n_validation=1)

    class Writer:
        """Writes what it is told; its losses are the trained model's."""

        def __init__(self, games):
            self.games, self.loss = iter(games), trained.loss

        def sample(self, bos_id, eos_id, temperature):
            return next(self.games)

    known, unseen = load_games("train")[0], load_games("validation")[0]
    games = [encode(known), encode(unseen), encode(unseen)[:-1], encode("genre genre")]
    judged = run.judge(Writer(games))
    assert (judged["valid"], judged["new"]) == (0.5, 0.25)


def test_training_writes_weights_and_record(tmp_path):
    run = train_game_gpt(tmp_path, steps=2, every=2)
    weights = (tmp_path / "game-gpt.txt").read_text()
    assert weights.startswith("wte|0|")
    (row,) = csv.DictReader((tmp_path / "training.csv").open())
    assert row["step"] == "2"
    assert float(row["training"]) == pytest.approx((run.history[0].loss + run.history[1].loss) / 2, abs=1e-4)


def test_it_trains_on_the_training_split_alone():
    run = GamesRun()
    assert len(run.documents) == 4000
    assert not {decode(ids) for ids in run.documents} & set(load_games("validation"))
    assert max(map(len, run.documents)) <= run.sizes["block_size"]
