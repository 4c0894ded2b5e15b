from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.tokenizers import UNKNOWN, WordTokenizer, load_tokenizer, tokenizer_from_dict
from labkit.tokenizers.patterns import PATTERNS, splitter

any_text = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
some_words = st.lists(st.sampled_from(["the", " cat", " the", ".", "\n", " é", "你", " 12"]), min_size=1).map("".join)
patterns = st.sampled_from(sorted(PATTERNS))


@given(any_text | some_words, patterns)
def test_decoding_undoes_encoding_of_what_it_was_trained_on(text, pattern):
    tokenizer = WordTokenizer.train(text, pattern=pattern)
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == text
    assert b"".join(map(tokenizer.token_bytes, ids)) == text.encode()
    assert tokenizer.special_tokens[UNKNOWN] not in ids


@given(some_words, st.integers(2, 8), patterns)
def test_the_most_frequent_words_are_kept_and_the_others_unknown(text, size, pattern):
    tokenizer = WordTokenizer.train(text, size, pattern)
    chunks = splitter(pattern)(text)
    kept = [word for word, _ in Counter(chunks).most_common(size - 1)]  # of equals the first seen
    assert list(tokenizer.words) == kept
    assert tokenizer.vocab_size == len(kept) + 1 <= size
    assert tokenizer.encode(text) == [kept.index(chunk) if chunk in kept else len(kept) for chunk in chunks]
    assert tokenizer.decode(tokenizer.encode(text)) == "".join(c if c in kept else UNKNOWN for c in chunks)


@given(st.lists(some_words, min_size=1), patterns)
def test_texts_are_read_one_by_one(texts, pattern):
    chunks = [chunk for text in texts for chunk in splitter(pattern)(text)]
    tokenizer = WordTokenizer.train(iter(texts), pattern=pattern)
    assert list(tokenizer.words) == [word for word, _ in Counter(chunks).most_common()]


def test_an_example_by_hand():
    tokenizer = WordTokenizer.train("the cat and the dog and the cow", 4)
    assert tokenizer.words == (" and", " the", "the")
    assert tokenizer.encode("the cow and the cow") == [2, 3, 0, 1, 3]
    assert tokenizer.special_tokens == {"<UNK>": 3}
    assert tokenizer.token_bytes(3) == b"<UNK>"
    assert tokenizer.encode("") == []


@pytest.mark.parametrize("size", [1, 0, -3, True, 3.0, "3"])
def test_a_size_that_cannot_be(size):
    with pytest.raises(ValueError, match="vocab_size must be None or at least 2"):
        WordTokenizer.train("a b", size)


@pytest.mark.parametrize("texts", ["", [], ["", ""]])
def test_no_vocabulary_without_a_text(texts):
    with pytest.raises(ValueError, match="the text is empty"):
        WordTokenizer.train(texts)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["a", "b", "a"], "'a' is in the vocabulary twice"),
        (["a", ""], "at least one character, got ''"),
        (["a", 3], "at least one character, got 3"),
        (["a\ud800"], r"half of a character, U\+D800"),
        ("ab", "words of a tokenizer are a list, got str"),
        (None, "words of a tokenizer are a list, got NoneType"),
    ],
)
def test_words_that_are_no_vocabulary(words, message):
    with pytest.raises(ValueError, match=message):
        tokenizer_from_dict({"type": "word", "words": words, "pattern": "gpt2"})


@pytest.mark.parametrize("pattern", ["gpt5", None, ["gpt2"]])
def test_an_unknown_pattern(pattern):
    with pytest.raises(ValueError, match="pattern must be one of gpt2, gpt4"):
        tokenizer_from_dict({"type": "word", "words": ["a"], "pattern": pattern})
    with pytest.raises(ValueError, match="pattern must be one of gpt2, gpt4"):
        WordTokenizer.train("a b", pattern=pattern)


def test_half_a_character_is_named():
    with pytest.raises(ValueError, match="half of a character"):
        WordTokenizer(("a",)).encode("a\udc80")


def test_it_comes_back_from_its_file(tmp_path):
    tokenizer = WordTokenizer.train("the cat, né 你 \r\n 👩🏽‍🚀 the", pattern="gpt2")
    path = tokenizer.save(tmp_path / "word.json")
    assert load_tokenizer(path) == WordTokenizer.load(path) == tokenizer
    assert hash(load_tokenizer(path)) == hash(tokenizer)
