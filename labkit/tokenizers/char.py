"""A token for each character: the smallest tokenizer there is."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, ClassVar, Self

from .base import UNKNOWN, Tokenizer, check_keys, check_text, checked_ids


@dataclass(frozen=True)
class CharTokenizer(Tokenizer):
    r"""The characters of a text, numbered from 0 by code point.

    The rule of nanoGPT (data/shakespeare_char/prepare.py): `sorted(set(text))`. A character is a Unicode
    code point; what a reader sees as one letter may be two ("e" and a combining accent).

    Attributes:
        characters: id -> character, ascending.
        unknown: whether there is one more token, <UNK>, for every other character. Without it they are refused.
        type: what `to_dict` calls this kind of tokenizer.

    Examples:
        >>> tokenizer = CharTokenizer.train("hello")
        >>> tokenizer.characters, tokenizer.encode("hole")
        ('ehlo', [1, 3, 2, 0])
        >>> tokenizer.decode([1, 3, 2, 0])
        'hole'
        >>> tokenizer = CharTokenizer.train("hello", unknown=True)
        >>> tokenizer.decode(tokenizer.encode("help"))
        'hel<UNK>'
    """

    characters: str
    unknown: bool = False
    type: ClassVar[str] = "char"

    def __post_init__(self) -> None:
        if not isinstance(self.characters, str):
            raise ValueError(f"the characters of a tokenizer are a str, got {type(self.characters).__name__}")
        if not self.characters:
            raise ValueError("a tokenizer needs at least one character, got ''")
        check_text(self.characters)
        if not isinstance(self.unknown, bool):
            raise ValueError(f"unknown is true or false, got {self.unknown!r}")
        for first, second in pairwise(self.characters):
            if first >= second:
                fault = "is there twice" if first == second else f"comes after {first!r}"
                raise ValueError(f"the characters of a tokenizer ascend by code point, each once; {second!r} {fault}")

    @classmethod
    def train(cls, texts: str | Iterable[str], unknown: bool = False) -> Self:
        """The tokenizer of all characters in a text, or in any number of them.

        Raises:
            ValueError: if there is no character, for half of a surrogate pair, or what is given is no text.
        """
        found: set[str] = set()
        for number, text in enumerate([texts] if isinstance(texts, str) else texts):
            if not isinstance(text, str):
                raise ValueError(f"a tokenizer is trained on text; item {number} is {type(text).__name__}")
            check_text(text)
            found.update(text)
        if not found:
            raise ValueError("no characters to make a tokenizer of: the text is empty")
        return cls("".join(sorted(found)), unknown)

    @property
    def vocab_size(self) -> int:
        """How many tokens there are: the characters, and <UNK> if there is one."""
        return len(self.characters) + self.unknown

    @property
    def special_tokens(self) -> Mapping[str, int]:
        """<UNK>, if there is one."""
        return {UNKNOWN: len(self.characters)} if self.unknown else {}

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {character: i for i, character in enumerate(self.characters)}

    @cached_property
    def _texts(self) -> tuple[str, ...]:
        return (*self.characters, UNKNOWN)

    def encode(self, text: str) -> list[int]:
        """The id of each character.

        Raises:
            ValueError: for a character that is not in the vocabulary, if there is no <UNK>, and for half of a
                surrogate pair.
        """
        check_text(text)
        if self.unknown:
            unknown = len(self.characters)
            return [self._ids.get(character, unknown) for character in text]
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
        """The characters of some ids; an unknown one is written <UNK>.

        Args:
            ids: whole numbers of any kind that counts as one (of numpy, a torch tensor of one element).

        Raises:
            ValueError: for an id outside the vocabulary, or what is no whole number.
        """
        return "".join(map(self._texts.__getitem__, checked_ids(ids, self.vocab_size)))

    def token_bytes(self, token: int) -> bytes:
        """The character in UTF-8."""
        return self.decode([token]).encode()

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON has it."""
        unknown = {"unknown": True} if self.unknown else {}
        return {"type": self.type, "characters": self.characters} | unknown

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The tokenizer that `to_dict` described.

        Raises:
            ValueError: if it is not such a description.
        """
        check_keys(data, cls.type, {"characters"}, frozenset({"unknown"}))
        return cls(data["characters"], data.get("unknown", False))


def _shown(characters: str, most: int = 100) -> str:
    """The characters for a message, cut short when they are many."""
    return repr(characters[:most]) + "…" * (len(characters) > most)
