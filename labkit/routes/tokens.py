"""Routes as tokens: one order of holds, one vocabulary for all boards. Once imported, model files can carry it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from functools import cached_property
from typing import Any, ClassVar, Literal, Self

from labkit.tokenizers import UNKNOWN, Tokenizer, register_kind
from labkit.tokenizers.base import check_keys, checked_ids

from .board import ROLES, Board, BoardConfig, Placement
from .grades import V_GRADES, middle, v_grade
from .route import Hold, Route

PAD, BOS, EOS, CLS, MASK = "<PAD>", "<BOS>", "<EOS>", "<CLS>", "<MASK>"
SPECIAL = (PAD, UNKNOWN, BOS, EOS, CLS, MASK)
"""The tokens of every vocabulary, with the ids 0 … 5."""
ANY_GRADE = "<GRADE_ANY>"
"""Stands where the grade would: a model that sees it at times learns routes of any grade, which guidance needs."""

_PARTS = {"start": 0, "middle": 1, "foot": 1, "finish": 2}


class RouteTokensError(ValueError):
    """Tokens that are no route; says which and why."""


def canonical(holds: Iterable[Hold], board: Board) -> tuple[Hold, ...]:
    """Holds in the order of the chapter: starts, then middle holds and feet together, then finishes.

    Within each of these from bottom to top, of equal height from left to right, of equal place by id. A set of holds
    has one order, so a model need not learn that the others mean the same.

    Raises:
        ValueError: for a placement that is not on the board, or a role that is none of ROLES.
    """
    return tuple(sorted(holds, key=lambda hold: _place(hold, board)))


def _place(hold: Hold, board: Board) -> tuple[int, float, float, int, int]:
    if hold.role not in _PARTS:
        raise ValueError(f"a hold's role is one of {', '.join(ROLES)}, got {hold.role!r}")
    if hold.placement not in board.placements:
        raise ValueError(f"board {board.key} has no placement {hold.placement!r}")
    at = board.placements[hold.placement]
    return _PARTS[hold.role], at.y, at.x, at.id, ROLES.index(hold.role)


class RouteTokenizer(Tokenizer):
    """Routes of some boards, a token for each hold in each role.

    A route is `<BOS> <BOARD_TB2> <ANGLE_40> <GRADE_V6> <TB2_p344_start> … <TB2_p603_finish> <EOS>`; as text, these
    names parted by spaces. The order of the vocabulary: SPECIAL, boards, angles, grades, holds (by board, placement
    and role). The boards are part of it: who has the tokenizer of a model can draw its routes and check them.

    Args:
        boards: in the order that their tokens shall have.

    Attributes:
        boards: key -> board.
        names: id -> token.
        ids: token -> id.
        holds: id -> (key of its board, hold); None for a token that is no hold.
        type: what `to_dict` calls this kind of tokenizer.

    Raises:
        ValueError: for no board, or two with the same key.
    """

    type: ClassVar[str] = "route"

    def __init__(self, boards: Iterable[Board]) -> None:
        self.boards: dict[str, Board] = {}
        for board in boards:
            if board.key in self.boards:
                raise ValueError(f"two boards have the key {board.key}; their tokens would be the same")
            self.boards[board.key] = board
        if not self.boards:
            raise ValueError("a route tokenizer needs at least one board")
        angles = sorted({angle for board in self.boards.values() for angle in board.config.angles})
        names = [*SPECIAL, *(f"<BOARD_{key}>" for key in self.boards), *(f"<ANGLE_{angle}>" for angle in angles)]
        names += [*(f"<GRADE_V{grade}>" for grade in sorted(set(V_GRADES.values()))), ANY_GRADE]
        self.holds: list[tuple[str, Hold] | None] = [None] * len(names)
        for key, board in self.boards.items():
            for placement in board.placements:
                self.holds += [(key, Hold(placement, role)) for role in ROLES]
                names += [f"<{key}_p{placement}_{role}>" for role in ROLES]
        self.names = tuple(names)
        self.ids: dict[str, int] = {name: i for i, name in enumerate(names)}

    @classmethod
    def for_boards(cls, boards: Iterable[Board]) -> Self:
        """The tokenizer of these boards."""
        return cls(boards)

    @classmethod
    def train(cls, texts: str | Iterable[str], *args: Any, **options: Any) -> Self:
        """There is nothing to train: the tokens are those of the boards.

        Raises:
            ValueError: always.
        """
        raise ValueError("the tokens of routes are those of their boards: RouteTokenizer.for_boards(boards)")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RouteTokenizer) and self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        return hash(self.names)

    def __repr__(self) -> str:
        return f"RouteTokenizer({', '.join(map(repr, self.boards.values()))}: {self.vocab_size} tokens)"

    @property
    def vocab_size(self) -> int:
        """How many tokens there are."""
        return len(self.names)

    @property
    def special_tokens(self) -> Mapping[str, int]:
        """Those of SPECIAL."""
        return {name: self.ids[name] for name in SPECIAL}

    @cached_property
    def angles(self) -> dict[int, int]:
        """Id of an angle's token -> the angle, in degrees."""
        return {i: int(name[7:-1]) for name, i in self.ids.items() if name.startswith("<ANGLE_")}

    @cached_property
    def grades(self) -> dict[int, int | None]:
        """Id of a grade's token -> the V grade; None for <GRADE_ANY>."""
        found = {name: i for name, i in self.ids.items() if name.startswith("<GRADE_")}
        return {i: None if name == ANY_GRADE else int(name[8:-1]) for name, i in found.items()}

    @cached_property
    def _order(self) -> dict[str, dict[Hold, tuple[int, int]]]:
        """For each board: hold -> (its place in the canonical order of all, its id)."""
        found: dict[str, dict[Hold, tuple[int, int]]] = {key: {} for key in self.boards}
        for i, entry in enumerate(self.holds):
            if entry is not None:
                found[entry[0]][entry[1]] = (0, i)
        return {
            key: {hold: (place, ids[hold][1]) for place, hold in enumerate(canonical(ids, self.boards[key]))}
            for key, ids in found.items()
        }

    def prompt(self, board: str, angle: int, grade: int | Literal["any"] | None = "any", begin: str = BOS) -> list[int]:
        """What comes before the holds: `<BOS> <BOARD_TB2> <ANGLE_40> <GRADE_V6>`.

        Args:
            board: its key.
            angle: one of the board's, in degrees.
            grade: a V grade, "any" for <GRADE_ANY>, or None for no token of a grade.
            begin: the first token: BOS to write on, CLS to be read.

        Raises:
            ValueError: for what is not in the vocabulary, or an angle that the board has not.
        """
        if board not in self.boards:
            raise ValueError(f"no board {board!r} in this vocabulary; there are: {', '.join(self.boards)}")
        angles = self.boards[board].config.angles
        if not isinstance(angle, int) or angle not in angles:
            raise ValueError(f"board {board} is set to {angles[0]} … {angles[-1]} degrees by fives, got {angle!r}")
        if begin not in (BOS, CLS):
            raise ValueError(f"a route begins with {BOS} or {CLS}, got {begin!r}")
        names = [begin, f"<BOARD_{board}>", f"<ANGLE_{angle}>"]
        if grade is not None:
            names.append(ANY_GRADE if grade == "any" else f"<GRADE_V{grade}>")
            if names[-1] not in self.ids:
                raise ValueError(f"a V grade is 0 … {max(V_GRADES.values())}, got {grade!r}")
        return [self.ids[name] for name in names]

    def encode_route(
        self, route: Route, grade: bool | Literal["any"] = True, begin: str = BOS, unknown: bool = False
    ) -> list[int]:
        """The ids of a route, its holds in canonical order.

        Args:
            route: of one of the boards.
            grade: True: with its V grade; "any": with <GRADE_ANY> in its place; False: without. A reader of grades
                must be given False, else it reads the answer.
            begin: the first token: BOS to write, CLS to read.
            unknown: whether a placement that the board has not becomes <UNK>, before the other holds; else it is
                refused.

        Raises:
            ValueError: for what the vocabulary has not, and a grade to write when the route has none.
        """
        if grade is True and route.difficulty is None:
            raise ValueError(f"route {route.climb or route.name!r} has no grade to write; pass grade='any' or False")
        wanted: int | Literal["any"] | None = None
        if grade:
            wanted = "any" if grade == "any" or route.difficulty is None else v_grade(route.difficulty)
        ids = self.prompt(route.board, route.angle, wanted, begin)
        order = self._order[route.board]
        try:
            ids += [i for _, i in sorted(map(order.__getitem__, route.holds))]
        except KeyError:
            known = [hold for hold in route.holds if hold in order]
            if not unknown:
                lost = next(hold for hold in route.holds if hold not in order)
                raise ValueError(
                    f"route {route.climb or route.name!r}: board {route.board} has no {lost}; leave the route out, or "
                    f"pass unknown=True to write {UNKNOWN}"
                ) from None
            ids += [self.ids[UNKNOWN]] * (len(route.holds) - len(known))
            ids += [i for _, i in sorted(map(order.__getitem__, known))]
        return [*ids, self.ids[EOS]]

    def decode_route(self, ids: Iterable[int]) -> Route:
        """The route that ids write, holds in the order in which they come.

        It may be unfinished, end in padding, and break the rules of routes (`rules.faults` says which). Its
        difficulty is the middle of those of the grade.

        Raises:
            RouteTokensError: for what no Route can say: a missing board or angle, a special token among the holds, a
                hold of another board, anything but padding after <EOS>.
            ValueError: for an id outside the vocabulary.
        """
        found = checked_ids(ids, self.vocab_size)
        names = [self.names[i] for i in found]
        while names and names[-1] == PAD:
            names.pop()
        if len(names) < 3 or names[0] not in (BOS, CLS):
            raise RouteTokensError(f"a route begins with {BOS} or {CLS}, a board and an angle; got {_shown(names[:4])}")
        if not names[1].startswith("<BOARD_") or found[2] not in self.angles:
            raise RouteTokensError(f"expected a board and an angle after {names[0]}, got {_shown(names[1:3])}")
        key, angle, at, difficulty = names[1][7:-1], self.angles[found[2]], 3, None
        if len(names) > 3 and found[3] in self.grades:
            at, grade = 4, self.grades[found[3]]
            if grade is not None:
                difficulty = middle(grade)
        holds = []
        for i in range(at, len(names)):
            if names[i] == EOS:
                if i + 1 < len(names):
                    raise RouteTokensError(f"after {EOS} there is only padding, got {_shown(names[i + 1 : i + 4])}")
                break
            entry = self.holds[found[i]]
            if entry is None or entry[0] != key:
                raise RouteTokensError(f"token {i}: expected a hold of board {key} or {EOS}, got {names[i]}")
            holds.append(entry[1])
        return Route(key, angle, tuple(holds), difficulty)

    def features(self) -> list[tuple[float, float, float]]:
        """For each token (x, y, is-hold): where it is, 0 … 1 across the window and up; (0, 0, 0) if it is no hold."""
        rows = [(0.0, 0.0, 0.0)] * self.vocab_size
        for i, entry in enumerate(self.holds):
            if entry is not None:
                board = self.boards[entry[0]]
                at, window = board.placements[entry[1].placement], board.config.window
                x = (at.x - window.left) / (window.right - window.left)
                rows[i] = (x, (at.y - window.bottom) / (window.top - window.bottom), 1.0)
        return rows

    def encode(self, text: str, unknown: bool = False) -> list[int]:
        """The ids of tokens' names, parted by spaces.

        Args:
            text: names of tokens.
            unknown: whether another word becomes <UNK>; else it is refused.

        Raises:
            ValueError: for a word that is no token.
        """
        words = text.split()
        if not unknown and (wrong := [word for word in words if word not in self.ids]):
            raise ValueError(f"{wrong[0]!r} is no token of {self!r}; a hold is written as {self.names[-1]}")
        return [self.ids.get(word, self.ids[UNKNOWN]) for word in words]

    def decode(self, ids: Iterable[int]) -> str:
        """The names of tokens, parted by spaces; `decode_route` reads the route.

        Raises:
            ValueError: for an id outside the vocabulary.
        """
        return " ".join(self.names[i] for i in checked_ids(ids, self.vocab_size))

    def token_bytes(self, token: int) -> bytes:
        """The name of a token in UTF-8."""
        return self.decode([token]).encode()

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON has it: the boards with their holds."""
        return {"type": self.type, "boards": [_board_dict(board) for board in self.boards.values()]}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The tokenizer that `to_dict` described.

        Raises:
            ValueError: if it is not such a description.
        """
        check_keys(data, cls.type, {"boards"})
        if not isinstance(data["boards"], list):
            raise ValueError(f"the boards of a tokenizer are a list, got {type(data['boards']).__name__}")
        return cls(map(_board, data["boards"]))


def _board_dict(board: Board) -> dict[str, Any]:
    rows = [[hold.id, hold.x, hold.y, hold.mirror, hold.quality] for hold in board.placements.values()]
    return {"config": asdict(board.config) | {"roles": dict(board.config.roles)}, "placements": rows}


def _board(data: Any) -> Board:
    try:
        config = BoardConfig.from_dict(data["config"])
        return Board(config, [Placement(*row) for row in data["placements"]])
    except (TypeError, KeyError) as error:
        raise ValueError(f"a board of a tokenizer has a config and placements; this is none: {error}") from error


def _shown(names: Sequence[str]) -> str:
    return " ".join(names) or "nothing"


register_kind(RouteTokenizer)
