"""What the commands share about tokenizers: reading their files, encoding, a text as tokens for training."""

import hashlib
import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from labkit.tokenizers import UNKNOWN, BPETokenizer, CharTokenizer, Tokenizer, load_tokenizer
from labkit.tokenizers.bpe import Special, SpecialTokenFound

if TYPE_CHECKING:
    from labkit.data import Text
    from labkit.training.tokens import TokenData

SpecialOption = Annotated[
    Special | None,
    typer.Option(
        help="What the name of a special token in the text is: refused, that token, or text like any other.",
        show_default="refuse",
    ),
]


def read_tokenizer(path: Path) -> Tokenizer:
    """The tokenizer in a file.

    Raises:
        ValueError: if there is no such file, or no tokenizer in it.
        OSError: if it cannot be read.
    """
    if path.is_dir():
        raise ValueError(f"{path} is a folder; a tokenizer is a file that `labkit tokenize train` wrote")
    if not path.exists():
        raise ValueError(f"{path}: there is no such file; `labkit tokenize train` writes one")
    return load_tokenizer(path)


def read_text(source: str) -> str:
    """All of a file in UTF-8, or of standard input ("-"), as it is: line ends, byte order mark and all.

    Raises:
        ValueError: if it is not UTF-8, or no file.
        OSError: if it cannot be read.
    """
    path = Path(source)
    if source != "-" and not path.is_file():
        raise ValueError(f"{source} is a folder" if path.is_dir() else f"{source}: there is no such file")
    content = sys.stdin.buffer.read() if source == "-" else path.read_bytes()
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        where = "standard input" if source == "-" else source
        raise ValueError(f"{where}: not a UTF-8 text: byte {error.start:,} is 0x{content[error.start]:02x}") from None


def text_pieces(sources: Sequence[str], uncut: Iterable[str] = ()) -> Iterator[str]:
    r"""Texts by name, and files of any size, in pieces; as `load_text` reads them, with "\n" as line ends and no BOM.

    A file that takes a while to read shows a bar on stderr.

    Args:
        sources: names and paths. All are looked for at once, before the first is read.
        uncut: names of special tokens: no piece ends inside one of them.

    Raises:
        ValueError: for what is neither a name nor a file; while reading, for a file that is not UTF-8.
        OSError: if a file cannot be read.
    """
    from labkit.data import load_text

    for source in sources:
        if not _is_name(source):
            if not Path(source).is_file():
                load_text(source)  # which says what there is
            if not os.access(source, os.R_OK):
                raise PermissionError(f"{source} may not be read")
    return _text_pieces(sources, tuple(uncut))


def _text_pieces(sources: Sequence[str], uncut: tuple[str, ...]) -> Iterator[str]:
    from tqdm import tqdm

    from labkit.data import load_text
    from labkit.tokenizers.patterns import read_pieces

    for source in sources:
        if _is_name(source):
            yield load_text(source).text
            continue
        size = Path(source).stat().st_size
        with tqdm(total=size, desc="reading", unit="B", unit_scale=True, leave=False, delay=0.2, disable=None) as bar:
            for piece in read_pieces(source, uncut=uncut, unify=True):
                yield piece
                bar.update(len(piece.encode()))


def _is_name(source: str) -> bool:
    from labkit.data import TEXTS
    from labkit.data.download import ALIASES

    return source in TEXTS or source in ALIASES


def finds_special(tokenizer: Tokenizer) -> bool:
    """Whether it finds special tokens in a text: those of BPE do, where there are any."""
    return isinstance(tokenizer, BPETokenizer) and bool(tokenizer.special)


def special_policy(tokenizer: Tokenizer, asked: Special | None) -> Special:
    """What `--special` asks for; "refuse" where it was not given.

    Raises:
        ValueError: if it was given, and this tokenizer finds no special tokens in a text.
    """
    if asked is not None and not finds_special(tokenizer):
        raise ValueError(
            f"--special {asked} has nothing to act on: this {tokenizer.type} tokenizer finds no special tokens in a "
            "text; leave it out"
        )
    return asked or "refuse"


def encode_text(tokenizer: Tokenizer, text: str, special: Special) -> list[int]:
    """The ids of a text.

    Args:
        tokenizer: of any kind; only those of BPE find special tokens in a text.
        text: any text.
        special: what becomes of their names.

    Raises:
        ValueError: for a name that is refused, and for what the tokenizer refuses.
    """
    if not isinstance(tokenizer, BPETokenizer):
        return tokenizer.encode(text)
    try:
        return tokenizer.encode(text, special)
    except SpecialTokenFound as found:
        raise ValueError(
            f"the text has the special token {found.name!r} at position {found.position:,}: --special text reads it "
            "as text, --special allow as that token"
        ) from None


def digest(tokenizer: Tokenizer) -> str:
    """A short fingerprint: the first 16 digits of the SHA-256 of its description."""
    content = json.dumps(tokenizer.to_dict(), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(content.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Material:
    """A text, and the tokenizer that makes a model's tokens of it.

    Attributes:
        text: with its two parts.
        tokenizer: of any kind.
        special: what the names of special tokens in the text are.
        source: the tokenizer's file; None where it was made of the text, a token for each character.
    """

    text: "Text"
    tokenizer: Tokenizer
    special: Special = "refuse"
    source: str | None = None

    @classmethod
    def of(cls, text: "Text", tokenizer: Tokenizer | None, special: Special, source: str | None) -> "Material":
        """With the tokenizer of the text's characters where none is given."""
        return cls(text, tokenizer or CharTokenizer.train(text.text), special, source)

    def about(self) -> dict[str, Any]:
        """What a run's files should say of the tokenizer, for `--resume`; nothing for the one made of the text."""
        if self.source is None:
            return {}
        special = {"special": self.special} if finds_special(self.tokenizer) else {}
        return {"tokenizer": {"source": self.source, "digest": digest(self.tokenizer)} | special}

    def data(self) -> "TokenData":
        """Both parts of the text as tokens.

        Raises:
            ValueError: for what the tokenizer cannot read.
        """
        from labkit.training.tokens import TokenData

        try:
            train = encode_text(self.tokenizer, self.text.train, self.special)
            validation = encode_text(self.tokenizer, self.text.validation, self.special)
        except ValueError as error:
            raise ValueError(f"{self.source or 'the tokenizer'} cannot read {self.text.name}: {error}") from error
        return TokenData.from_ids(train, validation, len(self.text.validation) / max(1, len(validation)))

    def describe(self, data: "TokenData") -> str:
        """How much there is to learn from, in words."""
        n, size = len(data.train), self.tokenizer.vocab_size
        if self.source is None:
            return f"{n:,} characters to learn from ({size} different)"
        each = len(self.text.train) / max(1, n)
        words = f"{n:,} tokens to learn from (of {size:,} different, {each:.2f} characters each)"
        unknown = self.tokenizer.special_tokens.get(UNKNOWN)
        share = float((data.validation == unknown).mean()) if unknown is not None and len(data.validation) else 0.0
        if share:
            words += f", {share:.1%} of the validation tokens {UNKNOWN}, which flatters bits per character"
        return words


def first_tokens(tokenizer: Tokenizer) -> list[int]:
    """What a text begins after: the end of a line, or where there are no lines the first of the vocabulary."""
    try:
        ids = tokenizer.encode("\n")
    except ValueError:
        return [0]
    return [0] if tokenizer.special_tokens.get(UNKNOWN) in ids else ids
