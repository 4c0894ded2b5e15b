"""Where each head of each layer looks in a text."""

from collections.abc import Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import traitlets as t

from .figure import Figure

if TYPE_CHECKING:
    from labkit.gpt import GPT
    from labkit.tokenizers import Tokenizer
    from labkit.training.lm import LMRun

MAX_TOKENS = 64
"""A map of more would have cells that no finger finds, and a page's size grows with the square."""


class AttentionView(Figure):
    """A small map for every head, layer by layer; one of them large, and over the text what a token looks at.

    In a map a row is a token that looks, and a column one that is looked at. Weights travel as whole 255ths.

    >>> half = [[1, 0], [0.5, 0.5]]
    >>> view = AttentionView([[half]], ["a", "b"])
    >>> view.caption()
    'Attention of 1 layer with 1 head over 2 tokens; in layer 1, head 1 “b” at 1 looks most at “a” at 0 (50 %).'

    Args:
        weights: shares, [n_layer, n_head, tokens, tokens]; every row sums to 1.
        tokens: the text of each, 1 … 64 of them.
        layer: which head is large at first.
        head: likewise.
        position: which token is chosen at first; -1 is the last.

    Attributes:
        layer: of the head that is large; may be set, as `head` and `position` may.

    Raises:
        ValueError: for weights of another shape, or that are no shares; for a head or a position that is not there.
    """

    module = "attention"
    page_traits = ("weights", "tokens", "n_layer", "n_head", "layer", "head", "position")

    weights = t.Bytes(b"").tag(sync=True)
    """uint8: layer by layer, head by head, row by row; 255 is 1."""
    tokens = t.List(t.Unicode()).tag(sync=True)
    n_layer = t.Int().tag(sync=True)
    n_head = t.Int().tag(sync=True)
    layer = t.Int(0, min=0).tag(sync=True)
    head = t.Int(0, min=0).tag(sync=True)
    position = t.Int(-1, min=-1).tag(sync=True)
    """The chosen token; -1 is the last one."""

    def __init__(self, weights: Any, tokens: Sequence[str], layer: int = 0, head: int = 0, position: int = -1) -> None:
        shares = _checked(weights, tokens)
        n_layer, n_head = shares.shape[:2]
        ends = {"layer": n_layer, "head": n_head, "position": len(tokens)}
        for name, value in (("layer", layer), ("head", head), ("position", position)):
            _check_place(name, value, ends[name])
        super().__init__(
            weights=_bytes(shares),
            tokens=list(tokens),
            n_layer=n_layer,
            n_head=n_head,
            layer=layer,
            head=head,
            position=position,
        )
        self._source: tuple[Any, list[int]] | None = None

    @t.validate("layer", "head", "position")
    def _valid_place(self, proposal: dict[str, Any]) -> int:
        name = proposal["trait"].name
        end = {"layer": self.n_layer, "head": self.n_head, "position": len(self.tokens)}[name]
        try:
            _check_place(name, proposal["value"], end)
        except ValueError as error:
            raise t.TraitError(str(error)) from None
        value: int = proposal["value"]
        return value

    @classmethod
    def of(cls, source: "GPT | LMRun", tokenizer: "Tokenizer", text: str, **options: int) -> Self:
        """The attention of a model as it reads a text.

        Args:
            source: the model; or a run, whose model of now `update()` shows (as one of a `TrainerPanel`'s figures).
            tokenizer: what cuts the text into tokens.
            text: 1 … 64 tokens, and no more than the model's block_size.
            options: layer, head and position, as for the class.

        Raises:
            ValueError: for a text that is empty or too long, or has characters that the tokenizer does not know.
        """
        ids = tokenizer.encode(text)
        most = min(MAX_TOKENS, _model_of(source).config.block_size)
        if not 1 <= len(ids) <= most:
            raise ValueError(f"AttentionView: the text must have 1 … {most} tokens, got {len(ids)}")
        view = cls(_weights_of(source, ids), [tokenizer.decode([token]) for token in ids], **options)
        view._source = (source, ids)
        return view

    def update(self) -> None:
        """Read the text again with the model as it is now; what the reader has chosen stays."""
        if self._source is not None:
            self.weights = _bytes(_weights_of(*self._source))

    def shares(self) -> np.ndarray:
        """The weights as they are shown, [n_layer, n_head, tokens, tokens], to the next 255th."""
        n = len(self.tokens)
        return np.frombuffer(self.weights, np.uint8).reshape(self.n_layer, self.n_head, n, n) / 255

    def caption(self) -> str:
        """How many heads there are, and what the chosen token looks at most in the large one."""
        last = len(self.tokens) - 1
        position = last if self.position < 0 else self.position
        row = self.shares()[self.layer, self.head, position]
        best = int(row.argmax())
        layers, heads = (f"{n} {name}{'s' * (n != 1)}" for n, name in ((self.n_layer, "layer"), (self.n_head, "head")))
        names = [f"“{_visible(self.tokens[i])}” at {i}" for i in (position, best)]
        looks = "looks only at itself" if last == 0 else f"looks most at {names[1]} ({100 * row[best]:.0f} %)"
        return (
            f"Attention of {layers} with {heads} over {last + 1} token{'s' * (last > 0)}; "
            f"in layer {self.layer + 1}, head {self.head + 1} {names[0]} {looks}."
        )


def _check_place(name: str, value: int, end: int) -> None:
    low = -1 if name == "position" else 0
    if not low <= value < end:
        raise ValueError(f"AttentionView: {name} must be {low} … {end - 1}, got {value}")


def _visible(token: str) -> str:
    return {"": "∅", " ": "␣", "\n": "↵"}.get(token, token)


def _model_of(source: Any) -> Any:
    """A run's model as it is now, or the model itself."""
    return source.model if hasattr(source, "lock") else source


def _weights_of(source: Any, ids: Sequence[int]) -> np.ndarray:
    """[n_layer, n_head, tokens, tokens] of a GPT, or of a run's between two steps."""
    from labkit.sampling import attention_of  # torch: a page with a figure of recorded weights needs none

    with getattr(source, "lock", nullcontext()):
        return attention_of(_model_of(source), ids).cpu().numpy()


def _checked(weights: Any, tokens: Sequence[str]) -> np.ndarray:
    shares = np.asarray(weights, dtype=float)
    n = len(tokens)
    if not 1 <= n <= MAX_TOKENS:
        raise ValueError(f"AttentionView: there must be 1 … {MAX_TOKENS} tokens, got {n}")
    if shares.ndim != 4 or shares.shape[2:] != (n, n) or 0 in shares.shape:
        raise ValueError(f"AttentionView: weights must be [n_layer, n_head, {n}, {n}], got {list(shares.shape)}")
    if not (shares >= 0).all() or abs(shares.sum(-1) - 1).max() > 0.02:
        raise ValueError("AttentionView: weights must be shares: none below 0, and every row sums to 1")
    return shares


def _bytes(shares: np.ndarray) -> bytes:
    whole = np.nan_to_num(255 * shares)  # a model that has diverged looks nowhere
    return np.rint(whole).astype(np.uint8).tobytes()
