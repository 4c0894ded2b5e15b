import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.tokenizers import ByteTokenizer, load_tokenizer, tokenizer_from_dict

tokenizer = ByteTokenizer()


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_it_is_utf8(text):
    assert tokenizer.encode(text) == list(text.encode("utf-8"))
    assert tokenizer.decode(tokenizer.encode(text)) == text


@given(st.binary())
def test_any_bytes_have_a_text(data):
    assert tokenizer.decode(data) == tokenizer.decode(list(data)) == data.decode("utf-8", errors="replace")
    assert b"".join(map(tokenizer.token_bytes, data)) == data


def test_its_vocabulary():
    assert ByteTokenizer.train("whatever") == ByteTokenizer.train(iter(["a", "b"])) == tokenizer
    assert tokenizer.vocab_size == 256
    assert tokenizer.special_tokens == {}
    assert tokenizer.decode(np.frombuffer("né".encode(), dtype=np.uint8)) == "né"


@pytest.mark.parametrize("token", [256, -1])
def test_what_is_no_byte(token):
    with pytest.raises(ValueError, match=rf"token {token} at position 1 is outside the vocabulary: 0 … 255"):
        tokenizer.decode([0, token])
    with pytest.raises(ValueError, match="outside the vocabulary"):
        tokenizer.token_bytes(token)


def test_what_is_no_text():
    with pytest.raises(ValueError, match=r"U\+DC80, stands alone at position 1"):
        tokenizer.encode("a\udc80")
    with pytest.raises(ValueError, match="reads text, got bytes"):
        tokenizer.encode(b"a")


def test_it_comes_back_from_its_file(tmp_path):
    path = tokenizer.save(tmp_path / "byte.json")
    assert path.read_text() == '{"type":"byte"}\n'
    assert load_tokenizer(path) == ByteTokenizer.load(path) == tokenizer
    with pytest.raises(ValueError, match="missing or unknown: characters"):
        tokenizer_from_dict({"type": "byte", "characters": "ab"})
