"""The language of chapter 2: short descriptions of games, made of 74 tokens.

A description has seven sections in a fixed order. What may stand in each is in `SECTIONS`, as data, and the
parser (labkit.data.game_check) walks over it. Beyond this syntax a description keeps six `RULES` that look
back at words said before: the kind of thing that attention can learn and a table of word pairs cannot.
The grammar in EBNF is in datasets/games/README.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

PEOPLE = ("hero", "knight", "wizard", "pirate", "merchant", "queen")
CREATURES = ("robot", "alien", "ghost", "zombie", "dragon", "goblin", "wolf", "spider")
ENTITIES = PEOPLE + CREATURES
RESOURCES = ("gold", "gems", "wood", "stone", "food", "water", "fuel", "energy", "mana", "ammo")
PLACES = ("forest", "jungle", "desert", "island", "ocean", "castle", "dungeon", "city", "space")
DIFFICULTIES = ("easy", "normal", "hard")

TARGETS: dict[str, tuple[str, ...]] = {"entity": ENTITIES, "resource": RESOURCES, "place": PLACES}
"""The kinds of thing that a verb can ask for after it."""

MECHANICS = (
    dict.fromkeys(("jump", "climb", "race", "hide", "solve"), "")
    | dict.fromkeys(("collect", "spend", "trade", "store", "share"), "resource")
    | dict.fromkeys(("fight", "dodge", "chase", "befriend", "command"), "entity")
)
"""What the player does: each verb with the kind of its target ("" for none)."""

GOALS = dict.fromkeys(("defeat", "rescue", "protect"), "entity") | {
    "hoard": "resource",
    "escape": "place",
    "survive": "",
}
"""What wins the game: each verb with the kind of its target ("" for none)."""

OPPOSED = {"defeat": ("rescue", "protect"), "rescue": ("defeat",), "protect": ("defeat",)}
"""The goals that no game has both of, for the same entity."""

TYPICAL = {
    "puzzle": ("solve", "hide", "collect"),
    "platformer": ("jump", "climb", "dodge"),
    "racing": ("race", "chase", "dodge"),
    "strategy": ("command", "spend", "trade"),
    "adventure": ("climb", "befriend", "fight"),
    "shooter": ("fight", "dodge", "hide"),
    "survival": ("hide", "store", "collect"),
    "simulation": ("trade", "store", "share"),
}
"""Each genre with the mechanics that make a game one of its kind."""

RULES = {
    "repeated": "Nothing is listed twice in a section.",
    "entity": "A mechanic or goal names only entities of this game.",
    "resource": "A mechanic or goal uses only resources of this game.",
    "genre": "At least one mechanic is typical of the genre.",
    "setting": "The place to escape is the setting.",
    "contradiction": "Nobody is both to be defeated and to be rescued or protected.",
}
"""What a description keeps beyond its syntax: the name of each rule, and the rule."""


@dataclass(frozen=True)
class Section:
    """One section of a description: its keyword and, after it, one to `most` phrases.

    Attributes:
        keyword: the word that opens it.
        noun: what its phrases are called in a message, with the article.
        phrases: each word that can open a phrase, with the kind of target that follows ("" for none).
        most: the most phrases it can have.
    """

    keyword: str
    noun: str
    phrases: Mapping[str, str]
    most: int = 1


SECTIONS = (
    Section("genre", "a genre", dict.fromkeys(TYPICAL, "")),
    Section("setting", "a place", dict.fromkeys(PLACES, "")),
    Section("entities", "an entity", dict.fromkeys(ENTITIES, ""), most=3),
    Section("resources", "a resource", dict.fromkeys(RESOURCES, ""), most=3),
    Section("mechanics", "a mechanic", MECHANICS, most=4),
    Section("goals", "a goal", GOALS, most=3),
    Section("difficulty", "a difficulty", dict.fromkeys(DIFFICULTIES, "")),
)

BOS, EOS = 0, 1
TOKENS: tuple[str, ...] = (
    "<bos>",
    "<eos>",
    *(section.keyword for section in SECTIONS),
    *(word for section in SECTIONS for word in section.phrases),
)
"""Every token, by its id."""

_IDS = {token: i for i, token in enumerate(TOKENS) if i not in (BOS, EOS)}


def encode(text: str) -> list[int]:
    """The ids of a description, with BOS before and EOS after.

    Args:
        text: words parted by spaces.

    Raises:
        ValueError: for a word that is no token of the language (BOS and EOS are not written in a text).
    """
    unknown = [word for word in text.split() if word not in _IDS]
    if unknown:
        raise ValueError(f"encode: {unknown[0]!r} is not one of the {len(_IDS)} words of the game language")
    return [BOS, *(_IDS[word] for word in text.split()), EOS]


def decode(ids: Sequence[int]) -> str:
    """The text of a sequence of ids, without BOS and EOS wherever they stand.

    Raises:
        ValueError: for a number that is no id.
    """
    unknown = [i for i in ids if not 0 <= i < len(TOKENS)]
    if unknown:
        raise ValueError(f"decode: a token id is from 0 to {len(TOKENS) - 1}, got {unknown[0]}")
    return " ".join(TOKENS[i] for i in ids if i not in (BOS, EOS))
