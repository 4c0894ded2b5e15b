"""What hidden tests of assignments in torch share: tensors of the kind asked for, left as they were; gradients."""

from collections.abc import Callable, Mapping
from numbers import Real
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .assignment import WrongAnswerError, attempt
from .hidden import other_than

Array = np.ndarray[Any, Any]


def tensor_of(call: str, got: Any, shape: list[int], dtype: torch.dtype) -> Tensor:
    """What the function returned, once it is sure to be a tensor of that shape and type.

    Args:
        call: the call as the learner would write it, for the message.
        got: what came.
        shape: what it must have; [] for a single number.
        dtype: likewise.

    Raises:
        WrongAnswerError: if it is something else.
    """
    if not isinstance(got, Tensor):
        raise other_than(call, got, f"a tensor of shape {shape}")
    if list(got.shape) != shape:
        raise WrongAnswerError(f"{call}\n    has the shape {list(got.shape)}; {shape} is needed.")
    if got.dtype != dtype:
        raise WrongAnswerError(f"{call}\n    is a tensor of {got.dtype}; {dtype} is needed.")
    return got


def single_number(call: str, got: Any) -> Tensor:
    """What the function returned, once it is sure to be a number in a tensor, in double precision.

    Raises:
        WrongAnswerError: if it is something else.
    """
    if isinstance(got, Real):
        raise other_than(call, got, "a tensor, so that a gradient can be taken,")
    return tensor_of(call, got, [], torch.float64)


def unchanged(call: str, after: Tensor, before: Array) -> None:
    """Raise unless what was given is as it was.

    Raises:
        WrongAnswerError: if the function has written into it.
    """
    if not np.array_equal(after.detach().numpy(), before, equal_nan=before.dtype.kind == "f"):
        raise WrongAnswerError(f"{call}\n    changed what it was given: leave it as it was, and make something new.")


def loss_of(
    call: str, function: Callable[..., Any], given: Mapping[str, Array], *more: Any
) -> tuple[Tensor, dict[str, Tensor]]:
    """A loss, and the leaves that it was given, each with a gradient to be taken.

    Args:
        call: as the learner would write it.
        function: the learner's.
        given: its first arguments by name, in order.
        more: those after them.

    Raises:
        WrongAnswerError: if no single number comes, or what was given has changed.
    """
    leaves = {name: torch.tensor(value, requires_grad=True) for name, value in given.items()}
    got = single_number(call, attempt(call, function, *leaves.values(), *more))
    for name, leaf in leaves.items():
        unchanged(f"{call}, {name}", leaf, given[name])
    return got, leaves


def expect_slopes(
    call: str, got: Tensor, leaves: Mapping[str, Tensor], right: Mapping[str, Array | None], why: str
) -> None:
    """Raise unless a result has these gradients.

    Args:
        call: as the learner would write it.
        got: the result, a single number.
        leaves: what the gradients are taken to, by name.
        right: the gradient to each; None where none may pass, or only zeros.
        why: what it is, for the message.

    Raises:
        WrongAnswerError: with what was expected, what came, and why.
    """
    if not got.requires_grad:
        raise WrongAnswerError(f"{call}\n    the result has no gradient: leave out .item(), .detach() and no_grad.")
    found = torch.autograd.grad(got, list(leaves.values()), allow_unused=True)
    for (name, leaf), slope in zip(leaves.items(), found, strict=True):
        wanted, mine = right[name], (torch.zeros_like(leaf) if slope is None else slope).numpy()
        if wanted is None:
            if mine.any():
                raise WrongAnswerError(
                    f"{call}\n    a gradient passes to {name}, which is a number here: .detach() it."
                )
        elif not np.allclose(mine, wanted, rtol=1e-5, atol=1e-9 * np.abs(wanted).max(initial=0.0)):
            shown = "\n    ".join(
                f"{what:9} {part.flatten()[:6].round(4).tolist()}"
                for what, part in (("expected:", wanted), ("got:", mine))
            )
            raise WrongAnswerError(
                f"{call}\n    the gradient to {name} is not right, though the result is.\n    {shown}\n"
                f"    why:      {why}"
            )
