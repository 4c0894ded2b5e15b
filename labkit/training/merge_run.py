"""Training a tokenizer as an iterator of merges, so that a thread can drive it and a panel watch."""

import math
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
        pace: merges a second at most, None: as fast as it goes. May be changed at any time. It is kept by whoever asks
            `delay`, as `BackgroundRun` does: a wait is theirs, so that they hear buttons in it. A loop does not wait.

    Attributes:
        history: the merges so far, oldest first.
        token_bytes: what each token stands for, by id.
        n_bytes: how long the texts are in UTF-8.
        exhausted: whether every chunk is one token, so that no pair is left.

    Raises:
        ValueError: for a vocab_size below 257, an unknown pattern, texts that are none or empty, a pace that is no
            number above 0.

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
    def pace(self) -> float | None:
        """Merges a second at most; None: no limit."""
        return self._pace

    @pace.setter
    def pace(self, pace: float | None) -> None:
        number = isinstance(pace, int | float) and not isinstance(pace, bool)
        if pace is not None and not (number and math.isfinite(pace) and pace > 0):
            raise ValueError(
                f"MergeRun: pace must be a number of merges a second above 0, or None for no limit, got {pace!r}"
            )
        self._pace = pace

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

    def delay(self) -> float:
        """Seconds until the pace lets the next merge come; 0.0 when it is due, or when none comes.

        To be asked again after a wait, and whenever the pace was turned: a faster one brings the next merge forward.
        """
        pace, due = self._pace, self._due  # either may be turned by another thread
        if pace is None or due is None or self.finished:
            return 0.0
        now = time.monotonic()
        self._due = due = min(due, now + 1 / pace)
        return max(0.0, due - now)

    def __iter__(self) -> Iterator[Merge]:
        return self

    def __next__(self) -> Merge:
        if self.finished:
            raise StopIteration
        if self._merges is None:  # not in `reset`: a long text is cut in the thread
            self._merges = learn_merges(count_chunks(self.texts, self.used_pattern))
        pace, now = self._pace, time.monotonic()
        if pace is None:
            self._due = None
        else:
            # A merge that came late (a drawing was between) is made up for, a pause is not; nor does an early one count
            # twice, that was asked for by hand.
            due = now if self._due is None else min(now, max(self._due, now - 0.1))
            self._due = due + 1 / pace
        merge = next(self._merges, None)
        if merge is None:
            self.exhausted = True
            raise StopIteration
        self.token_bytes.append(self.token_bytes[merge.left] + self.token_bytes[merge.right])
        self.history.append(merge)
        return merge
