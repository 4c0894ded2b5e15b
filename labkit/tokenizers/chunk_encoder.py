"""From the bytes of a chunk to its tokens: merge by merge, in the order in which they were learned."""

from collections.abc import Iterable
from heapq import heapify, heappop, heappush
from operator import add

LONG = 256
"""Chunks of more bytes than this are merged with a heap. Most are a word; one of 100 kB is a paste without spaces."""

MOST_CACHED = 1 << 18
"""How many chunks are remembered at most; then the memory starts anew."""


class ChunkEncoder(dict[str, tuple[int, ...]]):
    """chunk -> its ids; what is asked for the first time is worked out and remembered.

    A token is written as the character with its id, so that merging is `str.replace`; see `merges.learn_merges`.
    """

    def __init__(self, merges: Iterable[tuple[int, int]], byte_order: bytes) -> None:
        super().__init__()
        self._letters = {byte: chr(token) for token, byte in enumerate(byte_order)}
        self._tokens: dict[str, int] = {}
        self._pairs: dict[int, str] = {}
        for left, right in merges:
            self.add(left, right)

    def add(self, left: int, right: int) -> None:
        """One more merge, which makes the next token."""
        token = 256 + len(self._pairs)
        self._pairs[token] = chr(left) + chr(right)
        self._tokens[self._pairs[token]] = token

    def __missing__(self, chunk: str) -> tuple[int, ...]:
        if len(self) >= MOST_CACHED:
            self.clear()
        ids = self[chunk] = self.ids(chunk.encode())
        return ids

    def ids(self, data: bytes) -> tuple[int, ...]:
        """The ids of a chunk's bytes: of all pairs the one that was learned first, everywhere, until none is left."""
        word = data.decode("latin-1").translate(self._letters)
        if len(word) > LONG:
            return tuple(map(ord, self._long(word)))
        find = self._tokens.get
        while token := min(filter(None, map(find, map(add, word, word[1:]))), default=None):
            word = word.replace(self._pairs[token], chr(token))
        return tuple(map(ord, word))

    def _long(self, word: str) -> str:
        """The same in a time that hardly depends on the length: only pairs beside a merge are looked at again."""
        find = self._tokens.get
        heap = list(set(filter(None, map(find, map(add, word, word[1:])))))
        heapify(heap)
        while heap:
            token = heappop(heap)
            parts = word.split(self._pairs[token])
            if len(parts) == 1:
                continue
            new = chr(token)
            word = new.join(parts)
            beside = {part[-1] + new for part in parts[:-1] if part} | {new + part[0] for part in parts[1:] if part}
            if "" in parts[1:-1]:
                beside.add(new + new)
            for found in filter(None, map(find, beside)):
                heappush(heap, found)
        return word
