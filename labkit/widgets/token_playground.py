"""Type anything and see how several tokenizers cut it up: all of it is computed in the reader's browser."""

from collections.abc import Mapping
from typing import Any

import traitlets as t

from labkit.tokenizers import Tokenizer

from .figure import Figure

KINDS = ("char", "byte", "word", "bpe")
"""The kinds of tokenizers that the page knows, as `to_dict` calls them."""
MAX_TEXT = 1_000_000
"""Characters (code points); the figure takes no more from a reader either, so that a page stays quick."""
EXAMPLE = "Tokens are not words: “tokenization”, 1,024, naïve, שלום, 你好, 👩🏽‍🚀."


class TokenPlayground(Figure):
    r"""A text box; below it the tokens of what stands in it, and how many each tokenizer makes of it.

    The reader sees text, ids or bytes of the tokens; of a chosen one what it is made of, merge by merge. The page gives
    the ids of `encode`. What is special to it:

    - The name of a special token is text like any other (`special="text"`).
    - A character that a `CharTokenizer` without <UNK> refuses is shown as one, and counts as a token without an id.
    - Half of a surrogate pair that stands alone becomes U+FFFD, as in UTF-8.
    - What is a letter the browser's Unicode says, and in Python that of `regex`: the newest characters may differ.

    A BPE tokenizer of 4,096 tokens takes 32 kB in a page, some 8 bytes a merge; of several that were trained on the
    same text the largest counts alone, since the others begin like it. A word takes its length and three.

    Examples:
        >>> from labkit.tokenizers import BPETokenizer, ByteTokenizer
        >>> figure = TokenPlayground({"bytes": ByteTokenizer()}, text="low lower")
        >>> figure.add("my own", BPETokenizer.train("low lower lowest", 259))
        >>> figure.scheme
        'my own'

    Args:
        schemes: name -> tokenizer, in the order in which they are listed.
        text: what stands in the box at first.
        scheme: the name of the tokenizer that is shown at first; None: the first one.

    Attributes:
        text: what stands in the box; may be set, and follows what the reader types.
        scheme: the name of the tokenizer that is shown; likewise.
        max_text: how many characters the box takes; the page cuts off what is more, and says so.

    Raises:
        ValueError: for no schemes, a name that is none, a tokenizer of another kind.
        TraitError: for a text that is too long or no text in UTF-8, and a scheme that is not there.
    """

    module = "token_playground"
    page_traits = ("data", "max_text", "text", "scheme")

    data = t.List(t.Dict()).tag(sync=True)
    """What the page makes the tokenizers of."""
    max_text = t.Int(MAX_TEXT, read_only=True).tag(sync=True)
    text = t.Unicode("").tag(sync=True)
    scheme = t.Unicode("").tag(sync=True)

    def __init__(self, schemes: Mapping[str, Tokenizer], text: str = EXAMPLE, scheme: str | None = None) -> None:
        if not isinstance(schemes, Mapping) or not schemes:
            raise ValueError(
                f'TokenPlayground: schemes must be at least one tokenizer by name, as {{"bytes": ByteTokenizer()}}, '
                f"got {schemes!r:.60}"
            )
        for name, tokenizer in schemes.items():
            _check(name, tokenizer)
        self._schemes = dict(schemes)
        super().__init__(data=_described(self._schemes), text=text, scheme=next(iter(schemes)))
        if scheme is not None:
            self.scheme = scheme

    @property
    def schemes(self) -> dict[str, Tokenizer]:
        """The tokenizers by name, in the order in which they are listed."""
        return dict(self._schemes)

    def add(self, name: str, tokenizer: Tokenizer) -> None:
        """List one more tokenizer, or another one under a name that is there, and show it.

        Raises:
            ValueError: for a name that is none, a tokenizer of another kind.
        """
        _check(name, tokenizer)
        self._schemes[name] = tokenizer
        with self.hold_sync():  # the page hears of both at once
            self.data = _described(self._schemes)
            self.scheme = name

    def caption(self) -> str:
        """What the reader can do, and with which tokenizers."""
        sizes = [f"{name} ({tokenizer.vocab_size:,})" for name, tokenizer in self._schemes.items()]
        return (
            "Type anything: your browser cuts it into tokens. Choose a token to see what it is made of. "
            f"Schemes, with the size of their vocabulary: {', '.join(sizes)}."
        )

    @t.validate("text")
    def _valid_text(self, proposal: dict[str, Any]) -> str:
        text: str = proposal["value"]
        if len(text) > self.max_text:
            raise t.TraitError(
                f"TokenPlayground: the text has {len(text):,} characters, at most {self.max_text:,} fit; "
                "give a part of it"
            )
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise t.TraitError(
                f"TokenPlayground: half of a character, U+{ord(text[error.start]):04X}, stands alone at position "
                f"{error.start:,} of the text; replace it first"
            ) from None
        return text

    @t.validate("scheme")
    def _valid_scheme(self, proposal: dict[str, Any]) -> str:
        name: str = proposal["value"]
        if name not in self._schemes:
            raise t.TraitError(f"TokenPlayground: scheme must be one of {', '.join(self._schemes)}, got {name!r}")
        return name


def _check(name: object, tokenizer: object) -> None:
    if not isinstance(name, str) or not name.strip():
        raise ValueError(f"TokenPlayground: a scheme needs a name that can be read, got {name!r}")
    kind = getattr(tokenizer, "type", None)
    if not isinstance(tokenizer, Tokenizer) or kind not in KINDS:
        raise ValueError(
            f"TokenPlayground: the page knows tokenizers of the kinds {', '.join(KINDS)}; {name!r} is "
            f"{type(tokenizer).__name__}" + (f" of the kind {kind!r}" if kind is not None else "")
        )


def _described(schemes: Mapping[str, Tokenizer]) -> list[dict[str, Any]]:
    """`to_dict` of each, shorter where it can be, with its name."""
    whole: list[tuple[str, dict[str, Any]]] = []  # BPE tokenizers that send their merges
    found = {}
    largest_first = sorted(schemes.items(), key=lambda item: -item[1].vocab_size)  # stable
    for name, tokenizer in largest_first:
        data = tokenizer.to_dict()
        if data["type"] == "bpe":
            merges = data.pop("merges")
            del data["special"]
            if data["byte_order"] == list(range(256)):
                del data["byte_order"]
            data["size"] = tokenizer.vocab_size
            for other, longer in whole:
                if longer["merges"][: len(merges)] == merges:
                    data |= {"merges_of": other, "n_merges": len(merges)}
                    break
            else:
                whole.append((name, {"merges": merges}))
                data["merges"] = [part for pair in merges for part in pair]
        found[name] = {"name": name} | data
    return [found[name] for name in schemes]
