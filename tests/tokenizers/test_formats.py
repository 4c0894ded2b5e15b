import base64
import json
import random
import sys

import pytest
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.tokenizers import BPETokenizer, ByteTokenizer, CharTokenizer, WordTokenizer
from labkit.tokenizers.formats import (
    from_gpt2,
    from_tiktoken_file,
    save_huggingface,
    save_tiktoken,
    to_huggingface,
    to_tiktoken,
)
from labkit.tokenizers.huggingface import byte_letters, letters

# Each library has its edition of Unicode; on what all know they agree.
known = st.text(st.characters(exclude_categories=("Cs", "Cn")))
TEXT = "low lower lowest, the cat's hat: 2024, né é 你你 " * 3
NAMES = ["<|endoftext|>", "<|endoftext|>2", "é…"]
SMALL = BPETokenizer.train(TEXT, 280, "gpt4", NAMES)
hf_small = tokenizers.Tokenizer.from_str(json.dumps(to_huggingface(SMALL)))
tiktoken_small = to_tiktoken(BPETokenizer(SMALL.merges, "gpt4", {"<|endoftext|>": 277, "é…": 279}))


# -- the same ids as the others


def test_ids_are_the_same_on_a_large_mixed_text(trained, mixed_text, tmp_path):
    ids = trained.encode(mixed_text)
    assert trained.decode(ids) == mixed_text
    hf = tokenizers.Tokenizer.from_file(str(save_huggingface(trained, tmp_path / "tokenizer.json")))
    assert hf.encode(mixed_text).ids == ids
    assert hf.decode(ids) == mixed_text
    assert hf.get_vocab_size() == trained.vocab_size
    encoding = to_tiktoken(trained, "mine")
    assert encoding.encode_ordinary(mixed_text) == ids
    assert (encoding.name, encoding.n_vocab) == ("mine", trained.vocab_size)
    assert encoding.decode(ids) == mixed_text


def test_special_tokens_are_the_same_in_a_mixed_text(trained, mixed_text, tmp_path):
    rng = random.Random(2)
    half = mixed_text[len(mixed_text) // 2 :]
    cuts = sorted(rng.sample(range(len(half)), 200))
    parts = [half[i:j] for i, j in zip([0, *cuts], [*cuts, None], strict=True)]
    text = "".join(part + rng.choice(["<|endoftext|>", "<|pad|>", "<|endoftext", ""]) for part in parts)
    ids = trained.encode(text, special="allow")
    assert set(trained.special.values()) <= set(ids)
    hf = tokenizers.Tokenizer.from_file(str(save_huggingface(trained, tmp_path / "tokenizer.json")))
    assert hf.encode(text).ids == ids
    hf.encode_special_tokens = True
    assert hf.encode(text).ids == trained.encode(text, special="text")
    encoding = to_tiktoken(trained)
    assert encoding.encode(text, allowed_special="all") == ids
    assert encoding.encode_ordinary(text) == trained.encode(text, special="text")


@settings(max_examples=200)
@given(known | st.lists(st.sampled_from([*NAMES, "low", " the", "'s", "  ", "\n", "你", "<|", "…", "2"])).map("".join))
def test_ids_are_the_same_on_any_text(text):
    assert hf_small.encode(text).ids == SMALL.encode(text, special="allow")
    assert tiktoken_small.encode_ordinary(text) == SMALL.encode(text, special="text")


def test_special_tokens_keep_their_names_and_ids():
    added = hf_small.get_added_tokens_decoder()
    assert {token.content: number for number, token in added.items()} == SMALL.special
    assert all(token.special and not (token.lstrip or token.rstrip or token.normalized) for token in added.values())
    assert hf_small.decode(SMALL.encode("low<|endoftext|>low", "allow")) == "lowlow"  # theirs leaves them out
    assert tiktoken_small.special_tokens_set == {"<|endoftext|>", "é…"}


def test_ids_far_from_the_merges_are_kept():
    tokenizer = BPETokenizer(((97, 98),), special={"<x>": 300})
    hf = tokenizers.Tokenizer.from_str(json.dumps(to_huggingface(tokenizer)))
    assert hf.encode("ab<x>").ids == to_tiktoken(tokenizer).encode("ab<x>", allowed_special="all") == [256, 300]


def test_bytes_are_written_as_hugging_face_writes_them():
    assert set(byte_letters().values()) == set(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    split = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    text = "".join(map(chr, range(0x800))) + "你👩🏽"
    assert letters(text.encode()) == "".join(part for part, _ in split.pre_tokenize_str(text))


# -- what cannot be exported


@pytest.mark.parametrize("export", [to_huggingface, to_tiktoken])
@pytest.mark.parametrize("tokenizer", [CharTokenizer("ab"), ByteTokenizer(), WordTokenizer(("a",))])
def test_other_kinds_are_refused(export, tokenizer):
    with pytest.raises(ValueError, match=rf"only a bpe tokenizer can be exported, got {tokenizer.type}"):
        export(tokenizer)


@pytest.mark.parametrize("export", [to_huggingface, to_tiktoken])
def test_two_ids_with_the_same_bytes_are_refused(export):
    tokenizer = BPETokenizer(((97, 98), (98, 99), (97, 257), (256, 99)))
    with pytest.raises(ValueError, match=r"tokens 258 and 259 have the same bytes, b'abc'"):
        export(tokenizer)


def test_a_token_that_is_never_made_has_other_ids_in_tiktoken_alone():
    tokenizer = BPETokenizer(((98, 99), (97, 98), (257, 99)))
    with pytest.raises(ValueError, match=r"token 258, b'abc', is never made: .* make \[97, 256\] of its bytes"):
        to_tiktoken(tokenizer)
    hf = tokenizers.Tokenizer.from_str(json.dumps(to_huggingface(tokenizer)))
    assert hf.encode("abcab").ids == tokenizer.encode("abcab") == [97, 256, 257]


def test_special_names_that_the_others_mistake():
    with pytest.raises(ValueError, match=r"'Ġ' is written like token 32, b' ', in a tokenizer\.json"):
        to_huggingface(BPETokenizer((), special={"Ġ": 256}))
    with pytest.raises(ValueError, match=r"'<x>y' begins with another, '<x>'; tiktoken may find either"):
        to_tiktoken(BPETokenizer((), special={"<x>": 256, "<x>y": 257, "<w>": 258}))


def test_tiktoken_is_optional(monkeypatch):
    monkeypatch.setitem(sys.modules, "tiktoken", None)
    with pytest.raises(ImportError, match="needs the package tiktoken: pip install tiktoken"):
        to_tiktoken(SMALL)


# -- GPT-2's two files


@pytest.fixture(scope="module")
def in_gpt2_s_order(mixed_text):
    """A tokenizer whose ids begin with "!", as GPT-2's do."""
    trained = BPETokenizer.train(mixed_text[-15_000:], 556, "gpt2")
    order = bytes([*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)])
    order += bytes(byte for byte in range(256) if byte not in order)
    place = {byte: token for token, byte in enumerate(order)}
    pairs = [tuple(place.get(part, part) for part in pair) for pair in trained.merges]
    return BPETokenizer(tuple(pairs), "gpt2", {"<|endoftext|>": 556}, order)


@pytest.fixture
def gpt2_files(in_gpt2_s_order, tmp_path):
    """The files as Hugging Face's library writes them."""
    hf = tokenizers.Tokenizer.from_str(json.dumps(to_huggingface(in_gpt2_s_order)))
    hf.model.save(str(tmp_path))
    return in_gpt2_s_order, tmp_path / "vocab.json", tmp_path / "merges.txt"


def test_gpt2_s_files_are_read(gpt2_files, mixed_text):
    tokenizer, vocab, merges = gpt2_files
    assert merges.read_text(encoding="utf-8").startswith("#version")
    found = from_gpt2(vocab, merges)
    assert found == tokenizer
    model = tokenizers.models.BPE.from_file(str(vocab), str(merges))
    theirs = tokenizers.Tokenizer(model)
    theirs.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)  # with GPT-2's own pattern
    assert theirs.encode(mixed_text).ids == found.encode(mixed_text)
    assert found.encode("!", "allow") == [0]
    assert found.encode("<|endoftext|>", "allow") == [556]


def test_line_ends_of_windows_and_no_version(gpt2_files):
    tokenizer, vocab, merges = gpt2_files
    lines = merges.read_text(encoding="utf-8").splitlines()[1:]
    merges.write_bytes(("\r\n".join(lines) + "\r\n\r\n").encode())
    assert from_gpt2(vocab, merges) == tokenizer


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("abc", r"line 2: a merge is two tokens with a space between, got 'abc'"),
        ("a b c", r"line 2: a merge is two tokens with a space between"),
        ("qqq w", r"line 2: 'qqq' is no byte, and no line before makes it"),
        ("é …", r"line 2: '…' is no byte"),
        ("§ §", r"line 2: makes '§§', token 256, but that is None in .*vocab\.json; .* do not belong together"),
    ],
)
def test_lines_that_are_no_merges(gpt2_files, line, message):
    _, vocab, merges = gpt2_files
    lines = merges.read_text(encoding="utf-8").splitlines()
    merges.write_text("\n".join([lines[0], line, *lines[1:]]), encoding="utf-8")
    with pytest.raises(ValueError, match=r"merges\.txt, " + message):
        from_gpt2(vocab, merges)


def test_merges_that_do_not_fit_the_vocabulary(gpt2_files):
    _, vocab, merges = gpt2_files
    lines = merges.read_text(encoding="utf-8").splitlines()
    merges.write_text("\n".join([*lines, lines[3]]), encoding="utf-8")
    with pytest.raises(ValueError, match=r"line 302: .* is made a second time; it is token 258 already"):
        from_gpt2(vocab, merges)
    merges.write_text("\n".join([*lines[:3], *lines[4:]]), encoding="utf-8")
    with pytest.raises(ValueError, match=r"line \d+: (makes .*, token \d+, but that is \d+|.* is no byte)"):
        from_gpt2(vocab, merges)
    merges.write_text("\n".join(lines[:-1]), encoding="utf-8")  # its last token becomes special: the id may be
    assert len(from_gpt2(vocab, merges).special) == 2
    merges.write_bytes(b"\xff\xfe")
    with pytest.raises(ValueError, match=r"merges\.txt: not a text in UTF-8"):
        from_gpt2(vocab, merges)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"!": 1}, r"'!' and '\"' have the same id, 1"),
        ({"!": "0"}, r"the id of '!' is '0', not a whole number"),
        ({"!": 9999}, r"tokens 0 … 255 are the 256 bytes, but token 0 is None"),
        ({"!": 9999, "xx": 0}, r".* but token 0 is 'xx'"),
        ({"<x>": -1}, r"special token '<x>' has the id -1"),
    ],
)
def test_a_vocabulary_that_is_none(gpt2_files, change, message):
    _, vocab, merges = gpt2_files
    vocab.write_text(json.dumps(json.loads(vocab.read_text(encoding="utf-8")) | change), encoding="utf-8")
    with pytest.raises(ValueError, match=r"vocab\.json: " + message):
        from_gpt2(vocab, merges)


@pytest.mark.parametrize(("content", "message"), [(b"[]", "got list"), (b"{", "no JSON"), (b"\xff", "no JSON")])
def test_a_vocabulary_that_is_no_json(gpt2_files, content, message):
    _, vocab, merges = gpt2_files
    vocab.write_bytes(content)
    with pytest.raises(ValueError, match=rf"vocab\.json: .*{message}"):
        from_gpt2(vocab, merges)


# -- a file of ranks


@pytest.fixture
def ranks(tmp_path, trained, monkeypatch):
    """A file of ranks that tiktoken reads as these."""
    from tiktoken.load import load_tiktoken_bpe

    path = tmp_path / "small.tiktoken"
    tokens = {trained.token_bytes(token): token for token in range(256 + len(trained.merges))}
    path.write_text("".join(f"{base64.b64encode(data).decode()} {token}\n" for data, token in tokens.items()))
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", "")  # none
    assert load_tiktoken_bpe(str(path)) == tokens
    return path


def test_ranks_give_the_merges_back(ranks, trained):
    assert from_tiktoken_file(ranks, trained.pattern, trained.special) == trained
    plain = from_tiktoken_file(ranks, trained.pattern)
    assert plain.merges == trained.merges
    assert plain.special == {}


def test_ranks_are_written_without_tiktoken_and_read_by_it(ranks, trained, tmp_path, monkeypatch):
    from tiktoken.load import load_tiktoken_bpe

    with monkeypatch.context() as without:
        without.setitem(sys.modules, "tiktoken", None)
        path = save_tiktoken(trained, tmp_path / "new" / "saved.tiktoken")
        assert from_tiktoken_file(path, trained.pattern, trained.special) == trained
    assert path.read_bytes() == ranks.read_bytes()
    assert load_tiktoken_bpe(str(path)) == load_tiktoken_bpe(str(ranks))


def test_ranks_with_which_tiktoken_gives_other_ids_are_not_written(tmp_path):
    with pytest.raises(ValueError, match="token 258, b'abc', is never made"):
        save_tiktoken(BPETokenizer(((98, 99), (97, 98), (257, 99))), tmp_path / "x.tiktoken")
    with pytest.raises(ValueError, match="only a bpe tokenizer can be exported, got byte"):
        save_tiktoken(ByteTokenizer(), tmp_path / "x.tiktoken")
    assert list(tmp_path.iterdir()) == []


def test_ranks_in_another_order_of_bytes(tmp_path):
    path = tmp_path / "x.tiktoken"
    order = [*range(255, -1, -1)]
    lines = [f"{base64.b64encode(bytes([byte])).decode()} {token}" for token, byte in enumerate(order)]
    path.write_text("\r\n".join([*lines, f"{base64.b64encode(b'ab').decode()} 256", ""]))
    tokenizer = from_tiktoken_file(path, "gpt2")
    assert tokenizer.encode("abc") == [256, 255 - ord("c")]


AB, ABC, XYZ = (base64.b64encode(data).decode() for data in (b"ab", b"abc", b"xyz"))


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([f"{AB}! 256"], r", line 257: a token in base64, a space and a whole number are due, got b'YWI=! 256'"),
        (["YWI 256"], ", line 257: a token in base64"),
        ([AB], ", line 257: a token in base64"),
        ([f"{AB} x"], ", line 257: a token in base64"),
        ([f"{AB} 256 1"], ", line 257: a token in base64"),
        ([f"{AB} 257"], r", line 257: rank 256 is due, got 257; ranks ascend from 0 without a gap"),
        ([f"{AB} 256", f"{AB} 256"], ", line 258: rank 257 is due, got 256"),
        ([f"{AB} 256", "", f"{AB} 257"], r", line 259: b'ab' is token 256 already"),
        ([f"{XYZ} 256"], r", line 257: token 256, b'xyz', is made of two tokens before it, but they leave 3 parts"),
        ([f"{ABC} 256", f"{AB} 257"], ", line 257: token 256, b'abc', .* leave 3 parts"),
        (["YQ== 256"], r", line 257: b'a' is token 97 already"),
        ([], None),
    ],
)
def test_files_of_ranks_that_are_none(tmp_path, lines, message):
    path = tmp_path / "x.tiktoken"
    first = [f"{base64.b64encode(bytes([byte])).decode()} {byte}" for byte in range(256)]
    path.write_text("\n".join([*first, *lines]) + "\n")
    if message is None:
        assert from_tiktoken_file(path, "gpt2") == BPETokenizer((), "gpt2")
        return
    with pytest.raises(ValueError, match=r"x\.tiktoken" + message):
        from_tiktoken_file(path, "gpt2")


def test_files_that_are_no_ranks(tmp_path):
    path = tmp_path / "x.tiktoken"
    path.write_text(f"{AB} 0\n")
    with pytest.raises(ValueError, match="line 1: token 0 has one byte"):
        from_tiktoken_file(path, "gpt2")
    path.write_text("YQ== 0\n")
    with pytest.raises(ValueError, match="the 256 bytes come first, but there are 1 tokens"):
        from_tiktoken_file(path, "gpt2")
    with pytest.raises(ValueError, match="pattern must be one of"):
        from_tiktoken_file(path, "cl100k")
    with pytest.raises(FileNotFoundError):
        from_tiktoken_file(tmp_path / "none", "gpt2")
