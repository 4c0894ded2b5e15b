"""Given names: the data of chapter 3, and what the agents of the arena learn to write.

A name is a document of letters between two marks, as in microgpt: `[BOS, 4, 12, 12, 0, BOS]` is emma.
One token is both the beginning and the end.
"""

import hashlib
import random
import string
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from labkit.files import datasets_dir

from .download import fetch

SOURCES_OF_NAMES = ("names", "makemore")
HELD_OUT_SHARE = 0.1
MOST_HELD_OUT = 1000
SPLIT_SEED = "names-1"


@dataclass(frozen=True)
class Names:
    """A list of names in two parts, and the vocabulary of 26 letters and one mark.

    Attributes:
        train: what a model may learn from.
        held_out: what it is measured on; none of these is in `train`.
        source: where they come from.
        letters: id -> letter, for ids 0 … 25.
        bos: the id of the mark before and after each name, 26.
        vocab_size: 27.
    """

    train: list[str]
    held_out: list[str]
    source: str = "yours"
    letters: ClassVar[str] = string.ascii_lowercase
    bos: ClassVar[int] = 26
    vocab_size: ClassVar[int] = 27

    def __post_init__(self) -> None:
        if not self.train:
            raise ValueError(f"names {self.source!r}: there are none to train on")
        if shared := set(self.train) & set(self.held_out):
            raise ValueError(f"names {self.source!r}: {min(shared)!r} is both for training and held out")
        for name in (*self.train, *self.held_out):
            self.encode(name)

    @classmethod
    def encode(cls, name: str) -> list[int]:
        """The tokens of a name, the mark before and after it.

        Raises:
            ValueError: for an empty name or a character that is not a-z.
        """
        if not name:
            raise ValueError("a name needs at least one letter, got ''")
        for i, character in enumerate(name, start=1):
            if character not in cls.letters:
                hint = f"; write {name.lower()!r}" if character.lower() in cls.letters else ""
                raise ValueError(f"name {name!r}: character {i}, {character!r}, is not one of a-z{hint}")
        return [cls.bos, *map(cls.letters.index, name), cls.bos]

    @classmethod
    def decode(cls, ids: Sequence[int]) -> str:
        """The letters of some tokens, up to the mark that ends the name; a mark at the start is skipped.

        Raises:
            ValueError: for an id outside the vocabulary.
        """
        name = ""
        for i, token in enumerate(ids):
            if not (isinstance(token, int) and 0 <= token < cls.vocab_size):
                raise ValueError(f"token {token!r} is outside the vocabulary of names: 0 … {cls.vocab_size - 1}")
            if token != cls.bos:
                name += cls.letters[token]
            elif i > 0:
                break
        return name

    @property
    def digest(self) -> str:
        """A short fingerprint of both parts: models are comparable when it is equal."""
        text = "\n".join([*self.train, "", *self.held_out])
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def load_names(source: str = "names") -> Names:
    """The names of a source, split the same way on every machine.

    The distinct names are sorted, shuffled by a fixed seed, and a tenth of them (at most 1,000) is
    held out. Sorting first makes the split depend on the set of names alone.

    Args:
        source: "names" (datasets/names, embedded) or "makemore" (32,032 lines, downloaded once).

    Raises:
        ValueError: for an unknown source, or a line that is not a name (file and line named).
        ConnectionError: if the download fails.
    """
    if source not in SOURCES_OF_NAMES:
        raise ValueError(f"unknown names {source!r}; there are: {', '.join(SOURCES_OF_NAMES)}")
    path = datasets_dir() / "names" / "names.txt" if source == "names" else fetch("makemore-names")
    found = set()
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            Names.encode(line)
        except ValueError as error:
            raise ValueError(f"{path}:{number}: {error}") from None
        found.add(line)
    return split_names(sorted(found), source)


def split_names(names: Sequence[str], source: str = "yours") -> Names:
    """Shuffle by a fixed seed and hold out a tenth: at least one name, at most 1,000.

    Raises:
        ValueError: for fewer than two names.
    """
    if len(names) < 2:
        raise ValueError(f"names {source!r}: two or more are needed to hold one out, got {len(names)}")
    shuffled = list(names)
    random.Random(SPLIT_SEED).shuffle(shuffled)
    n = min(max(1, round(HELD_OUT_SHARE * len(shuffled))), MOST_HELD_OUT)
    return Names(train=shuffled[n:], held_out=shuffled[:n], source=source)
