"""What every tokenizer can do, and how it becomes a file."""

import json
import operator
from collections.abc import Callable, Iterable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self, TypeVar, runtime_checkable

from labkit.files import write_atomic

UNKNOWN = "<UNK>"
"""The special token for what a tokenizer does not know."""

T = TypeVar("T")


@runtime_checkable
class Tokenizer(Protocol):
    """What a model asks of a tokenizer, whatever its tokens are.

    Attributes:
        type: what `to_dict` calls this kind.
    """

    type: ClassVar[str]

    @classmethod
    def train(cls, texts: str | Iterable[str], *args: Any, **options: Any) -> Self:
        """The tokenizer that this text, or these, call for."""
        ...

    @property
    def vocab_size(self) -> int:
        """How many tokens there are; ids run from 0 to one less."""
        ...

    @property
    def special_tokens(self) -> Mapping[str, int]:
        """The tokens that are no text, by name."""
        ...

    def encode(self, text: str) -> list[int]:
        """The ids of a text."""
        ...

    def decode(self, ids: Iterable[int]) -> str:
        """The text of some ids."""
        ...

    def token_bytes(self, token: int) -> bytes:
        """What a token stands for, in UTF-8; of a special token its name."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON has it, with its kind under "type"."""
        ...

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The tokenizer that `to_dict` described."""
        ...

    def save(self, path: str | PathLike[str]) -> Path:
        """Write `to_dict` as a JSON file; `load_tokenizer` reads it."""
        return write_atomic(path, json.dumps(self.to_dict(), ensure_ascii=False, separators=(",", ":")) + "\n")

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Self:
        """The tokenizer of a file that `save` wrote.

        Raises:
            ValueError: if it is none of this kind.
            OSError: if the file cannot be read.
        """
        return read_description(path, cls.from_dict)


def read_description(path: str | PathLike[str], make: Callable[[dict[str, Any]], T]) -> T:
    """What `make` makes of the object in a JSON file.

    Raises:
        ValueError: if there is none, or for what `make` refuses; it names the file.
        OSError: if the file cannot be read.
    """
    data = read_json(path)
    try:
        return make(data)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def read_json(path: str | PathLike[str], what: str = "a tokenizer's file, as its `save` writes it,") -> dict[str, Any]:
    """The object in a JSON file.

    Args:
        path: the file.
        what: what it should be, for the messages.

    Raises:
        ValueError: if it is no JSON, or no object.
        OSError: if the file cannot be read.
    """
    try:
        data = json.loads(Path(path).read_bytes())
    except ValueError as error:  # of json, or of UTF-8
        raise ValueError(f"{path}: no JSON ({error}); {what} holds one JSON object") from error
    if not isinstance(data, dict):
        raise ValueError(f"{path}: {what} holds one JSON object, got {type(data).__name__}")
    return data


def checked_ids(ids: Iterable[int], vocab_size: int) -> list[int]:
    """Ids of any kind that counts as whole numbers (of numpy, a torch tensor of one element), as ints.

    Raises:
        ValueError: for an id outside the vocabulary, or what is no whole number.
    """
    found: list[int] = []
    for token in ids:
        try:
            i = operator.index(token)
        except TypeError:
            raise ValueError(f"token {token!r} at position {len(found):,} is not a whole number") from None
        if not 0 <= i < vocab_size:
            raise ValueError(f"token {i} at position {len(found):,} is outside the vocabulary: 0 … {vocab_size - 1}")
        found.append(i)
    return found


def check_keys(data: Mapping[str, Any], kind: str, required: set[str], optional: frozenset[str] = frozenset()) -> None:
    """That a description is one of this kind and has what it needs.

    Raises:
        ValueError: if not.
    """
    if data.get("type") != kind:
        raise ValueError(f"a {kind} tokenizer has the type {kind!r}, got {data.get('type')!r}")
    required = required | {"type"}
    if wrong := sorted(map(str, (required - data.keys()) | (data.keys() - required - optional))):
        raise ValueError(
            f"a {kind} tokenizer has {', '.join(sorted(required))}; missing or unknown: {', '.join(wrong)}"
        )


def check_text(text: str) -> None:
    """That a text can be written in UTF-8.

    Raises:
        ValueError: for what is no str, and for half of a surrogate pair.
    """
    if not isinstance(text, str):
        raise ValueError(f"a tokenizer reads text, got {type(text).__name__}")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(
            f"half of a character, U+{ord(text[error.start]):04X}, stands alone at position {error.start:,}: no text "
            "in UTF-8. Read the file as UTF-8, or replace such halves first"
        ) from None
