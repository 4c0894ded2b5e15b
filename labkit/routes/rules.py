"""What makes a list of holds a route: checked hold by hold, without the grammar that `grammar` writes routes by.

Each thing that can be wrong has a name, and is looked for in one place: `problems`. `faults` says it in sentences, for
who reads one route; `validity` counts it by name, for tables of many.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .board import ROLES, Board
from .route import Hold
from .tokens import BOS, RouteTokenizer, RouteTokensError, canonical

MOST = 2
"""A route has one or two starts (a hand on each, or both on one) and one or two finishes, as in the boards' apps."""

NEEDED = ("unknown hold", "unknown role", "no start", "no finish")
"""Problems of what is no route at all: `faults` that is not strict looks for these alone."""


@dataclass(frozen=True)
class Rules:
    """How long a route may be.

    Attributes:
        min_holds: fewer, starts and finishes among them, are no route worth setting.
        max_holds: more are not written.

    Raises:
        ValueError: if that leaves no route.
    """

    min_holds: int = 3
    max_holds: int = 40

    def __post_init__(self) -> None:
        for name in ("min_holds", "max_holds"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 2:
                raise ValueError(f"{name} is a whole number of at least 2 (a start and a finish), got {value!r}")
        if self.min_holds > self.max_holds:
            raise ValueError(f"min_holds is at most max_holds, got {self.min_holds} and {self.max_holds}")


def problems(holds: Sequence[Hold], board: Board, rules: Rules | None = None) -> dict[str, list[str]]:
    """What is wrong with holds as a route: the name of a problem -> sentences about it. Empty if all is well.

    The names are those of NEEDED, and "starts", "finishes" (more than MOST), "hold twice" (a placement, in whatever
    roles), "order" (not the canonical one; an unknown hold or role has no place in it, so then it is not looked for)
    and "hold count" (not within the rules).

    Args:
        holds: in their order.
        board: that they are on.
        rules: how long a route may be; `Rules()` when left out.
    """
    rules = rules or Rules()
    roles = Counter(hold.role for hold in holds)
    ends = {"start": "starts", "finish": "finishes"}
    found = {
        "unknown hold": [
            f"no placement {hold.placement} on board {board.key}"
            for hold in holds
            if hold.placement not in board.placements
        ],
        "unknown role": [f"no role {hold.role!r}" for hold in holds if hold.role not in ROLES],
    }
    known = not any(found.values())
    found |= {f"no {role}": [f"no {role}"] for role in ends if not roles[role]}
    found |= {name: [f"{roles[role]} holds to {role}"] for role, name in ends.items() if roles[role] > MOST}
    times = Counter(hold.placement for hold in holds)
    found["hold twice"] = [f"placement {placement} {n} times" for placement, n in times.items() if n > 1]
    if known and tuple(holds) != canonical(holds, board):
        found["order"] = ["not in canonical order"]
    if not rules.min_holds <= len(holds) <= rules.max_holds:
        found["hold count"] = [f"{len(holds)} holds, not {rules.min_holds} … {rules.max_holds}"]
    return {name: said for name, said in found.items() if said}


def faults(holds: Sequence[Hold], board: Board, rules: Rules | None = None, strict: bool = True) -> list[str]:
    """What is wrong with holds as a route, a sentence each; nothing if all is well.

    Args:
        holds: in their order.
        board: that they are on.
        rules: how long a route may be; `Rules()` when left out. Only read when `strict`.
        strict: False: the problems of NEEDED, that is, that all holds are on the board in a role that there is, with a
            start and a finish. True: where there are none of these, all other `problems` too.
    """
    found = problems(holds, board, rules)
    if not strict or found.keys() & set(NEEDED):
        found = {name: said for name, said in found.items() if name in NEEDED}
    return [sentence for said in found.values() for sentence in said]


def is_valid(holds: Sequence[Hold], board: Board, rules: Rules | None = None, strict: bool = True) -> bool:
    """Whether `faults` finds none."""
    return not faults(holds, board, rules, strict)


def faults_of_ids(
    ids: Iterable[int], tokenizer: RouteTokenizer, rules: Rules | None = None, strict: bool = True
) -> list[str]:
    """What is wrong with tokens as a whole route, <BOS> to <EOS> and perhaps padding; nothing if all is well.

    Args:
        ids: what a model wrote, its prompt included.
        tokenizer: that wrote the prompt.
        rules: as in `faults`.
        strict: as in `faults`; then also that <BOS> is first, and the angle one of the board's.

    Raises:
        ValueError: for an id outside the vocabulary.
    """
    ids = list(ids)
    try:
        route = tokenizer.decode_route(ids)
    except RouteTokensError as error:
        return [str(error)]
    board = tokenizer.boards[route.board]
    found = faults(route.holds, board, rules, strict)
    if tokenizer.ids["<EOS>"] not in ids:
        found.append("it does not end")
    if strict and ids[0] != tokenizer.ids[BOS]:
        found.append(f"it does not begin with {BOS}")
    if strict and route.angle not in board.config.angles:
        found.append(f"board {board.key} is not set to {route.angle} degrees")
    return found
