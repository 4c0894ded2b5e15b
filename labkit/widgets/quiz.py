"""Predictions in a chapter: the reader commits before the first run and is scored in the recap."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import traitlets as t

from .figure import Figure


@dataclass(frozen=True)
class Question:
    """One prediction.

    Attributes:
        id: its name in the reader's browser.
        text: what is asked.
        answer: the number, or one of `choices`.
        why: one sentence that comes with the answer.
        choices: the options; empty when a number is asked for.
        tolerance: how far off a number may be.
    """

    id: str
    text: str
    answer: float | str
    why: str
    choices: tuple[str, ...] = ()
    tolerance: float = 0.0

    def __post_init__(self) -> None:
        if self.choices and self.answer not in self.choices:
            raise ValueError(f"question {self.id!r}: the answer {self.answer!r} is not among {self.choices}")


class Quiz(Figure):
    """Ask questions, or with `reveal` score the guesses made where the same chapter asked them.

    Args:
        chapter: such as "01-value"; the asking and the scoring figure share it.
        questions: what to ask.
        reveal: score instead of asking.
    """

    module = "quiz"
    page_traits = ("chapter", "questions", "reveal")
    chapter = t.Unicode().tag(sync=True)
    questions = t.List(t.Dict()).tag(sync=True)
    reveal = t.Bool(False).tag(sync=True)

    def __init__(self, chapter: str, questions: Sequence[Question], reveal: bool = False) -> None:
        rows = [asdict(question) | {"choices": list(question.choices) or None} for question in questions]
        super().__init__(chapter=chapter, questions=rows, reveal=reveal)

    def caption(self) -> str:
        """What to do with it."""
        if self.reveal:
            return "Your predictions and the answers."
        return "Commit to an answer before you read on; it stays in your browser and is scored in the recap."
