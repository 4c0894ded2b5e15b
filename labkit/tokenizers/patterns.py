"""Where a text is cut before tokens are made: no token reaches across a cut."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from os import PathLike

PATTERNS = {
    "gpt2": r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    "gpt4": (
        r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*"
        r"|\s*[\r\n]|\s+(?!\S)|\s+"
    ),
}
r"""GPT-2's pattern (openai/gpt-2, encoder.py) and GPT-4's (openai/tiktoken, openai_public.py, cl100k_base).

Both keep a space with the word after it. GPT-4's takes digits three at a time, ends a chunk of white space with its
last line break, and knows 'S as well as 's. It is the pattern as GPT-4 was released with it; tiktoken's file has since
got an alternative more (\s++$): there, white space that ends a text is one chunk, line breaks in it or not.
"""


def splitter(pattern: str) -> Callable[[str], list[str]]:
    """A function that cuts a text into chunks; joined, they are the text again.

    Args:
        pattern: a name in PATTERNS.

    Raises:
        ValueError: for another name.

    Examples:
        >>> splitter("gpt2")("It's 1024 km")
        ['It', "'s", ' 1024', ' km']
        >>> splitter("gpt4")("It's 1024 km")
        ['It', "'s", ' ', '102', '4', ' km']
    """
    if not isinstance(pattern, str) or pattern not in PATTERNS:
        raise ValueError(f"pattern must be one of {', '.join(PATTERNS)}, got {pattern!r}")
    return _compiled(pattern)


@cache
def _compiled(pattern: str) -> Callable[[str], list[str]]:
    import regex  # the standard library's re knows no \p{L}; loaded when a text is first cut

    cut: Callable[[str], list[str]] = regex.compile(PATTERNS[pattern]).findall
    return cut


def count_chunks(texts: str | Iterable[str], pattern: str) -> dict[str, int]:
    """How often each chunk comes, in the order in which they first come.

    Args:
        texts: one text, or any number of them, read one after the other: no chunk reaches from one into the next.
        pattern: a name in PATTERNS.

    Raises:
        ValueError: for an unknown pattern, and for what is no text.
    """
    cut = splitter(pattern)
    counts: Counter[str] = Counter()
    for number, text in enumerate([texts] if isinstance(texts, str) else texts):
        if not isinstance(text, str):
            raise ValueError(f"a tokenizer is trained on text; item {number} is {type(text).__name__}: {text!r:.60}")
        counts.update(cut(text))
    return counts


def pieces(texts: Iterable[str], least: int = 1 << 20) -> Iterator[str]:
    """The same text in pieces that are cut into chunks as the whole would be: for one larger than memory.

    Both patterns end a chunk where a space or a new line follows a letter, whatever else stands around; so that is
    where a piece ends. A text without such a place comes as one piece.

    Args:
        texts: the text in any parts (lines, blocks of a file).
        least: how many characters are collected before a piece is cut from them, at the last such place.
    """
    buffer, searched = "", 0
    for text in texts:
        buffer += text
        if len(buffer) < least:
            continue
        for at in range(len(buffer) - 1, searched, -1):
            if buffer[at] in " \n" and buffer[at - 1].isalpha():
                yield buffer[:at]
                buffer = buffer[at:]
                break
        searched = max(0, len(buffer) - 1)
    if buffer:
        yield buffer


def read_pieces(path: str | PathLike[str], block: int = 1 << 20) -> Iterator[str]:
    """`pieces` of a file in UTF-8, line ends as they are.

    Raises:
        ValueError: if it is not UTF-8.
        OSError: if it cannot be read.
    """
    with open(path, encoding="utf-8", newline="") as file:
        try:
            yield from pieces(iter(lambda: file.read(block), ""), block)
        except UnicodeDecodeError as error:
            raise ValueError(f"{path}: not a text in UTF-8 ({error}); save it as UTF-8 first") from error
