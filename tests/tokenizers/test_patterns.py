import pytest
import tiktoken
from hypothesis import example, given
from hypothesis import strategies as st
from tokenizers import Regex, pre_tokenizers

from labkit.tokenizers.bpe import special_names
from labkit.tokenizers.patterns import PATTERNS, count_chunks, pieces, read_pieces, splitter

PARTS = [
    " ",
    "  ",
    "\n",
    "\r\n",
    "\r",
    "\t",
    "'",
    "'s",
    "'LL",
    "'ſ",
    "’s",
    "a",
    "Zé",
    "你",
    "ש",
    "1",
    "23",
    "4567",
    "٣",
]
PARTS += [
    "\n",
    "。",
    "1\n",
    "!\n",
    "!",
    "...",
    "👩🏽‍🚀",
    "\u00a0",
    "\u2028",
    "\u3000",
    "\x1c",
    "\x85",
    "½",
    "e\u0301",
    "_",
    "\x00",
]
nasty = st.lists(st.sampled_from(PARTS), max_size=20).map("".join)
# Later editions of Unicode give the unassigned code points a meaning, and each library has its edition.
known = st.text(st.characters(exclude_categories=("Cs", "Cn")))
patterns = st.sampled_from(sorted(PATTERNS))
split_hf = {name: pre_tokenizers.Split(Regex(regex), "isolated") for name, regex in PATTERNS.items()}
bytes_only = {bytes([byte]): byte for byte in range(256)}


@given(nasty | st.text(st.characters()), patterns)
def test_chunks_join_to_the_text(text, pattern):
    chunks = splitter(pattern)(text)
    assert "".join(chunks) == text
    assert all(chunks)


@given(nasty | known, patterns)
def test_chunks_are_those_of_hugging_face(text, pattern):
    assert splitter(pattern)(text) == [chunk for chunk, _ in split_hf[pattern].pre_tokenize_str(text)]


@given(nasty | known, patterns)
def test_chunks_are_those_of_tiktoken(text, pattern):
    """Every chunk of the text is one token to it, so that its tokens are its chunks."""
    chunks = splitter(pattern)(text)
    words = sorted({chunk.encode() for chunk in chunks} - bytes_only.keys())
    ranks = bytes_only | {word: 256 + i for i, word in enumerate(words)}
    encoding = tiktoken.Encoding("test", pat_str=PATTERNS[pattern], mergeable_ranks=ranks, special_tokens={})
    ids = encoding.encode_ordinary(text)
    assert encoding.decode_tokens_bytes(ids) == [chunk.encode() for chunk in chunks]


@pytest.mark.parametrize(
    ("pattern", "text", "chunks"),
    [
        ("gpt2", "Don't, DON'T", ["Don", "'t", ",", " DON", "'", "T"]),
        ("gpt4", "Don't, DON'T", ["Don", "'t", ",", " DON", "'T"]),
        ("gpt2", "12345 6", ["12345", " 6"]),
        ("gpt4", "12345 6", ["123", "45", " ", "6"]),
        ("gpt2", "a  b\n\n c", ["a", " ", " b", "\n\n", " c"]),
        ("gpt4", "a  b\n\n c", ["a", " ", " b", "\n\n", " c"]),
        ("gpt4", "x=(1);\n\ny", ["x", "=(", "1", ");\n\n", "y"]),
        ("gpt4", "#tag", ["#tag"]),
    ],
)
def test_examples(pattern, text, chunks):
    assert splitter(pattern)(text) == chunks


@given(st.lists(nasty), patterns)
def test_several_texts_are_counted_one_by_one(texts, pattern):
    counts: dict[str, int] = {}
    for text in texts:
        for chunk in splitter(pattern)(text):
            counts[chunk] = counts.get(chunk, 0) + 1
    assert list(count_chunks(iter(texts), pattern).items()) == list(counts.items())  # in the same order too


# -- pieces of a text larger than memory


@given(st.lists(nasty), st.integers(1, 30), patterns)
@example(["a" * 5, " ", "b"], 1, "gpt2")
@example(["a ", " b"], 1, "gpt4")
def test_pieces_are_cut_as_the_whole(texts, least, pattern):
    whole = "".join(texts)
    found = list(pieces(texts, least))
    assert "".join(found) == whole
    chunks = [chunk for piece in found for chunk in splitter(pattern)(piece)]
    assert chunks == splitter(pattern)(whole)


def test_pieces_stay_small():
    found = list(pieces(["word " * 100] * 50, 1000))
    assert max(map(len, found)) < 2000


def test_a_text_without_a_place_to_cut_is_one_piece():
    assert list(pieces(["ab", "1 2", "!\n"], 1)) == ["ab1 2!\n"]
    assert list(pieces(["1.\r\n", "2.\n\n", "3. \n", "\x1c\n4"], 1)) == ["1.\r\n2.\n\n3. \n\x1c\n4"]
    assert list(pieces([], 1)) == []


@pytest.mark.parametrize("line", ["12,5;0\n", "你好，世界。\n", "{}\n"])
def test_lines_without_a_letter_at_their_end_stay_small_too(line):
    found = list(pieces([line * 100] * 50, 1000))
    assert "".join(found) == line * 5000
    assert max(map(len, found)) < 2000


def test_what_python_calls_white_space_is_all_that_the_patterns_do():
    """`pieces` asks Python what is white space; the patterns ask the package regex."""
    import regex

    assert not [c for c in map(chr, range(0x110000)) if regex.match(r"\s", c) and not c.isspace()]


NAMES = ["<|end of text|>", "a b", "o<", " \n1", "1\n2", "\n", "b", "<|e"]
with_names = st.lists(st.sampled_from([*NAMES, "<|end of", " text|>", "a", " ", "1", "!", "\n", "o"])).map("".join)


@given(with_names, st.integers(1, 9), st.integers(1, 9), patterns, st.lists(st.sampled_from(NAMES), unique=True))
@example("to the <|end of text|>", 1, 5, "gpt2", ["<|end of text|>"])
def test_no_piece_ends_inside_a_name(text, block, least, pattern, names):
    blocks = [text[i : i + block] for i in range(0, len(text), block)]
    found = list(pieces(blocks, least, uncut=names))
    assert "".join(found) == text
    split = special_names(names).split
    whole = split(text)
    assert [name for piece in found for name in split(piece)[1::2]] == whole[1::2]
    chunks = [chunk for piece in found for part in split(piece)[::2] for chunk in splitter(pattern)(part)]
    assert chunks == [chunk for part in whole[::2] for chunk in splitter(pattern)(part)]


def test_a_name_is_kept_whole_and_the_text_around_it_is_cut():
    text = "so it is 12<|end of text|>and so on <|end of"
    found = list(pieces(text, 1, uncut=["<|end of text|>"]))
    assert found == ["so", " it", " is", " 12<|end of text|>and", " so on <|end of"]
    assert list(pieces(text, 1))[3:6] == [" 12<|end", " of", " text|>and"]


@given(nasty, st.integers(1, 10))
@example("\ufeff1\r\n2\r", 2)
def test_a_file_is_read_with_the_line_ends_of_load_text(tmp_path_factory, text, block):
    path = tmp_path_factory.getbasetemp() / "unified.txt"
    path.write_bytes(text.encode())
    expected = text.removeprefix("\ufeff").replace("\r\n", "\n")
    assert "".join(read_pieces(path, block, unify=True)) == expected


@given(nasty, st.integers(1, 10), patterns)
def test_a_file_is_cut_as_its_text(tmp_path_factory, text, block, pattern):
    path = tmp_path_factory.getbasetemp() / "text.txt"
    path.write_bytes(text.encode())
    found = list(read_pieces(path, block))
    assert "".join(found) == text  # line ends too
    assert count_chunks(found, pattern) == count_chunks(text, pattern)


def test_a_file_that_is_no_utf8(tmp_path):
    path = tmp_path / "latin.txt"
    path.write_bytes("né".encode("latin-1"))
    with pytest.raises(ValueError, match=r"latin\.txt: not a text in UTF-8 .*save it as UTF-8 first"):
        list(read_pieces(path))
    with pytest.raises(FileNotFoundError):
        list(read_pieces(tmp_path / "none.txt"))


# -- errors


@pytest.mark.parametrize("pattern", ["gpt5", "", None, ["gpt2"]])
def test_an_unknown_pattern(pattern):
    with pytest.raises(ValueError, match="pattern must be one of gpt2, gpt4, got"):
        splitter(pattern)


def test_what_is_no_text():
    with pytest.raises(ValueError, match=r"item 1 is bytes: b'b'"):
        count_chunks(["a", b"b"], "gpt2")
