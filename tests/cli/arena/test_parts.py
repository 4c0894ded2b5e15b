"""The parts of the arena's shell: completion, usage lines, words, numbers, tables and colour."""

import io

import pytest

from labkit.cli.arena.commands import Usage, UsageError, nearest, split
from labkit.cli.arena.text import number, paint, table


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("tr", ["train "]),
        ("sw", ["switch "]),
        ("switch ", ["Tiny ", "Wide "]),
        ("switch w", ["Wide "]),
        ("battle ", ["Tiny ", "Wide ", "energy=", "fresh=no ", "fresh=yes "]),
        ("battle Tiny W", ["Wide "]),
        ("battle Tiny Wide f", ["fresh=no ", "fresh=yes "]),
        ("config le", ["learning_rate "]),
        ("visualize ", ["gradients ", "loss ", "updates "]),
        ("load ", ["Kept "]),
        ("save Tiny ", ["Wide "]),
        ("help vis", ["visualize "]),
        ("train ", []),
        ("nonsense ", []),
    ],
)
def test_tab_completes_what_the_usage_allows(shell, line, expected, play):
    play(shell, "create_agent Kept 4 1 2", "save", "forget Kept")
    play(shell, "create_agent Tiny 4 1 2", "create_agent Wide 8 1 2")
    text = line.rsplit(" ", 1)[-1]
    if " " not in line:
        found = shell.completenames(text)
    else:
        name = line.split()[0]
        complete = getattr(shell, f"complete_{name}", shell.completedefault)
        found = complete(text, line, len(line) - len(text), len(line))
    assert found == expected


def test_a_usage_reads_words_and_options_in_any_order():
    usage = Usage("battle AGENT AGENT [STEPS] [energy=J] [fresh=yes|no]")
    given = usage.read(["fresh=no", "a", "energy=3", "b"])
    assert (given.words, given.options) == (["a", "b"], {"fresh": "no", "energy": "3"})
    assert given.word(2) is None
    with pytest.raises(UsageError, match=r"missing: AGENT$"):
        usage.read(["a"])
    assert Usage("save [AGENT ...]").read(list("abc")).words == ["a", "b", "c"]


def test_words_keep_backslashes_and_quoted_spaces_and_end_at_a_comment():
    assert split(r"tournament 5 'my folder' C:\agents # all") == ["tournament", "5", "my folder", r"C:\agents"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("tournament 10 class#2", ["tournament", "10", "class#2"]),
        ("tournament 10 class#2 # don't", ["tournament", "10", "class#2"]),
        ("save 'a #1' \"b # c\" d#'e f'", ["save", "a #1", "b # c", "d#e f"]),
        ("# all of it", []),
        ("\t#x", []),
        ("train 5 #", ["train", "5"]),
    ],
)
def test_a_comment_begins_at_the_start_of_a_word(line, words):
    assert split(line) == words


def test_nearest_prefers_the_only_word_that_begins_so():
    assert nearest("gen", ["generate", "agents"]) == "generate"
    assert nearest("GENRATE", ["generate", "agents"]) == "generate"
    assert nearest("zzz", ["generate", "agents"]) is None


def test_numbers_and_tables_are_for_reading():
    numbers = (0.0, 0.04123, 3.2967, 12.345, 123.45, 1234.5, 1e9, float("inf"))
    assert [number(x) for x in numbers] == ["0", "0.0412", "3.297", "12.35", "123.5", "1,234", "1.0e+09", "infinite"]
    assert table(("a", "n"), [("x", 5), ("yy", None), ("z", 1234)]) == "a       n\nx       5\nyy      -\nz   1,234"


def test_colour_only_on_a_terminal_that_wants_it(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert paint("x", "good", Terminal()) == "\033[32mx\033[0m"
    assert paint("x", "good", io.StringIO()) == "x"
    monkeypatch.setenv("NO_COLOR", "1")
    assert paint("x", "good", Terminal()) == "x"
