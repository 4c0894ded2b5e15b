"""`labkit train --tokenizer`, and `labkit sample` with such a model."""

import math
import re

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from labkit.cli.sample import text_of, until
from labkit.cli.tokens import first_tokens
from labkit.gpt import GPT, GPTConfig, load_gpt, save_gpt
from labkit.sampling import generate
from labkit.tokenizers import BPETokenizer, ByteTokenizer, CharTokenizer, Tokenizer, WordTokenizer
from labkit.training.checkpoints import last_path, read_last

from .commands import PLAIN, SMALL, failed, labkit

TEXT = "the cat 👩🏽‍🚀 sat on the mat\nand the dog שלום sat on the log\n" * 20
END = "<|endoftext|>"


@pytest.fixture(autouse=True)
def _tokenizer(folder):
    BPETokenizer.train(TEXT, 280, special_tokens=[END]).save(folder / "tok.json")


def trained(*more, text="data.txt", tokenizer="tok.json"):
    return labkit("train", "--text", text, "--tokenizer", tokenizer, *SMALL, *PLAIN, *more)


def one_line(result):
    stderr = failed(result)
    assert stderr.count("\n") == 1
    return stderr


# -- training


@pytest.mark.parametrize(
    "tokenizer",
    [BPETokenizer.train(TEXT, 290), ByteTokenizer(), CharTokenizer.train(TEXT), WordTokenizer.train(TEXT)],
    ids=lambda tokenizer: tokenizer.type,
)
def test_a_model_of_any_kind_of_tokens_with_its_bits_per_character(tokenizer: Tokenizer):
    tokenizer.save("kind.json")
    result = trained("--max-steps", 3, tokenizer="kind.json")
    assert result.exit_code == 0, result.output
    model, stored, about = load_gpt("gpt.safetensors")
    assert stored == tokenizer
    assert model.config.vocab_size == tokenizer.vocab_size
    validation = TEXT[int(0.9 * len(TEXT)) :]
    bits = about["validation"] / math.log(2) * len(tokenizer.encode(validation)) / len(validation)
    assert f", {bits:.4f} bits per character (step 3 of 3)" in result.stdout
    n = len(tokenizer.encode(TEXT[: int(0.9 * len(TEXT))]))
    assert f"{n:,} tokens to learn from (of {tokenizer.vocab_size} different" in result.stderr


def test_epochs_count_tokens():
    tokenizer = BPETokenizer.load("tok.json")
    n = len(tokenizer.encode(TEXT[: int(0.9 * len(TEXT))]))
    assert trained("--epochs", 0.2).exit_code == 0
    assert read_last("gpt.safetensors")["max_steps"] == math.ceil(0.2 * n / 32)


def test_unknown_words_are_owned_up_to():
    WordTokenizer.train(TEXT, 5).save("few.json")
    result = trained("--max-steps", 1, tokenizer="few.json")
    assert re.search(r"\d\d\.\d% of the validation tokens <UNK>, which flatters bits per character", result.stderr)


def test_special_tokens_in_the_text_by_policy(folder):
    (folder / "documents.txt").write_text(TEXT.replace("log\n", f"log\n{END}"), encoding="utf-8")
    stderr = one_line(trained(text="documents.txt"))
    assert "tok.json cannot read documents.txt: the text has the special token '<|endoftext|>'" in stderr
    assert not last_path("gpt.safetensors").exists()
    assert trained("--special", "allow", "--max-steps", 2, text="documents.txt").exit_code == 0
    assert read_last("gpt.safetensors")["about"]["tokenizer"]["special"] == "allow"
    assert labkit("train", "--resume").exit_code == 0
    assert "--special text (it is allow)" in one_line(labkit("train", "--resume", "--special", "text"))


def test_a_policy_is_recorded_only_where_it_says_something():
    ByteTokenizer().save("byte.json")
    stderr = one_line(trained("--special", "allow", tokenizer="byte.json"))
    assert "--special allow has nothing to act on: this byte tokenizer finds no special tokens" in stderr
    assert not last_path("gpt.safetensors").exists()
    assert trained("--max-steps", 2, tokenizer="byte.json").exit_code == 0
    assert "special" not in read_last("gpt.safetensors")["about"]["tokenizer"]
    assert labkit("train", "--resume").exit_code == 0
    stderr = one_line(labkit("train", "--resume", "--special", "text"))
    assert "--special text (it is a run whose tokenizer finds no special tokens)" in stderr


# -- going on


def test_a_run_goes_on_with_its_own_tokenizer_though_the_file_is_gone(folder):
    assert trained("--max-steps", 3).exit_code == 0
    (folder / "tok.json").rename(folder / "moved.json")
    assert labkit("train", "--resume").exit_code == 0
    assert labkit("train", "--resume", "--tokenizer", "moved.json").exit_code == 0
    (folder / "gpt.safetensors").unlink()
    stderr = one_line(labkit("train", "--resume"))
    assert "this run began with 'tok.json': --tokenizer says where that is now" in stderr
    assert labkit("train", "--resume", "--tokenizer", "moved.json").exit_code == 0
    assert load_gpt("gpt.safetensors")[1] == BPETokenizer.load("moved.json")


def test_another_tokenizer_is_in_conflict(folder):
    assert trained("--max-steps", 2).exit_code == 0
    BPETokenizer.train(TEXT, 270).save("other.json")
    before = last_path("gpt.safetensors").read_bytes()
    stderr = one_line(labkit("train", "--resume", "--tokenizer", "other.json", "--n-layer", 2))
    assert "in conflict: --tokenizer other.json (it is another tokenizer than 'tok.json' was), --n-layer 2" in stderr
    assert last_path("gpt.safetensors").read_bytes() == before
    assert labkit("train", "--text", "data.txt", *SMALL, *PLAIN, "--max-steps", 2, "--overwrite").exit_code == 0
    stderr = one_line(labkit("train", "--resume", "--tokenizer", "tok.json"))
    assert "--tokenizer tok.json (it is a token for each character)" in stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--tokenizer no.json", "no.json: there is no such file; `labkit tokenize train` writes one"),
        ("--tokenizer .", ". is a folder"),
        ("--tokenizer data.txt", "data.txt: no JSON"),
        ("--tokenizer few.json", "few.json cannot read data.txt: character 't' (U+0074) at position 0"),
        ("--special allow", "--special is about the special tokens of a tokenizer: give --tokenizer too"),
    ],
)
def test_what_cannot_be_is_one_line(options, words, folder):
    CharTokenizer("abc").save("few.json")
    before = sorted(folder.iterdir())
    stderr = one_line(labkit("train", "--text", "data.txt", *SMALL, *PLAIN, *options.split()))
    assert stderr.startswith("error: ")
    assert words in stderr
    assert sorted(folder.iterdir()) == before


# -- sampling


@pytest.fixture
def model():
    torch.manual_seed(0)
    tokenizer = BPETokenizer.load("tok.json")
    gpt = GPT(GPTConfig.preset("modern", 280, n_layer=1, n_head=2, n_embd=16, block_size=8))
    save_gpt("gpt.safetensors", gpt, tokenizer)
    return gpt, tokenizer


def test_a_sample_is_the_text_of_all_its_tokens(model):
    gpt, tokenizer = model
    result = labkit("sample", "gpt.safetensors", "--prompt", "né", "--max-new-tokens", 60, "--seed", 3)
    (row,) = generate(gpt, [tokenizer.encode("né")], 60, seed=3)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout_bytes.decode() == f"né{tokenizer.decode(row)}\n"


def test_a_sample_stops_inside_a_token_and_at_a_special_one(model):
    gpt, tokenizer = model
    (row,) = generate(gpt, [first_tokens(tokenizer)], 200, seed=1)
    text = tokenizer.decode(row)
    inside = next(data.decode()[1] for t in row if len(data := tokenizer.token_bytes(t)) > 1 and data.isalpha())
    stopped = labkit("sample", "gpt.safetensors", "--stop", f"{inside}!", "--seed", 1)
    at = min(text.find(character) for character in (inside, "!") if character in text)
    assert stopped.stdout_bytes.decode() == text[: at + 1] + "\n"
    stopped = labkit("sample", "gpt.safetensors", "--stop", END, "--seed", 1, "--max-new-tokens", 2000)
    assert stopped.stdout_bytes.decode().removesuffix("\n").endswith(END)
    assert stopped.stdout.count(END) == 1


def test_a_prompt_may_begin_with_a_special_token_when_that_is_meant(model):
    assert "--special allow as that token" in one_line(labkit("sample", "gpt.safetensors", "--prompt", END))
    assert labkit("sample", "gpt.safetensors", "--prompt", END, "--special", "allow").exit_code == 0


@pytest.mark.parametrize(
    ("tokenizer", "stop", "never"),
    [
        (CharTokenizer("ab", unknown=True), "axb", "x"),
        (CharTokenizer("ab", unknown=True), "ab", None),
        (WordTokenizer(("the", " cat", ".")), "!", "!"),
        (WordTokenizer(("the", " cat", ".")), "e.c ", None),  # "e" is no word, but stands in one
        (ByteTokenizer(), "שx", None),
    ],
)
def test_a_character_that_is_never_written_cannot_stop(tokenizer, stop, never):
    gpt = GPT(GPTConfig.preset("modern", tokenizer.vocab_size, n_layer=1, n_head=2, n_embd=16, block_size=8))
    save_gpt("gpt.safetensors", gpt, tokenizer)
    result = labkit("sample", "gpt.safetensors", "--stop", stop, "--max-new-tokens", 3)
    if never is None:
        assert result.exit_code == 0
    else:
        assert f"--stop {never!r} would stop nothing" in one_line(result)


def test_a_sample_refuses_a_policy_without_special_tokens():
    gpt = GPT(GPTConfig.preset("modern", 256, n_layer=1, n_head=2, n_embd=16, block_size=8))
    save_gpt("gpt.safetensors", gpt, ByteTokenizer())
    stderr = one_line(labkit("sample", "gpt.safetensors", "--prompt", "a", "--special", "allow"))
    assert "--special allow has nothing to act on: this byte tokenizer" in stderr


@given(st.text())
def test_text_of_tokens_shows_whole_characters_only(text):
    tokenizer = ByteTokenizer()
    parts = list(text_of(tokenizer, tokenizer.encode(text)))
    assert parts == list(text)


@given(st.lists(st.integers(0, 255)))
def test_text_of_any_bytes_is_what_decode_says(ids):
    assert "".join(text_of(ByteTokenizer(), ids)) == ByteTokenizer().decode(ids)


def test_until_ends_after_the_first_of_the_characters():
    assert list(until("cx", ["ab", "acx", "d"])) == ["ab", "ac"]
    assert list(until("", ["ab", "c"])) == ["ab", "c"]


def test_what_a_text_begins_after():
    assert first_tokens(ByteTokenizer()) == [10]
    assert first_tokens(CharTokenizer("ab")) == first_tokens(CharTokenizer("ab", unknown=True)) == [0]
    assert first_tokens(WordTokenizer(("a", "\n"))) == [1]
