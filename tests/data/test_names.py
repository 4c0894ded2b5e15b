import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.data import Names, fetch, load_names
from labkit.data.download import SOURCES
from labkit.data.names import split_names
from labkit.files import ROOT, datasets_dir

FILE = datasets_dir() / "names" / "names.txt"


def test_the_embedded_list_is_sorted_distinct_and_plain():
    text = FILE.read_text(encoding="utf-8")
    lines = text.splitlines()
    assert len(lines) >= 1600
    assert lines == sorted(set(lines))
    assert text == "\n".join(lines) + "\n"
    assert all(re.fullmatch("[a-z]{2,12}", line) for line in lines)
    assert f"{len(lines):,} in `names.txt`" in (FILE.parent / "README.md").read_text(encoding="utf-8")


def test_both_parts_together_are_the_list():
    names = load_names()
    lines = FILE.read_text(encoding="utf-8").splitlines()
    assert sorted(names.train + names.held_out) == lines
    assert len(names.held_out) == min(1000, round(len(lines) / 10))
    assert names == load_names()
    assert names.digest == load_names().digest


def test_the_held_out_names_are_spread_over_the_alphabet():
    assert len({name[0] for name in load_names().held_out}) > 20


def test_makemore_is_read_from_the_cache(monkeypatch):
    folder = ROOT.parent / "shared" / "datasets"
    if not (folder / SOURCES["makemore-names"].file).is_file():
        pytest.skip(f"no makemore names in {folder}")
    monkeypatch.setenv("LABKIT_DATA", str(folder))
    names = load_names("makemore")
    lines = fetch("makemore-names").read_text(encoding="utf-8").split()
    assert set(names.train) | set(names.held_out) == set(lines)
    assert len(names.train) + len(names.held_out) == len(set(lines))
    assert len(names.held_out) == 1000
    assert names.digest != load_names().digest


def test_an_unknown_source_is_answered_with_the_known_ones():
    with pytest.raises(ValueError, match="unknown names 'census'; there are: names, makemore"):
        load_names("census")


def test_a_line_that_is_no_name_is_named_by_file_and_number(tmp_path, monkeypatch):
    (tmp_path / "names").mkdir()
    (tmp_path / "names" / "names.txt").write_text("anna\nzoë\n", encoding="utf-8")
    monkeypatch.setattr("labkit.data.names.datasets_dir", lambda: tmp_path)
    with pytest.raises(ValueError, match=r"names\.txt:2: name 'zoë': character 3, 'ë', is not one of a-z"):
        load_names()


# -- the vocabulary


def test_a_name_in_tokens():
    assert Names.encode("emma") == [26, 4, 12, 12, 0, 26]
    assert (Names.bos, Names.vocab_size) == (26, 27)


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyz", min_size=1))
def test_decoding_undoes_encoding(name):
    ids = Names.encode(name)
    assert Names.decode(ids) == name
    assert Names.decode(ids[:-1]) == name  # cut off at the end of the block: no mark
    assert Names.decode(ids[1:]) == name
    assert Names.decode([*ids, 3, 4]) == name  # what comes after the mark is another document
    assert all(0 <= i < Names.vocab_size for i in ids)


def test_the_empty_name_can_be_read_but_not_written():
    assert Names.decode([26, 26]) == Names.decode([]) == ""
    with pytest.raises(ValueError, match="at least one letter"):
        Names.encode("")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Emma", "character 1, 'E', is not one of a-z; write 'emma'"),
        ("zoë", "character 3, 'ë'"),
        ("mary ann", "character 5, ' '"),
        ("a\n", "character 2"),
    ],
)
def test_a_foreign_character_is_pointed_at(name, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        Names.encode(name)


@pytest.mark.parametrize("token", [27, -1, 1.0, "a"])
def test_a_token_outside_the_vocabulary_is_refused(token):
    with pytest.raises(ValueError, match="outside the vocabulary of names: 0 … 26"):
        Names.decode([26, token])


# -- the split


@given(st.lists(st.text(alphabet="abc", min_size=1), unique=True, min_size=2, max_size=40))
def test_every_name_is_in_one_part(words):
    names = split_names(words)
    assert sorted(names.train + names.held_out) == sorted(words)
    assert len(names.held_out) == max(1, round(len(words) / 10))


def test_parts_must_not_overlap_and_training_needs_names():
    with pytest.raises(ValueError, match="'ann' is both for training and held out"):
        Names(["ann", "bo"], ["ann"])
    with pytest.raises(ValueError, match="there are none to train on"):
        Names([], ["ann"])
    with pytest.raises(ValueError, match="two or more are needed"):
        split_names(["ann"])
    with pytest.raises(ValueError, match="is not one of a-z"):
        Names(["Ann"], [])
