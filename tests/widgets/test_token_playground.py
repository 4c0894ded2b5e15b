import doctest
import json

import pytest
from traitlets import TraitError

from labkit.tokenizers import BPETokenizer, ByteTokenizer, CharTokenizer, WordTokenizer
from labkit.widgets import TokenPlayground, token_playground

TEXT = "the theory of the thing: then, thus; though </script> " * 3
SMALL, LARGE = BPETokenizer.train(TEXT, 262), BPETokenizer.train(TEXT, 275, special_tokens=["<|end|>"])
SCHEMES = {
    "characters": CharTokenizer.train(TEXT, unknown=True),
    "bytes": ByteTokenizer(),
    "words": WordTokenizer.train(TEXT, pattern="gpt2"),
    "small": SMALL,
    "large": LARGE,
}


def described(figure):
    return {data["name"]: data for data in figure.data}


def test_docstring():
    results = doctest.testmod(token_playground)
    assert (results.attempted > 0, results.failed) == (True, 0)


def test_the_state_in_the_page_is_the_state_of_the_figure():
    figure = TokenPlayground(SCHEMES, "</script> שלום 👩🏽‍🚀", "words")
    html = figure.page_html()
    assert html.count("</script") == 1
    state = json.loads(html.partition('<script type="application/json">')[2].partition("</script>")[0])
    assert state == {"data": figure.data, "max_text": 1_000_000, "text": "</script> שלום 👩🏽‍🚀", "scheme": "words"}
    assert figure.schemes == SCHEMES


def test_schemes_keep_their_order_and_merges_travel_once():
    data = described(TokenPlayground(SCHEMES))
    assert list(data) == list(SCHEMES)
    assert data["large"]["merges"] == [part for pair in LARGE.merges for part in pair]
    assert data["large"]["size"] == LARGE.vocab_size
    assert data["small"] == {
        "name": "small", "type": "bpe", "pattern": "gpt4", "size": 262, "merges_of": "large", "n_merges": 6,
    }  # fmt: skip
    assert data["words"] == {"name": "words"} | SCHEMES["words"].to_dict()
    assert data["characters"]["unknown"] is True


def test_merges_that_differ_and_an_order_of_bytes_travel_whole():
    other = BPETokenizer(((104, 101), (116, 256)), byte_order=bytes(range(255, -1, -1)))
    data = described(TokenPlayground({"large": LARGE, "other": other}))["other"]
    assert data["merges"] == [104, 101, 116, 256]
    assert data["byte_order"] == list(range(255, -1, -1))


def test_a_vocabulary_of_4096_takes_less_than_60_kb_of_page():
    merges = tuple((4000 - i, 4001 - i) if i > 3800 else (i % 256, 32 + i // 256) for i in range(3840))
    figure = TokenPlayground({"b": BPETokenizer(merges)} | {f"b{n}": BPETokenizer(merges[:n]) for n in (256, 1000)})
    assert len(figure.page_html()) < 60_000


def test_add_lists_a_tokenizer_and_shows_it():
    figure = TokenPlayground({"small": SMALL})
    figure.add("large", LARGE)
    assert (figure.scheme, list(figure.schemes)) == ("large", ["small", "large"])
    assert described(figure)["small"]["merges_of"] == "large"
    figure.add("small", ByteTokenizer())  # in the place of the other
    assert (figure.scheme, list(figure.schemes)) == ("small", ["small", "large"])
    assert described(figure)["small"] == {"name": "small", "type": "byte"}
    figure.schemes.clear()  # a copy
    assert list(figure.schemes) == ["small", "large"]


def test_caption():
    assert TokenPlayground({"small": SMALL, "bytes": ByteTokenizer()}).caption() == (
        "Type anything: your browser cuts it into tokens. Choose a token to see what it is made of. Schemes, with the "
        "size of their vocabulary: small (262), bytes (256)."
    )


class Halves(ByteTokenizer):
    type = "halves"


@pytest.mark.parametrize(
    ("schemes", "words"),
    [
        ({}, "schemes must be at least one tokenizer by name"),
        ([ByteTokenizer()], "schemes must be at least one tokenizer by name"),
        ({" ": ByteTokenizer()}, "a scheme needs a name that can be read, got ' '"),
        ({3: ByteTokenizer()}, "a scheme needs a name that can be read, got 3"),
        ({"b": "bytes"}, "kinds char, byte, word, bpe; 'b' is str"),
        ({"h": Halves()}, "'h' is Halves of the kind 'halves'"),
    ],
)
def test_errors(schemes, words):
    with pytest.raises(ValueError, match=words):
        TokenPlayground(schemes)


def test_add_refuses_what_the_page_does_not_know_and_nothing_changes():
    figure = TokenPlayground({"small": SMALL})
    with pytest.raises(ValueError, match="'h' is Halves"):
        figure.add("h", Halves())
    assert (figure.scheme, list(figure.schemes), len(figure.data)) == ("small", ["small"], 1)


def test_the_limit_counts_characters_and_travels():
    figure = TokenPlayground({"small": SMALL}, text="")
    figure.set_trait("max_text", 3)
    figure.text = "🚀👍a"
    with pytest.raises(TraitError, match="the text has 4 characters, at most 3 fit"):
        figure.text = "🚀👍ab"
    assert (figure.text, figure.page_state()["max_text"]) == ("🚀👍a", 3)
    with pytest.raises(TraitError, match="read-only"):
        figure.max_text = 5


@pytest.mark.parametrize(
    ("trait", "value", "words"),
    [
        ("scheme", "big", "scheme must be one of small, got 'big'"),
        ("text", "x" * 1_000_001, "the text has 1,000,001 characters, at most 1,000,000 fit"),
        ("text", "ab\ud83d", r"half of a character, U\+D83D, stands alone at position 2"),
        ("text", 3, "text"),
    ],
)
def test_what_cannot_be_is_refused_from_the_start_and_later(trait, value, words):
    with pytest.raises(TraitError, match=words):
        TokenPlayground({"small": SMALL}, **{trait: value})
    figure = TokenPlayground({"small": SMALL}, text="before")
    with pytest.raises(TraitError, match=words):
        setattr(figure, trait, value)
    assert (figure.text, figure.scheme) == ("before", "small")
