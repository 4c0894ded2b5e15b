"""What makes a list of holds a route: checked hold by hold, without the grammar that `grammar` writes routes by."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .board import ROLES, Board
from .route import Hold
from .tokens import BOS, RouteTokenizer, RouteTokensError, canonical

MOST = 2
"""A route has one or two starts (a hand on each, or both on one) and one or two finishes, as in the boards' apps."""


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


def faults(holds: Sequence[Hold], board: Board, rules: Rules | None = None, strict: bool = True) -> list[str]:
    """What is wrong with holds as a route, a sentence each; nothing if all is well.

    Args:
        holds: in their order.
        board: that they are on.
        rules: how long a route may be; `Rules()` when left out. Only read when `strict`.
        strict: False: that all holds are on the board in a role that there is, with a start and a finish. True: also
            that no placement comes twice, that there are at most two starts and two finishes, that the order is
            canonical, and `rules`.
    """
    found = [f"no placement {hold.placement} on board {board.key}" for hold in holds if _lost(hold, board)]
    found += [f"no role {hold.role!r}" for hold in holds if hold.role not in ROLES]
    counts = Counter(hold.role for hold in holds)
    found += [f"no {role}" for role in ("start", "finish") if not counts[role]]
    if not strict or found:
        return found
    rules = rules or Rules()
    found += [f"{counts[role]} holds to {role}" for role in ("start", "finish") if counts[role] > MOST]
    times = Counter(hold.placement for hold in holds)
    found += [f"placement {placement} {n} times" for placement, n in times.items() if n > 1]
    if tuple(holds) != canonical(holds, board):
        found.append("not in canonical order")
    if not rules.min_holds <= len(holds) <= rules.max_holds:
        found.append(f"{len(holds)} holds, not {rules.min_holds} … {rules.max_holds}")
    return found


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


def _lost(hold: Hold, board: Board) -> bool:
    return hold.placement not in board.placements
