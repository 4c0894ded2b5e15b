"""Rewards of texts: worked cases, ranges for any text, and what does not change them."""

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.rlhf import rewards
from labkit.rlhf.rewards import letters, line_length, vowels, word_list, words

TEXTS = st.text(st.sampled_from("aeiouxyzAEB éß\n'’.,9-"), max_size=40)


def test_docstrings():
    results = doctest.testmod(rewards)
    assert (results.attempted > 4, results.failed) == (True, 0)


@pytest.mark.parametrize(
    ("text", "share"), [("", 0), ("123 !", 0), ("bcd", 0), ("aeiou", 1), ("AbÉ", 2 / 3), ("a-b c.d", 1 / 4)]
)
def test_vowels_are_counted_among_letters(text, share):
    assert vowels(text) == pytest.approx(share)


def test_letters_counts_every_character_and_keeps_case_apart():
    reward = letters(["g", "o"])
    assert reward("go Go") == pytest.approx(3 / 5)
    assert (reward(""), reward("xyz"), reward("gog")) == (0, 0, 1)
    assert letters({"\n"})("a\n") == 0.5


def test_line_length_falls_alike_on_both_sides_by_ratio():
    reward = line_length(10)
    assert reward("x" * 10) == 1
    assert reward("x" * 5) == reward("x" * 20) == pytest.approx(0.5)
    assert reward("x" * 10 + "\n\n" + "x" * 5) == pytest.approx((1 + 0 + 0.5) / 3)
    assert reward("") == 0
    values = [reward("x" * n) for n in range(25)]
    assert max(range(25), key=values.__getitem__) == 10
    assert values[:11] == sorted(values[:11])
    assert values[10:] == sorted(values[10:], reverse=True)


def test_words_are_whole_and_case_does_not_count():
    reward = word_list(["Good", "o’er"], ["bad"])
    assert reward("GOOD bad good x") == pytest.approx(1 / 4)
    assert reward("goods badly") == 0  # parts of words are no words
    assert reward("good") == 1
    assert reward("bad, bad!") == -1
    assert reward("O'er") == 1  # both apostrophes are one
    assert reward("...") == 0
    assert words("a-b_c") == ["a", "b", "c"]


@given(TEXTS)
def test_every_reward_stays_in_its_range_and_is_a_float(text):
    for reward, low in ((vowels, 0), (letters("ax"), 0), (line_length(7), 0), (word_list(["a"], ["x"]), -1)):
        value = reward(text)
        assert isinstance(value, float)
        assert low <= value <= 1


@given(TEXTS)
def test_good_and_bad_turned_round_turn_the_sign(text):
    assert word_list(["a", "b"], ["x"])(text) == -word_list(["x"], ["a", "b"])(text)


@given(TEXTS, TEXTS)
def test_the_share_of_letters_of_two_texts_is_their_weighted_mean(first, second):
    reward, n = letters("aex"), len(first) + len(second)
    whole = reward(first) * len(first) + reward(second) * len(second)
    assert reward(first + second) * n == pytest.approx(whole)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: letters([]), "at least one wanted character"),
        (lambda: letters(["ab"]), "single characters, got 'ab'"),
        (lambda: letters([3]), "single characters, got 3"),
        (lambda: line_length(0), "whole number of at least 1, got 0"),
        (lambda: line_length(2.5), "got 2.5"),
        (lambda: line_length(True), "got True"),
        (lambda: word_list([]), "at least one good or bad word"),
        (lambda: word_list("love"), r"got the text 'love'; write \['love'\]"),
        (lambda: word_list(["true love"]), "'true love' is no single word"),
        (lambda: word_list(["a", ""]), "'' is no single word"),
        (lambda: word_list(["Love"], ["love"]), "'love' is both good and bad"),
    ],
)
def test_what_cannot_be_is_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()
