"""The folder that `labkit routes train` writes, and what the commands that use it share: its files, how to write."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from labkit.routes import Board, Route, board_configs, v_grade

if TYPE_CHECKING:
    from labkit.routes.generator import Generator, Wish, Written
    from labkit.routes.reader import Reader
    from labkit.sampling import Sampling

GENERATOR, READER = "generator.safetensors", "reader.safetensors"
HISTORY, ROUTES = "training_history.csv", "generated_routes.csv"
FILES = (GENERATOR, READER, HISTORY, ROUTES)

Folder = Annotated[
    Path, typer.Argument(metavar="DIR", help="A folder that `labkit routes train` wrote.", show_default=False)
]
Temperature = Annotated[
    float | None,
    typer.Option(help="Below 1 bolder choices are rarer; 0: always the likeliest.", min=0, show_default="0.6"),
]
TopK = Annotated[
    int | None, typer.Option(help="Choose among so many of the likeliest holds.", min=1, show_default="all")
]
TopP = Annotated[
    float | None, typer.Option(help="Choose among the likeliest that together have this share.", show_default="0.9")
]
Guidance = Annotated[
    float | None, typer.Option(help="How much the grade counts; 1 is no guidance.", min=0, show_default="2")
]
BestOf = Annotated[
    int | None,
    typer.Option(
        help="Write so many routes for each, keep the one whose grade as read is nearest to the wish.",
        min=1,
        show_default="16; without a reader 1",
    ),
]
Databases = Annotated[
    list[Path] | None,
    typer.Option(metavar="FILE", help="A board's SQLite file, as boardlib downloads it; may be repeated."),
]
Boards = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME", help="The board of each --database, in their order: kilter, tension."),
]


@dataclass(frozen=True)
class Models:
    """What is in a folder.

    Attributes:
        generator: likewise.
        reader: None where none was trained.
    """

    generator: "Generator"
    reader: "Reader | None"

    @property
    def boards(self) -> Mapping[str, Board]:
        """Key -> board, of those that they know."""
        return self.generator.tokenizer.boards


def load_models(folder: Path) -> Models:
    """The models in a folder.

    Raises:
        FileNotFoundError: if it has no generator.
        ValueError: for files that are something else, or models of different boards.
    """
    from labkit.routes.generator import Generator
    from labkit.routes.reader import Reader

    if not (folder / GENERATOR).is_file():
        raise FileNotFoundError(f"{folder} has no {GENERATOR}: name a folder that `labkit routes train` wrote")
    generator = Generator.load(folder / GENERATOR)
    reader = Reader.load(folder / READER) if (folder / READER).exists() else None
    if reader is not None and reader.tokenizer != generator.tokenizer:
        raise ValueError(f"{folder}: {READER} and {GENERATOR} are not of the same boards: train them together")
    return Models(generator, reader)


def board_named(name: str, boards: Mapping[str, Board]) -> Board:
    """One of `boards`, by its key (TB2) or its file's name in datasets/boards (tension).

    Raises:
        ValueError: for another; it lists those there are.
    """
    config = board_configs().get(name.lower())
    key = config.key if config else name.upper()
    if key not in boards:
        known = ", ".join(f"{board.key} ({board.config.name})" for board in boards.values())
        raise ValueError(f"there is no board {name!r} here; there are: {known}")
    return boards[key]


def paired(databases: Sequence[Path] | None, boards: Sequence[str] | None) -> dict[str, Path]:
    """Board -> database, from --database and --board in their order.

    Raises:
        ValueError: for more of the ones than of the others, or a board twice.
    """
    databases, boards = databases or [], boards or []
    if len(databases) != len(boards):
        raise ValueError(f"each --database needs its --board: got {len(databases)} and {len(boards)}")
    if twice := sorted({board for board in boards if boards.count(board) > 1}):
        raise ValueError(f"--board {twice[0]} is there twice: a board has one database")
    return dict(zip(boards, databases, strict=True))


@dataclass(frozen=True)
class How:
    """How routes are written: see `Generator.write` and `best_of`.

    Attributes:
        sampling: likewise.
        guidance: likewise.
        best_of: likewise.
        seed: likewise.
    """

    sampling: "Sampling"
    guidance: float
    best_of: int
    seed: int | None

    @classmethod
    def asked(
        cls,
        has_reader: bool,
        temperature: float | None = None,
        top_k: int | None = None,
        top_p: float | None = None,
        guidance: float | None = None,
        best_of: int | None = None,
        seed: int | None = None,
    ) -> "How":
        """The course's way, but for what is given.

        Raises:
            ValueError: for a value that cannot be, and the best of several without a reader.
        """
        from labkit.routes.recipe import BEST_OF, GUIDANCE, SAMPLING

        if best_of is not None and best_of > 1 and not has_reader:
            raise ValueError("--best-of needs the reader of grades, and none was trained (--no-reader): take 1")
        given: dict[str, Any] = {"temperature": temperature, "top_k": top_k, "top_p": top_p}
        sampling = replace(SAMPLING, **{name: value for name, value in given.items() if value is not None})
        some = best_of or (BEST_OF if has_reader else 1)
        return cls(sampling, GUIDANCE if guidance is None else guidance, some, seed)

    def routes(self, models: Models, wishes: Sequence["Wish"]) -> list[Route]:
        """A route for each wish; its difficulty is what the reader reads, or None without one."""
        from labkit.routes.best_of import best_of

        found: list[Route] = []
        for some, seed in self._parts(wishes):
            if models.reader:
                found += best_of(
                    models.generator, models.reader, some, self.best_of, self.sampling, self.guidance, seed
                )
            else:
                written = models.generator.routes(some, self.sampling, self.guidance, seed)
                found += [replace(route, difficulty=None) for route in written]
        return found

    def free(self, models: Models, wishes: Sequence["Wish"]) -> list["Written"]:
        """What is written for each wish without the grammar: the first that comes, route or none."""
        found: list[Written] = []
        for some, seed in replace(self, best_of=1)._parts(wishes):
            found += models.generator.write(some, self.sampling, self.guidance, False, seed)
        return found

    def _parts(self, wishes: Sequence["Wish"]) -> Iterator[tuple[Sequence["Wish"], int | None]]:
        """As many wishes as are written together, and their seed; with a bar on stderr for somebody who watches."""
        from tqdm import tqdm

        from labkit.routes.generator import TOGETHER
        from labkit.sampling import row_seed

        size = max(TOGETHER // self.best_of, 1)
        with tqdm(total=len(wishes), desc="writing", unit="route", leave=False, delay=0.2, disable=None) as bar:
            for first in range(0, len(wishes), size):
                some = wishes[first : first + size]
                yield some, self.seed if self.seed is None or not first else row_seed(self.seed, first)
                bar.update(len(some))


def write_table(path: Path, routes: Sequence[Route], wishes: Iterable["Wish"], boards: Mapping[str, Board]) -> None:
    """Routes as CSV, with the grades that were asked for, read and, on simulated boards, the simulator's.

    Args:
        path: replaced when all is written.
        routes: their difficulty is what the reader read.
        wishes: one a route.
        boards: key -> board.
    """
    from labkit.routes.bulk import simulator
    from labkit.routes.table import write_routes

    further: dict[str, Iterable[Any]] = {
        "asked_grade": [wish.grade for wish in wishes],
        "reader_grade": [None if route.difficulty is None else v_grade(route.difficulty) for route in routes],
    }
    if all(board.is_simulated for board in boards.values()):
        judge = simulator(boards)
        further["simulator_grade"] = [v_grade(judge(route)) for route in routes]
    write_routes(path, routes, [board.config for board in boards.values()], further)
