"""What a `PreferencePanel` asks besides its reader: which pairs are left, and what a second labeller says."""

import math
from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from labkit.rlhf.preferences import Choice, Comparison, PreferenceFile, SimulatedLabeller

    Second = PreferenceFile | SimulatedLabeller | Sequence[Comparison] | Callable[[str, str], Choice]


class SecondLabeller:
    """Somebody who judges the same pairs. A file is read at each look; what must be asked is asked once a pair.

    Args:
        source: a `PreferenceFile`, answers, a `SimulatedLabeller`, or what says "a", "b" or "tie" of (a, b).
    """

    def __init__(self, source: "Second") -> None:
        self.source = source
        self._said: dict[tuple[str, str], Choice] = {}

    def judge(self, answers: "Sequence[Comparison]") -> "tuple[list[Choice | None], str]":
        """What they say of each of these pairs, None: nothing; and a sentence on how far they agree."""
        from labkit.rlhf.preferences import agreement, counterparts

        try:
            theirs = self._answers_to(answers)
            found = agreement(answers, theirs)
            each = counterparts(answers, theirs)
        except Exception as error:  # theirs: what the reader answers is kept whatever happens here
            return [None] * len(answers), f"The second labeller cannot be asked: {error}"
        if not found.n:
            return each, "Second labeller: no pair yet that both have answered."
        kappa = "" if math.isnan(found.kappa) else f", Cohen's κ = {found.kappa:.2f}".replace("-", "−")
        pairs = "1 pair" if found.n == 1 else f"{found.n} pairs"
        return each, f"Second labeller: the same answer to {100 * found.share:.0f} % of {pairs}{kappa}."

    def _answers_to(self, answers: "Sequence[Comparison]") -> "Sequence[Comparison]":
        from labkit.rlhf.preferences import Comparison, PreferenceFile

        source = self.source
        if isinstance(source, PreferenceFile):
            return source.comparisons
        if isinstance(source, Sequence):
            return source
        ask: Any = getattr(source, "choose", source)
        for c in answers:
            if (c.a, c.b) not in self._said:
                self._said[c.a, c.b] = ask(c.a, c.b)
        return [Comparison(c.prompt, c.a, c.b, self._said[c.a, c.b], "second") for c in answers]


def how_many(wanted: int | None, most: int | None) -> int:
    """How many answers there are to be, of `most` at most.

    Raises:
        ValueError: for no whole number of 1 or more; for no pairs.
    """
    if most == 0:
        raise ValueError("PreferencePanel: there are no pairs")
    if wanted is None:
        return most or 30
    if not isinstance(wanted, int) or isinstance(wanted, bool) or wanted < 1:
        raise ValueError(f"PreferencePanel: wanted must be a whole number of 1 or more, got {wanted!r}")
    return wanted if most is None else min(wanted, most)


def unanswered(pairs: Sequence[Sequence[str]], answered: "Sequence[Comparison]") -> deque[tuple[str, str, str]]:
    """The pairs without those that have an answer; one that comes twice needs two."""
    answers = Counter((c.prompt, c.a, c.b) for c in answered)
    rest: deque[tuple[str, str, str]] = deque()
    for i, given in enumerate(pairs):
        pair = checked(given, f"pairs[{i}]")
        if answers[pair]:
            answers[pair] -= 1
        else:
            rest.append(pair)
    return rest


def checked(pair: Any, name: str) -> tuple[str, str, str]:
    """A pair as (prompt, a, b).

    Raises:
        ValueError: if it is none, with its name.
    """
    texts = tuple(pair) if isinstance(pair, Sequence) and not isinstance(pair, str) else ()
    if len(texts) != 3 or not all(isinstance(text, str) for text in texts):
        raise ValueError(f"PreferencePanel: {name} must be three texts (prompt, a, b), got {pair!r}")
    return texts
