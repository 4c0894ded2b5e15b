"""The game descriptions of chapter 2: the sampler that made them, and the files in datasets/games.

The sampler draws valid games only, and not evenly: each setting has entities and resources that are at
home there, each genre its mechanics, and more goals make a game harder. A model can learn these habits
beyond the grammar (labkit.data.game_grammar).
"""

import random
from collections.abc import Collection, Sequence
from pathlib import Path

from labkit.files import datasets_dir, write_atomic

from .game_check import check_game
from .game_grammar import DIFFICULTIES, ENTITIES, GOALS, MECHANICS, OPPOSED, PLACES, RESOURCES, TYPICAL

SIZES = {"train": 4000, "validation": 500}

# setting: (entities at home there, resources found there)
HABITS = {
    "forest": (("wolf", "goblin", "spider", "hero"), ("wood", "food")),
    "jungle": (("spider", "hero", "pirate"), ("wood", "food", "water")),
    "desert": (("merchant", "hero", "robot"), ("water", "fuel", "gold")),
    "island": (("pirate", "merchant", "dragon"), ("wood", "food", "gold")),
    "ocean": (("pirate", "merchant", "ghost"), ("water", "food", "gems")),
    "castle": (("knight", "queen", "ghost", "wizard"), ("gold", "stone", "mana")),
    "dungeon": (("goblin", "dragon", "zombie", "wizard"), ("gems", "stone", "mana")),
    "city": (("zombie", "robot", "merchant"), ("gold", "ammo", "energy")),
    "space": (("alien", "robot"), ("fuel", "energy", "ammo")),
}
AT_HOME = 8  # how many times likelier than the others


def generate_game(rng: random.Random) -> str:
    """A valid game description of 14 to 30 tokens (without BOS and EOS), drawn with the habits above.

    Args:
        rng: the source of chance; the same state gives the same game.

    Returns:
        The words, parted by spaces.
    """
    genre = rng.choice(tuple(TYPICAL))
    setting = rng.choice(PLACES)
    at_home, found_there = HABITS[setting]
    entities = _some(rng, ENTITIES, at_home, _how_many(rng, 4, 4, 1))
    resources = _some(rng, RESOURCES, found_there, _how_many(rng, 4, 4, 1))
    things = {"entity": entities, "resource": resources, "place": [setting]}

    # The first mechanic is typical of the genre, as one would name it first.
    mechanics = [_phrase(rng, rng.choice(TYPICAL[genre]), MECHANICS, things)]
    size = _how_many(rng, 3, 4, 2, 1)
    while len(mechanics) < size:
        verb = rng.choices(tuple(MECHANICS), _weights(MECHANICS, TYPICAL[genre]))[0]
        mechanic = _phrase(rng, verb, MECHANICS, things)
        if mechanic not in mechanics:
            mechanics.append(mechanic)

    goals: list[str] = []
    size = _how_many(rng, 4, 3, 1)
    while len(goals) < size:
        verb = rng.choices(tuple(GOALS), (3, 2, 2, 2, 2, 1))[0]
        goal = _phrase(rng, verb, GOALS, things)
        opposed = {f"{other} {goal.split()[-1]}" for other in OPPOSED.get(verb, ())}
        if goal not in goals and opposed.isdisjoint(goals):
            goals.append(goal)

    difficulty = rng.choices(DIFFICULTIES, ((6, 3, 1), (2, 5, 3), (1, 3, 6))[len(goals) - 1])[0]
    lists = f"entities {' '.join(entities)} resources {' '.join(resources)}"
    actions = f"mechanics {' '.join(mechanics)} goals {' '.join(goals)}"
    return f"genre {genre} setting {setting} {lists} {actions} difficulty {difficulty}"


def _how_many(rng: random.Random, *weights: int) -> int:
    return rng.choices(range(1, len(weights) + 1), weights)[0]


def _weights(words: Collection[str], favoured: Collection[str]) -> list[int]:
    return [AT_HOME if word in favoured else 1 for word in words]


def _some(rng: random.Random, words: Sequence[str], favoured: Collection[str], size: int) -> list[str]:
    """`size` different words, the favoured ones likelier."""
    chosen: list[str] = []
    while len(chosen) < size:
        word = rng.choices(words, _weights(words, favoured))[0]
        if word not in chosen:
            chosen.append(word)
    return chosen


def _phrase(rng: random.Random, verb: str, kinds: dict[str, str], things: dict[str, list[str]]) -> str:
    return f"{verb} {rng.choice(things[kinds[verb]])}" if kinds[verb] else verb


def write_games(folder: Path, seed: int = 0) -> None:
    """Write the dataset: train.txt (4,000 games) and validation.txt (500), one a line, no two the same.

    Args:
        folder: where to; made when missing. The embedded files are those of seed 0.
        seed: decides every game.
    """
    rng = random.Random(f"games-{seed}")
    games: dict[str, None] = {}  # a dict keeps the order; a set's would differ from run to run
    while len(games) < sum(SIZES.values()):
        games[generate_game(rng)] = None
    remaining = iter(games)
    for split, size in SIZES.items():
        write_atomic(folder / f"{split}.txt", "".join(f"{next(remaining)}\n" for _ in range(size)))


def load_games(split: str = "train", folder: Path | None = None) -> list[str]:
    """The descriptions of datasets/games/SPLIT.txt.

    Args:
        split: "train" (4,000) or "validation" (500).
        folder: where to look instead of the embedded datasets.

    Raises:
        ValueError: for an unknown split, a folder without its file, or a line that is no valid game (file,
            line and what is wrong with it).
    """
    if split not in SIZES:
        raise ValueError(f"split must be 'train' or 'validation', got {split!r}")
    path = (folder or datasets_dir() / "games") / f"{split}.txt"
    if not path.is_file():
        raise ValueError(f"no games at {path}")
    games = path.read_text(encoding="utf-8").splitlines()
    for number, game in enumerate(games, 1):
        if problems := check_game(game).problems:
            raise ValueError(f"{path}:{number}: {problems[0]}")
    return games
