"""A text to learn from, and its split: the data of chapter 4."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from .download import ALIASES, fetch
from .topics import python_topics

TEXTS = ("python-topics", "shakespeare")
"""The texts that have a name."""

BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Text:
    """A text in two parts: the first for training, the last for validation.

    The split is nanoGPT's (data/shakespeare_char/prepare.py): in the order of the text, so that no
    sentence is in both parts.

    Attributes:
        name: what it is called.
        text: all of it.
        validation_share: how much of it is for validation, from 0 to 1.
    """

    name: str
    text: str = field(repr=False)  # a notebook would show a megabyte
    validation_share: float = 0.1

    def __post_init__(self) -> None:
        if not self.text:
            raise ValueError(f"text {self.name!r} is empty")
        if not 0 < self.validation_share < 1:
            raise ValueError(f"validation_share must be between 0 and 1, got {self.validation_share!r}")
        if not 0 < self._cut < len(self.text):
            part = "train on" if self._cut == 0 else "validate with"
            raise ValueError(
                f"text {self.name!r} is too short: of its length, {len(self.text)}, "
                f"validation_share={self.validation_share} leaves none to {part}"
            )

    @property
    def _cut(self) -> int:
        return int((1 - self.validation_share) * len(self.text))

    @property
    def train(self) -> str:
        """What a model may learn from."""
        return self.text[: self._cut]

    @property
    def validation(self) -> str:
        """What it is measured on."""
        return self.text[self._cut :]

    @property
    def digest(self) -> str:
        """A short fingerprint of the whole text: the first 16 digits of the SHA-256 of its UTF-8."""
        return hashlib.sha256(self.text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def load_text(source: str | Path = "python-topics") -> Text:
    r"""A text by its name, or from a file.

    Args:
        source: "python-topics" (comes with Python), "shakespeare" (1.1 MB, downloaded once), or the path
            of a UTF-8 text file. A byte order mark is dropped, and "\r\n" becomes "\n".

    Raises:
        ValueError: for what is neither a name nor a file, and for a file that is not UTF-8 or is too
            short to be split.
        ConnectionError: if the download fails.
        OSError: if the file cannot be read.
    """
    name = ALIASES.get(source, source) if isinstance(source, str) else source
    if name == "python-topics":
        return Text("python-topics", python_topics())
    if name == "shakespeare":
        return Text("shakespeare", _read(fetch("shakespeare")))
    path = Path(source)
    if not path.is_file():
        what = "a folder" if path.is_dir() else "no such file"
        raise ValueError(
            f"unknown text {str(source)!r}; there are: {', '.join(TEXTS)}; the path of a text file works too ({what})"
        )
    text = _read(path)
    try:
        return Text(path.name, text)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _read(path: Path) -> str:
    content = path.read_bytes()
    skipped = len(BOM) if content.startswith(BOM) else 0
    try:
        text = content[skipped:].decode("utf-8")
    except UnicodeDecodeError as error:
        at = skipped + error.start
        raise ValueError(
            f"{path}: not a UTF-8 text: byte {at:,} is 0x{content[at]:02x}; save it as UTF-8 and try again"
        ) from None
    return text.replace("\r\n", "\n")
