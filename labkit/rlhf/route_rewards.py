"""Routes to order (chapter 6), rewarded by the simulator, which can be trusted, or by the reader, which was learned."""

from collections.abc import Iterable

import torch
from torch import Tensor

from labkit.routes.bulk import ANGLES, GRADES
from labkit.routes.climber import difficulty
from labkit.routes.generator import PROMPT, Generator, Wish
from labkit.routes.grades import middle, v_grade
from labkit.routes.reader import Reader
from labkit.routes.route import Route
from labkit.routes.rules import faults_of_ids
from labkit.routes.tokens import EOS, RouteTokensError

from .policy import GPTPolicy, Policy, Samples

NOTHING = -1.0
"""What is no route earns this. A route earns 1 less a quarter of each difficulty that it is off: eight off are as
bad, more are worse."""


class RouteTask:
    """Wishes for a simulated board, and what a route is worth that answers one. The policy writes without the grammar:
    that routes keep the rules is for the reward to teach.

    Args:
        generator: of chapter 6.
        reader: of the same tokens.
        board: which of its boards.
        angles: that are asked for.
        grades: likewise.

    Raises:
        ValueError: for a board that is not simulated: its routes have no true grade that could be asked for.
    """

    def __init__(
        self,
        generator: Generator,
        reader: Reader,
        board: str = "TB2",
        angles: Iterable[int] = ANGLES,
        grades: Iterable[int] = GRADES,
    ) -> None:
        self.generator, self.reader, self.tokenizer = generator, reader, generator.tokenizer
        self.board = self.tokenizer.boards[board]
        if not self.board.is_simulated:
            raise ValueError(f"board {board} is real: nobody knows the true grade of a new route on it")
        self.wishes = [Wish(board, angle, grade) for angle in angles for grade in grades]
        self.eos = self.tokenizer.ids[EOS]
        self._grades = {token: grade for token, grade in self.tokenizer.grades.items() if grade is not None}

    def policy(self) -> GPTPolicy:
        """The generator, asked for every angle and grade."""
        prompts = [self.tokenizer.prompt(wish.board, wish.angle, wish.grade) for wish in self.wishes]
        room = self.generator.model.config.block_size - len(prompts[0])
        return GPTPolicy(self.generator.model, prompts, min(room, self.generator.rules.max_holds + 1), [self.eos])

    def verifiable(self, samples: Samples) -> Tensor:
        """By the rules and the simulated climber, [n]."""
        rows = self._rows(samples)
        return self._paid(rows, self._true(rows, self._routes(rows)))

    def learned(self, samples: Samples) -> Tensor:
        """By the reader, [n]: it grades whatever has holds, and knows no rules."""
        rows = self._rows(samples)
        return self._paid(rows, self._read(self._routes(rows)))

    @torch.no_grad()
    def judge(self, policy: Policy, n: int, seed: int) -> dict[str, float]:
        """Shares of n routes that keep the rules, and that have the wanted grade: truly, and as the reader has it; what
        they earn from both, and how many holds they have.

        A route that breaks a rule has no grade; "reader_exact" counts it all the same, as the reader does.
        """
        samples = policy.sample(n, seed)
        rows = self._rows(samples)
        routes = self._routes(rows)
        true, read = self._true(rows, routes), self._read(routes)
        wanted = [self._wanted(ids) for ids in rows]
        off = [v_grade(hard) - grade for hard, grade in zip(true, wanted, strict=True) if hard is not None]
        said = [v_grade(hard) - grade for hard, grade in zip(read, wanted, strict=True) if hard is not None]
        return {
            "valid": len(off) / n,
            "exact": off.count(0) / n,
            "within_one": sum(abs(by) <= 1 for by in off) / n,
            "reader_exact": said.count(0) / n,
            "verifiable": float(self._paid(rows, true).mean()),
            "learned": float(self._paid(rows, read).mean()),
            "holds": float(samples.lengths.double().mean()) - 1,  # without <EOS>
        }

    def routes(self, samples: Samples) -> list[Route | None]:
        """What was written, as routes; None where it is none: another token than a hold."""
        return self._routes(self._rows(samples))

    def _routes(self, rows: list[list[int]]) -> list[Route | None]:
        found: list[Route | None] = []
        for ids in rows:
            try:
                found.append(self.tokenizer.decode_route(ids))
            except RouteTokensError:
                found.append(None)
        return found

    def _rows(self, samples: Samples) -> list[list[int]]:
        ends = samples.written.int().cumsum(1).argmax(1) + 1
        return [ids[:end].tolist() for ids, end in zip(samples.ids, ends.tolist(), strict=True)]

    def _wanted(self, ids: list[int]) -> int:
        return self._grades[ids[PROMPT - 1]]

    def _true(self, rows: list[list[int]], routes: list[Route | None]) -> list[float | None]:
        """How hard the simulated climber finds them; None for what breaks a rule."""
        return [
            None
            if route is None or faults_of_ids(ids, self.tokenizer, self.generator.rules)
            else difficulty(self.board, route.holds, route.angle)
            for ids, route in zip(rows, routes, strict=True)
        ]

    def _read(self, routes: list[Route | None]) -> list[float | None]:
        """How hard the reader finds them; None for what is no route."""
        some = [route for route in routes if route is not None]
        found = iter(self.reader.predict(some).tolist() if some else [])
        return [None if route is None else next(found) for route in routes]

    def _paid(self, rows: list[list[int]], hard: list[float | None]) -> Tensor:
        return torch.tensor(
            [
                NOTHING if found is None else 1 - abs(found - middle(self._wanted(ids))) / 4
                for ids, found in zip(rows, hard, strict=True)
            ]
        )
