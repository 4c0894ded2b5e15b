"""Preferences: a file that loses nothing, Cohen's kappa by its definition, a labeller that errs as often as it says."""

import json
import math
from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.rlhf import preferences
from labkit.rlhf.preferences import (
    CHOICES,
    MIRRORED,
    Comparison,
    PreferenceFile,
    SimulatedLabeller,
    agreement,
    counterparts,
    draw,
)

ANSWERS = [
    Comparison("p", "x", "y", "a"),
    Comparison("", "é\u2028\n", "", "skip"),
    Comparison("p", "\ud800", "z", "tie", "me"),
]
texts = st.text(max_size=8)
comparisons = st.builds(Comparison, texts, texts, texts, st.sampled_from(CHOICES), texts)


@pytest.fixture
def file(tmp_path):
    return PreferenceFile(tmp_path / "new" / "mine.jsonl")


def test_answers_come_back_and_each_is_a_line(file):
    assert file.comparisons == []
    assert file.undo() is None
    assert not file.path.exists()
    for n, answer in enumerate(ANSWERS, start=1):
        file.append(answer)
        assert len(file) == len(file.path.read_bytes().splitlines()) == n
    assert PreferenceFile(file.path).comparisons == ANSWERS
    assert json.loads(file.path.read_text().splitlines()[2])["labeller"] == "me"


@settings(max_examples=20)  # each writes a few files to the disk
@given(st.lists(st.one_of(st.none(), comparisons), max_size=8))
def test_it_is_a_stack(tmp_path_factory, actions):
    file, expected = PreferenceFile(tmp_path_factory.mktemp("stack") / "f.jsonl"), []
    for action in actions:
        if action is None:
            assert file.undo() == (expected.pop() if expected else None)
        else:
            file.append(action)
            expected.append(action)
        assert file.comparisons == expected


def test_several_in_one_write_and_a_writer_beside(file):
    file.append(*ANSWERS)
    PreferenceFile(file.path).append(ANSWERS[0])  # another process
    assert file.undo() == ANSWERS[0]
    assert file.undo() == ANSWERS[2]
    assert file.comparisons == ANSWERS[:2]


def test_undo_leaves_what_we_do_not_know_and_a_line_without_its_end_is_ended(file):
    file.path.parent.mkdir()
    first = b'{"when": "now", "prompt": "", "a": "x",  "b": "y", "choice": "b"}\r\n\n'
    file.path.write_bytes(first + b'{"prompt": "", "a": "", "b": "", "choice": "tie"}')
    file.append(ANSWERS[0])
    assert [c.choice for c in file.comparisons] == ["b", "tie", "a"]
    file.undo()
    file.undo()
    assert file.path.read_bytes() == first


def test_half_a_line_is_put_aside(file):
    file.append(*ANSWERS[:2])
    whole = file.path.read_bytes()
    half = '{"prompt": "é'.encode()[:-1]  # in the middle of a character
    file.path.write_bytes(whole + half)
    assert file.comparisons == ANSWERS[:2]
    assert file.path.read_bytes() == whole + half  # who only reads changes nothing: it may be being written just now
    file.append(ANSWERS[2])
    assert file.comparisons == ANSWERS
    assert file.path.with_name("mine.jsonl.cut-off").read_bytes() == half + b"\n"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("[]", "expected an object with prompt, a, b and choice, got list"),
        ('{"prompt": "", "a": ""}', "no b, choice"),
        ('{"prompt": "", "a": "", "b": "", "choice": "c"}', "choice must be one of a, b, tie, skip, got 'c'"),
        ('{"prompt": "", "a": 1, "b": "", "choice": "a"}', "a must be a text, got int"),
        ('{"prompt": "", "a": "", "b": "", "choice": ["a"]}', "choice must be one of"),
        ('{"prompt": "', "no JSON, or cut off, at column 12"),
        ("\udcff", "byte 1 is no UTF-8"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
@pytest.mark.parametrize("act", [lambda f: f.comparisons, lambda f: f.append(ANSWERS[0]), PreferenceFile.undo])
def test_a_line_that_is_no_answer_is_named_and_nothing_changed(file, line, reason, act):
    file.append(ANSWERS[0])
    with file.path.open("ab") as out:
        out.write(line.encode(errors="surrogateescape") + b"\n")
    before = file.path.read_bytes()
    with pytest.raises(ValueError, match="line 2: not an answer") as caught:
        act(file)
    assert reason in str(caught.value)
    assert str(file.path) in str(caught.value)
    assert file.path.read_bytes() == before


def test_a_full_disk_leaves_the_file_as_it_was(file, monkeypatch):
    file.append(*ANSWERS)
    before = file.path.read_bytes()

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(preferences.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        file.append(ANSWERS[0])
    with pytest.raises(OSError, match="No space"):
        file.undo()
    assert file.path.read_bytes() == before
    assert {path.name for path in file.path.parent.iterdir()} <= {"mine.jsonl", "mine.jsonl.lock"}


def test_half_a_line_that_fits_is_taken_back(file):
    resource = pytest.importorskip("resource")
    file.append(*ANSWERS)
    before = file.path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 10, hard))  # the kernel writes ten bytes, then refuses
    try:
        with pytest.raises(OSError, match="File too large"):
            file.append(ANSWERS[0])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert file.path.read_bytes() == before


def by_definition(pairs):
    """(observed - expected) / (1 - expected), in fractions."""
    n = len(pairs)
    observed = Fraction(sum(x == y for x, y in pairs), n)
    first, second = Counter(x for x, _ in pairs), Counter(y for _, y in pairs)
    expected = sum(Fraction(first[c], n) * Fraction(second[c], n) for c in ("a", "b", "tie"))
    return observed, None if expected == 1 else (observed - expected) / (1 - expected)


def answers(choices, **changes):
    return [
        Comparison(**{"prompt": "", "a": f"a{i}", "b": f"b{i}", "choice": c} | changes) for i, c in enumerate(choices)
    ]


@given(st.lists(st.tuples(st.sampled_from(CHOICES), st.sampled_from(CHOICES)), max_size=30), st.randoms())
def test_kappa_is_as_defined_whatever_the_order_and_the_sides(pairs, random):
    first, second = (answers(side) for side in zip(*pairs, strict=True)) if pairs else ([], [])
    shuffled = [c.mirrored if random.random() < 0.5 else c for c in second]
    random.shuffle(shuffled)
    found = agreement(first, shuffled)
    both = [pair for pair in pairs if "skip" not in pair]
    assert found.n == len(both)
    if not both:
        assert math.isnan(found.share)
        assert math.isnan(found.kappa)
        return
    observed, kappa = by_definition(both)
    assert found.share == pytest.approx(float(observed))
    assert math.isnan(found.kappa) if kappa is None else found.kappa == pytest.approx(float(kappa))
    said = [None if "skip" in pair else pair[1] for pair in pairs]
    assert counterparts(first, shuffled) == said


def test_a_table_of_another_program():
    """R's package Delta: GetKappa(matrix(c(50, 10, 10, 20), 2, 2)) is 0.5."""
    pairs = [("a", "a")] * 50 + [("b", "a")] * 10 + [("a", "b")] * 10 + [("b", "b")] * 20
    found = agreement(*(answers(side) for side in zip(*pairs, strict=True)))
    assert (found.n, found.share, found.kappa) == (90, 70 / 90, 0.5)


def test_repeated_pairs_belong_together_in_their_order():
    mine = answers("ab", a="x", b="y")
    theirs = [Comparison("", "y", "x", "b"), Comparison("", "y", "x", "tie"), Comparison("other", "x", "y", "a")]
    assert counterparts(mine, theirs) == ["a", "tie"]
    assert agreement(mine, theirs).share == 0.5


@given(texts, texts, st.integers(0, 9), st.sampled_from([{}, {"error_rate": 0.4}, {"scale": 2.0}, {"tie_within": 1.0}]))
def test_a_labeller_has_no_side_and_does_not_change_its_mind(a, b, seed, options):
    labeller = SimulatedLabeller(len, seed=seed, **options)
    choice = labeller.choose(a, b)
    assert choice == labeller.choose(a, b)
    assert labeller.choose(b, a) == MIRRORED[choice]
    gap = len(a) - len(b)
    assert (choice == "tie") == (abs(gap) <= options.get("tie_within", 0))
    if not options and gap:
        assert choice == ("a" if gap > 0 else "b")


N = 4000
PAIRS = [("", f"{i}", f"{i}" * 2) for i in range(N)]  # the second is longer


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 1.0])
def test_it_errs_as_often_as_it_says(rate):
    judged = SimulatedLabeller(len, error_rate=rate).label(PAIRS)
    wrong = sum(c.choice == "a" for c in judged)
    assert abs(wrong - rate * N) <= 4 * math.sqrt(rate * (1 - rate) * N)  # four standard deviations
    assert {c.labeller for c in judged} == {"simulated"}


@pytest.mark.parametrize("gap", [0.5, 2.0])
def test_it_errs_as_bradley_and_terry_say(gap):
    labeller = SimulatedLabeller(lambda text: gap * (text[0] == "+"), scale=0.8, seed=3)
    right = sum(labeller.choose(f"+{i}", f"-{i}") == "a" for i in range(N))
    p = 1 / (1 + math.exp(-gap / 0.8))
    assert abs(right - p * N) <= 4 * math.sqrt(p * (1 - p) * N)


def test_a_gap_of_any_size_is_no_overflow():
    assert SimulatedLabeller(lambda text: 1e300 * len(text), scale=1e-9).choose("a", "") == "a"


def test_other_seeds_are_other_errors():
    judged = [SimulatedLabeller(len, error_rate=0.5, seed=seed).label(PAIRS[:200]) for seed in (0, 1)]
    assert 0.3 < agreement(*judged).share < 0.7


def test_draws_are_even_and_depend_on_every_text():
    numbers = [draw(0, "p", str(i)) for i in range(N)]
    assert all(0 <= x < 1 for x in numbers)
    shares = Counter(int(10 * x) for x in numbers)
    assert all(abs(shares[k] - N / 10) < 5 * math.sqrt(N * 0.09) for k in range(10))
    assert len({draw(0, "ab", "c"), draw(0, "a", "bc"), draw(1, "ab", "c"), draw(0, "c", "ab")}) == 4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"error_rate": 1.1}, "error_rate must be 0 … 1"),
        ({"error_rate": math.nan}, "error_rate must be 0 … 1"),
        ({"scale": 0.0}, "scale must be above 0"),
        ({"scale": 1.0, "error_rate": 0.1}, "not both"),
        ({"tie_within": -1.0}, "tie_within must be 0 or more"),
    ],
)
def test_a_labeller_that_makes_no_sense_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        SimulatedLabeller(len, **options)


def test_a_reward_that_is_no_number_is_refused():
    with pytest.raises(ValueError, match="the reward of 'x' is nan"):
        SimulatedLabeller(lambda text: math.nan).choose("x", "y")
