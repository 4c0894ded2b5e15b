"""Timing two things fairly: in turn, again and again, by the processor time of their own thread."""

import statistics
import time
from collections.abc import Callable


def cpu_seconds(work: Callable[[], object]) -> float:
    """Processor seconds that `work` took in this thread; other programs on the machine do not count."""
    started = time.thread_time()
    work()
    return time.thread_time() - started


def ratio(slow: Callable[[], object], fast: Callable[[], object], rounds: int = 7) -> float:
    """How many times as long `slow` takes as `fast`: the median over rounds that measure both in turn."""
    slow(), fast()  # warm up
    return statistics.median(cpu_seconds(slow) / cpu_seconds(fast) for _ in range(rounds))
