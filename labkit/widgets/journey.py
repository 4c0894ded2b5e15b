"""One token's way through a scalar GPT: embedding, attention, residual stream, logits, next token."""

from collections.abc import Sequence
from contextlib import nullcontext
from operator import index
from typing import Any

import numpy as np
import traitlets as t

from labkit.scalar import GameGPT
from labkit.scalar.ops import numbers, probabilities
from labkit.training import ScalarGPTRun

from .figure import Figure

MIN_TEMPERATURE, MAX_TEMPERATURE = 0.1, 2.0


class TokenJourney(Figure):
    """Follow one token through the model: what it becomes, where each head looks, what comes next.

    The figure carries the weights as float32 and computes the forward pass itself, in the page as in
    JupyterLab. The reader chooses a token, turns the temperature, draws tokens and takes them back.

    >>> journey = TokenJourney(GameGPT(vocab_size=3, n_embd=4, n_head=2), ["<bos>", "a", "b"], tokens=[0, 1])
    >>> journey.tokens, len(journey.weights) == 4 * len(journey.model.params)
    ([0, 1], True)

    Args:
        model: the model; or a run, whose model as it is now `update()` sends (a panel's Reset builds another).
        vocabulary: the token of each id, as text.
        tokens: ids of the sequence to begin with, 1 … block_size of them.
        temperature: the logits are divided by it, 0.1 … 2.
        eos_id: the token that ends a sequence, unless it stands first; None if there is none.
        position: which token is chosen at first, 0 … len(tokens) - 1; -1 is the last.

    Attributes:
        tokens: the sequence as the reader has it now; may be set.
        temperature: where the slider stands; may be set.

    Raises:
        ValueError: for a vocabulary, a token, a sequence, a position or a temperature that cannot be.
    """

    module = "journey"
    page_traits = ("weights", "sizes", "vocabulary", "start", "tokens", "position", "temperature", "eos_id")

    weights = t.Bytes(b"").tag(sync=True)
    """float32, in the order of `GameGPT.params`."""
    sizes = t.Dict().tag(sync=True)
    vocabulary = t.List(t.Unicode()).tag(sync=True)
    start = t.List(t.Int()).tag(sync=True)
    """What "Start again" brings back."""
    tokens = t.List(t.Int()).tag(sync=True)
    position = t.Int(-1, min=-1).tag(sync=True)
    """The chosen token; -1 is the last one."""
    temperature = t.Float(1.0).tag(sync=True)
    eos_id = t.Int(None, allow_none=True).tag(sync=True)

    def __init__(
        self,
        model: GameGPT | ScalarGPTRun,
        vocabulary: Sequence[str],
        tokens: Sequence[int],
        temperature: float = 1.0,
        eos_id: int | None = None,
        position: int = -1,
    ) -> None:
        self._source = model
        names = ("n_layer", "n_embd", "n_head", "block_size", "vocab_size")
        sizes = {name: getattr(self.model, name) for name in names}
        if len(vocabulary) != sizes["vocab_size"]:
            raise ValueError(
                f"TokenJourney: the vocabulary has {len(vocabulary)} tokens, the model {sizes['vocab_size']}"
            )
        ids = [index(token) for token in tokens]
        _check_tokens(ids, sizes)
        if eos_id is not None:
            _check_tokens([eos_id], sizes)
        _check_temperature(temperature)
        if not -1 <= position < len(ids):
            raise ValueError(f"TokenJourney: position {position} is outside the sequence: 0 … {len(ids) - 1}")
        super().__init__(
            sizes=sizes,
            vocabulary=list(vocabulary),
            start=ids,
            tokens=ids,
            position=position,
            temperature=temperature,
            eos_id=eos_id,
        )
        self.update()

    @property
    def model(self) -> GameGPT:
        """The model that is shown; a run's as it is now."""
        return self._source.model if isinstance(self._source, ScalarGPTRun) else self._source

    def _lock(self) -> Any:
        return self._source.lock if isinstance(self._source, ScalarGPTRun) else nullcontext()

    @t.validate("tokens")
    def _valid_tokens(self, proposal: dict[str, Any]) -> list[int]:
        return _valid(_check_tokens, proposal["value"], self.sizes)

    @t.validate("temperature")
    def _valid_temperature(self, proposal: dict[str, Any]) -> float:
        return _valid(_check_temperature, proposal["value"])

    def update(self) -> None:
        """Send the weights as they are now: one array of bytes, whatever the reader has chosen stays."""
        with self._lock():
            params = self.model.params
            weights = np.fromiter((p.data for p in params), float, len(params))
        with np.errstate(over="ignore"):  # beyond float32 is infinite, and the figure shows it as such
            self.weights = weights.astype("<f4").tobytes()

    def caption(self) -> str:
        """The model's size, and its likeliest next token after the chosen one."""
        last = len(self.tokens) - 1 if self.position < 0 else min(self.position, len(self.tokens) - 1)
        if last and self.tokens[last] == self.eos_id:
            last -= 1
        with self._lock():
            model = self.model
            keys, values = model.new_cache()
            for position, token in enumerate(self.tokens[: last + 1]):
                logits = numbers(model.forward(token, position, keys, values))
        p = probabilities(logits, self.temperature)
        likeliest = max(range(len(p)), key=p.__getitem__)
        return (
            f"One token's way through a model of {len(model.params):,} weights: after “{self.vocabulary[token]}” "
            f"at position {last} the likeliest next token is “{self.vocabulary[likeliest]}” "
            f"({100 * p[likeliest]:.0f} % at temperature {self.temperature:g})."
        )


def _check_tokens(tokens: Sequence[int], sizes: dict[str, int]) -> None:
    block_size, vocab_size = sizes["block_size"], sizes["vocab_size"]
    if not 1 <= len(tokens) <= block_size:
        raise ValueError(f"TokenJourney: a sequence has 1 … {block_size} tokens (block_size), got {len(tokens)}")
    for token in tokens:
        if not 0 <= token < vocab_size:
            raise ValueError(f"TokenJourney: token {token} is outside the vocabulary: 0 … {vocab_size - 1}")


def _check_temperature(temperature: float) -> None:
    if not MIN_TEMPERATURE <= temperature <= MAX_TEMPERATURE:
        raise ValueError(
            f"TokenJourney: the temperature must be {MIN_TEMPERATURE:g} … {MAX_TEMPERATURE:g}, got {temperature:g}"
        )


def _valid(check: Any, value: Any, *context: Any) -> Any:
    """What a trait's validator returns: the value, or a TraitError with the reason of `check`."""
    try:
        check(value, *context)
    except ValueError as error:
        raise t.TraitError(str(error)) from None
    return value
