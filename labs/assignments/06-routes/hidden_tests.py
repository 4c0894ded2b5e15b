"""The hidden tests of assignment 6, one per graded function; labkit.grading.assignment.grade runs them.

What is right comes from `labkit.routes` (its tokenizer, its grammar, its index), which works otherwise, and from small
sums done here. Later functions call earlier ones; so, while one is tested, right ones stand in for the others, and one
mistake loses one function's points. Messages are for the learner.
"""

import copy
import math
import random
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from labkit.grading.assignment import WrongAnswerError, agree, attempt, compare
from labkit.grading.hidden import expect, expect_refusal, on_its_own, other_than, whole_numbers
from labkit.routes import ROLES, Board, BoardConfig, Hold, Placement, Route, Window, difficulties, v_grade
from labkit.routes.grammar import Grammar
from labkit.routes.novelty import NoveltyIndex
from labkit.routes.rules import Rules
from labkit.routes.tokens import EOS, RouteTokenizer, canonical

Namespace = MutableMapping[str, Any]
Function = Callable[..., Any]
Pair = tuple[int, str]
Places = Mapping[int, tuple[float, float]]
Mistakes = Iterator[tuple[Any, str]]
"""What known mistakes give, each with the sentence about it."""

# Equal heights, two holds at one place, numbers that do not go up; and a wall that is soon used up.
ELM = {1: (0, 9), 2: (8, 9), 31: (4, 2), 14: (4, 2), 5: (0, 2), 6: (9, 30), 107: (12, 0), 8: (4, 30)}
WALLS: dict[str, Places] = {"ELM": ELM, "K2": {4: (0, 0), 2: (0, 5), 9: (5, 5)}}


def _board(key: str, places: Places, twins: Mapping[int, int] | None = None) -> Board:
    config = BoardConfig(key, key, 1, {r: n for n, r in enumerate(ROLES)}, 50, Window(-99, -99, 99, 99), bool(twins))
    return Board(config, [Placement(p, x, y, (twins or {}).get(p)) for p, (x, y) in places.items()])


BOARDS = {key: _board(key, places) for key, places in WALLS.items()}
TOKENIZER = RouteTokenizer(BOARDS.values())
NAMES, IDS = list(TOKENIZER.names), dict(TOKENIZER.ids)


def test_canonical(canonical_: Function, namespace: Namespace) -> None:
    """Random holds in random order: roles in conflict with heights, equal heights, equal places."""
    rng, orders = random.Random(1), list(_orders())
    for n in [8] * 40 + [0, 1, 2, 3]:
        holds = [(placement, rng.choice(ROLES)) for placement in rng.sample(list(ELM), n)]
        call = f"canonical({holds}, {ELM})"
        expected = list(map(tuple, canonical((Hold(*hold) for hold in holds), BOARDS["ELM"])))
        given = list(holds)
        with _alone(namespace):
            got = attempt(call, canonical_, given, dict(ELM))
        _unchanged(call, (given, holds))
        orders = [order for order in orders if sorted(holds, key=order[0]) == got]  # what explains all answers so far
        why = "parts first (start; middle and foot; finish), then height, then left to right, then the placement."
        if not isinstance(got, list):
            raise other_than(call, got, "a list of pairs (placement, role)")
        expect(call, got, expected, why, [(got, sentence) for _, sentence in orders])


def test_encode_route(encode_route: Function, namespace: Namespace) -> None:
    """Both boards, with and without a grade, grades and angles of one digit and two; what the vocabulary lacks."""
    cases = [("ELM", 40, 6, [(8, "finish"), (1, "foot"), (31, "start"), (14, "middle"), (2, "middle")])]
    cases += [("K2", 5, 10, [(9, "finish"), (4, "start")]), ("K2", 0, 0, [(2, "start"), (9, "foot"), (4, "finish")])]
    for board, angle, grade, holds in [*cases, ("ELM", 50, 16, [(6, "finish"), (5, "start"), (1, "start")])]:
        for how in ((), (True,), (False,)):
            told = how != (False,)
            route = {"board": board, "angle": angle, "grade": grade if told or angle == 40 else None, "holds": holds}
            call = f"encode_route({route}, ids, boards{'' if told else ', with_grade=False'})"
            whole = Route(board, angle, tuple(Hold(*hold) for hold in holds), difficulties(grade)[0])
            right = TOKENIZER.encode_route(whole, grade=told)
            given = copy.deepcopy(route)
            with _alone(namespace, canonical=_canonical):
                got = whole_numbers(call, attempt(call, encode_route, given, dict(IDS), copy.deepcopy(WALLS), *how))
            _unchanged(call, (given, route))
            as_given, n = [IDS[f"<{board}_p{p}_{role}>"] for p, role in holds], len(right) - len(holds) - 1
            likely = [
                (right[:-1], "<EOS> is missing at the end."),
                (right[1:], "<BOS> is missing at the beginning."),
                ([*right[:n], *as_given, right[-1]], "the holds are in the order given; canonical puts them in order."),
                (right[:3] + right[4:], "the grade is missing; it is left out only with with_grade=False."),
                (TOKENIZER.encode_route(whole), "with_grade=False leaves the grade out: a reader would look it up."),
            ]
            expect(call, got, right, f"it is {' '.join(NAMES[i] for i in right)}.", likely)
    ends = [(9, "start"), (4, "finish")]
    holds_of_others = (("holds", [*ends, (77, "foot")], "p77_"), ("holds", [*ends, (31, "middle")], "p31_"))
    for key, value, name in (*holds_of_others, ("angle", 42, "42"), ("board", "MOON", "MOON"), ("grade", 17, "17")):
        route = {"board": "K2", "angle": 40, "grade": 3, "holds": ends} | {key: value}
        with _alone(namespace, canonical=_canonical):
            arguments = route, dict(IDS), copy.deepcopy(WALLS)
            expect_refusal(f"encode_route({route}, ids, boards)", encode_route, arguments, [name])


def test_decode_route(decode_route: Function, namespace: Namespace) -> None:
    """Whole, unfinished and padded routes, with a grade, without, with <GRADE_ANY>; tokens that have no place there."""
    elm, k2 = "<BOS> <BOARD_ELM> <ANGLE_40>", "<BOS> <BOARD_K2> <ANGLE_5>"
    texts = [f"{elm} <GRADE_V6> <ELM_p31_start> <ELM_p5_foot> <ELM_p1_middle> <ELM_p8_finish> <EOS>", elm]
    texts += [f"{k2} <GRADE_V16> <K2_p4_start> <K2_p9_finish> <EOS> <PAD> <PAD>", f"{k2} <K2_p9_start>"]
    texts += [f"{elm} <ELM_p107_start> <ELM_p6_finish> <EOS>", f"{elm} <GRADE_ANY> <ELM_p2_start>"]
    texts += [f"{elm} <GRADE_V0>", f"{k2.replace('5', '0')} <GRADE_V10> <K2_p9_middle> <K2_p2_foot>"]
    for text in texts:
        call, tokens = f"decode_route of {text}", [IDS[name] for name in text.split()]
        route = TOKENIZER.decode_route(tokens)
        grade = None if route.difficulty is None else v_grade(route.difficulty)
        holds = [tuple(hold) for hold in route.holds]
        right = {"board": route.board, "angle": route.angle, "grade": grade, "holds": holds}
        hint = "names and numbers have any length; a grade, a hold, <EOS> and padding may be there or not."
        with _alone(namespace):
            got = attempt(call, decode_route, list(tokens), list(NAMES), hint=hint)
        if not isinstance(got, dict) or set(got) != set(right):
            raise other_than(call, got, "a dict with board, angle, grade and holds")
        likely = [
            ({"holds": holds[1:]}, "the first hold is missing: without a grade, holds begin one token earlier."),
            ({"holds": holds[:-1]}, "the last hold is missing: an unfinished route has no <EOS> yet."),
            ({"grade": grade and grade % 10}, "a grade has one digit or two."),
        ]
        why = "ints for angle, grade (without one, and for ANY, None) and placements; holds as the tokens come."
        expect(call, got, right, why, [(right | part, sentence) for part, sentence in likely])
    for text, name in (
        (f"{k2} <K2_p9_start> <ELM_p1_foot> <K2_p2_finish> <EOS>", "ELM_p1_foot"),
        (f"{elm} <GRADE_V3> <ELM_p8_start> <PAD> <ELM_p1_finish>", "PAD"),
    ):
        arguments = [IDS[name] for name in text.split()], list(NAMES)
        with _alone(namespace):
            expect_refusal(f"decode_route of {text}", decode_route, arguments, [name])


def test_legal_mask(legal_mask: Function, namespace: Namespace) -> None:
    """Every step of random routes by the package's grammar; room for two to many holds, walls that are used up."""
    rng = random.Random(3)
    grammars = {most: Grammar(TOKENIZER, Rules(2, most)) for most in (2, 3, 4, 40)}
    liked = (("middle", "foot"), ("finish",), ("start",), ROLES)
    runs = [(board, most) for board in ("K2", "ELM") for most in (40, 40, 40, 4, 3, 2)]
    for number, (board, most) in enumerate(runs):
        tokens = TOKENIZER.prompt(board, 40, number)
        while tokens[-1] != IDS["<PAD>"]:
            allowed = set(grammars[most].allowed(tokens).tolist())
            given = tokens[:3] + tokens[4:] if number % 3 == 2 else list(tokens)  # with the grade, and without
            call = f"legal_mask of {' '.join(NAMES[i] for i in given)}, max_holds={most}"
            with _alone(namespace, canonical=_canonical, decode_route=_decode):
                got = attempt(call, legal_mask, given, list(NAMES), copy.deepcopy(WALLS), most)
            if got is None or np.shape(got) != (len(NAMES),) or np.asarray(got).dtype != bool:
                raise other_than(call, got, f"an array of {len(NAMES)} bool, one for each token,")
            mask = set(np.flatnonzero(got).tolist())
            for token in sorted(mask ^ allowed):
                verb = "allows {}, which may not come" if token in mask else "forbids {}, which may come"
                reason = _about(token, _decode(tokens, NAMES)["holds"], board, most, ended=IDS[EOS] in tokens)
                raise WrongAnswerError(f"{call}\n    {verb.format(NAMES[token])}: {reason}")
            held = {i: hold[1] for i in sorted(allowed) if (hold := TOKENIZER.holds[i])}
            low = sorted(held, key=lambda i: WALLS[board][held[i].placement][1])
            low = [i for i in low if held[i].role in liked[number % 4]]
            tokens.append(low[0] if low and rng.random() < 0.8 else rng.choice(sorted(allowed)))


def test_sample_token(sample_token: Function, namespace: Namespace) -> None:
    """Illegal tokens that are the likeliest, ties, k from 1 to beyond what is legal, temperatures, huge logits."""
    some, ties = [2.0, -1.0, 0.5, 1.5, 1.0, -3.0], [0.0, 4.0, 1.0, 1.0, 1.0, 1.0]
    cases: list[tuple[list[float], list[int], int, float]] = [(some, [], 3, 1.0), (some, [0], 3, 1.0)]
    cases += [(some, [0, 3, 4], 2, 1.0), (some, [0, 2, 3, 4], 1, 1.0), (some, [0, 2, 3, 4], 5, 0.7)]
    cases += [(some, [3], 4, 0.5), (some, [0], 3, 3.0), (some, [0], 3, 0), (some, [], 1, 0), (ties, [1], 2, 1.0)]
    cases += [(ties, [1], 2, 0), ([1.0] * 9, [0, 5], 3, 2.0), ([3000.0, 1001.0, 1000.0, -2000.0], [0], 2, 1.0)]
    cases += [([-4000.0, -4001.0, 3.0], [2], 2, 1.0), ([-5.0, 0.0, -4.0, -6.0], [1], 2, 2.0)]
    for numbers, illegal, k, temperature in cases:
        legal = [i not in illegal for i in range(len(numbers))]
        call = f"sample_token({numbers}, illegal: {illegal or 'none'}, k={k}, temperature={temperature})"
        logits, mask, rng = np.array(numbers), np.array(legal), np.random.default_rng(len(numbers))
        drawn: list[tuple[list[float], Any]] = []

        def draw(p: Any, rng: Any, drawn: Any = drawn) -> int:
            drawn.append((np.asarray(p, float).tolist(), rng))
            return max((i for i, x in enumerate(p) if x > 0), default=0)

        with _alone(namespace, draw=draw):
            got = attempt(call, sample_token, logits, mask, k, temperature, rng)
        if not isinstance(got, (int, np.integer)):
            raise other_than(call, got, "the id of a token, an int,")
        _unchanged(call, (logits.tolist(), numbers), (mask.tolist(), legal))
        order = sorted((i for i in range(len(numbers)) if legal[i]), key=lambda i: (-numbers[i], i))
        if temperature == 0:
            compare(call, int(got), order[0], "it is the largest of the legal logits, the lowest id of equal ones.")
            continue
        if len(drawn) != 1 or drawn[0][1] is not rng or len(drawn[0][0]) != len(numbers):
            raise WrongAnswerError(f"{call}\n    call draw once, with a probability for each token and the rng given.")
        p, right = drawn[0][0], _probabilities(numbers, order[:k], temperature)
        likely = [] if agree(p, right, 1e-7) else list(_missampled(numbers, legal, k, temperature))
        why = "first the mask, then the k largest, then the temperature and a softmax over what was kept."
        why = why if abs(sum(p) - 1) < 1e-6 else f"they add up to {sum(p):.3f}, not 1: the softmax comes last."
        why = "a logit that may not come is -inf, and never drawn." if any(p[i] > 0 for i in illegal) else why
        why = why if sum(p) >= 0 else "exp overflows above 709: take the largest kept score from all of them first."
        expect(f"the probabilities of {call}", p, right, why, likely, tolerance=1e-7)
        compare(f"{call}, when {draw(p, rng)} was drawn", int(got), draw(p, rng), "it is what draw returns.")


class _Watched(list[set[int]]):
    """Known routes that remember which of them were looked at."""

    seen: frozenset[int] = frozenset()

    def __getitem__(self, number: Any) -> Any:
        found = range(len(self))[number]
        self.seen |= {found} if isinstance(found, int) else set(found)
        return super().__getitem__(number)

    def __iter__(self) -> Iterator[set[int]]:
        return (self[number] for number in range(len(self)))


def test_nearest_route(nearest_route: Function, namespace: Namespace) -> None:
    """Copies, ties, new holds, none, mirror images; thirty random routes among forty, by the package's index."""
    rng = random.Random(5)
    twins = {p: (p + 10) % 20 for p in range(20)} | {20: 20, 21: 21}
    board = _board("ELM", {p: (p, p) for p in range(26)}, twins)
    known = [set(rng.sample(range(26), rng.choice((1, 2, 3, 5, 8, 12)))) for _ in range(40)] + [{90}, {0, 1, 2}, {90}]
    queries = [set(), {70}, {90}, {90, 91}, {0, 1, 2}, {10, 11, 12}, {10, 11, 12, 20}, {10, 11, 12, 22}, {13}, known[7]]
    queries += [set(rng.sample(range(26), rng.randrange(1, 9))) for _ in range(30)]
    index = {hold: [n for n, used in enumerate(known) if hold in used] for hold in set().union(*known)}
    plain, both = (NoveltyIndex(map(_as_route, known), boards) for boards in ((), (board,)))
    scan = ""
    for holds, turned in [(holds, turned) for holds in queries for turned in (False, True)]:
        call = f"nearest_route({holds or 'set()'}, {len(known)} routes, their index{', twins' if turned else ''})"
        watched, given, own = _Watched([set(used) for used in known]), copy.deepcopy(index), set(holds)
        hint = "nobody may use a hold: index.get(hold, []). A hold may have no twin, and a route no hold."
        with _alone(namespace):
            got = attempt(call, nearest_route, own, watched, given, *([dict(twins)] if turned else []), hint=hint)
        if not isinstance(got, (tuple, list)) or len(got) != 2:
            raise other_than(call, got, "a pair (similarity, number)")
        over = {twins[hold] for hold in holds} if turned and holds <= twins.keys() else holds
        near = {number for number, used in enumerate(known) if used & (holds | over)}
        if seen := watched.seen - near:
            scan = scan or f"{call}\n    looked at {len(seen)} routes that share no hold with it"
        _unchanged(call, (given, index), (own, holds), (list(watched), known))
        found = (both if turned else plain).nearest(_as_route(holds))
        right = (found.similarity, found.number)
        likely = [] if agree(got, right) else list(_misjudged(holds, known, twins if turned else None))
        why = "shared holds over all holds of either, new ones too; the lowest number of those equally near."
        expect(call, tuple(got), right, why, likely)
    if scan:  # last, since the answers of whoever looks at all are right
        raise WrongAnswerError(f"{scan}: take the numbers from the index, and look at no others.")


def test_perplexity(perplexity: Function, namespace: Namespace) -> None:
    """One route and many, long and short ones, prompts of one to four tokens; padding that is -inf, nan or likely."""
    rng = np.random.default_rng(6)
    cases = [([4, 9, 5], 3, 0, -0.01), ([6, 4, 12], 3, 9, -9.0), ([6, 5], 4, 0, 0.0), ([3], 1, 0, 0.0)]
    cases += [([8, 3], 2, 7, -math.inf), ([3, 10, 6], 2, 0, math.nan), ([900, 30], 4, 0, -0.5)]
    for lengths, prompt, pad, filler in cases:
        tokens = rng.integers(10, 60, (len(lengths), max(lengths)))
        losses = rng.uniform(0.1, 5.0, tokens.shape)
        for row, n in enumerate(lengths):
            tokens[row, n - 1], tokens[row, n:], losses[row, n:] = 3, pad, -filler
        call = f"perplexity of routes of {lengths} tokens, prompt_length={prompt}, log_probs {filler} at padding"
        given = -losses, tokens.copy()
        with _alone(namespace):
            got = attempt(call, perplexity, *given, prompt, pad)
        if not isinstance(got, (float, np.floating)):
            raise other_than(call, got, "a float")
        _unchanged(call, (repr(given[0].tolist()), repr((-losses).tolist())), (given[1].tolist(), tokens.tolist()))
        right = math.exp(np.concatenate([losses[row, prompt:n] for row, n in enumerate(lengths)]).mean())
        why = "the mean is over all tokens between prompt and padding, <EOS> with them."
        why = why if math.isfinite(got) else "choose what counts; inf times 0 is nan, and long products underflow."
        expect(call, float(got), right, why, list(_misweighed(losses, lengths, prompt)), tolerance=1e-7)


# -- right ones, and known mistakes


def _alone(namespace: Namespace, **right: Function) -> AbstractContextManager[None]:
    right["hold_name"] = lambda board, hold: f"<{board}_p{hold[0]}_{hold[1]}>"
    return on_its_own(namespace, ("labkit.routes", "labkit.sampling"), **right)


def _unchanged(call: str, *pairs: tuple[Any, Any]) -> None:
    if any(after != before for after, before in pairs):
        raise WrongAnswerError(f"{call}\n    changed what it was given: leave it as it was, and make something new.")


def _canonical(holds: Sequence[Pair], positions: Places) -> list[Pair]:
    parts = {"start": 0, "middle": 1, "foot": 1, "finish": 2}
    return sorted(holds, key=lambda hold: (parts[hold[1]], *positions[hold[0]][::-1], hold[0]))


def _decode(tokens: Sequence[int], names: Sequence[str]) -> dict[str, Any]:
    words = [names[i][1:-1] for i in tokens]
    grade = next((int(word[7:]) for word in words if word.startswith("GRADE_V")), None)
    holds = [(int(word.split("_")[1][1:]), word.split("_")[2]) for word in words if word.endswith(ROLES)]
    return {"board": words[1][6:], "angle": int(words[2][6:]), "grade": grade, "holds": holds}


def _orders() -> Mistakes:
    left = "of holds of equal height the one on the left comes first"
    for parts, rest, sentence in (
        ((0, 2, 1, 3), lambda x, y, p: (y, x, p), "feet and middle holds are one part; here all feet come before."),
        ((0, 1, 2, 3), lambda x, y, p: (y, x, p), "feet and middle holds are one part; here all feet come after."),
        ((0, 1, 1, 1), lambda x, y, p: (y, x, p), "the finishes stand among the middle holds; they come last."),
        ((0, 0, 0, 0), lambda x, y, p: (y, x, p), "sorted by height alone; starts come first and finishes last."),
        ((0, 1, 1, 2), lambda x, y, p: (y, p), f"{left}; here it is the lower number."),
        ((0, 1, 1, 2), lambda x, y, p: (y, -x, p), f"{left}; here it is the one on the right."),
        ((0, 1, 1, 2), lambda x, y, p: (y, x), "two holds may be at one place; then the lower number comes first."),
        ((0, 1, 1, 2), lambda x, y, p: (y,), f"{left}; here they stay in the order given."),
        ((0, 1, 1, 2), lambda x, y, p: (x, y, p), "height comes first, and left to right only where it is equal."),
        ((0, 1, 1, 2), lambda x, y, p: (-y, x, p), "from bottom to top; here it is from top to bottom."),
    ):
        part = dict(zip(("start", "middle", "foot", "finish"), parts, strict=True))
        yield lambda hold, part=part, rest=rest: (part[hold[1]], *rest(*ELM[hold[0]], hold[0])), sentence


def _about(token: int, holds: Sequence[Pair], board: str, most: int, ended: bool) -> str:
    """What the rules say about a token that is allowed though it may not come, or forbidden though it may."""
    entry = TOKENIZER.holds[token]
    if ended or NAMES[token] == "<PAD>":
        return "after <EOS> comes <PAD>, and nothing else."
    if entry is None or entry[0] != board:
        return "a route may end once it has a finish." if token == IDS[EOS] else f"it is no hold of {board}."
    (placement, role), roles = entry[1], [role for _, role in holds]
    longer, room = [*holds, (placement, role)], min(most, len(WALLS[board])) - len(holds)
    against = {
        "this placement is in the route already; its role does not matter.": placement in dict(holds),
        "a route begins with a start.": not holds and role != "start",
        f"two holds to {role} are the most.": role in ("start", "finish") and roles.count(role) == 2,
        "in canonical order it comes before one that is there already.": _canonical(longer, WALLS[board]) != longer,
        f"a route has at most {most} holds.": len(longer) > most,
        "then there is no room for a finish, and no way to end.": role != "finish" and room < 2,
    }
    found = (reason for reason, true in against.items() if true)
    return next(found, "every rule lets it come: each part begins at the bottom, and an ending can be reached.")


def _probabilities(numbers: Sequence[float], kept: Sequence[int], temperature: float) -> list[float]:
    largest = max((numbers[i] for i in kept), default=0.0)
    weights = [math.exp((numbers[i] - largest) / temperature) if i in kept else 0.0 for i in range(len(numbers))]
    return [weight / (sum(weights) or 1.0) for weight in weights]


def _missampled(numbers: Sequence[float], legal: Sequence[bool], k: int, temperature: float) -> Mistakes:
    masked = np.multiply(numbers, legal)
    first, zeros = (np.argsort(-np.array(z), kind="stable").tolist() for z in (numbers, masked))
    best = [i for i in first if legal[i]]
    ties = "of equal logits the lower id ranks higher"
    for scores, kept, divisor, sentence in (
        (masked, zeros[:k], temperature, "a logit of 0 is a logit; -inf is none."),
        (numbers, first[:k], temperature, "nothing is masked: illegal tokens are drawn."),
        (numbers, [i for i in first[:k] if legal[i]], temperature, "the mask comes before the k largest, not after."),
        (numbers, [i for i in best if numbers[i] >= numbers[best[:k][-1]]], temperature, f"more than {k}: {ties}."),
        (numbers, sorted(best, key=lambda i: (-numbers[i], -i))[:k], temperature, f"{ties}; here it is the higher."),
        (numbers, best[:k], 1 / temperature, "the temperature divides; here it multiplies."),
        (numbers, best[:k], 1.0, "the temperature has no effect; it divides logits, before the softmax."),
        (numbers, best, temperature, f"all legal tokens are kept, not {k}."),
    ):
        yield _probabilities(scores, kept, divisor), sentence


def _as_route(holds: set[int]) -> Route:
    return Route("ELM", 40, tuple(Hold(hold, "middle") for hold in sorted(holds)))


def _misjudged(holds: set[int], known: Sequence[set[int]], twins: Mapping[int, int] | None) -> Mistakes:
    def best(*images: set[int], either: Function = lambda a, b: len(a | b), sign: int = -1) -> tuple[float, int | None]:
        found = [(len(a & b) / either(a, b), sign * n) for a in images for n, b in enumerate(known) if a & b]
        return (max(found)[0], abs(max(found)[1])) if found else (0.0, None)

    over = {twins[hold] for hold in holds} if twins and holds <= twins.keys() else holds
    some = {twins[hold] for hold in holds if hold in twins} if twins else holds
    similarity, number = best(holds) if best(holds)[0] >= best(over)[0] else best(over)
    yield best(holds, over, either=lambda a, b: len(a) + len(b)), "shared holds count once among the holds of either."
    yield best(holds, over, either=lambda a, b: len(a)), "divide by the holds of either, not by those of the new one."
    yield (1 - similarity, number), "this is the distance; similarity is 1 for a copy."
    yield best(holds, over, sign=1), "of routes that are equally near the lowest number counts."
    yield best(holds), "with twins the route is looked for turned over too."
    yield best(over), "turned over counts only if it is nearer than the route as it is."
    yield best(holds, some), "a route with a hold that has no twin has no mirror image."
    if (number := best(holds, either=lambda a, b: 1)[1]) is not None:
        nearness = len(holds & known[number]) / len(holds | known[number])
        yield (nearness, number), "the route that shares the most holds may have many others; go by similarity."


def _misweighed(losses: Any, lengths: Sequence[int], prompt: int) -> Mistakes:
    def counted(first: int, behind: int = 0) -> Any:
        return np.concatenate([losses[row, first : end + behind] for row, end in enumerate(lengths)])

    right, each = counted(prompt), [losses[row, prompt:end].mean() for row, end in enumerate(lengths)]
    for loss, sentence in (
        (losses[:, prompt:].mean(), "padding is counted; it was not predicted."),
        (counted(0).mean(), "the prompt is counted; it was given, not predicted."),
        (counted(prompt, -1).mean(), "<EOS> counts: when to end is predicted too."),
        (counted(prompt + 1).mean(), "the first token behind the prompt counts."),
        (np.log(np.exp(each).mean()), "a mean of perplexities: take the mean loss first, and exp once."),
        (np.mean(each), "every route counts the same here; every token has to."),
        (np.log(right.mean()), "this is the mean loss, still in nats; take exp of it."),
        (-right.mean(), "the sign: a loss is the negative logarithm."),
        (right.mean() * np.log(2), "2 to the power of nats; natural logarithms go with exp."),
        (-np.log(np.exp(-right).mean()), "take the mean of the logarithms, not of the probabilities."),
        (right.sum(), "the sum of the losses; the mean is needed."),
        (right.sum() / len(lengths), "divided by the number of routes; divide by that of the tokens."),
    ):
        if loss < 700:
            yield math.exp(loss), sentence
