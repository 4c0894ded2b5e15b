import json
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.tokenizers import BPETokenizer, SpecialTokenFound, load_tokenizer, tokenizer_from_dict
from labkit.tokenizers.merges import learn_merges_naive
from labkit.tokenizers.patterns import count_chunks, pieces

any_text = st.text(st.characters(exclude_categories=["Cs"]))
TEXT = "low lower lowest, the cat's hat: 2024, né é 你你 " * 3
NAMES = ["<|a|>", "<|ab|>", "<|a|>b"]
SMALL = {pattern: BPETokenizer.train(TEXT, 280, pattern, NAMES) for pattern in ("gpt2", "gpt4")}
patterns = st.sampled_from(sorted(SMALL))


# -- encode and decode


@given(
    any_text | st.lists(st.sampled_from(["low", " lowe", "你", "é", "'s", "2024", "\n", " "])).map("".join), patterns
)
def test_decoding_undoes_encoding(text, pattern):
    tokenizer = SMALL[pattern]
    ids = tokenizer.encode(text, special="text")
    assert tokenizer.decode(ids) == text
    assert tokenizer.decode_bytes(ids) == text.encode()
    assert b"".join(map(tokenizer.token_bytes, ids)) == text.encode()


@given(st.lists(st.integers(0, 279)))
def test_any_ids_have_a_text(ids):
    tokenizer = SMALL["gpt4"]
    data = b"".join(map(tokenizer.token_bytes, ids))
    assert tokenizer.decode(ids) == data.decode("utf-8", errors="replace")


def test_half_a_character_is_decoded_with_replacement():
    tokenizer = BPETokenizer(())
    assert tokenizer.encode("né") == [110, 195, 169]
    assert tokenizer.decode([110, 195]) == "n\ufffd"
    assert tokenizer.decode([169, 110, 0xFF]) == "\ufffdn\ufffd"
    assert tokenizer.decode(np.array([110, 195, 169], dtype=np.uint16)) == "né"


def test_an_example_by_hand():
    # hello hell: he (2 times), hel, hell; of equals the first in the text
    tokenizer = BPETokenizer.train("hello hell", 259, "gpt2")
    assert [tokenizer.token_bytes(token) for token in range(256, 259)] == [b"he", b"hel", b"hell"]
    assert tokenizer.encode("hello shell") == [258, ord("o"), ord(" "), ord("s"), 258]
    assert tokenizer.encode("") == []
    assert tokenizer.decode([]) == ""


def test_merges_are_applied_in_the_order_of_learning_not_longest_first():
    tokenizer = BPETokenizer(((98, 99), (97, 98), (257, 99)))  # bc, ab, ab+c
    assert tokenizer.encode("abc") == [97, 256]  # "abc" is a token, but bc is merged first


@pytest.mark.parametrize("token", [-1, 280, 10**30])
def test_an_id_outside_the_vocabulary(token):
    with pytest.raises(ValueError, match=rf"token {token} at position 1 is outside the vocabulary: 0 … 279"):
        SMALL["gpt4"].decode([0, token])
    with pytest.raises(ValueError, match="outside the vocabulary"):
        SMALL["gpt4"].token_bytes(token)


@pytest.mark.parametrize("text", ["ab\ud83d", "\udc00"])
def test_half_of_a_surrogate_pair_is_named(text):
    with pytest.raises(ValueError, match=rf"U\+{ord(text[-1]):04X}, stands alone at position {len(text) - 1}"):
        SMALL["gpt2"].encode(text)
    with pytest.raises(ValueError, match="half of a character"):
        BPETokenizer.train(text + "a", 257)
    with pytest.raises(ValueError, match="reads text, got bytes"):
        SMALL["gpt2"].encode(b"ab")


# -- training


@pytest.mark.parametrize("pattern", ["gpt2", "gpt4"])
def test_it_learns_what_the_naive_trainer_learns(pattern):
    seen = []
    tokenizer = BPETokenizer.train(TEXT, 280, pattern, on_merge=seen.append)
    naive = [step for step, _ in zip(learn_merges_naive(count_chunks(TEXT, pattern)), range(24), strict=False)]
    assert seen == naive
    assert tokenizer.merges == tuple((step.left, step.right) for step in naive)
    assert tokenizer.vocab_size == 280
    assert seen[-1].tokens == len(tokenizer.encode(TEXT))  # the trainer's count is what encoding gives


def test_it_is_the_same_each_time():
    assert BPETokenizer.train(TEXT, 280) == BPETokenizer.train(TEXT, 280)


def test_texts_are_read_once_and_no_chunk_reaches_across():
    read = []

    def texts():
        for text in ("aab", "aab", "cab"):
            read.append(text)
            yield text

    tokenizer = BPETokenizer.train(texts(), 258)
    assert read == ["aab", "aab", "cab"]
    assert tokenizer.merges == ((97, 98), (97, 256))
    with pytest.raises(ValueError, match="pairs for 256 tokens"):
        BPETokenizer.train(["b", "a"] * 3, 257)


def test_special_tokens_follow_the_merges():
    tokenizer = BPETokenizer.train("low low", 260, special_tokens=["<b>", "<a>"])
    assert tokenizer.special_tokens == {"<b>": 258, "<a>": 259}
    assert tokenizer.token_bytes(258) == b"<b>"
    assert tokenizer.decode([256, 259]) == "lo<a>"


@pytest.mark.parametrize("size", [255, 0, -1, True, 300.0, "300", None, 2_000_000])
def test_a_size_that_cannot_be(size):
    with pytest.raises(ValueError, match=r"vocab_size must be 256 … 1,114,112 .*got"):
        BPETokenizer.train("ab", size)
    with pytest.raises(ValueError, match=r"must be 257 … .*1 special tokens"):
        BPETokenizer.train("ab", 256, special_tokens=["<x>"])


@pytest.mark.parametrize(("text", "least"), [("low low", 259), ("", 256), ("a b", 257)])
def test_a_size_too_large_for_the_text(text, least):
    assert BPETokenizer.train(text, least).vocab_size == least
    with pytest.raises(ValueError, match=rf"pairs for {least} tokens, .*\(vocab_size=300\), or give more text"):
        BPETokenizer.train(text, 300)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"special_tokens": "<x>"}, "a list of names, got the text '<x>'"),
        ({"special_tokens": [""]}, "a special token has a name, got ''"),
        ({"special_tokens": [3]}, "a special token has a name, got 3"),
        ({"special_tokens": ["\ud800"]}, "half of a character"),
        ({"pattern": "gpt5"}, "pattern must be one of gpt2, gpt4"),
    ],
)
def test_options_that_cannot_be(options, message):
    with pytest.raises(ValueError, match=message):
        BPETokenizer.train("ab", 257, **options)


# -- special tokens in a text


def test_a_special_token_is_refused_unless_meant():
    tokenizer = SMALL["gpt4"]
    text = "low<|a|> low"
    with pytest.raises(ValueError, match=r"special token '<\|a\|>' at position 3: .*special='text'.*special='allow'"):
        tokenizer.encode(text)
    low, space_low = tokenizer.encode("low"), tokenizer.encode(" low")
    assert tokenizer.encode(text, special="allow") == [*low, tokenizer.special["<|a|>"], *space_low]
    as_text = tokenizer.encode(text, special="text")
    assert not set(as_text) & set(tokenizer.special.values())
    assert tokenizer.decode(as_text) == tokenizer.decode(tokenizer.encode(text, special="allow")) == text
    with pytest.raises(ValueError, match="special must be one of refuse, allow, text, got 'all'"):
        tokenizer.encode(text, special="all")


def test_what_was_found_is_in_the_error():
    with pytest.raises(SpecialTokenFound) as error:
        SMALL["gpt4"].encode("low<|a|>b <|ab|>")
    assert (error.value.name, error.value.position) == ("<|a|>b", 3)
    again = pickle.loads(pickle.dumps(error.value))
    assert (type(again), str(again)) == (SpecialTokenFound, str(error.value))


def test_the_longest_name_wins():
    tokenizer = SMALL["gpt2"]
    ids = tokenizer.special
    assert tokenizer.encode("<|a|>b<|ab|><|a|>", special="allow") == [ids["<|a|>b"], ids["<|ab|>"], ids["<|a|>"]]


def test_of_names_that_overlap_the_first_in_the_text_wins():
    tokenizer = BPETokenizer((), special={"xyx": 256, "yxyz": 257})
    assert tokenizer.encode("xyxyz", special="allow") == [256, ord("y"), ord("z")]
    assert tokenizer.encode("xyxyx", special="allow") == [256, ord("y"), ord("x")]


def test_names_are_no_regular_expressions():
    tokenizer = BPETokenizer((), special={"a.c": 256, "(": 257})
    assert tokenizer.encode("abc(a.c", special="allow") == [97, 98, 99, 257, 256]


def test_text_around_a_special_token_is_cut_anew():
    tokenizer = BPETokenizer(((97, 98),), special={"#": 257})
    assert tokenizer.encode("a#b", special="allow") == [97, 257, 98]
    assert tokenizer.encode("#ab#", special="allow") == [257, 256, 257]


# -- what cannot be a vocabulary


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"merges": ((97, 256),)}, r"token 256 is made of \(97, 256\): both must be tokens before it, 0 … 255"),
        ({"merges": ((97, -1),)}, "both must be tokens before it"),
        ({"merges": ((97, True),)}, "both must be tokens before it"),
        ({"merges": ((97, "b"),)}, "both must be tokens before it"),
        ({"merges": ((97, 98), (97, 98))}, r"pair \(97, 98\) is merged twice, the second time into token 257"),
        ({"merges": (), "special": {"x": 255}}, "begin after the merges, at 256"),
        ({"merges": (), "special": {"x": "256"}}, "'x' has the id '256'"),
        ({"merges": (), "special": {"x": 256, "y": 256}}, "two special tokens share an id"),
        ({"merges": (), "byte_order": bytes(256)}, "each of the 256 bytes once"),
        ({"merges": (), "byte_order": b""}, "each of the 256 bytes once"),
        ({"merges": (), "pattern": "x"}, "pattern must be one of"),
    ],
)
def test_what_is_no_vocabulary(arguments, message):
    with pytest.raises(ValueError, match=message):
        BPETokenizer(**arguments)


def test_an_id_that_the_vocabulary_leaves_out():
    tokenizer = BPETokenizer((), special={"<x>": 258})
    assert tokenizer.vocab_size == 259
    assert tokenizer.decode([258]) == "<x>"
    with pytest.raises(ValueError, match="token 257 stands for nothing"):
        tokenizer.decode([257])


# -- as a file


@pytest.mark.parametrize("pattern", ["gpt2", "gpt4"])
def test_it_comes_back_from_its_file(tmp_path, pattern):
    tokenizer = BPETokenizer(SMALL[pattern].merges, pattern, SMALL[pattern].special, bytes(reversed(range(256))))
    path = tokenizer.save(tmp_path / "bpe.json")
    assert load_tokenizer(path) == BPETokenizer.load(path) == tokenizer
    assert hash(load_tokenizer(path)) == hash(tokenizer)
    assert load_tokenizer(path).encode(TEXT) == tokenizer.encode(TEXT)
    assert path.read_text(encoding="utf-8") == json.dumps(tokenizer.to_dict(), separators=(",", ":")) + "\n"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"merges": None}, "merges of a bpe tokenizer are a list of pairs"),
        ({"merges": [[97, 98, 99]]}, "merges of a bpe tokenizer are a list of pairs"),
        ({"merges": ["ab"]}, "merges of a bpe tokenizer are a list of pairs"),
        ({"merges": [[97.0, 98]]}, "both must be tokens before it"),
        ({"merges": [[97, [98]]]}, "both must be tokens before it"),
        ({"special": ["<x>"]}, "are name -> id, got list"),
        ({"special": {"<x>": 3}}, "begin after the merges"),
        ({"byte_order": 10**15}, "byte_order must be a list"),
        ({"byte_order": [300] * 256}, "byte_order must be a list"),
        ({"pattern": ["gpt2"]}, "pattern must be one of"),
        ({"more": 1}, "missing or unknown: more"),
    ],
)
def test_descriptions_of_no_tokenizer(change, message):
    with pytest.raises(ValueError, match=message):
        tokenizer_from_dict(BPETokenizer(()).to_dict() | change)


def test_training_learns_nothing_from_the_names_of_special_tokens():
    text = "low low <|end|> lower <|end|> lowest <|end|>"
    marked = BPETokenizer.train(text, 262, special_tokens=["<|end|>"])
    assert marked.merges == BPETokenizer.train(["low low ", " lower ", " lowest "], 261).merges


def test_training_on_pieces_of_a_text_learns_nothing_from_the_halves_of_a_name():
    name = "<|end of text|>"
    text = f"low low{name}lower lowest{name}" * 5
    whole = BPETokenizer.train(text, 262, special_tokens=[name])
    for block in range(1, 40):
        blocks = [text[i : i + block] for i in range(0, len(text), block)]
        assert BPETokenizer.train(pieces(blocks, 1, uncut=[name]), 262, special_tokens=[name]) == whole
