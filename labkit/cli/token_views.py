"""A tokenizer, a text cut into tokens, and how one token was made: as lines for a terminal."""

import os
from collections.abc import Iterable, Iterator
from typing import IO

from labkit.tokenizers import BPETokenizer, CharTokenizer, Tokenizer, WordTokenizer

COLOURS = (44, 45, 42, 43, 46)
"""Backgrounds of neighbouring tokens, dark text on the lighter ones; ANSI, so that the terminal's theme decides."""


def quoted(data: bytes) -> str:
    r"""Bytes as Python writes them: 'text', or b'\xf0\x9f' where they are no whole characters."""
    try:
        return repr(data.decode())
    except UnicodeDecodeError:
        return repr(data)


def wants_colour(stream: IO[str]) -> bool:
    """Whether a stream shows colour and wants it (NO_COLOR, no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def summary(tokenizer: Tokenizer, most: int = 10) -> Iterator[str]:
    """What a tokenizer is: kind, size, pattern, special tokens, longest tokens, first and last merges.

    Args:
        tokenizer: of any kind.
        most: how many of each list.
    """
    parts = {"char": "characters", "word": "words", "byte": "bytes"}
    special = dict(tokenizer.special_tokens)
    ordinary = tokenizer.vocab_size - len(special)
    if isinstance(tokenizer, BPETokenizer):
        merges = len(tokenizer.merges)
        made = f"256 bytes, {merges:,} merges, {len(special):,} special"
        if left := tokenizer.vocab_size - 256 - merges - len(special):
            made += f", {left:,} that stand for nothing"
    else:
        made = f"{ordinary:,} {parts.get(tokenizer.type, 'tokens')}, {len(special):,} special"
    yield f"{'kind':<9}{tokenizer.type}"
    yield f"{'tokens':<9}{tokenizer.vocab_size:,}: {made}"
    if isinstance(tokenizer, BPETokenizer | WordTokenizer):
        yield f"{'pattern':<9}{tokenizer.pattern}"
    if special:
        yield f"{'special':<9}" + ", ".join(f"{name} {token}" for name, token in special.items())
    if isinstance(tokenizer, CharTokenizer):
        yield f"{'all':<9}{tokenizer.characters!r}"
    if isinstance(tokenizer, BPETokenizer | WordTokenizer):
        known = 256 + len(tokenizer.merges) if isinstance(tokenizer, BPETokenizer) else ordinary
        longest = sorted(range(known), key=lambda token: -len(tokenizer.token_bytes(token)))[:most]
        yield f"{'longest':<9}" + ", ".join(f"{quoted(tokenizer.token_bytes(token))} {token}" for token in longest)
    if isinstance(tokenizer, BPETokenizer) and tokenizer.merges:
        n = len(tokenizer.merges)
        yield "first merges"
        yield from (_merge(tokenizer, i) for i in range(min(most, n)))
        if n > most:
            yield "last merges"
            yield from (_merge(tokenizer, i) for i in range(max(most, n - most), n))


def _merge(tokenizer: BPETokenizer, number: int) -> str:
    left, right = (quoted(tokenizer.token_bytes(token)) for token in tokenizer.merges[number])
    return f"  {256 + number:>6}  {quoted(tokenizer.token_bytes(256 + number))} = {left} + {right}"


def cut(tokenizer: Tokenizer, ids: Iterable[int], colour: bool) -> str:
    r"""Tokens one after the other: in colours, or with "|" between them.

    Line ends and the like are written as Python does ("\n"), and bytes that are no whole character ("\xf0"). The
    line is broken after a token that ends a line.
    """
    lines = [""]
    for number, token in enumerate(ids):
        data = tokenizer.token_bytes(token)
        shown = _escaped(data)
        if colour:
            lines[-1] += f"\033[30;{COLOURS[number % len(COLOURS)]}m{shown}\033[0m"
        else:
            lines[-1] += f"{'|' * bool(lines[-1])}{shown}"
        if data.endswith(b"\n"):
            lines.append("")
    return "\n".join(lines if lines[-1] else lines[:-1])


def table(tokenizer: Tokenizer, ids: list[int]) -> Iterator[str]:
    """A line for each token: place, id, bytes, text."""
    rows = [("place", "id", "bytes", "token")]
    for place, token in enumerate(ids):
        data = tokenizer.token_bytes(token)
        rows.append((str(place), str(token), data.hex(" "), quoted(data)))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for at, number, data_hex, text in rows:
        yield f"{at:>{widths[0]}}  {number:>{widths[1]}}  {data_hex:<{widths[2]}}  {text}"


def tree(tokenizer: Tokenizer, token: int) -> Iterator[str]:
    """How a token was made: the merges down to single bytes, a part below what it became part of.

    Raises:
        ValueError: for an id that is not in the vocabulary.
    """
    data = tokenizer.token_bytes(token)
    yield f"token {token}: {quoted(data)}, {len(data)} byte{'s' * (len(data) != 1)}: {data.hex(' ')}"
    if token in tokenizer.special_tokens.values():
        yield "a special token: it has a name, and no merges"
    elif not isinstance(tokenizer, BPETokenizer):
        yield f"a token of a {tokenizer.type} tokenizer is made of nothing smaller"
    elif token < 256:
        yield "one of the 256 bytes that merging begins with"
    else:
        waiting = [(token, "", "")]  # a stack, not recursion: a token may be a chain of a thousand merges
        while waiting:
            part, lead, below = waiting.pop()
            yield f"{lead}{quoted(tokenizer.token_bytes(part))} {part}"
            if part >= 256:
                left, right = tokenizer.merges[part - 256]
                waiting.append((right, f"{below}└─ ", f"{below}   "))
                waiting.append((left, f"{below}├─ ", f"{below}│  "))


def ratio(n_tokens: int, text: str) -> str:
    """How much of a text a token is, in words."""
    n_bytes = len(text.encode())
    words = f"{n_tokens:,} token{'s' * (n_tokens != 1)}, {n_bytes:,} bytes"
    return f"{words}: {n_bytes / n_tokens:.2f} bytes a token" if n_tokens else words


def _escaped(data: bytes) -> str:
    shown = quoted(data)
    inner = shown[2:-1] if shown.startswith("b") else shown[1:-1]
    return inner.replace("\\'", "'")
