"""The game language: its checker against the grammar in the card, its sampler, and the stored files."""

import itertools
import math
import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.data import TOKENS, GameCheck, check_game, decode, encode, generate_game, load_games, write_games
from labkit.data.game_grammar import BOS, EOS, GOALS, MECHANICS, OPPOSED, RULES, TYPICAL
from labkit.files import datasets_dir

FOLDER = datasets_dir() / "games"
CARD = (FOLDER / "README.md").read_text(encoding="utf-8")
GOOD = (
    "genre puzzle setting castle entities ghost queen resources gold mana "
    "mechanics solve collect gold goals rescue queen escape castle difficulty hard"
)

games = st.integers(0, 2**32).map(lambda seed: generate_game(random.Random(seed)))
words = st.sampled_from(TOKENS)


# -- a recogniser made from the card's EBNF, by other means than the parser's


def card_grammar() -> dict[str, str]:
    """name -> right-hand side, from the card."""
    (block,) = re.findall(r"```ebnf\n(.*?)```", CARD, re.DOTALL)
    return dict(re.findall(r"(\w+)\s*=\s*(.*?) ;", block, re.DOTALL))


def regex_of(name: str, rules: dict[str, str]) -> str:
    """A regular expression for the texts of `name`, each word with a space after it (no rule is recursive)."""
    text = re.sub(r"(\d+) \* \[ (\w+) \]", lambda m: f"{{{m[2]}}}" * int(m[1]), rules[name])  # {x} stands for [ x ]
    out = ""
    for terminal, nonterminal, optional, sign in re.findall(r'"([^"]+)"|(\w+)|\{(\w+)\}|(\S)', text):
        if terminal:
            out += re.escape(terminal) + " "
        elif nonterminal:
            out += f"(?:{regex_of(nonterminal, rules)})"
        elif optional:
            out += f"(?:{regex_of(optional, rules)})?"
        else:
            out += {",": "", "|": "|", "(": "(?:", ")": ")"}[sign]
    return out


GAME = re.compile(regex_of("game", card_grammar()))
SEQUENCE = re.compile(regex_of("sequence", card_grammar()))


def syntax_is_right(check: GameCheck) -> bool:
    return all(problem.rule != "syntax" for problem in check.problems)


def agree(sequence: list[int]) -> None:
    """The card's grammar and check_game say the same of a sequence, and of its text."""
    text = "".join(f"{TOKENS[i]} " for i in sequence)
    if sequence[:1] == [BOS]:
        assert syntax_is_right(check_game(sequence)) == bool(SEQUENCE.fullmatch(text))
    assert syntax_is_right(check_game(text)) == bool(GAME.fullmatch(text))


@given(games, st.data())
def test_card_and_checker_agree_on_mutated_games(game, data):
    sequence = encode(game)
    for _ in range(data.draw(st.integers(1, 3))):
        i = data.draw(st.integers(0, len(sequence) - 1))
        edit = data.draw(st.sampled_from(["change", "drop", "double", "insert"]))
        new = [TOKENS.index(data.draw(words))]
        sequence[i : i + 1] = {
            "change": new,
            "drop": [],
            "double": [sequence[i]] * 2,
            "insert": [*new, sequence[i]],
        }[edit]
    agree(sequence)


@given(st.lists(words.map(TOKENS.index), max_size=40))
def test_card_and_checker_agree_on_random_tokens(sequence):
    agree(sequence)
    agree([BOS, *sequence, EOS])


@given(st.from_regex(GAME, fullmatch=True))
def test_what_the_card_s_grammar_makes_has_the_right_syntax(text):
    check = check_game(text)
    assert syntax_is_right(check)
    assert check_game(encode(text)).valid == check.valid


def test_the_card_has_the_tokens_the_rules_and_the_genres():
    terminals = re.findall(r'"([^"]+)"', " ".join(card_grammar().values()))
    assert len(terminals) == len(TOKENS)
    assert set(terminals) == set(TOKENS)
    for first, second in [*RULES.items(), *((genre, ", ".join(verbs)) for genre, verbs in TYPICAL.items())]:
        assert f"| {first} | {second} |" in CARD


# -- tokens


def test_74_distinct_tokens():
    assert len(TOKENS) == len(set(TOKENS)) == 74
    assert (TOKENS[BOS], TOKENS[EOS]) == ("<bos>", "<eos>")
    assert (BOS, EOS) == (0, 1)


@given(games)
def test_generated_games_are_valid_and_come_back_from_their_ids(game):
    ids = encode(game)
    assert check_game(game)
    assert check_game(ids)
    assert check_game(ids[1:])
    assert decode(ids) == game
    assert (ids[0], ids[-1]) == (BOS, EOS)
    assert 16 <= len(ids) <= 32
    assert str(check_game(ids)) == "a valid game"


@pytest.mark.parametrize("word", ["castel", "<bos>", "<eos>", "Genre"])
def test_unknown_words_are_named(word):
    with pytest.raises(ValueError, match=f"'{word}' is not one of the 72 words"):
        encode(f"genre {word}")


@pytest.mark.parametrize("number", [-1, 74])
def test_numbers_that_are_no_ids(number):
    with pytest.raises(ValueError, match=f"from 0 to 73, got {number}"):
        decode([BOS, number])
    (problem,) = check_game([BOS, number]).problems
    assert str(problem) == f"token 1: expected 'genre', found '{number}'"


# -- what is wrong


@pytest.mark.parametrize(
    ("old", "new", "position", "rule", "message"),
    [
        ("ghost queen", "ghost queen ghost", 7, "repeated", "'ghost' is already among the entities"),
        ("gold mana", "gold gold", 9, "repeated", "'gold' is already among the resources"),
        (
            "solve collect gold",
            "collect gold solve collect gold",
            14,
            "repeated",
            "'collect gold' is already among the mechanics",
        ),
        ("escape castle", "rescue queen", 17, "repeated", "'rescue queen' is already among the goals"),
        (
            "collect gold",
            "dodge wolf",
            13,
            "entity",
            "mechanic 'dodge wolf' needs wolf, which is not among the entities ghost, queen",
        ),
        (
            "rescue queen",
            "rescue hero",
            16,
            "entity",
            "goal 'rescue hero' needs hero, which is not among the entities ghost, queen",
        ),
        (
            "collect gold",
            "spend wood",
            13,
            "resource",
            "mechanic 'spend wood' needs wood, which is not among the resources gold, mana",
        ),
        (
            "rescue queen",
            "hoard fuel",
            16,
            "resource",
            "goal 'hoard fuel' needs fuel, which is not among the resources gold, mana",
        ),
        (
            "solve collect",
            "jump spend",
            1,
            "genre",
            "the genre puzzle needs a mechanic out of solve, hide, collect; found only 'jump', 'spend gold'",
        ),
        ("escape castle", "escape ocean", 18, "setting", "goal 'escape ocean' leaves ocean, but the setting is castle"),
        (
            "escape castle",
            "defeat queen",
            17,
            "contradiction",
            "goal 'defeat queen' contradicts goal 'rescue queen'",
        ),
    ],
)
def test_each_rule_has_its_problem(old, new, position, rule, message):
    assert check_game(GOOD)
    assert GOOD.count(old) == 1
    game = GOOD.replace(old, new)
    (problem,) = check_game(game).problems
    assert (problem.position, problem.rule, problem.message) == (position, rule, message)
    assert problem.token == game.split()[position]
    (problem,) = check_game(encode(game)).problems
    assert (problem.position, problem.message) == (position + 1, message)
    assert not check_game(game)


@pytest.mark.parametrize(
    "goals", ["defeat ghost rescue queen", "rescue queen protect queen", "hoard gold hoard mana survive"]
)
def test_goals_that_do_not_contradict(goals):
    assert check_game(GOOD.replace("rescue queen escape castle", goals))


def test_every_rule_has_a_broken_example():
    mark = test_each_rule_has_its_problem.pytestmark[0]
    assert {rule for _, _, _, rule, _ in mark.args[1]} == set(RULES)


def test_every_breach_is_told_in_order():
    game = GOOD.replace("solve collect gold", "chase wolf spend wood").replace("escape castle", "defeat queen")
    assert str(check_game(game)).splitlines() == [
        "token 1: the genre puzzle needs a mechanic out of solve, hide, collect; found only 'chase wolf', 'spend wood'",
        "token 12: mechanic 'chase wolf' needs wolf, which is not among the entities ghost, queen",
        "token 14: mechanic 'spend wood' needs wood, which is not among the resources gold, mana",
        "token 18: goal 'defeat queen' contradicts goal 'rescue queen'",
    ]


@pytest.mark.parametrize(
    ("game", "message"),
    [
        ("", "token 0: expected 'genre', found the end"),
        ("setting", "token 0: expected 'genre', found 'setting'"),
        ("genre wolf", "token 1: expected a genre, found 'wolf'"),
        ("genre puzzle entities", "token 2: expected 'setting', found 'entities'"),
        (GOOD.replace("queen resources", "gold resources"), "token 6: expected an entity or 'resources', found 'gold'"),
        (
            GOOD.replace("ghost queen", "ghost queen wolf hero"),
            "token 8: expected 'resources' after 3 entities, found 'hero'",
        ),
        (GOOD.replace("collect gold", "collect ghost"), "token 13: expected a resource to collect, found 'ghost'"),
        (GOOD.replace("escape castle", "escape"), "token 18: expected a place to escape, found 'difficulty'"),
        (GOOD.removesuffix(" hard"), "token 20: expected a difficulty, found the end"),
        (f"{GOOD} hard", "token 21: expected the end, found 'hard'"),
        (f"{GOOD} <eos>", "token 21: expected the end, found '<eos>'"),
        ([], "token 0: expected 'genre', found the end: it was cut off"),
        ([BOS], "token 1: expected 'genre', found the end: it was cut off"),
        (encode(GOOD)[:-1], "token 22: expected '<eos>', found the end: it was cut off"),
        (encode(GOOD)[:18], "token 18: expected a goal or 'difficulty', found the end: it was cut off"),
        ([*encode(GOOD), EOS], "token 23: expected the end, found '<eos>'"),
        ([BOS, *encode(GOOD)], "token 1: expected 'genre', found '<bos>'"),
    ],
)
def test_the_first_syntax_error_is_told(game, message):
    (problem,) = check_game(game).problems
    assert problem.rule == "syntax"
    assert str(problem) == message


@given(games, st.data())
def test_one_changed_token_never_breaks_the_checker(game, data):
    ids = encode(game)
    ids[data.draw(st.integers(0, len(ids) - 1))] = data.draw(st.integers(-2, len(TOKENS) + 1))
    check = check_game(ids)
    assert check.valid == (not check.problems)
    for problem in check.problems:
        assert problem.rule == "syntax" or problem.rule in RULES
        assert 0 <= problem.position <= len(ids)
        if problem.position < len(ids) and 0 <= ids[problem.position] < len(TOKENS):
            assert problem.token == TOKENS[ids[problem.position]]


# -- the dataset


def test_the_embedded_files_are_what_the_sampler_gives(tmp_path):
    write_games(tmp_path)
    made = {path.name for path in tmp_path.iterdir()}
    assert {path.name for path in FOLDER.iterdir()} == made | {"README.md", "game-gpt.txt", "training.csv"}
    for path in tmp_path.iterdir():
        assert (FOLDER / path.name).read_bytes() == path.read_bytes()


def test_the_stored_games_are_valid_different_and_in_the_card_s_grammar():
    train, validation = load_games(), load_games("validation")
    assert (len(train), len(validation)) == (4000, 500)
    assert len({*train, *validation}) == 4500
    assert all(check_game(game) and GAME.fullmatch(f"{game} ") for game in train + validation)
    lengths = [len(game.split()) for game in train + validation]
    assert (min(lengths), max(lengths)) == (14, 29)
    assert f"14 to 29 words, {sum(lengths) / len(lengths):.1f} on average" in CARD
    assert {word for game in train for word in game.split()} == set(TOKENS) - {"<bos>", "<eos>"}


def test_the_card_counts_the_valid_games():
    def listings(n: int, k: int) -> int:
        """Ways to list 1 … k of n things in order."""
        return sum(math.perm(n, i) for i in range(1, k + 1))

    total = 0
    for n_entities, n_resources in itertools.product((1, 2, 3), repeat=2):
        size = {"": 1, "entity": n_entities, "resource": n_resources, "place": 1}
        phrases = sum(size[kind] for kind in MECHANICS.values())
        mechanics = sum(
            listings(phrases, 4) - listings(phrases - sum(size[MECHANICS[verb]] for verb in verbs), 4)
            for verbs in TYPICAL.values()
        )
        items = [(verb, i) for verb, kind in GOALS.items() for i in range(size[kind])]
        goals = sum(
            not any(a[1] == b[1] and b[0] in OPPOSED.get(a[0], ()) for a in chosen for b in chosen)
            for k in (1, 2, 3)
            for chosen in itertools.permutations(items, k)
        )
        total += 9 * 3 * math.perm(14, n_entities) * math.perm(10, n_resources) * mechanics * goals
    assert f"There are {total:,} valid games" in CARD


def test_the_sampler_has_habits():
    train = load_games()

    def share(word: str, of: str) -> float:
        among = [game for game in train if of in game]
        return sum(word in game.split() for game in among) / len(among)

    assert share("alien", "setting space") > 3 * share("alien", "setting forest")
    assert share("hard", "goals survive difficulty") < 0.2


def test_another_seed_gives_other_games(tmp_path):
    write_games(tmp_path, seed=1)
    assert load_games(folder=tmp_path) != load_games()
    assert generate_game(random.Random(3)) == generate_game(random.Random(3))


def test_loading_says_what_is_wrong(tmp_path):
    with pytest.raises(ValueError, match="split must be 'train' or 'validation', got 'test'"):
        load_games("test")
    with pytest.raises(ValueError, match=r"no games at .*train\.txt"):
        load_games(folder=tmp_path)
    (tmp_path / "train.txt").write_text(f"{GOOD}\n{GOOD} hard\n")
    with pytest.raises(ValueError, match=r"train\.txt:2: token 21: expected the end, found 'hard'"):
        load_games(folder=tmp_path)
