"""What labs and chapters call: predictions that are scored, checks that answer at once, bands and facts."""

import bisect
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from .progress import load_progress, record


def fact(statement: str, truth: bool) -> None:
    """Print `statement: yes` or `: no`: a line that is the same on every machine while it holds.

    For cells whose own digits differ from machine to machine: the digits go uncompared, this line
    is compared with the stored one, and so a fact that no longer holds fails the notebook's test.
    """
    print(f"{statement}: {'yes' if truth else 'no'}")


@dataclass(frozen=True)
class Verdict:
    """What to think of a loss: how good, and one sentence for people."""

    kind: Literal["good", "warn", "bad"]
    text: str


class Band:
    """Where a loss is expected to be at each step: straight lines between the given points.

    Args:
        points: (step, low, high), steps rising; before the first and after the last point the
            band stays as it is there.
        tolerance: steps at the start with no verdict (the first losses jump about).
    """

    def __init__(self, points: Sequence[tuple[float, float, float]], tolerance: int = 20) -> None:
        if not points:
            raise ValueError("Band: give at least one (step, low, high) point")
        for (step, low, high), (later, _, _) in zip(points, [*points[1:], (float("inf"), 0, 0)], strict=True):
            if low > high:
                raise ValueError(f"Band: low ({low}) is above high ({high}) at step {step}")
            if later <= step:
                raise ValueError(f"Band: the steps must rise, got {step} and then {later}")
        self.points = [(float(s), float(low), float(high)) for s, low, high in points]
        self.tolerance = tolerance

    def at(self, step: float) -> tuple[float, float]:
        """(low, high) at `step`."""
        steps = [point[0] for point in self.points]
        right = bisect.bisect_right(steps, step)
        if right == 0 or right == len(steps):
            _, low, high = self.points[0 if right == 0 else -1]
            return low, high
        (s0, low0, high0), (s1, low1, high1) = self.points[right - 1], self.points[right]
        part = (step - s0) / (s1 - s0)
        return low0 + part * (low1 - low0), high0 + part * (high1 - high0)

    def verdict(self, losses: Sequence[float], step: int | None = None) -> Verdict:
        """Judge a curve of losses by its recent mean (one loss of a small batch says little).

        Args:
            losses: the first loss, and at least the last `tolerance` of them.
            step: the step of the last one; the number of losses when left out.
        """
        step = len(losses) if step is None else step
        if step < self.tolerance:
            return Verdict("good", f"A verdict comes after {self.tolerance} steps.")
        recent = losses[-self.tolerance :]
        loss = sum(recent) / len(recent)
        low, high = self.at(step)
        where = f"{loss:.3g} over the last {len(recent)} steps; expected {low:.3g} to {high:.3g}"
        if not math.isfinite(loss):
            return Verdict("bad", "The loss is not a finite number any more.")
        if loss > 2 * losses[0] and loss > high:
            return Verdict("bad", f"Worse than at the start ({where}): the learning rate is too high.")
        if loss > high:
            return Verdict(
                "warn", f"Above the expected band ({where}): still early, or a learning rate far too low or high."
            )
        if loss < low:
            return Verdict("good", f"Better than expected ({where}).")
        return Verdict("good", f"In the expected band ({where}).")


class Lab:
    """The scores of one lab: predictions made before running, and a check after each part.

    Args:
        name: the lab's notebook without .ipynb, such as "01-value".
        checks: the names of its checks, in order.
    """

    def __init__(self, name: str, checks: Sequence[str]) -> None:
        self.name = name
        earlier = load_progress().get(name, {"checks": {}})["checks"]
        self._passed = {check: bool(earlier.get(check)) for check in checks}
        self._guesses: dict[str, float | str | None] = {}
        self._revealed: dict[str, bool] = {}

    def predict(self, question: str, guess: float | str | None) -> None:
        """Commit to an answer. After the answer was shown, the guess made before it counts."""
        if question in self._revealed and self._guesses.get(question) is not None:
            print(f"{question}: the answer is known; your first guess, {self._guesses[question]}, counts.")
            return
        guess = getattr(guess, "__name__", guess)  # a function's name without quotes is meant as its name
        self._guesses[question] = guess
        print(f"{question}: " + ("no guess yet; put yours in place of None." if guess is None else f"you say {guess}."))

    def guessed(self, question: str) -> bool:
        """Whether there is a guess, for an answer that needs something done first."""
        return self._guesses.get(question) is not None

    def reveal(self, question: str, answer: float | str, tolerance: float = 0.0, why: str = "") -> None:
        """Show the answer and score the guess: right when it is equal, or within `tolerance`.

        Without a guess the answer stays hidden, so that running a whole lab gives nothing away.
        """
        if question not in self._guesses:
            raise ValueError(f"no question {question!r} was asked; asked so far: {', '.join(self._guesses) or 'none'}")
        guess = self._guesses[question]
        if guess is None:
            print(f"{question}: the answer comes when you have made a guess.")
            return
        if isinstance(answer, str):
            right = str(guess).strip(" .").lower() == answer.lower()
        else:
            try:
                right = abs(float(guess) - answer) <= tolerance + 1e-12
            except ValueError:
                print(f"{question}: the answer is a number, and {guess!r} is none; guess again.")
                return
        self._revealed[question] = right
        outcome = "right" if right else "not this time"
        print(f"{question}: you said {guess}, it is {answer}: {outcome}." + (f" {why}" if why else ""))

    def check(self, name: str, passed: bool, hint: str) -> None:
        """Answer at once: passed, or what is likely wrong; the start page shows how many passed."""
        if name not in self._passed:
            raise ValueError(f"no check {name!r} in lab {self.name}; there are: {', '.join(self._passed)}")
        self._passed[name] = self._passed[name] or bool(passed)  # once passed, it stays so
        record(self.name, name, bool(passed), total=len(self._passed))
        print(f"{name}: passed" if passed else f"{name}: not yet. {hint}")

    def summary(self) -> None:
        """Print what was passed and how the predictions went."""
        done = [name for name, passed in self._passed.items() if passed]
        print(f"checks passed: {len(done)} of {len(self._passed)}")
        for name, passed in self._passed.items():
            print(f"  {name}: {'passed' if passed else 'open'}")
        right = sum(self._revealed.values())
        print(f"predictions right: {right} of {len(self._guesses)} ({len(self._revealed)} made)")
