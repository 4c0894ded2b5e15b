"""Routes to work with: simulated by default, or a board's database; split by climb, mirrored where that is fair."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from .board import Board, board_configs
from .boardlib import import_routes
from .novelty import mirror_image
from .route import Route
from .rules import Rules
from .setter import simulate
from .simulated import LAYOUTS, simulated_board
from .splits import split
from .tokens import RouteTokenizer

if TYPE_CHECKING:
    from .reader import ReaderData
    from .run import RouteData

N_SIMULATED = 64_000
"""How many routes are simulated when nothing is said: some 15 seconds; half as many read and write notably worse."""


@dataclass(frozen=True, eq=False)
class Collection:
    """Boards with their routes, split so that a climb is in one part at all its angles.

    Attributes:
        boards: key -> board.
        train: routes to learn from.
        validation: routes to measure on while choosing.
        test: routes to measure on at last.
        source: where they are from, as JSON has it: `of_source` makes the same collection again.
        report: what became of what was read, in lines; empty for simulated routes.
    """

    boards: Mapping[str, Board]
    train: Sequence[Route]
    validation: Sequence[Route]
    test: Sequence[Route]
    source: Mapping[str, Any]
    report: tuple[str, ...] = field(default=())

    @classmethod
    def simulated(cls, n: int = N_SIMULATED, seed: int = 0, layouts: Iterable[str] = tuple(LAYOUTS)) -> Self:
        """Simulated routes on simulated boards: no board's, no person's.

        Args:
            n: how many.
            seed: of all chance.
            layouts: which boards, of `simulated.LAYOUTS`.

        Raises:
            ValueError: for an unknown board, or too few routes to split.
        """
        layouts = list(layouts)
        boards = [simulated_board(layout) for layout in layouts]
        source = {"kind": "simulated", "n": n, "seed": seed, "layouts": layouts}
        return cls.of(boards, simulate(boards, n, seed), source)

    @classmethod
    def imported(cls, databases: Mapping[str, str | Path]) -> Self:
        """The routes of boards' databases, as `boardlib` downloads them.

        Args:
            databases: board, by its file's name in datasets/boards ("kilter") -> the SQLite file.

        Raises:
            ValueError: for an unknown board, a file that is no such database, or too few routes to split.
        """
        configs = board_configs()
        boards: list[Board] = []
        routes: list[Route] = []
        lines: list[str] = []
        for name, path in databases.items():
            if name not in configs:
                raise ValueError(f"there is no board {name!r}; there are: {', '.join(configs)}")
            found = import_routes(path, configs[name])
            boards.append(found.board)
            routes += found.routes
            lines += found.report.lines()
        source = {"kind": "databases", "files": {name: str(Path(path).resolve()) for name, path in databases.items()}}
        return cls.of(boards, routes, source, lines)

    @classmethod
    def of_source(cls, source: Mapping[str, Any]) -> Self:
        """The collection that says so of itself.

        Raises:
            ValueError: for what is no source, and as the others do.
        """
        match source:
            case {"kind": "simulated", "n": int(n), "seed": int(seed), "layouts": [*layouts]}:
                return cls.simulated(n, seed, layouts)
            case {"kind": "databases", "files": {**files}}:
                return cls.imported({str(name): str(path) for name, path in files.items()})
        raise ValueError(f"routes are simulated, or from databases; not {dict(source)!r}")

    @classmethod
    def of(
        cls, boards: Iterable[Board], routes: Iterable[Route], source: Mapping[str, Any], report: Iterable[str] = ()
    ) -> Self:
        """Any routes, split by their climbs.

        Those with more holds than the rules of the chapter allow are left out, and the report says how many: the
        generator may not write such, and a few very long ones would make every model larger.

        Raises:
            ValueError: if a part would be without routes.
        """
        routes, most = list(routes), Rules().max_holds
        kept = [route for route in routes if len(route.holds) <= most]
        if long := len(routes) - len(kept):
            report = [
                *report,
                f"{long:,} more left out: a route of more than {most} holds is none that is written here",
            ]
        parts = split(kept)
        if empty := [name for name, part in parts.items() if not part]:
            raise ValueError(
                f"{sum(map(len, parts.values()))} routes leave none for {' and '.join(empty)}: take some hundreds"
            )
        return cls({board.key: board for board in boards}, **parts, source=source, report=tuple(report))

    @property
    def is_simulated(self) -> bool:
        """Whether boards and routes are made up: then the simulator can be asked for a grade."""
        return all(board.is_simulated for board in self.boards.values())

    @cached_property
    def tokenizer(self) -> RouteTokenizer:
        """Of all boards."""
        return RouteTokenizer.for_boards(self.boards.values())

    def learned(self, mirrors: bool = True) -> Iterator[Route]:
        """The training routes and, on boards that mirror, their mirror images: each hold is seen twice as often.

        A mirror image is as hard as its route, and a route too. Only the training part has any: a copy among the
        routes to measure on would count a route twice.
        """
        for route in self.train:
            yield route
            if mirrors and (image := mirror_image(route, self.boards[route.board])):
                yield image

    def route_data(self, mirrors: bool = True) -> "RouteData":
        """What the generator learns from."""
        from .run import RouteData

        return RouteData.of(self.learned(mirrors), self.validation, self.tokenizer)

    def reader_data(self, mirrors: bool = True) -> "ReaderData":
        """What the reader of grades learns from."""
        from .reader import ReaderData

        return ReaderData.of(self.learned(mirrors), self.validation, self.tokenizer)
