"""Training a tokenizer as an iterator of merges, so that a thread can drive it and a panel watch."""

import threading
import time
from collections.abc import Iterator, Sequence

from labkit.tokenizers import BPETokenizer
from labkit.tokenizers.bpe import MOST_TOKENS
from labkit.tokenizers.merges import Merge, learn_merges
from labkit.tokenizers.patterns import count_chunks, splitter


class MergeRun:
    """Learn a byte-pair encoding, merge by merge: `for merge in run`.

    Args:
        texts: one text, or several; kept, for a reset.
        vocab_size: how many tokens to stop at, the 256 bytes among them. May be changed at any time.
        pattern: how text is cut into chunks, a name in `labkit.tokenizers.patterns.PATTERNS`. A change waits for a
            reset.
        pace: merges a second at most, None: as fast as it goes. May be changed at any time.

    Attributes:
        history: the merges so far, oldest first.
        token_bytes: what each token stands for, by id.
        n_bytes: how long the texts are in UTF-8.
        exhausted: whether every chunk is one token, so that no pair is left.

    Raises:
        ValueError: for a vocab_size below 257, an unknown pattern, texts that are none or empty.

    Examples:
        >>> run = MergeRun("low lower lowest", 258)
        >>> [run.token_bytes[merge.token] for merge in run]
        [b'lo', b'low']
    """

    def __init__(
        self, texts: str | Sequence[str], vocab_size: int, pattern: str = "gpt4", pace: float | None = None
    ) -> None:
        self.texts = [texts] if isinstance(texts, str) else list(texts)
        for number, text in enumerate(self.texts):
            if not isinstance(text, str):
                raise ValueError(f"MergeRun: texts are str, item {number} is {type(text).__name__}: {text!r:.60}")
        self.n_bytes = sum(len(text.encode("utf-8", errors="surrogatepass")) for text in self.texts)
        if not self.n_bytes:
            raise ValueError("MergeRun: there is no text to learn merges from")
        self.vocab_size = vocab_size
        self.pattern = pattern
        self.pace = pace
        self._hurry = threading.Event()
        self.reset()

    @property
    def vocab_size(self) -> int:
        """How many tokens to stop at."""
        return self._goal

    @vocab_size.setter
    def vocab_size(self, size: int) -> None:
        if isinstance(size, bool) or not isinstance(size, int) or not 257 <= size <= MOST_TOKENS:
            raise ValueError(
                f"MergeRun: vocab_size must be 257 … {MOST_TOKENS:,} (256 bytes and a merge at least), got {size!r}"
            )
        self._goal = size

    @property
    def step(self) -> int:
        """How many merges are done."""
        return len(self.history)

    @property
    def n_tokens(self) -> int:
        """How many tokens the texts are now."""
        return self.history[-1].tokens if self.history else self.n_bytes

    @property
    def finished(self) -> bool:
        """Whether there is no next merge."""
        return self.exhausted or 256 + self.step >= self.vocab_size

    @property
    def tokenizer(self) -> BPETokenizer:
        """What was learned so far; of a thread that goes on too."""
        return BPETokenizer(tuple((merge.left, merge.right) for merge in list(self.history)), self.used_pattern)

    def reset(self) -> None:
        """Forget all merges, and begin with the pattern as it is set now."""
        splitter(self.pattern)  # an unknown name is an error here, not in a thread
        self.used_pattern = self.pattern
        self.history: list[Merge] = []
        self.token_bytes = [bytes([byte]) for byte in range(256)]
        self.exhausted = False
        self._merges: Iterator[Merge] | None = None
        self._due: float | None = None  # when the next merge may come

    def hurry(self) -> None:
        """End a wait for the pace now: for whoever stops the thread, or turns the pace."""
        self._hurry.set()

    def __iter__(self) -> Iterator[Merge]:
        return self

    def __next__(self) -> Merge:
        if self.finished:
            raise StopIteration
        if self._merges is None:  # not in `reset`: a long text is cut in the thread
            self._merges = learn_merges(count_chunks(self.texts, self.used_pattern))
        self._wait()
        merge = next(self._merges, None)
        if merge is None:
            self.exhausted = True
            raise StopIteration
        self.token_bytes.append(self.token_bytes[merge.left] + self.token_bytes[merge.right])
        self.history.append(merge)
        return merge

    def _wait(self) -> None:
        if self.pace is None:
            return
        now = time.monotonic()
        if self._due is None:
            self._due = now
        elif now < self._due:
            self._hurry.wait(self._due - now)
        self._hurry.clear()
        # A merge that came late (a drawing was between) is made up for, a pause is not.
        self._due = max(self._due, now - 0.1) + 1 / self.pace
