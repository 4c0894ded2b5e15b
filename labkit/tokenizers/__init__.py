"""Tokenizers: from text to the numbers that a model reads, and back. They need no torch."""

from collections.abc import Mapping
from os import PathLike
from typing import Any

from .base import UNKNOWN, Tokenizer, read_description
from .bpe import BPETokenizer, SpecialTokenFound
from .byte import ByteTokenizer
from .char import CharTokenizer
from .word import WordTokenizer

__all__ = [
    "UNKNOWN",
    "BPETokenizer",
    "ByteTokenizer",
    "CharTokenizer",
    "SpecialTokenFound",
    "Tokenizer",
    "WordTokenizer",
    "load_tokenizer",
    "register_kind",
    "tokenizer_from_dict",
]

_KINDS: dict[str, type[Tokenizer]] = {
    kind.type: kind for kind in (CharTokenizer, ByteTokenizer, WordTokenizer, BPETokenizer)
}
_REGISTERED_BY = {"route": "labkit.routes.tokens"}  # kinds of higher floors, which this one may not import


def register_kind(kind: type[Tokenizer]) -> None:
    """Let `tokenizer_from_dict`, and so model files, know one more kind of tokenizer.

    Args:
        kind: its `type` is what descriptions call it. The same class again changes nothing.

    Raises:
        ValueError: if another class has that type.
    """
    known = _KINDS.setdefault(kind.type, kind)
    if (known.__module__, known.__qualname__) != (kind.__module__, kind.__qualname__):
        raise ValueError(f"the type {kind.type!r} is that of {known.__module__}.{known.__qualname__} already")
    _KINDS[kind.type] = kind  # the newest, when a notebook has reloaded its module


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
    if isinstance(kind, str) and kind not in _KINDS and kind in _REGISTERED_BY:
        raise ValueError(f"a tokenizer of type {kind!r} can be read once {_REGISTERED_BY[kind]} is imported")
    if not isinstance(kind, str) or kind not in _KINDS:
        raise ValueError(f"unknown type of tokenizer {kind!r}; there are: {', '.join(_KINDS)}")
    return _KINDS[kind].from_dict(data)


def load_tokenizer(path: str | PathLike[str]) -> Tokenizer:
    """The tokenizer of a file that some tokenizer's `save` wrote, whatever its kind.

    Raises:
        ValueError: if there is none in it.
        OSError: if the file cannot be read.
    """
    return read_description(path, tokenizer_from_dict)
