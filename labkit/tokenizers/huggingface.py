"""Hugging Face's tokenizer.json, and GPT-2's two files, whose way of writing bytes it took over."""

import json
from collections.abc import Iterator
from functools import cache
from os import PathLike
from pathlib import Path
from typing import Any

from labkit.files import write_atomic

from .base import Tokenizer, read_json
from .bpe import BPETokenizer
from .patterns import PATTERNS


@cache
def byte_letters() -> dict[int, str]:
    """The character that stands for each byte in GPT-2's files (openai/gpt-2, encoder.py, bytes_to_unicode).

    A byte whose character in Latin-1 can be seen is that character; the others, among them space and line break, are
    U+0100, U+0101, … in order.

    >>> byte_letters()[ord("a")], byte_letters()[ord(" ")]
    ('a', 'Ġ')
    """
    seen = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(256) if byte not in seen]
    return {byte: chr(byte) for byte in seen} | {byte: chr(0x100 + i) for i, byte in enumerate(hidden)}


def letters(data: bytes) -> str:
    """Bytes as GPT-2's files write them.

    >>> letters(" né".encode())
    'ĠnÃ©'
    """
    return "".join(map(byte_letters().__getitem__, data))


def exportable(tokenizer: Tokenizer) -> BPETokenizer:
    """The tokenizer, if other programs can have its vocabulary: a map from bytes to ids.

    Raises:
        ValueError: for another kind than BPE, and if two ids have the same bytes.
    """
    if not isinstance(tokenizer, BPETokenizer):
        kind = getattr(tokenizer, "type", type(tokenizer).__name__)
        raise ValueError(f"only a bpe tokenizer can be exported, got {kind}: train one with BPETokenizer.train")
    first: dict[bytes, int] = {}
    for token in range(256 + len(tokenizer.merges)):
        data = tokenizer.token_bytes(token)
        if first.setdefault(data, token) != token:
            raise ValueError(
                f"tokens {first[data]} and {token} have the same bytes, {data!r}; the other program knows a token "
                "by its bytes. Merges learned by BPETokenizer.train never make such a pair"
            )
    return tokenizer


def to_huggingface(tokenizer: Tokenizer) -> dict[str, Any]:
    """A tokenizer.json that `tokenizers.Tokenizer.from_file` and transformers load, with the same ids.

    Special tokens are always found in a text there, as with `special="allow"` here; to read them as text, set its
    `encode_special_tokens`.

    Raises:
        ValueError: for another kind than BPE, if two ids have the same bytes, or if a special token has the name that
            another token is written with.
    """
    bpe = exportable(tokenizer)
    names = [letters(bpe.token_bytes(token)) for token in range(256 + len(bpe.merges))]
    vocab = {name: token for token, name in enumerate(names)}
    for name in bpe.special:
        if name in vocab:
            raise ValueError(
                f"the special token {name!r} is written like token {vocab[name]}, {bpe.token_bytes(vocab[name])!r}, in "
                "a tokenizer.json; give it a name that stands out, as <|endoftext|> does"
            )
    special = sorted(bpe.special.items(), key=lambda item: item[1])
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    as_bytes = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False}
    cut = {"type": "Split", "pattern": {"Regex": PATTERNS[bpe.pattern]}, "behavior": "Isolated", "invert": False}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [{"id": token, "content": name} | flags for name, token in special],
        "normalizer": None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [cut, as_bytes]},
        "post_processor": None,
        "decoder": as_bytes,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": vocab | dict(special),  # there too: so an added token keeps its id
            "merges": [f"{names[left]} {names[right]}" for left, right in bpe.merges],
        },
    }


def save_huggingface(tokenizer: Tokenizer, path: str | PathLike[str]) -> Path:
    """Write `to_huggingface` as a file.

    Raises:
        ValueError: as `to_huggingface`.
        OSError: if the file cannot be written.
    """
    return write_atomic(path, json.dumps(to_huggingface(tokenizer), ensure_ascii=False, indent=1) + "\n")


def from_gpt2(vocab_path: str | PathLike[str], merges_path: str | PathLike[str]) -> BPETokenizer:
    """The tokenizer in GPT-2's vocab.json (or encoder.json) and merges.txt (or vocab.bpe).

    What is in the vocabulary and is neither a byte nor made by a merge is a special token: <|endoftext|>.

    Raises:
        ValueError: if the files are not such, or do not belong together; it names file and line.
        OSError: if a file cannot be read.
    """
    vocab = _read_vocab(vocab_path)
    byte_of = {letter: byte for byte, letter in byte_letters().items()}
    names = {token: name for name, token in vocab.items()}
    for token in range(256):
        if names.get(token) not in byte_of:
            raise ValueError(
                f"{vocab_path}: tokens 0 … 255 are the 256 bytes, but token {token} is {names.get(token)!r}"
            )
    known = {names[token]: token for token in range(256)}
    merges: list[tuple[int, int]] = []
    for number, line in _merge_lines(merges_path):
        where = f"{merges_path}, line {number}"
        parts = line.split(" ")
        if len(parts) != 2:
            raise ValueError(f"{where}: a merge is two tokens with a space between, got {line!r}")
        for part in parts:
            if part not in known:
                raise ValueError(f"{where}: {part!r} is no byte, and no line before makes it")
        name, token = "".join(parts), 256 + len(merges)
        if name in known:
            raise ValueError(f"{where}: {name!r} is made a second time; it is token {known[name]} already")
        if vocab.get(name) != token:
            raise ValueError(
                f"{where}: makes {name!r}, token {token}, but that is {vocab.get(name)} in {vocab_path}; the two files "
                "do not belong together"
            )
        known[name] = token
        merges.append((known[parts[0]], known[parts[1]]))
    special = {name: token for name, token in vocab.items() if name not in known}
    try:
        return BPETokenizer(tuple(merges), "gpt2", special, bytes(byte_of[names[token]] for token in range(256)))
    except ValueError as error:
        raise ValueError(f"{vocab_path}: {error}") from error


def _read_vocab(path: str | PathLike[str]) -> dict[str, int]:
    vocab = read_json(path, "a vocab.json")
    ids: dict[int, str] = {}
    for name, token in vocab.items():
        if isinstance(token, bool) or not isinstance(token, int):
            raise ValueError(f"{path}: the id of {name!r} is {token!r}, not a whole number")
        if ids.setdefault(token, name) != name:
            raise ValueError(f"{path}: {ids[token]!r} and {name!r} have the same id, {token}")
    return vocab


def _merge_lines(path: str | PathLike[str]) -> Iterator[tuple[int, str]]:
    """The lines with their numbers, without the line of the version and empty ones."""
    with open(path, encoding="utf-8") as file:
        try:
            for number, line in enumerate(file, start=1):
                if (line := line.rstrip("\n")) and not (number == 1 and line.startswith("#version")):
                    yield number, line
        except UnicodeDecodeError as error:
            raise ValueError(f"{path}: not a text in UTF-8 ({error}); a merges.txt has two tokens a line") from error
