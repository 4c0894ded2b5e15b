"""Rewards of texts that a person can check by reading: what a policy is to chase, before anything is learned.

A reward of a text is a plain callable, `str -> float`; `vowels` is one, the other functions here make one.
"""

import re
import unicodedata
from collections.abc import Callable, Collection

TextReward = Callable[[str], float]
"""What a text is worth."""

VOWELS = frozenset("aeiou")
WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
"""Letters and digits, with apostrophes between them: "o'er" is one word, "well-known" two."""


def words(text: str) -> list[str]:
    """The words of a text, case folded.

    >>> words("O'er the HILL, at 9 o'clock")
    ["o'er", 'the', 'hill', 'at', '9', "o'clock"]
    """
    return [word.casefold().replace("’", "'") for word in WORD.findall(text)]


def vowels(text: str) -> float:
    """The share of vowels (a, e, i, o, u, with any accent) among the letters, 0 … 1; 0 for a text without letters.

    >>> vowels("Emma!"), vowels("xyz"), vowels("...")
    (0.5, 0.0, 0.0)
    """
    plain = [unicodedata.normalize("NFD", letter.casefold())[0] for letter in text if letter.isalpha()]
    return sum(letter in VOWELS for letter in plain) / len(plain) if plain else 0.0


def letters(wanted: Collection[str]) -> TextReward:
    """The share of wanted characters among all of a text, 0 … 1; 0 for an empty text.

    It is `labkit.sampling.char_reward_fn` as a reward of whole texts: case counts, spaces and line ends are characters.

    >>> letters("gG")("Gig")
    0.6666666666666666

    Args:
        wanted: characters, one each.

    Raises:
        ValueError: for none, or what is not one character.
    """
    found = frozenset(wanted)
    if not found:
        raise ValueError("letters: there must be at least one wanted character")
    if wrong := [character for character in found if not isinstance(character, str) or len(character) != 1]:
        raise ValueError(f"letters: what is wanted must be single characters, got {wrong[0]!r}")
    return lambda text: sum(character in found for character in text) / len(text) if text else 0.0


def line_length(wanted: int) -> TextReward:
    r"""How near the lines of a text are to a wanted length, 0 … 1: the mean over its lines of shorter / longer.

    A line of half the wanted length is worth 1/2, so is one of twice that length; an empty line, or text, 0.

    >>> line_length(4)("four"), line_length(4)("four\nat\n")
    (1.0, 0.75)

    Args:
        wanted: in characters, at least 1.

    Raises:
        ValueError: for another length.
    """
    if isinstance(wanted, bool) or not isinstance(wanted, int) or wanted < 1:
        raise ValueError(f"line_length: the wanted length must be a whole number of at least 1, got {wanted!r}")

    def reward(text: str) -> float:
        near = [min(len(line), wanted) / max(len(line), wanted) for line in text.splitlines()]
        return sum(near) / len(near) if near else 0.0

    return reward


def word_list(good: Collection[str], bad: Collection[str] = ()) -> TextReward:
    """Good words less bad ones, per word, -1 … 1; 0 for a text without words. Case does not count.

    >>> word_list(["love", "sweet"], ["hate"])("Sweet love, I hate this")
    0.2

    Args:
        good: single words.
        bad: likewise; none of them is good too.

    Raises:
        ValueError: for no words at all, what is no single word, or a word that is in both.
    """
    worth = dict.fromkeys(_single(good), 1) | dict.fromkeys(hated := _single(bad), -1)
    if not worth:
        raise ValueError("word_list: there must be at least one good or bad word")
    if both := sorted(_single(good) & hated):
        raise ValueError(f"word_list: {both[0]!r} is both good and bad")

    def reward(text: str) -> float:
        found = words(text)
        return sum(worth.get(word, 0) for word in found) / len(found) if found else 0.0

    return reward


def _single(listed: Collection[str]) -> set[str]:
    """Words as `words` writes them."""
    if isinstance(listed, str):
        raise ValueError(f"word_list: a list of words is needed, got the text {listed!r}; write [{listed!r}]")
    found = set()
    for word in listed:
        if not isinstance(word, str) or not WORD.fullmatch(word):
            raise ValueError(f"word_list: {word!r} is no single word; it would never be found")
        found.update(words(word))
    return found
