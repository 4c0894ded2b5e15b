"""A token for each of the 256 bytes of UTF-8: nothing to learn, and nothing that cannot be said."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from .base import Tokenizer, check_keys, check_text, checked_ids


@dataclass(frozen=True)
class ByteTokenizer(Tokenizer):
    r"""Text as its bytes.

    Attributes:
        type: what `to_dict` calls this kind of tokenizer.

    Examples:
        >>> ByteTokenizer().encode("né")
        [110, 195, 169]
        >>> ByteTokenizer().decode([110, 195])
        'n\ufffd'
    """

    type: ClassVar[str] = "byte"

    @classmethod
    def train(cls, texts: str | Iterable[str] = "") -> Self:
        """All texts call for the same one; they are not looked at."""
        return cls()

    @property
    def vocab_size(self) -> int:
        """256."""
        return 256

    @property
    def special_tokens(self) -> Mapping[str, int]:
        """None."""
        return {}

    def encode(self, text: str) -> list[int]:
        """The bytes of a text in UTF-8.

        Raises:
            ValueError: for half of a surrogate pair.
        """
        check_text(text)
        return list(text.encode())

    def decode(self, ids: Iterable[int]) -> str:
        """The text of some bytes; where they are no UTF-8, U+FFFD.

        Raises:
            ValueError: for what is no byte.
        """
        return bytes(checked_ids(ids, 256)).decode("utf-8", errors="replace")

    def token_bytes(self, token: int) -> bytes:
        """The byte."""
        return bytes(checked_ids([token], 256))

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON has it."""
        return {"type": self.type}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The tokenizer that `to_dict` described.

        Raises:
            ValueError: if it is not such a description.
        """
        check_keys(data, cls.type, set())
        return cls()
