"""Which pairs become tokens: the two trainers of byte-pair encoding (Sennrich et al. 2016), which learn the same.

Text comes in chunks with their counts (`count_chunks`). Each chunk starts as its bytes in UTF-8, tokens 0 … 255. The
pair of neighbours that stands in the text most often becomes token 256; then again, 257, and so on. Each pair of
neighbours counts, also those that overlap ("aaa" has two pairs "aa"); merged they are from left to right ("aaa"
becomes "aa", "a"). Of pairs that are equally frequent the one whose first place in the text comes first is taken.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from heapq import heapify, heappop, heappush
from itertools import pairwise
from operator import add
from typing import NamedTuple

from .base import check_text

UNPLACED = (-1, 0)
"""In the heap: before every place, so that of equals those come up first whose place is not known yet."""


class Merge(NamedTuple):
    """One step of training.

    Attributes:
        token: the new token's id.
        left: the ids that it is made of.
        right: likewise.
        frequency: how often they stood side by side.
        tokens: how many tokens the whole text is, with this merge.
    """

    token: int
    left: int
    right: int
    frequency: int
    tokens: int


def learn_merges_naive(chunks: Mapping[str, int]) -> Iterator[Merge]:
    """Count all pairs anew for each merge: the rule written down, and slow.

    Args:
        chunks: how often each chunk is in the text, in the order in which they first come.

    Yields:
        Merges, until every chunk is one token.
    """
    texts = [(list(_utf8(chunk)), count) for chunk, count in chunks.items()]
    token = 256
    while True:
        counts: dict[tuple[int, int], int] = {}
        for ids, count in texts:
            for pair in pairwise(ids):
                counts[pair] = counts.get(pair, 0) + count
        if not counts:
            return
        best = max(counts, key=counts.__getitem__)  # of equals the first that was put in
        texts = [(merge(ids, best, token), count) for ids, count in texts]
        yield Merge(token, *best, counts[best], sum(len(ids) * count for ids, count in texts))
        token += 1


def merge(ids: list[int], pair: tuple[int, int], token: int) -> list[int]:
    """`ids` with `token` wherever `pair` stood, from left to right.

    >>> merge([1, 2, 3, 1, 2, 2], (1, 2), 4)
    [4, 3, 4, 2]
    """
    new: list[int] = []
    at = 0
    while at < len(ids):
        if tuple(ids[at : at + 2]) == pair:
            new.append(token)
            at += 2
        else:
            new.append(ids[at])
            at += 1
    return new


def learn_merges(chunks: Mapping[str, int]) -> Iterator[Merge]:
    """The same merges, by counting all pairs once and then only what each merge changes.

    A token is written as the character with its id, a chunk as a string of them, a pair as two characters: so
    merging is `str.replace`, in C. What makes it fast beside that:

    - A merge touches only the chunks in which its pair stands (`where`), and there only the pairs beside it.
    - The most frequent pair is on top of a heap. Places of a pair only vanish once the merge that made it is done, so
      an entry can only be too high, which shows when it comes up: then it goes back with what is true now.
    - For equals the first place in the text is asked for only when they come up, and then stays true as long as the
      count does.

    Args:
        chunks: how often each chunk is in the text, in the order in which they first come.

    Yields:
        Merges, until every chunk is one token.
    """
    words = [_utf8(chunk).decode("latin-1") for chunk in chunks]
    often = list(chunks.values())
    size = sum(len(word) * count for word, count in zip(words, often, strict=True))
    lengths = [1] * 256  # of each token, in bytes
    where: defaultdict[str, list[int]] = defaultdict(list)  # ascending; a chunk that lost the pair stays listed
    for number, word in enumerate(words):
        for pair in map(add, word, word[1:]):
            where[pair].append(number)
    counts = {pair: sum(map(often.__getitem__, numbers)) for pair, numbers in where.items()}
    heap = [(-count, UNPLACED, pair) for pair, count in counts.items()]
    heapify(heap)
    while heap:
        entry, at, pair = heappop(heap)
        count = counts[pair]
        if not count:
            del counts[pair], where[pair]
        elif count != -entry:
            heappush(heap, (-count, UNPLACED, pair))
        elif at == UNPLACED:
            heappush(heap, (-count, _place(pair, where[pair], words, lengths), pair))
        else:
            left, right = map(ord, pair)
            token = len(lengths)
            lengths.append(lengths[left] + lengths[right])
            fewer, made = _merge_everywhere(pair, chr(token), words, often, counts, where)
            for new in made:
                heappush(heap, (-counts[new], UNPLACED, new))
            size -= fewer
            yield Merge(token, left, right, count, size)


def _merge_everywhere(
    pair: str, token: str, words: list[str], often: list[int], counts: dict[str, int], where: dict[str, list[int]]
) -> tuple[int, list[str]]:
    """Merge in all chunks, and keep the counts true; returns how many tokens fewer there are, and the new pairs."""
    left, right = pair[0], pair[1]
    fewer = 0
    before: defaultdict[str, list[int]] = defaultdict(list)  # neighbour -> the chunks, as often as it stands there
    after: defaultdict[str, list[int]] = defaultdict(list)
    for number in dict.fromkeys(where.pop(pair)):
        word = words[number]
        words[number] = new = word.replace(pair, token)
        fewer += often[number] * (len(word) - len(new))
        at = new.find(token)
        while at >= 0:
            if at:
                before[new[at - 1]].append(number)
            at += 1
            if at < len(new) and new[at] != token:  # two in a row: that is before the second
                after[new[at]].append(number)
            at = new.find(token, at)
    # Added up for each neighbour, not chunk by chunk: there are far fewer.
    changes = [((right if near == token else near) + left, near + token, numbers) for near, numbers in before.items()]
    changes += [(right + near, token + near, numbers) for near, numbers in after.items()]
    for old, made, numbers in changes:
        n = sum(map(often.__getitem__, numbers))
        counts[old] -= n
        counts[made], where[made] = n, numbers
    del counts[pair]
    return fewer, [made for _, made, _ in changes]


def _place(pair: str, numbers: list[int], words: list[str], lengths: list[int]) -> tuple[int, int]:
    """The first of the chunks with the pair, and how many bytes of it come before."""
    number = next(number for number in numbers if pair in words[number])
    before, _, _ = words[number].partition(pair)
    return number, sum(lengths[ord(token)] for token in before)


def _utf8(chunk: str) -> bytes:
    try:
        check_text(chunk)
    except ValueError as error:
        raise ValueError(f"in {chunk!r}: {error}") from None
    return chunk.encode()
