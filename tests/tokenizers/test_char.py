import json
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.tokenizers import CharTokenizer, Tokenizer, tokenizer_from_dict

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


# -- against nanoGPT's rule, as data/shakespeare_char/prepare.py has it


@given(texts)
def test_vocabulary_and_ids_are_nanogpt_s(text):
    chars = sorted(list(set(text)))
    stoi = {ch: i for i, ch in enumerate(chars)}
    tokenizer = CharTokenizer.train(text)
    assert tokenizer.characters == "".join(chars)
    assert tokenizer.vocab_size == len(chars)
    assert tokenizer.encode(text) == [stoi[c] for c in text]


@given(texts, st.data())
def test_decoding_undoes_encoding(text, data):
    tokenizer = CharTokenizer.train(text)
    assert tokenizer.decode(tokenizer.encode(text)) == text
    ids = data.draw(st.lists(st.integers(0, tokenizer.vocab_size - 1)))
    assert tokenizer.encode(tokenizer.decode(ids)) == ids


@given(texts)
def test_it_comes_back_through_json(text):
    tokenizer = CharTokenizer.train(text)
    again = tokenizer_from_dict(json.loads(json.dumps(tokenizer.to_dict())))
    assert again == tokenizer
    assert hash(again) == hash(tokenizer)
    assert isinstance(again, Tokenizer)


def test_an_example_by_hand():
    tokenizer = CharTokenizer.train("hello\n")
    assert tokenizer.to_dict() == {"type": "char", "characters": "\nehlo"}
    assert tokenizer.encode("hole") == [2, 4, 3, 1]
    assert tokenizer.encode("") == []
    assert tokenizer.decode([]) == ""
    assert repr(tokenizer) == r"CharTokenizer(characters='\nehlo', unknown=False)"


def test_ids_of_numpy_are_ids():
    assert CharTokenizer("ab").decode(np.array([1, 0, 1], dtype=np.uint16)) == "bab"


# -- errors


def test_an_unknown_character_is_named_with_its_place():
    with pytest.raises(ValueError, match=r"character 'é' \(U\+00E9\) at position 3 is not among the 3") as error:
        CharTokenizer("acf").encode("cafés")
    assert "'acf'. Leave it out or replace it" in str(error.value)


def test_a_long_vocabulary_is_cut_short_in_the_message():
    tokenizer = CharTokenizer("".join(map(chr, range(0x4E00, 0x5E00))))
    with pytest.raises(ValueError, match=r"not among the 4096 of this tokenizer: .*…") as error:
        tokenizer.encode("x")
    assert len(str(error.value)) < 350


@pytest.mark.parametrize("token", [-1, 2, 10**30])
def test_an_id_outside_the_vocabulary(token):
    with pytest.raises(ValueError, match=rf"token {token} at position 1 is outside the vocabulary: 0 … 1"):
        CharTokenizer("ab").decode([0, token])


@pytest.mark.parametrize("token", [1.0, "a", None])
def test_what_is_no_id(token):
    with pytest.raises(ValueError, match="at position 1 is not a whole number"):
        CharTokenizer("ab").decode([0, token])


@pytest.mark.parametrize(
    ("characters", "message"),
    [
        ("", "at least one character"),
        ("aa", "'a' is there twice"),
        ("ba", "'a' comes after 'b'"),
        (["a", "b"], "are a str, got list"),
        (None, "are a str, got NoneType"),
    ],
)
def test_characters_that_are_no_vocabulary(characters, message):
    with pytest.raises(ValueError, match=message):
        CharTokenizer(characters)
    with pytest.raises(ValueError, match=message):
        tokenizer_from_dict({"type": "char", "characters": characters})


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (["char"], "described by a dict, got list"),
        ({}, "unknown type of tokenizer None; there are: char"),
        ({"type": "bpe2"}, "unknown type of tokenizer 'bpe2'"),
        ({"type": ["char"]}, "unknown type of tokenizer"),
        ({"type": "char"}, "missing or unknown: characters"),
        ({"type": "char", "characters": "ab", "merges": []}, "missing or unknown: merges"),
    ],
)
def test_dicts_that_describe_no_tokenizer(data, message):
    with pytest.raises(ValueError, match=message):
        tokenizer_from_dict(data)


def test_from_dict_takes_only_its_own_kind():
    with pytest.raises(ValueError, match="has the type 'char', got 'bpe'"):
        CharTokenizer.from_dict({"type": "bpe", "characters": "ab"})


@given(st.text(st.characters(exclude_categories=["Cs"])), st.characters(categories=["Cs"]))
def test_half_of_a_surrogate_pair_is_refused(text, half):
    words = rf"half of a character, U\+{ord(half):04X}, stands alone at position {len(text)}"
    with pytest.raises(ValueError, match=words):
        CharTokenizer.train(text + half)
    with pytest.raises(ValueError, match="half of a character"):
        CharTokenizer(half)
    for unknown in (True, False):
        with pytest.raises(ValueError, match=words):
            CharTokenizer.train(text + "a", unknown).encode(text + half)


def test_no_vocabulary_without_a_text():
    with pytest.raises(ValueError, match="the text is empty"):
        CharTokenizer.train("")


def test_the_package_needs_the_standard_library_alone():
    code = "import sys; before = set(sys.modules); import labkit.tokenizers; print(*(set(sys.modules) - before))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    packages = {name.partition(".")[0] for name in result.stdout.split()}
    assert packages - sys.stdlib_module_names == {"labkit"}


# -- <UNK>, and more texts than one


@given(texts, texts)
def test_with_unknown_every_text_has_ids(seen, text):
    tokenizer = CharTokenizer.train(seen, unknown=True)
    unknown = len(set(seen))
    assert tokenizer.special_tokens == {"<UNK>": unknown}
    assert tokenizer.vocab_size == unknown + 1
    plain = CharTokenizer.train(seen)
    assert tokenizer.encode(text) == [plain.encode(c)[0] if c in seen else unknown for c in text]
    assert tokenizer.decode(tokenizer.encode(text)) == "".join(c if c in seen else "<UNK>" for c in text)
    again = tokenizer_from_dict(json.loads(json.dumps(tokenizer.to_dict())))
    assert again == tokenizer != plain


@given(st.lists(texts, min_size=1))
def test_texts_give_the_characters_of_them_all(several):
    assert CharTokenizer.train(iter(several)) == CharTokenizer.train("".join(several))


def test_unknown_by_hand():
    tokenizer = CharTokenizer.train("hello", unknown=True)
    assert tokenizer.to_dict() == {"type": "char", "characters": "ehlo", "unknown": True}
    assert tokenizer.encode("help!") == [1, 0, 2, 4, 4]
    assert tokenizer.token_bytes(4) == b"<UNK>"
    assert CharTokenizer.train("hello").special_tokens == {}


@pytest.mark.parametrize("unknown", [1, None, "yes"])
def test_unknown_is_yes_or_no(unknown):
    with pytest.raises(ValueError, match="unknown is true or false, got"):
        tokenizer_from_dict({"type": "char", "characters": "ab", "unknown": unknown})


@pytest.mark.parametrize("several", [[], ["", ""]])
def test_no_vocabulary_without_texts(several):
    with pytest.raises(ValueError, match="the text is empty"):
        CharTokenizer.train(several)
