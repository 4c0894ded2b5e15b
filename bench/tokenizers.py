"""Tokenizers: our trainers against minbpe's and Hugging Face's, our encoder against tiktoken's.

Each ratio is taken within one run, in turn, by processor time; Hugging Face's trainer is Rust and may use more than one
core, so for it wall time is told too. minbpe is a checkout among the peers (minbpe/minbpe), cs336 another (for the
133 kB of English in cs336/tests/fixtures/corpus.en); the others are packages. What is not there is left out.
"""

import importlib
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import islice
from operator import truediv
from pathlib import Path
from typing import Any

from labkit.data import load_text
from labkit.tokenizers import BPETokenizer
from labkit.tokenizers.formats import to_tiktoken
from labkit.tokenizers.merges import learn_merges_naive
from labkit.tokenizers.patterns import PATTERNS, count_chunks, splitter

from .timing import cpu_seconds

MINBPE_TOKENS, MINBPE_MERGES = 1024, 24
"""minbpe counts the whole text anew for each merge: so few of the 768 are run whole."""
HF_TOKENS = 4096
ENGLISH_TOKENS = 500
ENCODED = 1_000_000
STREAM_BYTES, STREAM_TOKENS = 100_000_000, 8192
SUFFIXES = {".py", ".pyi", ".txt", ".rst", ".md", ".h", ".hpp"}
ROUNDS = 7

STREAM = """
import resource, sys, time
from labkit.tokenizers import BPETokenizer
from labkit.tokenizers.patterns import read_pieces
BPETokenizer.train(read_pieces(sys.argv[1]), int(sys.argv[2]))
used = resource.getrusage(resource.RUSAGE_SELF)
try:
    with open("/proc/self/status") as lines:
        peak = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
except OSError:
    peak = used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
print(peak, used.ru_utime + used.ru_stime)
"""
"""A process of its own: what else the bench has in memory does not count. (On Linux ru_maxrss counts it: it begins with
the peak of the process that started this one.)"""


def measure(peers: Path | None) -> dict[str, float]:
    """Ratios to minbpe, Hugging Face and tiktoken, and the memory that 100 MB of text take."""
    text = load_text("shakespeare").text
    figures = _minbpe(text, peers) | _hugging_face(text) | _english(peers) | _tiktoken(text)
    return figures | _memory()


def _minbpe(text: str, peers: Path | None) -> dict[str, float]:
    """Both from the text to merges; all of minbpe's would take minutes.

    Each merge costs it less than the one before, the text being shorter. So its whole time is taken as if every merge
    cost what the one after the last would: the ratio is at least that.
    """
    folder = peers / "minbpe" if peers else None
    if not (folder and (folder / "minbpe" / "regex.py").is_file()):
        print("tokenizers no minbpe/minbpe/regex.py among the peers (PEERS=folder): an earlier ratio is kept")
        return {}
    sys.path.insert(0, str(folder))
    try:
        peer = importlib.import_module("minbpe.regex")
    finally:
        sys.path.remove(str(folder))
    ours = BPETokenizer.train(text, MINBPE_TOKENS)
    naive = learn_merges_naive(count_chunks(text, "gpt4"))  # minbpe's rule, to the end
    if [(merge.left, merge.right) for merge in islice(naive, len(ours.merges))] != list(ours.merges):
        raise AssertionError("counting all pairs anew gives other merges")
    theirs = peer.RegexTokenizer()
    some = cpu_seconds(lambda: theirs.train(text, 256 + MINBPE_MERGES))
    if list(theirs.merges) != list(ours.merges[:MINBPE_MERGES]):
        raise AssertionError("minbpe learned other merges")
    start = cpu_seconds(lambda: peer.RegexTokenizer().train(text, 256))
    chunks = [ours.encode(chunk) for chunk in splitter("gpt4")(text)]
    last = statistics.median(cpu_seconds(lambda: _late_merge(peer, chunks)) for _ in range(3))
    own = _median(lambda: BPETokenizer.train(text, MINBPE_TOKENS))
    return {
        f"minbpe: seconds a merge, the first {MINBPE_MERGES}": (some - start) / MINBPE_MERGES,
        f"minbpe: seconds a merge, at {MINBPE_TOKENS:,} tokens": last,
        f"text to {MINBPE_TOKENS:,} tokens (s)": own,
        f"minbpe's time over ours, text to {MINBPE_TOKENS:,} tokens, at least": (start + len(ours.merges) * last) / own,
    }


def _late_merge(peer: Any, chunks: list[list[int]]) -> None:
    """A merge as minbpe's training loop makes it, with its own two functions."""
    stats: dict[tuple[int, int], int] = {}
    for ids in chunks:
        peer.get_stats(ids, stats)
    pair = max(stats, key=stats.__getitem__)
    [peer.merge(ids, pair, MINBPE_TOKENS) for ids in chunks]


def _hugging_face(text: str) -> dict[str, float]:
    """All from the text to a vocabulary. The peer is given lines, which is faster for it than one long text.

    In each round ours is timed once, for the ratios of both of the peer's ways to cut.
    """
    try:
        import tokenizers
    except ImportError:
        print("tokenizers the package tokenizers is not installed: an earlier ratio is kept")
        return {}
    pre, lines = tokenizers.pre_tokenizers, text.splitlines(keepends=True)
    gpt4 = pre.Split(tokenizers.Regex(PATTERNS["gpt4"]), "isolated")
    same = pre.Sequence([gpt4, pre.ByteLevel(add_prefix_space=False, use_regex=False)])
    cuts = {"the same pattern": same, "its own pattern": pre.ByteLevel(add_prefix_space=False)}

    def peer(cut: Any) -> None:
        theirs = tokenizers.Tokenizer(tokenizers.models.BPE())
        theirs.pre_tokenizer = cut
        alphabet = pre.ByteLevel.alphabet()
        trainer = tokenizers.trainers.BpeTrainer(vocab_size=HF_TOKENS, initial_alphabet=alphabet, show_progress=False)
        theirs.train_from_iterator(lines, trainer)
        if theirs.get_vocab_size() != HF_TOKENS:
            raise AssertionError(f"the peer made {theirs.get_vocab_size()} tokens, not {HF_TOKENS}")

    ours, theirs = [], []
    for _ in range(ROUNDS):
        theirs.append({name: _clocks(lambda cut=cut: peer(cut)) for name, cut in cuts.items()})  # type: ignore[misc]
        ours.append(_clocks(lambda: BPETokenizer.train(text, HF_TOKENS)))
    figures: dict[str, float] = {}
    for i, clock in enumerate(("processor", "wall")):
        own = [clocks[i] for clocks in ours]
        figures[f"text to {HF_TOKENS:,} tokens: {clock} time (s)"] = statistics.median(own)
        for name in cuts:
            peers = [clocks[name][i] for clocks in theirs]
            figures |= {
                f"Hugging Face, {name}: {clock} time over ours": statistics.median(map(truediv, peers, own)),
                f"Hugging Face, {name}: {clock} time (s)": statistics.median(peers),
            }
    return figures


def _english(peers: Path | None) -> dict[str, float]:
    source = peers / "cs336" / "tests" / "fixtures" / "corpus.en" if peers else None
    if not (source and source.is_file()):
        print("tokenizers no cs336/tests/fixtures/corpus.en among the peers (PEERS=folder): an earlier figure is kept")
        return {}
    text = source.read_text(encoding="utf-8")
    seconds = _median(lambda: BPETokenizer.train(text, ENGLISH_TOKENS))
    return {f"{source.stat().st_size // 1000} kB of English to {ENGLISH_TOKENS} tokens (s)": seconds}


def _tiktoken(text: str) -> dict[str, float]:
    """The same ids from both: ours anew each time, and then again, when it remembers the chunks it has met."""
    text = text[:ENCODED]
    trained = BPETokenizer.train(text, HF_TOKENS)
    try:
        peer = to_tiktoken(trained)
    except ImportError:
        print("tokenizers the package tiktoken is not installed: an earlier ratio is kept")
        return {}
    if trained.encode(text) != peer.encode_ordinary(text):
        raise AssertionError("tiktoken gives other ids")
    rounds = []
    for _ in range(ROUNDS):
        fresh = BPETokenizer(trained.merges, trained.pattern)
        theirs = cpu_seconds(lambda: peer.encode_ordinary(text))
        rounds.append((theirs, *(cpu_seconds(lambda fresh=fresh: fresh.encode(text)) for _ in range(2))))  # type: ignore[misc]
    return {
        "encoding 1 MB: our time over tiktoken's, a fresh tokenizer": statistics.median(c / t for t, c, _ in rounds),
        "encoding 1 MB: our time over tiktoken's, the second time": statistics.median(w / t for t, _, w in rounds),
        "encoding 1 MB: tiktoken (s)": statistics.median(t for t, _, _ in rounds),
        "encoding 1 MB: a fresh tokenizer (s)": statistics.median(c for _, c, _ in rounds),
        "encoding 1 MB: the second time (s)": statistics.median(w for _, _, w in rounds),
    }


def _memory() -> dict[str, float]:
    """Training on a file that is read in pieces: Python's own library and the packages beside it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "text.txt"
        size = 0
        with path.open("wb") as file:
            for part in _texts():
                size += file.write(part[: STREAM_BYTES - size])
                if size >= STREAM_BYTES:
                    break
        if size < STREAM_BYTES:
            print(f"tokenizers only {size / 1e6:.0f} MB of text were found, not {STREAM_BYTES / 1e6:.0f}")
        command = [sys.executable, "-c", STREAM, str(path), str(STREAM_TOKENS)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"training on {path} failed:\n{done.stderr}")
        peak, seconds = map(float, done.stdout.split())
    return {
        f"{STREAM_TOKENS:,} tokens of a stream: text (MB)": size / 1e6,
        f"{STREAM_TOKENS:,} tokens of a stream: most memory (MB)": peak / 1e6,
        f"{STREAM_TOKENS:,} tokens of a stream: processor time (s)": seconds,
    }


def _texts() -> Iterator[bytes]:
    """The source and documentation of this Python, in ASCII: it may be cut anywhere."""
    for place in ("stdlib", "purelib"):
        for path in sorted(Path(sysconfig.get_path(place)).rglob("*")):
            if path.suffix in SUFFIXES and path.is_file() and (content := path.read_bytes()).isascii():
                yield content


def _median(work: Callable[[], object]) -> float:
    return statistics.median(cpu_seconds(work) for _ in range(ROUNDS))


def _clocks(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds by the processors, all threads together, and by the wall."""
    processor, wall = time.process_time(), time.perf_counter()
    work()
    return time.process_time() - processor, time.perf_counter() - wall
