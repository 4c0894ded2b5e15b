import json
import math
import multiprocessing
from datetime import datetime

import pytest
from filelock import FileLock

from labkit.arena import Battle, leaderboard
from labkit.arena.leaderboard import Entry, Leaderboard, entries_of

WHEN = "2026-01-31T12:00:00+00:00"


def entry(agent="ada", score=50.0, energy=100.0, **other):
    values = {"perplexity": 12.5, "uniqueness": 0.9, "steps": 500, "parameters": 4192, "when": WHEN}
    return Entry(agent, score, energy, **values | other)


@pytest.fixture
def board(tmp_path):
    return Leaderboard(tmp_path / "boards" / "names.jsonl")


def agents(board, **kwargs):
    return [e.agent for e in board.ranking(**kwargs)]


def test_nothing_yet(board):
    assert board.entries() == board.ranking() == []
    assert list(board.table().columns[:4]) == ["agent", "score", "score_per_kj", "energy"]
    assert not board.path.exists()
    assert not board.path.parent.exists()


def test_what_is_added_is_read_by_another_board(board):
    kept = [entry(), entry("bob", 20, 3, perplexity=math.inf, uniqueness=0, steps=0), entry("Zoë", 0, 0)]
    for one in kept:
        board.add(one)
    assert Leaderboard(str(board.path)).entries() == kept
    lines = board.path.read_text(encoding="utf-8").splitlines()
    assert json.loads(lines[0]) == {
        "agent": "ada",
        "score": 50.0,
        "energy": 100.0,
        "perplexity": 12.5,
        "uniqueness": 0.9,
        "steps": 500,
        "parameters": 4192,
        "when": WHEN,
    }
    assert json.loads(lines[1])["perplexity"] is None
    assert "Zoë" in lines[2]


@pytest.mark.parametrize(
    ("score", "energy", "rating"),
    [(50, 100, 500), (50, 1000, 50), (50, 0, math.inf), (0, 0, 0), (0, 10, 0), (100, 0.5, 200_000)],
)
def test_points_per_kilojoule(score, energy, rating):
    assert entry(score=score, energy=energy).rating == rating


def test_the_ranking(board):
    added = [
        (entry("frugal", 30, 15), 1),
        (entry("good", 90, 100), 2),
        (entry("late twin", 40, 20), 1),  # the same points per kilojoule as frugal, and more points
        (entry("sharper", 30, 15, perplexity=12), 2),  # the same as frugal, and a lower perplexity
        (entry("again", 30, 15), 4),  # the same as frugal: who was first leads
        (entry("nothing", 0, 0), 6),
        (entry("free", 25, 0), 1),
    ]
    assert [board.add(one) for one, _ in added] == [rank for _, rank in added]
    assert agents(board) == ["free", "late twin", "sharper", "frugal", "again", "good", "nothing"]


def test_cheap_first_points_do_not_lead(board):
    """Under 25 points an attempt comes after those above, and by its score, however little it cost."""
    for name, score, energy in (("ten steps", 5, 0.4), ("twenty", 24.9, 0.8), ("trained", 25, 100), ("one step", 5, 0)):
        board.add(entry(name, score, energy))
    assert agents(board) == ["trained", "twenty", "ten steps", "one step"]


def test_one_row_per_agent_or_all_attempts(board):
    for name, score in (("ada", 50), ("bob", 60), ("ada", 70), ("ada", 10)):
        board.add(entry(name, score))
    assert [(e.agent, e.score) for e in board.ranking()] == [("ada", 70), ("bob", 60)]
    assert [e.score for e in board.ranking(all_attempts=True)] == [70, 60, 50, 10]
    assert len(board.entries()) == 4


def test_the_table(board):
    board.add(entry("ada", 50, 100))
    board.add(entry("bob", 50, 10))
    table = board.table()
    assert table.index.name == "rank"
    assert table.index.tolist() == [1, 2]
    assert table["agent"].tolist() == ["bob", "ada"]
    assert table["score_per_kj"].tolist() == [5000, 500]
    assert len(board.table(all_attempts=True)) == 2


def test_an_entry_is_dated(board):
    board.add(entry(when=""))
    (kept,) = board.entries()
    assert datetime.fromisoformat(kept.when).utcoffset().total_seconds() == 0


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("agent", "", "agent must be a name in one line"),
        ("agent", "two\nlines", "agent must be"),
        ("score", 10**400, "score must be a number of 0 or more, got 1000"),
        ("energy", 10**400, "energy must be"),
        ("score", -1, "score must be a number of 0 or more, got -1"),
        ("score", math.nan, "score must be"),
        ("score", "50", "score must be"),
        ("energy", -0.1, "energy must be"),
        ("energy", math.inf, "energy must be"),
        ("perplexity", 0.5, "perplexity must be a number of 1 or more"),
        ("perplexity", math.nan, "perplexity must be"),
        ("uniqueness", 1.01, "uniqueness must be a number 0 … 1, got 1.01"),
        ("steps", 1.5, "steps must be a whole number"),
        ("steps", True, "steps must be"),
        ("parameters", -1, "parameters must be"),
        ("when", "yesterday", "when must be a date and time"),
        ("when", "2026-01-31T12:00:00", "when needs a time zone"),
        ("when", 5, "when must be"),
    ],
)
def test_entries_that_cannot_be(key, value, message):
    with pytest.raises(ValueError, match=message):
        entry(**{key: value})


GOOD = json.dumps(entry().to_row())


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"agent": "ada", ', "Expecting"),
        (b"[1, 2]", "expected an object with agent"),
        (b'{"agent": "ada"}', "no score, energy"),
        (GOOD.replace("}", ', "cheat": 1}').encode(), "unknown: cheat"),
        (GOOD.replace("50.0", '"50"').encode(), "score must be a number"),
        (GOOD.replace("50.0", "NaN").encode(), "score must be a number"),
        (GOOD.replace(WHEN, "").encode(), "when must be"),
        (GOOD.replace("50.0", "1" + 400 * "0").encode(), "a whole number with 401 digits"),
        (GOOD.replace("50.0", "1e999").encode(), "score must be a number"),
        (b"[" * 100_000, "nested too deeply"),
        (b"\xff\xfe\x00broken", "codec can't decode"),
    ],
)
def test_a_broken_line_is_named_and_nothing_is_written(board, line, reason):
    board.path.parent.mkdir()
    content = b"\n".join([GOOD.encode(), line, GOOD.encode(), b""])
    board.path.write_bytes(content)
    for act in (board.entries, board.ranking, board.table, lambda: board.add(entry())):
        with pytest.raises(ValueError, match="not an entry") as raised:
            act()
        assert str(raised.value).startswith(f"{board.path}, line 2: ")
        assert reason in str(raised.value)
    assert board.path.read_bytes() == content


def test_what_an_editor_leaves_is_no_harm(board):
    board.path.parent.mkdir()
    board.path.write_bytes(f"{GOOD}\r\n\n  \n{GOOD}".encode())  # other line ends, empty lines, none at the end
    board.add(entry("bob"))
    assert [e.agent for e in board.entries()] == ["ada", "ada", "bob"]


def test_a_lock_that_is_held_is_waited_for_and_given_up(board, monkeypatch):
    board.add(entry())
    monkeypatch.setattr(leaderboard, "LOCK_SECONDS", 0.01)
    with FileLock(f"{board.path}.lock"), pytest.raises(TimeoutError, match=r"names\.jsonl: another writer"):
        board.add(entry("bob"))
    assert board.add(entry("bob")) == 2


def add_some(path, writer, n):
    for i in range(n):
        Leaderboard(path).add(entry(f"agent-{writer}", i, steps=i))


def test_writers_at_once_lose_nothing(board):
    writers, each = 4, 15
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=add_some, args=(board.path, w, each)) for w in range(writers)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0] * writers
    kept = [(e.agent, e.steps) for e in board.entries()]
    assert sorted(kept) == sorted((f"agent-{w}", i) for w in range(writers) for i in range(each))
    for w in range(writers):  # each writer's own are in its order
        assert [steps for agent, steps in kept if agent == f"agent-{w}"] == list(range(each))


def test_several_attempts_are_one_write_and_rank_as_their_best(board, monkeypatch):
    writes = []
    write = leaderboard.write_atomic
    monkeypatch.setattr(leaderboard, "write_atomic", lambda *args: writes.append(args) or write(*args))
    assert board.add(entry("ada", 30), entry("bob", 60)) == 1
    assert len(writes) == 1
    assert board.add(entry("cy", 20), entry("dee", 50)) == 2
    assert [e.agent for e in board.entries()] == ["ada", "bob", "cy", "dee"]


def test_the_entries_of_a_battle_count_what_came_before(make):
    a, b = make("a"), make("b", n_embd=8)
    a.train(3)
    spent = a.budget.spent
    for fresh in (True, False):
        battle = Battle(a, b, steps=2, fresh=fresh, n_names=5)
        a.train(1)  # the battle counts what its copy had, whatever the agent does meanwhile
        list(battle)
        result = battle.result()
        first, second = entries_of(battle, result)
        before = (0, 0.0) if fresh else (4, spent)
        assert (first.agent, first.score, first.uniqueness) == ("a", result.a.score, result.a.uniqueness)
        assert first.steps == before[0] + 2
        assert first.energy == pytest.approx(before[1] + result.a.energy)
        assert (second.steps, second.energy) == (2, result.b.energy)
        assert second.parameters == len(b.run.model.params)
        spent = a.budget.spent
