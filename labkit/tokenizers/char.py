"""A token for each character: the smallest tokenizer there is."""

import operator
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, ClassVar


@dataclass(frozen=True)
class CharTokenizer:
    r"""The characters of a text, numbered from 0 by code point.

    The rule of nanoGPT (data/shakespeare_char/prepare.py): `sorted(set(text))`. A character is a Unicode
    code point; what a reader sees as one letter may be two ("e" and a combining accent).

    Attributes:
        characters: id -> character, ascending.
        type: what `to_dict` calls this kind of tokenizer.

    Examples:
        >>> tokenizer = CharTokenizer.from_text("hello")
        >>> tokenizer.characters, tokenizer.encode("hole")
        ('ehlo', [1, 3, 2, 0])
        >>> tokenizer.decode([1, 3, 2, 0])
        'hole'
    """

    characters: str
    type: ClassVar[str] = "char"

    def __post_init__(self) -> None:
        if not isinstance(self.characters, str):
            raise ValueError(f"the characters of a tokenizer are a str, got {type(self.characters).__name__}")
        if not self.characters:
            raise ValueError("a tokenizer needs at least one character, got ''")
        for first, second in pairwise(self.characters):
            if first >= second:
                fault = "is there twice" if first == second else f"comes after {first!r}"
                raise ValueError(f"the characters of a tokenizer ascend by code point, each once; {second!r} {fault}")

    @classmethod
    def from_text(cls, text: str) -> "CharTokenizer":
        """The tokenizer of all characters in a text.

        Raises:
            ValueError: if the text is empty.
        """
        if not text:
            raise ValueError("no characters to make a tokenizer of: the text is empty")
        return cls("".join(sorted(set(text))))

    @property
    def vocab_size(self) -> int:
        """How many characters there are."""
        return len(self.characters)

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {character: i for i, character in enumerate(self.characters)}

    def encode(self, text: str) -> list[int]:
        """The id of each character.

        Raises:
            ValueError: for a character that is not in the vocabulary.
        """
        try:
            return list(map(self._ids.__getitem__, text))
        except KeyError as error:
            (character,) = error.args
            raise ValueError(
                f"character {character!r} (U+{ord(character):04X}) at position {text.index(character):,} is not among "
                f"the {self.vocab_size} of this tokenizer: {_shown(self.characters)}. Leave it out or replace it; a "
                "model knows only the characters it was made with."
            ) from None

    def decode(self, ids: Iterable[int]) -> str:
        """The characters of some ids.

        Args:
            ids: whole numbers of any kind that counts as one (of numpy, a torch tensor of one element).

        Raises:
            ValueError: for an id outside the vocabulary, or what is no whole number.
        """
        characters, size = self.characters, self.vocab_size
        found: list[str] = []
        for token in ids:
            try:
                i = operator.index(token)
            except TypeError:
                raise ValueError(f"token {token!r} at position {len(found):,} is not a whole number") from None
            if not 0 <= i < size:
                raise ValueError(f"token {i} at position {len(found):,} is outside the vocabulary: 0 … {size - 1}")
            found.append(characters[i])
        return "".join(found)

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON has it."""
        return {"type": self.type, "characters": self.characters}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "CharTokenizer":
        """The tokenizer that `to_dict` described.

        Raises:
            ValueError: if it is not such a description.
        """
        if data.get("type") != cls.type:
            raise ValueError(f"a {cls.type} tokenizer has the type {cls.type!r}, got {data.get('type')!r}")
        if keys := sorted(map(str, data.keys() ^ {"type", "characters"})):
            raise ValueError(f"a char tokenizer has a type and characters; missing or unknown: {', '.join(keys)}")
        return cls(data["characters"])


def _shown(characters: str, most: int = 100) -> str:
    """The characters for a message, cut short when they are many."""
    return repr(characters[:most]) + "…" * (len(characters) > most)
