"""Tokenizers: from text to the numbers that a model reads, and back. They need no torch."""

from collections.abc import Mapping
from os import PathLike
from typing import Any

from .base import UNKNOWN, Tokenizer, read_json
from .bpe import BPETokenizer
from .byte import ByteTokenizer
from .char import CharTokenizer
from .word import WordTokenizer

__all__ = [
    "UNKNOWN",
    "BPETokenizer",
    "ByteTokenizer",
    "CharTokenizer",
    "Tokenizer",
    "WordTokenizer",
    "load_tokenizer",
    "tokenizer_from_dict",
]

_KINDS: dict[str, type[Tokenizer]] = {
    kind.type: kind for kind in (CharTokenizer, ByteTokenizer, WordTokenizer, BPETokenizer)
}


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
    return _KINDS[kind].from_dict(data)


def load_tokenizer(path: str | PathLike[str]) -> Tokenizer:
    """The tokenizer of a file that some tokenizer's `save` wrote, whatever its kind.

    Raises:
        ValueError: if there is none in it.
        OSError: if the file cannot be read.
    """
    try:
        return tokenizer_from_dict(read_json(path))
    except ValueError as error:
        message = str(error)
        raise ValueError(message if message.startswith(str(path)) else f"{path}: {message}") from error
