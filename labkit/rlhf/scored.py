"""Texts with rewards: the file that offline reinforcement learning begins with, and its texts as tokens."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from labkit.tokenizers import UNKNOWN, Tokenizer
from labkit.tokenizers.patterns import read_pieces

from .sft import Example

SHOWN = 60
"""How many characters of a faulty line an error shows."""


@dataclass(frozen=True)
class Scored:
    """A text and how good it was found.

    Attributes:
        text: not blank, without line ends.
        reward: finite.
        where: the file and the line it came from, for messages.
    """

    text: str
    reward: float
    where: str = field(default="", compare=False)


def read_scored(path: str | Path) -> list[Scored]:
    r"""The texts of a file with a text and its reward in each line: `text|reward`, or a tab in place of the `|`.

    What comes after the line's last `|` or tab, whichever is later, is the reward; all before it is the text, as it
    stands there, spaces and other separators included. The reward is a decimal number as Python writes it (2, -0.5,
    1e3), and may have spaces around it. Blank lines are skipped. There are no comments: a text may begin with "#". The
    file is UTF-8; a byte order mark is dropped, and a line may end in "\r\n".

    Args:
        path: the file.

    Returns:
        The texts in the order of the file, one at least; what is there twice is there twice.

    Raises:
        ValueError: for a line without a reward or without a text, a reward that is not a finite number, and a file that
            is empty or not UTF-8. It names the file and the first such line, and counts the others.
        OSError: if the file cannot be read.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: " + ("a folder, not a file" if path.is_dir() else "there is no such file"))
    found: list[Scored] = []
    faults: list[str] = []
    for number, line in enumerate("".join(read_pieces(path, unify=True)).split("\n"), start=1):
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        try:
            text, reward = _parsed(line)
            found.append(Scored(text, reward, where))
        except ValueError as error:
            faults.append(f"{where}: {error}")
    if faults:
        others = len(faults) - 1
        more = f" ({others} more {'line has' if others == 1 else 'lines have'} a fault)" if others else ""
        raise ValueError(faults[0] + more)
    if not found:
        raise ValueError(f"{path}: there is no text in it; each line is a text and its reward: a good text|1.5")
    return found


def _parsed(line: str) -> tuple[str, float]:
    shown = repr(line[:SHOWN]) + "…" * (len(line) > SHOWN)
    at = max(line.rfind("|"), line.rfind("\t"))
    if at < 0:
        raise ValueError(f"no reward in {shown}: end the line in | (or a tab) and a number, such as |1.5")
    text, written = line[:at], line[at + 1 :].strip()
    if "\r" in line:
        raise ValueError(f"a carriage return inside {shown}: save the file with \\n or \\r\\n at the ends of its lines")
    if not text.strip():
        raise ValueError(f"no text before the reward in {shown}: write one, or remove the line")
    if not written:
        raise ValueError(f"no reward after the last | or tab in {shown}: write a number there, such as 1.5")
    try:
        reward = math.nan if "_" in written else float(written)
    except ValueError:
        reward = math.nan
    if not math.isfinite(reward):
        raise ValueError(
            f"the reward {written[:SHOWN]!r} is not a finite number: after the last | or tab write one such as 1.5 or "
            "-2, with a point for decimals"
        )
    return text, reward


def line_end(tokenizer: Tokenizer) -> list[int]:
    """The tokens of the end of a line: what texts begin after and end with.

    Raises:
        ValueError: for a tokenizer that has none.
    """
    try:
        ids = tokenizer.encode("\n")
    except ValueError:
        ids = []
    if not ids or tokenizer.special_tokens.get(UNKNOWN) in ids:
        raise ValueError(
            "the tokenizer does not know the end of a line, which texts begin after and end with: take a model that "
            "was trained on lines"
        )
    return ids


def examples_of(
    scored: Iterable[Scored],
    tokenizer: Tokenizer,
    block_size: int | None = None,
    encode: Callable[[str], list[int]] | None = None,
) -> list[Example]:
    """Each text as an example: after the end of a line it is to be written, and the end of a line after it.

    Args:
        scored: the texts.
        tokenizer: that of the model.
        block_size: how many tokens the model reads; None: texts may have any length.
        encode: makes ids of a text; `tokenizer.encode` when left out.

    Raises:
        ValueError: for a text with what the tokenizer does not know (and would learn to write as <UNK>), or one that is
            too long; it says where the text is.
    """
    end, encode = line_end(tokenizer), encode or tokenizer.encode
    unknown = tokenizer.special_tokens.get(UNKNOWN)
    examples = []
    for i, each in enumerate(scored, start=1):
        where = each.where or f"text {i}"
        try:
            ids = encode(each.text)
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from error
        if unknown in ids:
            at = ids.index(unknown)
            raise ValueError(
                f"{where}: token {at + 1} of {each.text[:SHOWN]!r} is not in the vocabulary, and a model would learn "
                f"to write {UNKNOWN} for it: leave the text out, or replace what is unknown"
            )
        example = Example(end, [*ids, *end])
        if block_size is not None and (longest := len(end) + len(ids) + len(end) - 1) > block_size:
            raise ValueError(
                f"{where}: the text takes {longest} tokens, and the model reads block_size={block_size}: shorten it, "
                "or take a model with a larger block_size"
            )
        examples.append(example)
    return examples
