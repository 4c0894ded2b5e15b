"""The hidden tests of assignment 5, one per graded function; labkit.grading.assignment.grade runs them.

Each gets the learner's function and the notebook's namespace. What is right comes from `labkit.tokenizers`, and from
small cases worked out by hand. Later functions call earlier ones; so, while one is tested, right ones stand in for
the others, and one mistake loses one function's points. Messages are for the learner.
"""

import random
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, MutableMapping, Sequence
from contextlib import AbstractContextManager
from itertools import islice
from typing import Any

from labkit.data import load_text
from labkit.grading.assignment import WrongAnswerError, attempt, compare
from labkit.grading.hidden import expect, expect_refusal, likely_mistake, on_its_own, other_than, whole_numbers
from labkit.tokenizers import BPETokenizer
from labkit.tokenizers.merges import learn_merges, learn_merges_naive
from labkit.tokenizers.merges import merge as merge_of_the_package
from labkit.tokenizers.patterns import count_chunks, splitter

Namespace = MutableMapping[str, Any]
Function = Callable[..., Any]
Pair = tuple[int, int]

CUT = splitter("gpt4")
SCRIPTS = ["café naïve", "שלום עולם", "你好你好", "a\N{ROCKET}\N{ROCKET} b"]
"""Texts of two, three and four bytes a character."""
MERGES: list[Pair] = [(104, 105), (32, 256), (60, 124), (256, 33)]
"""hi, " hi", <|, hi!: what `encode_special` is tested with."""


def test_pair_counts(pair_counts: Function, namespace: Namespace) -> None:
    """Runs of one id, chunks of none and one, chunks that meet at a border, counts of up to 99."""
    rng = random.Random(1)
    cases: list[tuple[list[tuple[list[int], int]], dict[Pair, int] | None]] = [
        ([([97, 97, 97, 97], 1)], {(97, 97): 3}),
        ([([5], 7), ([], 2)], {}),
        ([], {}),
        ([([0, 1], 1), ([2, 3], 1)], {(0, 1): 1, (2, 3): 1}),
        ([([4, 3], 3), ([1, 2, 1], 2), ([3, 4], 10)], {(4, 3): 3, (1, 2): 2, (2, 1): 2, (3, 4): 10}),
        ([([9, 8, 9, 8], 5), ([8, 9], 1)], {(9, 8): 10, (8, 9): 6}),
    ]
    for _ in range(6):
        cases.append(([(rng.choices(range(4), k=rng.randrange(9)), rng.randrange(1, 99)) for _ in "1234"], None))
    for chunks, by_hand in cases:
        call = f"pair_counts({chunks})"
        expected = _pair_counts(chunks) if by_hand is None else by_hand
        given = [(list(ids), count) for ids, count in chunks]
        with _alone(namespace):
            got = attempt(call, pair_counts, given)
        if not isinstance(got, dict):
            raise other_than(call, got, "a dict")
        compare(f"the chunks after {call}", given, chunks, "leave them as they were.")
        pairs = [(_neighbours(ids), count) for ids, count in chunks]
        line = [token for ids, _ in chunks for token in ids]
        likely = [
            (_counted((found, 1) for found, _ in pairs), "a chunk that comes n times counts n times."),
            (_counted((_apart(ids), n) for ids, n in chunks), "pairs that overlap all count: 7 7 7 has 7 7 twice."),
            (_counted((set(found), n) for found, n in pairs), "a chunk may have the same pair many times."),
            (_counted([(_neighbours(line), 1)]), "no pair reaches from one chunk into the next."),
            (_counted((((min(p), max(p)) for p in found), n) for found, n in pairs), "1, 2 is another pair than 2, 1."),
        ]
        expect(call, dict(got), expected, "the count of a chunk goes to the pair at each place in it.", likely)
        why = "the counts are right, but pairs have to be in the order in which they first come; train goes by it."
        compare(f"the order of {call}", list(got), list(expected), why)


def test_merge(merge: Function, namespace: Namespace) -> None:
    """Runs of one id, pairs at both ends, next to each other, nowhere and turned round; id 0; random lists."""
    rng = random.Random(2)
    cases: list[tuple[list[int], Pair, int, list[int]]] = [
        ([1, 2, 3, 1, 2], (1, 2), 9, [9, 3, 9]),
        ([7] * 4, (7, 7), 256, [256, 256]),
        ([7] * 5, (7, 7), 256, [256, 256, 7]),
        ([0, 0, 0, 1], (0, 0), 300, [300, 0, 1]),
        ([], (1, 2), 9, []),
        ([2, 1, 2, 1], (1, 2), 9, [2, 9, 1]),
        ([3, 1], (1, 2), 9, [3, 1]),
        ([112, 3, 1, 123], (1, 12), 9, [112, 3, 1, 123]),
    ]
    for _ in range(200):
        ids, pair = rng.choices(range(3), k=rng.randrange(12)), (rng.randrange(3), rng.randrange(3))
        cases.append((ids, pair, 256, merge_of_the_package(ids, pair, 256)))
    for ids, pair, token, expected in cases:
        call = f"merge({ids}, {pair}, {token})"
        given = list(ids)
        with _alone(namespace):
            got = attempt(call, merge, given, pair, token, hint="the last id has nobody after it.")
        if given != ids:
            raise WrongAnswerError(f"{call}\n    changed the list that it was given: make a new one.")
        got = whole_numbers(call, got)
        hits = [at for at, found in enumerate(_neighbours(ids)) if found == pair]
        twice = [token if at in hits else old for at, old in enumerate(ids)]
        shared = [new for at, new in enumerate(twice) if at in hits or at - 1 not in hits]
        backwards = merge_of_the_package(ids[::-1], (pair[1], pair[0]), token)[::-1]
        likely = [
            (_merged(ids, [pair], token, 1), "only the first place is merged; all of them have to be."),
            (backwards, "this is from right to left; of places that overlap the left one is merged."),
            (twice, "the right part of the pair is still there: after a merge go on two places further."),
            (shared, "an id that one merge has used up is used again: after a merge go on two places further."),
            (_merged(ids, [pair, (pair[1], pair[0])], token), "the pair was merged where it stands turned round too."),
            (expected[:-1], "the last id is lost: it has nobody after it, but it stays."),
            (ids, "nothing was merged."),
        ]
        expect(call, got, expected, "from left to right, each place of the pair becomes one token.", likely)


def test_train(train: Function, namespace: Namespace) -> None:
    """Ties, runs, chunks that come often, borders of chunks, other scripts, too little text; 3,000 characters."""
    cases: list[tuple[str, int, list[Pair] | None]] = [
        ("cab ab", 257, [(97, 98)]),
        ("dc ba", 257, [(100, 99)]),
        ("xyzxyz", 258, [(120, 121), (256, 122)]),
        ("aaaa", 258, [(97, 97), (256, 256)]),
        ("bcbc de de de", 258, [(32, 100), (256, 101)]),
        ("of it of it of it", 259, [(111, 102), (32, 105), (257, 116)]),
        ("x", 300, []),
        ("", 260, []),
        ("abcabc", 256, []),
        ("ab", 258, [(97, 98)]),
        *((text, 264, None) for text in SCRIPTS),
        (load_text("python-topics").train[:3000], 310, None),
    ]
    for text, vocab_size, by_hand in cases:
        n = vocab_size - 256
        call = f"train({repr(text) if len(text) < 30 else f'a text of {len(text):,} characters'}, {vocab_size})"
        learned = islice(learn_merges_naive(count_chunks(text, "gpt4")), n)
        expected = [(step.left, step.right) for step in learned] if by_hand is None else by_hand
        hint = "there may be no pair left, and then no more merges." if len(expected) < n else ""
        with _alone(namespace, pair_counts=_pair_counts, merge=_merge):
            got = attempt(call, train, text, vocab_size, hint=hint)
        if not isinstance(got, (list, tuple)) or not all(isinstance(p, (list, tuple)) and len(p) == 2 for p in got):
            raise other_than(call, got, "a list of pairs")
        got = [tuple(pair) for pair in got]
        for odd, sentence in MISTRAINED if got != expected else ():
            if got == _trained(**{"text": text, "n": n} | odd):
                raise likely_mistake(call, got, expected, sentence)
        why = "it is the most frequent pair after the merges before it; of equals the one that comes first in the text."
        for i, (pair, right) in enumerate(zip(got, expected, strict=False)):
            compare(f"{call}: merge {i}, which makes token {256 + i}", pair, right, why)
        why = "there are as many merges as were asked for, or as many as there are pairs for; one place is enough."
        compare(f"the number of merges of {call}", len(got), len(expected), why)


def test_encode(encode: Function, namespace: Namespace) -> None:
    """Merges in conflict, made by hand; then 120 learned ones, on unseen lines and in other scripts."""
    a, b, c, d, e, space = b"abcde "
    cases: list[tuple[str, list[Pair], list[int] | None]] = [
        ("acac", [(a, c), (c, a), (a, 257), (257, c)], [256, 256]),
        ("abb", [(b, b), (a, b), (257, b)], [a, 256]),
        ("abcde", [(c, d), (a, b), (257, c), (258, d), (259, e)], [257, 256, e]),
        ("ababab", [(a, b), (256, 256)], [257, 256]),
        ("aaa", [(a, a)], [256, a]),
        ("cdab", [(a, b), (c, d), (256, 257)], [257, 256]),
        ("cd", [(a, b), (c, d)], [257]),
        ("bab ab", [(b, space), (space, a), (a, b)], [b, 258, 257, b]),
        ("", [(a, b)], []),
        ("e", [], [e]),
    ]
    text = load_text("python-topics")
    learned = [(step.left, step.right) for step in islice(learn_merges(count_chunks(text.train[:8000], "gpt4")), 120)]
    lines = [line[:60] for line in text.validation[:3000].splitlines() if line.strip()][:25]
    cases += [(line, learned, None) for line in [*lines, *SCRIPTS]]
    for line, merges, by_hand in cases:
        call = f"encode({line!r}, {'120 merges' if merges is learned else merges})"
        expected = BPETokenizer(tuple(merges)).encode(line) if by_hand is None else by_hand
        with _alone(namespace, pair_counts=_pair_counts, merge=_merge):
            got = whole_numbers(call, attempt(call, encode, line, list(merges)))
        why = "chunk by chunk, the pair that stands first in merges is merged first, at all its places."
        expect(call, got, expected, why, list(_misencoded(line, merges)) if got != expected else ())


def test_decode(decode: Function, namespace: Namespace) -> None:
    """Characters over several tokens, halves of characters, bytes that are no text, nested merges, special tokens."""
    end = {"<|end|>": 300, "→": 299}
    one, two, three, four = smile = "\N{SLIGHTLY SMILING FACE}".encode()
    text = load_text("python-topics").validation[:300]
    learned = BPETokenizer.train(text, 286)
    cases: list[tuple[Sequence[int], Sequence[Pair], dict[str, int], str | None]] = [
        ([104, 105], [], {}, "hi"),
        ([], [], {}, ""),
        ([195, 169], [], {}, "é"),
        ([258, 97], [(97, 98), (256, 256), (257, 99)], {}, "ababca"),
        ([97, 256, 257], [(one, two), (three, four)], {}, "a" + smile.decode()),
        ([one, 256, four], [(two, three)], {}, smile.decode()),
        ([97, 195], [], {}, "a\ufffd"),
        ([169, 97, 255], [], {}, "\ufffda\ufffd"),
        ([104, 300, 105], [], end, "h<|end|>i"),
        ([299, 300], [(97, 98)], end, "→<|end|>"),
        ([195, 300, 169], [], end, "\ufffd<|end|>\ufffd"),
        (range(256), [], {}, None),
        *((learned.encode(line), learned.merges, end, None) for line in [text, *SCRIPTS]),
    ]
    for ids, merges, special, by_hand in cases:
        shown = [list(part) if len(part) < 12 else f"{len(part)} of them" for part in (ids, merges)]
        call = f"decode({shown[0]}, {shown[1]}, {special})"
        package = BPETokenizer(tuple(merges), special=special)
        expected = package.decode(ids) if by_hand is None else by_hand
        hint = "special tokens have the ids that special says, and are written as their names." if special else ""
        hint = "what is no UTF-8 must not stop it: errors='replace' writes U+FFFD." if "\ufffd" in expected else hint
        with _alone(namespace):
            got = attempt(call, decode, list(ids), list(merges), dict(special), hint=hint)
        if not isinstance(got, str):
            raise other_than(call, got, "a str")
        parts = [package.token_bytes(token) for token in ids]
        whole = b"".join(parts)
        unnamed = b"".join(part for part, token in zip(parts, ids, strict=True) if token not in special.values())
        apart = "each token was read by itself; a character may be spread over several: join the bytes of all first."
        likely = [
            ("".join(part.decode(errors="replace") for part in parts), apart),
            (whole.decode(errors="ignore"), "what is no UTF-8 was left out; U+FFFD has to stand for it."),
            ("".join(part.decode(errors="ignore") for part in parts), apart),
            (whole.decode("latin-1"), "each byte was read as a character; UTF-8 has up to four bytes for one."),
            (unnamed.decode(errors="replace"), "special tokens are written as their names, not left out."),
        ]
        expect(call, got, expected, "the bytes of all tokens, one after the other, read as UTF-8.", likely)


def test_encode_special(encode_special: Function, namespace: Namespace) -> None:
    """Names at the ends, side by side, inside a word, one the beginning of another, of any characters; each policy."""
    end = {"<|end|>": 260, "<|pad|>": 270, "<|end|>?": 265}
    odd = {"hi": 300, "hi!": 299, "(.*)": 301, "סוף": 302}
    texts = ["", "hi", "hi hi<|end|>", "<|end|>hi! hi", "<|end|><|end|>", "hi<|pad|>hi<|end|>?", "h<|end|>i"]
    cases = [(text, end) for text in (*texts, "<|end|>?!", "<|end", "hi <|END|>")] + [("hi<|end|>", {}), ("hi hi", {})]
    cases += [(text, odd) for text in ("hi!hi", "a(.*)b", "ahia", "ab", "אסוףא")]
    for text, special in cases:
        package = BPETokenizer(tuple(MERGES), special=special)
        longest = sorted(special, key=len, reverse=True)
        named = [name for name in special if name in text]
        likely = [
            (_encode(text, MERGES), "the name was encoded as text; with 'allow' it is one token."),
            (_split(text, special, longest, drop=True), "the special token itself is missing in the result."),
            ([special[name] for name in named], "what stands between the names is missing in the result."),
            (_split(text, special, longest), "with 'text' a name is text like any other."),
            (_split(text, special, longest[::-1]), "of names that begin at the same place the longest counts."),
            (_split(text, special, list(special)), "of names that begin at the same place the longest counts."),
        ]
        why = "with 'allow' names become their ids, and what stands between them is encoded part by part."
        for how in (("allow",), ("text",), ("refuse",), (), ("allowed",)):
            call = f"encode_special({text!r}, {MERGES}, {special}{''.join(f', {policy!r}' for policy in how)})"
            arguments = text, list(MERGES), dict(special), *how
            with _alone(namespace, merge=_merge, encode=_encode):
                if how == ("allowed",) or (named and how in (("refuse",), ())):
                    expect_refusal(call, encode_special, arguments, named if how != ("allowed",) else [""])
                    continue
                got = attempt(call, encode_special, *arguments)
            expected = package.encode(text, "text" if how == ("text",) else "allow")
            expect(call, whole_numbers(call, got), expected, why, likely)


# -- right ones, and known mistakes


def _alone(namespace: Namespace, **right: Function) -> AbstractContextManager[None]:
    refused = ("labkit.tokenizers", "tiktoken", "tokenizers")
    return on_its_own(namespace, refused, ["labkit.tokenizers.patterns"], cut=CUT, **right)


def _neighbours(ids: Sequence[int]) -> list[Pair]:
    return [(ids[at - 1], ids[at]) for at in range(1, len(ids))]


def _apart(ids: Sequence[int]) -> Iterator[Pair]:
    """Pairs of which none shares an id with one that is equal and before it."""
    last: dict[Pair, int] = {}
    for at, pair in enumerate(_neighbours(ids)):
        if at - last.get(pair, -2) > 1:
            last[pair] = at
            yield pair


def _counted(parts: Iterable[tuple[Iterable[Pair], int]]) -> dict[Pair, int]:
    total: dict[Pair, int] = {}
    for pairs, n in parts:
        for one in pairs:
            total[one] = total.get(one, 0) + n
    return total


def _pair_counts(chunks: Iterable[tuple[Sequence[int], int]]) -> dict[Pair, int]:
    return _counted((_neighbours(ids), n) for ids, n in chunks)


def _merged(ids: Sequence[int], pairs: Sequence[Pair], token: int, most: int = -1) -> list[int]:
    """One token for each of some pairs, from left to right; at most so many times."""
    out: list[int] = []
    free = False  # whether the last of `out` may be a left part
    for right in ids:
        if free and most and (out[-1], right) in pairs:
            out[-1], free, most = token, False, most - 1
        else:
            out.append(right)
            free = True
    return out


def _merge(ids: Sequence[int], pair: Pair, token: int) -> list[int]:
    return _merged(ids, [tuple(pair)], token)


def _in_order(data: Sequence[int], numbered: Iterable[tuple[int, Pair]], most: int = -1) -> list[int]:
    ids = list(data)
    for token, pair in numbered:
        ids = _merged(ids, [pair], token, most)
    return ids


def _encode(text: str, merges: Sequence[Pair]) -> list[int]:
    return [token for chunk in CUT(text) for token in _in_order(chunk.encode(), enumerate(map(tuple, merges), 256))]


def _split(text: str, special: dict[str, int], order: list[str], drop: bool = False) -> list[int]:
    """The ids of a text when names are looked for in some order."""
    result: list[int] = []
    for part in re.split(f"({'|'.join(map(re.escape, order))})", text) if order else [text]:
        result += [] if drop and part in special else [special[part]] if part in special else _encode(part, MERGES)
    return result


TIES = "of equally frequent pairs the one that comes first in the text is taken, not the "
MISTRAINED: list[tuple[dict[str, Any], str]] = [
    ({"cut": lambda text: [text]}, "no pair reaches across a cut: take the chunks of cut(text)."),
    ({"weigh": lambda n: 1}, "a chunk that comes n times counts n times; here each counts once."),
    ({"units": lambda chunk: list(map(ord, chunk))}, "ids begin as bytes in UTF-8, not as characters."),
    ({"key": lambda item: (item[1], item[0])}, f"{TIES}larger one."),
    ({"key": lambda item: (item[1], -item[0][0], -item[0][1])}, f"{TIES}smaller one."),
    ({"order": lambda counts: reversed(counts.items())}, f"{TIES}one that comes last."),
    ({"key": lambda item: -item[1]}, "the least frequent pair was taken."),
    ({"first": 257}, "the first merge makes token 256: the bytes are 0 … 255."),
    ({"least": 2}, "it stops at pairs that stand once; one place is enough."),
    ({"again": False}, "after each merge pairs have to be counted again: it takes some away and makes others."),
    ({"n": 512}, "vocab_size counts the 256 bytes too."),
    ({"pairs": _apart}, "pairs that overlap all count: aaa has two pairs aa."),
]
"""Changes to how `_trained` goes about it, each with the sentence about it."""


def _trained(
    text: str,
    n: int,
    cut: Function = CUT,
    weigh: Function = int,
    units: Function = lambda chunk: list(chunk.encode()),
    key: Function = lambda item: item[1],
    order: Function = dict.items,
    pairs: Function = _neighbours,
    first: int = 256,
    again: bool = True,
    least: int = 1,
) -> list[Pair]:
    """Merges by the naive rule, with one thing changed."""
    chunks = [(units(chunk), weigh(count)) for chunk, count in Counter(cut(text)).items()]
    learned: list[Pair] = []
    counts = _counted((pairs(ids), count) for ids, count in chunks)
    while len(learned) < n and max(counts.values(), default=0) >= least:
        learned.append(max(order(counts), key=key)[0])
        chunks = [(_merge(ids, learned[-1], first + len(learned) - 1), count) for ids, count in chunks]
        del counts[learned[-1]]
        counts = _counted((pairs(ids), count) for ids, count in chunks) if again else counts
    return learned


def _misencoded(text: str, merges: Sequence[Pair]) -> Iterator[tuple[list[int], str]]:
    """What known mistakes make of a text, each with the sentence about it."""
    numbered = list(enumerate(merges, 256))
    package = BPETokenizer(tuple(merges))
    spelled = {package.token_bytes(token): token for token in reversed(range(package.vocab_size))}

    def longest(data: bytes) -> list[int]:
        found = next((data[:n] for n in range(len(data), 0, -1) if data[:n] in spelled), b"")
        return [spelled[found], *longest(data[len(found) :])] if data else []

    def by(rule: Function, times: int = -1) -> Callable[[bytes], list[int]]:
        def merged(data: bytes) -> list[int]:
            ids, left = list(data), times
            while left and (known := [(n, pair) for n, pair in numbered if pair in _neighbours(ids)]):
                token, pair = min(known, key=lambda item: rule(item[0], _neighbours(ids).index(item[1])))
                ids, left = _merged(ids, [pair], token), left - 1
            return ids

        return merged

    mistakes: list[tuple[Callable[[bytes], list[int]], str]] = [
        (by(lambda rank, place: place), "the leftmost pair was merged first; the one learned first has to be."),
        (longest, "this is the longest token that fits; the merge that was learned first goes first."),
        (by(lambda rank, place: rank, 1), "it stops after one merge; go on until none is left."),
        (by(lambda rank, place: -rank), "the pair that was learned last was merged first."),
        (lambda data: _in_order(data, numbered[::-1]), "merges were gone through from the last to the first."),
        (lambda data: _in_order(data, numbered, 1), "a merge is made at all its places, not at the first alone."),
        (lambda data: _in_order(data, [(n + 1, p) for n, p in numbered]), "the first merge makes token 256, not 257."),
        (list, "nothing was merged."),
    ]
    for mistake, sentence in mistakes:
        yield [token for chunk in CUT(text) for token in mistake(chunk.encode())], sentence
    yield _in_order(text.encode(), numbered), "tokens reach across a cut: encode each chunk of cut(text) by itself."
    yield [n for chunk in CUT(text) for n in _in_order(list(map(ord, chunk)), numbered)], "ids begin as bytes in UTF-8."
