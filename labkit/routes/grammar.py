"""The grammar of routes as a constraint on what a model may write next, so that whatever it writes is a route."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from .board import ROLES, Board
from .route import Hold
from .rules import MOST, Rules
from .tokens import BOS, EOS, PAD, RouteTokenizer, canonical

_START, _BODY, _FINISH = range(3)
_PHASES = {"start": _START, "middle": _BODY, "foot": _BODY, "finish": _FINISH}
_HEADER = 4  # <BOS>, board, angle, grade
Key = tuple[int, str]
"""A hold as the grammar has it: its rank and its role."""


class _Table:
    """A board's tokens, by rank: placements counted from bottom to top, as in the canonical order."""

    def __init__(self, tokenizer: RouteTokenizer, board: Board) -> None:
        order = [hold.placement for hold in canonical((Hold(p, "middle") for p in board.placements), board)]
        self.size = len(order)
        self.rank = {placement: rank for rank, placement in enumerate(order)}
        self.ids = {role: np.array([tokenizer.ids[f"<{board.key}_p{p}_{role}>"] for p in order]) for role in ROLES}
        self.hold: dict[int, Key] = {
            int(token): (rank, role) for role in ROLES for rank, token in enumerate(self.ids[role])
        }
        self.board = tokenizer.ids[f"<BOARD_{board.key}>"]
        angles = board.config.angles
        self.angles = [token for token, angle in tokenizer.angles.items() if angle in angles]


@dataclass
class _State:
    """How far a row is.

    Attributes:
        left: required holds that are still to come.
        used: [placements] whether it is in the row.
        n: holds so far.
        counts: of them, starts, middle holds and feet, finishes.
        phase: which of these the last one was.
        last: its rank; -1 before the first.
    """

    left: set[Key]
    used: np.ndarray
    n: int = 0
    counts: list[int] = field(default_factory=lambda: [0, 0, 0])
    phase: int = _START
    last: int = -1


class Grammar:
    """A hook for `labkit.sampling.generate`: it forbids every token after which no route could be finished.

    A row is <BOS>, a board, one of its angles, a grade or <GRADE_ANY>; one or two starts; middle holds and feet; one or
    two finishes; <EOS>; then padding. No placement comes twice, and the number of holds is within `rules`. The order is
    the canonical one: of the middle holds and feet (and of two starts, of two finishes) each is above the one
    before. A free order would be easier to obey, but the model has read canonical routes alone: this way each set of
    holds has one way to be written, so its probability is what the model says of it, a hold that was passed over is not
    asked for again, and a prompt need not hold the starts before all else (see `required`).

    What is forbidden is exactly what leads nowhere, so a row can always be finished: when there is room for no more
    than the holds that must still come, only those are allowed. It works at any temperature, with rows in different
    states, and costs about 0.1 ms a row, 0.2 with required holds. Rows are read anew at each
    call: the grammar remembers nothing.

    Args:
        tokenizer: of the model; more logits than it has tokens are forbidden.
        rules: how long a route may be; `Rules()` when left out.
        board: the key of the board that all rows are on; None: any of the tokenizer's.
        required: holds that each row must have, in any order: a route to be completed. Their places in the row are
            those of the canonical order; a prompt may begin with some of them. They need one board. What is forbidden
            only because of them, most of all what would pass over the next one, is how the model says "go on from
            here": its probability goes to that hold. Were it lost, a model that wants to finish, but on another hold,
            would go on and on. (At temperature 0 the sum can beat each single hold below: required ones come early.)

    Attributes:
        longest: the most tokens that a row has, from <BOS> to <EOS>: `max_new_tokens=grammar.longest` is always enough,
            and the block size of a model should be at least that.

    Raises:
        ValueError: for required holds that no route can have, and rules that a board is too small for.
    """

    def __init__(
        self,
        tokenizer: RouteTokenizer,
        rules: Rules | None = None,
        board: str | None = None,
        required: Iterable[Hold] = (),
    ) -> None:
        self.tokenizer, self.rules = tokenizer, rules or Rules()
        if board is not None and board not in tokenizer.boards:
            raise ValueError(f"no board {board!r} in this vocabulary; there are: {', '.join(tokenizer.boards)}")
        boards = [tokenizer.boards[board]] if board is not None else list(tokenizer.boards.values())
        tables = [_Table(tokenizer, each) for each in boards]
        self._tables = {table.board: table for table in tables}
        required = list(dict.fromkeys(required))
        if required and len(boards) > 1:
            raise ValueError(f"required holds need one board: pass board= {' or '.join(tokenizer.boards)}")
        self._required = _checked(required, boards[0], tables[0])
        self._free = Grammar(tokenizer, self.rules, board) if required else None
        for each, table in zip(boards, tables, strict=True):
            if self._spare(_State(set(self._required), np.zeros(table.size, bool)), table) < 0:
                raise ValueError(
                    f"no route on board {each.key} has {len(required)} required holds, a start, a finish and at most "
                    f"{self.rules.max_holds} of its {table.size} holds"
                )
            if table.size < self.rules.min_holds:
                raise ValueError(f"board {each.key} has {table.size} holds, min_holds is {self.rules.min_holds}")
        ids = tokenizer.ids
        self._bos, self._eos, self._pad, self._grades = ids[BOS], ids[EOS], ids[PAD], list(tokenizer.grades)
        self.longest = _HEADER + min(self.rules.max_holds, max(table.size for table in tables)) + 1

    def __call__(self, ids: Tensor, logits: Tensor) -> Tensor:
        """Logits with -inf for what may not come next; what passes over a required hold is given to that hold.

        Args:
            ids: [batch, time], each row whole from <BOS> on.
            logits: [batch, vocab_size].

        Raises:
            ValueError: for a row that no route begins with, and for too few logits.
        """
        if logits.shape[-1] < self.tokenizer.vocab_size:
            raise ValueError(
                f"the model has {logits.shape[-1]} tokens and the tokenizer {self.tokenizer.vocab_size}: is this the "
                "tokenizer of that model?"
            )
        allowed = np.zeros(logits.shape, bool)
        handed_on = []
        for i, (row, mask) in enumerate(zip(ids.tolist(), allowed, strict=True)):
            mask[self.allowed(row)] = True
            token = self._waiting(row)
            if self._free is not None and token is not None and mask[token]:
                others = self._free.allowed(row)
                passing = torch.from_numpy(np.append(others[~mask[others]], token)).to(logits.device)
                handed_on.append((i, token, logits[i, passing].logsumexp(0)))
        logits = logits.clone() if handed_on else logits
        for i, token, mass in handed_on:
            logits[i, token] = mass
        return logits.masked_fill(~torch.from_numpy(allowed).to(logits.device), -torch.inf)

    def allowed(self, row: Sequence[int]) -> np.ndarray:
        """The ids that may follow a row, int64; at least one.

        Raises:
            ValueError: for a row that no route begins with.
        """
        row = list(row)
        choices = [[self._bos], list(self._tables), [], self._grades]
        for i, token in enumerate(row[:_HEADER]):
            if token not in choices[i]:
                raise self._refused(row, i)
            if i == 1:
                choices[2] = self._tables[token].angles
        if len(row) < _HEADER:
            return np.array(choices[len(row)])
        table = self._tables[row[1]]
        state = self._read(row, table)
        found = np.array([self._pad]) if state is None else self._next(state, table)
        if not len(found):
            raise ValueError(f"no route that the grammar allows begins with {self.tokenizer.decode(row)}")
        return found

    def _waiting(self, row: list[int]) -> int | None:
        """The token of the required hold that comes next in the canonical order; None if none is left."""
        state = self._read(row, table := self._tables[row[1]]) if self._required and len(row) >= _HEADER else None
        if state is None or not state.left:
            return None
        rank, role = min(state.left, key=lambda key: (_PHASES[key[1]], key[0]))
        return int(table.ids[role][rank])

    def _read(self, row: list[int], table: _Table) -> _State | None:
        """The state after a row; None if it has ended."""
        state = _State(set(self._required), np.zeros(table.size, bool))
        for i in range(_HEADER, len(row)):
            if row[i] == self._eos:
                ended = not state.left and state.counts[_FINISH] and state.n >= self.rules.min_holds
                if not ended or any(token != self._pad for token in row[i + 1 :]):
                    raise self._refused(row, i)
                return None
            if row[i] not in table.hold:
                raise self._refused(row, i)
            rank, role = key = table.hold[row[i]]
            phase = _PHASES[role]
            above = rank > state.last if phase == state.phase else phase > state.phase and state.counts[_START] > 0
            required = key in state.left or all(other != rank for other, _ in state.left)
            full = phase != _BODY and state.counts[phase] == MOST
            if not above or not required or full or state.used[rank]:
                raise self._refused(row, i)
            state.left.discard(key)
            state.used[rank] = True
            state.n, state.phase, state.last = state.n + 1, phase, rank
            state.counts[phase] += 1
        return state

    def _spare(self, state: _State, table: _Table) -> int:
        """How many holds may be added beyond those that must come: required ones, a first start, a first finish."""
        left = [_PHASES[role] for _, role in state.left]
        must = sum(not state.counts[phase] and phase not in left for phase in (_START, _FINISH))
        free = table.size - int(state.used.sum()) - len(left)
        return min(self.rules.max_holds - state.n - len(left), free) - must

    def _next(self, state: _State, table: _Table) -> np.ndarray:
        """The ids that may follow, none if no route can."""
        spare = self._spare(state, table)
        if spare < 0:
            return np.array([], np.int64)
        kept: list[list[Key]] = [[], [], []]  # what is required of each phase
        free = ~state.used
        for rank, role in sorted(state.left):
            kept[_PHASES[role]].append((rank, role))
            free[rank] = False
        found: list[np.ndarray] = []
        for phase in range(state.phase, _FINISH + 1):
            later = phase > state.phase
            count = state.counts[phase] + len(kept[phase])
            if any(kept[:phase]) or (later and not state.counts[_START]) or (phase != _BODY and count > MOST):
                break
            first = phase != _BODY and count == 0
            ranks = np.zeros(table.size, bool)
            if first or (spare > 0 and (phase == _BODY or count < MOST)):
                ranks |= free
            if kept[phase]:  # none of them may be passed over
                ranks[kept[phase][0][0] + 1 :] = False
                ranks[kept[phase][0][0]] = True
            if not later:
                ranks[: state.last + 1] = False
            ranks &= self._enough(state, table, phase, kept, free)
            for role in (role for role in ROLES if _PHASES[role] == phase):
                some = ranks
                if kept[phase] and kept[phase][0][1] != role:
                    some = ranks.copy()
                    some[kept[phase][0][0]] = False
                found.append(table.ids[role][some])
        if state.phase == _FINISH and not state.left and state.n >= self.rules.min_holds:
            found.append(np.array([self._eos]))
        return np.concatenate(found) if found else np.array([], np.int64)

    def _enough(
        self, state: _State, table: _Table, phase: int, kept: list[list[Key]], free: np.ndarray
    ) -> np.ndarray | bool:
        """[placements] whether the route can still get min_holds if this one comes next (True: all).

        After a start anything can: all placements can follow, from the lowest up. After a middle hold or a foot only
        those above it can be such, and as many of those below as there are finishes to choose.
        """
        if phase == _START:
            return True
        finishes = len(kept[_FINISH])
        if phase == _BODY:
            able = free.copy()
            able[[rank for rank, _ in kept[_BODY]]] = True
            up_to = np.cumsum(able)
            above, below = up_to[-1] - up_to, up_to - able
            most = state.n + 1 + finishes + above + np.minimum(MOST - finishes, below)
        else:
            after = np.full(table.size, finishes)
            for rank, _ in kept[_FINISH]:
                after[rank] -= 1
            up_to = np.cumsum(free)
            another = (state.counts[_FINISH] + 1 + after < MOST) & (up_to[-1] > up_to)
            most = state.n + 1 + after + another
        return most >= self.rules.min_holds

    def _refused(self, row: list[int], i: int) -> ValueError:
        """What a row that cannot be has at a position."""
        names = [self.tokenizer.names[t] if 0 <= t < self.tokenizer.vocab_size else str(t) for t in row]
        return ValueError(
            f"{names[i]} cannot come at position {i} of {' '.join(names)}: a prompt is {BOS}, board, angle, grade, and "
            "holds in canonical order (give others as `required`)"
        )


def _checked(required: Sequence[Hold], board: Board, table: _Table) -> frozenset[Key]:
    """Required holds as the grammar has them.

    Raises:
        ValueError: for what cannot be in one route.
    """
    holds = canonical(required, board)
    if len({hold.placement for hold in holds}) < len(holds):
        raise ValueError(f"the required holds have a placement twice: {', '.join(map(str, holds))}")
    for role in ("start", "finish"):
        if (n := sum(hold.role == role for hold in holds)) > MOST:
            raise ValueError(f"a route has at most {MOST} holds to {role}, {n} are required")
    return frozenset((table.rank[hold.placement], hold.role) for hold in holds)
