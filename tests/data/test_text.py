import hashlib
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.data import SOURCES, Text, fetch, load_text
from labkit.data.text import TEXTS
from labkit.data.topics import python_topics

shares = st.floats(0.01, 0.99)


# -- the split


@given(st.text(st.characters(), min_size=2))
def test_the_split_is_nanogpt_s(text):
    n = int(len(text) * 0.9)  # data/shakespeare_char/prepare.py
    split = Text("x", text)
    assert split.train == text[:n]
    assert split.validation == text[n:]


@given(st.text(min_size=200, max_size=300), shares)
def test_the_parts_together_are_the_text(text, share):
    split = Text("x", text, share)
    assert split.train + split.validation == text
    assert len(split.validation) == pytest.approx(share * len(text), abs=1)


@pytest.mark.parametrize("share", [0, 1, -0.1, 1.5, float("nan")])
def test_shares_that_are_none(share):
    with pytest.raises(ValueError, match="validation_share must be between 0 and 1, got"):
        Text("x", "some text", share)


@pytest.mark.parametrize(
    ("text", "share", "message"),
    [
        ("", 0.1, "text 'x' is empty"),
        ("a", 0.1, "leaves none to train on"),
        ("a" * 9, 1e-17, "leaves none to validate with"),
    ],
)
def test_a_part_without_a_character(text, share, message):
    with pytest.raises(ValueError, match=message):
        Text("x", text, share)


def test_the_digest_is_of_the_text_and_the_repr_is_short():
    text = Text("x", "naïve " * 1000)
    assert text.digest == hashlib.sha256(text.text.encode()).hexdigest()[:16]
    assert repr(text) == "Text(name='x', validation_share=0.1)"
    assert Text("x", "\ud800 alone").digest != text.digest  # no UTF-8, and no crash


# -- the texts with a name


def test_python_topics_are_all_of_them_in_order_and_need_no_network():
    from pydoc_data.topics import topics

    text = load_text()
    assert text.name == "python-topics"
    assert text.text == python_topics()
    position = 0
    for name in sorted(topics):
        position = text.text.index(topics[name], position) + len(topics[name])
    assert position == len(text.text)
    assert text.text.startswith(topics[min(topics)])
    assert len(text.text) == sum(map(len, topics.values())) + len(topics) - 1  # an empty line between two


def test_a_python_without_its_topics_says_so(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pydoc_data.topics", None)
    with pytest.raises(ValueError, match="installed without pydoc_data"):
        python_topics.__wrapped__()


@pytest.mark.parametrize("name", ["shakespeare", "tinyshakespeare"])
def test_shakespeare_is_the_text_that_others_report_on(name):
    try:
        path = fetch("shakespeare", timeout=5)
    except OSError as error:
        pytest.skip(f"shakespeare is not in the cache and could not be fetched: {error}")
    text = load_text(name)
    assert text.name == "shakespeare"
    assert text.digest == SOURCES["shakespeare"].sha256[:16]
    # what data/shakespeare_char/prepare.py prints
    assert len(text.text) == path.stat().st_size == 1_115_394
    assert len(set(text.text)) == 65
    assert (len(text.train), len(text.validation)) == (1_003_854, 111_540)


# -- files


@pytest.mark.parametrize("kind", [str, Path])
def test_a_file_is_a_text(tmp_path, kind):
    path = tmp_path / "mine.txt"
    path.write_bytes("\ufeffnaïve\r\nline\rend\n".encode())
    text = load_text(kind(path))
    assert text == Text("mine.txt", "naïve\nline\rend\n")


def test_a_name_goes_before_a_file_of_that_name_and_a_path_does_not(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("python-topics").write_text("mine, all mine")
    assert load_text("python-topics").text == python_topics()
    assert load_text(Path("python-topics")).text == "mine, all mine"


@pytest.mark.parametrize("source", ["hamlet", "names", Path("hamlet"), ""])
def test_what_is_neither_a_name_nor_a_file(tmp_path, monkeypatch, source):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        ValueError, match=rf"^unknown text '{re.escape(str(source))}'; there are: {', '.join(TEXTS)}; the path"
    ):
        load_text(source)


def test_a_folder_is_no_text(tmp_path):
    with pytest.raises(ValueError, match=r"\(a folder\)"):
        load_text(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "text 'mine.txt' is empty"),
        (b"\xef\xbb\xbf", "text 'mine.txt' is empty"),
        (b"a", "text 'mine.txt' is too short: of its length, 1, validation_share=0.1 leaves none to train on"),
        (b"caf\xe9 au lait", "not a UTF-8 text: byte 3 is 0xe9; save it as UTF-8"),
        (b"\xef\xbb\xbfcaf\xe9 au lait", "not a UTF-8 text: byte 6 is 0xe9"),
        ("naïve".encode("utf-16"), "not a UTF-8 text: byte 0 is 0xff"),
    ],
)
def test_files_that_are_no_text_are_named(tmp_path, content, message):
    path = tmp_path / "mine.txt"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"^{re.escape(str(path))}: {message}"):
        load_text(path)
