from itertools import islice, pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from labkit.tokenizers.merges import Merge, learn_merges, learn_merges_naive, merge
from labkit.tokenizers.patterns import PATTERNS, count_chunks, splitter

runs = st.lists(st.tuples(st.sampled_from("aab "), st.integers(1, 7)), max_size=25).map(
    lambda parts: "".join(letter * n for letter, n in parts)
)
small = st.text("ab \n", max_size=120) | st.text("aé你", max_size=60) | st.text("abcdefgh ", max_size=200)
patterns = st.sampled_from(sorted(PATTERNS))


def oracle(text, pattern, most):
    """The rule of minbpe, on every chunk of the text as it comes: count pairs in order, take the first that is most."""
    chunks = [list(chunk.encode()) for chunk in splitter(pattern)(text)]
    for token in range(256, 256 + most):
        counts = {}
        for ids in chunks:
            for pair in pairwise(ids):
                counts[pair] = counts.get(pair, 0) + 1
        if not counts:
            return
        best = max(counts, key=counts.get)
        for ids in chunks:
            at = 0
            while at < len(ids) - 1:
                if (ids[at], ids[at + 1]) == best:
                    ids[at : at + 2] = [token]
                at += 1
        yield Merge(token, *best, counts[best], sum(map(len, chunks)))


@settings(max_examples=200)
@given(runs | small, patterns)
@example("aaa aaaa aaaaa", "gpt2")
@example("abab ababab abababa", "gpt4")
@example("你你你 你你", "gpt4")
def test_both_trainers_learn_what_the_rule_says(text, pattern):
    expected = list(oracle(text, pattern, 1000))  # to the end: until each chunk is one token
    chunks = count_chunks(text, pattern)
    assert list(learn_merges_naive(chunks)) == expected
    assert list(learn_merges(chunks)) == expected


@settings(max_examples=100)
@given(
    st.lists(
        st.tuples(st.text("abc", min_size=1, max_size=8), st.integers(1, 4)), max_size=30, unique_by=lambda p: p[0]
    )
)
def test_both_trainers_agree_on_any_counts(chunks):
    assert list(learn_merges(dict(chunks))) == list(learn_merges_naive(dict(chunks)))


@pytest.mark.parametrize("pattern", sorted(PATTERNS))
def test_both_trainers_agree_on_a_text_of_many_scripts(mixed_text, pattern):
    text = mixed_text[-10_000:]
    expected = list(oracle(text, pattern, 60))
    chunks = count_chunks(text, pattern)
    assert list(islice(learn_merges_naive(chunks), 60)) == expected
    assert list(islice(learn_merges(chunks), 60)) == expected


@pytest.mark.parametrize("pattern", sorted(PATTERNS))
def test_both_trainers_agree_on_real_text(mixed_text, pattern):
    chunks = count_chunks(mixed_text[:15_000], pattern)
    assert list(islice(learn_merges(chunks), 100)) == list(islice(learn_merges_naive(chunks), 100))


def test_they_end_when_each_chunk_is_one_token():
    chunks = count_chunks("low lower lowest", "gpt2")
    merges = list(learn_merges(chunks))
    assert merges[-1].tokens == 3
    assert list(learn_merges({})) == list(learn_merges_naive({})) == []
    assert list(learn_merges({"a": 9})) == []


def test_an_example_by_hand():
    found = list(islice(learn_merges({"aaabdaaabac": 1}), 3))
    assert [(m.left, m.right, m.frequency, m.tokens) for m in found] == [
        (97, 97, 4, 9),  # pairs that overlap count: "aaa" has two
        (256, 97, 2, 7),
        (257, 98, 2, 5),
    ]


def test_of_equals_the_first_in_the_text_is_taken():
    first = [(m.left, m.right) for m in learn_merges({"xy": 1, "ab": 1, "cd": 1})]
    assert first == [(120, 121), (97, 98), (99, 100)]
    # the place counts, not when the pair was first seen: "bc" is before "yz" although its merge comes up later
    assert [(m.left, m.right) for m in islice(learn_merges({"abc": 1, "yz": 1}), 2)] == [(97, 98), (256, 99)]


@given(st.lists(st.integers(0, 2), max_size=12), st.tuples(st.integers(0, 2), st.integers(0, 2)))
def test_merge_goes_from_left_to_right(ids, pair):
    text = "".join(map(str, ids)).replace(f"{pair[0]}{pair[1]}", "9")
    assert merge(ids, pair, 9) == list(map(int, text))


@pytest.mark.parametrize("learn", [learn_merges, learn_merges_naive])
def test_half_a_character_is_named(learn):
    with pytest.raises(ValueError, match=r"in 'a\\ud800': half of a character, U\+D800, stands alone at position 1"):
        next(iter(learn({"a\ud800": 1})))
