"""Whether a game description is in the language of chapter 2, and if not, what is wrong with it.

The syntax decides first: a parser with one word of foresight reads the sections. A description that parses
is then held against the rules, and every breach is told.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from .game_grammar import BOS, EOS, GOALS, MECHANICS, OPPOSED, SECTIONS, TARGETS, TOKENS, TYPICAL, Section

_NOUNS = {"entity": "an entity", "resource": "a resource", "place": "a place"}
_DECLARED = {"entity": "entities", "resource": "resources"}  # the section that declares each kind of target


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a description.

    Attributes:
        position: the index of the token it is about, in the sequence that was checked.
        token: that token; "" if the sequence ended there.
        rule: "syntax" or a name from `RULES`.
        message: what was expected and what was found.
    """

    position: int
    token: str
    rule: str
    message: str

    def __str__(self) -> str:
        return f"token {self.position}: {self.message}"


@dataclass(frozen=True)
class GameCheck:
    """What `check_game` found; true if that is nothing.

    Attributes:
        problems: by position; a single one if the syntax is wrong.
    """

    problems: tuple[Problem, ...] = ()

    @property
    def valid(self) -> bool:
        """Whether the description is in the language."""
        return not self.problems

    def __bool__(self) -> bool:
        return self.valid

    def __str__(self) -> str:
        return "\n".join(map(str, self.problems)) or "a valid game"


def check_game(game: str | Sequence[int]) -> GameCheck:
    """Whether a description is in the language, and if not, why.

    Args:
        game: a text, or a sequence of token ids, which may begin with BOS and must end with EOS: without it
            the description was cut off.

    Returns:
        The first syntax error, or else every breach of a rule.

    Examples:
        >>> text = "genre puzzle setting castle entities ghost resources gold mechanics spend gold goals survive"
        >>> print(check_game(text + " difficulty easy"))
        token 1: the genre puzzle needs a mechanic out of solve, hide, collect; found only 'spend gold'
    """
    if isinstance(game, str):
        reader = _Reader(game.split(), 0, end="")
    else:
        words = [TOKENS[i] if 0 <= i < len(TOKENS) else str(i) for i in game]
        reader = _Reader(words, 1 if words[:1] == [TOKENS[BOS]] else 0, end=TOKENS[EOS])
    try:
        phrases = _parse(reader)
    except _SyntaxError as error:
        return GameCheck((error.problem,))
    return GameCheck(tuple(sorted(_breaches(phrases), key=lambda problem: problem.position)))


@dataclass(frozen=True)
class _Phrase:
    """A parsed phrase: where its first word stands, that word, and its target if it has one."""

    position: int
    head: str
    target: str = ""

    def __str__(self) -> str:
        return f"{self.head} {self.target}".rstrip()


class _SyntaxError(Exception):
    def __init__(self, problem: Problem):
        super().__init__(str(problem))
        self.problem = problem


class _Reader:
    """Reads words one by one; `end` is the word that closes the description, "" if it just ends."""

    def __init__(self, words: list[str], position: int, end: str):
        self.words, self.position, self.end = words, position, end

    @property
    def word(self) -> str:
        """The next word; "" at the end."""
        return self.words[self.position] if self.position < len(self.words) else ""

    def take(self, allowed: Collection[str], expected: str) -> str:
        word = self.word
        if word not in allowed:
            found = repr(word) if word else "the end" + ": it was cut off" * bool(self.end)
            message = f"expected {expected}, found {found}"
            raise _SyntaxError(Problem(self.position, word, "syntax", message))
        self.position += 1
        return word

    def phrase(self, section: Section) -> _Phrase:
        start, head = self.position, self.take(section.phrases, section.noun)
        kind = section.phrases[head]
        return _Phrase(start, head, self.take(TARGETS[kind], f"{_NOUNS[kind]} to {head}") if kind else "")


def _parse(reader: _Reader) -> dict[str, list[_Phrase]]:
    """The phrases of each section, by its keyword."""
    keywords = [section.keyword for section in SECTIONS]
    reader.take(keywords[:1], repr(keywords[0]))
    found = {}
    for section, following in zip(SECTIONS, [*keywords[1:], reader.end], strict=True):
        phrases = [reader.phrase(section)]
        while len(phrases) < section.most and reader.word in section.phrases:
            phrases.append(reader.phrase(section))
        expected = repr(following) if following else "the end"
        if len(phrases) < section.most:
            expected = f"{section.noun} or {expected}"
        elif section.most > 1:
            expected += f" after {section.most} {section.keyword}"
        reader.take((following,), expected)
        found[section.keyword] = phrases
    reader.take(("",), "the end")
    return found


def _breaches(game: dict[str, list[_Phrase]]) -> Iterator[Problem]:
    """Every breach of a rule in a description whose syntax is right."""
    genre, setting = game["genre"][0], game["setting"][0].head
    declared = {kind: [phrase.head for phrase in game[section]] for kind, section in _DECLARED.items()}
    for section, phrases in game.items():
        texts = [str(phrase) for phrase in phrases]
        for i, phrase in enumerate(phrases):
            if texts[i] in texts[:i]:
                yield Problem(phrase.position, phrase.head, "repeated", f"'{phrase}' is already among the {section}")

    if all(phrase.head not in TYPICAL[genre.head] for phrase in game["mechanics"]):
        found = ", ".join(f"'{phrase}'" for phrase in game["mechanics"])
        message = f"the genre {genre.head} needs a mechanic out of {', '.join(TYPICAL[genre.head])}; found only {found}"
        yield Problem(genre.position, genre.head, "genre", message)

    for noun, section in (("mechanic", "mechanics"), ("goal", "goals")):
        for phrase in game[section]:
            kind = (MECHANICS | GOALS)[phrase.head]
            if kind in declared and phrase.target not in declared[kind]:
                message = (
                    f"{noun} '{phrase}' needs {phrase.target}, "
                    f"which is not among the {_DECLARED[kind]} {', '.join(declared[kind])}"
                )
                yield Problem(phrase.position + 1, phrase.target, kind, message)
            if kind == "place" and phrase.target != setting:
                message = f"{noun} '{phrase}' leaves {phrase.target}, but the setting is {setting}"
                yield Problem(phrase.position + 1, phrase.target, "setting", message)

    for i, goal in enumerate(game["goals"]):
        for other in game["goals"][:i]:
            if goal.target == other.target and other.head in OPPOSED.get(goal.head, ()):
                message = f"goal '{goal}' contradicts goal '{other}'"
                yield Problem(goal.position, goal.head, "contradiction", message)
                break  # one problem a goal
