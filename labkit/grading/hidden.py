"""What the hidden tests of assignments share: who may help the learner's function, and how its answers are judged."""

import sys
from collections.abc import Callable, Collection, Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any

from .assignment import WrongAnswerError, agree, attempt, compare, standing_in

Likely = Sequence[tuple[Any, str]]
"""Answers that known mistakes give, each with the sentence about it."""


@contextmanager
def on_its_own(
    namespace: MutableMapping[str, Any],
    refused: tuple[str, ...],
    allowed: Collection[str] = (),
    also: Callable[[str, str], str] = lambda module, name: "",
    how: str = "in plain Python",
    **right: Callable[..., Any],
) -> Iterator[None]:
    """Where a learner's function is called: with right ones for the others, and without the package's answer.

    Args:
        namespace: the notebook's `globals()`.
        refused: how the names of modules begin whose functions refuse meanwhile, under whatever name they are called.
        allowed: modules among them that may be called.
        also: says of a module ("" for what is written in C) and the name of a function in it that it refuses too, by
            what it returns: what that is, for the message; "" for what may be called.
        how: to write it here, for the message.
        right: functions that the notebook has under these names meanwhile.
    """

    def watch(frame: FrameType, event: str, called: Any) -> None:
        if event == "call":
            module, name = str(frame.f_globals.get("__name__", "")), frame.f_code.co_name
        elif event == "c_call":
            module, name = "", getattr(called, "__name__", "")
        else:
            return
        if ready_made := also(module, name):
            raise WrongAnswerError(f"this calls {ready_made}; here, write it yourself.")
        if module.startswith(refused) and module not in allowed:
            raise WrongAnswerError(f"this calls {module}; here, write it {how}.")

    before = sys.getprofile()
    with standing_in(namespace, **right):
        sys.setprofile(watch)
        try:
            yield
        finally:
            sys.setprofile(before)


def other_than(call: str, got: Any, wanted: str) -> WrongAnswerError:
    """The complaint about an answer of another kind than is wanted: "a list of ids"."""
    if got is None:
        return WrongAnswerError(f"{call}\n    returned None: is the `return` missing?")
    return WrongAnswerError(f"{call}\n    returned {repr(got)[:200]} ({type(got).__name__}); {wanted} is needed.")


def whole_numbers(call: str, got: Any) -> list[int]:
    """What the function returned, once it is sure to be a list of whole numbers.

    Raises:
        WrongAnswerError: if it is something else.
    """
    if not isinstance(got, (list, tuple)) or not all(isinstance(item, int) for item in got):
        raise other_than(call, got, "a list of whole numbers")
    return list(got)


def likely_mistake(call: str, got: Any, expected: Any, sentence: str) -> WrongAnswerError:
    """The complaint about an answer that a known mistake gives; numbers in a list with four digits after the point."""
    shown = [f"    {name:9} {_rounded(x)}" for name, x in (("expected:", expected), ("got:", got))]
    return WrongAnswerError("\n".join([call, *shown, f"    likely:   {sentence}"]))


def expect(call: str, got: Any, expected: Any, why: str, likely: Likely = (), tolerance: float = 1e-9) -> None:
    """`compare`, with the sentence about a known mistake when this is the answer that it gives.

    Raises:
        WrongAnswerError: with what was expected, what came, and why or what is likely wrong.
    """
    if not agree(got, expected, tolerance):
        for answer, sentence in likely:
            if agree(got, answer, tolerance):
                raise likely_mistake(call, got, expected, sentence)
    compare(call, got, expected, why, tolerance)


def expect_refusal(call: str, function: Callable[..., Any], arguments: Sequence[Any], names: Collection[str]) -> None:
    """Raise unless the call is refused by a ValueError with one of these names in its message.

    Raises:
        WrongAnswerError: with what came instead.
    """
    try:
        got = function(*arguments)
    except ValueError as error:
        if any(name in str(error) for name in names):
            return
        raise WrongAnswerError(f"{call}\n    refused, but without the name in the message: {error!r}.") from None
    except Exception:
        got = attempt(call, function, *arguments, hint="a ValueError is needed here.")
    raise WrongAnswerError(f"{call}\n    returned {got}; this has to be refused: raise a ValueError.")


def _rounded(answer: Any) -> str:
    def rounded(x: Any) -> Any:
        if isinstance(x, list):
            return [rounded(item) for item in x]
        return round(x, 4) if isinstance(x, float) else x

    text = str(rounded(answer) if isinstance(answer, list) else answer)
    return text if len(text) <= 300 else f"{text[:300]}…"
