"""Files of texts and rewards: what is read, what is refused, and with which words."""

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.rlhf.scored import Scored, examples_of, read_scored
from labkit.tokenizers import BPETokenizer, CharTokenizer

texts = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), min_size=1).filter(
    lambda text: text.strip() and not text.startswith("\ufeff")
)
numbers = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**9), 10**9)


def read(tmp_path, content):
    path = tmp_path / "data.txt"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_scored(path)


@given(
    rows=st.lists(st.tuples(texts, st.sampled_from("|\t"), numbers), min_size=1), end=st.sampled_from(["\n", "\r\n"])
)
def test_what_is_written_is_read(tmp_path_factory, rows, end):
    content = "".join(f"{text}{separator}{reward!r}{end}" for text, separator, reward in rows)
    assert read(tmp_path_factory.mktemp("scored"), content) == [Scored(text, float(r)) for text, _, r in rows]


def test_the_last_separator_counts_whichever_it_is(tmp_path):
    found = read(tmp_path, "a|b\t1\na\tb|2\na|b|3\nx|1\t-4e-1\n# 1 of us|5\n say |  6 \n")
    assert [(each.text, each.reward) for each in found] == [
        ("a|b", 1),
        ("a\tb", 2),
        ("a|b", 3),
        ("x|1", -0.4),
        ("# 1 of us", 5),
        (" say ", 6),
    ]


def test_blank_lines_marks_and_line_ends(tmp_path):
    found = read(tmp_path, "\ufeffone|1\r\n\r\n  \t \ntwo\u2028lines|2".encode())
    assert found == [Scored("one", 1.0), Scored("two\u2028lines", 2.0)]
    assert [each.where.rpartition("data.txt")[2] for each in found] == [", line 1", ", line 4"]


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        ("good|1\nno reward here\n", 2, "no reward in 'no reward here': end the line in | (or a tab) and a number"),
        ("# a comment\ngood|1\n", 1, "no reward in '# a comment'"),
        ("good|\n", 1, "no reward after the last | or tab in 'good|': write a number there"),
        ("good|1\nbad|worse\n", 2, "the reward 'worse' is not a finite number"),
        ("good|nan", 1, "the reward 'nan' is not a finite number"),
        ("good|-inf", 1, "the reward '-inf' is not a finite number"),
        ("good|1e999", 1, "the reward '1e999' is not a finite number"),
        ("good|0,5", 1, "the reward '0,5' is not a finite number: after the last | or tab write one such as 1.5"),
        ("good|1_0", 1, "the reward '1_0' is not a finite number"),
        ("\n\n|1\n", 3, "no text before the reward in '|1'"),
        (" \t1\n", 1, "no text before the reward"),
        ("one|1\rtwo|2\r", 1, "a carriage return inside"),
    ],
)
def test_a_fault_is_named_with_its_file_and_line(tmp_path, content, line, words):
    with pytest.raises(ValueError, match=f"^{re.escape(str(tmp_path / 'data.txt'))}, line {line}: ") as caught:
        read(tmp_path, content)
    assert words in str(caught.value)


def test_other_faults_are_counted(tmp_path):
    with pytest.raises(ValueError, match=r"line 1: no reward .* \(2 more lines have a fault\)$"):
        read(tmp_path, "a\nb|1\nc|x\nd\n")


@pytest.mark.parametrize("content", [b"", b"\n \r\n", b"\xef\xbb\xbf"])
def test_an_empty_file(tmp_path, content):
    with pytest.raises(ValueError, match=r"data\.txt: there is no text in it; each line is a text and its reward"):
        read(tmp_path, content)


def test_what_is_no_text_file(tmp_path):
    with pytest.raises(ValueError, match=r"data\.txt: not a text in UTF-8"):
        read(tmp_path, b"caf\xe9|1\n")
    with pytest.raises(FileNotFoundError, match=r"no\.txt: there is no such file"):
        read_scored(tmp_path / "no.txt")
    with pytest.raises(FileNotFoundError, match="a folder"):
        read_scored(tmp_path)


def test_texts_become_lines():
    tokenizer = CharTokenizer.train("ab\n")
    (example,) = examples_of([Scored("ab", 1.0)], tokenizer)
    assert (example.prompt, example.completion) == ([0], [1, 2, 0])


def test_a_text_that_ends_in_what_merges_with_the_end_of_a_line_still_ends():
    """With BPE ".\\n" may be one token: the end stays one of its own, at which writing can stop."""
    tokenizer = BPETokenizer.train(["a.\n" * 50], 257)
    (example,) = examples_of([Scored("a.", 1.0)], tokenizer)
    assert example.completion[-1:] == tokenizer.encode("\n") == example.prompt
    assert tokenizer.decode(example.completion) == "a.\n"


def test_what_a_tokenizer_cannot_read_is_named_with_its_line():
    scored = [Scored("ab", 1.0, "data.txt, line 1"), Scored("abc", -1.0, "data.txt, line 4")]
    with pytest.raises(ValueError, match=r"^data\.txt, line 4: character 'c' \(U\+0063\) at position 2"):
        examples_of(scored, CharTokenizer.train("ab\n"))
    with pytest.raises(ValueError, match=r"^data\.txt, line 4: token 3 of 'abc' is not in the vocabulary"):
        examples_of(scored, CharTokenizer.train("ab\n", unknown=True))
    with pytest.raises(
        ValueError, match=r"^data\.txt, line 4: the text takes 4 tokens, and the model reads block_size=3"
    ):
        examples_of(scored, CharTokenizer.train("abc\n"), block_size=3)
    assert len(examples_of(scored, CharTokenizer.train("abc\n"), block_size=4)) == 2
    for unknown in (False, True):
        with pytest.raises(ValueError, match="does not know the end of a line"):
            examples_of(scored, CharTokenizer.train("abc", unknown))
    with pytest.raises(ValueError, match=r"^text 1: character"):
        examples_of([Scored("z", math.pi)], CharTokenizer.train("abc\n"))
