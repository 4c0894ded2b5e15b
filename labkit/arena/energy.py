"""What training and writing cost: floating-point operations, and the joules of the game.

Counted are the multiply-adds of matrix-vector products and of attention, two FLOPs each. For one
token at position t (the first is 0), with L layers of width d, an MLP of 4 d and V tokens:

    queries, keys, values, output   L · 4 d²
    MLP, up and down                L · 8 d²
    scores and mixing over t + 1    L · 2 d (t + 1)
    logits                          V d

The number of heads does not matter: they share the width. The backward pass takes each product
twice, once for the gradient of either factor, so a training step costs three forward passes.
Left out, as usual (Kaplan et al. 2020): norms, softmax, the activation, embedding look-ups, the loss,
and the optimiser's update of each weight.
"""

import math
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

JOULES_PER_FLOP = 1e-6
"""A constant of the game, the same for all: a joule buys a million operations. No machine was measured."""
MOST_FLOPS = 10**18
"""What a budget can count, a million million joules: a number beyond that was not come by in a game."""


@dataclass(frozen=True)
class Flops:
    """The cost of one model, by its shape."""

    n_embd: int
    n_layer: int
    vocab_size: int

    def forward(self, position: int) -> int:
        """One token at `position` (0 is the first), with the keys and values of those before it cached."""
        if position < 0:
            raise ValueError(f"Flops: a position is 0 or more, got {position}")
        d = self.n_embd
        return 2 * (self.n_layer * (12 * d * d + 2 * d * (position + 1)) + self.vocab_size * d)

    def sequence(self, n: int) -> int:
        """A forward pass over `n` tokens, one after the other: the sum of `forward` over 0 … n - 1."""
        if n < 0:
            raise ValueError(f"Flops: a number of tokens is 0 or more, got {n}")
        d = self.n_embd
        # 1 + 2 + … + n positions are attended to.
        return 2 * (n * (self.n_layer * 12 * d * d + self.vocab_size * d) + self.n_layer * d * n * (n + 1))

    def training(self, n: int) -> int:
        """A training step that makes `n` predictions (a document of n + 1 tokens): forward, and twice that back."""
        return 3 * self.sequence(n)

    def sampling(self, n: int) -> int:
        """Drawing `n` tokens after the first mark: `n` forward passes, the closing mark included."""
        return self.sequence(n)


class OutOfEnergy(RuntimeError):  # noqa: N818 - it reads as what happened: `except OutOfEnergy`
    """The budget cannot pay for what is asked; nothing was done and nothing was charged."""


class Budget:
    """How much energy there is, and how much is spent; it can never be overdrawn.

    FLOPs are counted as whole numbers, so that many small charges add up to exactly one large one.

    Args:
        limit: in joules; None is without limit.

    Attributes:
        spent_flops: what was charged so far.
    """

    def __init__(self, limit: float | None = None) -> None:
        self.spent_flops = 0
        self._limit: float | None = None
        self.limit = limit

    @property
    def limit(self) -> float | None:
        """In joules; None is without limit. It cannot be set below what is spent."""
        return self._limit

    @limit.setter
    def limit(self, limit: float | None) -> None:
        if limit is not None:
            if isinstance(limit, bool) or not isinstance(limit, int | float) or not 0 <= limit < math.inf:
                raise ValueError(
                    f"energy must be a number of joules, 0 or more (None: no limit), got {reprlib.repr(limit)}"
                )
            if limit > MOST_FLOPS * JOULES_PER_FLOP:
                most = f"{MOST_FLOPS * JOULES_PER_FLOP:g} J at most (None: no limit)"
                raise ValueError(f"energy must be {most}, got {reprlib.repr(limit)}")
            if limit < self.spent:
                raise ValueError(f"energy: {self.spent:.6g} J are spent already, so the limit cannot be {limit:g} J")
        self._limit = limit

    @property
    def spent(self) -> float:
        """In joules."""
        return self.spent_flops * JOULES_PER_FLOP

    @property
    def left(self) -> float:
        """In joules; infinite without a limit."""
        return math.inf if self._limit is None else self._limit - self.spent

    def can_pay(self, flops: int) -> bool:
        """Whether `flops` more stay within the limit."""
        return self._limit is None or (self.spent_flops + flops) * JOULES_PER_FLOP <= self._limit

    def charge(self, flops: int) -> None:
        """Pay for `flops`, before they are done.

        Raises:
            OutOfEnergy: if that is more than what is left; nothing is charged then.
        """
        if flops < 0:
            raise ValueError(f"energy cannot be given back: got {flops} FLOPs")
        if not self.can_pay(flops):
            cost = flops * JOULES_PER_FLOP
            raise OutOfEnergy(f"this takes {cost:.3g} J, and {self.left:.3g} J of {self._limit:g} J are left")
        self.spent_flops += flops

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {"limit": self._limit, "spent_flops": self.spent_flops}

    @classmethod
    def from_dict(cls, state: Any) -> Self:
        """What `to_dict` gave.

        Raises:
            ValueError: for anything else.
        """
        if not isinstance(state, Mapping) or state.keys() != {"limit", "spent_flops"}:
            raise ValueError(f"energy: expected limit and spent_flops, got {state!r}")
        spent = state["spent_flops"]
        if isinstance(spent, bool) or not isinstance(spent, int) or not 0 <= spent <= MOST_FLOPS:
            raise ValueError(
                f"energy: spent_flops must be a whole number, 0 … {MOST_FLOPS:.0e}, got {reprlib.repr(spent)}"
            )
        budget = cls()
        budget.spent_flops = spent
        budget.limit = state["limit"]
        return budget

    def __repr__(self) -> str:
        return f"Budget(spent={self.spent:.6g} J, limit={'none' if self._limit is None else f'{self._limit:g} J'})"
