"""What chapter 2 sees of a run on games: descriptions drawn and judged, and the share of valid ones."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from labkit.data import BOS, EOS, TOKENS, Problem, check_game
from labkit.training import GamesRun

from .chart import LineChart
from .sampler import Draw, Judgement, Mark, SamplerPanel

if TYPE_CHECKING:
    import pandas as pd

NEW, COPY, BROKEN = "new", "copy", "broken"
CUT_OFF = "…"


class GameSampler(SamplerPanel):
    """Draw game descriptions from a `GamesRun`, while it trains or not.

    "new" keeps the grammar and its rules; "copy" does too, and stands word for word in the training data;
    "broken" has the offending words marked, and under it what the parser says.

    Args:
        run: whose model writes.
        temperature: where the temperature slider stands at first.
        count: how many games a press draws at first.
        key: who the panel is, where the cell does not say it.
    """

    def __init__(self, run: GamesRun, temperature: float = 0.5, count: int = 10, key: str | None = None) -> None:
        self.run = run
        block_size = run.sizes["block_size"]
        super().__init__(
            run.write,
            show=lambda ids: " ".join(_words(ids)),
            judge=self.judged,
            lengths=(2, block_size),
            temperature=temperature,
            count=count,
            step=lambda: run.step,
            key=key,
        )

    def judged(self, ids: Sequence[int]) -> Judgement:
        """A description as ids, judged; marks are places in its words joined by spaces."""
        problems = check_game(ids).problems
        if not problems:
            if self.run.is_new(ids):
                return Judgement("good", NEW)
            return Judgement("warn", COPY, "a description of the training data, word for word")
        reason = "\n".join(problem.message for problem in problems)
        return Judgement("bad", BROKEN, reason, tuple(_marks(ids, problems)))

    def tally(self, draw: Draw) -> list[str]:
        """How many are valid and new, how many differ, and what breaks the others."""
        drawn = len(draw.sequences)
        said = [f"valid {draw.count(NEW, COPY)} of {drawn}", f"new {draw.count(NEW)} of {drawn}"]
        if drawn > 1:
            said.append(f"different {draw.different} of {drawn}")
        if draw.count(BROKEN):
            syntax = self.syntax_errors(draw)
            said.append(f"broken by syntax {syntax}, by a rule {draw.count(BROKEN) - syntax}")
        return said

    def syntax_errors(self, draw: Draw) -> int:
        """How many of a draw's descriptions the parser could not read."""
        return sum(any(p.rule == "syntax" for p in check_game(ids).problems) for ids in draw.sequences)

    def frame(self) -> "pd.DataFrame":
        """A row a draw: step, temperature, games drawn; of them different, valid, new, broken by syntax, by a rule."""
        import pandas as pd

        rows: list[dict[str, Any]] = []
        for draw in self.draws:
            syntax = self.syntax_errors(draw)
            rows.append(
                {
                    "step": draw.step,
                    "temperature": draw.temperature,
                    "games": len(draw.sequences),
                    "different": draw.different,
                    "valid": draw.count(NEW, COPY),
                    "new": draw.count(NEW),
                    "broken syntax": syntax,
                    "broken rule": draw.count(BROKEN) - syntax,
                }
            )
        return pd.DataFrame(rows)


class ValidChart(LineChart):
    """The share of valid descriptions over the steps of a `GamesRun`, as a figure beside the loss."""

    module = "chart"

    def __init__(self, run: GamesRun) -> None:
        super().__init__(
            series=["valid"],
            colors=["good"],
            x_max=run.max_steps or 0,
            y_max=1.0,
            y_label=f"valid, share of {run.n_samples} games",
        )
        self._run = run

    def update(self) -> None:
        """Draw the run's history as it is now."""
        self.draw(self._run.history)


def _words(ids: Sequence[int]) -> list[str]:
    """The words of a description without BOS; EOS only where it comes too early, and a sign where it is missing."""
    words = [TOKENS[i] for i in ids]
    if list(ids[:1]) == [BOS]:
        words = words[1:]
    if not ids or ids[-1] != EOS:
        return [*words, CUT_OFF]
    early = any(problem.position == len(ids) - 1 for problem in check_game(ids).problems)
    return words if early else words[:-1]


def _marks(ids: Sequence[int], problems: Sequence[Problem]) -> list[Mark]:
    """Where the problems stand in the words joined by spaces."""
    words = _words(ids)
    skipped = int(list(ids[:1]) == [BOS])
    marks = []
    for problem in problems:
        place = problem.position - skipped
        start = sum(len(word) + 1 for word in words[:place])
        marks.append(Mark(start, start + len(words[place]), problem.message))
    return marks
