"""`labkit tokenize`: on a text of a few lines, against tiktoken and Hugging Face where there is an answer."""

import base64
import json
import os
import re
import signal
import sys
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest

from labkit.cli import token_views
from labkit.files import write_atomic
from labkit.tokenizers import BPETokenizer, ByteTokenizer, CharTokenizer, WordTokenizer, load_tokenizer, patterns

from .commands import failed
from .commands import labkit as called

pytestmark = pytest.mark.usefixtures("folder")

TEXT = "the cat sat on the mat\nand the dog sat on the log: né שלום 👩🏽‍🚀\n" * 20
END = "<|endoftext|>"
labkit = partial(called, "tokenize")


def printed(*arguments, stdin=None):
    result = labkit(*arguments, stdin=stdin)
    assert (result.exit_code, result.stderr) == (0, ""), result.output
    return result.stdout


@pytest.fixture
def trained(folder):
    printed("train", "data.txt", "--vocab-size", 300, "--special-token", END, "-o", "tok.json")
    return BPETokenizer.load("tok.json")


# -- train


def test_bpe_is_what_the_class_learns_and_the_figures_are_true(trained, folder):
    assert trained == BPETokenizer.train(TEXT, 300, special_tokens=[END])
    first, second = printed("train", "data.txt", "--vocab-size", 300, "-o", "again.json").splitlines()
    ids, n = load_tokenizer("again.json").encode(TEXT), len(TEXT.encode())
    pattern = rf"300 tokens in [\d.]+ s; the text is {len(ids)} of them, {n / len(ids):.3f} bytes a token"
    assert re.fullmatch(pattern, first)
    assert second == "the tokenizer is in again.json; look at it with: labkit tokenize show again.json"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("--kind char", CharTokenizer.train(TEXT)),
        ("--kind char --unknown", CharTokenizer.train(TEXT, unknown=True)),
        ("--kind byte", ByteTokenizer()),
        ("--kind word", WordTokenizer.train(TEXT)),
        ("--kind word --vocab-size 9 --pattern gpt2", WordTokenizer.train(TEXT, 9, "gpt2")),
        ("--vocab-size 256", BPETokenizer(())),
        ("--vocab-size 290 --pattern gpt2", BPETokenizer.train(TEXT, 290, "gpt2")),
    ],
)
def test_every_kind(options, expected):
    first = printed("train", "data.txt", *options.split()).splitlines()[0]
    assert load_tokenizer("tokenizer.json") == expected
    assert f"the text is {len(expected.encode(TEXT)):,} of them" in first


def test_several_files_with_other_line_ends_are_read_as_one_text_would_be(folder):
    (folder / "a.txt").write_bytes(b"\xef\xbb\xbf" + TEXT.replace("\n", "\r\n").encode())
    printed("train", "a.txt", "data.txt", "--vocab-size", 300)
    assert load_tokenizer("tokenizer.json") == BPETokenizer.train([TEXT, TEXT], 300)


def test_the_names_of_special_tokens_need_no_merges(folder):
    (folder / "documents.txt").write_text(f"{TEXT}{END}{TEXT}", encoding="utf-8")
    first = printed("train", "documents.txt", "--vocab-size", 300, "--special-token", END).splitlines()[0]
    made = load_tokenizer("tokenizer.json")
    assert made == BPETokenizer.train([TEXT, TEXT], 300, special_tokens=[END])
    assert f"the text is {len(made.encode(TEXT + END + TEXT, 'allow')):,} of them" in first


def test_a_special_token_is_not_cut_in_two_where_a_file_is_read_in_pieces(folder, monkeypatch):
    name = "<|end of text|>"
    monkeypatch.setattr(patterns.read_pieces, "__defaults__", (16, *patterns.read_pieces.__defaults__[1:]))
    (folder / "documents.txt").write_bytes(f"{TEXT}{name}".replace("\n", "\r\n").encode() * 4)
    first = printed("train", "documents.txt", "--vocab-size", 300, "--special-token", name).splitlines()[0]
    made = load_tokenizer("tokenizer.json")
    assert made == BPETokenizer.train([TEXT] * 4, 300, special_tokens=[name])
    assert f"the text is {len(made.encode((TEXT + name) * 4, 'allow')):,} of them" in first


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("no.txt", "unknown text 'no.txt'; there are: python-topics, shakespeare"),
        (".", "a folder"),
        ("bad.txt", "bad.txt: not a text in UTF-8"),
        ("data.txt --vocab-size 10", "vocab_size must be 256 …"),
        ("data.txt --vocab-size 0", "vocab_size must be 256 …"),
        ("data.txt --vocab-size 9999", "this text has pairs for"),
        ("empty.txt --kind word", "no words to make a tokenizer of: the text is empty"),
        (
            "data.txt --kind byte --vocab-size 9",
            "--vocab-size says nothing to a byte tokenizer; it is for bpe and",
        ),
        ("data.txt --kind word --special-token x", "--special-token says nothing to a word tokenizer; it is for bpe"),
        ("data.txt --unknown", "--unknown says nothing to a bpe tokenizer; it is for char"),
        ("data.txt -o .", ". is a folder"),
        ("data.txt -o data.txt/deeper/tok.json", "data.txt is a file, so there can be no"),
        ("data.txt -o new/deeper/tok.json --vocab-size 10", "vocab_size must be 256 …"),
        ("data.txt no.txt -o new/tok.json", "unknown text 'no.txt'"),
        ("data.txt -o data.txt --overwrite", "data.txt is what is read"),
        ("data.txt -o there.json", "there.json is there already: --overwrite writes over it"),
    ],
)
def test_what_cannot_be_is_one_line_and_nothing_is_written(arguments, words, folder):
    (folder / "bad.txt").write_bytes(b"\xff\xfe")
    (folder / "empty.txt").write_bytes(b"")
    (folder / "there.json").write_bytes(b"old")
    before = {path: path.read_bytes() for path in folder.iterdir()}  # no folder is among them
    stderr = failed(labkit("train", *arguments.split()))
    assert stderr.startswith("error: ")
    assert stderr.count("\n") == 1
    assert words in stderr
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize("missing", ["no.txt", "."])
def test_all_sources_are_looked_for_before_the_first_is_read(missing, folder, monkeypatch):
    read = []
    monkeypatch.setattr(patterns, "read_pieces", lambda *_, **__: read.append(1) or iter([TEXT]))
    assert f"unknown text '{missing}'" in failed(labkit("train", "data.txt", missing))
    assert not read
    printed("train", "data.txt", "--vocab-size", 300)
    assert read


def test_a_new_folder_is_made_for_the_file(folder):
    printed("train", "data.txt", "--kind", "char", "-o", "new/deeper/tok.json")
    assert load_tokenizer(folder / "new" / "deeper" / "tok.json") == CharTokenizer.train(TEXT)


def test_an_older_file_is_written_over_when_asked_for(trained):
    printed("train", "data.txt", "--kind", "byte", "-o", "tok.json", "--overwrite")
    assert load_tokenizer("tok.json") == ByteTokenizer()


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl+C is not a signal that a process can be sent")
def test_ctrl_c_leaves_nothing(folder, monkeypatch):
    def interrupted(*_, **__):
        os.kill(os.getpid(), signal.SIGINT)
        raise AssertionError("it went on")

    monkeypatch.setattr(BPETokenizer, "train", interrupted)
    assert failed(labkit("train", "data.txt"), 130) == "stopped; nothing was written\n"
    assert [path.name for path in folder.iterdir()] == ["data.txt"]


# -- encode and decode


def test_ids_there_and_back_from_each_source(trained, folder):
    strange = "né\r\n\x00 שלום 👩🏽‍🚀\n"
    (folder / "strange.txt").write_bytes(strange.encode())
    line = " ".join(map(str, trained.encode(strange))) + "\n"
    assert printed("encode", "tok.json", "strange.txt") == line
    assert printed("encode", "tok.json", "-", stdin=strange.encode()) == line
    assert printed("encode", "tok.json", "--text", strange) == line
    as_json = printed("encode", "tok.json", "--text", strange, "--json")
    assert json.loads(as_json) == trained.encode(strange)
    for ids in (line, as_json):
        assert labkit("decode", "tok.json", "-", stdin=ids).stdout_bytes == strange.encode()
    assert labkit("decode", "tok.json", *line.split()).stdout_bytes == strange.encode()
    assert printed("encode", "tok.json", "--text", "") == "\n"


def test_special_tokens_by_policy(trained):
    stderr = failed(labkit("encode", "tok.json", "--text", f"a {END}"))
    assert stderr == (
        f"error: the text has the special token '{END}' at position 2: --special text reads it as text, "
        "--special allow as that token\n"
    )
    assert printed("encode", "tok.json", "--text", END, "--special", "allow") == "299\n"
    ids = printed("encode", "tok.json", "--text", END, "--special", "text")
    assert len(ids.split()) > 1
    assert printed("decode", "tok.json", *ids.split()) == END == printed("decode", "tok.json", 299)


def test_the_command_names_the_special_token_that_the_package_finds():
    BPETokenizer((), special={"<a>": 256, "<a>b": 257}).save("two.json")
    assert "special token '<a>b' at position 1:" in failed(labkit("encode", "two.json", "--text", "b<a>b <a>"))
    assert printed("encode", "two.json", "--text", "b<a>b<a>", "--special", "allow") == "98 257 256\n"


@pytest.mark.parametrize("policy", ["refuse", "allow", "text"])
@pytest.mark.parametrize(
    "tokenizer",
    [CharTokenizer("ab", True), ByteTokenizer(), WordTokenizer(("a",)), BPETokenizer(())],
    ids=lambda tokenizer: tokenizer.type,
)
def test_a_policy_without_special_tokens_to_find_is_refused(tokenizer, policy):
    tokenizer.save("t.json")
    for command in ("encode", "show"):
        stderr = failed(labkit(command, "t.json", "--text", "a", "--special", policy))
        assert stderr == (
            f"error: --special {policy} has nothing to act on: this {tokenizer.type} tokenizer finds no special tokens "
            "in a text; leave it out\n"
        )
        assert labkit(command, "t.json", "--text", "a").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("encode", "tok.json"), "give either a FILE"),
        (("encode", "tok.json", "data.txt", "--text", "a"), "give either a FILE"),
        (("encode", "tok.json", "no.txt"), "no.txt: there is no such file"),
        (("encode", "tok.json", "."), ". is a folder"),
        (("encode", "tok.json", "bad.txt"), "bad.txt: not a UTF-8 text: byte 1 is 0xff"),
        (("encode", "no.json", "data.txt"), "no.json: there is no such file; `labkit tokenize train` writes one"),
        (("encode", ".", "data.txt"), ". is a folder"),
        (("encode", "data.txt", "data.txt"), "data.txt: no JSON"),
        (("show", "bad.txt"), "bad.txt: no JSON"),
        (("decode", "tok.json", "1", "300"), "token 300 at position 1 is outside the vocabulary: 0 … 299"),
        (("decode", "tok.json", "1.5"), "an id is a whole number, got '1.5'"),
        (("show", "tok.json", "--token", "300"), "outside the vocabulary"),
        (("show", "tok.json", "--token", "3", "--text", "a"), "give one of them"),
        (("show", "tok.json", "--special", "allow"), "give --text too"),
    ],
)
def test_what_cannot_be_encoded_decoded_or_shown(arguments, words, trained, folder):
    (folder / "bad.txt").write_bytes(b"a\xff")
    stderr = failed(labkit(*arguments))
    assert stderr.startswith("error: ")
    assert stderr.count("\n") == 1
    assert words in stderr


# -- show


def test_a_summary_names_what_is_in_it(trained):
    lines = printed("show", "tok.json").splitlines()
    assert lines[:4] == [
        "kind     bpe",
        "tokens   300: 256 bytes, 43 merges, 1 special",
        "pattern  gpt4",
        f"special  {END} 299",
    ]
    left, right = (trained.token_bytes(token).decode() for token in trained.merges[0])
    assert f"     256  {left + right!r} = {left!r} + {right!r}" in lines
    longest = max(len(trained.token_bytes(token)) for token in range(299))
    first = re.match(r"longest  .*? (\d+)(,|$)", next(line for line in lines if line.startswith("longest")))
    assert len(trained.token_bytes(int(first[1]))) == longest


def test_a_summary_of_every_kind():
    for tokenizer in (CharTokenizer("ab", True), ByteTokenizer(), WordTokenizer(("a",)), BPETokenizer(())):
        tokenizer.save("t.json")
        lines = printed("show", "t.json").splitlines()
        assert lines[0].split() == ["kind", tokenizer.type]
        assert lines[1].startswith(f"tokens   {tokenizer.vocab_size}: ")


def test_a_text_is_cut_visibly_with_ids_and_bytes():
    BPETokenizer.train("low lower lowest", 259).save("low.json")
    cut, _, head, *rows, _, ratio = printed("show", "low.json", "--text", "low lowé").splitlines()
    assert cut == r"low| low|\xc3|\xa9"
    assert head.split() == ["place", "id", "bytes", "token"]
    assert [row.split(maxsplit=2)[:2] for row in rows] == [["0", "257"], ["1", "258"], ["2", "195"], ["3", "169"]]
    assert "20 6c 6f 77  ' low'" in rows[1]
    assert ratio == "4 tokens, 9 bytes: 2.25 bytes a token"
    assert printed("show", "low.json", "--text", "").endswith("0 tokens, 0 bytes\n")


def test_colours_change_from_token_to_token_and_say_the_same_text():
    tokenizer = ByteTokenizer()
    text = "ab\nc\\d'"
    shown = token_views.cut(tokenizer, tokenizer.encode(text), colour=True)
    assert re.sub(r"\x1b\[[\d;]*m", "", shown) == "ab\\n\nc\\\\d'"
    codes = re.findall(r"\x1b\[30;(\d+)m", shown)
    assert len(codes) == len(text)
    assert all(one != other for one, other in pairwise(codes))


def test_the_tree_of_a_token_is_its_merges():
    BPETokenizer.train("low lower lowest", 259).save("low.json")
    assert printed("show", "low.json", "--token", 258).splitlines() == [
        "token 258: ' low', 4 bytes: 20 6c 6f 77",
        "' low' 258",
        "├─ ' ' 32",
        "└─ 'low' 257",
        "   ├─ 'lo' 256",
        "   │  ├─ 'l' 108",
        "   │  └─ 'o' 111",
        "   └─ 'w' 119",
    ]
    assert printed("show", "low.json", "--token", 195).startswith(r"token 195: b'\xc3', 1 byte: c3")


def test_a_token_of_a_thousand_merges_has_a_tree():
    chain = BPETokenizer(tuple((97 if i == 0 else 255 + i, 97) for i in range(1500)))
    leaves = [line for line in token_views.tree(chain, 1755) if line.endswith("'a' 97")]
    assert len(leaves) == 1501


# -- export


def test_other_programs_give_the_same_ids(trained):
    tokenizers = pytest.importorskip("tokenizers")
    tiktoken = pytest.importorskip("tiktoken")
    from labkit.tokenizers.patterns import PATTERNS

    printed("export", "tok.json", "--format", "huggingface", "-o", "hf.json")
    printed("export", "tok.json", "--format", "tiktoken", "-o", "tok.tiktoken")
    lines = [line.split() for line in Path("tok.tiktoken").read_text("ascii").splitlines()]
    ranks = {base64.b64decode(token): int(rank) for token, rank in lines}
    encoding = tiktoken.Encoding("t", pat_str=PATTERNS["gpt4"], mergeable_ranks=ranks, special_tokens={})
    ids = trained.encode(TEXT)
    assert encoding.encode_ordinary(TEXT) == ids
    assert tokenizers.Tokenizer.from_file("hf.json").encode(TEXT).ids == ids


def test_what_cannot_be_exported(trained):
    write_atomic("byte.json", '{"type": "byte"}')
    assert "tok.json is what is read" in failed(labkit("export", "tok.json", "--format", "tiktoken", "-o", "tok.json"))
    for form in ("huggingface", "tiktoken"):
        stderr = failed(labkit("export", "byte.json", "--format", form, "-o", "out.json"))
        assert "only a bpe tokenizer" in stderr
