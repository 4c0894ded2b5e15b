"""The preference panel, headless: answers, undo, going on where a file ends, drawn pairs, a second labeller."""

import threading

import pytest

from labkit.rlhf.preferences import Comparison, PreferenceFile, SimulatedLabeller
from labkit.widgets import PreferencePanel
from labkit.widgets.preferences import AHEAD, LATEST

PAIRS = [("p", f"sample {i}", f"longer sample {i}") for i in range(12)]
LONG = 30


@pytest.fixture
def path(tmp_path):
    return tmp_path / "mine.jsonl"


@pytest.fixture
def panel(made, path):
    """`panel(pairs, wanted=…)`: a panel on the test's file."""
    return lambda pairs=PAIRS, **options: made(PreferencePanel, pairs, **{"path": path} | options)


def press(panel, **message):
    """What the page sends."""
    panel.view._handle_custom_msg({"turn": panel.view.shown["turn"]} | message, [])


def answer_all(panel):
    """Prefer the longer sample of every pair."""
    while pair := panel.wait(LONG):
        panel.choose("a" if len(pair.left) > len(pair.right) else "b")


def test_answers_are_kept_in_the_pairs_own_order_at_once(panel, path):
    p, left = panel(), []
    assert (p.state, p.view.shown["counter"]) == ("choosing", "0 of 12")
    while pair := p.wait():
        assert p.view.shown["samples"] == [pair.left, pair.right]
        left.append(pair.left)
        n = len(left)
        p.choose("a")  # always the one on the left
        assert PreferenceFile(path).comparisons[n:] == []
        assert PreferenceFile(path).comparisons[n - 1] == p.comparisons[-1]
    assert [(c.prompt, c.a, c.b) for c in p.comparisons] == PAIRS
    assert [getattr(c, c.choice) for c in p.comparisons] == left
    assert {c.choice for c in p.comparisons} == {"a", "b"}  # the sides were changed round at times
    assert (p.state, p.view.shown["counter"], repr(p)) == ("done", "12 of 12", "PreferencePanel (done, 12 of 12)")
    with pytest.raises(ValueError, match=r"no pair on show \(done\)"):
        p.choose("a")


def test_the_sides_are_even_and_depend_on_pair_and_seed_alone(panel, tmp_path):
    many = [("", f"x{i}", f"y{i}") for i in range(400)]

    def on_the_left(seed, pairs):
        p, found = panel(pairs, seed=seed, path=tmp_path / f"{seed} {len(pairs)}.jsonl"), {}
        for prompt, a, b in pairs:
            found[a] = p._swapped(prompt, a, b)
        return found

    first, other = on_the_left(0, many), on_the_left(1, many)
    assert 150 < sum(first.values()) < 250  # five standard deviations
    assert 150 < sum(first[a] == other[a] for a in first) < 250
    assert on_the_left(0, many[100:300]) == {a: first[a] for _, a, _ in many[100:300]}


def test_undo_any_number_and_the_same_pairs_come_again(panel, path):
    p, seen = panel(), []
    for choice in ("a", "tie", "skip", "b", "a"):
        seen.append(p.pair)
        p.choose(choice)
    kept = p.comparisons
    assert [p.undo() for _ in range(6)] == [*kept[::-1], None]
    assert path.read_bytes() == b""
    again = []
    for choice in ("a", "tie", "skip", "b", "a"):
        again.append(p.pair)
        p.choose(choice)
    assert (again, p.comparisons) == (seen, kept)
    assert p.view.shown["tally"] == "3 preferences, 1 tie, 1 skip"


def test_it_goes_on_where_the_file_ends(panel, path):
    p = panel()
    for choice in ("a", "skip", "b"):
        p.choose(choice)
    following, kept = p.pair, p.comparisons
    resumed = panel()
    assert (resumed.pair, resumed.view.shown["counter"]) == (following, "3 of 12")
    assert resumed.undo() == kept[-1]
    assert resumed.pair != following
    resumed.choose("tie")
    answer_all(resumed)
    assert [(c.prompt, c.a, c.b) for c in resumed.comparisons] == PAIRS
    assert panel().state == "done"
    assert panel([*PAIRS, PAIRS[3]]).pair is not None  # the same pair once more is one more


def test_a_part_of_the_pairs(panel):
    p = panel(wanted=5)
    answer_all(p)
    assert [(c.prompt, c.a, c.b) for c in p.comparisons] == PAIRS[:5]
    assert panel(wanted=99).wanted == 12


def test_what_the_page_sends(panel):
    p = panel()
    old = p.view.shown["turn"]
    press(p, choose="b")
    assert len(p.comparisons) == 1
    press(p, choose="b", turn=old)  # meant for the pair before
    press(p, choose="up")
    assert "must be one of a, b, tie, skip" in p.failure.value
    press(p, choose=["a"])
    press(p, other=1, turn=None)
    p.view._handle_custom_msg("a", [])
    assert len(p.comparisons) == 1
    press(p, undo=True)
    assert (p.comparisons, p.error, p.failure.value) == ([], None, "")
    press(p, undo=True)
    assert p.comparisons == []


def test_a_file_that_cannot_be_written_is_told_and_the_pair_stays(panel, path):
    p = panel()
    pair = p.pair
    path.mkdir()
    press(p, choose="a")
    assert "mine.jsonl" in p.failure.value
    assert (p.pair, p.view.shown["counter"]) == (pair, "0 of 12")
    path.rmdir()
    press(p, choose="a")
    assert (len(p.comparisons), p.failure.value) == (1, "")


def test_samples_are_text(panel):
    p = panel([("<i>", "<b>x</b>", "</script>")])
    assert p.view.shown["html"] is False
    assert sorted(p.view.shown["samples"]) == ["</script>", "<b>x</b>"]
    assert p.view.shown["prompt"] == "<i>"


def test_samples_that_are_rendered(panel):
    def render(text):
        if text == "bad":
            raise KeyError("<no hold>")
        return f"<svg><title>{text}</title></svg>"

    p = panel([("", "good", "bad")], render=render)
    assert p.view.shown["html"] is True
    good, bad = sorted(p.view.shown["samples"], key=lambda html: "KeyError" in html)
    assert good == "<svg><title>good</title></svg>"
    assert "&lt;no hold&gt;" in bad
    p.choose("skip")
    assert p.state == "done"


# -- pairs that are drawn


def test_pairs_are_drawn_in_a_thread_one_ahead(panel):
    asked, threads = [], set()

    def draw(i):
        asked.append(i)
        threads.add(threading.current_thread())
        return "p", f"x{i}", f"y{i}"

    p = panel(draw, wanted=6)
    assert p.wait(LONG)
    p.driver.wait(LONG)
    assert asked == list(range(AHEAD))
    answer_all(p)
    assert asked == list(range(6))
    assert threading.main_thread() not in threads
    assert [c.a for c in p.comparisons] == [f"x{i}" for i in range(6)]
    assert p.view.shown["counter"] == "6 of 6"
    for _ in range(4):
        p.undo()
    answer_all(p)
    assert asked == list(range(6))  # those that were undone come again, and no others
    assert len(p.comparisons) == 6


def test_a_resumed_panel_draws_the_next_numbers(panel, path):
    PreferenceFile(path).append(*(Comparison("", f"x{i}", f"y{i}", "a") for i in range(4)))
    p = panel(lambda i: ("", f"x{i}", f"y{i}"))
    assert p.wanted == 30
    assert set(p.wait(LONG)[1:]) == {"x4", "y4"}


def test_the_kernel_is_free_while_a_pair_is_drawn(panel):
    gate = threading.Event()

    def draw(i):
        assert gate.wait(LONG)
        return "", "x", "y"

    p = panel(draw, wanted=1)
    assert (p.state, p.pair) == ("drawing", None)
    with pytest.raises(ValueError, match=r"no pair on show \(drawing\)"):
        p.choose("a")
    press(p, choose="a")
    gate.set()
    assert p.wait(LONG)
    assert p.comparisons == []


@pytest.mark.parametrize("error", [ValueError("<no> model"), KeyError("<no> model")])
def test_what_cannot_be_drawn_is_told_and_can_be_tried_again(panel, error):
    broken = [error]

    def draw(i):
        if broken:
            raise broken[0]
        return "", "x", "y"

    p = panel(draw)
    with pytest.raises(type(error)):
        p.wait(LONG)
    assert p.view.shown["state"] == "failed"
    assert "&lt;no&gt; model" in p.failure.value
    broken.clear()
    press(p, again=True)
    assert p.wait(LONG)
    p.choose("a")
    assert p.failure.value == ""


def test_a_closed_panel_draws_no_more(path):
    asked = []
    p = PreferencePanel(lambda i: asked.append(i) or ("", "x", "y"), path, key="closed")
    p.driver.wait(LONG)
    p.close()
    p.choose("a")
    assert asked == list(range(AHEAD))


# -- the second labeller


@pytest.mark.parametrize("kind", ["simulated", "callable", "answers", "file"])
def test_agreement_with_a_second_labeller(panel, tmp_path, kind):
    labeller = SimulatedLabeller(len)
    theirs = PreferenceFile(tmp_path / "theirs.jsonl")
    theirs.append(*(c.mirrored for c in labeller.label(PAIRS)))
    seconds = {"simulated": labeller, "callable": labeller.choose, "answers": theirs.comparisons, "file": theirs}
    p = panel(second=seconds[kind])
    assert "no pair yet" in p.view.shown["said"]
    for i in range(8):
        longer = "a" if len(p.pair.left) > len(p.pair.right) else "b"
        p.choose(longer if i < 6 else "tie")
    p.choose("skip")
    assert "the same answer to 75 % of 8 pairs" in p.view.shown["said"]
    assert [row["second"] for row in p.view.shown["rows"]] == [None, *["b"] * 8]


def test_a_file_that_grows_meanwhile_is_read_again(panel, tmp_path):
    theirs = PreferenceFile(tmp_path / "theirs.jsonl")
    p = panel(second=theirs)
    p.choose("tie")
    theirs.append(Comparison(*PAIRS[0], "tie"))
    p.choose("tie")
    assert "100 % of 1 pair." in p.view.shown["said"]  # chance explains it all: no kappa


@pytest.mark.parametrize("said", [lambda a, b: 1 / 0, lambda a, b: "left"])
def test_a_second_labeller_that_fails_costs_no_answer(panel, said):
    p = panel(second=said)
    p.choose("a")
    assert "The second labeller cannot be asked" in p.view.shown["said"]
    assert len(p.comparisons) == 1


def test_a_callable_is_asked_once_a_pair(panel):
    asked = []
    p = panel(second=lambda a, b: asked.append((a, b)) or "b")
    answer_all(p)
    assert asked == [pair[1:] for pair in PAIRS]


def test_the_list_is_of_the_latest(panel, path):
    answers = SimulatedLabeller(len).label([("", "x" * i, "") for i in range(LATEST + 7)], "you")
    PreferenceFile(path).append(*answers)
    shown = panel().view.shown
    assert [row["number"] for row in shown["rows"]] == list(range(LATEST + 7, 7, -1))
    assert shown["earlier"] == 7


# -- what is refused


@pytest.mark.parametrize(
    ("pairs", "options", "message"),
    [
        ([], {}, "there are no pairs"),
        ([("p", "a", "b"), ("p", "a")], {}, r"pairs\[1\] must be three texts"),
        (["pab"], {}, r"pairs\[0\] must be three texts \(prompt, a, b\), got 'pab'"),
        ([("p", "a", 3)], {}, r"pairs\[0\] must be three texts"),
        (PAIRS, {"wanted": 0}, "wanted must be a whole number of 1 or more, got 0"),
        (PAIRS, {"wanted": 2.5}, "wanted must be"),
    ],
)
def test_what_makes_no_sense_is_refused(panel, pairs, options, message):
    with pytest.raises(ValueError, match=message):
        panel(pairs, **options)


def test_a_pair_that_is_drawn_must_be_one(panel):
    with pytest.raises(ValueError, match=r"pairs\(0\) must be three texts"):
        panel(lambda i: ("x", "y")).wait(LONG)


def test_a_file_of_another_labeller_is_refused(panel, path):
    PreferenceFile(path).append(Comparison("", "x", "y", "a", "Ada"))
    with pytest.raises(ValueError, match=r"has answers of 'Ada': give 'you' a file of their own"):
        panel()
    panel(labeller="Ada").choose("a")
    assert [c.labeller for c in PreferenceFile(path).comparisons] == ["Ada", "Ada"]


def test_a_broken_file_is_refused_by_line(panel, path):
    path.write_text('{"prompt": "", "a": "", "b": "", "choice": "?"}\n')
    with pytest.raises(ValueError, match=r"mine\.jsonl, line 1: not an answer"):
        panel()
