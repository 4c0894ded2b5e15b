"""Byte-pair encoding: bytes to begin with, and the merges that a text called for."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain, islice
from typing import Any, ClassVar, Literal, Self, get_args

from .base import Tokenizer, check_keys, check_text, checked_ids
from .chunk_encoder import ChunkEncoder
from .merges import Merge, learn_merges
from .patterns import count_chunks, splitter

Special = Literal["refuse", "allow", "text"]
"""What `encode` does with the name of a special token in a text.

- "refuse": an error. Text from outside that names one is a mistake or an attack.
- "allow": it becomes that token. For text that a program made.
- "text": it is text like any other.
"""

MOST_TOKENS = 0x110000
"""A token is written as a character inside, and there are so many."""


class SpecialTokenFound(ValueError):  # noqa: N818 - what it found says more
    """A text has the name of a special token, and it was not said what that is.

    Attributes:
        name: of the first special token in the text.
        position: how many characters come before it.
    """

    def __init__(self, name: str, position: int) -> None:
        super().__init__(name, position)
        self.name, self.position = name, position

    def __str__(self) -> str:
        return (
            f"the text has the special token {self.name!r} at position {self.position:,}: pass special='text' to read "
            "it as text, special='allow' if it is meant"
        )


@dataclass(frozen=True)
class BPETokenizer(Tokenizer):
    r"""Byte-level BPE, as GPT-2 (Radford et al. 2019) and GPT-4 have it: every text can be said, none is unknown.

    Attributes:
        merges: (left, right): number i makes token 256 + i.
        pattern: how text is cut into chunks first, a name in `patterns.PATTERNS`.
        special: name -> id of the special tokens.
        byte_order: the bytes of tokens 0 … 255; GPT-2 and GPT-4 begin with "!", not with byte 0.
        type: what `to_dict` calls this kind of tokenizer.

    Examples:
        >>> tokenizer = BPETokenizer.train("low lower lowest", 259)
        >>> [tokenizer.token_bytes(token) for token in (256, 257, 258)]
        [b'lo', b'low', b' low']
        >>> tokenizer.encode("low lows")
        [257, 258, 115]
    """

    merges: tuple[tuple[int, int], ...]
    pattern: str = "gpt4"
    special: Mapping[str, int] = field(default_factory=dict, hash=False)
    byte_order: bytes = bytes(range(256))
    type: ClassVar[str] = "bpe"

    def __post_init__(self) -> None:
        splitter(self.pattern)
        if sorted(self.byte_order) != list(range(256)):
            raise ValueError("byte_order must have each of the 256 bytes once")
        _check_merges(self.merges)
        _check_special(self.special, 256 + len(self.merges))

    @classmethod
    def train(
        cls,
        texts: str | Iterable[str],
        vocab_size: int,
        pattern: str = "gpt4",
        special_tokens: Iterable[str] = (),
        on_merge: Callable[[Merge], object] | None = None,
    ) -> Self:
        """Learn merges from a text, or from any number of them.

        Args:
            texts: one text, or texts that are read once, one after the other (`patterns.read_pieces` of a file larger
                than memory): what is kept is each chunk once, with its count.
            vocab_size: how many tokens there shall be: 256 bytes, the merges, the special tokens.
            pattern: how text is cut into chunks, a name in `patterns.PATTERNS`.
            special_tokens: their names; their ids follow the merges. Text is learned from around them. They are
                looked for in each text alone, so a text must not end inside a name (`read_pieces` takes the names
                as `uncut`).
            on_merge: called with each merge, for a progress bar or a chart.

        Raises:
            ValueError: if vocab_size is too small for the bytes and special tokens, or larger than this text has
                pairs for.
        """
        if isinstance(special_tokens, str):
            raise ValueError(f"special_tokens are a list of names, got the text {special_tokens!r}")
        names = list(special_tokens)
        least = 256 + len(names)
        if isinstance(vocab_size, bool) or not isinstance(vocab_size, int) or not least <= vocab_size <= MOST_TOKENS:
            raise ValueError(
                f"vocab_size must be {least:,} … {MOST_TOKENS:,} (with 256 bytes and {len(names)} special tokens), "
                f"got {vocab_size!r}"
            )
        special = {name: vocab_size - len(names) + i for i, name in enumerate(names)}
        _check_special(special, vocab_size - len(names))  # before the work
        merges: list[tuple[int, int]] = []
        chunks = count_chunks(_between(names, texts) if names else texts, pattern)
        for merge in islice(learn_merges(chunks), vocab_size - least):
            merges.append((merge.left, merge.right))
            if on_merge is not None:
                on_merge(merge)
        if len(merges) < vocab_size - least:
            raise ValueError(
                f"this text has pairs for {least + len(merges):,} tokens, then each of its chunks is one token; ask "
                f"for no more than that (vocab_size={vocab_size:,}), or give more text"
            )
        return cls(tuple(merges), pattern, special)

    @property
    def vocab_size(self) -> int:
        """How many ids there are; of an imported tokenizer some may stand for nothing."""
        return max([255 + len(self.merges), *self.special.values()]) + 1

    @property
    def special_tokens(self) -> Mapping[str, int]:
        """The ids of the special tokens, by name."""
        return self.special

    def encode(self, text: str, special: Special = "refuse") -> list[int]:
        """The ids of a text: each chunk's bytes, merged in the order in which the merges were learned.

        Args:
            text: any text.
            special: what becomes of the names of special tokens in it.

        Raises:
            SpecialTokenFound: a ValueError, for the name of a special token that is refused.
            ValueError: for half of a surrogate pair.
        """
        if special not in get_args(Special):
            raise ValueError(f"special must be one of {', '.join(get_args(Special))}, got {special!r}")
        check_text(text)
        if special == "text" or not self.special:
            return self._ordinary(text)
        names = self._names.split(text)
        if special == "refuse" and len(names) > 1:
            raise SpecialTokenFound(names[1], len(names[0]))
        parts = (self._ordinary(part) if i % 2 == 0 else [self.special[part]] for i, part in enumerate(names))
        return list(chain.from_iterable(parts))

    def decode(self, ids: Iterable[int]) -> str:
        """The text of some ids; bytes that are no UTF-8 (a character cut in two) become U+FFFD.

        Raises:
            ValueError: for an id that is not in the vocabulary.
        """
        return self.decode_bytes(ids).decode("utf-8", errors="replace")

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """The bytes of some ids, as `decode` without the last step."""
        try:
            return b"".join(map(self._bytes.__getitem__, checked_ids(ids, self.vocab_size)))
        except KeyError as error:
            raise ValueError(f"token {error.args[0]} stands for nothing in this vocabulary") from None

    def token_bytes(self, token: int) -> bytes:
        """The bytes of one token; of a special token its name.

        Raises:
            ValueError: for an id that is not in the vocabulary, or that an imported vocabulary leaves out.
        """
        return self.decode_bytes([token])

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON has it."""
        return {
            "type": self.type,
            "pattern": self.pattern,
            "merges": [list(pair) for pair in self.merges],
            "special": dict(self.special),
            "byte_order": list(self.byte_order),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The tokenizer that `to_dict` described.

        Raises:
            ValueError: if it is not such a description.
        """
        check_keys(data, cls.type, {"pattern", "merges", "special", "byte_order"})
        merges, special, byte_order = data["merges"], data["special"], data["byte_order"]
        if not isinstance(merges, list) or not all(isinstance(pair, list) and len(pair) == 2 for pair in merges):
            raise ValueError("the merges of a bpe tokenizer are a list of pairs [left, right]")
        if not isinstance(special, Mapping):
            raise ValueError(f"the special tokens of a bpe tokenizer are name -> id, got {type(special).__name__}")
        if not isinstance(byte_order, list) or sorted(map(repr, byte_order)) != sorted(map(repr, range(256))):
            raise ValueError("byte_order must be a list that has each of the bytes 0 … 255 once")
        return cls(tuple(map(tuple, merges)), data["pattern"], dict(special), bytes(byte_order))

    def _ordinary(self, text: str) -> list[int]:
        return list(chain.from_iterable(map(self._known.__getitem__, splitter(self.pattern)(text))))

    @cached_property
    def _names(self) -> re.Pattern[str]:
        return special_names(self.special)

    @cached_property
    def _bytes(self) -> dict[int, bytes]:
        found = {token: bytes([byte]) for token, byte in enumerate(self.byte_order)}
        for token, (left, right) in enumerate(self.merges, start=256):
            found[token] = found[left] + found[right]
        return found | {token: name.encode() for name, token in self.special.items()}

    @cached_property
    def _known(self) -> ChunkEncoder:
        return ChunkEncoder(self.merges, self.byte_order)


def special_names(names: Iterable[str]) -> re.Pattern[str]:
    """Splits a text at these names: text at 0, 2, …, names at 1, 3, …; of two that begin alike the longer is found."""
    return re.compile("(" + ("|".join(map(re.escape, sorted(names, key=len, reverse=True))) or "(?!)") + ")")


def _between(names: list[str], texts: str | Iterable[str]) -> Iterator[str]:
    """The text around special tokens: a name is one token, so its letters call for no merges."""
    pattern = special_names(names)
    for text in [texts] if isinstance(texts, str) else texts:
        yield from pattern.split(text)[::2] if isinstance(text, str) else [text]


def _check_merges(merges: tuple[tuple[int, int], ...]) -> None:
    if 256 + len(merges) > MOST_TOKENS:
        raise ValueError(f"a vocabulary has at most {MOST_TOKENS:,} tokens, got {256 + len(merges):,}")
    seen: set[tuple[int, int]] = set()
    for token, pair in enumerate(merges, start=256):
        for part in pair:
            if isinstance(part, bool) or not isinstance(part, int) or not 0 <= part < token:
                raise ValueError(f"token {token} is made of {pair}: both must be tokens before it, 0 … {token - 1}")
        if pair in seen:
            raise ValueError(f"the pair {pair} is merged twice, the second time into token {token}")
        seen.add(pair)


def _check_special(special: Mapping[str, int], first: int) -> None:
    for name, token in special.items():
        if not isinstance(name, str) or not name:
            raise ValueError(f"a special token has a name, got {name!r}")
        check_text(name)
        if isinstance(token, bool) or not isinstance(token, int) or not first <= token < MOST_TOKENS:
            raise ValueError(
                f"special token {name!r} has the id {token!r}; ids of special tokens begin after the merges, at {first}"
            )
    if len(set(special.values())) < len(special):
        raise ValueError(f"two special tokens share an id: {dict(special)}")
