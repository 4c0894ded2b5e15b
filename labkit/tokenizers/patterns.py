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


def pieces(texts: Iterable[str], least: int = 1 << 20, uncut: Iterable[str] = ()) -> Iterator[str]:
    r"""The same text in pieces that are cut into chunks as the whole would be: for one larger than memory.

    Both patterns end a chunk at these places, whatever else stands around, so that is where a piece ends:

    - where a space or a line break follows a letter: before the space or line break;
    - where a single "\n" stands between two characters that are no white space: after the "\n".

    A text without such a place comes as one piece.

    Args:
        texts: the text in any parts (lines, blocks of a file).
        least: how many characters are collected before a piece is cut from them, at the last such place.
        uncut: names of special tokens: no piece ends inside one of them.
    """
    names = [name for name in uncut if len(name) > 1]
    ahead = max([1, *(len(name) - 1 for name in names)])  # so much must be known of what comes after a place
    buffer, searched = "", 0
    for text in texts:
        buffer += text
        if len(buffer) < least:
            continue
        last = len(buffer) - ahead
        for at in range(last, searched, -1):
            if _ends_chunk(buffer, at) and not any(
                name in buffer[max(0, at - len(name) + 1) : at + len(name) - 1] for name in names
            ):
                yield buffer[:at]
                buffer, last, searched = buffer[at:], last - at, 0
                break
        searched = max(searched, last)
    if buffer:
        yield buffer


def _ends_chunk(text: str, at: int) -> bool:
    """Whether both patterns end a chunk before character `at`, by the rules of `pieces`."""
    before, after = text[at - 1], text[at]
    if after in " \n":
        return before.isalpha()
    return before == "\n" and at > 1 and not after.isspace() and not text[at - 2].isspace()


def read_pieces(
    path: str | PathLike[str], block: int = 1 << 20, uncut: Iterable[str] = (), unify: bool = False
) -> Iterator[str]:
    r"""`pieces` of a file in UTF-8.

    Args:
        path: the file.
        block: how many characters are read at a time.
        uncut: names of special tokens: no piece ends inside one of them.
        unify: read it as `labkit.data.load_text` does, without a byte order mark, and with "\n" for "\r\n"; else
            the text is as it is.

    Raises:
        ValueError: if it is not UTF-8.
        OSError: if it cannot be read.
    """
    with open(path, encoding="utf-8", newline="") as file:
        blocks: Iterable[str] = iter(lambda: file.read(block), "")
        try:
            yield from pieces(_unified(blocks) if unify else blocks, block, uncut)
        except UnicodeDecodeError as error:
            raise ValueError(f"{path}: not a text in UTF-8 ({error}); save it as UTF-8 first") from error


def _unified(blocks: Iterable[str]) -> Iterator[str]:
    r"""Without a byte order mark, and with "\n" for "\r\n", also where a block ends between the two."""
    first, held = True, ""
    for block in blocks:
        text = held + (block.removeprefix("\ufeff") if first else block)
        held, first = "\r" * text.endswith("\r"), False
        yield text[: len(text) - len(held)].replace("\r\n", "\n")
    yield held
