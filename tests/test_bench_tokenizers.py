"""The benchmark of tokenizers in small: what is compared is the same for both, and what differs is refused."""

import sys

import pytest

from bench import tokenizers
from labkit.data import load_text
from labkit.tokenizers import BPETokenizer

MINBPE = '''
"""What the bench uses of minbpe: its two functions and its trainer, over our own."""
from itertools import pairwise
from labkit.tokenizers import BPETokenizer
from labkit.tokenizers.merges import merge

def get_stats(ids, counts):
    for pair in pairwise(ids):
        counts[pair] = counts.get(pair, 0) + 1

class RegexTokenizer:
    def train(self, text, vocab_size):
        merges = BPETokenizer.train(text, vocab_size).merges
        self.merges = {pair: 256 + i for i, pair in enumerate(merges)}
'''


@pytest.fixture
def small(monkeypatch):
    numbers = {"MINBPE_TOKENS": 280, "MINBPE_MERGES": 5, "HF_TOKENS": 300, "ENGLISH_TOKENS": 270, "ROUNDS": 2}
    numbers |= {"STREAM_BYTES": 300_000, "STREAM_TOKENS": 300}
    for name, number in numbers.items():
        monkeypatch.setattr(tokenizers, name, number)
    text = load_text("python-topics").text[:20_000]
    monkeypatch.setattr(tokenizers, "load_text", lambda name: type("Text", (), {"text": text}))
    return text


@pytest.fixture
def peers(tmp_path, monkeypatch):
    def write(minbpe=MINBPE):
        folder = tmp_path / "minbpe" / "minbpe"
        folder.mkdir(parents=True)
        (folder / "__init__.py").touch()
        (folder / "regex.py").write_text(minbpe, encoding="utf-8")
        english = tmp_path / "cs336" / "tests" / "fixtures"
        english.mkdir(parents=True)
        (english / "corpus.en").write_text("the cat and the dog and the cow sat on the mat with a hat\n" * 20)
        return tmp_path

    yield write
    for name in ("minbpe", "minbpe.regex"):
        sys.modules.pop(name, None)


def test_all_is_measured_and_positive(small, peers):
    figures = tokenizers.measure(peers())
    assert all(x > 0 for x in figures.values())
    assert "minbpe's time over ours, text to 280 tokens, at least" in figures
    assert figures["300 tokens of a stream: text (MB)"] == pytest.approx(0.3)
    assert 1 < figures["300 tokens of a stream: most memory (MB)"] < 1000
    assert any("Hugging Face, the same pattern" in name for name in figures)
    assert any("tiktoken" in name for name in figures)
    assert str(peers) not in sys.path


def test_ours_is_timed_once_a_round_for_both_ratios(small, monkeypatch):
    times = iter([(6, 9), (20, 30), (2, 3)] * 2)  # the same pattern, its own pattern, ours
    monkeypatch.setattr(tokenizers, "_clocks", lambda work: (work(), next(times))[1])
    figures = tokenizers._hugging_face(small)
    assert next(times, None) is None
    for clock, own, same, other in (("processor", 2, 6, 20), ("wall", 3, 9, 30)):
        assert figures[f"text to 300 tokens: {clock} time (s)"] == own
        assert figures[f"Hugging Face, the same pattern: {clock} time (s)"] == same
        assert figures[f"Hugging Face, the same pattern: {clock} time over ours"] == same / own
        assert figures[f"Hugging Face, its own pattern: {clock} time over ours"] == other / own


def test_other_merges_are_refused(small, peers):
    folder = peers(MINBPE.replace("(text, vocab_size).merges", "(text, vocab_size).merges[::-1]"))
    with pytest.raises(AssertionError, match="minbpe learned other merges"):
        tokenizers._minbpe(small, folder)


def test_other_ids_are_refused(small, monkeypatch):
    other = BPETokenizer.train(small[::-1], tokenizers.HF_TOKENS)
    plain = tokenizers.to_tiktoken
    monkeypatch.setattr(tokenizers, "to_tiktoken", lambda _: plain(other))
    with pytest.raises(AssertionError, match="tiktoken gives other ids"):
        tokenizers._tiktoken(small)


def test_what_is_not_there_is_left_out(small, tmp_path, capsys):
    for folder in (None, tmp_path):
        assert tokenizers._minbpe(small, folder) == {}
        assert tokenizers._english(folder) == {}
    assert capsys.readouterr().out.count("PEERS=folder") == 4
