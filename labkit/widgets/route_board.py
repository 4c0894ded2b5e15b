"""A training board to click on, with a generator that writes routes on it in the reader's browser."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal

import traitlets as t

from labkit.routes import ROLES, V_GRADES, Board, Hold, Route, frames
from labkit.routes.grades import EASIEST, HARDEST
from labkit.routes.rules import Rules
from labkit.routes.tokens import canonical

from .figure import Figure
from .page_gpt import MAX_SEED, MAX_TEMPERATURE
from .route_board_page import board_name, described_board, model_state

if TYPE_CHECKING:
    from labkit.routes.generator import Generator, Wish  # they need torch, which a page of figures does without

MAX_GUIDANCE = 4


class RouteBoard(Figure):
    """A board with all its holds: click some, have a generator complete them, or write a route to order.

    In a built page as in JupyterLab the figure computes every token itself (the forward pass is that of `PageGPT`, the
    grammar that of `labkit.routes.grammar`), from weights that it carries as float16. It carries the tokens of the
    boards that it shows alone: the grammar would forbid the others anyway. The same seed and settings write the same
    route; a press with nothing changed takes the next seed. On simulated boards the simulated climber judges each route
    as it is clicked, at the angle of the slider. Without a generator it is a board to draw routes on.

    A hold is clicked from nothing to middle, foot, start, finish and back to nothing, or to the role that is chosen
    below the board. Clicked holds are the reader's own and are drawn with a ring: "Complete" keeps them.

    Args:
        generator: that writes; None: nothing does, unless `asks` is set.
        boards: those that are shown: keys of the generator's tokenizer, or, without a generator, the boards themselves.
            All of the generator's when left out.
        board: key of the one that is shown first.
        angle: degrees from vertical, one of the board's; its middle one when left out.
        grade: the V grade that is asked for, or "any".
        temperature: the logits are divided by it, 0 … 2; 0 takes the likeliest each time.
        guidance: how much the grade counts, 1 (as the model has learned) … 4.
        top_k: only so many of the likeliest tokens can be drawn; None: all that the grammar allows.
        seed: of the next route, 0 … 2³¹ - 1.
        holds: clicked before the reader comes.
        grades: the V grades of the slider; all when left out.
        about: one more sentence for the caption.

    Attributes:
        holds: [placement, role, whether it was clicked] of each hold, in canonical order; may be set.
        asked: what the route was asked for ({"grade": 6, "angle": 40, "guidance": 2.0}), empty for one made by hand.
        verdicts: [who, difficulty or None, a word in its place] of each judge; None: the page asks the simulated
            climber itself, where it can.
        asks: whether the kernel writes: a button then sends {"write": "route"}, or {"write": "rest"} to complete.

    Raises:
        ValueError: for boards that there are not, a model that the page cannot compute, and values outside their range.
    """

    module = "route_board"
    page_traits = (
        *("boards", "scale", "vocabulary", "rules", "config", "shapes", "weights"),
        *(
            "board",
            "angle",
            "grade",
            "temperature",
            "guidance",
            "top_k",
            "seed",
            "grades",
            "holds",
            "asked",
            "verdicts",
        ),
    )

    boards: "t.List[Any]" = t.List(t.Dict()).tag(sync=True)
    """What is drawn of each board, and which tokens its holds have."""
    scale = t.List(t.Int(), [V_GRADES[d] for d in range(EASIEST, HARDEST + 1)]).tag(sync=True)
    """The V grade of each difficulty, from the easiest on."""
    vocabulary = t.Dict().tag(sync=True)
    rules = t.Dict().tag(sync=True)
    config = t.Dict().tag(sync=True)
    shapes = t.List(t.Any()).tag(sync=True)
    weights = t.Bytes(b"").tag(sync=True)
    """float16, little-endian: the tensors of `shapes`, one after the other."""
    board = t.Unicode().tag(sync=True)
    angle = t.Int().tag(sync=True)
    grade = t.Union([t.Int(), t.Enum(["any"])], default_value="any").tag(sync=True)
    temperature = t.Float(1.0, min=0.0, max=MAX_TEMPERATURE).tag(sync=True)
    guidance = t.Float(1.0, min=1.0, max=MAX_GUIDANCE).tag(sync=True)
    top_k = t.Int(None, allow_none=True, min=1).tag(sync=True)
    seed = t.Int(1, min=0, max=MAX_SEED).tag(sync=True)
    grades: "t.List[int]" = t.List(t.Int()).tag(sync=True)
    holds: "t.List[Any]" = t.List(t.Any()).tag(sync=True)
    asked = t.Dict().tag(sync=True)
    verdicts = t.List(t.Any(), None, allow_none=True).tag(sync=True)
    asks = t.Bool(False).tag(sync=True)

    def __init__(
        self,
        generator: "Generator | None" = None,
        boards: "Iterable[str] | Iterable[Board] | None" = None,
        *,
        board: str | None = None,
        angle: int | None = None,
        grade: int | Literal["any"] = "any",
        temperature: float = 1.0,
        guidance: float = 1.0,
        top_k: int | None = None,
        seed: int = 1,
        holds: Iterable[Hold] = (),
        grades: Iterable[int] | None = None,
        about: str = "",
    ) -> None:
        self._boards = _shown(generator, boards)
        self._about = about
        first = board if board is not None else next(iter(self._boards))
        if first not in self._boards:
            raise ValueError(f"RouteBoard: no board {first!r} is shown; there are: {', '.join(self._boards)}")
        angles = self._boards[first].config.angles
        known = sorted(set(V_GRADES.values()))
        chosen = known if grades is None else sorted(set(grades))
        if not chosen or not set(chosen) <= set(known) or chosen != list(range(chosen[0], chosen[-1] + 1)):
            raise ValueError(f"RouteBoard: grades are V grades in a row, of 0 … {known[-1]}, got {chosen}")
        state: dict[str, Any] = {"rules": {"min_holds": Rules().min_holds, "max_holds": Rules().max_holds}}
        tokenizer, kept = None, [0]
        if generator is not None:
            tokenizer = generator.tokenizer
            kept = [i for i, hold in enumerate(tokenizer.holds) if hold is None or hold[0] in self._boards]
            state = model_state(generator, kept)
        self.kept_tokens = kept
        super().__init__(
            boards=[described_board(each, tokenizer, kept) for each in self._boards.values()],
            board=first,
            angle=angles[len(angles) // 2],
            grades=chosen,
            **state,
        )
        try:
            for name, value in (
                *(("grade", grade), ("temperature", temperature), ("guidance", guidance), ("top_k", top_k)),
                *(("seed", seed), ("angle", self.angle if angle is None else angle)),
            ):
                setattr(self, name, value)
            self.place(holds)
        except (t.TraitError, ValueError) as error:
            raise ValueError(f"RouteBoard: {error}") from None

    # -- what is on the board

    def place(self, holds: Iterable[Hold], kept: bool = True) -> None:
        """Put these holds on the board, in place of those that are there.

        Args:
            holds: of the board that is shown.
            kept: whether they count as clicked: "Complete" keeps them.

        Raises:
            ValueError: for a hold that the board has not, a role that is none, and a placement that comes twice.
        """
        with self.hold_sync():
            self.asked = {}
            self.holds = [[hold.placement, hold.role, kept] for hold in canonical(holds, self._boards[self.board])]

    def show(self, route: Route, kept: Sequence[Hold] = (), asked: dict[str, Any] | None = None) -> None:
        """Put a route on its board, at its angle.

        Args:
            route: on one of the boards that are shown.
            kept: those of its holds that were clicked.
            asked: what it was asked for, as the attribute has it.

        Raises:
            ValueError: for a board that is not shown, holds as in `place`.
            TraitError: for an angle that the board has not.
        """
        if route.board not in self._boards:
            raise ValueError(f"RouteBoard: no board {route.board!r} is shown; there are: {', '.join(self._boards)}")
        holds = canonical(route.holds, self._boards[route.board])
        with self.hold_sync():
            if route.board != self.board:
                self.board = route.board
            self.angle = route.angle
            self.asked = asked or {}
            self.holds = [[hold.placement, hold.role, hold in kept] for hold in holds]

    @property
    def route(self) -> Route:
        """What is on the board, at the angle of the slider."""
        return Route(self.board, self.angle, tuple(Hold(placement, role) for placement, role, _ in self.holds))

    @property
    def kept(self) -> tuple[Hold, ...]:
        """The holds that were clicked."""
        return tuple(Hold(placement, role) for placement, role, clicked in self.holds if clicked)

    @property
    def wish(self) -> "Wish":
        """What "Complete" asks for: the sliders, and the clicked holds."""
        from labkit.routes.generator import Wish

        return Wish(self.board, self.angle, self.grade, self.kept)

    @property
    def frames(self) -> str:
        """The holds as the board's app writes them: p344r5p369r6…"""
        return frames(self.route.holds, self._boards[self.board].config)

    def caption(self) -> str:
        """What can be done here, and that boards are simulated where they are."""
        names = [board_name(board) for board in self._boards.values()]
        does = "Click holds to set a route"
        if self.weights:
            layers, width = self.config["n_layer"], self.config["n_embd"]
            does += (
                f", or have a GPT of {len(self.weights) // 2:,} weights ({layers} layer{'s' * (layers != 1)}, {width} "
                "wide) write or complete one; your browser computes every token itself"
            )
        return f"{' and '.join(names)}. {does}. {self._about}".rstrip()

    # -- what the traits may be

    @t.validate("board")
    def _valid_board(self, proposal: dict[str, Any]) -> str:
        key: str = proposal["value"]
        if key not in self._boards:
            raise t.TraitError(f"no board {key!r} is shown; there are: {', '.join(self._boards)}")
        return key

    @t.validate("angle")
    def _valid_angle(self, proposal: dict[str, Any]) -> int:
        angle: int = proposal["value"]
        if angle not in (angles := self._boards[self.board].config.angles):
            raise t.TraitError(f"board {self.board} is set to {angles[0]} … {angles[-1]} degrees by fives, got {angle}")
        return angle

    @t.validate("grade")
    def _valid_grade(self, proposal: dict[str, Any]) -> int | str:
        grade: int | str = proposal["value"]
        if grade != "any" and grade not in self.grades:
            raise t.TraitError(f'grade must be V{self.grades[0]} … V{self.grades[-1]} or "any", got {grade!r}')
        return grade

    @t.validate("holds")
    def _valid_holds(self, proposal: dict[str, Any]) -> list[list[Any]]:
        rows, places = proposal["value"], self._boards[self.board].placements
        for row in rows:
            if not isinstance(row, list | tuple) or len(row) != 3 or row[0] not in places or row[1] not in ROLES:
                raise t.TraitError(f"a hold of board {self.board} is [placement, role, clicked], got {row!r}")
        if len({row[0] for row in rows}) < len(rows):
            raise t.TraitError("a placement comes twice among the holds")
        return [[placement, role, bool(clicked)] for placement, role, clicked in rows]

    @t.observe("board")
    def _on_another_board(self, _: Any) -> None:
        """Holds of one board are none of another, which may not be as steep."""
        places, steepest = self._boards[self.board].placements, self._boards[self.board].config.angles[-1]
        self.angle = min(self.angle, steepest)
        if any(row[0] not in places for row in self.holds):
            self.holds, self.asked = [], {}


def _shown(generator: "Generator | None", boards: Any) -> dict[str, Board]:
    """Key -> board of those that are to be shown."""
    if generator is None:
        chosen = list(boards or ())
        if not chosen or not all(isinstance(board, Board) for board in chosen):
            raise ValueError("RouteBoard: without a generator give boards=[Board, …], at least one")
        found = {board.key: board for board in chosen}
    else:
        there = generator.tokenizer.boards
        keys = list(there) if boards is None else list(boards)
        if not keys or not all(isinstance(key, str) and key in there for key in keys):
            raise ValueError(f"RouteBoard: boards are keys of the generator's ({', '.join(there)}), got {keys}")
        found = {key: there[key] for key in keys}
    return found
