"""What all kinds have in common."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.tokenizers import (
    BPETokenizer,
    ByteTokenizer,
    CharTokenizer,
    Tokenizer,
    WordTokenizer,
    load_tokenizer,
    tokenizer_from_dict,
)

TEXT = "the cat's hat, né 你 2024\n" * 2
ALL = [
    CharTokenizer.train(TEXT),
    CharTokenizer.train(TEXT, unknown=True),
    ByteTokenizer.train(TEXT),
    WordTokenizer.train(TEXT),
    BPETokenizer.train(TEXT, 264, special_tokens=["<x>"]),
]
every = pytest.mark.parametrize("tokenizer", ALL, ids=lambda tokenizer: tokenizer.type)


@every
def test_it_does_what_a_tokenizer_does(tokenizer):
    assert isinstance(tokenizer, Tokenizer)
    ids = tokenizer.encode(TEXT)
    assert all(type(token) is int and 0 <= token < tokenizer.vocab_size for token in ids)
    assert tokenizer.decode(ids) == tokenizer.decode(iter(ids)) == tokenizer.decode(np.array(ids)) == TEXT
    assert b"".join(map(tokenizer.token_bytes, ids)) == TEXT.encode()
    assert tokenizer.encode("") == []
    assert tokenizer.decode([]) == ""
    for name, token in tokenizer.special_tokens.items():
        assert tokenizer.token_bytes(token) == name.encode()
        assert token not in ids


@every
@given(data=st.data())
def test_any_ids_can_be_decoded(tokenizer, data):
    ids = data.draw(st.lists(st.integers(0, tokenizer.vocab_size - 1)))
    assert tokenizer.decode(ids) == b"".join(map(tokenizer.token_bytes, ids)).decode("utf-8", errors="replace")


@every
@pytest.mark.parametrize("token", [1.0, "a", None])
def test_what_is_no_id(tokenizer, token):
    with pytest.raises(ValueError, match="at position 1 is not a whole number"):
        tokenizer.decode([0, token])


@every
def test_it_comes_back_from_json_and_from_a_file(tokenizer, tmp_path):
    assert tokenizer_from_dict(json.loads(json.dumps(tokenizer.to_dict()))) == tokenizer
    path = tokenizer.save(tmp_path / "tokenizer.json")
    assert load_tokenizer(path) == type(tokenizer).load(str(path)) == tokenizer
    assert list(tmp_path.iterdir()) == [path]  # written beside and renamed


@every
def test_only_its_own_kind_is_loaded(tokenizer, tmp_path):
    other = next(each for each in ALL if each.type != tokenizer.type)
    path = other.save(tmp_path / "tokenizer.json")
    with pytest.raises(ValueError, match=rf"tokenizer\.json: .*has the type '{tokenizer.type}', got '{other.type}'"):
        type(tokenizer).load(path)


@pytest.mark.parametrize("kind", [CharTokenizer, WordTokenizer])
@pytest.mark.parametrize(("texts", "item"), [(["a", 3], 1), ([b"a"], 0), ([None], 0)])
def test_what_is_no_text_is_not_trained_on(kind, texts, item):
    with pytest.raises(ValueError, match=rf"trained on text; item {item} is "):
        kind.train(texts)
    with pytest.raises(ValueError, match=rf"trained on text; item {item} is "):
        BPETokenizer.train(texts, 300)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no JSON"),
        (b'{"type":"ch', "no JSON"),
        (b"\xff\xfe\x00", "no JSON"),
        (b"[1]", "holds one JSON object, got list"),
        (b"{}", "unknown type of tokenizer None; there are: char, byte, word, bpe"),
        (b'{"type":"bpe"}', "missing or unknown: byte_order, merges, pattern, special"),
        (b'{"type":"char","characters":"ba"}', "'a' comes after 'b'"),
    ],
)
def test_a_corrupt_file_is_named(tmp_path, content, message):
    path = tmp_path / "broken.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"broken\.json: .*{message}") as error:
        load_tokenizer(path)
    assert str(error.value).count("broken.json") == 1


def test_a_path_that_a_message_begins_with_is_named_all_the_same(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a").write_text('{"type": "char", "characters": "ba"}', encoding="utf-8")
    with pytest.raises(ValueError, match=r"^a: the characters of a tokenizer ascend"):
        load_tokenizer("a")
    (tmp_path / "unknown").write_text('{"type": "none"}', encoding="utf-8")
    with pytest.raises(ValueError, match=r"^unknown: unknown type of tokenizer 'none'"):
        load_tokenizer("unknown")


@pytest.mark.parametrize("tokenizer", [WordTokenizer.train("a b"), CharTokenizer("ab")], ids=["word", "char"])
def test_the_texts_of_all_tokens_are_put_together_once(tokenizer):
    tokenizer.decode([0])
    assert tokenizer._texts is tokenizer._texts
    assert tokenizer == type(tokenizer).from_dict(tokenizer.to_dict())


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_tokenizer(tmp_path / "none.json")
