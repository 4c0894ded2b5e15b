"""A token for each word: short texts, a huge vocabulary, and words that it has never seen."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Self

from .base import UNKNOWN, Tokenizer, check_keys, check_text, checked_ids
from .patterns import count_chunks, splitter


@dataclass(frozen=True)
class WordTokenizer(Tokenizer):
    r"""The most frequent chunks of a text, and one token for all others.

    A "word" is a chunk of `patterns`: a word with the space before it, a run of punctuation, line breaks.

    Attributes:
        words: id -> chunk; the last id, after them, is <UNK>.
        pattern: how text is cut, a name in `patterns.PATTERNS`.
        type: what `to_dict` calls this kind of tokenizer.

    Examples:
        >>> tokenizer = WordTokenizer.train("the cat and the dog and the cow", 4)
        >>> tokenizer.words
        (' and', ' the', 'the')
        >>> tokenizer.decode(tokenizer.encode("the cat and the dog"))
        'the<UNK> and the<UNK>'
    """

    words: tuple[str, ...]
    pattern: str = "gpt4"
    type: ClassVar[str] = "word"

    def __post_init__(self) -> None:
        splitter(self.pattern)
        for word in self.words:
            if not isinstance(word, str) or not word:
                raise ValueError(f"a word of a tokenizer is a text of at least one character, got {word!r}")
            check_text(word)
        if len(self._ids) < len(self.words):
            word = next(word for i, word in enumerate(self.words) if self._ids[word] != i)
            raise ValueError(f"the word {word!r} is in the vocabulary twice")

    @classmethod
    def train(cls, texts: str | Iterable[str], vocab_size: int | None = None, pattern: str = "gpt4") -> Self:
        """The most frequent words of a text; of equals those that come first in it.

        Args:
            texts: one text, or any number of them.
            vocab_size: how many tokens there are at most, <UNK> among them; None: one for every word.
            pattern: how text is cut, a name in `patterns.PATTERNS`.

        Raises:
            ValueError: if vocab_size is below 2, or there is no text.
        """
        if vocab_size is not None and (
            isinstance(vocab_size, bool) or not isinstance(vocab_size, int) or vocab_size < 2
        ):
            raise ValueError(f"vocab_size must be None or at least 2 (a word and {UNKNOWN}), got {vocab_size!r}")
        counts = count_chunks(texts, pattern)
        if not counts:
            raise ValueError("no words to make a tokenizer of: the text is empty")
        ranked = sorted(counts, key=counts.__getitem__, reverse=True)  # stable: equals stay in order
        return cls(tuple(ranked[: None if vocab_size is None else vocab_size - 1]), pattern)

    @property
    def vocab_size(self) -> int:
        """How many tokens there are, <UNK> among them."""
        return len(self.words) + 1

    @property
    def special_tokens(self) -> Mapping[str, int]:
        """<UNK>, for every word that is not in the vocabulary."""
        return {UNKNOWN: len(self.words)}

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {word: i for i, word in enumerate(self.words)}

    @cached_property
    def _texts(self) -> tuple[str, ...]:
        return (*self.words, UNKNOWN)

    def encode(self, text: str) -> list[int]:
        """The id of each word, and that of <UNK> for those that are not in the vocabulary.

        Raises:
            ValueError: for half of a surrogate pair.
        """
        check_text(text)
        unknown = len(self.words)
        return [self._ids.get(word, unknown) for word in splitter(self.pattern)(text)]

    def decode(self, ids: Iterable[int]) -> str:
        """The words of some ids; an unknown one is written <UNK>.

        Raises:
            ValueError: for an id outside the vocabulary.
        """
        return "".join(map(self._texts.__getitem__, checked_ids(ids, self.vocab_size)))

    def token_bytes(self, token: int) -> bytes:
        """The word in UTF-8."""
        return self.decode([token]).encode()

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON has it."""
        return {"type": self.type, "words": list(self.words), "pattern": self.pattern}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The tokenizer that `to_dict` described.

        Raises:
            ValueError: if it is not such a description.
        """
        check_keys(data, cls.type, {"words", "pattern"})
        if not isinstance(data["words"], list):
            raise ValueError(f"the words of a tokenizer are a list, got {type(data['words']).__name__}")
        return cls(tuple(data["words"]), data["pattern"])
