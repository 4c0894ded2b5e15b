"""The run of chapter 2: a GPT of Values learns to describe games, and is judged by a parser."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from labkit.data.game_check import check_game
from labkit.data.game_grammar import BOS, EOS, TOKENS, decode, encode
from labkit.data.games import load_games
from labkit.files import datasets_dir, write_atomic
from labkit.scalar import GameGPT

from .scalar_gpt import ScalarGPTRun

WEIGHTS, RECORD = "game-gpt.txt", "training.csv"
"""What `train_game_gpt` made, in datasets/games."""


class GamesRun(ScalarGPTRun):
    """Train a `GameGPT` on datasets/games, one description a step.

    Every `measure_every` steps it writes `n_samples` descriptions, and measures (`Step.extra`):
    "valid", the share of them that keep the grammar and its rules, "new", the share that are valid and in
    no training data, and "validation", the mean loss of the first `n_validation` held-out descriptions.

    Args:
        n_layer: transformer blocks.
        n_embd: the width.
        n_head: attention heads.
        lr: the learning rate at the start.
        seed: seeds weights, sampler and order.
        max_steps: where the run ends.
        temperature: what the samples of a measurement are drawn at.
        measure_every: steps between two measurements.
        n_samples: descriptions drawn for one.
        n_validation: held-out descriptions read for one.
    """

    def __init__(
        self,
        n_layer: int = 1,
        n_embd: int = 16,
        n_head: int = 4,
        lr: float = 0.01,
        seed: int = 42,
        max_steps: int | None = 1000,
        temperature: float = 0.5,
        measure_every: int = 100,
        n_samples: int = 20,
        n_validation: int = 10,
    ) -> None:
        games = load_games("train")
        self.known = frozenset(games)
        self.validation = [encode(game) for game in load_games("validation")[:n_validation]]
        self.temperature, self.n_samples = temperature, n_samples
        super().__init__(
            [encode(game) for game in games],
            vocab_size=len(TOKENS),
            n_layer=n_layer,
            n_embd=n_embd,
            n_head=n_head,
            block_size=32,  # the longest description there can be has 30 words
            lr=lr,
            seed=seed,
            max_steps=max_steps,
            measure=self.judge,
            measure_every=measure_every,
        )

    def write(self, temperature: float = 0.5, max_len: int | None = None) -> list[int]:
        """One description as ids, drawn between two steps of a thread that trains."""
        return self.sample(BOS, EOS, temperature, max_len)

    def is_new(self, game: Sequence[int]) -> bool:
        """Whether a description is in no training data."""
        return decode(game) not in self.known

    def judge(self, model: GameGPT) -> dict[str, float]:
        """What the run measures of a model now and then."""
        games = [model.sample(BOS, EOS, self.temperature) for _ in range(self.n_samples)]
        valid = [game for game in games if check_game(game)]
        losses = [model.loss(game).data for game in self.validation]
        return {
            "validation": sum(losses) / len(losses),
            "valid": len(valid) / len(games),
            "new": sum(map(self.is_new, valid)) / len(games),
        }


def train_game_gpt(folder: str | Path, steps: int = 5000, every: int = 250) -> GamesRun:
    """Train the model of chapter 2 (minutes), and write its weights and its record into `folder`.

    The record has a row every `every` steps: step, mean training loss since the row before, validation loss
    (100 descriptions), shares of 100 samples at temperature 0.5 that are valid, and valid and new.
    """
    run = GamesRun(max_steps=steps, measure_every=every, n_samples=100, n_validation=100)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["step", "training", "validation", "valid", "new"])
    for step in run:
        if step.step % every == 0:
            training = sum(each.loss for each in run.history[-every:]) / every
            numbers = [training, step.extra["validation"], step.extra["valid"], step.extra["new"]]
            writer.writerow([step.step, *(f"{x:.4f}" for x in numbers)])
    run.model.save_weights(Path(folder) / WEIGHTS)
    write_atomic(Path(folder) / RECORD, text.getvalue())
    return run


def trained_game_gpt() -> GameGPT:
    """The model of chapter 2 as `train_game_gpt` left it: 1 layer, 16 wide, 5,000 steps."""
    model = GameGPT(len(TOKENS), n_layer=1, n_embd=16, block_size=32, n_head=4)
    model.load_weights(datasets_dir() / "games" / WEIGHTS)
    return model
