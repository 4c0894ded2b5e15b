import random

import pytest
import tiktoken
from hypothesis import example, given
from hypothesis import strategies as st

from labkit.tokenizers import BPETokenizer, chunk_encoder
from labkit.tokenizers.chunk_encoder import ChunkEncoder
from labkit.tokenizers.merges import learn_merges, merge

words = st.text("ab", max_size=60) | st.text("aé你", max_size=30)


def learned(text):
    return [(step.left, step.right) for step in learn_merges({text: 1} if text else {})]


def by_the_rule(data, merges):
    """All merges in turn, whether their pair is there or not."""
    ids = list(data)
    for token, pair in enumerate(merges, start=256):
        ids = merge(ids, pair, token)
    return tuple(ids)


@pytest.fixture
def paths(monkeypatch):
    """A function: the ids by the short path and by the long one."""

    def ids(merges, data, byte_order=bytes(range(256))):
        found = []
        for long in (10**9, -1):
            monkeypatch.setattr(chunk_encoder, "LONG", long)
            found.append(ChunkEncoder(merges, byte_order).ids(data))
        return found

    return ids


@given(st.data())
def test_both_paths_apply_the_merges_in_order(data):
    text = data.draw(words)
    merges = learned(data.draw(words))
    short, long = _both(merges, text.encode())
    assert short == long == by_the_rule(text.encode(), merges)


@given(
    st.text("abc", max_size=40),
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=12),
)
@example("aaaaaaa", [(0, 0), (3, 3), (3, 0), (4, 4)])
@example("abababab", [(0, 1), (3, 3), (1, 0)])
def test_both_paths_agree_on_merges_that_nobody_learned(text, pairs):
    tokens, merges = [97, 98, 99], []
    for left, right in pairs:
        pair = (tokens[left % len(tokens)], tokens[right % len(tokens)])
        if pair not in merges:
            tokens.append(256 + len(merges))
            merges.append(pair)
    short, long = _both(merges, text.encode())
    assert short == long == by_the_rule(text.encode(), merges)


def _both(merges, data):
    encoder = ChunkEncoder(merges, bytes(range(256)))
    long = tuple(map(ord, encoder._long(data.decode("latin-1"))))
    assert len(data) <= chunk_encoder.LONG
    return encoder.ids(data), long


def test_long_chunks_take_the_other_path(paths, monkeypatch):
    data = b"abcabcab" * 5
    short, long = paths(learned("abcab"), data)
    assert short == long

    def fail(self, word):
        raise AssertionError("taken")

    monkeypatch.setattr(ChunkEncoder, "_long", fail)
    monkeypatch.setattr(chunk_encoder, "LONG", len(data))
    assert ChunkEncoder(learned("abcab"), bytes(range(256))).ids(data) == short
    monkeypatch.setattr(chunk_encoder, "LONG", len(data) - 1)
    with pytest.raises(AssertionError, match="taken"):
        ChunkEncoder(learned("abcab"), bytes(range(256))).ids(data)


def test_bytes_have_the_ids_of_their_order(paths):
    order = bytes(reversed(range(256)))
    short, long = paths([(255 - 97, 255 - 98)], b"abcab", order)
    assert short == long == (256, 255 - 99, 256)


@pytest.mark.parametrize("letters", ["a", "ab", "etaoin", "שלום"])
def test_a_paste_without_spaces_is_what_tiktoken_makes_of_it(trained, letters):
    rng = random.Random(1)
    paste = "".join(rng.choices(letters, k=20_000))
    ranks = {trained.token_bytes(token): token for token in range(256 + len(trained.merges))}
    encoding = tiktoken.Encoding("test", pat_str=r"[\s\S]+", mergeable_ranks=ranks, special_tokens={})
    encoder = ChunkEncoder(trained.merges, trained.byte_order)
    assert list(encoder.ids(paste.encode())) == encoding.encode_ordinary(paste)


def test_chunks_are_remembered_up_to_a_limit(monkeypatch):
    monkeypatch.setattr(chunk_encoder, "MOST_CACHED", 3)
    encoder = ChunkEncoder([(97, 98)], bytes(range(256)))
    for chunk in ("ab", "b", "ab", "abc", "c", "ab"):
        assert encoder[chunk] == by_the_rule(chunk.encode(), [(97, 98)])
        assert len(encoder) <= 3


def test_a_merge_can_be_added():
    encoder = ChunkEncoder([(97, 98)], bytes(range(256)))
    assert encoder.ids(b"abc") == (256, 99)
    encoder.add(256, 99)
    assert encoder.ids(b"abc") == (257,)
    assert BPETokenizer(((97, 98), (256, 99))).encode("abc") == [257]
