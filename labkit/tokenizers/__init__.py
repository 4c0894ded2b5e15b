"""Tokenizers: from text to the numbers that a model reads, and back. They need the standard library alone."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol, runtime_checkable

from .char import CharTokenizer

__all__ = ["CharTokenizer", "Tokenizer", "tokenizer_from_dict"]


@runtime_checkable
class Tokenizer(Protocol):
    """What a model asks of a tokenizer, whatever its tokens are."""

    @property
    def vocab_size(self) -> int:
        """How many tokens there are; ids run from 0 to one less."""

    def encode(self, text: str) -> list[int]:
        """The ids of a text."""

    def decode(self, ids: Iterable[int]) -> str:
        """The text of some ids."""

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON has it, with its kind under "type"."""


_KINDS: dict[str, Callable[[Mapping[str, Any]], Tokenizer]] = {CharTokenizer.type: CharTokenizer.from_dict}


def tokenizer_from_dict(data: Mapping[str, Any]) -> Tokenizer:
    """The tokenizer that `to_dict` described, as checkpoints keep it.

    Args:
        data: its "type" says which kind it is; the rest is that kind's own.

    Raises:
        ValueError: for an unknown kind, or what that kind refuses.
    """
    if not isinstance(data, Mapping):
        raise ValueError(f"a tokenizer is described by a dict, got {type(data).__name__}")
    kind = data.get("type")
    if not isinstance(kind, str) or kind not in _KINDS:
        raise ValueError(f"unknown type of tokenizer {kind!r}; there are: {', '.join(_KINDS)}")
    return _KINDS[kind](data)
